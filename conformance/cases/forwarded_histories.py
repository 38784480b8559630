"""Temporal Evolutions of sources: read together, changed where they are. (5.2.9, 5.6.11 to 5.6.16, 5.7.3, 5.7.4)"""

from typing import Any

from conformance.case import case
from conformance.cases.forwarded_changes import names
from conformance.cases.forwarded_reads import FEATURE, NEEDS, information
from conformance.demand import demand
from conformance.entity import Entity, prop, vehicle
from conformance.servers.source import Source
from conformance.subject import Subject

TEMPORAL = (*NEEDS, "temporal")
SINCE: Any = {"timerel": "after", "timeAt": "2024-01-01T00:00:00Z"}
BEFORE: Any = {"timerel": "before", "timeAt": "2020-01-01T00:00:00Z"}
INTERVAL = {"startAt": "2023-01-01T00:00:00Z"}
READS = ["retrieveTemporal", "queryTemporal"]
CHANGES = [
    "upsertTemporal",
    "appendAttrsTemporal",
    "deleteAttrsTemporal",
    "updateAttrInstanceTemporal",
    "deleteAttrInstanceTemporal",
    "deleteTemporal",
]


def history(one: Entity, **attributes: list[Any]) -> Entity:
    """Write a Temporal Evolution: of each attribute (value, month) in 2024."""
    told = {
        name: [prop(value, observedAt=f"2024-{month:02}-01T00:00:00Z") for value, month in instances]
        for name, instances in attributes.items()
    }
    return Entity({"id": one.id, "type": one.type, **told})


async def past(broker: Subject, *attributes: str, **members: Any) -> Source:
    """Register a source of the Temporal Evolutions of vehicles."""
    source = await broker.source()
    asked = {"operations": READS, "observationInterval": INTERVAL, **members}
    await broker.register(source.url, information(broker, *attributes), **asked)
    return source


async def keeping(broker: Subject, one: Entity, *attributes: str, operations: list[str] = CHANGES) -> Source:
    """Register an exclusive source of the history of some attributes of one entity."""
    source = await broker.source()
    about = information(broker, *attributes, id=one.id)
    members: dict[str, Any] = {"mode": "exclusive", "observationInterval": INTERVAL, "operations": operations}
    await broker.register(source.url, about, **members)
    return source


@case(
    "5.7.4.4",
    "a temporal query unites this broker and its sources",
    feature=FEATURE,
    profile="federation",
    needs=TEMPORAL,
)
async def query(broker: Subject) -> None:
    here, there = (history(broker.own(vehicle()), speed=[(1, 2)]) for _ in range(2))
    (await broker.post("/temporal/entities", here)).status(201)
    source = (await past(broker)).answers("GET", "/temporal/entities", 200, [there])
    (await broker.get("/temporal/entities", type=here.type, **SINCE)).status(200).body.ids(here, there)
    demand((await source.next()).params.get("timerel") == "after", "timerel=after", "none such")


@case(
    "5.7.3.4, 4.5.5.1",
    "the instances of one attribute come from several brokers",
    feature=FEATURE,
    profile="federation",
    needs=TEMPORAL,
)
async def retrieve(broker: Subject) -> None:
    one = history(broker.own(vehicle()), speed=[(1, 2), (2, 3)])
    (await broker.post("/temporal/entities", one)).status(201)
    (await past(broker)).answers("GET", one.temporal, 200, history(one, speed=[(3, 4)], doors=[(4, 5)]))
    body = (await broker.get(one.temporal, **SINCE)).status(200).body
    values = sorted(each["value"] for each in body.at("speed").is_a(list).value)
    demand(values == [1, 2, 3], "speeds 1, 2 and 3", values)
    body.at("doors")


@case(
    "5.2.9, 5.12",
    "a source whose interval does not meet the query is not asked",
    feature=FEATURE,
    profile="federation",
    needs=TEMPORAL,
    waits=True,
)
async def other_interval(broker: Subject) -> None:
    one = history(broker.own(vehicle()), speed=[(1, 2)])
    source = (await past(broker)).answers("GET", "/temporal/entities", 200, [one])
    (await broker.get("/temporal/entities", type=one.type, **BEFORE)).status(200).body.equals([])
    await source.none()
    (await broker.get("/temporal/entities", type=one.type, **SINCE)).status(200).body.ids(one)


@case(
    "5.5.13, 6.3.18",
    "local=true asks no source for its past",
    feature=FEATURE,
    profile="federation",
    needs=TEMPORAL,
    waits=True,
)
async def local(broker: Subject) -> None:
    one = history(broker.own(vehicle()), speed=[(1, 2)])
    (await broker.post("/temporal/entities", one)).status(201)
    source = await past(broker)
    found = await broker.get("/temporal/entities", type=one.type, local=True, **SINCE)
    found.status(200).body.ids(one)
    await source.none()


@case(
    "5.6.11.4, 4.3.6.3",
    "the past of an attribute that an exclusive source has goes there alone",
    feature=FEATURE,
    profile="federation",
    needs=TEMPORAL,
)
async def create(broker: Subject) -> None:
    one = history(broker.own(vehicle()), speed=[(1, 2)], doors=[(4, 2)])
    source = (await keeping(broker, one, "speed")).answers("POST", "/temporal/entities", 201)
    (await broker.post("/temporal/entities", one)).status(201)
    sent = names((await source.next()).body.value)
    demand("speed" in sent and "doors" not in sent, "speed without doors", sorted(sent))
    (await broker.get(one.temporal, local=True, **SINCE)).status(200).body.lacks("speed").at("doors")


@case(
    "5.6.11.4",
    "the past that a source may not be given makes a conflict",
    feature=FEATURE,
    profile="federation",
    needs=TEMPORAL,
    waits=True,
)
async def create_not_offered(broker: Subject) -> None:
    one = history(broker.own(vehicle()), speed=[(1, 2)])
    source = await keeping(broker, one, "speed", operations=READS)
    (await broker.post("/temporal/entities", one)).refused(409, "Conflict")
    await source.none()


@case(
    "5.6.12.4",
    "instances are added to the past where it is",
    feature=FEATURE,
    profile="federation",
    needs=TEMPORAL,
)
async def append(broker: Subject) -> None:
    one = history(broker.own(vehicle()), doors=[(4, 2)])
    (await broker.post("/temporal/entities", one)).status(201)
    source = (await keeping(broker, one, "speed")).answers("POST", f"{one.temporal}/attrs", 204)
    more = {"speed": [prop(7, observedAt="2024-05-01T00:00:00Z")]}
    (await broker.post(f"{one.temporal}/attrs", more)).status(204)
    demand("speed" in names((await source.next()).body.value), "speed", "something else")
    (await broker.get(one.temporal, local=True, **SINCE)).status(200).body.lacks("speed").at("doors")


@case(
    "5.6.13.4",
    "the past of an attribute is deleted where it is",
    feature=FEATURE,
    profile="federation",
    needs=TEMPORAL,
)
async def delete_attribute(broker: Subject) -> None:
    one = history(broker.own(vehicle()), doors=[(4, 2)])
    (await broker.post("/temporal/entities", one)).status(201)
    path = f"{one.temporal}/attrs/speed"
    source = (await keeping(broker, one, "speed")).answers("DELETE", path, 204)
    (await broker.delete(path, deleteAll=True)).status(204)
    forward = await source.next()
    demand(forward.method == "DELETE", "a forwarded DELETE", forward.method)
    demand(forward.params.get("deleteAll") == "true", "deleteAll=true", dict(forward.params))


@case(
    "5.6.16.4",
    "a Temporal Evolution is deleted where it is",
    feature=FEATURE,
    profile="federation",
    needs=TEMPORAL,
)
async def delete(broker: Subject) -> None:
    one = broker.own(vehicle())
    source = (await keeping(broker, one, "speed")).answers("DELETE", one.temporal, 204)
    (await broker.delete(one.temporal)).status(204)
    demand((await source.next()).method == "DELETE", "a forwarded DELETE", "another method")


@case(
    "4.3.6.7, 5.7.4.4",
    "splitEntities=true applies q to histories once they are joined",
    feature=FEATURE,
    profile="federation",
    needs=TEMPORAL,
)
async def split(broker: Subject) -> None:
    one = history(broker.own(vehicle()), speed=[(1, 2)])
    (await broker.post("/temporal/entities", one)).status(201)
    source = (await past(broker)).answers("GET", "/temporal/entities", 200, [history(one, doors=[(4, 5)])])
    params: Any = {"type": one.type, "splitEntities": True, **SINCE}
    found = await broker.get("/temporal/entities", q="speed==1;doors==4", **params)
    found.status(200).body.ids(one)
    demand("q" not in (await source.next()).params, "no q in the forwarded request", "q")
    (await broker.get("/temporal/entities", q="speed==1;doors==3", **params)).status(200).body.equals([])


@case(
    "4.9, 5.7.4.4",
    "csf chooses the sources whose past is asked for",
    feature=FEATURE,
    profile="federation",
    needs=TEMPORAL,
)
async def source_filter(broker: Subject) -> None:
    one, other = (history(broker.own(vehicle()), speed=[(1, 2)]) for _ in range(2))
    (await past(broker, registrationName="yabu")).answers("GET", "/temporal/entities", 200, [one])
    asago = (await past(broker, registrationName="asago")).answers("GET", "/temporal/entities", 200, [other])
    csf = 'registrationName=="yabu"'
    (await broker.get("/temporal/entities", type=one.type, csf=csf, **SINCE)).status(200).body.ids(one)
    await asago.none(0)
