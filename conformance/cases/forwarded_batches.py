"""Batches that concern sources: passed on as one, one by one, or a conflict. (5.6.7 to 5.6.10, 5.6.20)"""

from typing import Any

from conformance.case import case
from conformance.cases.forwarded_changes import names
from conformance.cases.forwarded_reads import FEATURE, NEEDS, information, short
from conformance.demand import demand
from conformance.entity import Entity, prop, vehicle
from conformance.servers.source import Forward, Source
from conformance.subject import Subject

BATCH = (*NEEDS, "batch")
ALREADY = {"type": "https://uri.etsi.org/ngsi-ld/errors/AlreadyExists", "title": "It is there already"}


async def holding(broker: Subject, one: Entity, *operations: str, mode: str = "exclusive") -> Source:
    """Register a source of the speed of one vehicle."""
    source = await broker.source()
    about = information(broker, "speed", id=one.id)
    await broker.register(source.url, about, mode=mode, operations=list(operations))
    return source


def sent(forward: Forward) -> dict[str, set[str]]:
    """Name the members of each entity of a forwarded batch."""
    return {one["id"]: names(one) for one in forward.body.is_a(list).value}


def speed_alone(members: set[str]) -> None:
    """Demand that a forwarded entity has what was registered, and nothing else."""
    demand("speed" in members and "doors" not in members, "speed without doors", sorted(members))


async def stays(broker: Subject, one: Entity) -> None:
    """Demand that the rest of an entity is held here."""
    (await broker.get(one.path, local=True)).status(200).body.has(doors=prop(4)).lacks("speed")


@case(
    "5.6.7.4",
    "a batch of creations goes on as one, with what the source holds",
    feature=FEATURE,
    profile="federation",
    needs=BATCH,
)
async def create(broker: Subject) -> None:
    one, other = broker.own(vehicle(speed=5, doors=4)), broker.own(vehicle(speed=6))
    source = await holding(broker, one, "createBatch")
    source.answers("POST", "/entityOperations/create", 201, [one.id])
    (await broker.post("/entityOperations/create", [one, other])).status(201).body.unordered(
        [one.id, other.id]
    )
    told = sent(await source.next())
    demand(list(told) == [one.id], f"{one.id} alone", list(told))
    speed_alone(told[one.id])
    await stays(broker, one)


@case(
    "5.6.7.4, 5.6.1",
    "a source without batches is given creations one by one",
    feature=FEATURE,
    profile="federation",
    needs=BATCH,
)
async def create_singly(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5, doors=4))
    source = (await holding(broker, one, "createEntity")).answers("POST", "/entities", 201)
    (await broker.post("/entityOperations/create", [one])).status(201).body.equals([one.id])
    speed_alone(names((await source.next()).body.value))
    await stays(broker, one)


@case(
    "5.6.7.4, 4.3.6.2",
    "an inclusive source gets its part of a batch, and all is kept here too",
    feature=FEATURE,
    profile="federation",
    needs=BATCH,
)
async def create_inclusive(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5, doors=4))
    source = await holding(broker, one, "createBatch", mode="inclusive")
    source.answers("POST", "/entityOperations/create", 201, [one.id])
    (await broker.post("/entityOperations/create", [one])).status(201)
    speed_alone(sent(await source.next())[one.id])
    (await broker.get(one.path, local=True)).status(200).body.has(speed=prop(5), doors=prop(4))


@case(
    "5.6.7.4, 5.2.17",
    "a batch that its exclusive source does not take makes conflicts",
    feature=FEATURE,
    profile="federation",
    needs=BATCH,
    waits=True,
)
async def create_not_offered(broker: Subject) -> None:
    one, other = broker.own(vehicle(speed=5)), broker.own(vehicle(speed=6))
    source = await holding(broker, one, "retrieveOps")
    result = (await broker.post("/entityOperations/create", [one, other])).status(207).body
    result.at("success").contains(other.id)
    error = result.at("errors").counts(1).at(0).has(entityId=one.id)
    error.at("error", "type").matches(r".*/Conflict")
    await source.none()


@case(
    "5.6.7.4, 5.2.16, 6.14.3.1",
    "what a source reports of a batch stands in the result",
    feature=FEATURE,
    profile="federation",
    needs=BATCH,
)
async def create_partly(broker: Subject) -> None:
    good, bad = broker.own(vehicle(speed=5)), broker.own(vehicle(speed=6))
    source = await broker.source()
    about = information(broker)
    await broker.register(source.url, about, mode="redirect", operations=["createBatch"])
    told = {"success": [good.id], "errors": [{"entityId": bad.id, "error": ALREADY}]}
    source.answers("POST", "/entityOperations/create", 207, told)
    result = (await broker.post("/entityOperations/create", [good, bad])).status(207).body
    result.at("success").unordered([good.id])
    error = result.at("errors").counts(1).at(0).has(entityId=bad.id)
    error.at("error", "type").matches(r".*/AlreadyExists")


@case(
    "5.2.16, 5.2.17, 6.14.3.1",
    "a source that fails puts its entities among the errors",
    feature=FEATURE,
    profile="federation",
    needs=BATCH,
)
async def create_failing(broker: Subject) -> None:
    one, other = broker.own(vehicle(speed=5, doors=4)), broker.own(vehicle(speed=6))
    source = await holding(broker, one, "createBatch")
    source.answers("POST", "/entityOperations/create", 500)
    result = (await broker.post("/entityOperations/create", [one, other])).status(207).body
    result.at("success").contains(other.id)
    result.at("errors").counts(1).at(0).has(entityId=one.id).at("error").is_a(dict).at("type")
    await source.next()


@case(
    "5.6.8.4",
    "a batch of upserts goes on as one, with what the source holds",
    feature=FEATURE,
    profile="federation",
    needs=BATCH,
)
async def upsert(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5, doors=4))
    source = await holding(broker, one, "upsertBatch")
    source.answers("POST", "/entityOperations/upsert", 201, [one.id])
    (await broker.post("/entityOperations/upsert", [one])).status(201).body.equals([one.id])
    speed_alone(sent(await source.next())[one.id])
    await stays(broker, one)


@case(
    "5.6.8.4",
    "an upsert replaces what a source without batches has already",
    feature=FEATURE,
    profile="federation",
    needs=BATCH,
)
async def upsert_singly(broker: Subject) -> None:
    one = await broker.have(vehicle(doors=4))
    source = await holding(broker, one, "createEntity", "replaceEntity")
    source.answers("POST", "/entities", 409, ALREADY).answers("PUT", one.path, 204)
    (await broker.post("/entityOperations/upsert", [one.of(speed=5)])).status(201, 204)
    methods = [(await source.next()).method for _ in range(2)]
    demand(methods == ["POST", "PUT"], "a POST, then a PUT", methods)


@case(
    "5.6.8.4",
    "an upsert that updates does so at a source without batches",
    feature=FEATURE,
    profile="federation",
    needs=BATCH,
)
async def upsert_updating(broker: Subject) -> None:
    one = await broker.have(vehicle(doors=4))
    source = await holding(broker, one, "createEntity", "updateEntity")
    source.answers("POST", "/entities", 409, ALREADY).answers("PATCH", f"{one.path}/attrs", 204)
    (await broker.post("/entityOperations/upsert", [one.of(speed=5)], options="update")).status(201, 204)
    methods = [(await source.next()).method for _ in range(2)]
    demand(methods == ["POST", "PATCH"], "a POST, then a PATCH", methods)


@case(
    "5.6.9.4",
    "a batch of updates goes on as one, with what the source holds",
    feature=FEATURE,
    profile="federation",
    needs=BATCH,
)
async def update(broker: Subject) -> None:
    one = await broker.have(vehicle(doors=3))
    source = (await holding(broker, one, "updateBatch")).answers("POST", "/entityOperations/update", 204)
    (await broker.post("/entityOperations/update", [one.of(speed=5, doors=4)])).status(204)
    speed_alone(sent(await source.next())[one.id])
    await stays(broker, one)


@case(
    "5.6.9.4, 5.6.2",
    "a source without batches is given updates one by one",
    feature=FEATURE,
    profile="federation",
    needs=BATCH,
)
async def update_singly(broker: Subject) -> None:
    one = await broker.have(vehicle(doors=3))
    source = (await holding(broker, one, "updateEntity")).answers("PATCH", f"{one.path}/attrs", 204)
    (await broker.post("/entityOperations/update", [one.of(speed=5, doors=4)])).status(204)
    speed_alone(names((await source.next()).body.value))
    await stays(broker, one)


@case(
    "5.6.9.4, 5.6.3",
    "updates that overwrite nothing are appended at a source without batches",
    feature=FEATURE,
    profile="federation",
    needs=BATCH,
)
async def update_keeping(broker: Subject) -> None:
    one = await broker.have(vehicle(doors=4))
    source = (await holding(broker, one, "appendAttrs")).answers("POST", f"{one.path}/attrs", 204)
    body = [Entity({"id": one.id, "type": one.type, "speed": prop(5)})]
    (await broker.post("/entityOperations/update", body, options="noOverwrite")).status(204)
    told = (await source.next()).params.get("options", "")
    demand("noOverwrite" in told, "options=noOverwrite", told or "no options")


@case(
    "5.6.10.4",
    "a batch of deletions goes on with the entities the source has",
    feature=FEATURE,
    profile="federation",
    needs=BATCH,
)
async def delete(broker: Subject) -> None:
    there, here = broker.own(vehicle(speed=5)), await broker.have(vehicle(speed=6))
    source = await broker.source()
    about = information(broker, id=there.id)
    await broker.register(source.url, about, mode="redirect", operations=["deleteBatch"])
    source.answers("POST", "/entityOperations/delete", 204)
    (await broker.post("/entityOperations/delete", [there.id, here.id])).status(204)
    (await source.next()).body.equals([there.id])
    (await broker.get(here.path, local=True)).status(404)


@case(
    "5.6.10.4, 5.6.6",
    "a source without batches is given deletions one by one",
    feature=FEATURE,
    profile="federation",
    needs=BATCH,
)
async def delete_singly(broker: Subject) -> None:
    there = broker.own(vehicle(speed=5))
    source = await broker.source()
    about = information(broker, id=there.id)
    await broker.register(source.url, about, mode="redirect", operations=["deleteEntity"])
    source.answers("DELETE", there.path, 204)
    (await broker.post("/entityOperations/delete", [there.id])).status(204)
    demand((await source.next()).method == "DELETE", "a forwarded DELETE", "another method")


@case(
    "5.6.20.4",
    "a batch of merges goes on as one, with what the source holds",
    feature=FEATURE,
    profile="federation",
    needs=BATCH,
)
async def merge(broker: Subject) -> None:
    one = await broker.have(vehicle(doors=3))
    source = (await holding(broker, one, "mergeBatch")).answers("POST", "/entityOperations/merge", 204)
    (await broker.post("/entityOperations/merge", [one.of(speed=5, doors=4)])).status(204)
    speed_alone(sent(await source.next())[one.id])
    await stays(broker, one)


@case(
    "5.6.20.4, 5.6.17",
    "a source without batches is given merges one by one",
    feature=FEATURE,
    profile="federation",
    needs=BATCH,
)
async def merge_singly(broker: Subject) -> None:
    one = await broker.have(vehicle(doors=3))
    source = (await holding(broker, one, "mergeEntity")).answers("PATCH", one.path, 204)
    (await broker.post("/entityOperations/merge", [one.of(speed=5, doors=4)])).status(204)
    forward = await source.next()
    demand(forward.path == one.path, f"PATCH {one.path}", forward.path)
    speed_alone(names(forward.body.value))
    await stays(broker, one)


@case(
    "5.5.13, 6.3.18",
    "local=true keeps a batch here",
    feature=FEATURE,
    profile="federation",
    needs=BATCH,
    waits=True,
)
async def local(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5))
    source = await holding(broker, one, "createBatch", "createEntity", mode="inclusive")
    (await broker.post("/entityOperations/create", [one], local=True)).status(201).body.equals([one.id])
    await source.none()


@case(
    "5.6.7.4, 4.3.6.3",
    "an inclusive source gets nothing of what an exclusive one holds",
    feature=FEATURE,
    profile="federation",
    needs=BATCH,
)
async def exclusive_first(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5, doors=4))
    owner = await holding(broker, one, "createBatch")
    owner.answers("POST", "/entityOperations/create", 201, [one.id])
    equal: dict[str, Any] = {"operations": ["createBatch"]}
    other = (await broker.source()).answers("POST", "/entityOperations/create", 201, [one.id])
    await broker.register(other.url, information(broker), **equal)
    (await broker.post("/entityOperations/create", [one])).status(201)
    speed_alone(sent(await owner.next())[one.id])
    told = {short(name) for name in sent(await other.next())[one.id]}
    demand("doors" in told and "speed" not in told, "doors without speed", sorted(told))
