"""Sealing values: AES-256-GCM, bound to whose they are, what, which version and where. (NIST SP 800-38D)"""

import os
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from base.errors import Problem
from personal.rules.identifiers import framed

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_FORM: Final = b"\x01"


class Unreadable(Problem):
    """Something sealed cannot be opened: it was changed, moved, or its key is another one."""

    status = 500
    title = "Unreadable data"


@dataclass(frozen=True, slots=True)
class Place:
    """What a sealed value is bound to; opened anywhere else it is unreadable."""

    municipality: str
    person: str
    item: str
    version: int
    location: str

    def bound(self) -> bytes:
        """Give the additional authenticated data."""
        return framed("record", self.municipality, self.person, self.item, str(self.version), self.location)


def new_key() -> bytes:
    """Make a key of 256 random bits."""
    return AESGCM.generate_key(KEY_BYTES * 8)


def seal(key: bytes, plain: bytes, bound: bytes) -> bytes:
    """Encrypt bytes under a key, bound to other bytes."""
    nonce = os.urandom(_NONCE_BYTES)
    return _FORM + nonce + AESGCM(key).encrypt(nonce, plain, bound)


def unseal(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    """Decrypt what was sealed; Unreadable if anything about it is not as it was."""
    if sealed[:1] != _FORM:
        raise Unreadable("A sealed value has an unknown form; was it written by a newer version?")
    try:
        return AESGCM(key).decrypt(sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :], bound)
    except (InvalidTag, ValueError):
        raise Unreadable(
            "A sealed value cannot be opened: it was changed, or its key is another one."
        ) from None
