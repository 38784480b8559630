"""Entities as bytes for an answer, from the cache where their version is there. (DESIGN 2.8, 6.3.6)"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import orjson

from broker.model import linked, represent, versions
from broker.model.document import Document
from broker.model.linked import Join, Read
from broker.model.represent import Representation
from broker.operations import preferences
from broker.operations.asked import Links
from broker.operations.call import GEO_JSON, LD_JSON, Answer, Broker, Call
from broker.store.contract import Stamp, Stored, TenantStore


def dump(value: Any) -> bytes:
    """Write JSON."""
    return orjson.dumps(value)


def embeds_context(call: Call) -> bool:
    """Say whether the answer holds its @context in the body: ld+json, and GeoJSON unless asked otherwise. (6.3.6)"""
    if call.accept == GEO_JSON:
        return preferences.body(call) != "json"
    return call.accept == LD_JSON


@dataclass(frozen=True, slots=True)
class Rendered:
    """The bytes of each entity of a page; whether an earlier version that was preferred made them others."""

    bodies: list[bytes]
    altered: bool = False


def rendered(
    call: Call,
    broker: Broker,
    store: TenantStore,
    stamps: Sequence[Stamp],
    shape: Representation,
    links: Links | None = None,
) -> Rendered:
    """Give the bytes of each entity of a page, amended to the version that is preferred. (4.3.6.8)"""

    if links is None and "prefer" not in call.headers:
        return Rendered(entities(call, broker, store, stamps, shape))

    def bodies(shape: Representation) -> list[bytes]:
        if links is None:
            return entities(call, broker, store, stamps, shape)
        documents = [stored.document for stored in store.documents(stamps, call.now)]
        return joined(call, documents, shape, links, reading(store, call.now))

    return amended(call, shape, bodies)


def of_documents(
    call: Call, documents: Sequence[Document], shape: Representation, links: Links | None, read: Read
) -> Rendered:
    """Give the bytes of entities that no store holds like that; `read` gives those they link to. (4.5.5)"""

    def bodies(shape: Representation) -> list[bytes]:
        if links is None:
            return [dump(shown(call, document, shape)) for document in documents]
        return joined(call, documents, shape, links, read)

    return amended(call, shape, bodies)


def amended(call: Call, shape: Representation, bodies: Callable[[Representation], list[bytes]]) -> Rendered:
    """Make the bytes of a page in the version that is preferred. (4.3.6.8)"""
    made = bodies(shape)
    version = preferences.version(call)
    if version is None or version >= versions.NEWEST:
        return Rendered(made)
    lowered = bodies(replace(shape, version=version))
    return Rendered(lowered, lowered != made)


def answer(
    call: Call, body: bytes, *, altered: bool, status: int = 200, headers: Mapping[str, str] | None = None
) -> Answer:
    """Answer with entities; 203 tells that they were amended to an earlier version. (6.4.3.2, 6.5.3.1)"""
    status = 203 if altered and status == 200 else status
    if "prefer" not in call.headers:
        return Answer(
            status, body, call.accept, headers or {}, None if embeds_context(call) else call.context
        )
    return with_link(call, Answer(status, body, call.accept, headers or {}))


def reading(store: TenantStore, now: int) -> Read:
    """Read entities held here."""

    def read(id: str) -> Document | None:
        stored = store.document(id, now)
        return stored.document if stored else None

    return read


def joined(
    call: Call, documents: Sequence[Document], shape: Representation, links: Links, read: Read
) -> list[bytes]:
    """Give the bytes of each entity of a page with what its Relationships lead to, inside or beside it. (4.5.23)"""
    join = Join(read, call.context.table, links.known)
    if not links.inline:
        beside = linked.flat(documents, shape, links.level, join)
        return [dump(shown(call, document, how)) for document, how in beside]
    bodies = []
    for document in documents:
        body = shown(call, document, shape)
        linked.inline(body["properties"] if shape.geojson else body, document, shape, links.level, join)
        bodies.append(dump(body))
    return bodies


def entities(
    call: Call, broker: Broker, store: TenantStore, stamps: Sequence[Stamp], shape: Representation
) -> list[bytes]:
    """Give the bytes of each entity of a page; keyed by store, for a tenant made anew counts versions anew."""
    bodies: list[bytes | None] = []
    missing: list[Stamp] = []
    form = _form(call.context.table.key, shape, _embedded_in_each(call))
    for stamp in stamps:
        body = (
            None if stamp.expires is not None else broker.cache.get((store, stamp.key, stamp.version, form))
        )
        bodies.append(body)
        if body is None:
            missing.append(stamp)
    if missing:
        made = {
            s.id: _keep(call, broker, (store, stamp.key, s.version, form), s, shape)
            for stamp, s in _read(store, missing, call.now)
        }
        bodies = [body or made.get(stamp.id) for body, stamp in zip(bodies, stamps, strict=True)]
    return [body for body in bodies if body is not None]


@lru_cache(4096)
def _form(table: str, shape: Representation, embedded: bytes | None) -> object:
    """Give one object for all that shapes an answer: hashing it for every entity of a page costs nothing."""
    return object()


def _read(store: TenantStore, missing: Sequence[Stamp], now: int) -> list[tuple[Stamp, Stored]]:
    by_id = {stamp.id: stamp for stamp in missing}
    return [(by_id[stored.id], stored) for stored in store.documents(missing, now)]


def _keep(call: Call, broker: Broker, key: Hashable, stored: Stored, shape: Representation) -> bytes:
    body = dump(shown(call, stored.document, shape))
    if stored.expires is None:
        broker.cache.put(key, body)
    return body


def _embedded_in_each(call: Call) -> Any:
    return orjson.dumps(call.context.source) if call.accept == LD_JSON else None


def shown(call: Call, document: Any, shape: Representation) -> dict[str, Any]:
    """Shape one entity as asked for, with its @context where the media type wants it. (4.5)"""
    if shape.geojson:
        return represent.feature(document, call.context.table, shape)
    body = represent.show(document, call.context.table, shape)
    if call.accept == LD_JSON:
        body["@context"] = call.context.source
    return body


def page(call: Call, bodies: list[bytes]) -> bytes:
    """Join entities to a list, or to a GeoJSON FeatureCollection. (5.2.30)"""
    joined = b"[" + b",".join(bodies) + b"]"
    if call.accept != GEO_JSON:
        return joined
    return b'{"type":"FeatureCollection","features":' + joined + _geojson_context(call) + b"}"


def one(call: Call, body: bytes) -> bytes:
    """Finish a single entity; a GeoJSON Feature takes its @context here. (5.2.29)"""
    return body[:-1] + _geojson_context(call) + b"}" if call.accept == GEO_JSON else body


def _geojson_context(call: Call) -> bytes:
    return b',"@context":' + dump(call.context.source) if embeds_context(call) else b""


def with_link(call: Call, answer: Answer) -> Answer:
    """Name the @context in a Link header where the body does not hold it. (6.3.6)"""
    preferred = preferences.applied(call)
    headers = answer.headers
    for name, value in preferred.items():
        headers = {**headers, name: f"{headers[name]}, {value}" if name in headers else value}
    context = None if embeds_context(call) else call.context
    return Answer(answer.status, answer.body, answer.media_type, headers, context)


def listing(call: Call, value: Any, headers: dict[str, str] | None = None) -> Answer:
    """Answer with any object or list of objects in the @context of the call."""
    if call.accept == LD_JSON:
        for item in value if isinstance(value, list) else [value]:
            item["@context"] = call.context.source
    return with_link(call, Answer(200, dump(value), call.accept, headers or {}))
