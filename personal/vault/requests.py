"""Signed requests: a client proves by its key each single request to a vault. (RFC 7523, RFC 9449 4.2)

One that is sent again within its minute changes nothing: what a vault took it has, what it removed stays removed.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from joserfc import jws
from joserfc.errors import JoseError

from base.errors import BadRequestData, Unauthorized
from personal.vault.signing import Signer, opened

KIND: Final = "engawa-vault-request+jwt"
LIFE: Final = 60
"""How far the clocks of client and vault may differ, and how long a request is good (s)."""
LONGEST: Final = 4_096


@dataclass(frozen=True, slots=True)
class Request:
    """What is signed: to whom, what to do with which path; `digest`: the SHA-256 of the body."""

    audience: str
    method: str
    path: str
    digest: str


class ClockDiffers(Unauthorized):
    """The clocks of client and server are too far apart."""


def signed(signer: Signer, client: str, request: Request, now: int) -> str:
    """Sign a request; `now` in s."""
    return signer.sign({**_told(client, request), "iat": now}, KIND)


def client_of(proof: str) -> str:
    """Read, unverified, whose proof it says to be."""
    client = _claims(proof).get("iss")
    if not isinstance(client, str):
        raise _none()
    return client


def digest_of(proof: str) -> str:
    """Read, unverified, the digest of the body that a proof is for."""
    return str(_claims(proof).get("digest"))


def verify(proof: str, key: Mapping[str, Any], client: str, request: Request, now: int) -> None:
    """Refuse a proof that is not for exactly this request under the client's key; `now` in s."""
    try:
        claims = opened(proof, key, KIND)
    except BadRequestData:
        raise Unauthorized("The proof of the request does not hold.") from None
    made = claims.get("iat")
    if {**claims, "iat": None} != {**_told(client, request), "iat": None}:
        raise Unauthorized("The proof is for another request, or for another vault.")
    if not isinstance(made, int) or abs(now - made) > LIFE:
        raise ClockDiffers(f"The proof is not of now: the clocks differ by more than {LIFE} s, or it is old.")


def _claims(proof: str) -> dict[str, Any]:
    try:
        if len(proof) > LONGEST:
            raise ValueError(len(proof))
        claims = orjson.loads(jws.extract_compact(proof.encode("ascii")).payload)
    except (JoseError, ValueError, TypeError, RecursionError):
        raise _none() from None
    if not isinstance(claims, dict):
        raise _none()
    return claims


def _none() -> Unauthorized:
    return Unauthorized("The request carries no signed proof.")


def _told(client: str, request: Request) -> dict[str, Any]:
    return {
        "iss": client,
        "aud": request.audience,
        "htm": request.method,
        "htu": request.path,
        "digest": request.digest,
    }


def public_key(document: Any) -> dict[str, Any]:
    """Read the public key of a client; BadRequestData if it is none on P-256, or a private one."""
    if not isinstance(document, dict) or document.get("kty") != "EC" or document.get("crv") != "P-256":
        raise BadRequestData("The key is no public key on P-256 in JSON (JWK).")
    if "d" in document:
        raise BadRequestData("This is a private key: give the public one, and make a new pair.")
    try:
        points = [base64.urlsafe_b64decode(document[axis] + "==") for axis in ("x", "y")]
    except (KeyError, TypeError, ValueError):
        points = []
    if [len(point) for point in points] != [32, 32]:
        raise BadRequestData("The key is no public key on P-256 in JSON (JWK).")
    return {name: document[name] for name in ("kty", "crv", "x", "y")}


def thumbprint(key: Mapping[str, Any]) -> str:
    """Name a public key. (RFC 7638)"""
    told = orjson.dumps({name: key[name] for name in ("crv", "kty", "x", "y")}, option=orjson.OPT_SORT_KEYS)
    return base64.urlsafe_b64encode(hashlib.sha256(told).digest()).rstrip(b"=").decode()
