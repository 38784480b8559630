"""Changing Temporal Evolutions: /temporal/entities and what lies below. (5.6.11-5.6.16)"""

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from base.errors import BadRequestData, InvalidRequest
from broker.federation.splitting import Attributes
from broker.model import temporal, validate
from broker.model.document import DEFAULT_DATASET, Instance, dataset_of
from broker.model.temporal import Given
from broker.operations import asked, distributed, distributed_changes, distributed_evolutions
from broker.operations.call import NO_CONTENT, Answer, Broker, Call
from broker.operations.changing import refuse_people
from broker.operations.distributed_changes import Kind
from broker.operations.entities import ROOT, same_id
from broker.store.evolution import HistoryStore


async def upsert_evolution(call: Call, broker: Broker) -> Answer:
    """Create the Temporal Evolution of an entity, or add to it. (5.6.11, 6.18.3.1)"""
    if not isinstance(call.body, dict):
        raise InvalidRequest("The body must be one EntityTemporal.")
    given = temporal.entity(call.body, call.context.table, call.now)
    refuse_people(broker, {"type": given.types})
    id = given.id
    assert id is not None
    made = Answer(201, headers={"Location": f"{ROOT}/temporal/entities/{quote(id, safe=':')}"})

    async def here(part: Given) -> bool:
        store = await broker.catalogue.create(call.tenant)
        return await store.history.add(id, part.types, part.instances, call.now)

    asking = distributed.asking(call, broker)
    if asking is None:
        return made if await here(given) else NO_CONTENT
    kind = distributed_evolutions.UPSERT
    parts = await distributed_evolutions.add(call, broker, asking, kind, given, here)
    success = made if any(part.created for part in parts) else NO_CONTENT
    return distributed_changes.as_batch(id, parts, success)


async def add_attributes(call: Call, broker: Broker) -> Answer:
    """Add attribute instances to a Temporal Evolution. (5.6.12, 6.20.3.1)"""
    id, history = _target(call, broker)
    given = temporal.fragment(same_id(call.body, id), call.context.table, call.now)
    refuse_people(broker, {"type": given.types})
    if not given.instances and not given.types:
        raise BadRequestData("The fragment holds no attribute; give at least one.")

    async def here(part: Given) -> bool:
        return await history.add(id, part.types, part.instances, call.now, new=False)

    asking = distributed.asking(call, broker)
    if asking is None:
        await here(given)
        return NO_CONTENT
    kind = distributed_evolutions.APPEND
    parts = await distributed_evolutions.add(call, broker, asking, kind, given, here)
    return distributed_changes.as_update(parts)


async def delete_evolution(call: Call, broker: Broker) -> Answer:
    """Delete the Temporal Evolution of an entity. (5.6.16, 6.19.3.2)"""
    id, history = _target(call, broker)
    asking = distributed.asking(call, broker)
    if asking is None:
        await history.delete(id)
        return NO_CONTENT
    kind = distributed_evolutions.DELETE
    parts = await distributed_evolutions.change(call, broker, asking, kind, None, lambda: history.delete(id))
    return distributed_changes.as_batch(id, parts)


async def delete_attribute(call: Call, broker: Broker) -> Answer:
    """Delete an attribute of a Temporal Evolution: one dataset of it, or all. (5.6.13, 6.21.3.1)"""
    id, history = _target(call, broker)
    attr = _attribute(call)
    dataset = call.params.get("datasetId")
    if dataset is not None and dataset != DEFAULT_DATASET:
        validate.uri(dataset, "datasetId")
    every = asked.flag(call.params, "deleteAll")
    datasets = frozenset[str]() if every else frozenset({dataset or DEFAULT_DATASET})
    return await _changed(
        call,
        broker,
        distributed_evolutions.DELETE_ATTRIBUTE,
        {attr: datasets},
        lambda: history.delete_attribute(id, attr, None if every else dataset or DEFAULT_DATASET),
    )


async def modify_instance(call: Call, broker: Broker) -> Answer:
    """Replace one attribute instance of a Temporal Evolution. (5.6.14, 6.22.3.1)"""
    id, history = _target(call, broker)
    attr, instance_id = _attribute(call), _instance_id(call)
    fresh = temporal.instance(call.path["attrId"], call.body, call.context.table, call.now)

    def rule(current: Instance) -> Instance:
        return fresh

    return await _changed(
        call,
        broker,
        distributed_evolutions.MODIFY_INSTANCE,
        {attr: frozenset({dataset_of(fresh)})},
        lambda: history.change_instance(id, attr, instance_id, rule, call.now),
    )


async def delete_instance(call: Call, broker: Broker) -> Answer:
    """Delete one attribute instance of a Temporal Evolution. (5.6.15, 6.22.3.2)"""
    id, history = _target(call, broker)
    attr, instance_id = _attribute(call), _instance_id(call)
    return await _changed(
        call,
        broker,
        distributed_evolutions.DELETE_INSTANCE,
        {attr: frozenset()},
        lambda: history.delete_instance(id, attr, instance_id),
    )


async def _changed(
    call: Call, broker: Broker, kind: Kind, attributes: Attributes, here: Callable[[], Awaitable[None]]
) -> Answer:
    """Change instances of an attribute here, or at the sources that have them. (5.6.13-5.6.15)"""
    asking = distributed.asking(call, broker)
    if asking is None:
        await here()
        return NO_CONTENT
    return distributed_changes.as_update(
        await distributed_evolutions.change(call, broker, asking, kind, attributes, here)
    )


def _target(call: Call, broker: Broker) -> tuple[str, HistoryStore]:
    return validate.uri(call.path["entityId"], "entityId"), broker.catalogue.open(call.tenant).history


def _attribute(call: Call) -> str:
    return temporal.attribute_name(call.path["attrId"], call.context.table)


def _instance_id(call: Call) -> str:
    return validate.uri(call.path["instanceId"], "instanceId")
