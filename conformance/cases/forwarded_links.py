"""Linked entities at sources, and maps of what sources have. (4.5.23.1, 5.2.39, 5.14.4)"""

from typing import Any

from conformance.case import case
from conformance.cases.forwarded_reads import FEATURE, NEEDS, information, joined
from conformance.entity import prop, rel, vehicle
from conformance.subject import Subject

MAPS = (*NEEDS, "entity maps")


@case(
    "4.5.23.1, 4.5.23.2",
    "a linked entity of the told type is fetched from its source",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def linked(broker: Subject) -> None:
    owner = broker.own(vehicle(speed=5))
    source = await joined(broker)
    source.answers("GET", owner.path, 200, owner).answers("GET", "/entities", 200, [owner])
    kind = broker.type("Tram")
    tows = rel(owner, objectType=owner.type)
    one = await broker.have(vehicle(tows=tows).of(type=kind))
    body = (await broker.get(one.path, join="inline")).status(200).body
    body.at("tows", "entity").has(id=owner.id, type=owner.type, speed=prop(5))


@case(
    "4.5.23.1, 5.7.2.4",
    "a linked entity is fetched from a source that knows nothing of what links to it",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def linked_apart(broker: Subject) -> None:
    owner = broker.own(vehicle(speed=5))
    source = await broker.source()
    await broker.register(source.url, information(broker, id=owner.id))
    source.answers("GET", owner.path, 200, owner).answers("GET", "/entities", 200, [owner])
    tows = rel(owner, objectType=owner.type)
    one = await broker.have(vehicle(tows=tows).of(type=broker.type("Tram")))
    wanted = {"id": owner.id, "type": owner.type, "speed": prop(5)}
    (await broker.get(one.path, join="inline")).status(200).body.at("tows", "entity").has(wanted)
    found = (await broker.get("/entities", type=one.type, join="inline")).status(200).body.ids(one)
    found.at(0, "tows", "entity").has(wanted)


@case(
    "5.14.4.4, 5.2.39",
    "a map made by itself names the registrations of entities",
    feature=FEATURE,
    profile="federation",
    needs=MAPS,
)
async def mapped(broker: Subject) -> None:
    here, there = await broker.have(vehicle(speed=1)), broker.own(vehicle(speed=2))
    told: dict[str, Any] = {
        "id": broker.id("EntityMap"),
        "type": "EntityMap",
        "expiresAt": broker.moment(600),
        "entityMap": {there.id: ["@none"]},
    }
    source = (await broker.source()).answers("GET", "/entities", 200, [there])
    source.answers("GET", "/entityMaps", 201, told)
    path = await broker.register(source.url, information(broker))
    found = (await broker.get("/entityMaps", type=here.type)).status(201).body.at("entityMap")
    found.equals({here.id: ["@none"], there.id: [path.rpartition("/")[2]]})


@case(
    "5.14.4.4, 4.9",
    "csf chooses the sources of a map",
    feature=FEATURE,
    profile="federation",
    needs=MAPS,
)
async def map_of_some(broker: Subject) -> None:
    here, there = await broker.have(vehicle(speed=1)), broker.own(vehicle(speed=2))
    source = (await joined(broker, registrationName="asago")).answers("GET", "/entities", 200, [there])
    answer = await broker.get("/entityMaps", type=here.type, csf='registrationName=="yabu"')
    answer.status(201).body.at("entityMap").equals({here.id: ["@none"]})
    await source.none(0)
