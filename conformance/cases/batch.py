"""Operations on many entities at once, and purging. (5.6.7 to 5.6.10, 5.6.20, 5.6.21)"""

from conformance.case import case
from conformance.demand import demand
from conformance.entity import Entity, prop, vehicle
from conformance.subject import Subject

FEATURE = "Batches and purging"
NEEDS = ("batch",)
PURGE = ("purge",)


def several(broker: Subject, number: int = 3) -> list[Entity]:
    """Write some vehicles."""
    return [broker.own(vehicle(speed=n, colour="red")) for n in range(number)]


@case("5.6.7.4", "all entities are created, 201 lists their ids", feature=FEATURE, needs=NEEDS)
async def create(broker: Subject) -> None:
    made = several(broker)
    answer = await broker.post("/entityOperations/create", made)
    answer.status(201).body.unordered([e.id for e in made])
    (await broker.get("/entities", type=made[0].type)).status(200).body.ids(*made)


@case(
    "5.6.7.4, 5.2.16",
    "what is there already is named in 207 and the rest is created",
    feature=FEATURE,
    needs=NEEDS,
)
async def create_some(broker: Subject) -> None:
    old = await broker.have(vehicle(speed=99))
    new = broker.own(vehicle(speed=1))
    answer = (await broker.post("/entityOperations/create", [old, new])).status(207).media("application/json")
    answer.body.at("success").equals([new.id])
    answer.body.at("errors").counts(1).at(0).has(entityId=old.id)
    answer.body.at("errors", 0, "error").at("type").matches(".*/AlreadyExists")
    (await broker.get(old.path)).status(200).body.has(speed=prop(99))


@case("5.6.7.4", "a bad entity does not hinder the others", feature=FEATURE, needs=NEEDS)
async def create_beside_bad(broker: Subject) -> None:
    good, bad = broker.own(vehicle(speed=1)), broker.own(vehicle(speed={"type": "Property"}))
    answer = (await broker.post("/entityOperations/create", [good, bad])).status(207)
    answer.body.at("success").equals([good.id])
    answer.body.at("errors", 0).has(entityId=bad.id)


@case("5.6.7.4", "an empty batch is refused", feature=FEATURE, needs=NEEDS)
async def create_nothing(broker: Subject) -> None:
    (await broker.post("/entityOperations/create", [])).refused(400, "BadRequestData")


@case("5.6.7.4", "a batch that is no list is refused", feature=FEATURE, needs=NEEDS)
async def create_no_list(broker: Subject) -> None:
    (await broker.post("/entityOperations/create", broker.own(vehicle(speed=1)))).status(400)


@case("5.6.8.4", "upsert creates and replaces; 201 lists what was created", feature=FEATURE, needs=NEEDS)
async def upsert(broker: Subject) -> None:
    old = await broker.have(vehicle(speed=1, colour="red"))
    new = broker.own(vehicle(speed=2))
    answer = await broker.post("/entityOperations/upsert", [old.of(speed=9, colour=None), new])
    answer.status(201).body.equals([new.id])
    (await broker.get(old.path)).status(200).body.has(speed=prop(9)).lacks("colour")


@case("5.6.8.4", "upsert that creates nothing is 204", feature=FEATURE, needs=NEEDS)
async def upsert_old(broker: Subject) -> None:
    old = await broker.have(vehicle(speed=1))
    (await broker.post("/entityOperations/upsert", [old.of(speed=2)])).status(204).empty()


@case("5.6.8.4", "options=update keeps attributes that are not given", feature=FEATURE, needs=NEEDS)
async def upsert_update(broker: Subject) -> None:
    old = await broker.have(vehicle(speed=1, colour="red"))
    body = [old.of(speed=2, colour=None)]
    (await broker.post("/entityOperations/upsert", body, options="update")).status(204)
    (await broker.get(old.path)).status(200).body.has(speed=prop(2), colour=prop("red"))


@case("5.6.8.4, 5.5.10", "of one entity given twice the last is what stays", feature=FEATURE, needs=NEEDS)
async def upsert_twice(broker: Subject) -> None:
    entity = broker.own(vehicle(speed=1))
    answer = await broker.post("/entityOperations/upsert", [entity, entity.of(speed=2)])
    answer.status(201)
    (await broker.get(entity.path)).status(200).body.has(speed=prop(2))


@case("5.6.9.4", "update changes and appends", feature=FEATURE, needs=NEEDS)
async def update(broker: Subject) -> None:
    one, two = await broker.have_all(vehicle(speed=1), vehicle(speed=2))
    body = [one.of(speed=10), two.of(speed=20, colour="blue")]
    (await broker.post("/entityOperations/update", body)).status(204).empty()
    (await broker.get(one.path)).status(200).body.has(speed=prop(10))
    (await broker.get(two.path)).status(200).body.has(speed=prop(20), colour=prop("blue"))


@case("5.6.9.4", "an unknown entity in an update is named in 207", feature=FEATURE, needs=NEEDS)
async def update_unknown(broker: Subject) -> None:
    old = await broker.have(vehicle(speed=1))
    unknown = broker.own(vehicle(speed=2))
    answer = (await broker.post("/entityOperations/update", [old.of(speed=3), unknown])).status(207)
    answer.body.at("success").equals([old.id])
    answer.body.at("errors", 0).has(entityId=unknown.id)
    answer.body.at("errors", 0, "error", "type").matches(".*/ResourceNotFound")


@case("5.6.9.4", "noOverwrite appends only", feature=FEATURE, needs=NEEDS)
async def update_no_overwrite(broker: Subject) -> None:
    old = await broker.have(vehicle(speed=1))
    body = [old.of(speed=9, colour="blue")]
    (await broker.post("/entityOperations/update", body, options="noOverwrite")).status(204, 207)
    (await broker.get(old.path)).status(200).body.has(speed=prop(1), colour=prop("blue"))


@case("5.6.20.4", "merge changes members and keeps the rest", feature=FEATURE, needs=NEEDS)
async def merge(broker: Subject) -> None:
    old = await broker.have(vehicle(speed=prop(1, unitCode="KMH"), colour="red"))
    body = [{"id": old.id, "type": old.type, "speed": {"type": "Property", "value": 2}}]
    (await broker.post("/entityOperations/merge", body)).status(204).empty()
    (await broker.get(old.path)).status(200).body.has(speed=prop(2, unitCode="KMH"), colour=prop("red"))


@case("5.6.10.4", "all entities named are deleted", feature=FEATURE, needs=NEEDS)
async def delete(broker: Subject) -> None:
    made = await broker.have_all(vehicle(speed=1), vehicle(speed=2), vehicle(speed=3))
    (await broker.post("/entityOperations/delete", [e.id for e in made[:2]])).status(204).empty()
    (await broker.get("/entities", type=made[0].type)).status(200).body.ids(made[2])


@case("5.6.10.4", "an unknown entity in a deletion is named in 207", feature=FEATURE, needs=NEEDS)
async def delete_unknown(broker: Subject) -> None:
    old, unknown = await broker.have(vehicle(speed=1)), broker.id("Vehicle")
    answer = (await broker.post("/entityOperations/delete", [old.id, unknown])).status(207)
    answer.body.at("success").equals([old.id])
    answer.body.at("errors", 0).has(entityId=unknown)


@case("5.7.2, 6.23.3.1", "a query can be POSTed", feature=FEATURE, needs=NEEDS)
async def query(broker: Subject) -> None:
    fast, slow = await broker.have_all(vehicle(speed=99), vehicle(speed=1))
    body = {"type": "Query", "entities": [{"type": slow.type}], "q": "speed>50"}
    (await broker.post("/entityOperations/query", body)).status(200).body.ids(fast)


@case("5.2.23", "a Query of another type is refused", feature=FEATURE, needs=NEEDS)
async def bad_query(broker: Subject) -> None:
    (await broker.post("/entityOperations/query", {"type": "Question"})).refused(400, "BadRequestData")


@case("5.7.2, 6.23.3.1", "a POSTed query has pages, count and forms", feature=FEATURE, needs=NEEDS)
async def query_in_pages(broker: Subject) -> None:
    made = await broker.have_all(vehicle(speed=1), vehicle(speed=2), vehicle(speed=3))
    body = {"type": "Query", "entities": [{"type": made[0].type}]}
    answer = await broker.post("/entityOperations/query", body, limit=2, count=True, options="keyValues")
    answer.status(200).header("NGSILD-Results-Count", "3").body.counts(2).at(0, "speed").is_a(int)


@case("5.6.21.4", "purging by type takes exactly its entities", feature=FEATURE, needs=PURGE)
async def purge(broker: Subject) -> None:
    one, two = await broker.have_all(vehicle(speed=1), vehicle(speed=2))
    other = await broker.have({"type": "Bus", "speed": prop(1)})
    (await broker.delete("/entities", type=one.type)).status(204)
    (await broker.get("/entities", type=one.type)).status(200).body.ids()
    (await broker.get(other.path)).status(200)
    (await broker.get(two.path)).refused(404, "ResourceNotFound")


@case("5.6.21.4, 4.9", "purging with q takes what fits", feature=FEATURE, needs=PURGE)
async def purge_by_q(broker: Subject) -> None:
    fast, slow = await broker.have_all(vehicle(speed=99), vehicle(speed=1))
    (await broker.delete("/entities", type=slow.type, q="speed>50")).status(204)
    (await broker.get("/entities", type=slow.type)).status(200).body.ids(slow)
    (await broker.get(fast.path)).refused(404, "ResourceNotFound")


@case("5.6.21.4", "purging everything is too wide, and nothing goes", feature=FEATURE, needs=PURGE)
async def purge_all(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    (await broker.delete("/entities")).refused(400, "BadRequestData")
    (await broker.get(entity.path)).status(200)


@case(
    "5.6.21.4",
    "purging by a pattern of ids alone is too wide, and nothing goes",
    feature=FEATURE,
    needs=PURGE,
)
async def purge_by_pattern(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    (await broker.delete("/entities", idPattern=".*")).refused(400, "BadRequestData")
    (await broker.get(entity.path)).status(200)


@case("5.6.21.4", "drop takes attributes and leaves entities", feature=FEATURE, needs=PURGE)
async def purge_attributes(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1, colour="red"))
    (await broker.delete("/entities", type=entity.type, drop="colour")).status(204)
    (await broker.get(entity.path)).status(200).body.has(speed=prop(1)).lacks("colour")


@case("5.6.21.4", "keep takes all other attributes", feature=FEATURE, needs=PURGE)
async def purge_but(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1, colour="red"))
    (await broker.delete("/entities", type=entity.type, keep="speed")).status(204)
    (await broker.get(entity.path)).status(200).body.has(speed=prop(1)).lacks("colour")


@case("5.6.8, 5.6.10", "a hundred entities go in one batch and out in another", feature=FEATURE, needs=NEEDS)
async def hundred(broker: Subject) -> None:
    made = several(broker, 100)
    (await broker.post("/entityOperations/upsert", made)).status(201).body.counts(100)
    counted = await broker.get("/entities", type=made[0].type, count=True, limit=1)
    demand(counted.headers.get("NGSILD-Results-Count") == "100", "there are 100", str(counted.headers))
    (await broker.post("/entityOperations/delete", [e.id for e in made])).status(204)
