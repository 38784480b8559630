"""A server on one address with limits, started and ended cleanly."""

import asyncio
import contextlib
import signal
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from base.errors import Problem
from base.hot import PATIENCE, Shortcut, Visitor, Whole, factory


class AddressInUse(Problem):
    """The address to listen on is taken."""

    status = 500
    title = "Address in use"


FULL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"


LINGER = 1.0  # seconds a refused client has to read its refusal
LINGERING = 256
HANDSHAKE = 10.0  # seconds TLS may take to begin


class _Refusal(asyncio.Protocol):
    """A connection that is told no: what still comes is read, for closing over unread bytes would reset it."""

    def __init__(
        self, handler: RequestHandler, transport: asyncio.Transport, waiting: set["_Refusal"]
    ) -> None:
        self._handler = handler
        self._waiting = waiting
        waiting.add(self)
        transport.write(FULL)
        if transport.can_write_eof():  # TLS cannot
            transport.write_eof()
        self._end = asyncio.get_running_loop().call_later(LINGER, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the server forget the connection."""
        self._end.cancel()
        self._waiting.discard(self)
        self._handler.connection_lost(exc)


def _limit(server: web.Server, most: int) -> None:
    """Answer 503 to connections beyond the most, and close them."""
    accept = server.connection_made
    refused: set[_Refusal] = set()

    def connection_made(handler: RequestHandler, transport: asyncio.Transport) -> None:
        if len(server.connections) - len(refused) >= most:
            if len(refused) < LINGERING:
                transport.set_protocol(_Refusal(handler, transport, refused))
            else:
                transport.close()
        accept(handler, transport)

    server.connection_made = connection_made  # type: ignore[method-assign]  # aiohttp has no other place for it


Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _NoShortcut:
    """Answers nothing itself: a server without a shortcut has the patience and the refusals of one with it."""

    def answer(self, _: bytes, __: Visitor) -> bytes | None:
        """Let every GET go the ordinary way."""
        return None

    def begin(self, _: Whole, __: Visitor) -> None:
        """Let every request with a body go the ordinary way."""


async def _name(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "Engawa"  # aiohttp names itself and Python, with their versions


def _shorten(server: web.Server, prefix: str, handle: Handle) -> None:
    """Send paths that begin with a prefix straight to one function; measured: the router costs a tenth of a read."""
    others = server.request_handler

    async def choose(request: Any) -> web.StreamResponse:
        return await (handle if request.raw_path.startswith(prefix) else others)(request)

    server.request_handler = choose


@contextlib.asynccontextmanager
async def serving(
    app: web.Application,
    host: str,
    port: int,
    *,
    connections: int = 1000,
    seconds: float = 10.0,
    direct: tuple[str, Handle] | None = None,
    hot: Shortcut | None = None,
    line_bytes: int = 8_190,
    patience: float = PATIENCE,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """Serve an application until the block ends; gives the port, which is a free one for 0.

    `direct`: a prefix of paths and the function that serves them past the router; `hot`: a shortcut past it.
    `tls`: connections begin with it, and with nothing else.
    `line_bytes`: longest URL read at all; `patience`: seconds a request may take to arrive.
    """
    app.on_response_prepare.append(_name)
    runner = web.AppRunner(
        app, access_log=None, handle_signals=False, shutdown_timeout=seconds, max_line_size=line_bytes
    )
    await runner.setup()
    server = runner.server
    if server is None:
        raise RuntimeError("a runner that is set up has a server")
    _limit(server, connections)
    if direct:
        _shorten(server, *direct)
    loop = asyncio.get_running_loop()
    try:
        try:
            listener = await loop.create_server(
                factory(server, hot or _NoShortcut(), patience),
                host,
                port,
                backlog=1024,
                ssl=tls,
                ssl_handshake_timeout=HANDSHAKE if tls else None,
                ssl_shutdown_timeout=LINGER if tls else None,
            )
        except OSError as error:
            raise AddressInUse(
                f"Port {port} on {host} cannot be used ({error.strerror}); choose another one or stop what uses it."
            ) from error
        try:
            yield listener.sockets[0].getsockname()[1]
        finally:
            listener.close()
    finally:
        await runner.cleanup()


async def until_asked_to_stop() -> None:
    """Wait for SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await stop.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
