"""Creating, reading and deleting one entity. (5.6.1, 5.6.6, 5.7.1)"""

from conformance.case import case
from conformance.entity import rel, vehicle
from conformance.subject import Subject


@case("5.6.1.4", "a created entity is answered with 201, its Location and no body", feature="Entities")
async def create(broker: Subject) -> None:
    entity = broker.own(vehicle(speed=55))
    answer = await broker.post("/entities", entity)
    answer.status(201).empty().header("Location", pattern=f".*/ngsi-ld/v1/entities/{entity.id}")


@case("5.6.1.4", "an entity created twice is refused with AlreadyExists", feature="Entities")
async def create_twice(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55))
    answer = await broker.post("/entities", entity)
    answer.refused(409, "AlreadyExists")


@case("5.7.1.4", "an entity is read as it was written", feature="Entities")
async def read(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55, owner=rel("urn:ngsi-ld:Company:1")))
    answer = await broker.get(entity.path)
    answer.status(200).media("application/json").body.equals(entity)


@case("5.7.2.4", "a query by type finds exactly the entities of the type", feature="Query")
async def query_by_type(broker: Subject) -> None:
    first, second = await broker.have_all(vehicle(speed=1), vehicle(speed=2))
    answer = await broker.get("/entities", type=first.type)
    answer.status(200).body.ids(first, second)


@case("5.8.6", "a change of a watched attribute is notified", feature="Notifications", waits=True)
async def notify_of_change(broker: Subject) -> None:
    receiver = await broker.receiver()
    entity = await broker.have(vehicle(speed=55))
    await broker.subscribe(receiver.url, entities=[{"type": entity.type}], watchedAttributes=["speed"])
    (await broker.patch(f"{entity.path}/attrs", {"speed": {"type": "Property", "value": 60}})).status(204)
    notification = await receiver.next()
    notification.data.at(0, "speed").has(value=60)
