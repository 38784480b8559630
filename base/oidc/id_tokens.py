"""ID tokens: each rule of OIDC Core 3.1.3.7, in its order."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from base.access.key_sets import KeySet
from base.oidc.faults import Fault, LoginFailed
from base.oidc.signed import (
    SKEW,
    check_audience,
    check_issuer,
    check_times,
    opened,
    seconds_of,
    subject_of,
)

OLDEST: Final = 300
"""How old an ID token may be that was fetched just now (s)."""
TYPES: Final = frozenset({"", "jwt"})
_HASHES: Final = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


@dataclass(frozen=True, slots=True)
class Expected:
    """What an ID token has to answer to: who issued it, for whom, for which login."""

    issuer: str
    client: str
    algorithms: Sequence[str]
    nonce: str = field(repr=False)
    longest: int | None = None  # how long before they were sent they may have logged in at the provider (s)
    sent: float | None = None  # when that was (s); None: just now


@dataclass(frozen=True, slots=True)
class Login:
    """Who logged in at a provider, how, when (s; None: it does not say); `key`: the public key that signed `token`."""

    issuer: str
    subject: str = field(repr=False)
    acr: str
    at: int | None
    sid: str = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)
    token: str = field(repr=False)
    key: Mapping[str, Any] = field(repr=False)
    access: str = field(repr=False)


async def check(token: str, access: str, keys: KeySet, expected: Expected, now: float) -> Login:
    """Verify an ID token that came from the token endpoint; LoginFailed says which rule it breaks. (3.1.3.7)"""
    found = await opened(token, keys, expected.algorithms, TYPES)
    claims = found.claims
    check_issuer(claims, expected.issuer)
    check_audience(claims, expected.client)
    check_times(claims, now, OLDEST)
    subject = subject_of(claims)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise LoginFailed(Fault.NONCE)
    at = _logged_in(claims, expected, now)
    if "at_hash" in claims and claims["at_hash"] != token_hash(access, found.algorithm):
        raise LoginFailed(Fault.TOKEN_HASH)
    acr, sid = claims.get("acr", ""), claims.get("sid", "")
    if not isinstance(acr, str):
        raise LoginFailed(Fault.LEVEL)
    if not isinstance(sid, str):
        raise LoginFailed(Fault.IDENTIFIER)
    return Login(expected.issuer, subject, acr, at, sid, claims, token, found.key, access)


def token_hash(access: str, algorithm: str) -> str:
    """Give the left half of the hash of an access token. (3.1.3.6)"""
    digest = _HASHES.get(algorithm[-3:], hashlib.sha512)(access.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _logged_in(claims: Mapping[str, Any], expected: Expected, now: float) -> int | None:
    """Say when the person logged in at the provider, if it says so; refuse what is longer ago than was asked for.

    A token says when it was issued, too; with single sign-on that may be long after the login. (2)
    """
    at, longest = seconds_of(claims, "auth_time"), expected.longest
    if at is None:
        if longest is not None or "auth_time" in claims:
            raise LoginFailed(Fault.LOGIN_TIME)
        return None
    sent = now if expected.sent is None else min(now, expected.sent)
    if at > now + SKEW or (longest is not None and at < sent - longest - SKEW):
        raise LoginFailed(Fault.LOGIN_TIME)
    return int(at)
