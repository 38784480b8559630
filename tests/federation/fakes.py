"""Context sources that behave as a test tells them, well or badly."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from base import clock
from broker.federation import Asking, Directed, Outcome, Request
from broker.language.sources import Source, prepare
from tests.live import Live

ENTITY = {"id": "urn:ngsi-ld:Shelter:1", "type": "Shelter", "name": {"type": "Property", "value": "Oya"}}
REGISTRATION = "urn:ngsi-ld:ContextSourceRegistration:1"


@dataclass
class Seen:
    """One request as the source got it."""

    method: str
    path: str  # with its query, as sent
    headers: Any
    body: Any


@dataclass
class Fake:
    """A source that answers with what it is told; it remembers what it was asked."""

    url: str = ""
    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    context: dict[str, Any] = field(default_factory=dict)  # what it serves at /context
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def last(self) -> Seen:
        return self.seen[-1]

    async def serve(self, request: web.Request) -> web.Response:
        if request.path == "/context":
            return web.json_response({"@context": self.context})
        raw = await request.read()
        body = orjson.loads(raw) if raw else None
        self.seen.append(Seen(request.method, request.raw_path, request.headers, body))
        self.asked.set()
        content = None if self.body is None else orjson.dumps(self.body)
        kind = {} if content is None else {"Content-Type": "application/json"}
        return web.Response(status=self.status, body=content, headers={**kind, **self.headers})


@contextlib.asynccontextmanager
async def fake(body: Any = None, *, tls: ssl.SSLContext | None = None, **told: Any) -> AsyncIterator[Fake]:
    """Run a source that answers every request with the same."""
    source = Fake(body=[ENTITY] if body is None else body, **told)
    app = web.Application(client_max_size=10_000_000)
    app.router.add_route("*", "/{tail:.*}", source.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    source.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    try:
        yield source
    finally:
        await runner.cleanup()


Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def rude(behaviour: Behaviour, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Run a source that reads the head of each request and then does as it likes."""
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            await behaviour(writer)
            writer.close()  # what was written arrives before the end
            await writer.wait_closed()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            connections.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(serve, host, port)
    try:
        yield f"http://{host}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await server.wait_closed()


def says(*parts: bytes, pause: float = 0.0, stay: bool = False) -> Behaviour:
    """Make what writes some bytes and hangs up, or does not."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        if stay:
            await asyncio.Event().wait()

    return behave


def ok(content: bytes, *, kind: str = "application/json", length: int | None = None) -> bytes:
    """Write an answer with status 200."""
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (
        kind.encode(),
        len(content) if length is None else length,
        content,
    )


def source(endpoint: str, **members: Any) -> Source:
    """Make a registration ready."""
    body = {"id": REGISTRATION, "endpoint": endpoint, "information": [{"attributeNames": ["x"]}], **members}
    return prepare(body)


async def ask(live: Live, endpoint: str, request: Request | None = None, **members: Any) -> Outcome:
    """Ask one source from within a broker. `context`, `via`, `headers`: of the request that makes it ask."""
    about = {name: members.pop(name) for name in ("via", "headers", "tenant_here", "now") if name in members}
    context = await live.broker.contexts.resolve(members.pop("context", None))
    asking = Asking(
        about.get("tenant_here", ""),
        context,
        about.get("now", clock.now()),
        about.get("via", ()),
        about.get("headers", {}),
    )
    wanted = request or Request("GET", "/entities", {"type": "Shelter"})
    outcomes = await live.broker.federation.ask(asking, [Directed(source(endpoint, **members), wanted)])
    return outcomes[0]


def code(outcome: Outcome) -> int:
    """Give the warning code of what came, 0 if all is well."""
    return 0 if outcome.failure is None else outcome.failure.code


async def registered(live: Live, url: str, alias: str, **more: Any) -> None:
    """Register a source of shelters."""
    body = {
        "type": "ContextSourceRegistration",
        "endpoint": url,
        "information": [{"entities": [{"type": "Shelter"}]}],
        "contextSourceAlias": alias,
        **more,
    }
    assert (await live.post("/csourceRegistrations", body)).status == 201
