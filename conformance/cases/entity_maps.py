"""Entity maps. (4.5.25, 5.14, 6.32, 6.34, 6.35)"""

from conformance.case import case
from conformance.cases.temporal_changes import ALL, known, speeds
from conformance.demand import demand
from conformance.entity import NULL, prop, vehicle
from conformance.subject import Subject

FEATURE = "Entity maps"
NEEDS = ("entity maps",)


async def made(broker: Subject, kind: str) -> str:
    """Make the map of a type, demanding 201; give its path."""
    answer = (await broker.get("/entityMaps", type=kind)).status(201).header("NGSILD-EntityMap")
    return f"/entityMaps/{answer.json['id']}"


@case(
    "5.14.4.4, 6.34.3.1", "a map is made with 201, its header and its entities", feature=FEATURE, needs=NEEDS
)
async def create(broker: Subject) -> None:
    one, two = await broker.have_all(vehicle(speed=1), vehicle(speed=2))
    answer = (await broker.get("/entityMaps", type=one.type)).status(201)
    answer.header("NGSILD-EntityMap", pattern=f".*{answer.json['id']}")
    answer.body.has(type="EntityMap").at("expiresAt").is_time()
    answer.body.at("entityMap").equals({one.id: ["@none"], two.id: ["@none"]})


@case("5.14.4.4, 6.34.3.2", "a map is made by a POSTed Query", feature=FEATURE, needs=NEEDS)
async def create_by_post(broker: Subject) -> None:
    fast, slow = await broker.have_all(vehicle(speed=99), vehicle(speed=2))
    body = {"type": "Query", "entities": [{"type": slow.type}], "q": "speed>50"}
    answer = (await broker.post("/entityMaps", body)).status(201).header("NGSILD-EntityMap")
    answer.body.at("entityMap").equals({fast.id: ["@none"]})


@case("5.14.4.4", "a map of everything is too wide", feature=FEATURE, needs=NEEDS)
async def too_wide(broker: Subject) -> None:
    (await broker.get("/entityMaps")).refused(400, "BadRequestData")


@case("5.14.4.4", "a map with a bad q is refused", feature=FEATURE, needs=NEEDS)
async def bad_query(broker: Subject) -> None:
    (await broker.get("/entityMaps", type=broker.type("Vehicle"), q="speed>>")).refused(400, "BadRequestData")


@case("5.14.1.4", "a map is retrieved", feature=FEATURE, needs=NEEDS)
async def retrieve(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    path = await made(broker, entity.type)
    body = (await broker.get(path)).status(200).body.has(type="EntityMap")
    body.at("entityMap").equals({entity.id: ["@none"]})


@case("5.14.1.4", "an unknown map is not found", feature=FEATURE, needs=NEEDS)
async def retrieve_unknown(broker: Subject) -> None:
    (await broker.get(f"/entityMaps/{broker.id('EntityMap')}")).refused(404, "ResourceNotFound")


@case("5.14.1.4", "a map's id must be a URI", feature=FEATURE, needs=NEEDS)
async def retrieve_bad_id(broker: Subject) -> None:
    (await broker.get("/entityMaps/nouri")).refused(400, "BadRequestData")


@case("5.14.2.4", "a map's expiresAt can be changed", feature=FEATURE, needs=NEEDS)
async def update(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    path = await made(broker, entity.type)
    later = broker.moment(1200)[:19]
    (await broker.patch(path, {"type": "EntityMap", "expiresAt": f"{later}Z"})).status(204)
    (await broker.get(path)).status(200).body.at("expiresAt").matches(rf"{later}(\.0+)?Z")


@case("5.14.2.4", "a map's expiresAt in another form is refused", feature=FEATURE, needs=NEEDS)
async def bad_update(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    path = await made(broker, entity.type)
    (await broker.patch(path, {"expiresAt": "soon"})).refused(400, "BadRequestData")


@case("5.14.3.4", "a deleted map is gone", feature=FEATURE, needs=NEEDS)
async def delete(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    path = await made(broker, entity.type)
    (await broker.delete(path)).status(204).empty()
    (await broker.get(path)).refused(404, "ResourceNotFound")
    (await broker.delete(path)).refused(404, "ResourceNotFound")


@case(
    "5.7.2.4, 6.4.3.2",
    "a query with entityMap=true makes a map and answers 201",
    feature=FEATURE,
    needs=NEEDS,
)
async def by_query(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    answer = await broker.get("/entities", type=entity.type, entityMap=True)
    answer.status(201).header("NGSILD-EntityMap").body.ids(entity)


@case("5.5.9.3", "pages through a map neither lose nor repeat", feature=FEATURE, needs=NEEDS)
async def pages(broker: Subject) -> None:
    entities = await broker.have_all(*(vehicle(speed=n) for n in range(5)))
    kind = entities[0].type
    first = (await broker.get("/entities", type=kind, entityMap=True, limit=2)).status(201)
    header = {"NGSILD-EntityMap": first.headers["NGSILD-EntityMap"]}
    seen = [e["id"] for e in first.json]
    for offset in (2, 4):
        page = await broker.get("/entities", type=kind, limit=2, offset=offset, headers=header)
        seen += [e["id"] for e in page.status(200).json]
    demand(sorted(seen) == sorted(e.id for e in entities), "each entity comes once", seen)


@case("5.5.9.3", "what is created after the map is not on its pages", feature=FEATURE, needs=NEEDS)
async def fixed_set(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    first = (await broker.get("/entities", type=entity.type, entityMap=True)).status(201)
    await broker.have(vehicle(speed=2))
    header = {"NGSILD-EntityMap": first.headers["NGSILD-EntityMap"]}
    (await broker.get("/entities", type=entity.type, headers=header)).status(200).body.ids(entity)


@case(
    "5.5.9.3", "what fits no longer is left out, and what is shown is current", feature=FEATURE, needs=NEEDS
)
async def filters_again(broker: Subject) -> None:
    one, two = await broker.have_all(vehicle(speed=60), vehicle(speed=70))
    first = (await broker.get("/entities", type=one.type, q="speed>50", entityMap=True)).status(201)
    (await broker.patch(f"{one.path}/attrs", {"speed": prop(10)})).status(204)
    (await broker.patch(f"{two.path}/attrs", {"speed": prop(80)})).status(204)
    header = {"NGSILD-EntityMap": first.headers["NGSILD-EntityMap"]}
    answer = await broker.get("/entities", type=one.type, q="speed>50", headers=header)
    answer.status(200).body.ids(two).at(0, "speed", "value").equals(80)


@case("5.14.1, 6.3.14", "a map belongs to its tenant", feature=FEATURE, needs=(*NEEDS, "tenants"))
async def of_a_tenant(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    path = await made(broker, entity.type)
    tenant = await broker.tenant()
    await broker.have(vehicle(speed=1), tenant=tenant)
    (await broker.get(path, tenant=tenant)).refused(404, "ResourceNotFound")


@case(
    "5.14.5.4, 6.35.3.1", "a map of Temporal Evolutions is made", feature=FEATURE, needs=(*NEEDS, "temporal")
)
async def temporal(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1))
    answer = await broker.get("/temporal/entityMaps", **ALL, type=entity.type)
    answer.status(201).header("NGSILD-EntityMap").body.at("entityMap").equals({entity.id: ["@none"]})


@case(
    "5.14.5.4, 6.35.3.2",
    "a temporal map is made by a POSTed Query",
    feature=FEATURE,
    needs=(*NEEDS, "temporal"),
)
async def temporal_by_post(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1))
    body = {"type": "Query", "entities": [{"type": entity.type}], "temporalQ": ALL}
    answer = await broker.post("/temporal/entityMaps", body)
    answer.status(201).body.at("entityMap").equals({entity.id: ["@none"]})


@case("5.14.5.4", "a temporal map without timerel is refused", feature=FEATURE, needs=(*NEEDS, "temporal"))
async def temporal_without_time(broker: Subject) -> None:
    answer = await broker.get("/temporal/entityMaps", type=broker.type("Vehicle"))
    answer.refused(400, "BadRequestData")


@case("5.14.2.4, 5.5.4", "an NGSI-LD Null does not take expiresAt from a map", feature=FEATURE, needs=NEEDS)
async def null_update(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    path = await made(broker, entity.type)
    await broker.patch(path, {"expiresAt": NULL})
    (await broker.get(path)).status(200).body.at("expiresAt").is_time()
