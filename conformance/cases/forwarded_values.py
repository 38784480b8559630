"""Which of several values is given, and which sources may have any at all. (4.5.5.3, 5.10.2.4)"""

from typing import Any

from conformance.case import case
from conformance.cases.forwarded_reads import EARLIER, FEATURE, LATER, NEEDS, joined
from conformance.demand import demand
from conformance.entity import Entity, prop, vehicle
from conformance.subject import Subject

NEAR = {"georel": "near;maxDistance==1000", "geometry": "Point", "coordinates": "[134.8,35.4]"}
PAST, FUTURE = -3600, 3600


def there(one: Entity, **attributes: Any) -> Entity:
    """Write an entity as a source has it."""
    return Entity({"id": one.id, "type": one.type, **attributes})


@case(
    "4.5.5.3",
    "without observedAt the instance modified last is given",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def newest_modified(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1, doors=1))
    old, new = broker.moment(PAST), broker.moment(FUTURE)
    speed, doors = {**prop(2), "modifiedAt": new}, {**prop(2), "modifiedAt": old}
    (await joined(broker)).answers("GET", one.path, 200, there(one, speed=speed, doors=doors))
    (await broker.get(one.path)).status(200).body.has(speed={"value": 2}, doors={"value": 1})


@case(
    "4.5.5.3, 4.22",
    "an instance that has expired is discarded, however late it was observed",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def expired_instance(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=prop(1, observedAt=EARLIER)))
    stale = prop(2, observedAt=LATER, expiresAt=broker.moment(PAST))
    (await joined(broker)).answers("GET", one.path, 200, there(one, speed=stale, doors=prop(4)))
    (await broker.get(one.path)).status(200).body.has(speed={"value": 1}, doors={"value": 4})


@case(
    "4.5.5.3",
    "of an entity's several times to expire the last is given",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def last_expiry(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1).of(expiresAt="2090-01-01T00:00:00Z"))
    later = there(one, doors=prop(4), expiresAt="2095-01-01T00:00:00Z")
    (await joined(broker)).answers("GET", one.path, 200, later)
    told = (await broker.get(one.path, options="sysAttrs")).status(200).body.at("expiresAt").value
    demand(str(told).startswith("2095-01-01T00:00:00"), "expiresAt 2095-01-01T00:00:00Z", told)


@case(
    "4.5.5.3",
    "an entity that does not expire everywhere does not expire",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def no_expiry(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1).of(expiresAt="2090-01-01T00:00:00Z"))
    (await joined(broker)).answers("GET", one.path, 200, there(one, doors=prop(4)))
    body = (await broker.get(one.path, options="sysAttrs")).status(200).body
    body.has(doors={"value": 4}).lacks("expiresAt")


@case(
    "5.10.2.4, 5.2.9",
    "a source of the past is not asked for what is latest",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
    waits=True,
)
async def past_alone(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1))
    interval = {"startAt": "2023-01-01T00:00:00Z"}
    past = await joined(broker, observationInterval=interval)
    latest = (await joined(broker)).answers("GET", one.path, 200, there(one, doors=prop(4)))
    (await broker.get(one.path)).status(200).body.has(doors={"value": 4})
    await latest.next()
    await past.none()


@case(
    "5.10.2.4, 4.10",
    "a source elsewhere is not asked for what is near",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def elsewhere(broker: Subject) -> None:
    one = broker.own(vehicle(speed=1))
    place = {"type": "Point", "coordinates": [134.8, 35.4]}
    near = await joined(broker, location=place)
    located = there(one, speed=prop(1), location={"type": "GeoProperty", "value": place})
    near.answers("GET", "/entities", 200, [located])
    far = await joined(broker, location={"type": "Point", "coordinates": [0, 0]})
    params: Any = {"type": one.type, "splitEntities": False, **NEAR}
    (await broker.get("/entities", **params)).status(200).body.ids(one)
    await near.next()
    await far.none(0)


@case(
    "5.10.2.4, 4.19",
    "a source of another scope is not asked",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def other_scope(broker: Subject) -> None:
    one = broker.own(vehicle(speed=1))
    here = await joined(broker, scope="/Yabu")
    here.answers("GET", "/entities", 200, [there(one, speed=prop(1), scope="/Yabu")])
    other = await joined(broker, scope="/Asago")
    params: Any = {"type": one.type, "splitEntities": False, "scopeQ": "/Yabu"}
    (await broker.get("/entities", **params)).status(200).body.ids(one)
    await here.next()
    await other.none(0)
