"""Contexts on a real store, and a server of contexts that can misbehave."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from base import egress
from base.web import serving
from broker.contexts import Contexts
from broker.settings import BrokerSettings
from broker.store.sqlite.catalogue import SqliteCatalogue

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """A web server whose answers a test puts together; it counts requests by path."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.slow = 0.0
        self.port = 0

    def url(self, path: str) -> str:
        """Give the URL of a path here."""
        return f"http://127.0.0.1:{self.port}{path}"

    def put(self, path: str, context: Any, **headers: str) -> str:
        """Serve a context under a path."""
        self.answers[path] = web.json_response({"@context": context}).body
        self.headers[path] = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.url(path)

    def redirect(self, path: str, target: str, status: int = 302) -> str:
        """Redirect a path."""
        self.answers[path] = status
        self.headers[path] = {"Location": target}
        return self.url(path)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        self.asked.append(request.path)
        await asyncio.sleep(self.slow)
        body = self.answers.get(request.path, 404)
        headers = self.headers.get(request.path, {})
        if isinstance(body, int):
            return web.Response(status=body, headers=headers)
        return web.Response(body=body, headers={"Content-Type": "application/ld+json", **headers})


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """Run a server of contexts on loopback."""
    it = Server()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", it.answer)
    async with serving(app, "127.0.0.1", 0, seconds=1.0) as it.port:
        yield it


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000_000

    def __call__(self) -> int:
        """Tell the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands still."""
    return Clock()


Opened = Callable[..., contextlib.AbstractAsyncContextManager[Contexts]]


@pytest.fixture
def opened(tmp_path: Path, clock: Clock) -> Opened:
    """Give a way to open the contexts of a broker on the data folder of the test."""

    @contextlib.asynccontextmanager
    async def open_(loopback: bool = True, **settings: Any) -> AsyncIterator[Contexts]:
        made = BrokerSettings(data=tmp_path / "data", **settings)
        made.data.mkdir(exist_ok=True)
        catalogue = SqliteCatalogue(made)
        contexts = Contexts(made, catalogue, egress.AddressPolicy(made.outgoing, loopback=loopback), clock)
        await contexts.start()
        try:
            yield contexts
        finally:
            await contexts.close()
            await catalogue.close()

    return open_


@pytest.fixture
async def contexts(opened: Opened) -> AsyncIterator[Contexts]:
    """Give the contexts of a broker that is bound to loopback."""
    async with opened() as it:
        yield it
