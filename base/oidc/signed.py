"""JSON Web Tokens of a provider: which key, which algorithm, whether it signed. (RFC 7515, RFC 8725)"""

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from joserfc import jws
from joserfc.errors import JoseError

from base.access.key_sets import KeySet, KeysUnavailable
from base.oidc.faults import Fault, LoginFailed

LONGEST: Final = 16_384
SKEW: Final = 60
"""How far clocks may differ (s)."""
FRESH: Final = 300.0
"""How old keys may be before they are asked for again (s)."""
_LONGEST_HEADER: Final = 4_096


@dataclass(frozen=True, slots=True)
class Signed:
    """What a token says that a provider signed, and with which key."""

    algorithm: str
    claims: Mapping[str, Any] = field(repr=False)
    key: Mapping[str, Any] = field(repr=False)


def unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read header and claims of a token that proves nothing yet."""
    if len(token) > LONGEST or not token.isascii() or token.count(".") != 2:
        raise LoginFailed(Fault.FORM)
    try:
        parts = jws.extract_compact(token.encode(), registry=_registry(()))
        header, claims = parts.headers(), orjson.loads(parts.payload)
    except (JoseError, ValueError, TypeError, RecursionError):
        raise LoginFailed(Fault.FORM) from None
    if not isinstance(claims, dict) or not isinstance(header, dict):
        raise LoginFailed(Fault.FORM)
    return header, claims


async def opened(token: str, keys: KeySet, algorithms: Sequence[str], types: Collection[str]) -> Signed:
    """Give what a token says, if a key of the provider signed it; keys that a token brings along are nothing."""
    header, _ = unverified(token)
    kind, algorithm, kid = header.get("typ", ""), header.get("alg"), header.get("kid")
    if (
        not isinstance(kind, str)
        or kind.lower().removeprefix("application/") not in types
        or "crit" in header
    ):
        raise LoginFailed(Fault.TYPE)
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise LoginFailed(Fault.ALGORITHM)
    if kid is not None and not isinstance(kid, str):
        raise LoginFailed(Fault.KEY)
    try:
        await keys.renew(FRESH)
        key = await keys.find_fresh(header)
    except KeysUnavailable:
        raise LoginFailed(Fault.UNREACHABLE) from None
    if key is None:
        raise LoginFailed(Fault.KEY)
    try:
        with warnings.catch_warnings(action="ignore"):  # EdDSA has a newer name, which few providers use yet
            found = jws.deserialize_compact(token, key, registry=_registry(algorithms))
        claims = orjson.loads(found.payload)
    except (JoseError, ValueError, TypeError, RecursionError):
        raise LoginFailed(Fault.SIGNATURE) from None
    return Signed(algorithm, claims, key.as_dict(private=False))


def seconds_of(claims: Mapping[str, Any], name: str) -> float | None:
    """Read a moment; None if there is none."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e11:
        return None
    return value


def check_issuer(claims: Mapping[str, Any], issuer: str) -> None:
    """Refuse a token of another issuer."""
    if claims.get("iss") != issuer:
        raise LoginFailed(Fault.ISSUER)


def check_audience(claims: Mapping[str, Any], client: str) -> None:
    """Refuse a token that is for somebody else, or for others besides without saying that it was made for us."""
    audience = claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or client not in named or not all(isinstance(one, str) for one in named):
        raise LoginFailed(Fault.AUDIENCE)
    if "azp" in claims and claims["azp"] != client:
        raise LoginFailed(Fault.PARTY)
    if set(named) != {client} and "azp" not in claims:
        raise LoginFailed(Fault.PARTY)


def check_times(claims: Mapping[str, Any], now: float, oldest: float, *, expires: bool = True) -> None:
    """Refuse what has expired, or was issued in the future or too long ago (all in s)."""
    issued, until = seconds_of(claims, "iat"), seconds_of(claims, "exp")
    if until is None and (expires or "exp" in claims):
        raise LoginFailed(Fault.EXPIRED)
    if until is not None and until <= now - SKEW:
        raise LoginFailed(Fault.EXPIRED)
    if issued is None or not now - oldest - SKEW <= issued <= now + SKEW:
        raise LoginFailed(Fault.ISSUED)
    begins = seconds_of(claims, "nbf")
    if "nbf" in claims and (begins is None or begins > now + SKEW):
        raise LoginFailed(Fault.ISSUED)


def subject_of(claims: Mapping[str, Any]) -> str:
    """Read who a token is about. (OIDC Core 2)"""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= 255:
        raise LoginFailed(Fault.SUBJECT)
    if not subject.isascii() or not subject.isprintable():
        raise LoginFailed(Fault.SUBJECT)
    return subject


def _registry(algorithms: Sequence[str]) -> jws.JWSRegistry:
    registry = jws.JWSRegistry(algorithms=list(algorithms), strict_check_header=False)
    registry.max_header_length = _LONGEST_HEADER
    return registry
