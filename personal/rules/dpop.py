"""Proofs of possession: whoever sends a token holds the key that it is bound to. (RFC 9449)"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from authlib.oauth2.rfc6749 import OAuth2Error
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import import_key

from base.errors import BadRequestData
from personal.rules import service_keys
from personal.rules.assertion import ALGORITHMS

TYPE: Final = "dpop+jwt"
LONGEST: Final = 4_096
EARLIER: Final = 60
LATER: Final = 30
"""How much older or younger than our clock says a proof may be (s)."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a proof proves: which key (its thumbprint), its identifier, until when it could be used again (s)."""

    jkt: str
    id: str
    until: int


def verified(proof: str, method: str, url: str, now: int, token: str = "") -> Proof:
    """Verify the proof that comes with a request, and with a token if there is one. `now` in s. (RFC 9449 4.3)"""
    if len(proof) > LONGEST or proof.count(".") != 2:
        raise _wrong("it is no signed JSON Web Token")
    try:
        jwk = _public(jws.extract_compact(proof.encode("ascii")).headers())
        key = import_key(jwk)
        claims = orjson.loads(jws.deserialize_compact(proof, key, algorithms=list(ALGORITHMS)).payload)
        if not isinstance(claims, dict):
            raise TypeError
    except (JoseError, BadRequestData, ValueError, TypeError, KeyError, RecursionError):
        raise _wrong("its header or its signature does not hold") from None
    if claims.get("htm") != method or _place(claims.get("htu")) != _place(url):
        raise _wrong("it is for another request")
    made, id = claims.get("iat"), claims.get("jti")
    if not isinstance(made, int | float) or not now - EARLIER <= made <= now + LATER:
        raise _wrong("it is too old, or from the future")
    if not isinstance(id, str) or not 8 <= len(id) <= 200 or not id.isascii():
        raise _wrong("its jti is no identifier")
    if token and claims.get("ath") != hashed(token):
        raise _wrong("it is for another token")
    return Proof(key.thumbprint(), id, int(made) + EARLIER + LATER)


def hashed(token: str) -> str:
    """Hash a token as proofs name it. (RFC 9449 4.2)"""
    digest = hashlib.sha256(token.encode("ascii", "replace")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _public(header: dict[str, Any]) -> dict[str, Any]:
    """Give the key that a proof names, which has to be a public one."""
    jwk = header["jwk"]
    if header.get("typ") != TYPE or header.get("alg") not in ALGORITHMS or not isinstance(jwk, dict):
        raise ValueError
    (found,) = service_keys.checked({"keys": [{**jwk, "kid": "-"}]})["keys"]
    if header["alg"] != found["alg"] and found["kty"] != "OKP":
        raise ValueError
    return {name: text for name, text in found.items() if name not in ("kid", "use", "alg")}


def _place(url: Any) -> tuple[str, str, str] | None:
    """Give a URL without what a proof does not name: query and fragment."""
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.scheme.lower(), parts.netloc.lower(), parts.path


def _wrong(why: str) -> OAuth2Error:
    return OAuth2Error(f"the DPoP proof is not valid here: {why}", error="invalid_dpop_proof")
