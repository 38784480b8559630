"""Queries over sources: filters after joining, the choice of sources, entity maps, types. (4.3.6.7, 5.7, 5.12)"""

from typing import Any

from conformance.case import case
from conformance.cases.forwarded_reads import FEATURE, NEEDS, asked_for, information, joined, short
from conformance.demand import demand
from conformance.entity import Entity, point, prop, vehicle
from conformance.servers.source import Source
from conformance.subject import Subject

POINT: Any = {"geometry": "Point", "coordinates": "[134.8,35.4]", "georel": "near;maxDistance==1000"}
FILTERS = {"q", "georel", "geometry", "coordinates", "scopeQ", "attrs", "pick"}


async def halves(broker: Subject) -> tuple[Entity, Source]:
    """Have an entity's speed here, its doors and its place at a source."""
    here = await broker.have(vehicle(speed=5))
    there = Entity({"id": here.id, "type": here.type, "doors": prop(4), "location": point(134.8, 35.4)})
    return here, (await joined(broker)).answers("GET", "/entities", 200, [there])


@case(
    "4.3.6.7, 5.7.2.4",
    "splitEntities=true applies q to what the parts make together",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def split_query(broker: Subject) -> None:
    one, source = await halves(broker)
    answer = await broker.get("/entities", type=one.type, q="speed==5;doors==4", splitEntities=True)
    answer.status(200).body.ids(one).at(0).has(speed=prop(5), doors=prop(4))
    kept = FILTERS & {*(await source.next()).params}
    demand(not kept, "no filter in the forwarded request", sorted(kept))


@case(
    "4.3.6.7, 5.7.2.4",
    "splitEntities=true leaves out what does not fit once it is whole",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def split_misfit(broker: Subject) -> None:
    one, source = await halves(broker)
    params: Any = {"type": one.type, "splitEntities": True}
    (await broker.get("/entities", q="speed==5;doors==3", **params)).status(200).body.equals([])
    await source.next()
    (await broker.get("/entities", q="speed==5;doors==4", **params)).status(200).body.ids(one)


@case(
    "4.3.6.7, 5.7.2.4",
    "splitEntities=true applies a geo-query to a place that a source has",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def split_place(broker: Subject) -> None:
    one, source = await halves(broker)
    answer = await broker.get("/entities", type=one.type, splitEntities=True, **POINT)
    answer.status(200).body.ids(one).at(0).has(speed=prop(5))
    kept = FILTERS & {*(await source.next()).params}
    demand(not kept, "no filter in the forwarded request", sorted(kept))
    far = {**POINT, "coordinates": "[0,0]"}
    (await broker.get("/entities", type=one.type, splitEntities=True, **far)).status(200).body.equals([])


@case(
    "4.3.6.7, 5.7.2.4",
    "splitEntities=false sends filters on, and filters apart",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def whole(broker: Subject) -> None:
    half, there = await broker.have(vehicle(speed=5)), broker.own(vehicle(speed=5, doors=4))
    source = (await joined(broker)).answers("GET", "/entities", 200, [there])
    answer = await broker.get("/entities", type=half.type, q="speed==5;doors==4", splitEntities=False)
    answer.status(200).body.ids(there)
    told = (await source.next()).params.get("q", "")
    demand("speed" in told and "doors" in told, "the forwarded request has the q", told or "no q")


@case(
    "4.9, 5.7.2.4",
    "csf chooses the sources that are asked",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def source_filter(broker: Subject) -> None:
    one, other = broker.own(vehicle(speed=1)), broker.own(vehicle(speed=2))
    yabu = (await joined(broker, registrationName="yabu")).answers("GET", "/entities", 200, [one])
    asago = (await joined(broker, registrationName="asago")).answers("GET", "/entities", 200, [other])
    answer = await broker.get("/entities", type=one.type, csf='registrationName=="yabu"')
    answer.status(200).body.ids(one)
    await yabu.next()
    await asago.none(0)


@case(
    "4.5.25, 5.2.39",
    "an entity map names the registrations that gave an entity, and what is held here",
    feature=FEATURE,
    profile="federation",
    needs=(*NEEDS, "entity maps"),
)
async def entity_map(broker: Subject) -> None:
    here, there = await broker.have(vehicle(speed=1)), broker.own(vehicle(speed=2))
    source = (await broker.source()).answers("GET", "/entities", 200, [here, there])
    source.answers("GET", "/entityMaps", 201, _map(broker, here, there))
    registration = await broker.register(source.url, information(broker))
    answer = (await broker.get("/entities", type=here.type, entityMap=True)).status(200, 201)
    answer.header("NGSILD-EntityMap").body.ids(here, there)
    place = answer.headers["NGSILD-EntityMap"].rpartition("/")[2]
    mapped = (await broker.get(f"/entityMaps/{place}")).status(200).body.at("entityMap")
    name = registration.rpartition("/")[2]
    mapped.at(here.id).unordered(["@none", name])
    mapped.at(there.id).equals([name])


def _map(broker: Subject, *entities: Entity) -> dict[str, object]:
    """Write the entity map that a source makes of what it holds."""
    return {
        "id": broker.id("EntityMap"),
        "type": "EntityMap",
        "expiresAt": broker.moment(600),
        "entityMap": {one.id: ["@none"] for one in entities},
    }


@case(
    "5.7.2.4, 4.3.6.7",
    "with an entity map only the sources it names are asked",
    feature=FEATURE,
    profile="federation",
    needs=(*NEEDS, "entity maps"),
)
async def map_chooses(broker: Subject) -> None:
    one = broker.own(vehicle(speed=1))
    holder = (await joined(broker)).answers("GET", "/entities", 200, [one])
    holder.answers("GET", one.path, 200, one).answers("GET", "/entityMaps", 201, _map(broker, one))
    empty = (await joined(broker)).answers("GET", "/entities", 200, [])
    first = (await broker.get("/entities", type=one.type, entityMap=True)).status(200, 201)
    first.body.ids(one)
    first.header("NGSILD-EntityMap")
    await empty.next()
    empty.skip()
    again = {"NGSILD-EntityMap": first.headers["NGSILD-EntityMap"]}
    (await broker.get("/entities", type=one.type, headers=again)).status(200).body.ids(one)
    await empty.none(0)


@case(
    "5.7.2.4, 4.23",
    "an order beyond the local scope is refused",
    feature=FEATURE,
    profile="federation",
    needs=(*NEEDS, "ordering"),
)
async def ordered(broker: Subject) -> None:
    slow, fast = await broker.have_all(vehicle(speed=1), vehicle(speed=2))
    await joined(broker)
    (await broker.get("/entities", type=slow.type, orderBy="speed")).refused(400, "BadRequestData")
    answer = await broker.get("/entities", type=slow.type, orderBy="speed;desc", local=True)
    answer.status(200).body.ids(fast, slow, ordered=True)


@case(
    "5.7.2.4, 6.23.3.1",
    "a POSTed Query unites this broker and its sources",
    feature=FEATURE,
    profile="federation",
    needs=(*NEEDS, "batch"),
)
async def posted(broker: Subject) -> None:
    here, there = await broker.have(vehicle(speed=1)), broker.own(vehicle(speed=2))
    source = (await joined(broker)).answers("GET", "/entities", 200, [there])
    source.answers("POST", "/entityOperations/query", 200, [there])
    body = {"type": "Query", "entities": [{"type": here.type}]}
    (await broker.post("/entityOperations/query", body)).status(200).body.ids(here, there)
    (await broker.post("/entityOperations/query", body, local=True)).status(200).body.ids(here)


@case(
    "5.7.2.4, 4.3.6.2",
    "entities that only an auxiliary source has are in the list",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def auxiliary(broker: Subject) -> None:
    here = await broker.have(vehicle(speed=1))
    there = broker.own(vehicle(speed=2))
    source = await joined(broker, mode="auxiliary", operations=["retrieveOps"])
    source.answers("GET", "/entities", 200, [there, Entity({**here, "speed": prop(9), "doors": prop(4)})])
    found = (await broker.get("/entities", type=here.type)).status(200).body.ids(here, there).value
    mine = next(one for one in found if one["id"] == here.id)
    told = (mine["speed"]["value"], mine.get("doors", {}).get("value"))
    demand(told == (1, 4), "the speed held here and the doors of the source", told)


@case(
    "5.7.2.4, 4.22",
    "an entity that has expired is discarded from a source's answer",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def expired_there(broker: Subject) -> None:
    fresh, stale = broker.own(vehicle(speed=1)), broker.own(vehicle(speed=2))
    there = [fresh.of(expiresAt=broker.moment(600)), stale.of(expiresAt=broker.moment(-600))]
    (await joined(broker)).answers("GET", "/entities", 200, there)
    (await broker.get("/entities", type=fresh.type)).status(200).body.ids(fresh)


@case(
    "4.3.6.1",
    "a source is asked only for the types it registered",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def types_asked(broker: Subject) -> None:
    one = broker.own(vehicle(speed=1))
    source = (await joined(broker)).answers("GET", "/entities", 200, [one])
    both = f"{one.type},{broker.type('Tram')}"
    (await broker.get("/entities", type=both)).status(200).body.ids(one)
    told = short((await source.next()).params.get("type", ""))
    demand(told == one.type, f"type={one.type}", told or "no type")


@case(
    "4.3.6.1, 5.12",
    "a source is asked only for the entities it registered",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def ids_asked(broker: Subject) -> None:
    one, other = broker.own(vehicle(speed=1)), await broker.have(vehicle(speed=2))
    source = (
        (await broker.source()).answers("GET", "/entities", 200, [one]).answers("GET", one.path, 200, one)
    )
    await broker.register(source.url, information(broker, id=one.id))
    (await broker.get("/entities", type=one.type, id=[one.id, other.id])).status(200).body.ids(one, other)
    forward = await source.next()
    told = asked_for(forward, "id") if forward.path == "/entities" else {forward.path.rpartition("/")[2]}
    demand(told == {one.id}, f"the id {one.id} alone", sorted(told))


@case(
    "5.12, 4.5.5",
    "a source of other datasets than those asked for is not asked",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def datasets(broker: Subject) -> None:
    gps, map_ = "urn:ngsi-ld:dataset:gps", "urn:ngsi-ld:dataset:map"
    one = broker.own(vehicle(speed=prop(1, datasetId=gps)))
    fitting = (await joined(broker, datasetId=[gps])).answers("GET", "/entities", 200, [one])
    other = await joined(broker, datasetId=[map_])
    (await broker.get("/entities", type=one.type, datasetId=gps)).status(200).body.ids(one)
    await fitting.next()
    await other.none(0)


@case(
    "5.7.5.4, 5.7.11",
    "types of sources are among the types",
    feature=FEATURE,
    profile="federation",
    needs=(*NEEDS, "discovery"),
    alone=True,
)
async def types(broker: Subject) -> None:
    here, kind = (await broker.have(vehicle(speed=1))).type, broker.type("Tram")
    source = await broker.source()
    listed = {"id": broker.id("EntityTypeList"), "type": "EntityTypeList", "typeList": [kind]}
    source.answers("GET", "/types", 200, listed)
    await broker.register(source.url, {"entities": [{"type": kind}]})
    (await broker.get("/types")).status(200).body.at("typeList").contains(here, kind)
    (await broker.get("/types", local=True)).status(200).body.at("typeList").contains(here).lacks(kind)


@case(
    "5.7.8.4, 5.7.11",
    "attributes of sources are among the attributes",
    feature=FEATURE,
    profile="federation",
    needs=(*NEEDS, "discovery"),
    alone=True,
)
async def attributes(broker: Subject) -> None:
    mine, theirs = f"speed_{broker.mark}", f"noise_{broker.mark}"
    await broker.have(vehicle(**{mine: 1}))
    source = await broker.source()
    listed = {"id": broker.id("AttributeList"), "type": "AttributeList", "attributeList": [theirs]}
    source.answers("GET", "/attributes", 200, listed)
    await broker.register(source.url, information(broker, theirs))
    (await broker.get("/attributes")).status(200).body.at("attributeList").contains(mine, theirs)
    found = (await broker.get("/attributes", local=True)).status(200).body.at("attributeList")
    found.contains(mine).lacks(theirs)


@case(
    "5.7.7.4, 5.7.11",
    "a type that only a source has is described",
    feature=FEATURE,
    profile="federation",
    needs=(*NEEDS, "discovery"),
)
async def type_details(broker: Subject) -> None:
    kind = broker.type("Tram")
    source = await broker.source()
    told = {"id": kind, "type": "EntityTypeInfo", "typeName": kind, "entityCount": 3}
    noise = {"id": "noise", "type": "Attribute", "attributeName": "noise", "attributeTypes": ["Property"]}
    source.answers("GET", f"/types/{kind}", 200, {**told, "attributeDetails": [noise]})
    await broker.register(source.url, {"entities": [{"type": kind}], "propertyNames": ["noise"]})
    (await broker.get(f"/types/{kind}", local=True)).refused(404, "ResourceNotFound")
    (await broker.get(f"/types/{kind}")).status(200).body.has(type="EntityTypeInfo", typeName=kind)
