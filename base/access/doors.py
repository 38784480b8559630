"""The doors of a server: who comes in, as whom, how often. (docs/security.md)"""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from base import clock
from base.access.audit import Audit
from base.access.caller import ANONYMOUS, REALM, Caller, unauthorized
from base.access.certificates import ClientCertificate, Tls
from base.access.keys import PREFIX, Keys
from base.access.limits import Limit, network_of
from base.errors import InvalidRequest, TooManyRequests, Unauthorized
from base.hot import Visitor, visitor_of

if TYPE_CHECKING:
    from base.access.tokens import Tokens

WATCH_SECONDS: Final = 1.0
KEY_HEADER: Final = "X-API-Key"
_LONGEST_KEY: Final = 200


@dataclass(frozen=True, slots=True)
class Doors:
    """What one server knows of its callers; without any of it all callers are anonymous."""

    keys: Keys | None = None
    tokens: "Tokens | None" = None
    limit: Limit | None = None
    audit: Audit | None = None
    tls: Tls | None = None
    watch_seconds: float = WATCH_SECONDS
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    async def start(self) -> None:
        """Begin what works beside the requests."""
        for part in (self.tokens, self.audit):
            if part is not None:
                await part.start()
        if self.tls is not None:
            self._tasks.append(asyncio.create_task(self._watch(self.tls)))

    async def close(self) -> None:
        """End what works beside the requests."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for part in (self.tokens, self.audit):
            if part is not None:
                await part.close()

    def reload(self) -> None:
        """Read files again that may have changed."""
        if self.tls is not None:
            self.tls.reload(changed_only=False)

    async def _watch(self, tls: Tls) -> None:
        while True:
            await asyncio.sleep(self.watch_seconds)
            await asyncio.to_thread(tls.reload)

    async def identify(self, request: web.BaseRequest) -> Caller:
        """Say who sends a request; Unauthorized if it carries a credential that proves nothing here."""
        headers = request.headers
        visitor = visitor_of(request)
        if visitor.certificate is None and "Authorization" not in headers and KEY_HEADER not in headers:
            return ANONYMOUS
        try:
            return await self._identify(headers, visitor)
        except Unauthorized:
            self.admit(request)
            raise

    def admit(self, request: web.BaseRequest, caller: Caller = ANONYMOUS) -> None:
        """Let a request of a caller in; TooManyRequests if that one, or that network, sends too many."""
        if self.limit is None:
            return
        key = network_of(visitor_of(request).address) if caller is ANONYMOUS else caller
        wait = self.limit.take(key, perf_counter())
        if wait:
            seconds = max(1, int(wait + 0.999))
            raise TooManyRequests(
                f"Too many requests come from here; try again in {seconds} s.",
                headers={"Retry-After": str(seconds)},
            )

    def passes(self, visitor: Visitor) -> bool:
        """Say whether an anonymous request may be answered past the server; if not, `admit` tells why."""
        return self.limit is None or not self.limit.take(network_of(visitor.address), perf_counter())

    async def _identify(self, headers: "CIMultiDictProxy[str]", visitor: Visitor) -> Caller:
        """Find who it is: a key or token says it before the connection's certificate does."""
        now = clock.now()
        text = _credential(headers)
        if text is None:
            return _certified(visitor.certificate, now)
        if text.startswith(PREFIX):
            found = self.keys.caller_of(text, now) if self.keys and len(text) <= _LONGEST_KEY else None
            if found is None:
                raise unauthorized(
                    "The API key is not valid here (any more). Ask for a new one.", "invalid_token"
                )
            return found
        if self.tokens is None or KEY_HEADER in headers:
            raise unauthorized("This server has no use for the credential; leave it out.", "invalid_token")
        return await self.tokens.caller_of(text, visitor.certificate, now)


def _credential(headers: "CIMultiDictProxy[str]") -> str | None:
    """Find the one credential of a request. (RFC 6750 2, 3.1)"""
    found = headers.getall("Authorization", []) + headers.getall(KEY_HEADER, [])
    if not found:
        return None
    if len(found) > 1:
        raise InvalidRequest(
            f"The request has more than one credential; send one, as Authorization or as {KEY_HEADER}.",
            headers={"WWW-Authenticate": f'{REALM}, error="invalid_request"'},
        )
    if KEY_HEADER in headers:
        return found[0].strip()
    scheme, _, text = found[0].strip().partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise unauthorized(
            "The credential is of a kind this server does not know; send 'Bearer' and a token."
        )
    return text.strip()


def _certified(certificate: ClientCertificate | None, now: int) -> Caller:
    if certificate is None:
        return ANONYMOUS
    if certificate.until <= now:
        raise unauthorized("The client certificate has expired meanwhile; connect with a new one.")
    if not certificate.name:
        raise unauthorized(
            "The client certificate names nobody; it needs a DNS name, a URI or a common name."
        )
    return Caller("certificate", certificate.name)


def without_credentials(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Leave out what opens doors here: it must not travel on to others."""
    left = CIMultiDict[Any](headers)
    left.popall("Authorization", None)
    left.popall(KEY_HEADER, None)
    return left
