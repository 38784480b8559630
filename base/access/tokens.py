"""Bearer tokens: JSON Web Tokens of the issuers in the settings, verified and remembered. (RFC 7519, 8725, 9068)"""

import asyncio
import base64
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError

from base import egress
from base.access.caller import Caller, unauthorized
from base.access.certificates import ClientCertificate
from base.access.issuers import Issuer
from base.access.key_sets import KeySet, KeysUnavailable
from base.access.keys import digest
from base.errors import ServiceUnavailable, Unauthorized
from base.recent import Recent

REMEMBERED: Final = 4_096
LONGEST: Final = 8_192
_TYPES: Final = frozenset(("", "jwt", "at+jwt", "application/jwt", "application/at+jwt"))
_MOST_SUBJECT, _MOST_ROLES, _MOST_ROLE = 255, 100, 128
_LONGEST_HEADER: Final = 2_048


@dataclass(frozen=True, slots=True)
class _Proven:
    """What a token proves, until when (µs), by which generation of keys, for which certificate only."""

    caller: Caller
    until: int
    keys: KeySet
    generation: int
    thumbprint: bytes | None


class Tokens:
    """Says who sends a token."""

    def __init__(self, issuers: Sequence[Issuer], policy: egress.AddressPolicy) -> None:
        self._sets = {issuer.issuer: KeySet(issuer, policy) for issuer in issuers}
        self._proven: Recent[bytes, _Proven] = Recent(REMEMBERED)

    async def start(self) -> None:
        """Begin to fetch keys."""
        for keys in self._sets.values():
            await keys.start()

    async def close(self) -> None:
        """Stop fetching keys."""
        await asyncio.gather(*(keys.close() for keys in self._sets.values()))

    async def caller_of(self, token: str, certificate: ClientCertificate | None, now: int) -> Caller:
        """Say who sends a token; Unauthorized if it proves nothing here, now, on this connection."""
        mark = digest(token)
        proven = self._proven.get(mark)
        if (
            proven is None
            or proven.until <= now
            or proven.generation != proven.keys.generation
            or not proven.keys.is_usable
        ):
            proven = self._proven[mark] = await self._prove(token, now)
        if proven.thumbprint is not None and (
            certificate is None or certificate.thumbprint != proven.thumbprint
        ):
            raise _invalid("it belongs to another client certificate")
        return proven.caller

    async def _prove(self, token: str, now: int) -> _Proven:
        if len(token) > LONGEST or not token.isascii() or token.count(".") != 2:
            raise _invalid("it is no signed JSON Web Token")
        header, issuer = _unverified(token)
        keys = self._sets.get(issuer)
        if keys is None:
            raise _invalid("its issuer is not one of this server's")
        if header.get("alg") not in keys.issuer.algorithms:
            raise _invalid("its signature is of a kind that is not accepted")
        try:
            key = await keys.find_fresh(header)
        except KeysUnavailable as error:
            raise ServiceUnavailable(
                "The keys of the token's issuer cannot be had now; try again later.",
                headers={"Retry-After": "30"},
            ) from error
        if key is None:
            raise _invalid("its issuer has no such key")
        generation = keys.generation
        claims = _verified(token, key, keys.issuer, now)
        return _Proven(
            Caller(
                "token", f"{keys.issuer.name}/{_subject(claims)}", _roles(claims, keys.issuer.roles_claim)
            ),
            int(min(claims["exp"], now // 1_000_000 + 86_400) * 1_000_000),
            keys,
            generation,
            _binding(claims),
        )


def _unverified(token: str) -> tuple[Mapping[str, Any], str]:
    """Read what says by which key to verify, and nothing else."""
    try:
        parts = jws.extract_compact(token.encode(), registry=_registry(()))
        header, claims = parts.headers(), orjson.loads(parts.payload)
    except (JoseError, ValueError, TypeError, RecursionError):
        raise _invalid("it is no signed JSON Web Token") from None
    if not isinstance(claims, dict) or not isinstance(claims.get("iss"), str):
        raise _invalid("it does not say who issued it")
    kind = header.get("typ", "")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise _invalid("it is not for access")
    if not isinstance(header.get("kid", ""), str):
        raise _invalid("its kid is no text")
    return header, claims["iss"]


def _registry(algorithms: Sequence[str]) -> jws.JWSRegistry:
    registry = jws.JWSRegistry(algorithms=list(algorithms), strict_check_header=False)
    registry.max_header_length = _LONGEST_HEADER
    return registry


def _verified(token: str, key: Any, issuer: Issuer, now: int) -> dict[str, Any]:
    """Verify the signature and all claims that limit it. (RFC 7519 4.1, RFC 9068 4)"""
    rules = jwt.JWTClaimsRegistry(
        now=now // 1_000_000,
        leeway=int(issuer.leeway),
        iss={"essential": True, "value": issuer.issuer},
        aud={"essential": True, "values": list(issuer.audience)},
        exp={"essential": True},
        sub={"essential": True},
    )
    try:
        with warnings.catch_warnings(action="ignore"):  # EdDSA has a newer name, which few issuers use yet
            claims = jwt.decode(token, key, registry=_registry(issuer.algorithms)).claims
        rules.validate(claims)
    except ExpiredTokenError:
        raise _invalid("it has expired") from None
    except InvalidClaimError as error:
        told = error.claim if error.claim in ("iss", "aud", "exp", "nbf", "iat", "sub", "jti") else "claim"
        raise _invalid(f"its {told} does not fit") from None
    except (JoseError, ValueError, TypeError, OverflowError, RecursionError):
        raise _invalid("its signature or its claims do not hold") from None
    return claims


def _subject(claims: Mapping[str, Any]) -> str:
    subject: str = claims["sub"]
    if not subject or len(subject) > _MOST_SUBJECT or not subject.isprintable():
        raise _invalid("its sub is no name")
    return subject


def _roles(claims: Mapping[str, Any], path: str) -> frozenset[str]:
    """Find the roles: a list, or words in one text; the claim itself, or where the dots of its name lead."""
    found: Any = claims.get(path)
    if found is None and "." in path:
        found = claims
        for step in path.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
    words = found.split() if isinstance(found, str) else found if isinstance(found, list) else []
    roles = frozenset(word for word in words if isinstance(word, str) and 0 < len(word) <= _MOST_ROLE)
    if len(roles) > _MOST_ROLES:
        raise _invalid(f"it has more than {_MOST_ROLES} roles")
    return roles


def _binding(claims: Mapping[str, Any]) -> bytes | None:
    """Read which client certificate the token is bound to; a binding of another kind is refused. (RFC 8705 3.1)"""
    bound = claims.get("cnf")
    if bound is None:
        return None
    thumbprint: Any = bound.get("x5t#S256") if isinstance(bound, Mapping) and len(bound) == 1 else None
    try:
        return _unpadded(thumbprint)
    except (ValueError, TypeError, AttributeError):
        raise _invalid("it is bound to a proof that this server does not ask for") from None


def _unpadded(text: str) -> bytes:
    return base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _invalid(why: str) -> Unauthorized:
    return unauthorized(f"The bearer token is not valid here: {why}. Get a new one.", "invalid_token")
