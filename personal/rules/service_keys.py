"""By what a service may prove who it is: a set of public keys, a client certificate. (RFC 7517, RFC 8705)"""

import hashlib
import warnings
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc.errors import JoseError
from joserfc.jwk import import_key

from base.errors import BadRequestData
from personal.rules.assertion import ALGORITHMS

MOST_KEYS: Final = 10
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["keys"],
    "properties": {"keys": {"type": "array", "maxItems": MOST_KEYS, "items": {"type": "object"}}},
    "additionalProperties": False,
}
CERTIFICATE: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 10_000}

_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_MEMBERS: Final = {"EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "RSA": ("n", "e")}
_CURVES: Final = {
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "Ed25519": ("EdDSA", "Ed25519"),
}
_RSA_BITS: Final = range(2_048, 8_193)


def checked(keys: dict[str, Any]) -> dict[str, Any]:
    """Give a key set with the public members only; BadRequestData for keys that cannot or must not be used."""
    found = [_key(number, row) for number, row in enumerate(keys["keys"], 1)]
    names = [row["kid"] for row in found]
    if len(set(names)) != len(names):
        raise BadRequestData("Two keys of the service have the same kid.")
    return {"keys": found}


def thumbprint(pem: str, now: int) -> bytes:
    """Give the SHA-256 of a client certificate that is valid at a moment (µs). (RFC 8705 3.1)"""
    try:
        found = x509.load_pem_x509_certificates(pem.encode("ascii"))
    except ValueError:
        raise BadRequestData("The certificate of the service is no PEM.") from None
    if len(found) != 1:
        raise BadRequestData("Give the certificate of the service itself, without those above it.")
    begins, ends = found[0].not_valid_before_utc, found[0].not_valid_after_utc
    if not begins.timestamp() * 1_000_000 <= now < ends.timestamp() * 1_000_000:
        raise BadRequestData("The certificate of the service is not valid now.")
    return hashlib.sha256(found[0].public_bytes(Encoding.DER)).digest()


def _key(number: int, row: dict[str, Any]) -> dict[str, Any]:
    what = f"The key number {number} of the service"
    if _PRIVATE & row.keys():
        raise BadRequestData(f"{what} is secret: make a new pair, and give its public key only.")
    kind = str(row.get("kty"))
    if kind not in _MEMBERS or not all(isinstance(row.get(name), str) for name in _MEMBERS[kind]):
        raise BadRequestData(f"{what} is no public key of kind {', '.join(_MEMBERS)}.")
    kid = row.get("kid")
    if not isinstance(kid, str) or not 1 <= len(kid) <= 100 or not kid.isprintable():
        raise BadRequestData(f"{what} needs a kid of 1 to 100 signs.")
    if row.get("use", "sig") != "sig" or row.get("key_ops", ["verify"]) != ["verify"]:
        raise BadRequestData(f"{what} is not for signatures.")
    algorithms = _CURVES.get(row["crv"], ()) if kind != "RSA" else ("PS256",)
    if not algorithms or row.get("alg", algorithms[0]) not in algorithms:
        raise BadRequestData(f"{what} is for none of {', '.join(ALGORITHMS)}.")
    public = {"kty": kind, **{name: row[name] for name in _MEMBERS[kind]}}
    _load(what, public)
    return {**public, "kid": kid, "use": "sig", "alg": row.get("alg", algorithms[0])}


def _load(what: str, public: dict[str, Any]) -> None:
    try:
        with warnings.catch_warnings(
            action="ignore"
        ):  # of keys that are too short, which the next line refuses
            raw = import_key(public).public_key
    except (JoseError, ValueError, TypeError):
        raise BadRequestData(f"{what} is no key: a number of it does not fit.") from None
    if isinstance(raw, RSAPublicKey) and raw.key_size not in _RSA_BITS:
        raise BadRequestData(f"{what} must have {_RSA_BITS.start} to {_RSA_BITS.stop - 1} bits.")
