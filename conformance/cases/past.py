"""Entities as they were at a time: asOf, an extension. (docs/history.md)"""

from datetime import UTC, datetime

from conformance.case import case
from conformance.cases.temporal_changes import DAY
from conformance.entity import prop, vehicle
from conformance.subject import Subject

FEATURE = "Extensions"
NEEDS = ("past", "temporal")


@case("4.11", "asOf gives an entity as it had been observed", feature=FEATURE, needs=NEEDS, profile="full")
async def entity(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=prop(1, observedAt=DAY.format(1))))
    (await broker.put(f"{made.path}/attrs/speed", prop(5, observedAt=DAY.format(5)))).status(204)
    for day, speed in ((3, 1), (5, 5), (9, 5)):
        answer = await broker.get(made.path, asOf=DAY.format(day), format="simplified")
        answer.status(200).body.has(id=made.id, speed=speed)


@case("4.11", "before anything was observed there is no entity", feature=FEATURE, needs=NEEDS, profile="full")
async def before(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=prop(1, observedAt=DAY.format(5))))
    (await broker.get(made.path, asOf=DAY.format(1))).refused(404, "ResourceNotFound")
    (await broker.get("/entities", type=made.type, asOf=DAY.format(1))).status(200).body.ids()


@case("4.11", "asOf with a query compares what was there then", feature=FEATURE, needs=NEEDS, profile="full")
async def query(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=prop(1, observedAt=DAY.format(1))))
    (await broker.put(f"{made.path}/attrs/speed", prop(5, observedAt=DAY.format(5)))).status(204)
    (await broker.get("/entities", type=made.type, q="speed==1", asOf=DAY.format(3))).status(200).body.ids(
        made
    )
    (await broker.get("/entities", type=made.type, q="speed==1")).status(200).body.ids()


@case(
    "4.11", "timeproperty=modifiedAt asks what was known then", feature=FEATURE, needs=NEEDS, profile="full"
)
async def known(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=prop(1, observedAt=DAY.format(1))))
    past, now = DAY.format(9), datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    (await broker.get(made.path, asOf=past)).status(200).body.has(id=made.id)
    late = {"asOf": past, "timeproperty": "modifiedAt"}
    (await broker.send("GET", made.path, params=late)).refused(404, "ResourceNotFound")
    (await broker.send("GET", "/entities", params={**late, "type": made.type})).status(200).body.ids()
    (await broker.get(made.path, asOf=now)).status(200).body.has(id=made.id)
    soon = {"asOf": broker.moment(60), "timeproperty": "modifiedAt"}
    (await broker.send("GET", made.path, params=soon)).status(200).body.has(id=made.id)


@case("4.11", "an asOf that is no DateTime is refused", feature=FEATURE, needs=NEEDS, profile="full")
async def bad(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=1))
    (await broker.get(made.path, asOf="yesterday")).refused(400, "BadRequestData")
