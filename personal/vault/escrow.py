"""The top key in shares: any k of n restore it, fewer tell nothing of it. (Shamir 1979)

A share is one line that can be written down: ES1-key-k-n-number-data-check, data in Base32.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from Crypto.Protocol.SecretSharing import Shamir

from base.errors import BadRequestData
from personal.vault import top
from personal.vault.envelope import KEY_BYTES

FORM: Final = "ES1"
MOST: Final = 50
_HALF: Final = KEY_BYTES // 2  # the library shares 128 bits at once


@dataclass(frozen=True, slots=True)
class Share:
    """One of `count` shares of a key, any `threshold` of which restore it."""

    key: str
    threshold: int
    count: int
    number: int
    data: bytes = field(repr=False)

    def text(self) -> str:
        """Write the share as one line."""
        told = "-".join(
            (
                FORM,
                self.key.upper(),
                str(self.threshold),
                str(self.count),
                str(self.number),
                base64.b32encode(self.data).decode().rstrip("="),
            )
        )
        return f"{told}-{_check(told)}"


def split(key: bytes, threshold: int, count: int) -> list[Share]:
    """Share a top key; BadRequestData unless 2 ≤ threshold ≤ count."""
    if not 2 <= threshold <= count <= MOST:
        raise BadRequestData(
            f"Give 2 to {MOST} shares, and as many or fewer, but two at least, that restore the key."
        )
    halves = [Shamir.split(threshold, count, key[start : start + _HALF]) for start in (0, _HALF)]
    return [
        Share(top.name(key), threshold, count, number, first + second)
        for (number, first), (_, second) in zip(*halves, strict=True)
    ]


def read(line: str) -> Share:
    """Read a share as somebody typed it; BadRequestData if a character is wrong."""
    parts = "".join(line.split()).upper().split("-")
    if len(parts) != 7 or parts[0] != FORM:
        raise BadRequestData(f"A share begins with {FORM}- and has seven parts; this has another form.")
    if _check("-".join(parts[:-1])) != parts[-1]:
        raise BadRequestData("A share has a wrong character somewhere: compare it with its paper.")
    try:
        _, key, threshold, count, number, data, _ = parts
        raw = base64.b32decode(data + "=" * (-len(data) % 8))
        return Share(key.lower(), int(threshold), int(count), int(number), raw)
    except (ValueError, binascii.Error):
        raise BadRequestData("A share is damaged: compare it with its paper.") from None


def joined(shares: Iterable[Share]) -> bytes:
    """Restore the key from shares; BadRequestData if they are too few or not of one key."""
    given = {share.number: share for share in shares}
    kinds = {(share.key, share.threshold, share.count) for share in given.values()}
    if len(kinds) != 1:
        raise BadRequestData("Give shares of one key, made at one time.")
    key, threshold, _ = kinds.pop()
    if len(given) < threshold:
        raise BadRequestData(f"{threshold} different shares are needed; these are {len(given)}.")
    used: Sequence[Share] = list(given.values())[:threshold]
    halves = [
        Shamir.combine([(share.number, share.data[start : start + _HALF]) for share in used])
        for start in (0, _HALF)
    ]
    found = b"".join(halves)
    if top.name(found) != key:
        raise BadRequestData("The shares do not fit together: they were made at different times.")
    return found


def _check(told: str) -> str:
    return hashlib.sha256(told.encode()).hexdigest()[:8].upper()
