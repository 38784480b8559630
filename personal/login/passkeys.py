"""Passkeys as a second factor: the user is verified, and only this address is answered. (WebAuthn 2 7.1, 7.2)"""

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
import webauthn
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from personal.store.factors import Factor

MOST: Final = 20_000
"""Longest answer of a passkey."""


class NotProven(Exception):
    """A passkey did not prove what it has to; nobody is told which rule was broken."""


@dataclass(frozen=True, slots=True)
class Made:
    """A passkey that was made: what it calls itself, its public key, how often it was used."""

    credential: bytes = field(repr=False)
    key: bytes = field(repr=False)
    count: int


@dataclass(frozen=True, slots=True)
class Here:
    """As what passkeys know this installation: the origin of its pages."""

    origin: str

    @property
    def id(self) -> str:
        """Give the name of the host, which passkeys are bound to."""
        return urlsplit(self.origin).hostname or ""

    @property
    def named(self) -> bool:
        """Say whether the host has a name: there are no passkeys for addresses."""
        try:
            ip_address(self.id)
        except ValueError:
            return bool(self.id)
        return False


def here(address: str) -> Here:
    """Say as what passkeys know the installation under an address."""
    parts = urlsplit(address)
    return Here(f"{parts.scheme}://{parts.netloc}")


def asked_to_make(place: Here, name: str, user: bytes, known: list[Factor]) -> tuple[bytes, dict[str, Any]]:
    """Give a challenge, and what a browser needs to make a passkey that the member does not have yet."""
    options = webauthn.generate_registration_options(
        rp_id=place.id,
        rp_name="縁側 Engawa",
        user_name=name,
        user_id=user,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_described(known),
    )
    return options.challenge, orjson.loads(webauthn.options_to_json(options))


def asked_to_use(place: Here, known: list[Factor]) -> tuple[bytes, dict[str, Any]]:
    """Give a challenge, and what a browser needs to use one of the member's passkeys."""
    options = webauthn.generate_authentication_options(
        rp_id=place.id,
        allow_credentials=_described(known),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options.challenge, orjson.loads(webauthn.options_to_json(options))


def made(place: Here, challenge: bytes, answer: str) -> Made:
    """Verify that a passkey was made for this challenge and origin, its user verified; NotProven if not."""
    try:
        found = webauthn.verify_registration_response(
            credential=_answer(answer),
            expected_challenge=challenge,
            expected_rp_id=place.id,
            expected_origin=place.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise NotProven from error
    return Made(found.credential_id, found.credential_public_key, found.sign_count)


def credential_of(answer: str) -> bytes:
    """Say which passkey an answer claims to come from; NotProven if it is none."""
    try:
        return base64url_to_bytes(_answer(answer)["rawId"])
    except (ValueError, KeyError, TypeError) as error:
        raise NotProven from error


def used(place: Here, challenge: bytes, answer: str, key: bytes, count: int) -> int:
    """Verify that a passkey answered this challenge, its user verified; gives its new count. NotProven if not.

    A count that does not go on tells that there is a copy of the passkey. (WebAuthn 2 6.1.1)
    """
    try:
        found = webauthn.verify_authentication_response(
            credential=_answer(answer),
            expected_challenge=challenge,
            expected_rp_id=place.id,
            expected_origin=place.origin,
            credential_public_key=key,
            credential_current_sign_count=count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise NotProven from error
    return found.new_sign_count


def text_of(challenge: bytes) -> str:
    """Write a challenge to be kept."""
    return bytes_to_base64url(challenge)


def challenge_of(text: str) -> bytes:
    """Read a challenge that was kept."""
    return base64url_to_bytes(text)


def _answer(text: str) -> dict[str, Any]:
    told = orjson.loads(text) if len(text) <= MOST else None
    if not isinstance(told, dict):
        raise TypeError("no answer of a passkey")
    return told


def _described(known: list[Factor]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=one.credential) for one in known if one.credential is not None]
