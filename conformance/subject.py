"""The broker under test as one case sees it: requests, things made and taken away again, helper servers."""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4

import aiohttp
import orjson
from yarl import URL

from conformance.answer import Answer
from conformance.entity import Entity
from conformance.exchange import Exchange
from conformance.made import Made, things_made
from conformance.servers.context import ContextServer
from conformance.servers.mqtt import MqttBroker, mqtt_broker
from conformance.servers.receiver import Receiver
from conformance.servers.source import Source
from conformance.surroundings import Surroundings
from conformance.tenants import refuses_tenants
from conformance.verdict import Failure, NotApplicable

JSON: Final = "application/json"
LD_JSON: Final = "application/ld+json"
GEO_JSON: Final = "application/geo+json"
REST: Final = 0.2  # seconds in which a broker may still be looking at changes before a subscription
MOST_BYTES: Final = 50_000_000
CONTEXT_REL: Final = 'rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'

Params = Mapping[str, Any]
Headers = Mapping[str, str | None]


class Subject:
    """The broker under test; every exchange is recorded, everything made is noted and taken away after the case."""

    def __init__(self, around: Surroundings) -> None:
        self.mark = uuid4().hex[:8]
        self.exchanges: list[Exchange] = []
        self.made: list[Made] = []
        self._around = around
        self._count = 0
        self._tenants: list[str] = []
        self._open = contextlib.AsyncExitStack()

    # ---- requests ----

    async def get(self, path: str, *, headers: Headers | None = None, context: str = "",
                  tenant: str | None = None, **params: Any) -> Answer:  # fmt: skip
        """GET a path below /ngsi-ld/v1; parameters by name."""
        return await self.send("GET", path, params=params, headers=headers, context=context, tenant=tenant)

    async def post(self, path: str, body: Any = None, *, headers: Headers | None = None, context: str = "",
                   tenant: str | None = None, **params: Any) -> Answer:  # fmt: skip
        """POST a body."""
        return await self.send(
            "POST", path, body, params=params, headers=headers, context=context, tenant=tenant
        )

    async def put(self, path: str, body: Any = None, *, headers: Headers | None = None, context: str = "",
                  tenant: str | None = None, **params: Any) -> Answer:  # fmt: skip
        """PUT a body."""
        return await self.send(
            "PUT", path, body, params=params, headers=headers, context=context, tenant=tenant
        )

    async def patch(self, path: str, body: Any = None, *, headers: Headers | None = None, context: str = "",
                    tenant: str | None = None, **params: Any) -> Answer:  # fmt: skip
        """PATCH with a body."""
        return await self.send(
            "PATCH", path, body, params=params, headers=headers, context=context, tenant=tenant
        )

    async def delete(self, path: str, *, headers: Headers | None = None, context: str = "",
                     tenant: str | None = None, **params: Any) -> Answer:  # fmt: skip
        """DELETE a path."""
        return await self.send("DELETE", path, params=params, headers=headers, context=context, tenant=tenant)

    async def head(self, path: str, *, headers: Headers | None = None, **params: Any) -> Answer:
        """HEAD a path."""
        return await self.send("HEAD", path, params=params, headers=headers)

    async def options(self, path: str, *, headers: Headers | None = None) -> Answer:
        """Ask for the OPTIONS of a path."""
        return await self.send("OPTIONS", path, headers=headers)

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Params | None = None,
        headers: Headers | None = None,
        context: str = "",
        tenant: str | None = None,
        record: bool = True,
    ) -> Answer:
        """Send a request, to a path below /ngsi-ld/v1 or to a whole URL, and read the whole response.

        A body is sent as JSON, or JSON-LD if it has an @context; bytes and text are sent as they are. `context` is a
        URL for the Link header. A header given as None is not sent; without Content-Length the body goes in chunks. A
        tenant given as "" is the default one.
        """
        payload = _payload(body)
        sent = self._headers(body, headers or {}, context, tenant)
        if payload and not any(name.lower() == "content-length" for name in headers or {}):
            sent = (*sent, ("Content-Length", str(len(payload))))
        url = _url("" if path.startswith("http") else self._around.asked.root, path, params or {})
        exchange = await self._exchange(method, url, sent, payload)
        if record:
            self.exchanges.append(exchange)
        if exchange.problem:
            raise Failure(f"a response to {method} {path}", exchange.problem, exchange)
        if record and tenant in self._tenants and refuses_tenants(exchange):
            await self._around.tenants.confirm(self, tenant, exchange)
        self.made += things_made(exchange, path, body)
        return Answer(exchange)

    async def _exchange(
        self, method: str, url: str, headers: tuple[tuple[str, str], ...], payload: bytes
    ) -> Exchange:
        started = time.monotonic()
        whole = any(name.lower() == "content-length" for name, _ in headers)
        try:
            async with self._around.session.request(
                method,
                URL(url, encoded=True),
                headers=headers,
                data=payload if whole else _chunks(payload) if payload else None,
                allow_redirects=False,
                skip_auto_headers=("Accept", "Content-Type", "User-Agent", "Accept-Encoding"),
            ) as response:
                raw = await _whole(response)
                found = tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in response.raw_headers)
                status, reason = response.status, response.reason or ""
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            problem = _told(error)
            spent = time.monotonic() - started
            return Exchange(method, url, headers, payload, seconds=spent, problem=problem)
        spent = time.monotonic() - started
        return Exchange(method, url, headers, payload, status, reason, found, raw, spent)

    def _headers(
        self, body: Any, given: Headers, context: str, tenant: str | None
    ) -> tuple[tuple[str, str], ...]:
        headers: dict[str, str | None] = {"Accept": JSON}
        if body is not None:
            headers["Content-Type"] = LD_JSON if _has_context(body) else JSON
        if context:
            headers["Link"] = f"<{context}>; {CONTEXT_REL}"
        name = self._around.asked.tenant if tenant is None else tenant
        if name:
            headers["NGSILD-Tenant"] = name
        known = {key.lower(): key for key in headers}
        for key, value in given.items():
            headers[known.get(key.lower(), key)] = value
        common = self._around.asked.headers
        return (*common, *((key, value) for key, value in headers.items() if value is not None))

    # ---- things with names of their own ----

    def id(self, kind: str = "Thing") -> str:
        """Make an identifier that nobody else has."""
        self._count += 1
        return f"urn:ngsi-ld:{kind.partition('_')[0]}:{self.mark}-{self._count}"

    def type(self, name: str) -> str:
        """Give the type name of this case: its entities are found among no others."""
        return name if name.endswith(self.mark) or "://" in name else f"{name}_{self.mark}"

    def own(self, entity: Mapping[str, Any]) -> Entity:
        """Give an entity an identifier of its own, if it has none, and this case's type names."""
        kind = entity.get("type", "Thing")
        names = [self.type(n) for n in kind] if isinstance(kind, list) else self.type(kind)
        first = names[0] if isinstance(names, list) else names
        return Entity({"id": self.id(first), **entity, "type": names})

    def unknown_tenant(self) -> str:
        """Make the name of a tenant that is not there, and is not to be made."""
        self._count += 1
        return f"t{self.mark}{self._count}"

    async def tenant(self) -> str:
        """Take a tenant that is empty and of no other case until this one ends; it is made by the first creation."""
        self._tenants.append(name := await self._around.tenants.take(self))
        return name

    async def have(
        self, entity: Mapping[str, Any], *, context: str = "", tenant: str | None = None
    ) -> Entity:
        """Create an entity as `own` names it, demanding 201."""
        owned = self.own(entity)
        (await self.post("/entities", owned, context=context, tenant=tenant)).status(201)
        return owned

    async def have_all(self, *entities: Mapping[str, Any]) -> list[Entity]:
        """Create several entities, one after the other."""
        return [await self.have(entity) for entity in entities]

    async def subscribe(
        self, endpoint: str, *, context: str = "", tenant: str | None = None, **members: Any
    ) -> str:
        """Create a subscription that notifies a URL, demanding 201; give its path. `notification` is merged in."""
        await self.pause(REST)
        notification = {"endpoint": {"uri": endpoint}, **members.pop("notification", {})}
        body = {
            "id": self.id("Subscription"),
            "type": "Subscription",
            **members,
            "notification": notification,
        }
        (await self.post("/subscriptions", body, context=context, tenant=tenant)).status(201)
        return f"/subscriptions/{body['id']}"

    async def register(
        self, endpoint: str, *information: Any, context: str = "", tenant: str | None = None, **members: Any
    ) -> str:
        """Register a context source, demanding 201; give the path of the registration."""
        body = {
            "id": self.id("ContextSourceRegistration"),
            "type": "ContextSourceRegistration",
            "information": list(information),
            "endpoint": endpoint,
            **members,
        }
        (await self.post("/csourceRegistrations", body, context=context, tenant=tenant)).status(201)
        return f"/csourceRegistrations/{body['id']}"

    # ---- helper servers ----

    async def receiver(self) -> Receiver:
        """Start a receiver of notifications; its address is `receiver.url`."""
        self._may_call_back()
        receiver = Receiver(self._around.asked.patience, self.exchanges.append)
        receiver.url = self._serve(receiver.handle) + "/notify"
        return receiver

    async def context_server(
        self, terms: Mapping[str, Any] | None = None, *, document: Any = None
    ) -> ContextServer:
        """Serve an @context of terms, or a whole document, at `server.url`."""
        self._may_call_back()
        server = ContextServer({"@context": dict(terms or {})} if document is None else document)
        server.url = self._serve(server.handle) + "/context.jsonld"
        return server

    async def source(self) -> Source:
        """Start a context source that answers what it is told to; its endpoint is `source.url`."""
        self._may_call_back()
        source = Source(self._around.asked.patience, self.exchanges.append)
        source.url = self._serve(source.handle)
        return source

    async def mqtt(self, user: str = "", password: str = "") -> MqttBroker:
        """Start an MQTT server on a free port, and listen to it; without mosquitto the case does not apply."""
        self._may_call_back()
        around = self._around
        server = mqtt_broker(
            around.bind,
            around.host,
            around.asked.patience,
            self.exchanges.append,
            user=user,
            password=password,
        )
        return await self._open.enter_async_context(server)

    def dead_end(self) -> str:
        """Give the URL of a port where nobody listens."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return f"http://127.0.0.1:{free.getsockname()[1]}/nobody"

    def moment(self, seconds: float = 0.0) -> str:
        """Give the DateTime so many seconds from now (negative: ago). (4.6.3)"""
        then = datetime.now(UTC) + timedelta(seconds=seconds)
        return then.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    async def pause(self, seconds: float) -> None:
        """Let time pass, as much as the specification's own clock needs."""
        await asyncio.sleep(seconds)

    def _serve(self, handler: Any) -> str:
        url = self._around.callbacks.add(handler)
        self._open.callback(self._around.callbacks.drop, url)
        return url

    def _may_call_back(self) -> None:
        if "callbacks" in self._around.asked.without:
            raise NotApplicable("the broker cannot reach this machine (--without callbacks)")

    async def close(self) -> None:
        """Take away what the case made, newest first, and stop its servers."""
        for thing in reversed(self.made):
            for path in thing.paths:
                with contextlib.suppress(Failure):
                    await self.send("DELETE", path, tenant=thing.tenant, record=False)
        self.made.clear()
        for name in self._tenants:
            await self._around.tenants.give_back(self, name)
        await self._open.aclose()


def _told(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError) and error.errno:
        return f"no connection: {os.strerror(error.errno)}"
    return f"{type(error).__name__}: {error}".rstrip(": ")[:300]


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    """Read a body, but not one without end."""
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            raise ValueError(f"the body has more than {MOST_BYTES:,} bytes")
    return b"".join(parts)


async def _chunks(payload: bytes) -> AsyncIterator[bytes]:
    yield payload


def _payload(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else orjson.dumps(body)


def _has_context(body: Any) -> bool:
    first = body[0] if isinstance(body, list) and body else body
    return isinstance(first, Mapping) and "@context" in first


def _url(root: str, path: str, params: Params) -> str:
    pairs = [(name, _written(value)) for name, value in params.items() if value is not None]
    if not pairs:
        return root + path
    return root + path + ("&" if "?" in path else "?") + urlencode(pairs)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)
