"""What the code on a card of the city says: its number and until when, signed; nothing about anybody. (card.md 7)

A CWT in a COSE_Sign1 (RFC 8392, RFC 9052), written in letters and digits that no keyboard or input method mangles.
A code can be copied: it names a card, and proves nothing about who shows it.
"""

import base64
import binascii
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from base.errors import BadRequestData

NUMBER_BYTES: Final = 16
KID_BYTES: Final = 8
LONGEST: Final = 600
_ES256: Final = -7
_ALG, _KID, _ISS, _EXP, _CTI, _SIGN1 = 1, 4, 1, 4, 7, 18
_HALF: Final = 32
Keys = Mapping[bytes, ec.EllipticCurvePublicKey]
"""The public keys of a municipality by their names in codes."""


@dataclass(frozen=True, slots=True)
class Code:
    """What a code says: which municipality issued it, the number of the card, until when it is good (s)."""

    issuer: str
    number: bytes = field(repr=False)
    until: int


def written(code: Code, key: ec.EllipticCurvePrivateKey, kid: bytes) -> str:
    """Write and sign the code of a card."""
    protected = cbor2.dumps({_ALG: _ES256, _KID: kid})
    payload = cbor2.dumps({_ISS: code.issuer, _EXP: code.until, _CTI: code.number})
    r, s = decode_dss_signature(key.sign(_signed(protected, payload), ec.ECDSA(hashes.SHA256())))
    signature = r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")
    whole = cbor2.dumps(cbor2.CBORTag(_SIGN1, [protected, {}, payload, signature]))
    return base64.b32encode(whole).decode().rstrip("=")


def read(text: str, issuer: str, keys: Keys, now: int) -> Code:
    """Read a code as a scanner types it, and verify it. `now` in s."""
    protected, payload, signature = _parts(text)
    headers, claims = _map(protected), _map(payload)
    kid = headers.get(_KID)
    key = keys.get(kid) if isinstance(kid, bytes) else None
    if headers.keys() != {_ALG, _KID} or headers[_ALG] != _ES256 or key is None:
        raise _refused("it was not issued here")
    if len(signature) != 2 * _HALF:
        raise _refused("its signature does not hold")
    r, s = int.from_bytes(signature[:_HALF], "big"), int.from_bytes(signature[_HALF:], "big")
    try:
        key.verify(encode_dss_signature(r, s), _signed(protected, payload), ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        raise _refused("its signature does not hold") from None
    return _checked(claims, issuer, now)


def _checked(claims: Mapping[Any, Any], issuer: str, now: int) -> Code:
    number, until = claims.get(_CTI), claims.get(_EXP)
    if claims.get(_ISS) != issuer:
        raise _refused("it was not issued here")
    if not isinstance(number, bytes) or len(number) != NUMBER_BYTES or type(until) is not int:
        raise _refused("it is no code of a card")
    if until <= now:
        raise _refused("its card has expired")
    return Code(issuer, number, until)


def _parts(text: str) -> tuple[bytes, bytes, bytes]:
    plain = "".join(unicodedata.normalize("NFKC", text[: 2 * LONGEST]).split()).upper()
    if len(plain) > LONGEST:
        raise _refused("it is no code of a card")
    try:
        whole = cbor2.loads(base64.b32decode(plain + "=" * (-len(plain) % 8)))
    except (binascii.Error, ValueError, TypeError, RecursionError, cbor2.CBORDecodeError):
        raise _refused("it is no code of a card") from None
    parts = whole.value if isinstance(whole, cbor2.CBORTag) and whole.tag == _SIGN1 else None
    if not isinstance(parts, list | tuple) or len(parts) != 4:
        raise _refused("it is no code of a card")
    protected, bare, payload, signature = parts
    if bare or not all(isinstance(one, bytes) for one in (protected, payload, signature)):
        raise _refused("it is no code of a card")
    return protected, payload, signature


def _map(raw: bytes) -> Mapping[Any, Any]:
    try:
        found = cbor2.loads(raw)
    except (ValueError, TypeError, RecursionError, cbor2.CBORDecodeError):
        found = None
    if not isinstance(found, Mapping):
        raise _refused("it is no code of a card")
    return found


def _signed(protected: bytes, payload: bytes) -> bytes:
    """Give what is signed. (RFC 9052 4.4)"""
    return cbor2.dumps(["Signature1", protected, b"", payload])


def _refused(why: str) -> BadRequestData:
    return BadRequestData(f"This code is not good here: {why}.")
