"""One attribute of an entity on its own, and its bare value: taken over from NGSI-LD 2.0. (6.7, 4.5.2-4.5.4)"""

from dataclasses import replace
from typing import Any

from base.errors import ResourceNotFound
from broker.model import expand, merge, represent, validate, versions
from broker.model.document import DEFAULT_DATASET, VALUE_MEMBER, Document, Instance, dataset_of
from broker.operations import asked, distributed, distributed_changes, preferences
from broker.operations.attributes import attribute_name
from broker.operations.call import LD_JSON, NO_CONTENT, TEXT, Answer, Broker, Call, Params
from broker.operations.changing import apply, selected
from broker.operations.rendering import dump


async def retrieve_attribute(call: Call, broker: Broker) -> Answer:
    """Retrieve one attribute of an entity. (NGSI-LD 2.0)"""
    shape = asked.representation(call.params, call.context.table, False)
    held = _held(call, broker)
    if shape.dataset_ids:
        held = [one for one in held if dataset_of(one) in shape.dataset_ids]
    if not held:
        raise _absent(call)
    amended = _amended(call, held)
    if not amended:
        raise _absent(call)
    table, headers = call.context.table, preferences.applied(call)
    shown = represent.attribute(amended, table, shape)
    status = 203 if headers and shown != represent.attribute(held, table, shape) else 200
    parts = shown if type(shown) is list else [shown]
    if call.accept == LD_JSON and shape.format != "simplified" and all(type(one) is dict for one in parts):
        for one in parts:
            one["@context"] = call.context.source
        return Answer(status, dump(shown), LD_JSON, headers)
    return Answer(status, dump(shown), headers=headers, context=call.context)


def _amended(call: Call, held: list[Instance]) -> list[Instance]:
    """Amend an attribute to the version that is preferred. (4.3.6.8)"""
    version, attr = preferences.version(call), attribute_name(call)
    return (
        held
        if version is None
        else versions.attributes({attr: held}, call.context.table, version).get(attr, [])
    )


async def retrieve_value(call: Call, broker: Broker) -> Answer:
    """Retrieve the bare value of an attribute, as JSON or text. (NGSI-LD 2.0)"""
    shape = asked.representation(call.params, call.context.table, False)
    shown = represent.bare_value(_one(call, _held(call, broker)), call.context.table, shape)
    body = shown.encode() if call.accept == TEXT and type(shown) is str else dump(shown)
    if call.accept == TEXT:
        return Answer(200, body, f"{TEXT}; charset=utf-8")
    return Answer(200, body, context=call.context)


async def set_value(call: Call, broker: Broker) -> Answer:
    """Set the value of an attribute that is there; its type and its other members stay. (NGSI-LD 2.0)"""
    id = validate.uri(call.path["entityId"], "entityId")
    store = broker.catalogue.open(call.tenant)
    attr, name, dataset = attribute_name(call), call.path["attrId"], _dataset(call)

    def rule(current: Document | None) -> Document:
        entity = selected(call, id, current)
        kind = _one(call, entity["attrs"].get(attr, []))["type"]
        body = {"type": kind, VALUE_MEMBER[kind]: call.body, "datasetId": dataset}
        if "observedAt" in call.params:
            body["observedAt"] = call.params["observedAt"]
        given = expand.attribute(name, body, call.context.table, call.now, nulls=False, partial=True)
        return merge.partial_update(entity, attr, given, call.now)

    async def here(_: frozenset[str]) -> None:
        await apply(broker, call, store, id, rule)

    asking = distributed.asking(call, broker)
    if asking is None:
        await here(frozenset())
        return NO_CONTENT
    stored = store.document(id, call.now)
    held = stored.document["attrs"].get(attr, []) if stored is not None else []
    told = _as_partial_update(call, held, dataset)
    kind, attributes = distributed_changes.UPDATE_ATTRIBUTE, {attr: frozenset({dataset})}
    return distributed_changes.as_update(
        await distributed_changes.change_attribute(told, broker, asking, kind, attributes, here)
    )


def _as_partial_update(call: Call, held: list[Instance], dataset: str) -> Call:
    """Write the request as the partial update that sources are asked for; they know the kind of the value. (5.6.4)"""
    member = next((VALUE_MEMBER[one["type"]] for one in held if dataset_of(one) == dataset), "value")
    body = {member: call.body} | ({} if dataset == DEFAULT_DATASET else {"datasetId": dataset})
    if "observedAt" in call.params:
        body["observedAt"] = call.params["observedAt"]
    return replace(call, body=body, params=Params({n: v for n, v in call.params.items() if n == "type"}))


def _held(call: Call, broker: Broker) -> list[Instance]:
    id = validate.uri(call.path["entityId"], "entityId")
    attr = attribute_name(call)
    stored = broker.catalogue.open(call.tenant).document(id, call.now)
    held: list[Instance] = selected(call, id, stored.document if stored else None)["attrs"].get(attr, [])
    return held


def _one(call: Call, held: list[Instance]) -> Instance:
    """Choose the instance of the dataset asked for, the default one else. (4.5.5.1)"""
    wanted = _dataset(call)
    for instance in held:
        if dataset_of(instance) == wanted:
            return instance
    raise _absent(call)


def _dataset(call: Call) -> str:
    given: Any = call.params.get("datasetId", DEFAULT_DATASET)
    return DEFAULT_DATASET if given == DEFAULT_DATASET else validate.uri(given, "datasetId")


def _absent(call: Call) -> ResourceNotFound:
    return ResourceNotFound(
        f"Entity {call.path['entityId']} has no attribute {validate.shown(call.path['attrId'])}, "
        "or no instance of the datasetId asked for."
    )
