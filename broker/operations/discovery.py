"""The resources /types and /attributes. (5.7.5–5.7.10)"""

from typing import Any
from urllib.parse import quote

from base.errors import ResourceNotFound
from broker.model import validate
from broker.operations import asked
from broker.operations.call import Answer, Broker, Call
from broker.operations.rendering import listing
from broker.store.contract import TypeInfo

LIST_ID = "urn:ngsi-ld:{kind}:{tenant}"


async def list_types(call: Call, broker: Broker) -> Answer:
    """List the entity types there are, with their attributes if details are asked for. (5.7.5, 5.7.6)"""
    known = sorted(await broker.catalogue.open(call.tenant).types(call.now), key=lambda info: info.name)
    term = call.context.table.term
    if asked.flag(call.params, "details"):
        return listing(call, [_entity_type(call, info) for info in known])
    return listing(call, {**_list(call, "EntityTypeList"), "typeList": [term(info.name) for info in known]})


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
    info = _find(await broker.catalogue.open(call.tenant).types(call.now), call, "type", "Entity type")
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
    )


async def list_attributes(call: Call, broker: Broker) -> Answer:
    """List the attributes there are, with the types that have them if details are asked for. (5.7.8, 5.7.9)"""
    known = sorted(await broker.catalogue.open(call.tenant).attributes(call.now), key=lambda info: info.name)
    term = call.context.table.term
    if asked.flag(call.params, "details"):
        return listing(call, [_attribute(call, info) for info in known])
    return listing(
        call, {**_list(call, "AttributeList"), "attributeList": [term(info.name) for info in known]}
    )


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
    info = _find(await broker.catalogue.open(call.tenant).attributes(call.now), call, "attrId", "Attribute")
    kinds = sorted({kind for kinds in info.related.values() for kind in kinds})
    return listing(call, {**_attribute(call, info), "attributeCount": info.count, "attributeTypes": kinds})


def _find(known: list[TypeInfo], call: Call, member: str, what: str) -> TypeInfo:
    given = call.path[member]
    validate.name(given, what)
    name = call.context.table.iri(given)
    for info in known:
        if info.name == name:
            return info
    raise ResourceNotFound(f"{what} {name} is not known here.")


def _list(call: Call, kind: str) -> dict[str, Any]:
    return {"id": LIST_ID.format(kind=kind, tenant=quote(call.tenant or "default")), "type": kind}
