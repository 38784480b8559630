"""Reads answered before the HTTP server unpacks them: the same bytes were asked before, and what they mean is known.

aiohttp spends more on a request than answering from memory takes. A connection on which nothing but complete, bodyless
GETs came is therefore looked at here first; everything else goes its ordinary way. It relies on private members of
aiohttp's RequestHandler (its version is pinned, tests/api/test_hot.py holds it to them).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from base.access.certificates import ClientCertificate, certificate_of
from base.errors import InvalidRequest, UriTooLong

LONGEST = 1_024
PATIENCE = 60.0  # seconds a request may take to arrive, and a kept connection to be used again
BAD_REQUEST = 400
TOO_LONG = "The URL or a header is longer than this server reads; send what is long in a body."
NOT_HTTP = "The request is not HTTP/1.1 as this server reads it; check its first line and its headers."
_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Visitor:
    """What a connection tells of who is at its other end."""

    address: str = ""
    certificate: ClientCertificate | None = None


Answer = Callable[[bytes, Visitor], bytes | None]
"""Gives the whole answer to the exact bytes of an anonymous request, or None to let it go the ordinary way."""


class HotHandler(RequestHandler):
    """A connection that answers known reads at once."""

    __slots__ = (
        "_answer",
        "_begun",
        "_finished",
        "_passed",
        "_patience",
        "_plain",
        "_rested",
        "_watch",
        "head",
        "visitor",
    )

    def __init__(
        self, server: web.Server, answer: Answer, *, patience: float = PATIENCE, **options: Any
    ) -> None:
        super().__init__(server, **options)
        self._answer = answer
        self._patience = patience
        self._begun: float | None = None
        self._rested = self._loop.time()
        self._watch: asyncio.TimerHandle | None = None
        self._plain = True
        self._passed = self._finished = 0
        self.visitor = Visitor()
        self.head: bytes | None = None
        """The bytes of the request now being served, if they were all of it and nothing else."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See who comes; a certificate names somebody, and nobody named is answered here."""
        self.visitor = _visitor(transport)
        self._plain = self.visitor.certificate is None
        self._rested = self._loop.time()
        self._watch = self._loop.call_later(self._patience, self._look)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Answer a known read, or hand the bytes on; aiohttp itself calls with none to go on."""
        if not data:
            super().data_received(data)
            return
        self.head = None
        if self._begun is None:
            self._begun = self._loop.time()
        if not self._plain or not is_plain_get(data):
            self._plain = False
        elif self._is_idle():
            answer = self._answer(data, self.visitor)
            if answer is not None and self.transport is not None:
                self._rest()
                self._next_keepalive_close_time = self._rested + self._keepalive_timeout
                self.transport.write(answer)
                return
            self.head = data
        self._passed += 1
        super().data_received(data)

    def _is_idle(self) -> bool:
        """Say whether every earlier request is answered: only then may an answer be written here."""
        return (
            self._passed == self._finished
            and not self.writing_paused  # a client that asks on without reading has to wait
            and self.transport is not None
            and not self.transport.is_closing()
        )

    def _rest(self) -> None:
        self._begun, self._rested = None, self._loop.time()

    def _look(self) -> None:
        """Close the connection if a request takes too long to arrive, or none comes; look again otherwise."""
        if self.transport is None or self.transport.is_closing():
            return
        wait = self._patience
        request = self._current_request
        if request is None or not request.content.is_eof():
            wait += (self._rested if self._begun is None else self._begun) - self._loop.time()
            if wait <= 0:
                self.transport.abort()
                return
        self._watch = self._loop.call_later(wait, self._look)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop looking after the connection."""
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Refuse what is not HTTP as this server reads it, without repeating it, and close the connection."""
        if status != BAD_REQUEST:
            return super().handle_error(request, status, exc, message)
        problem = UriTooLong(TOO_LONG) if isinstance(exc, LineTooLong) else InvalidRequest(NOT_HTTP)
        answer = web.json_response(problem.body(), status=problem.status, headers={"Server": "Engawa"})
        answer.force_close()
        return answer

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Write an answer the ordinary way, and count it."""
        done = await super().finish_response(request, resp, start_time)
        self._finished += 1
        self._rest()
        return done


def is_plain_get(data: bytes) -> bool:
    """Say whether these bytes are one whole GET without a body, on a connection that stays open."""
    if not (
        data.startswith(b"GET ") and data.endswith(_END) and len(data) <= LONGEST and data.count(_END) == 1
    ):
        return False
    lower = data.lower()
    return not (
        b"\ncontent-length:" in lower
        or b"\ntransfer-encoding:" in lower
        or b"\nconnection:" in lower.replace(b"\nconnection: keep-alive\r", b"")
        or b"\nexpect:" in lower
        or b"\nupgrade:" in lower
        or not lower.partition(b"\r\n")[0].endswith(b" http/1.1")
    )


def factory(server: web.Server, answer: Answer, patience: float = PATIENCE) -> Callable[[], HotHandler]:
    """Make connections for a server that look here first."""
    options = server._kwargs  # the options the server gives its own connections

    def make() -> HotHandler:
        return HotHandler(server, answer, patience=patience, loop=server._loop, **options)

    return make


def head_of(request: web.BaseRequest) -> bytes | None:
    """Give the exact bytes of a request, if nothing else came with them."""
    protocol = request.protocol
    return protocol.head if isinstance(protocol, HotHandler) else None


def visitor_of(request: web.BaseRequest) -> Visitor:
    """Give what the connection of a request tells of who sends it."""
    protocol = request.protocol
    return protocol.visitor if isinstance(protocol, HotHandler) else _visitor(request.transport)


def _visitor(transport: asyncio.BaseTransport | None) -> Visitor:
    if transport is None:
        return Visitor()
    where = transport.get_extra_info("peername")
    return Visitor(
        where[0] if isinstance(where, tuple) and where else "",
        certificate_of(transport),
    )
