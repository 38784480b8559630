"""Reads answered before the HTTP server unpacks them: the same bytes were asked before, and what they mean is known.

aiohttp spends more on a request than answering from memory takes. A connection on which nothing but complete, bodyless
GETs came is therefore looked at here first; everything else goes its ordinary way. It relies on private members of
aiohttp's RequestHandler (its version is pinned, tests/api/test_hot.py holds it to them).
"""

from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

LONGEST = 1_024
_END = b"\r\n\r\n"

Answer = Callable[[bytes], bytes | None]
"""Gives the whole answer to the exact bytes of a request, or None to let it go the ordinary way."""


class HotHandler(RequestHandler):
    """A connection that answers known reads at once."""

    __slots__ = ("_answer", "_finished", "_passed", "_plain", "head")

    def __init__(self, server: web.Server, answer: Answer, **options: Any) -> None:
        super().__init__(server, **options)
        self._answer = answer
        self._plain = True
        self._passed = self._finished = 0
        self.head: bytes | None = None
        """The bytes of the request now being served, if they were all of it and nothing else."""

    def data_received(self, data: bytes) -> None:
        """Answer a known read, or hand the bytes on; aiohttp itself calls with none to go on."""
        if not data:
            super().data_received(data)
            return
        self.head = None
        if not self._plain or not is_plain_get(data):
            self._plain = False
        elif self._is_idle():
            answer = self._answer(data)
            if answer is not None and self.transport is not None:
                self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
                self.transport.write(answer)
                return
            self.head = data
        self._passed += 1
        super().data_received(data)

    def _is_idle(self) -> bool:
        """Say whether every earlier request is answered: only then may an answer be written here."""
        return (
            self._passed == self._finished and self.transport is not None and not self.transport.is_closing()
        )

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Write an answer the ordinary way, and count it."""
        done = await super().finish_response(request, resp, start_time)
        self._finished += 1
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


def factory(server: web.Server, answer: Answer) -> Callable[[], HotHandler]:
    """Make connections for a server that look here first."""
    options = server._kwargs  # the options the server gives its own connections

    def make() -> HotHandler:
        return HotHandler(server, answer, loop=server._loop, **options)

    return make


def head_of(request: web.BaseRequest) -> bytes | None:
    """Give the exact bytes of a request, if nothing else came with them."""
    protocol = request.protocol
    return protocol.head if isinstance(protocol, HotHandler) else None
