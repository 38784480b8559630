"""A small NGSI-LD server of its own, nothing of our broker in it, with known faults that can be switched on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import aiohttp
import orjson
from aiohttp import web

ROOT = "/ngsi-ld/v1"
ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"
LINK = f'<{CORE}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
KNOWN = frozenset({"type", "id", "limit", "offset", "count", "options", "format", "attrs", "local"})
FAULTS = (
    "creates with 200",
    "gives no Location",
    "overwrites what exists",
    "finds what is not there",
    "gives errors as text",
    "gives errors without detail",
    "keeps what is deleted",
    "loses the attributes that a change does not name",
    "forgets changes",
    "finds entities of other types",
    "takes no notice of limit",
    "counts one too many",
    "names no context",
    "mixes tenants",
    "does not tell the tenant",
    "notifies twice",
    "does not notify",
    "notifies without subscriptionId",
    "notifies of attributes nobody watches",
    "writes numbers as text",
    "loses observedAt",
    "takes any parameter",
    "says 404 for a wrong method",
    "takes entities without type",
)


def problem(
    status: int, error: str, faults: frozenset[str], detail: str = "It cannot be done so."
) -> web.Response:
    """Refuse."""
    body = {"type": ERRORS + error, "title": error}
    if "gives errors without detail" not in faults:
        body["detail"] = detail
    kind = "text/plain" if "gives errors as text" in faults else "application/json"
    return web.Response(status=status, body=orjson.dumps(body), content_type=kind)


def types_of(entity: dict[str, Any]) -> set[str]:
    """Give the types of an entity."""
    named = entity.get("type", [])
    return set(named) if isinstance(named, list) else {named}


class Small:
    """Entities and subscriptions in dictionaries, by tenant."""

    def __init__(self, faults: frozenset[str]) -> None:
        self.faults = faults
        self._entities: dict[str, dict[str, Any]] = {}
        self._subscriptions: dict[str, dict[str, Any]] = {}
        self._session = aiohttp.ClientSession()
        self._sending: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """End what is being sent."""
        for task in self._sending:
            task.cancel()
        await self._session.close()

    def routes(self) -> list[web.RouteDef]:
        """Name what is served."""
        one = f"{ROOT}/entities/{{id}}"
        rows: list[tuple[str, str, Callable[[web.Request], Any]]] = [
            ("POST", f"{ROOT}/entities", self.create),
            ("GET", f"{ROOT}/entities", self.query),
            ("GET", one, self.read),
            ("DELETE", one, self.delete),
            ("PATCH", f"{one}/attrs", self.update),
            ("POST", f"{one}/attrs", self.update),
            ("DELETE", f"{one}/attrs/{{name}}", self.delete_attribute),
            ("POST", f"{ROOT}/subscriptions", self.subscribe),
            ("GET", f"{ROOT}/subscriptions", self.subscriptions),
            ("GET", f"{ROOT}/subscriptions/{{id}}", self.subscription),
            ("DELETE", f"{ROOT}/subscriptions/{{id}}", self.unsubscribe),
        ]
        return [web.route(method, path, run) for method, path, run in rows]

    def on(self, fault: str) -> bool:
        """Say whether a fault is switched on."""
        assert fault in FAULTS
        return fault in self.faults

    def _tenant(self, request: web.Request) -> str:
        return "" if self.on("mixes tenants") else request.headers.get("NGSILD-Tenant", "")

    def _of(self, request: web.Request) -> dict[str, Any]:
        return self._entities.setdefault(self._tenant(request), {})

    def _found(self, request: web.Request) -> Any:
        found = self._of(request).get(request.match_info["id"])
        if found is None and self.on("finds what is not there"):
            return {"id": request.match_info["id"], "type": "Thing"}
        return found

    def _shown(self, entity: dict[str, Any], request: web.Request) -> dict[str, Any]:
        shown = orjson.loads(orjson.dumps(entity))
        for name, value in list(shown.items()):
            if isinstance(value, dict) and self.on("loses observedAt"):
                value.pop("observedAt", None)
            if isinstance(value, dict) and self.on("writes numbers as text"):
                value.update({k: str(v) for k, v in value.items() if type(v) in (int, float)})
            if "attrs" in request.query and name not in ("id", "type", *request.query["attrs"].split(",")):
                del shown[name]
        if {"keyValues", "simplified"} & {request.query.get("options"), request.query.get("format")}:
            shown = {
                k: v.get("value", v.get("object")) if isinstance(v, dict) else v for k, v in shown.items()
            }
        return shown

    def _answer(self, body: Any, request: web.Request, **headers: str) -> web.Response:
        if not self.on("names no context"):
            headers["Link"] = LINK
        if "NGSILD-Tenant" in request.headers and not self.on("does not tell the tenant"):
            headers["NGSILD-Tenant"] = request.headers["NGSILD-Tenant"]
        return web.Response(body=orjson.dumps(body), content_type="application/json", headers=headers)

    def _bad_parameter(self, request: web.Request) -> web.Response | None:
        if set(request.query) <= KNOWN or self.on("takes any parameter"):
            return None
        return problem(400, "InvalidRequest", self.faults)

    async def create(self, request: web.Request) -> web.Response:
        """Create an entity."""
        body = orjson.loads(await request.read())
        id = body.get("id", "")
        if ":" not in id or " " in id or ("type" not in body and not self.on("takes entities without type")):
            return problem(400, "BadRequestData", self.faults)
        held = self._of(request)
        if id in held and not self.on("overwrites what exists"):
            return problem(409, "AlreadyExists", self.faults)
        held[id] = body
        self._tell(request, body, set(body) - {"id", "type"})
        headers = {} if self.on("gives no Location") else {"Location": f"{ROOT}/entities/{id}"}
        return web.Response(status=200 if self.on("creates with 200") else 201, headers=headers)

    async def read(self, request: web.Request) -> web.Response:
        """Read an entity."""
        if bad := self._bad_parameter(request):
            return bad
        found = self._found(request)
        return self._answer(self._shown(found, request), request) if found else self._missing()

    def _missing(self) -> web.Response:
        return problem(404, "ResourceNotFound", self.faults)

    async def query(self, request: web.Request) -> web.Response:
        """Find entities by type and id."""
        if bad := self._bad_parameter(request):
            return bad
        if "type" not in request.query and "local" not in request.query:
            return problem(400, "BadRequestData", self.faults)
        kinds = set(request.query.get("type", "").split(","))
        found = [
            e
            for e in self._of(request).values()
            if self.on("finds entities of other types") or "type" not in request.query or kinds & types_of(e)
        ]
        wanted = set(filter(None, request.query.get("id", "").split(",")))
        found = [e for e in found if not wanted or e["id"] in wanted]
        offset, limit = int(request.query.get("offset", 0)), int(request.query.get("limit", 1000))
        page = found[offset:] if self.on("takes no notice of limit") else found[offset : offset + limit]
        headers = {}
        if request.query.get("count") == "true":
            headers["NGSILD-Results-Count"] = str(len(found) + self.on("counts one too many"))
        return self._answer([self._shown(e, request) for e in page], request, **headers)

    async def update(self, request: web.Request) -> web.Response:
        """Change attributes."""
        entity = self._of(request).get(request.match_info["id"])
        if entity is None:
            return self._missing()
        body = orjson.loads(await request.read())
        if self.on("forgets changes"):
            return web.Response(status=204)
        if self.on("loses the attributes that a change does not name"):
            for name in set(entity) - {"id", "type"}:
                del entity[name]
        entity.update(body)
        self._tell(request, entity, set(body))
        return web.Response(status=204)

    async def delete(self, request: web.Request) -> web.Response:
        """Delete an entity."""
        held, id = self._of(request), request.match_info["id"]
        if id not in held:
            return self._missing()
        if not self.on("keeps what is deleted"):
            del held[id]
        return web.Response(status=204)

    async def delete_attribute(self, request: web.Request) -> web.Response:
        """Delete an attribute."""
        entity = self._of(request).get(request.match_info["id"], {})
        if request.match_info["name"] not in entity:
            return self._missing()
        del entity[request.match_info["name"]]
        return web.Response(status=204)

    # subscriptions

    async def subscribe(self, request: web.Request) -> web.Response:
        """Keep a subscription."""
        body = orjson.loads(await request.read())
        if not body.get("notification", {}).get("endpoint") or not (
            body.get("entities") or body.get("watchedAttributes")
        ):
            return problem(400, "BadRequestData", self.faults)
        body = {"id": f"urn:ngsi-ld:Subscription:{uuid4()}", "status": "active", **body}
        if body["id"] in self._subscriptions:
            return problem(409, "AlreadyExists", self.faults)
        self._subscriptions[body["id"]] = body
        return web.Response(status=201, headers={"Location": f"{ROOT}/subscriptions/{body['id']}"})

    async def subscriptions(self, request: web.Request) -> web.Response:
        """List subscriptions."""
        return self._answer(list(self._subscriptions.values()), request)

    async def subscription(self, request: web.Request) -> web.Response:
        """Read a subscription."""
        found = self._subscriptions.get(request.match_info["id"])
        return self._answer(found, request) if found else self._missing()

    async def unsubscribe(self, request: web.Request) -> web.Response:
        """Forget a subscription."""
        if self._subscriptions.pop(request.match_info["id"], None) is None:
            return self._missing()
        return web.Response(status=204)

    def _tell(self, request: web.Request, entity: dict[str, Any], changed: set[str]) -> None:
        for body in self._subscriptions.values():
            kinds = {selector.get("type") for selector in body.get("entities", [])}
            watched = set(body.get("watchedAttributes", changed))
            if kinds and not kinds & types_of(entity):
                continue
            if not watched & changed and not self.on("notifies of attributes nobody watches"):
                continue
            for _ in range(0 if self.on("does not notify") else 2 if self.on("notifies twice") else 1):
                task = asyncio.get_running_loop().create_task(self._notify(body, dict(entity)))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)

    async def _notify(self, subscription: dict[str, Any], entity: dict[str, Any]) -> None:
        body = {
            "id": f"urn:ngsi-ld:Notification:{uuid4()}",
            "type": "Notification",
            "subscriptionId": subscription["id"],
            "notifiedAt": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "data": [entity],
        }
        if self.on("notifies without subscriptionId"):
            del body["subscriptionId"]
        with contextlib.suppress(aiohttp.ClientError):
            async with self._session.post(subscription["notification"]["endpoint"]["uri"], json=body):
                pass


@contextlib.asynccontextmanager
async def small_server(*faults: str) -> AsyncIterator[str]:
    """Run the small server with faults on a free loopback port; give its URL."""
    small = Small(frozenset(faults))

    @web.middleware
    async def refuse(request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await handler(request)
        except web.HTTPMethodNotAllowed as error:
            if small.on("says 404 for a wrong method"):
                return small._missing()
            refused = problem(405, "InvalidRequest", small.faults)
            refused.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
            return refused
        except web.HTTPNotFound:
            return small._missing()
        except (orjson.JSONDecodeError, AttributeError, ValueError, TypeError):
            return problem(400, "InvalidRequest", small.faults)
        return response

    app = web.Application(middlewares=[refuse])
    app.add_routes(small.routes())
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await small.close()
        await runner.cleanup()
