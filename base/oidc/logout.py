"""Ending logins: logout tokens that a provider sends, and where a browser goes to log out there.

(OIDC Back-Channel Logout 1.0 2.4-2.6, OIDC RP-Initiated Logout 1.0)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from base.access.key_sets import KeySet
from base.oidc.faults import Fault, LoginFailed
from base.oidc.metadata import Metadata
from base.oidc.signed import (
    SKEW,
    check_audience,
    check_issuer,
    check_times,
    opened,
    seconds_of,
    subject_of,
)

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
OLDEST: Final = 120
"""How old a logout token may be (s)."""
TYPES: Final = frozenset({"", "jwt", "logout+jwt"})


@dataclass(frozen=True, slots=True)
class LogoutToken:
    """Which logins at a provider ended: all of a subject, one session, or both named.

    id: the token's own, to be accepted once until `until` (s).
    """

    issuer: str
    client: str
    id: str = field(repr=False)
    until: int
    subject: str = field(repr=False)
    sid: str = field(repr=False)


async def check(
    token: str, keys: KeySet, issuer: str, client: str, algorithms: Sequence[str], now: float
) -> LogoutToken:
    """Verify a logout token; LoginFailed says which rule it breaks. Whether it was used is for the caller. (2.6)"""
    claims = (await opened(token, keys, algorithms, TYPES)).claims
    check_issuer(claims, issuer)
    check_audience(claims, client)
    check_times(claims, now, OLDEST, expires=False)
    events = claims.get("events")
    if not isinstance(events, Mapping) or not isinstance(events.get(EVENT), Mapping):
        raise LoginFailed(Fault.EVENT)
    if "nonce" in claims:
        raise LoginFailed(Fault.NONCE)
    subject = subject_of(claims) if "sub" in claims else ""
    sid = _text(claims, "sid") if "sid" in claims else ""
    if not subject and not sid:
        raise LoginFailed(Fault.SUBJECT)
    id, expires = _text(claims, "jti"), seconds_of(claims, "exp")
    until = now + OLDEST + 2 * SKEW if expires is None else max(expires, now) + 2 * SKEW
    return LogoutToken(issuer, client, id, int(until), subject, sid)


def address(provider: Metadata, client: str, back: str) -> str:
    """Give where a browser goes to end the login at the provider, too; empty if it offers no such place.

    Without a hint who it is: an ID token has no place in a URL.
    """
    if not provider.logout:
        return ""
    query = urlencode({"client_id": client, "post_logout_redirect_uri": back})
    return f"{provider.logout}{'&' if '?' in provider.logout else '?'}{query}"


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= 512:
        raise LoginFailed(Fault.IDENTIFIER)
    return value
