"""What a provider says about itself, and no more of it than is used. (OIDC Discovery 3 and 4, RFC 8414)"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from base.access.reach import is_loopback
from base.oidc.exchanges import Exchanges
from base.oidc.faults import Fault, LoginFailed

WELL_KNOWN: Final = "/.well-known/openid-configuration"
FRESH: Final = 3_600.0
KEPT: Final = 86_400.0
"""How long a description serves while the provider does not give it anew (s)."""
AGAIN: Final = 10.0
_LONGEST: Final = 2_000


@dataclass(frozen=True, slots=True)
class Metadata:
    """One provider: where its endpoints are and what it offers."""

    issuer: str
    authorization: str
    token: str
    jwks: str
    userinfo: str = ""
    pushed: str = ""  # pushed authorization requests. (RFC 9126)
    logout: str = ""  # where a browser ends the login there
    names_itself: bool = False  # its answers carry iss. (RFC 9207)


def read(document: Mapping[str, Any], issuer: str, algorithms: Sequence[str]) -> Metadata:
    """Read what discovery gave; LoginFailed unless it is this issuer and can do what is asked of it."""
    if document.get("issuer") != issuer:
        raise LoginFailed(Fault.METADATA)
    _check_offers(document, "response_types_supported", ("code",), needed=True)
    _check_offers(document, "id_token_signing_alg_values_supported", algorithms, needed=True)
    _check_offers(document, "code_challenge_methods_supported", ("S256",))
    _check_offers(document, "token_endpoint_auth_methods_supported", ("private_key_jwt",))
    return Metadata(
        issuer,
        _endpoint(document, "authorization_endpoint", needed=True),
        _endpoint(document, "token_endpoint", needed=True),
        _endpoint(document, "jwks_uri", needed=True),
        _endpoint(document, "userinfo_endpoint"),
        _pushed(document),
        _endpoint(document, "end_session_endpoint"),
        document.get("authorization_response_iss_parameter_supported") is True,
    )


def is_safe(url: str) -> bool:
    """Say whether a URL may be asked: https, or http on this machine, without user or fragment."""
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        return False
    host = parts.hostname or ""
    plain = parts.scheme == "http" and is_loopback(host)
    clean = url.isascii() and url.isprintable() and " " not in url and len(url) <= _LONGEST
    return bool(
        clean
        and host
        and port_fits
        and (plain or parts.scheme == "https")
        and "@" not in parts.netloc
        and "#" not in url
    )


def _pushed(document: Mapping[str, Any]) -> str:
    pushed = _endpoint(document, "pushed_authorization_request_endpoint")
    if document.get("require_pushed_authorization_requests") is True and not pushed:
        raise LoginFailed(Fault.METADATA)
    return pushed


def _endpoint(document: Mapping[str, Any], name: str, *, needed: bool = False) -> str:
    url = document.get(name)
    if url is None and not needed:
        return ""
    if not isinstance(url, str) or not is_safe(url):
        raise LoginFailed(Fault.METADATA)
    return url


def _check_offers(
    document: Mapping[str, Any], name: str, wanted: Sequence[str], *, needed: bool = False
) -> None:
    """Refuse a provider that lists what it can do without any of what is wanted."""
    offered = document.get(name)
    if offered is None and not needed:
        return
    if not isinstance(offered, list) or not set(wanted) & {one for one in offered if isinstance(one, str)}:
        raise LoginFailed(Fault.METADATA)


class Discovery:
    """The description of one provider, fetched when needed and kept for a while."""

    def __init__(
        self, issuer: str, algorithms: Sequence[str], exchanges: Exchanges, pause: float = AGAIN
    ) -> None:
        self._issuer = issuer
        self._algorithms = tuple(algorithms)
        self._exchanges = exchanges
        self._pause = pause
        self._found: Metadata | None = None
        self._fault = Fault.UNREACHABLE
        self._had = self._asked = -KEPT
        self._lock = asyncio.Lock()

    async def found(self) -> Metadata:
        """Give the description, not too old; LoginFailed without any, at once if it was just asked for in vain."""
        async with self._lock:
            now = time.monotonic()
            if self._found is not None and now - self._had > KEPT:
                self._found = None
            fresh = self._found is not None and now - self._had <= FRESH
            if not fresh and now - self._asked >= self._pause:
                self._asked = now
                await self._renew(now)
            if self._found is None:
                raise LoginFailed(self._fault)
            return self._found

    async def _renew(self, now: float) -> None:
        try:
            reply = await self._exchanges.get(self._issuer.rstrip("/") + WELL_KNOWN)
            if reply.status != 200:
                raise LoginFailed(Fault.UNREACHABLE)
            self._found, self._had = read(reply.document(), self._issuer, self._algorithms), now
        except LoginFailed as failed:
            self._fault = failed.fault
