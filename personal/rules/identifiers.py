"""Identifiers made here, and what is derived from others by a key. (personal-data.md 2.3)"""

import base64
import hashlib
import hmac
import secrets
import unicodedata
from typing import Final

PPID_FORM: Final = r"p1\.[A-Za-z0-9_-]{43}"
"""How a pairwise pseudonym looks: the version of its derivation, and 256 bits."""
_SMALL: Final = str.maketrans("ァィゥェォッャュョヮヵヶ", "アイウエオツヤユヨワカケ")
_HIRAGANA: Final = {code: code + 0x60 for code in range(0x3041, 0x3097)}


def fresh(kind: str = "") -> str:
    """Make an identifier of 128 random bits that means nothing."""
    return f"{kind}{secrets.token_urlsafe(16)}"


def framed(*fields: str) -> bytes:
    """Join texts so that no two lists of them look alike: each preceded by its length."""
    parts = [field.encode() for field in fields]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def ppid(key: bytes, municipality: str, service: str, person: str, generation: int = 1) -> str:
    """Derive the pseudonym by which one service knows one person; the sector is the service's own id. (OIDC Core 8.1)

    generation: how often this pair was given a new pseudonym, from 1.
    """
    mac = hmac.digest(key, framed("ppid", "1", municipality, service, person, str(generation)), "sha256")
    return f"p1.{_text(mac)}"


def blind(key: bytes, field: str, value: str) -> bytes:
    """Hash a value so that it is found again by who has the key, and told by nobody else."""
    return hmac.digest(key, framed("blind", field, value), "sha256")


def normal_kana(text: str) -> str:
    """Write a reading in one form: full-width katakana without small letters, voiced marks joined, spaces dropped."""
    wide = unicodedata.normalize("NFKC", text).translate(_HIRAGANA).translate(_SMALL)
    return "".join(letter for letter in wide if not letter.isspace() and letter not in "・=＝-")


def fingerprint(data: bytes) -> str:
    """Give the SHA-256 of bytes as text."""
    return _text(hashlib.sha256(data).digest())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
