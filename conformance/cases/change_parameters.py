"""Parameters of changes: which type of entity, which language, local only. (4.17, 6.3.18, 6.5 to 6.7)"""

from typing import Any

from conformance.case import case
from conformance.entity import Entity, lang, point, prop, vehicle
from conformance.subject import Subject

FEATURE = "Parameters of changes"


async def of_its_type(broker: Subject, method: str, rest: str = "", body: Any = None) -> Entity:
    """Demand that an operation knows the entity as its own type, and not as another."""
    made = await broker.have(vehicle(speed=55))
    sent = {**made, **(body or {})} if method == "PUT" and not rest else body
    other = await broker.send(method, made.path + rest, sent, params={"type": broker.type("Boat")})
    other.refused(404, "ResourceNotFound")
    (await broker.get(made.path)).status(200).body.equals(made)
    (await broker.send(method, made.path + rest, sent, params={"type": made.type})).status(204)
    return made


@case("5.6.18.4, 6.5.3.3", "an entity of another type is not replaced", feature=FEATURE)
async def replace(broker: Subject) -> None:
    made = await of_its_type(broker, "PUT", "", {"speed": prop(60)})
    (await broker.get(made.path)).body.has(speed=prop(60))


@case("5.6.17.4, 6.5.3.4", "an entity of another type is not merged", feature=FEATURE)
async def merge(broker: Subject) -> None:
    made = await of_its_type(broker, "PATCH", "", {"speed": prop(60)})
    (await broker.get(made.path)).body.has(speed=prop(60))


@case("5.6.6.4, 6.5.3.2", "an entity is deleted as its own type, and not as another", feature=FEATURE)
async def delete(broker: Subject) -> None:
    made = await of_its_type(broker, "DELETE")
    (await broker.get(made.path)).status(404)


@case("5.6.3.4, 6.6.3.1", "nothing is appended to an entity of another type", feature=FEATURE)
async def append(broker: Subject) -> None:
    made = await of_its_type(broker, "POST", "/attrs", {"doors": prop(4)})
    (await broker.get(made.path)).body.has(doors=prop(4))


@case("5.6.2.4, 6.6.3.2", "attributes of an entity of another type are not updated", feature=FEATURE)
async def update(broker: Subject) -> None:
    made = await of_its_type(broker, "PATCH", "/attrs", {"speed": prop(60)})
    (await broker.get(made.path)).body.has(speed=prop(60))


@case("5.6.4.4, 6.7.3.1", "an attribute of an entity of another type is not changed", feature=FEATURE)
async def partial(broker: Subject) -> None:
    made = await of_its_type(broker, "PATCH", "/attrs/speed", prop(60))
    (await broker.get(made.path)).body.has(speed=prop(60))


@case("5.6.19.4, 6.7.3.3", "an attribute of an entity of another type is not replaced", feature=FEATURE)
async def replace_attribute(broker: Subject) -> None:
    made = await of_its_type(broker, "PUT", "/attrs/speed", prop(60))
    (await broker.get(made.path)).body.has(speed=prop(60))


@case("5.6.5.4, 6.7.3.2", "an attribute of an entity of another type is not deleted", feature=FEATURE)
async def delete_attribute(broker: Subject) -> None:
    made = await of_its_type(broker, "DELETE", "/attrs/speed")
    (await broker.get(made.path)).body.lacks("speed")


@case("6.5.3.4", "a merge of plain text with lang changes that language", feature=FEATURE)
async def merge_language(broker: Subject) -> None:
    made = await broker.have(vehicle(label=lang({"en": "car", "fr": "auto"})))
    answer = await broker.patch(made.path, {"label": "voiture"}, format="simplified", lang="fr")
    answer.status(204)
    (await broker.get(made.path)).body.at("label").equals(lang({"en": "car", "fr": "voiture"}))


@case("6.5.3.4", "options=keyValues says that a merge is simplified", feature=FEATURE)
async def merge_by_options(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=prop(55, unitCode="KMH")))
    (await broker.patch(made.path, {"speed": 60}, options="keyValues")).status(204)
    (await broker.get(made.path)).body.at("speed").equals(prop(60, unitCode="KMH"))


@case("6.5.3.4", "observedAt of a merge is for attributes that had one before", feature=FEATURE)
async def merge_observed(broker: Subject) -> None:
    old, new = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
    made = await broker.have(vehicle(speed=prop(55, observedAt=old), doors=4))
    body = {"speed": {"value": 60}, "doors": {"value": 5}}
    (await broker.patch(made.path, body, observedAt=new)).status(204)
    seen = (await broker.get(made.path)).body
    seen.at("speed").equals(prop(60, observedAt=new))
    seen.at("doors").equals(prop(5))


@case("6.3.18", "local=true is taken by all changes of entities", feature=FEATURE)
async def local(broker: Subject) -> None:
    made = broker.own(vehicle(speed=55))
    (await broker.post("/entities", made, local=True)).status(201)
    (await broker.put(made.path, made.of(speed=56), local=True)).status(204)
    (await broker.patch(made.path, {"speed": prop(57)}, local=True)).status(204)
    (await broker.post(f"{made.path}/attrs", {"doors": prop(4)}, local=True)).status(204)
    (await broker.patch(f"{made.path}/attrs", {"doors": prop(5)}, local=True)).status(204)
    (await broker.patch(f"{made.path}/attrs/speed", prop(58), local=True)).status(204)
    (await broker.put(f"{made.path}/attrs/speed", prop(59), local=True)).status(204)
    (await broker.delete(f"{made.path}/attrs/doors", local=True)).status(204)
    (await broker.get(made.path, local=True)).status(200).body.equals(made.of(speed=59))
    (await broker.delete(made.path, local=True)).status(204)


@case("6.3.18", "local=true is taken by all batch operations", feature=FEATURE, needs=("batch",))
async def local_batch(broker: Subject) -> None:
    made = broker.own(vehicle(speed=55))
    changes = [made.of(speed=56)]
    (await broker.post("/entityOperations/create", [made], local=True)).status(201)
    for operation in ("upsert", "update", "merge"):
        (await broker.post(f"/entityOperations/{operation}", changes, local=True)).status(204)
    query = {"type": "Query", "entities": [{"type": made.type}]}
    (await broker.post("/entityOperations/query", query, local=True)).status(200).body.ids(made)
    (await broker.post("/entityOperations/delete", [made.id], local=True)).status(204)


@case(
    "5.6.8, 6.15.3.1",
    "options=replace of an upsert leaves nothing of the old",
    feature=FEATURE,
    needs=("batch",),
)
async def upsert_replaces(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=55, doors=4))
    left = made.of(doors=None, speed=60)
    (await broker.post("/entityOperations/upsert", [left], options="replace")).status(204)
    (await broker.get(made.path)).body.equals(left)


async def purged(broker: Subject, made: list[Entity], gone: list[int], **params: Any) -> None:
    """Demand that purging takes exactly the entities of these indexes."""
    (await broker.delete("/entities", **params)).status(204)
    left = [entity for number, entity in enumerate(made) if number not in gone]
    (await broker.get("/entities", type=made[0].type)).status(200).body.ids(*left)


@case("5.6.21.4, 6.4.3.3", "purging by type and id", feature=FEATURE, needs=("purge",))
async def purge_by_id(broker: Subject) -> None:
    made = await broker.have_all(vehicle(speed=1), vehicle(speed=2))
    await purged(broker, made, [1], type=made[0].type, id=made[1].id)


@case("5.6.21.4, 6.4.3.3", "purging by type and idPattern", feature=FEATURE, needs=("purge",))
async def purge_by_pattern(broker: Subject) -> None:
    made = await broker.have_all(vehicle(speed=1), vehicle(speed=2))
    await purged(broker, made, [0], type=made[0].type, idPattern=f"{made[0].id}$")


@case("5.6.21.4, 6.4.3.3", "purging by attributes", feature=FEATURE, needs=("purge",))
async def purge_by_attribute(broker: Subject) -> None:
    made = await broker.have_all(vehicle(speed=1), vehicle(doors=4))
    await purged(broker, made, [1], type=made[0].type, attrs="doors")


@case("5.6.21.4, 4.10", "purging by place", feature=FEATURE, needs=("purge",))
async def purge_by_place(broker: Subject) -> None:
    made = await broker.have_all(vehicle(location=point(0, 0)), vehicle(location=point(9, 9)))
    near = {"georel": "near;maxDistance==1000", "geometry": "Point", "coordinates": "[9,9]"}
    await purged(broker, made, [1], type=made[0].type, **near)


@case("5.6.21.4, 4.10", "purging by another place", feature=FEATURE, needs=("purge",))
async def purge_by_other_place(broker: Subject) -> None:
    made = await broker.have_all(vehicle(base=point(0, 0)), vehicle(base=point(9, 9)))
    near = {"georel": "near;maxDistance==1000", "geometry": "Point", "coordinates": "[0,0]"}
    await purged(broker, made, [0], type=made[0].type, geoproperty="base", **near)


@case("5.6.21.4, 4.19", "purging by scope", feature=FEATURE, needs=("purge",))
async def purge_by_scope(broker: Subject) -> None:
    made = await broker.have_all(vehicle(scope="/a/b"), vehicle(scope="/c"))
    await purged(broker, made, [0], type=made[0].type, scopeQ="/a/#")


@case("6.3.18", "local=true is taken by a purge", feature=FEATURE, needs=("purge",))
async def purge_locally(broker: Subject) -> None:
    made = await broker.have_all(vehicle(speed=1), vehicle(speed=2))
    await purged(broker, made, [0, 1], type=made[0].type, local=True)
