"""The resources below /entityOperations: each item as if it had come alone, in order. (5.6.7–5.6.10, 5.6.20, 5.5.11)"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from base.errors import BadRequestData, Problem, ResourceNotFound
from broker.model import expand, merge, validate
from broker.model.document import Document
from broker.operations import asked, entities
from broker.operations.call import GEO_JSON, NO_CONTENT, Answer, Broker, Call
from broker.operations.changing import refuse_people
from broker.operations.rendering import dump
from broker.store.contract import EntityChange, Rule, TenantStore

Expand = Callable[[dict[str, Any], Any], Document]


@dataclass(slots=True)
class Item:
    """One element of a batch, understood; `kept` names attributes that a rule left as they were."""

    document: Document
    kept: str = ""


Apply = Callable[[Document | None, Item], Document | None]


@dataclass(slots=True)
class Result:
    """Which entities were created or changed, and which were refused. (5.2.16)"""

    created: list[str]
    changed: list[str]
    errors: list[tuple[str | None, Problem]]

    def answer(self, all_created: bool) -> Answer:
        """Answer 201 with what was created, 204, or 207 with all that happened. (6.14–6.17)"""
        if self.errors:
            errors = [
                {**({} if id is None else {"entityId": id}), "error": problem.body()}
                for id, problem in self.errors
            ]
            return Answer(207, dump({"success": self.created + self.changed, "errors": errors}))
        if self.created or all_created:
            return Answer(201, dump(list(dict.fromkeys(self.created))))
        return NO_CONTENT


async def create_batch(call: Call, broker: Broker) -> Answer:
    """Create entities. (5.6.7, 6.14.3.1)"""
    result = await _run(
        call, broker, None, _whole(call), lambda current, item: merge.create(current, item.document)
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

    return (await _run(call, broker, None, _whole(call), apply)).answer(all_created=False)


async def update_batch(call: Call, broker: Broker) -> Answer:
    """Append to or update entities that are there. (5.6.9, 6.16.3.1)"""
    overwrite = "noOverwrite" not in call.params.get("options", "").split(",")

    def apply(current: Document | None, item: Item) -> Document:
        document, done = merge.append(_there(current, item), item.document, call.now, overwrite=overwrite)
        item.kept = ", ".join(name for name, _ in done.not_updated)
        return document

    store = broker.catalogue.open(call.tenant)
    return (await _run(call, broker, store, _part(call, nulls=False), apply)).answer(all_created=False)


async def merge_batch(call: Call, broker: Broker) -> Answer:
    """Merge fragments into entities that are there. (5.6.20, 6.31.3.1)"""

    def apply(current: Document | None, item: Item) -> Document:
        return merge.merge_patch(_there(current, item), item.document, call.now)[0]

    store = broker.catalogue.open(call.tenant)
    return (await _run(call, broker, store, _part(call, nulls=True), apply)).answer(all_created=False)


def _there(current: Document | None, item: Item) -> Document:
    if current is None:
        raise entities.absent(item.document["id"])
    return current


async def delete_batch(call: Call, broker: Broker) -> Answer:
    """Delete entities. (5.6.10, 6.17.3.1)"""
    store = broker.catalogue.open(call.tenant)
    result = Result([], [], [])
    changes = []
    for item in _items(call, broker):
        if not isinstance(item, str):
            raise BadRequestData("The body must be a list of entity ids.")
        try:
            changes.append(EntityChange(validate.uri(item, "entity id"), _delete(item)))
        except Problem as problem:
            result.errors.append((item, problem))
    await _change(call, broker, store, changes, [Item({})] * len(changes), result)
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


async def _run(call: Call, broker: Broker, store: TenantStore | None, read: Expand, apply: Apply) -> Result:
    """Understand each element and apply it; without a store the tenant is made, once there is something to keep."""
    result = Result([], [], [])
    items: list[Item] = []
    for element in _items(call, broker):
        try:
            items.append(Item(await _understood(call, broker, element, read)))
        except Problem as problem:
            named = element.get("id") if isinstance(element, dict) else None
            result.errors.append((named if isinstance(named, str) else None, problem))
    if items:
        store = store or await broker.catalogue.create(call.tenant)
        changes = [EntityChange(item.document["id"], partial(_applied, apply, item)) for item in items]
        await _change(call, broker, store, changes, items, result)
    return result


def _applied(apply: Apply, item: Item, current: Document | None) -> Document | None:
    return apply(current, item)


async def _understood(call: Call, broker: Broker, item: Any, read: Expand) -> Document:
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
    return document


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
        if outcome.problem is not None:
            result.errors.append((change.id, outcome.problem))
        elif item.kept:
            result.errors.append(
                (change.id, BadRequestData(f"These attributes exist and were kept: {item.kept}."))
            )
        elif outcome.change is not None and outcome.change.before is None:
            result.created.append(change.id)
        else:
            result.changed.append(change.id)


async def query_batch(call: Call, broker: Broker) -> Answer:
    """Query entities by a Query body. (5.7.2, 6.23.3.1)"""
    wanted = asked.from_query(
        call.body, call.params, call.context.table, call.accept == GEO_JSON, entities.limits(broker.settings)
    )
    return await entities.answer_query(call, broker, wanted)
