"""One HTTP server of ours that the broker calls back: each receiver, @context and source is a path of it."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from conformance.exchange import Exchange

Handler = Callable[["Call"], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Call:
    """A request that the broker sent to us."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    url: str
    at: float

    def exchange(self, response: web.Response, note: str) -> Exchange:
        """Give it and our answer, to be shown."""
        body = response.body if isinstance(response.body, bytes) else b""
        return Exchange(
            self.method, self.url, self.headers, self.body, response.status, response.reason,
            tuple(response.headers.items()), body, note=note,
        )  # fmt: skip


@dataclass
class Callbacks:
    """The server; handlers are found by the first segment of the path."""

    url: str
    served: int = 0
    """How many requests came for a handler."""
    offered: int = 0
    """How many handlers there were."""
    _handlers: dict[str, Handler] = field(default_factory=dict)

    def add(self, handler: Handler, token: str = "") -> str:
        """Serve all paths below a new URL by a handler; give the URL."""
        token = token or secrets.token_hex(6)
        self._handlers[token] = handler
        self.offered += 1
        return f"{self.url}/{token}"

    def drop(self, url: str) -> None:
        """Serve a URL no longer."""
        self._handlers.pop(url.rpartition("/")[2], None)

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        token, _, rest = request.path.lstrip("/").partition("/")
        handler = self._handlers.get(token)
        if handler is None:
            return web.Response(status=404)
        self.served += 1
        headers = tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in request.raw_headers)
        call = Call(
            request.method, f"/{rest}", request.query_string, headers, await request.read(),
            f"{self.url}{request.path_qs}", time.monotonic(),
        )  # fmt: skip
        return await handler(call)


@contextlib.asynccontextmanager
async def calling_back(bind: str, host: str, port: int = 0) -> AsyncIterator[Callbacks]:
    """Run the server until the block ends, listening on `bind`, named `host` in URLs."""
    callbacks = Callbacks("")
    server = web.Server(callbacks.serve)
    runner = web.ServerRunner(server, shutdown_timeout=0.2)
    await runner.setup()
    try:
        site = web.TCPSite(runner, bind, port)
        await site.start()
        found = runner.addresses[0][1]
        callbacks.url = f"http://{f'[{host}]' if ':' in host else host}:{found}"
        yield callbacks
    finally:
        await asyncio.shield(runner.cleanup())
