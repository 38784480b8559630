"""Changing Temporal Evolutions: /temporal/entities and what lies below. (5.6.11-5.6.16)"""

from urllib.parse import quote

from base.errors import BadRequestData, InvalidRequest
from broker.model import temporal, validate
from broker.model.document import DEFAULT_DATASET, Instance
from broker.operations import asked
from broker.operations.call import NO_CONTENT, Answer, Broker, Call
from broker.operations.changing import refuse_people
from broker.operations.entities import ROOT, same_id
from broker.store.evolution import HistoryStore


async def upsert_evolution(call: Call, broker: Broker) -> Answer:
    """Create the Temporal Evolution of an entity, or add to it. (5.6.11, 6.18.3.1)"""
    if not isinstance(call.body, dict):
        raise InvalidRequest("The body must be one EntityTemporal.")
    given = temporal.entity(call.body, call.context.table, call.now)
    refuse_people(broker, {"type": given.types})
    store = await broker.catalogue.create(call.tenant)
    assert given.id is not None
    if not await store.history.add(given.id, given.types, given.instances, call.now):
        return NO_CONTENT
    return Answer(201, headers={"Location": f"{ROOT}/temporal/entities/{quote(given.id, safe=':')}"})


async def add_attributes(call: Call, broker: Broker) -> Answer:
    """Add attribute instances to a Temporal Evolution. (5.6.12, 6.20.3.1)"""
    id, history = _target(call, broker)
    given = temporal.fragment(same_id(call.body, id), call.context.table, call.now)
    refuse_people(broker, {"type": given.types})
    if not given.instances and not given.types:
        raise BadRequestData("The fragment holds no attribute; give at least one.")
    await history.add(id, given.types, given.instances, call.now, new=False)
    return NO_CONTENT


async def delete_evolution(call: Call, broker: Broker) -> Answer:
    """Delete the Temporal Evolution of an entity. (5.6.16, 6.19.3.2)"""
    id, history = _target(call, broker)
    await history.delete(id)
    return NO_CONTENT


async def delete_attribute(call: Call, broker: Broker) -> Answer:
    """Delete an attribute of a Temporal Evolution: one dataset of it, or all. (5.6.13, 6.21.3.1)"""
    id, history = _target(call, broker)
    attr = _attribute(call)
    dataset = call.params.get("datasetId")
    if dataset is not None and dataset != DEFAULT_DATASET:
        validate.uri(dataset, "datasetId")
    every = asked.flag(call.params, "deleteAll")
    await history.delete_attribute(id, attr, None if every else dataset or DEFAULT_DATASET)
    return NO_CONTENT


async def modify_instance(call: Call, broker: Broker) -> Answer:
    """Replace one attribute instance of a Temporal Evolution. (5.6.14, 6.22.3.1)"""
    id, history = _target(call, broker)
    attr, instance_id = _attribute(call), _instance_id(call)
    fresh = temporal.instance(call.path["attrId"], call.body, call.context.table, call.now)

    def rule(current: Instance) -> Instance:
        return fresh

    await history.change_instance(id, attr, instance_id, rule, call.now)
    return NO_CONTENT


async def delete_instance(call: Call, broker: Broker) -> Answer:
    """Delete one attribute instance of a Temporal Evolution. (5.6.15, 6.22.3.2)"""
    id, history = _target(call, broker)
    await history.delete_instance(id, _attribute(call), _instance_id(call))
    return NO_CONTENT


def _target(call: Call, broker: Broker) -> tuple[str, HistoryStore]:
    return validate.uri(call.path["entityId"], "entityId"), broker.catalogue.open(call.tenant).history


def _attribute(call: Call) -> str:
    return temporal.attribute_name(call.path["attrId"], call.context.table)


def _instance_id(call: Call) -> str:
    return validate.uri(call.path["instanceId"], "instanceId")
