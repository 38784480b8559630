"""What an exchange made in the broker, so that it can be taken away again."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import orjson

from conformance.exchange import Exchange

_RESOURCES: Final = (
    "/entities",
    "/subscriptions",
    "/csourceRegistrations",
    "/csourceSubscriptions",
    "/jsonldContexts",
    "/snapshots",
)
_BATCHES: Final = ("/entityOperations/create", "/entityOperations/upsert")


@dataclass(frozen=True, slots=True)
class Made:
    """One thing: the paths to delete, in the tenant it is in."""

    paths: tuple[str, ...]
    tenant: str


def things_made(exchange: Exchange, path: str, body: Any) -> list[Made]:
    """Name what a request made, as far as request and response tell."""
    if not 200 <= exchange.status < 300:
        return []
    tenant = next((v for k, v in exchange.request_headers if k.lower() == "ngsild-tenant"), "")
    return [Made(paths, tenant) for paths in _paths(exchange, path.partition("?")[0].rstrip("/"), body)]


def _paths(exchange: Exchange, path: str, body: Any) -> Iterator[tuple[str, ...]]:
    headers = {name.lower(): value for name, value in exchange.headers}
    if exchange.method in ("GET", "POST") and "ngsild-entitymap" in headers:
        yield (f"/entityMaps/{quote(headers['ngsild-entitymap'].rpartition('/')[2], safe=':')}",)
    if exchange.method != "POST":
        return
    own = body.get("id") if isinstance(body, dict) else None
    if path in _BATCHES:
        yield from map(_entity, _created(exchange, body))
    elif path == "/temporal/entities" and isinstance(own, str):
        yield _entity(own)
    elif path in _RESOURCES or path.endswith("/clone"):
        location = headers.get("location", "").partition("/ngsi-ld/v1")[2]
        if path == "/entities" and isinstance(own, str):
            yield _entity(own)
        elif location:
            yield (location,)
        elif isinstance(own, str):
            yield (f"{path}/{quote(own, safe=':')}",)


def _entity(identifier: str) -> tuple[str, ...]:
    name = quote(identifier, safe=":")
    return f"/entities/{name}", f"/temporal/entities/{name}"


def _created(exchange: Exchange, body: Any) -> list[str]:
    """Name the entities of a batch: those it says, else all that were sent."""
    try:
        answer = orjson.loads(exchange.body)
    except orjson.JSONDecodeError:
        answer = None
    told = answer.get("success") if isinstance(answer, dict) else answer
    if isinstance(told, list):
        return [x for x in told if isinstance(x, str)]
    sent = body if isinstance(body, list) else []
    return [x["id"] for x in sent if isinstance(x, dict) and isinstance(x.get("id"), str)]
