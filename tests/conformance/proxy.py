"""A proxy that changes one behaviour of the broker behind it: http://proxy/NAME/ngsi-ld/v1 misbehaves as NAME says."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import aiohttp
import orjson
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

PASSED_ON = frozenset({"host", "connection", "transfer-encoding", "accept-encoding"})
OWN = frozenset({"connection", "transfer-encoding", "date", "server", "content-length"})


class Message:
    """A body, as JSON too."""

    body: bytes

    @property
    def json(self) -> Any:
        """Give the body as JSON; None if it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None

    @json.setter
    def json(self, value: Any) -> None:
        self.body = orjson.dumps(value)


@dataclass
class Request(Message):
    """What a client asked; a mutation may change it on its way."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: "CIMultiDict[str]"
    body: bytes
    notify: str = ""  # where the proxy itself takes notifications for this mutation

    def is_(self, method: str, path: str) -> bool:
        """Say whether it is this method on a path that begins so."""
        return self.method == method and self.path.startswith(f"/ngsi-ld/v1{path}")


@dataclass
class Reply(Message):
    """What the broker answered; a mutation may change it on its way back."""

    status: int
    headers: "CIMultiDict[str]" = field(default_factory=CIMultiDict)
    body: bytes = b""


Forward = Callable[[Request], Awaitable[Reply]]
Change = Callable[[Request, Forward], Awaitable[Reply]]


class Proxy:
    """Forwards requests to a broker and notifications to their receivers, each through a mutation."""

    def __init__(self, target: str, changes: dict[str, Change], session: aiohttp.ClientSession) -> None:
        self.url = ""
        self._target = target
        self._changes = changes
        self._session = session

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Take one request."""
        _, name, rest = request.raw_path.split("/", 2)
        path, _, query = rest.partition("?")
        asked = Request(
            request.method,
            "/" + path,
            parse_qsl(query, keep_blank_values=True),
            CIMultiDict((k, v) for k, v in request.headers.items() if k.lower() not in PASSED_ON),
            await request.read(),
            f"{self.url}/{name}/notify",
        )
        reply = await self._changes[name](asked, self._forward)
        headers = [(k, v) for k, v in reply.headers.items() if k.lower() not in OWN]
        response = web.Response(status=reply.status, body=reply.body or None, headers=CIMultiDict(headers))
        if not reply.body and asked.method != "HEAD":
            response.headers.pop("Content-Type", None)
        if reply.status == 405 and "Allow" not in reply.headers:
            response.headers.pop("Allow", None)
        return response

    async def _forward(self, asked: Request) -> Reply:
        if asked.path == "/notify":
            url = dict(asked.query)["to"]
        else:
            url = f"{self._target}{asked.path}" + (f"?{urlencode(asked.query)}" if asked.query else "")
        headers = CIMultiDict((k, v) for k, v in asked.headers.items() if k.lower() != "content-length")
        if asked.method in ("POST", "PUT", "PATCH") and not asked.body and "Content-Length" in asked.headers:
            headers["Content-Length"] = "0"
        try:
            return await self._ask(asked, url, headers)
        except aiohttp.ClientError:
            return Reply(502)

    async def _ask(self, asked: Request, url: str, headers: "CIMultiDict[str]") -> Reply:
        async with self._session.request(
            asked.method,
            URL(url, encoded=True),
            headers=headers,
            data=asked.body
            if "Content-Length" in asked.headers
            else _in_chunks(asked.body)
            if asked.body
            else None,
            allow_redirects=False,
            skip_auto_headers=("Accept", "Content-Type", "User-Agent", "Accept-Encoding"),
        ) as response:
            return Reply(response.status, CIMultiDict(response.headers), await response.read())


async def _in_chunks(body: bytes) -> AsyncIterator[bytes]:
    yield body


def through(asked: Request) -> None:
    """Turn the endpoint of a new subscription to the proxy, which sends on what comes."""
    body = asked.json
    endpoint = (body or {}).get("notification", {}).get("endpoint", {})
    if asked.method == "POST" and isinstance(endpoint.get("uri"), str):
        endpoint["uri"] = f"{asked.notify}?to={quote(endpoint['uri'], safe='')}"
        asked.json = body


@contextlib.asynccontextmanager
async def proxy(target: str, changes: dict[str, Change]) -> AsyncIterator[Proxy]:
    """Run the proxy on a free loopback port until the block ends."""
    timeout = aiohttp.ClientTimeout(total=60)
    connector = aiohttp.TCPConnector(limit=200)
    async with aiohttp.ClientSession(
        timeout=timeout, connector=connector, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        made = Proxy(target, changes, session)
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{tail:.*}", made.serve)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert runner.addresses
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield made
        finally:
            await runner.cleanup()
