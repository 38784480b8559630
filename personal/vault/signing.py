"""The signature of a municipality: receipts, heads of its log, notices and orders carry it. (RFC 7515, ES256)"""

import base64
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from base.errors import BadRequestData

NAME: Final = "signing"
"""Under which the key store keeps the seed of the key."""
ALGORITHM: Final = "ES256"
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Signer:
    """Signs JSON under a key on P-256 that is made from a seed of 32 random bytes."""

    def __init__(self, seed: bytes) -> None:
        numbers = private_key(seed).private_numbers()
        public = numbers.public_numbers
        self._key = ECKey.import_key(
            {
                "kty": "EC",
                "crv": "P-256",
                "x": _text(public.x),
                "y": _text(public.y),
                "d": _text(numbers.private_value),
            }
        )
        self.kid = self._key.thumbprint()

    def public(self) -> dict[str, Any]:
        """Give the public key as a JWK."""
        return {**self._key.as_dict(private=False), "kid": self.kid, "alg": ALGORITHM, "use": "sig"}

    def sign(self, claims: Mapping[str, Any], kind: str) -> str:
        """Sign JSON as a compact JWS whose typ says what it is."""
        return self.sign_bytes(orjson.dumps(claims), kind)

    def sign_bytes(self, payload: bytes, kind: str) -> str:
        """Sign bytes as a compact JWS whose typ says what they are."""
        header = {"alg": ALGORITHM, "kid": self.kid, "typ": kind}
        return jws.serialize_compact(header, payload, self._key, algorithms=[ALGORITHM])


def private_key(seed: bytes) -> ec.EllipticCurvePrivateKey:
    """Make the key on P-256 of a seed."""
    scalar = int.from_bytes(seed, "big") % (_ORDER - 1) + 1
    return ec.derive_private_key(scalar, ec.SECP256R1())


def opened(signed: str, key: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Verify a JWS of this kind under a public key; BadRequestData if it does not hold."""
    try:
        found = jws.deserialize_compact(signed, ECKey.import_key(dict(key)), algorithms=[ALGORITHM])
        claims = orjson.loads(found.payload)
    except (JoseError, ValueError, TypeError):
        raise BadRequestData(
            "The signature does not hold: the text was changed, or another key signed it."
        ) from None
    if found.headers().get("typ") != kind or not isinstance(claims, dict):
        raise BadRequestData(f"The signed text is no {kind}.")
    return claims


def opened_by(signed: str, keys: Iterable[Mapping[str, Any]], kind: str) -> dict[str, Any]:
    """Verify a JWS of this kind under that of some public keys which it names; BadRequestData if none holds."""
    try:
        named = jws.extract_compact(signed.encode("ascii")).headers().get("kid")
    except (JoseError, ValueError, TypeError, AttributeError):
        named = None
    found = next((key for key in keys if key.get("kid") == named), None)
    if found is None:
        raise BadRequestData("The signature does not hold: none of the known keys made it.")
    return opened(signed, found, kind)


def _text(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()
