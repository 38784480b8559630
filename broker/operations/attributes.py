"""The resources /entities/{entityId}/attrs and /entities/{entityId}/attrs/{attrId}. (5.6.2–5.6.5, 5.6.19)"""

from collections.abc import Awaitable, Callable

from base.errors import BadRequestData
from broker.federation.splitting import Attributes
from broker.model import expand, merge, validate
from broker.model.document import DEFAULT_DATASET, Document, Instance, dataset_of
from broker.model.merge import UpdateResult
from broker.operations import asked, distributed, distributed_changes
from broker.operations.call import NO_CONTENT, Answer, Broker, Call
from broker.operations.changing import apply, refuse_people, selected
from broker.operations.distributed_changes import Kind
from broker.operations.entities import same_id
from broker.operations.rendering import dump
from broker.store.contract import TenantStore

InstanceRule = Callable[[Document | None, str, list[Instance], int], Document]


async def append_attributes(call: Call, broker: Broker) -> Answer:
    """Append attributes to an entity. (5.6.3, 6.6.3.1)"""
    id, store = _target(call, broker)
    fragment = expand.fragment(same_id(call.body, id), call.context.table, call.now, nulls=False)
    refuse_people(broker, fragment)
    overwrite = "noOverwrite" not in call.params.get("options", "").split(",")

    async def here(part: Document) -> UpdateResult:
        done: list[UpdateResult] = []

        def rule(current: Document | None) -> Document:
            document, result = merge.append(selected(call, id, current), part, call.now, overwrite=overwrite)
            done[:] = [result]
            return document

        await apply(broker, call, store, id, rule)
        return done[0]

    return await _changed(call, broker, distributed_changes.APPEND, fragment, here)


async def update_attributes(call: Call, broker: Broker) -> Answer:
    """Update attributes of an entity. (5.6.2, 6.6.3.2)"""
    id, store = _target(call, broker)
    fragment = expand.fragment(same_id(call.body, id), call.context.table, call.now, nulls=True)
    refuse_people(broker, fragment)

    async def here(part: Document) -> UpdateResult:
        done: list[UpdateResult] = []

        def rule(current: Document | None) -> Document:
            document, result = merge.update(selected(call, id, current), part, call.now)
            done[:] = [result]
            return document

        await apply(broker, call, store, id, rule)
        return done[0]

    return await _changed(call, broker, distributed_changes.UPDATE, fragment, here)


async def _changed(
    call: Call,
    broker: Broker,
    kind: Kind,
    fragment: Document,
    here: Callable[[Document], Awaitable[UpdateResult]],
) -> Answer:
    """Change attributes here, and at the sources that have them. (5.6.2, 5.6.3)"""
    asking = distributed.asking(call, broker)
    if asking is None:
        return _told(await here(fragment))
    return distributed_changes.as_update(
        await distributed_changes.change_entity(call, broker, asking, kind, fragment, here)
    )


def _told(result: UpdateResult) -> Answer:
    """Answer 204, or 207 with what was not updated, in fully qualified names. (5.2.18, 6.3.6)"""
    if not result.not_updated:
        return NO_CONTENT
    refused = [{"attributeName": name, "reason": reason} for name, reason in result.not_updated]
    return Answer(207, dump({"updated": list(result.updated), "notUpdated": refused}))


async def partial_update_attribute(call: Call, broker: Broker) -> Answer:
    """Update members of one attribute instance. (5.6.4, 6.7.3.1)"""
    return await _changed_by_fragment(
        call, broker, distributed_changes.UPDATE_ATTRIBUTE, merge.partial_update, partial=True
    )


async def replace_attribute(call: Call, broker: Broker) -> Answer:
    """Replace one attribute instance. (5.6.19, 6.7.3.3)"""
    return await _changed_by_fragment(
        call, broker, distributed_changes.REPLACE_ATTRIBUTE, merge.replace_attribute, partial=False
    )


async def _changed_by_fragment(
    call: Call, broker: Broker, kind: Kind, rule: InstanceRule, *, partial: bool
) -> Answer:
    """Change instances of one attribute as a fragment says; nulls are for partial ones. (5.6.4, 5.6.19)"""
    id, store = _target(call, broker)
    attr = attribute_name(call)
    name = call.path["attrId"]
    given = expand.attribute(name, call.body, call.context.table, call.now, nulls=partial, partial=partial)

    async def here(datasets: frozenset[str]) -> None:
        left = [one for one in given if dataset_of(one) in datasets]
        await apply(
            broker, call, store, id, lambda current: rule(selected(call, id, current), attr, left, call.now)
        )

    return await _changed_one(call, broker, kind, {attr: frozenset(map(dataset_of, given))}, here)


async def delete_attribute(call: Call, broker: Broker) -> Answer:
    """Delete an attribute, one instance of it, or all of them. (5.6.5, 6.7.3.2)"""
    id, store = _target(call, broker)
    attr = attribute_name(call)
    dataset = call.params.get("datasetId")
    if dataset is not None and dataset != DEFAULT_DATASET:
        validate.uri(dataset, "datasetId")
    every = asked.flag(call.params, "deleteAll")

    async def here(_: frozenset[str]) -> None:
        await apply(
            broker,
            call,
            store,
            id,
            lambda current: merge.delete_attribute(
                selected(call, id, current), attr, call.now, dataset_id=dataset, delete_all=every
            ),
        )

    datasets = frozenset() if every else frozenset({dataset or DEFAULT_DATASET})
    return await _changed_one(call, broker, distributed_changes.DELETE_ATTRIBUTE, {attr: datasets}, here)


async def _changed_one(
    call: Call,
    broker: Broker,
    kind: Kind,
    attributes: Attributes,
    here: Callable[[frozenset[str]], Awaitable[None]],
) -> Answer:
    """Change one attribute here, or at the sources that have it. (5.6.4, 5.6.5, 5.6.19)"""
    asking = distributed.asking(call, broker)
    if asking is None:
        (datasets,) = attributes.values()
        await here(datasets)
        return NO_CONTENT
    return distributed_changes.as_update(
        await distributed_changes.change_attribute(call, broker, asking, kind, attributes, here)
    )


def _target(call: Call, broker: Broker) -> tuple[str, TenantStore]:
    return validate.uri(call.path["entityId"], "entityId"), broker.catalogue.open(call.tenant)


def attribute_name(call: Call) -> str:
    """Give the IRI of the attribute that the path names. (5.5.7)"""
    validate.name(call.path["attrId"], "attribute")
    if call.path["attrId"] in ("id", "type", "@id", "@type"):
        raise BadRequestData("id and type of an entity are no attributes.")
    return call.context.table.iri(call.path["attrId"])
