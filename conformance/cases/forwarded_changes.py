"""Changing what registered sources hold: by mode, what goes to them and what stays. (4.3.6.2, 4.3.6.3, 5.6)"""

from conformance.case import case
from conformance.cases.forwarded_reads import FEATURE, NEEDS, information, short
from conformance.demand import demand
from conformance.entity import Entity, prop, vehicle
from conformance.servers.source import Source
from conformance.subject import Subject


async def owning(
    broker: Subject,
    one: Entity,
    *attributes: str,
    mode: str = "exclusive",
    operations: str = "redirectionOps",
) -> Source:
    """Register a source of some attributes of one entity."""
    source = await broker.source()
    about = information(broker, *attributes, id=one.id)
    await broker.register(source.url, about, mode=mode, operations=[operations])
    return source


def names(body: object) -> set[str]:
    """Name the members of a forwarded entity."""
    return {short(name) for name in body} if isinstance(body, dict) else set()


@case(
    "5.6.1.4, 4.3.6.3",
    "what an exclusive source holds goes there alone, the rest stays",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def create_exclusive(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5, doors=4))
    source = (await owning(broker, one, "speed")).answers("POST", "/entities", 201)
    (await broker.post("/entities", one)).status(201)
    sent = names((await source.next()).body.value)
    demand("speed" in sent and "doors" not in sent, "speed without doors", sorted(sent))
    (await broker.get(one.path, local=True)).status(200).body.has(doors=prop(4)).lacks("speed")
    broker.made.clear()
    await broker.delete(one.path, local=True)


@case(
    "5.6.1.4",
    "an inclusive source gets its part, and all is kept here too",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def create_inclusive(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5, doors=4))
    source = await owning(broker, one, "speed", mode="inclusive")
    source.answers("POST", "/entities", 201)
    (await broker.post("/entities", one)).status(201)
    sent = names((await source.next()).body.value)
    demand("speed" in sent and "doors" not in sent, "speed without doors", sorted(sent))
    (await broker.get(one.path, local=True)).status(200).body.has(speed=prop(5), doors=prop(4))


@case(
    "5.6.1.4",
    "a source that does not offer the operation makes a conflict",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
    waits=True,
)
async def create_not_offered(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5))
    source = await owning(broker, one, "speed", operations="retrieveOps")
    (await broker.post("/entities", one)).refused(409, "Conflict")
    await source.none()


@case(
    "5.6.1.4, 6.4.3.1",
    "a part that its source refuses makes a partial success",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def create_partly(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5, doors=4))
    (await owning(broker, one, "speed")).answers("POST", "/entities", 500)
    (await broker.post("/entities", one)).status(207)
    (await broker.get(one.path, local=True)).status(200).body.lacks("speed")


@case(
    "6.3.17",
    "a whole entity whose single source cannot be reached is a bad gateway",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def unreachable(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5))
    about = information(broker, id=one.id)
    await broker.register(broker.dead_end(), about, mode="redirect", operations=["redirectionOps"])
    (await broker.post("/entities", one)).status(502, 504)


@case(
    "4.3.6.2, 5.6",
    "an auxiliary source gets no change",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
    waits=True,
)
async def auxiliary(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5))
    source = await broker.source()
    await broker.register(source.url, information(broker), mode="auxiliary", operations=["retrieveOps"])
    (await broker.post("/entities", one)).status(201)
    (await broker.patch(f"{one.path}/attrs", {"speed": prop(6)})).status(204)
    await source.none()


@case(
    "5.6.2.4",
    "an update of attributes held elsewhere goes there",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def update(broker: Subject) -> None:
    one = await broker.have(vehicle(doors=4))
    source = (await owning(broker, one, "speed")).answers("PATCH", f"{one.path}/attrs", 204)
    (await broker.patch(f"{one.path}/attrs", {"speed": prop(6), "doors": prop(5)})).status(204)
    sent = names((await source.next()).body.value)
    demand("speed" in sent and "doors" not in sent, "speed without doors", sorted(sent))
    (await broker.get(one.path, local=True)).status(200).body.has(doors=prop(5)).lacks("speed")


@case(
    "5.6.4.4, 5.6.5.4",
    "one attribute held elsewhere is changed and deleted there",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def one_attribute(broker: Subject) -> None:
    one = await broker.have(vehicle(doors=4))
    path = f"{one.path}/attrs/speed"
    source = (await owning(broker, one, "speed")).answers("PATCH", path, 204).answers("DELETE", path, 204)
    (await broker.patch(path, {"value": 7})).status(204)
    (await source.next()).body.has(value=7)
    (await broker.delete(path)).status(204)
    demand((await source.next()).method == "DELETE", "a forwarded DELETE", "another method")


@case(
    "5.6.6.4",
    "deleting an entity deletes it at its sources",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def delete(broker: Subject) -> None:
    one = await broker.have(vehicle(doors=4))
    source = (await owning(broker, one, "speed")).answers("DELETE", one.path, 204)
    (await broker.delete(one.path)).status(204)
    demand((await source.next()).method == "DELETE", "a forwarded DELETE", "another method")
    (await broker.get(one.path, local=True)).status(404)


@case(
    "5.9.2.4, 4.3.6.3",
    "no second exclusive source for the same attribute of an entity",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def exclusive_twice(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5))
    source = await owning(broker, one, "speed")
    body = {
        "type": "ContextSourceRegistration",
        "mode": "exclusive",
        "information": [information(broker, "speed", id=one.id)],
        "endpoint": source.url,
    }
    (await broker.post("/csourceRegistrations", body)).refused(409, "Conflict")
