"""Snapshots. (4.3.7, 5.16, 6.36 to 6.38, 6.3.22)"""

from typing import Any

from conformance.case import case
from conformance.cases.temporal_changes import ALL
from conformance.demand import Seen, demand
from conformance.entity import prop, vehicle
from conformance.subject import Subject
from conformance.verdict import Failure

FEATURE = "Snapshots"
NEEDS = ("snapshots",)
DONE = ("success", "partial", "empty", "failure")


def of(broker: Subject, kind: str, **members: Any) -> dict[str, Any]:
    """Write a Snapshot of all entities of a type."""
    query = {"type": "Query", "entities": [{"type": kind}]}
    return {"id": broker.id("Snapshot"), "type": "Snapshot", "snapshotQueries": [query], **members}


async def finished(broker: Subject, path: str) -> Seen:
    """Wait until a Snapshot is no longer in preparation."""
    for _ in range(50):
        body = (await broker.get(path)).status(200).body
        if body.at("snapshotStatus").value in DONE:
            return body
        await broker.pause(0.1)
    raise Failure("a Snapshot is finished within 5 s", "it is still in preparation")


async def made(broker: Subject, kind: str, **members: Any) -> tuple[str, dict[str, str | None]]:
    """Make a Snapshot and wait for it; give its path and the header that names it."""
    answer = (await broker.post("/snapshots", of(broker, kind, **members))).status(201, 202)
    await finished(broker, answer.location)
    return answer.location, {"NGSILD-Snapshot": answer.location.rpartition("/")[2]}


@case(
    "5.16.1.4, 6.36.3.1",
    "a Snapshot is answered with 201 (202 in NGSI-LD 2.0) and its Location",
    feature=FEATURE,
    needs=NEEDS,
)  # one sentence
async def create(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    body = of(broker, entity.type)
    answer = (await broker.post("/snapshots", body)).status(201, 202)
    answer.header("Location", pattern=f".*/ngsi-ld/v1/snapshots/{body['id']}")


@case(
    "5.16.1.4, 5.2.41",
    "a finished Snapshot has status success, its times and priority 5",
    feature=FEATURE,
    needs=NEEDS,
)
async def status(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    path, _ = await made(broker, entity.type)
    body = (
        (await broker.get(path))
        .status(200)
        .body.has(type="Snapshot", snapshotStatus="success", snapshotPriority=5)
    )
    body.at("expiresAt").is_time()


@case("5.16.1.4", "a Snapshot of nothing is empty", feature=FEATURE, needs=NEEDS)
async def empty(broker: Subject) -> None:
    path, _ = await made(broker, broker.type("Nothing"))
    (await broker.get(path)).status(200).body.has(snapshotStatus="empty")


@case("5.16.1.4", "a Snapshot made twice is refused with AlreadyExists", feature=FEATURE, needs=NEEDS)
async def create_twice(broker: Subject) -> None:
    body = of(broker, broker.type("Vehicle"))
    (await broker.post("/snapshots", body)).status(201, 202)
    (await broker.post("/snapshots", body)).refused(409, "AlreadyExists")


@case("5.16.1.4, 5.2.41", "a Snapshot without queries is refused", feature=FEATURE, needs=NEEDS)
async def create_without_queries(broker: Subject) -> None:
    body = {"id": broker.id("Snapshot"), "type": "Snapshot"}
    (await broker.post("/snapshots", body)).refused(400, "BadRequestData")


@case("5.16.1.4, 5.2.41", "a priority above 10 is refused", feature=FEATURE, needs=NEEDS)
async def bad_priority(broker: Subject) -> None:
    body = of(broker, broker.type("Vehicle"), snapshotPriority=11)
    (await broker.post("/snapshots", body)).refused(400, "BadRequestData")


@case("5.16.1.4, 5.2.41", "a lifetime that is no duration is refused", feature=FEATURE, needs=NEEDS)
async def bad_lifetime(broker: Subject) -> None:
    body = of(broker, broker.type("Vehicle"), snapshotLifetime="long")
    (await broker.post("/snapshots", body)).refused(400, "BadRequestData")


@case("4.3.7, 6.3.22", "a Snapshot is frozen: later changes do not reach it", feature=FEATURE, needs=NEEDS)
async def frozen(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    _, header = await made(broker, entity.type)
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(2)})).status(204)
    answer = (await broker.get(entity.path, headers=header)).status(200)
    answer.header("NGSILD-Snapshot", str(header["NGSILD-Snapshot"])).body.at("speed", "value").equals(1)
    (await broker.get(entity.path)).status(200).body.at("speed", "value").equals(2)


@case("4.3.7, 6.3.22", "a change in a Snapshot stays in it", feature=FEATURE, needs=NEEDS)
async def what_if(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    _, header = await made(broker, entity.type)
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(9)}, headers=header)).status(204)
    (await broker.get(entity.path, headers=header)).status(200).body.at("speed", "value").equals(9)
    (await broker.get(entity.path)).status(200).body.at("speed", "value").equals(1)


@case("4.3.7, 6.3.22", "a query in a Snapshot finds what it holds", feature=FEATURE, needs=NEEDS)
async def query(broker: Subject) -> None:
    one, two = await broker.have_all(vehicle(speed=1), vehicle(speed=2))
    _, header = await made(broker, one.type)
    await broker.have(vehicle(speed=3))
    (await broker.get("/entities", type=one.type, headers=header)).status(200).body.ids(one, two)


@case("6.3.22", "an unknown Snapshot is not found", feature=FEATURE, needs=NEEDS)
async def unknown_header(broker: Subject) -> None:
    header = {"NGSILD-Snapshot": broker.id("Snapshot")}
    answer = await broker.get("/entities", type=broker.type("Vehicle"), headers=header)
    answer.refused(404, "ResourceNotFound")


@case("5.16.3.4", "an unknown Snapshot is not retrieved", feature=FEATURE, needs=NEEDS)
async def retrieve_unknown(broker: Subject) -> None:
    (await broker.get(f"/snapshots/{broker.id('Snapshot')}")).refused(404, "ResourceNotFound")


@case("5.16.4.4", "a Snapshot's priority can be changed", feature=FEATURE, needs=NEEDS)
async def update(broker: Subject) -> None:
    path, _ = await made(broker, broker.type("Vehicle"))
    (await broker.patch(path, {"type": "Snapshot", "snapshotPriority": 9})).status(200, 204)
    (await broker.get(path)).status(200).body.has(snapshotPriority=9)


@case("5.16.5.4", "a deleted Snapshot is gone", feature=FEATURE, needs=NEEDS)
async def delete(broker: Subject) -> None:
    path, header = await made(broker, broker.type("Vehicle"))
    (await broker.delete(path)).status(204).empty()
    (await broker.get(path)).refused(404, "ResourceNotFound")
    answer = await broker.get("/entities", type=broker.type("Vehicle"), headers=header)
    answer.refused(404, "ResourceNotFound")


@case("5.16.2.4, 6.38.3.1", "a clone holds what its Snapshot held", feature=FEATURE, needs=NEEDS)
async def clone(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    path, header = await made(broker, entity.type)
    body = {"id": broker.id("Snapshot"), "type": "Snapshot"}
    copy = (await broker.post(f"{path}/clone", body)).status(201, 202).location
    await finished(broker, copy)
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(9)}, headers=header)).status(204)
    answer = await broker.get(entity.path, headers={"NGSILD-Snapshot": body["id"]})
    answer.status(200).body.at("speed", "value").equals(1)


@case("5.16.2.4", "an unknown Snapshot is not cloned", feature=FEATURE, needs=NEEDS)
async def clone_unknown(broker: Subject) -> None:
    path = f"/snapshots/{broker.id('Snapshot')}/clone"
    (await broker.post(path, {"type": "Snapshot"})).refused(404, "ResourceNotFound")


@case(
    "5.16.7.4, 6.36.3.2", "purging takes the Snapshots that fit", feature=FEATURE, needs=(*NEEDS, "tenants")
)
async def purge(broker: Subject) -> None:
    tenant = await broker.tenant()
    await broker.have(vehicle(speed=1), tenant=tenant)
    low, high = (of(broker, broker.type("Vehicle"), snapshotPriority=n) for n in (2, 8))
    for body in (low, high):
        (await broker.post("/snapshots", body, tenant=tenant)).status(201, 202)
    (await broker.delete("/snapshots", q="snapshotPriority<5", tenant=tenant)).status(204)
    (await broker.get(f"/snapshots/{low['id']}", tenant=tenant)).refused(404, "ResourceNotFound")
    (await broker.get(f"/snapshots/{high['id']}", tenant=tenant)).status(200)


@case("5.16.7.4", "purging with a bad q is refused", feature=FEATURE, needs=NEEDS)
async def bad_purge(broker: Subject) -> None:
    (await broker.delete("/snapshots", q="snapshotPriority>>")).refused(400, "BadRequestData")


@case(
    "5.16.6", "a finished Snapshot is notified to its endpoint", feature=FEATURE, needs=(*NEEDS, "callbacks")
)
async def notified(broker: Subject) -> None:
    receiver = await broker.receiver()
    path, _ = await made(broker, broker.type("Vehicle"), endpoint=receiver.url)
    notification = await receiver.next()
    seen = notification.exchange.request_body.decode()
    demand(path.rpartition("/")[2] in seen, "the notification names the Snapshot", seen)


@case(
    "5.16.1.4, 5.7.4",
    "a temporal query freezes Temporal Evolutions",
    feature=FEATURE,
    needs=(*NEEDS, "temporal"),
)
async def temporal(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=prop(1, observedAt="2026-03-01T00:00:00Z")))
    asked = {"type": "Query", "entities": [{"type": entity.type}], "temporalQ": ALL}
    body = {"id": broker.id("Snapshot"), "type": "Snapshot", "snapshotTemporalQueries": [asked]}
    path = (await broker.post("/snapshots", body)).status(201, 202).location
    (await finished(broker, path)).has(snapshotStatus="success")
    (await broker.delete(entity.temporal)).status(204)
    answer = await broker.get(entity.temporal, **ALL, headers={"NGSILD-Snapshot": str(body["id"])})
    answer.status(200).body.at("speed")
