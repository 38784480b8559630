"""Codes of six digits that change every 30 seconds: a second factor without any script. (RFC 6238)"""

import base64
import hmac
import io
import os
from typing import Final

import segno
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from base.clock import SECOND

DIGITS: Final = 6
STEP: Final = 30
SECRET_BYTES: Final = 20
EITHER_SIDE: Final = 1
"""How many steps the clock of a device may be off. (RFC 6238 5.2)"""


def new_secret() -> bytes:
    """Make a secret of 160 random bits."""
    return os.urandom(SECRET_BYTES)


def step_of(secret: bytes, code: str, last: int, now: int) -> int | None:
    """Give the step of time a code is for; None if it is none of now, or not later than the last that was taken."""
    typed = "".join(code.split())
    if len(typed) != DIGITS or not (typed.isascii() and typed.isdigit()):
        return None
    present, found = now // (STEP * SECOND), None
    for step in range(present - EITHER_SIDE, present + EITHER_SIDE + 1):
        if hmac.compare_digest(code_at(secret, step), typed) and step > last:
            found = step
    return found


def code_at(secret: bytes, step: int) -> str:
    """Give the code of a step of time."""
    return _totp(secret).generate(step * STEP).decode()


def shown(secret: bytes) -> str:
    """Write a secret as people type it into a device."""
    text = base64.b32encode(secret).decode()
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))


def uri(secret: bytes, account: str, issuer: str) -> str:
    """Write a secret as devices read it from a picture."""
    return _totp(secret).get_provisioning_uri(account, issuer)


def picture(uri: str) -> str:
    """Draw what a device reads: a QR code as SVG."""
    out = io.BytesIO()
    segno.make(uri, error="m").save(
        out, kind="svg", light="#fff", omitsize=True, xmldecl=False, svgclass=None, lineclass=None
    )
    return out.getvalue().decode()


def _totp(secret: bytes) -> TOTP:
    # SHA-1 is what all devices know; nothing depends on its collisions (RFC 6238 1.2)
    return TOTP(secret, DIGITS, SHA1(), STEP)  # noqa: S303  # as above
