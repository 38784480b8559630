"""Types and attributes there are. (5.7.5 to 5.7.10)"""

from conformance.case import case
from conformance.entity import point, prop, rel, vehicle
from conformance.subject import Subject

FEATURE = "Discovery"
NEEDS = ("discovery", "tenants")


@case("5.7.5.4", "the list of types has each type once", feature=FEATURE, needs=NEEDS)
async def types(broker: Subject) -> None:
    tenant = await broker.tenant()
    for entity in (vehicle(speed=1), vehicle(speed=2), {"type": "Bus"}):
        await broker.have(entity, tenant=tenant)
    body = (await broker.get("/types", tenant=tenant)).status(200).body.has(type="EntityTypeList")
    body.at("typeList").unordered([broker.type("Vehicle"), broker.type("Bus")])


@case("5.7.6.4", "details=true tells the attributes of each type", feature=FEATURE, needs=NEEDS)
async def type_details(broker: Subject) -> None:
    tenant = await broker.tenant()
    await broker.have(vehicle(speed=1, colour="red"), tenant=tenant)
    found = (await broker.get("/types", details=True, tenant=tenant)).status(200).body.counts(1).at(0)
    found.has(type="EntityType", typeName=broker.type("Vehicle"))
    found.at("attributeNames").unordered(["speed", "colour"])


@case(
    "5.7.7.4",
    "information on one type: entities, attributes and their kinds",
    feature=FEATURE,
    needs=("discovery",),
)
async def type_information(broker: Subject) -> None:
    made = await broker.have_all(
        vehicle(speed=1), vehicle(speed=2, owner=rel("urn:a:b"), location=point(1, 2))
    )
    body = (await broker.get(f"/types/{made[0].type}")).status(200).body
    body.has(type="EntityTypeInfo", typeName=made[0].type, entityCount=2)
    kinds = {one["attributeName"]: one["attributeTypes"] for one in body.at("attributeDetails").value}
    expected = {"speed": ["Property"], "owner": ["Relationship"], "location": ["GeoProperty"]}
    body.holds(kinds == expected, f"has the attributes {expected}", str(kinds))


@case("5.7.7.4", "an unknown type is not found", feature=FEATURE, needs=("discovery",))
async def unknown_type(broker: Subject) -> None:
    (await broker.get(f"/types/{broker.type('Nothing')}")).refused(404, "ResourceNotFound")


@case("5.7.5.4", "a type whose last entity is deleted is gone", feature=FEATURE, needs=("discovery",))
async def type_gone(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    (await broker.delete(entity.path)).status(204)
    (await broker.get(f"/types/{entity.type}")).refused(404, "ResourceNotFound")


@case("5.7.8.4", "the list of attributes has each attribute once", feature=FEATURE, needs=NEEDS)
async def attributes(broker: Subject) -> None:
    tenant = await broker.tenant()
    for entity in (vehicle(speed=1, colour="red"), {"type": "Bus", "speed": prop(1)}):
        await broker.have(entity, tenant=tenant)
    body = (await broker.get("/attributes", tenant=tenant)).status(200).body.has(type="AttributeList")
    body.at("attributeList").unordered(["speed", "colour"])


@case("5.7.9.4", "details=true tells the types that have each attribute", feature=FEATURE, needs=NEEDS)
async def attribute_details(broker: Subject) -> None:
    tenant = await broker.tenant()
    for entity in (vehicle(speed=1), {"type": "Bus", "speed": prop(1)}):
        await broker.have(entity, tenant=tenant)
    found = (await broker.get("/attributes", details=True, tenant=tenant)).status(200).body.counts(1).at(0)
    found.has(type="Attribute", attributeName="speed")
    found.at("typeNames").unordered([broker.type("Vehicle"), broker.type("Bus")])


@case(
    "5.7.10.4",
    "information on one attribute: how many, of which kinds, in which types",
    feature=FEATURE,
    needs=("discovery",),
)
async def attribute_information(broker: Subject) -> None:
    name = f"speed{broker.mark}"
    made = await broker.have_all(vehicle(**{name: 1}), vehicle(**{name: 2}))
    body = (await broker.get(f"/attributes/{name}")).status(200).body
    body.has(type="Attribute", attributeName=name, attributeCount=2, attributeTypes=["Property"])
    body.at("typeNames").equals([made[0].type])


@case("5.7.10.4", "an unknown attribute is not found", feature=FEATURE, needs=("discovery",))
async def unknown_attribute(broker: Subject) -> None:
    (await broker.get(f"/attributes/nothing{broker.mark}")).refused(404, "ResourceNotFound")


@case("5.7.5, 5.5.7", "names are compacted with the reader's @context", feature=FEATURE, needs=NEEDS)
async def compacted(broker: Subject) -> None:
    server = await broker.context_server({"tempo": "https://example.org/speed"})
    tenant = await broker.tenant()
    await broker.have(vehicle(tempo=1), context=server.url, tenant=tenant)
    answer = await broker.get("/attributes", tenant=tenant, context=server.url)
    answer.status(200).body.at("attributeList").equals(["tempo"])
    answer = await broker.get("/attributes", tenant=tenant)
    answer.status(200).body.at("attributeList").equals(["https://example.org/speed"])
