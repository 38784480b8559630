"""Evidence that somebody really agreed, which the module's own keys cannot make. (issue 5; JPKI, OIDC Core, RFC 7515)

Pure: digest, moment, trust anchors and whose credential it is are passed in, so that the agent inside LGWAN asks
the same question of its own anchors.
"""

import base64
import binascii
import json
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from cryptography import x509
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import import_key

from base import clock
from personal.rules import certificate_status, login_certificates
from personal.rules.certificate_status import Known, Lookup, Status
from personal.rules.decisions import LIFE, shown
from personal.rules.identifiers import fingerprint
from personal.rules.login_certificates import Fault
from personal.rules.login_certificates import refused as _refused

INSIDE: Final = "lgwan"
"""The location whose items only evidence opens that the internet side cannot make."""
STATEMENT: Final = "engawa-paper-consent+jwt"
"""The typ of what an official's device signs about a form on paper."""
LEEWAY: Final = 60
LONGEST: Final = 8_192
_ALGORITHMS: Final = ("ES256", "ES384", "PS256", "RS256")


class EvidenceKind(StrEnum):
    """By what it is shown that somebody agreed."""

    CARD = "card-signature"
    TOKEN = "id-token"  # noqa: S105  # a kind, no secret
    OFFICIAL = "official"
    SESSION = "session"
    LOGIN = "login"  # enough to refuse and to withdraw; never submitted


STRONG: Final = frozenset({EvidenceKind.CARD, EvidenceKind.TOKEN, EvidenceKind.OFFICIAL})
_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": LONGEST}
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["kind"],
    "oneOf": [
        {
            "properties": {
                "kind": {"const": EvidenceKind.CARD},
                "certificate": _TEXT,
                "chain": {"type": "array", "maxItems": 3, "items": _TEXT},
                "signature": _TEXT,
                "ocsp": _TEXT,
            },
            "required": ["certificate", "signature"],
            "additionalProperties": False,
        },
        {
            "properties": {"kind": {"const": EvidenceKind.TOKEN}, "token": _TEXT},
            "required": ["token"],
            "additionalProperties": False,
        },
        {
            "properties": {"kind": {"const": EvidenceKind.OFFICIAL}, "statement": _TEXT, "scan": _TEXT},
            "required": ["statement", "scan"],
            "additionalProperties": False,
        },
        {
            "properties": {"kind": {"const": EvidenceKind.SESSION}, "scan": _TEXT},
            "additionalProperties": False,
        },
    ],
}


class CredentialKind(StrEnum):
    """What evidence was made with."""

    CARD = "card"
    LOGIN = "login"
    DEVICE = "device"


@dataclass(frozen=True, slots=True)
class Credential:
    """What evidence was made with, and has to be linked to the one who decides."""

    kind: CredentialKind
    issuer: str = field(repr=False)
    id: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Provider:
    """An outside login provider: its issuer, who we are there, its public keys; levels: the acr values accepted."""

    issuer: str
    audience: str
    keys: Mapping[str, Any]
    algorithms: tuple[str, ...] = ("ES256",)
    levels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Anchors:
    """What is trusted: authorities of cards, login providers, the authorities inside for officials' devices.

    revoked_cards, revoked_devices: what is known of revocations; None: that is not asked.
    """

    cards: Sequence[x509.Certificate] = ()
    providers: Sequence[Provider] = ()
    devices: Sequence[x509.Certificate] = ()
    demonstration: bool = False
    revoked_cards: Lookup | None = None
    revoked_devices: Lookup | None = None


NOTHING: Final = Anchors()
Owns = Callable[[Credential], bool]
"""Says whether a credential is linked to the one who decides."""


def acceptable(
    locations: Collection[str], anchors: Anchors, *, paper: bool = False
) -> frozenset[EvidenceKind]:
    """Say which evidence is enough for items that live at these locations."""
    if paper:
        found = {EvidenceKind.OFFICIAL} if anchors.devices else set()
    else:
        found = {EvidenceKind.CARD} if anchors.cards else set()
        found |= {EvidenceKind.TOKEN} if anchors.providers else set()
    if anchors.demonstration and INSIDE not in locations:
        found.add(EvidenceKind.SESSION)
    return frozenset(found)


def verified(given: Mapping[str, Any], digest: bytes, at: int, anchors: Anchors, owns: Owns) -> EvidenceKind:
    """Verify evidence for a digest that was prepared at a moment (µs); NotPermitted says why it proves nothing."""
    kind = EvidenceKind(given["kind"])
    if kind is EvidenceKind.CARD:
        credential = _card(given, digest, at, anchors)
    elif kind is EvidenceKind.TOKEN:
        credential = _token(given["token"], digest, at, anchors.providers)
    elif kind is EvidenceKind.OFFICIAL:
        _statement(given, digest, at, anchors)
        return kind
    elif anchors.demonstration:
        return kind
    else:
        raise _refused("a login alone is evidence in demonstrations only")
    if not owns(credential):
        raise _refused("it is not linked to the one who decides")
    return kind


def card_of(certificate: x509.Certificate) -> tuple[str, str]:
    """Give what a card is known by: a fingerprint of its issuer's name, its serial number in hexadecimal."""
    return fingerprint(certificate.issuer.public_bytes()), format(certificate.serial_number, "x")


def login_of(issuer: str, subject: str) -> str:
    """Give what a login at an outside provider is known by."""
    return f"{issuer}#{subject}"


# -- the card


def _card(given: Mapping[str, Any], digest: bytes, at: int, anchors: Anchors) -> Credential:
    """Verify the card's signature over the digest, as over the challenge of a login."""
    path = card_path(given, at, anchors)
    _check_status(path, at, anchors.revoked_cards, given)
    login_certificates.check_signature(path[0], _bytes(given["signature"]), digest)
    return Credential(CredentialKind.CARD, *card_of(path[0]))


def card_path(given: Mapping[str, Any], at: int, anchors: Anchors) -> list[x509.Certificate]:
    """Give a card's certificate and those above it, up to a pinned authority that vouches for it at a moment (µs)."""
    chain = [_certificate(_bytes(text)) for text in (given["certificate"], *given.get("chain", ()))]
    return login_certificates.vouched(chain, at, anchors.cards)


def check_card_signature(own: x509.Certificate, signature: str, digest: bytes) -> None:
    """Refuse what is no signature over a digest by the key of a card's certificate."""
    login_certificates.check_signature(own, _bytes(signature), digest)


def _check_status(
    path: Sequence[x509.Certificate], at: int, lookup: Lookup | None, given: Mapping[str, Any]
) -> None:
    """Refuse a certificate that was revoked when it signed, or of which nobody can tell."""
    if lookup is None:
        return
    known: Known = lookup()
    if "ocsp" in given:
        known = certificate_status.stapled(known, _bytes(given["ocsp"]))
    found = certificate_status.status_of_all(path, at, known)
    if found is Status.REVOKED:
        raise _refused("its certificate was revoked by then", Fault.REVOKED)
    if found is not Status.GOOD:
        raise _refused(
            "it cannot be told now whether its certificate was revoked; try again later", Fault.UNKNOWN
        )


# -- the outside provider


def _token(token: str, digest: bytes, at: int, providers: Sequence[Provider]) -> Credential:
    """Verify an ID token that was issued for this digest as its nonce. (OIDC Core 3.1.3.7)"""
    provider = _issued_by(token, providers)
    claims, _ = _signed(token, provider)
    audience = claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or provider.audience not in named:
        raise _refused("it was issued for somebody else")
    if claims.get("azp", provider.audience) != provider.audience or (len(named) > 1 and "azp" not in claims):
        raise _refused("it was issued for somebody else")
    if claims.get("nonce") != shown(digest):
        raise _refused("it was not issued for this decision")
    if provider.levels and claims.get("acr") not in provider.levels:
        raise _refused("its login was not strong enough")
    seconds, issued, expires = at // clock.SECOND, claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int | float) or not isinstance(expires, int | float):
        raise _refused("it does not say when it was issued and until when it is good")
    if not seconds - LEEWAY <= issued <= seconds + LIFE // clock.SECOND + LEEWAY or expires < max(
        issued, seconds
    ):
        raise _refused("it was not issued when this was decided")
    logged_in = claims.get("auth_time")
    if not isinstance(logged_in, int | float) or not seconds - LEEWAY <= logged_in <= issued + LEEWAY:
        raise _refused("it does not say that one logged in anew to decide this")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise _refused("it does not say who logged in")
    return Credential(CredentialKind.LOGIN, provider.issuer, subject)


def lasting(given: Mapping[str, Any], anchors: Anchors) -> Mapping[str, Any]:
    """Give evidence that was verified just now so that it can be verified for ever: with the key of a provider."""
    if given["kind"] != EvidenceKind.TOKEN:
        return given
    _, key = _signed(given["token"], _issued_by(given["token"], anchors.providers))
    return {**given, "key": key}


def _issued_by(token: str, providers: Sequence[Provider]) -> Provider:
    """Say which provider a token names, and as whom it knows us; of what signed it nothing is known yet."""
    claims = _unverified(token)
    known = [one for one in providers if one.issuer == claims.get("iss")]
    if not known:
        raise _refused("its issuer is not trusted here")
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    return next((one for one in known if one.audience in named), known[0])


def _signed(token: str, provider: Provider) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give what a provider signed, and by which of its public keys."""
    for row in provider.keys["keys"]:
        try:
            with warnings.catch_warnings(action="ignore"):  # of keys the provider should not have
                key = import_key(row)
            found = jws.deserialize_compact(token, key, algorithms=list(provider.algorithms))
            claims = json.loads(found.payload)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue
        if not isinstance(claims, dict):
            raise _refused("it is no ID token")
        return claims, key.as_dict(private=False)
    raise _refused("its signature is not one of its issuer")


def _unverified(token: str) -> dict[str, Any]:
    try:
        claims = json.loads(jws.extract_compact(token.encode("ascii")).payload)
    except (JoseError, ValueError, TypeError, RecursionError):
        raise _refused("it is no ID token") from None
    if not isinstance(claims, dict):
        raise _refused("it is no ID token")
    return claims


# -- the official


class _Wide(jws.JWSRegistry):
    """Headers in which certificates have room."""

    max_header_length = LONGEST


def _statement(given: Mapping[str, Any], digest: bytes, at: int, anchors: Anchors) -> None:
    """Verify what an official's device signed on the inside network about a scanned form."""
    text: str = given["statement"]
    own, *above = login_certificates.vouched(_chain(text), at, anchors.devices)
    _check_status([own, *above], at, anchors.revoked_devices, {})
    try:
        found = jws.deserialize_compact(
            text, login_certificates.key_of(own), registry=_Wide(algorithms=list(_ALGORITHMS))
        )
        claims = json.loads(found.payload)
    except (JoseError, ValueError, TypeError, RecursionError):
        raise _refused("the device did not sign this statement") from None
    if not isinstance(claims, dict) or claims.get("digest") != shown(digest):
        raise _refused("the device did not sign this decision")
    if claims.get("scan") != given["scan"]:
        raise _refused("the device signed for another scan")


def certificate_in(given: Mapping[str, Any]) -> x509.Certificate | None:
    """Give the certificate with which evidence that was verified was made; None for what is made without one."""
    if given["kind"] == EvidenceKind.CARD:
        return _certificate(_bytes(given["certificate"]))
    return _chain(given["statement"])[0] if given["kind"] == EvidenceKind.OFFICIAL else None


def _chain(statement: str) -> list[x509.Certificate]:
    try:
        header = jws.extract_compact(statement.encode("ascii"), registry=_Wide()).headers()
        chain = [_certificate(_bytes(one)) for one in header["x5c"][:4]]
    except (JoseError, ValueError, TypeError, KeyError, RecursionError, AttributeError):
        raise _refused("it is no statement with the certificate of a device") from None
    if not chain or header.get("typ") != STATEMENT:
        raise _refused("it is no statement about a form on paper")
    return chain


def _certificate(data: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(data)
    except (ValueError, TypeError):
        raise _refused("its certificate cannot be read", Fault.UNREADABLE) from None


def _bytes(text: str) -> bytes:
    try:
        plain = text.replace("-", "+").replace("_", "/").rstrip("=")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise _refused("a part of it is no base64", Fault.UNREADABLE) from None
