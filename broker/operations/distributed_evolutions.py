"""Changes of Temporal Evolutions that concern registered sources too. (5.6.11-5.6.16)"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from broker.federation import Asking, Request, splitting
from broker.federation.settling import Part
from broker.federation.splitting import CHANGED, Attributes, Given
from broker.language.sources import Match, SourceSelection
from broker.language.span import Span
from broker.model import temporal
from broker.model.document import SCOPE, dataset_of
from broker.operations import distributed_changes
from broker.operations.call import Broker, Call
from broker.operations.distributed_changes import Kind, names_of, passed_on

UPSERT: Final = Kind("upsertTemporal", "POST")
APPEND: Final = Kind("appendAttrsTemporal", "POST", "/attrs/")
DELETE: Final = Kind("deleteTemporal", "DELETE")
DELETE_ATTRIBUTE: Final = Kind("deleteAttrsTemporal", "DELETE")
MODIFY_INSTANCE: Final = Kind("updateAttrInstanceTemporal", "PATCH", merge_patch=True)
DELETE_INSTANCE: Final = Kind("deleteAttrInstanceTemporal", "DELETE")
_OPERATIONS: Final = frozenset(
    kind.operation for kind in (UPSERT, APPEND, DELETE, DELETE_ATTRIBUTE, MODIFY_INSTANCE, DELETE_INSTANCE)
) | {"retrieveTemporal", "queryTemporal"}


async def add(
    call: Call,
    broker: Broker,
    asking: Asking,
    kind: Kind,
    given: temporal.Given,
    here: Callable[[temporal.Given], Awaitable[bool]],
) -> list[Part]:
    """Add to Temporal Evolutions wherever they are; `here` says whether it made one. (5.6.11.4, 5.6.12.4)"""
    id: str = call.path.get("entityId") or given.id or ""
    attributes = {
        iri: frozenset(map(dataset_of, several)) for iri, several in given.instances.items() if iri != SCOPE
    }
    known = Given(id, frozenset(given.types), _held(call, broker, id), attributes, SCOPE in given.instances)
    shares = distributed_changes.split(
        call, broker, asking, {kind.operation}, known, lambda wanted: _matches(broker, asking, wanted)
    )
    path = _path("" if kind is UPSERT else id, kind.tail)
    table = call.context.table
    parts = await distributed_changes.told(
        broker,
        asking,
        shares,
        lambda share: Request(kind.method, path, passed_on(call), splitting.reduced(call.body, share, table)),
    )
    if shares.local:
        rest = _remaining(given, shares.rest, shares.framed) if shares.taken else given
        made = False

        async def change() -> None:
            nonlocal made
            made = await here(rest)

        own = await distributed_changes.done_here(change(), names_of(shares.rest))
        parts.append(replace(own, created=made))
    return distributed_changes.unless_elsewhere(parts)


def _remaining(given: temporal.Given, rest: Attributes, framed: bool) -> temporal.Given:
    instances = {
        iri: [one for one in several if dataset_of(one) in rest[iri]]
        for iri, several in given.instances.items()
        if iri in rest
    }
    if framed and SCOPE in given.instances:
        instances[SCOPE] = given.instances[SCOPE]
    return replace(given, instances=instances)


async def change(
    call: Call,
    broker: Broker,
    asking: Asking,
    kind: Kind,
    attributes: Attributes | None,
    here: Callable[[], Awaitable[None]],
) -> list[Part]:
    """Change or delete a part of Temporal Evolutions, or (None) all of it, wherever they are. (5.6.13-5.6.16)"""
    id = call.path["entityId"]
    known = Given(id, held=_held(call, broker, id), attributes=attributes)
    shares = distributed_changes.split(
        call, broker, asking, {kind.operation}, known, lambda wanted: _matches(broker, asking, wanted)
    )
    names = [quote(call.path[name], safe=":") for name in ("attrId", "instanceId") if name in call.path]
    path = _path(id, "".join(f"/{name}" for name in ["attrs", *names]) if names else "")
    parts = await distributed_changes.told(
        broker,
        asking,
        shares,
        lambda _: Request(kind.method, path, passed_on(call), _without_context(call.body), kind.merge_patch),
    )
    if shares.local or attributes is None:
        parts.append(await distributed_changes.done_here(here(), attributes or ()))
    return distributed_changes.unless_elsewhere(parts)


def _without_context(body: Any) -> Any:
    if isinstance(body, dict):
        return {name: value for name, value in body.items() if name != "@context"}
    return body


def _path(id: str, tail: str) -> str:
    return "/temporal/entities" + (f"/{quote(id, safe=':')}{tail}" if id else "")


def _matches(broker: Broker, asking: Asking, wanted: SourceSelection) -> list[Match]:
    """Find the registrations of temporal information: with an interval, or with temporal operations. (5.9.1)"""
    found = {
        match.source.id: match
        for match in broker.federation.matches(asking, wanted, CHANGED)
        if not match.source.operations.isdisjoint(_OPERATIONS)
    }
    for span in (Span("observedAt"), Span("modifiedAt")):
        for match in broker.federation.matches(asking, replace(wanted, span=span), CHANGED):
            found.setdefault(match.source.id, match)
    return list(found.values())


def _held(call: Call, broker: Broker, id: str) -> frozenset[str]:
    history = broker.catalogue.open(call.tenant).history.history(id)
    return frozenset(history.types) if history is not None else frozenset()
