"""Client assertions: a service proves by its key that it is the one it says. (RFC 7523, OIDC Core 9)"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from base.errors import Unauthorized

ALGORITHMS: Final = ("ES256", "ES384", "PS256", "EdDSA", "Ed25519")
LONGEST: Final = 8_192
LONGEST_LIFE: Final = 300
LEEWAY: Final = 30


@dataclass(frozen=True, slots=True)
class Proof:
    """What an assertion proves: who, its identifier, until when (s)."""

    client: str
    id: str
    until: int


def client_of(assertion: str) -> str:
    """Read, unverified, whose assertion it says to be."""
    if len(assertion) > LONGEST or assertion.count(".") != 2:
        raise _refused("it is no signed JSON Web Token")
    try:
        claims = _claims(jws.extract_compact(assertion.encode("ascii")).payload)
    except (JoseError, ValueError, TypeError, RecursionError):
        raise _refused("it is no signed JSON Web Token") from None
    client = claims.get("iss")
    if not isinstance(client, str) or not client.isascii() or client != claims.get("sub"):
        raise _refused("its iss and sub are not one client")
    return client


def verified(assertion: str, keys: Mapping[str, Any], audience: tuple[str, ...], now: int) -> Proof:
    """Verify an assertion under the keys of the client it names; Unauthorized says why not. `now` in s."""
    rules = jwt.JWTClaimsRegistry(
        now=now,
        leeway=LEEWAY,
        aud={"essential": True, "values": list(audience)},
        exp={"essential": True},
        jti={"essential": True},
    )
    try:
        claims = jwt.decode(
            assertion, KeySet.import_key_set({"keys": list(keys["keys"])}), algorithms=list(ALGORITHMS)
        ).claims
        rules.validate(claims)
    except (JoseError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise _refused("its signature or its claims do not hold") from None
    id, until = claims["jti"], claims["exp"]
    if not isinstance(id, str) or not 8 <= len(id) <= 200 or not id.isascii():
        raise _refused("its jti is no identifier")
    if until > now + LONGEST_LIFE + LEEWAY:
        raise _refused(f"it is good for longer than {LONGEST_LIFE} s")
    return Proof(claims["iss"], id, int(until))


def _claims(payload: bytes) -> dict[str, Any]:
    import json

    claims = json.loads(payload)
    if not isinstance(claims, dict):
        raise TypeError
    return claims


def _refused(why: str) -> Unauthorized:
    return Unauthorized(f"The client assertion is not valid here: {why}.")
