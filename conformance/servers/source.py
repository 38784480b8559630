"""A context source of ours, with canned answers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import web
from multidict import CIMultiDict, MultiDict

from conformance.demand import Seen
from conformance.exchange import Exchange
from conformance.servers.callbacks import Call
from conformance.servers.inbox import Inbox
from conformance.verdict import Failure


class Forward:
    """A request that the broker forwarded to the source."""

    def __init__(self, call: Call, exchange: Exchange) -> None:
        self.method = call.method
        self.path = call.path.removeprefix("/ngsi-ld/v1")
        self.params = MultiDict(parse_qsl(call.query, keep_blank_values=True))
        self.headers = CIMultiDict(call.headers)
        self.exchange = exchange

    @property
    def body(self) -> Seen:
        """Look at the body, demanding JSON."""
        try:
            value = orjson.loads(self.exchange.request_body)
        except orjson.JSONDecodeError:
            raise Failure("a forwarded JSON body", "it is none", self.exchange) from None
        return Seen(value, "the forwarded body", self.exchange)


@dataclass
class _Canned:
    method: str
    path: str
    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0


class Source(Inbox[Forward]):
    """Answers what it was told to, else 404; `url` is the endpoint of a registration."""

    def __init__(self, patience: float, record: Callable[[Exchange], None]) -> None:
        super().__init__("a request forwarded to the context source", patience)
        self.url = ""
        self._canned: list[_Canned] = []
        self._places: dict[str, str] = {}
        self._record = record

    def answers(
        self, method: str, path: str, status: int, body: Any = None, *, delay: float = 0.0, **headers: str
    ) -> "Source":
        """Answer a method and path (below /ngsi-ld/v1, without query) so; the newest rule wins."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._canned.insert(0, _Canned(method, path, status, body, named, delay))
        return self

    def takes(self, path: str, name: str) -> "Source":
        """Take what is created at a path, under the id it brings or else this one, and its changes and its end."""
        self._places[path] = name
        return self

    async def handle(self, call: Call) -> web.Response:
        """Answer one forwarded request."""
        path = call.path.removeprefix("/ngsi-ld/v1").rstrip("/")
        rule = next((c for c in self._canned if (c.method, c.path) == (call.method, path)), None)
        rule = rule or self._kept(call, path)
        response = _response(rule)
        exchange = call.exchange(response, "forwarded to the context source")
        self._record(exchange)
        await self.add(Forward(call, exchange))
        if rule is not None and rule.delay:
            await asyncio.sleep(rule.delay)
        return response

    def _kept(self, call: Call, path: str) -> _Canned | None:
        place = path.rpartition("/")[0]
        if call.method in ("PATCH", "DELETE") and place in self._places:
            return _Canned(call.method, path, 204, None)
        if call.method != "POST" or path not in self._places:
            return None
        name = _given(call.body) or self._places[path]
        return _Canned("POST", path, 201, None, {"Location": f"/ngsi-ld/v1{path}/{name}"})


def _given(body: bytes) -> str:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    return str(found.get("id", "")) if isinstance(found, dict) else ""


def _response(rule: _Canned | None) -> web.Response:
    if rule is None:
        return web.Response(status=404)
    if rule.body is None:
        return web.Response(status=rule.status, headers=rule.headers)
    return web.Response(
        status=rule.status,
        body=orjson.dumps(rule.body),
        headers={"Content-Type": "application/json", **rule.headers},
    )
