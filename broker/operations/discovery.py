"""The resources /types and /attributes. (5.7.5–5.7.10)"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from base.errors import ResourceNotFound
from broker.model import validate
from broker.operations import asked, distributed, distributed_discovery, distributed_reading
from broker.operations.call import Answer, Broker, Call
from broker.operations.distributed_discovery import Question
from broker.operations.rendering import listing
from broker.store.contract import TypeInfo

LIST_ID = "urn:ngsi-ld:{kind}:{tenant}"


async def list_types(call: Call, broker: Broker) -> Answer:
    """List the entity types there are, with their attributes if details are asked for. (5.7.5, 5.7.6)"""
    detailed = asked.flag(call.params, "details")
    known, headers = await _known(call, broker, Question(True, detailed))
    if detailed:
        return listing(call, [_entity_type(call, info) for info in known], headers)
    term = call.context.table.term
    names = [term(info.name) for info in known]
    return listing(call, {**_list(call, "EntityTypeList"), "typeList": names}, headers)


def _entity_type(call: Call, info: TypeInfo) -> dict[str, Any]:
    term = call.context.table.term
    return {
        "id": info.name,
        "type": "EntityType",
        "typeName": term(info.name),
        "attributeNames": sorted(term(name) for name in info.related),
    }


async def retrieve_type(call: Call, broker: Broker) -> Answer:
    """Describe one entity type. (5.7.7)"""
    info, headers = await _find(call, broker, "type", "Entity type")
    term = call.context.table.term
    details = [
        {"id": name, "type": "Attribute", "attributeName": term(name), "attributeTypes": sorted(kinds)}
        for name, kinds in sorted(info.related.items())
    ]
    return listing(
        call,
        {
            "id": info.name,
            "type": "EntityTypeInfo",
            "typeName": term(info.name),
            "entityCount": info.count,
            "attributeDetails": details,
        },
        headers,
    )


async def list_attributes(call: Call, broker: Broker) -> Answer:
    """List the attributes there are, with the types that have them if details are asked for. (5.7.8, 5.7.9)"""
    detailed = asked.flag(call.params, "details")
    known, headers = await _known(call, broker, Question(False, detailed))
    if detailed:
        return listing(call, [_attribute(call, info) for info in known], headers)
    term = call.context.table.term
    names = [term(info.name) for info in known]
    return listing(call, {**_list(call, "AttributeList"), "attributeList": names}, headers)


def _attribute(call: Call, info: TypeInfo) -> dict[str, Any]:
    term = call.context.table.term
    return {
        "id": info.name,
        "type": "Attribute",
        "attributeName": term(info.name),
        "typeNames": sorted(term(name) for name in info.related),
    }


async def retrieve_attribute(call: Call, broker: Broker) -> Answer:
    """Describe one attribute. (5.7.10)"""
    info, headers = await _find(call, broker, "attrId", "Attribute")
    kinds = sorted({kind for kinds in info.related.values() for kind in kinds})
    body = {**_attribute(call, info), "attributeCount": info.count, "attributeTypes": kinds}
    return listing(call, body, headers)


async def _find(call: Call, broker: Broker, member: str, what: str) -> tuple[TypeInfo, dict[str, str]]:
    given = call.path[member]
    validate.name(given, what)
    name = call.context.table.iri(given)
    known, headers = await _known(call, broker, Question(member == "type", name=name))
    for info in known:
        if info.name == name:
            return info, headers
    raise ResourceNotFound(f"{what} {name} is not known here.", headers=headers)


async def _known(call: Call, broker: Broker, question: Question) -> tuple[Sequence[TypeInfo], dict[str, str]]:
    """Give the types or attributes there are, by name, those of sources among them; and what went wrong there."""
    store = broker.catalogue.open(call.tenant)
    known = await (store.types if question.of_types else store.attributes)(call.now)
    headers: dict[str, str] = {}
    asking = distributed.asking(call, broker)
    if asking is not None:
        asks = distributed_reading.inquiry(broker, asking, ())
        told = await distributed_discovery.told(asks, question, distributed_reading.seeing(call))
        counts = [info.count for info in (*known, *told) if info.name == question.name]
        known = distributed_discovery.united(known, told)
        if question.name is not None and counts:
            number = await distributed_discovery.distinct(call, broker, asking, question, counts)
            known = [replace(info, count=number) if info.name == question.name else info for info in known]
        headers = distributed_reading.warned(asks)
    return sorted(known, key=lambda info: info.name), headers


def _list(call: Call, kind: str) -> dict[str, Any]:
    return {"id": LIST_ID.format(kind=kind, tenant=quote(call.tenant or "default")), "type": kind}
