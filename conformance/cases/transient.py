"""Transient entities and attributes. (4.22, 4.5.2)"""

from conformance.case import case
from conformance.demand import demand
from conformance.entity import prop, vehicle
from conformance.subject import Subject

FEATURE = "Transient storage"
SOON, AFTER = 2.0, 5.0


@case("4.22", "an entity past its expiresAt is gone", feature=FEATURE, profile="full", waits=True)
async def entity_expires(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1, expiresAt=broker.moment(SOON)))
    (await broker.get(entity.path)).status(200)
    await broker.pause(AFTER)
    (await broker.get(entity.path)).refused(404, "ResourceNotFound")
    (await broker.get("/entities", type=entity.type)).status(200).body.ids()


@case(
    "4.22",
    "an attribute past its expiresAt is gone and the entity stays",
    feature=FEATURE,
    profile="full",
    waits=True,
)
async def attribute_expires(broker: Subject) -> None:
    entity = await broker.have(vehicle(colour="red", speed=prop(1, expiresAt=broker.moment(SOON))))
    await broker.pause(AFTER)
    (await broker.get(entity.path)).status(200).body.has(colour=prop("red")).lacks("speed")


@case(
    "4.22, 4.5.5", "of two instances only the expired one goes", feature=FEATURE, profile="full", waits=True
)
async def instance_expires(broker: Subject) -> None:
    gps = prop(2, datasetId="urn:ngsi-ld:gps", expiresAt=broker.moment(SOON))
    entity = await broker.have(vehicle(speed=[prop(1), gps]))
    await broker.pause(AFTER)
    (await broker.get(entity.path)).status(200).body.at("speed").has(value=1)


@case("4.22", "an expired entity can be made again", feature=FEATURE, profile="full", waits=True)
async def made_again(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1, expiresAt=broker.moment(SOON)))
    await broker.pause(AFTER)
    (await broker.post("/entities", entity.of(expiresAt=None, speed=2))).status(201)
    (await broker.get(entity.path)).status(200).body.has(speed=prop(2))


@case(
    "4.22",
    "an entity whose expiresAt is past is refused, or gone at once",
    feature=FEATURE,
    profile="full",
    waits=True,
)
async def in_the_past(broker: Subject) -> None:
    entity = broker.own(vehicle(speed=1, expiresAt="2001-01-01T00:00:00Z"))
    (await broker.post("/entities", entity)).status(201, 400)
    await broker.pause(3.0)
    (await broker.get(entity.path)).refused(404, "ResourceNotFound")


@case("4.22, 4.6.3", "an expiresAt that is no DateTime is refused", feature=FEATURE, profile="full")
async def no_time(broker: Subject) -> None:
    entity = broker.own(vehicle(speed=prop(1, expiresAt="soon")))
    (await broker.post("/entities", entity)).refused(400, "BadRequestData")


@case("4.22", "expiresAt is shown with the entity", feature=FEATURE, profile="full")
async def shown(broker: Subject) -> None:
    later = "2099-01-01T00:00:00Z"
    entity = await broker.have(vehicle(speed=prop(1, expiresAt=later), expiresAt=later))
    body = (await broker.get(entity.path, options="sysAttrs")).status(200).body
    demand(body.at("expiresAt").value[:19] == later[:19], "expiresAt is as given", body.value)
    demand(body.at("speed", "expiresAt").value[:19] == later[:19], "the attribute's is as given", body.value)


@case("4.22, 5.6.17", "a later expiresAt keeps the entity", feature=FEATURE, profile="full", waits=True)
async def prolonged(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1, expiresAt=broker.moment(SOON)))
    (await broker.patch(entity.path, {"expiresAt": broker.moment(3600)})).status(204)
    await broker.pause(AFTER)
    (await broker.get(entity.path)).status(200)
