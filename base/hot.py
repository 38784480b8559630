"""Requests answered before the HTTP server unpacks them: the like was asked before, and what it means is known.

aiohttp spends more on a request than answering from memory takes. A connection on which nothing but whole requests
came, one at a time, is therefore looked at here first; everything else goes its ordinary way. It relies on private
members of aiohttp's RequestHandler (its version is pinned, tests/api/test_hot.py holds it to them).
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

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
WITH_BODY = (b"POST ", b"PATCH ", b"PUT ")
_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\nContent-Length: (0|[1-9][0-9]{0,15})(?=\r\n)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Visitor:
    """What a connection tells of who is at its other end."""

    address: str = ""
    certificate: ClientCertificate | None = None


class Whole(NamedTuple):
    """A request that came with its body and with nothing else."""

    head: bytes  # without the line that tells the length
    body: bytes


class Shortcut(Protocol):
    """What answers anonymous requests that were understood before; None lets them go the ordinary way."""

    def answer(self, head: bytes, visitor: Visitor) -> bytes | None:
        """Give the whole answer to a GET at once."""

    def begin(self, whole: Whole, visitor: Visitor) -> Coroutine[Any, Any, bytes] | None:
        """Give what makes the whole answer to a request with a body; it raises nothing."""


class HotHandler(RequestHandler):
    """A connection that answers requests of a known kind itself."""

    __slots__ = (
        "_begun",
        "_ending",
        "_finished",
        "_held",
        "_passed",
        "_patience",
        "_plain",
        "_rested",
        "_serving",
        "_shortcut",
        "_watch",
        "head",
        "visitor",
    )

    def __init__(
        self, server: web.Server, shortcut: Shortcut, *, patience: float = PATIENCE, **options: Any
    ) -> None:
        super().__init__(server, **options)
        self._shortcut = shortcut
        self._serving: asyncio.Task[bytes] | None = None
        self._held: deque[bytes] = deque()  # what came before the answer was written
        self._ending = False
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
        """Answer what is known, or hand the bytes on; aiohttp itself calls with none to go on."""
        if not data:
            super().data_received(data)
        elif self._serving is not None:
            if not self._held and self.transport is not None:
                self.transport.pause_reading()
            self._held.append(data)
        else:
            self._receive(data)

    def _receive(self, data: bytes) -> None:
        self.head = None
        if self._begun is None:
            self._begun = self._loop.time()
        if self._plain:
            whole = None if data.startswith(b"GET ") else whole_of(data)
            if whole is None and not is_plain_get(data):
                self._plain = False
            elif self._is_idle():
                if self._take(data, whole):
                    return
                self.head = data if whole is None else whole.head
        self._passed += 1
        super().data_received(data)

    def _take(self, data: bytes, whole: Whole | None) -> bool:
        """Answer a request, or begin to; say whether that is so."""
        if whole is None:
            answer = self._shortcut.answer(data, self.visitor)
            if answer is not None:
                self._write(answer)
            return answer is not None
        story = self._shortcut.begin(whole, self.visitor)
        if story is None:
            return False
        self._serving = self._loop.create_task(story)
        self._serving.add_done_callback(self._served)
        return True

    def _served(self, task: "asyncio.Task[bytes]") -> None:
        """Write the answer, and go on with what came meanwhile."""
        self._serving = None
        held, self._held = self._held, deque()
        if task.cancelled() or task.exception() is not None:
            self.force_close()
        if self.transport is None or self.transport.is_closing():
            return
        self._write(task.result())
        if self._ending:
            self.close()
        elif held:
            self.transport.resume_reading()
            for data in held:
                self.data_received(data)

    def _write(self, answer: bytes) -> None:
        if self.transport is not None:
            self._rest()
            self._next_keepalive_close_time = self._rested + self._keepalive_timeout
            self.transport.write(answer)

    def close(self) -> None:
        """Take no more requests; the one that is being answered comes to its end."""
        self._ending = True
        if self._serving is None:
            super().close()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109  # as aiohttp has it
        """Let the request that is being answered come to its end, and close."""
        if self._serving is not None:
            await asyncio.wait({self._serving}, timeout=timeout)
        if self._serving is not None:
            self._serving.cancel()
        await super().shutdown(timeout)

    def _is_idle(self) -> bool:
        """Say whether every earlier request is answered: only then may an answer be written here."""
        return (
            self._passed == self._finished
            and not self._ending
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
        if self._serving is None and (request is None or not request.content.is_eof()):
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
    return b"\ncontent-length:" not in lower and _is_ordinary(lower)


def whole_of(data: bytes) -> Whole | None:
    """Part one whole request with a body, on a connection that stays open; None if these bytes are not that."""
    end = data.find(_END)
    if not 0 < end <= LONGEST or not data.startswith(WITH_BODY):
        return None
    head, body = data[: end + 4], data[end + 4 :]
    length = _LENGTH.search(head)
    if length is None or int(length[1]) != len(body):
        return None
    left = head[: length.start()] + head[length.end() :]
    lower = left.lower()
    if b"\ncontent-" in lower.replace(b"\ncontent-type:", b"") or b"\n " in lower or b"\n\t" in lower:
        return None
    if not _is_ordinary(lower):
        return None
    return Whole(left, body)


def _is_ordinary(lower: bytes) -> bool:
    """Say whether a head asks for nothing of the connection."""
    return not (
        b"\ntransfer-encoding:" in lower
        or b"\nconnection:" in lower.replace(b"\nconnection: keep-alive\r", b"")
        or b"\nexpect:" in lower
        or b"\nupgrade:" in lower
        or not lower.partition(b"\r\n")[0].endswith(b" http/1.1")
    )


def factory(server: web.Server, shortcut: Shortcut, patience: float = PATIENCE) -> Callable[[], HotHandler]:
    """Make connections for a server that look here first."""
    options = server._kwargs  # the options the server gives its own connections

    def make() -> HotHandler:
        return HotHandler(server, shortcut, patience=patience, loop=server._loop, **options)

    return make


def head_of(request: web.BaseRequest) -> bytes | None:
    """Give the exact bytes of a request's head (but its length), if nothing else came with it."""
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
