"""The resources below /entityOperations: each item as if it had come alone, in order. (5.6.7–5.6.10, 5.6.20, 5.5.11)"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from base.errors import BadRequestData, Problem, ResourceNotFound
from base.jsonld import Context
from broker.federation import Asking, settling
from broker.model import expand, merge, validate
from broker.model.document import Document
from broker.operations import asked_body, distributed, distributed_batches, entities
from broker.operations.call import GEO_JSON, NO_CONTENT, Answer, Broker, Call
from broker.operations.changing import refuse_people
from broker.operations.distributed_batches import (
    APPEND_BATCH,
    CREATE_BATCH,
    DELETE_BATCH,
    MERGE_BATCH,
    REPLACE_BATCH,
    UPDATE_BATCH,
    UPSERT_BATCH,
    BatchKind,
    Element,
)
from broker.operations.rendering import dump
from broker.store.contract import EntityChange, Rule, TenantStore

Expand = Callable[[dict[str, Any], Any], Document]


@dataclass(slots=True)
class Item:
    """One element of a batch: as it came (kept where sources are told), in which words, understood.

    kept: names of attributes left as they were; elsewhere: whether sources were told of it, too;
    failed: whether one of them did not do all of its part; created: whether one of them did not have it before.
    """

    document: Document
    raw: Any = None
    context: Context | None = None
    kept: str = ""
    elsewhere: bool = False
    failed: bool = False
    created: bool = False


Apply = Callable[[Document | None, Item], Document | None]


@dataclass(slots=True)
class Result:
    """Which entities were created or changed, and which were refused. (5.2.16)"""

    created: list[str]
    changed: list[str]
    errors: list[dict[str, Any]]

    def succeed(self, id: str, *, created: bool) -> None:
        """Tell of an entity that was created or changed wherever it belongs."""
        (self.created if created else self.changed).append(id)

    def refuse(self, id: str | None, problem: Problem) -> None:
        """Tell of an entity that was refused here. (5.2.17)"""
        named = {} if id is None else {"entityId": id}
        self.errors.append({**named, "error": problem.body()})

    def answer(self, all_created: bool) -> Answer:
        """Answer 201 with what was created, 204, or 207 with all that happened. (6.14–6.17)"""
        if self.errors:
            success = list(dict.fromkeys(self.created + self.changed))
            return Answer(207, dump({"success": success, "errors": self.errors}))
        if self.created or all_created:
            return Answer(201, dump(list(dict.fromkeys(self.created))))
        return NO_CONTENT


async def create_batch(call: Call, broker: Broker) -> Answer:
    """Create entities. (5.6.7, 6.14.3.1)"""
    result = await _run(
        call,
        broker,
        None,
        CREATE_BATCH,
        _whole(call),
        lambda current, item: merge.create(current, item.document),
    )
    return result.answer(all_created=True)


async def upsert_batch(call: Call, broker: Broker) -> Answer:
    """Create entities, replace or update those that are there. (5.6.8, 6.15.3.1)"""
    options = set(call.params.get("options", "").split(","))
    if options >= {"replace", "update"}:
        raise BadRequestData("The options replace and update exclude each other.")
    update = "update" in options

    def apply(current: Document | None, item: Item) -> Document:
        return merge.upsert(current, item.document, call.now, update=update)

    kind = UPSERT_BATCH if update else REPLACE_BATCH
    return (await _run(call, broker, None, kind, _whole(call), apply)).answer(all_created=False)


async def update_batch(call: Call, broker: Broker) -> Answer:
    """Append to or update entities that are there. (5.6.9, 6.16.3.1)"""
    overwrite = "noOverwrite" not in call.params.get("options", "").split(",")

    def apply(current: Document | None, item: Item) -> Document:
        document, done = merge.append(_there(current, item), item.document, call.now, overwrite=overwrite)
        item.kept = ", ".join(name for name, _ in done.not_updated)
        return document

    store = broker.catalogue.open(call.tenant)
    kind = UPDATE_BATCH if overwrite else APPEND_BATCH
    return (await _run(call, broker, store, kind, _part(call, nulls=False), apply)).answer(all_created=False)


async def merge_batch(call: Call, broker: Broker) -> Answer:
    """Merge fragments into entities that are there. (5.6.20, 6.31.3.1)"""

    def apply(current: Document | None, item: Item) -> Document:
        return merge.merge_patch(_there(current, item), item.document, call.now)[0]

    store = broker.catalogue.open(call.tenant)
    read = _part(call, nulls=True)
    return (await _run(call, broker, store, MERGE_BATCH, read, apply)).answer(all_created=False)


def _there(current: Document | None, item: Item) -> Document:
    if current is None:
        raise entities.absent(item.document["id"])
    return current


async def delete_batch(call: Call, broker: Broker) -> Answer:
    """Delete entities. (5.6.10, 6.17.3.1)"""
    store = broker.catalogue.open(call.tenant)
    result = Result([], [], [])
    items = []
    for id in _items(call, broker):
        if not isinstance(id, str):
            raise BadRequestData("The body must be a list of entity ids.")
        try:
            items.append(Item({"id": validate.uri(id, "entity id")}, id, call.context))
        except Problem as problem:
            result.refuse(id, problem)
    asking = distributed.asking(call, broker)
    items = await _told_elsewhere(call, broker, asking, DELETE_BATCH, items, result)
    changes = [EntityChange(item.raw, _delete(item.raw)) for item in items]
    await _change(call, broker, store, changes, items, result)
    return result.answer(all_created=False)


def _delete(id: str) -> Rule:
    def rule(current: Document | None) -> None:
        if current is None:
            raise ResourceNotFound(f"Entity {id} does not exist.")

    return rule


def _whole(call: Call) -> Expand:
    return lambda item, table: expand.entity(item, table, call.now)


def _part(call: Call, nulls: bool) -> Expand:
    def read(item: dict[str, Any], table: Any) -> Document:
        if "id" not in item:
            raise BadRequestData("An entity of the batch has no id.")
        return expand.fragment(item, table, call.now, nulls=nulls, merge=nulls)

    return read


def _items(call: Call, broker: Broker) -> list[Any]:
    if not isinstance(call.body, list) or not call.body:
        raise BadRequestData("The body must be a list with at least one element.")
    if len(call.body) > broker.settings.batch_size:
        raise BadRequestData(
            f"The batch has {len(call.body)} elements and may have {broker.settings.batch_size}; split it."
        )
    if any(item is None for item in call.body):
        raise BadRequestData("The batch holds null; leave such elements out.")
    return call.body


async def _run(
    call: Call, broker: Broker, store: TenantStore | None, kind: BatchKind, read: Expand, apply: Apply
) -> Result:
    """Understand each element and apply it; without a store the tenant is made, once there is something to keep."""
    result = Result([], [], [])
    items: list[Item] = []
    elements = _items(call, broker)
    asking = distributed.asking(call, broker)
    for place, element in enumerate(elements):
        try:
            item = await _understood(call, broker, element, read)
            if asking is None:
                item.raw = elements[place] = None  # understood, it takes as much memory again
            items.append(item)
        except Problem as problem:
            named = element.get("id") if isinstance(element, dict) else None
            result.refuse(named if isinstance(named, str) else None, problem)
    items = await _told_elsewhere(call, broker, asking, kind, items, result)
    if items:
        store = store or await broker.catalogue.create(call.tenant)
        changes = [EntityChange(item.document["id"], partial(_applied, apply, item)) for item in items]
        await _change(call, broker, store, changes, items, result)
    return result


def _applied(apply: Apply, item: Item, current: Document | None) -> Document | None:
    return apply(current, item)


async def _told_elsewhere(
    call: Call, broker: Broker, asking: Asking | None, kind: BatchKind, items: list[Item], result: Result
) -> list[Item]:
    """Tell registered sources what concerns them; give what remains to be done here. (5.6.7.4)"""
    if asking is None or not items:
        return items
    elements = [
        Element(
            item.document["id"],
            item.raw,
            item.context or call.context,
            None if kind is DELETE_BATCH else item.document,
        )
        for item in items
    ]
    await distributed_batches.tell(call, broker, asking, kind, elements)
    left = []
    for item, element in zip(items, elements, strict=True):
        for part in element.parts:
            result.errors += settling.errors_of(element.id, part)
        item.elsewhere = bool(element.parts)
        item.failed = not all(part.complete for part in element.parts)
        item.created = any(part.created for part in element.parts)
        if element.here:
            item.document = element.document or item.document
            left.append(item)
        elif not item.failed:
            result.succeed(element.id, created=item.created or kind is CREATE_BATCH)
    return left


async def _understood(call: Call, broker: Broker, item: Any, read: Expand) -> Item:
    if not isinstance(item, dict):
        raise BadRequestData("An element of the batch is not an object.")
    if not call.embedded and "@context" in item:
        raise BadRequestData(
            "A body of application/json has no @context; use a Link header or application/ld+json."
        )
    context = call.context
    if call.embedded:
        if "@context" not in item:
            raise BadRequestData("An entity of an application/ld+json batch needs an @context member.")
        context = broker.contexts.known(item["@context"]) or await broker.contexts.resolve(
            item["@context"], call.tenant
        )
    document = read(item, context.table)
    refuse_people(broker, document)
    return Item(document, item, context)


async def _change(
    call: Call,
    broker: Broker,
    store: TenantStore,
    changes: list[EntityChange],
    items: list[Item],
    result: Result,
) -> None:
    if not changes:
        return
    outcomes = await store.change(changes, call.now, broker.notifier.react_for(call.tenant))
    for change, item, outcome in zip(changes, items, outcomes, strict=True):
        problem = outcome.problem
        if problem is not None and item.elsewhere and item.raw == change.id:
            problem = None  # one to delete need not be here (5.6.6.4)
        if item.kept and problem is None:
            problem = BadRequestData(f"These attributes exist and were kept: {item.kept}.")
        if problem is not None:
            result.refuse(change.id, problem)
        elif not item.failed:
            new = outcome.change is not None and outcome.change.before is None
            result.succeed(change.id, created=item.created or new)


async def query_batch(call: Call, broker: Broker) -> Answer:
    """Query entities by a Query body. (5.7.2, 6.23.3.1)"""
    wanted = asked_body.from_query(
        call.body, call.params, call.context.table, call.accept == GEO_JSON, entities.limits(broker.settings)
    )
    return await entities.answer_query(call, broker, wanted)
