"""Changes, rule by rule: types, scopes, datasets, nulls, kinds, names. (5.5.4, 5.5.8, 5.5.11, 5.5.12, 5.6)"""

from typing import Any

from conformance.case import case
from conformance.demand import Seen
from conformance.entity import (
    NULL,
    Entity,
    json_property,
    lang,
    list_property,
    point,
    prop,
    rel,
    vehicle,
    vocab,
)
from conformance.subject import Subject

FEATURE = "Rules of changes"
GPS = "urn:ngsi-ld:gps"
BATCH = ("batch",)


async def now(broker: Subject, entity: Entity) -> Seen:
    """Read an entity as it is now, demanding 200."""
    return (await broker.get(entity.path)).status(200).body


@case("5.6.2.4", "an update appends what is not there yet", feature=FEATURE)
async def update_appends(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    (await broker.patch(f"{entity.path}/attrs", {"colour": prop("red")})).status(204)
    (await now(broker, entity)).has(speed=prop(1), colour=prop("red"))


@case("5.6.2.4, 5.5.8", "an update replaces the attribute as a whole", feature=FEATURE)
async def update_whole(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=prop(1, unitCode="KMH", by=rel("urn:a:b"))))
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(2)})).status(204)
    (await now(broker, entity)).at("speed").equals(prop(2))


@case("5.6.2.4, 4.8", "an update keeps when the attribute was made", feature=FEATURE)
async def update_keeps_created_at(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    before = (await broker.get(entity.path, options="sysAttrs")).json["speed"]["createdAt"]
    await broker.pause(0.01)
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(2)})).status(204)
    (await broker.put(f"{entity.path}/attrs/speed", prop(3))).status(204)
    (await broker.post(f"{entity.path}/attrs", {"speed": prop(4)})).status(204)
    after = (await broker.get(entity.path, options="sysAttrs")).status(200).body
    after.at("speed").has(value=4, createdAt=before).at("modifiedAt").differs(before)


@case("5.6.2.4, 4.16", "an update adds types and takes none away", feature=FEATURE)
async def update_types(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    bus = broker.type("Bus")
    (await broker.patch(f"{entity.path}/attrs", {"type": bus, "speed": prop(2)})).status(204)
    (await now(broker, entity)).has(speed=prop(2)).at("type").unordered([entity.type, bus])


@case("5.6.17.4, 4.16", "a merge adds types and takes none away", feature=FEATURE)
async def merge_types(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    bus = broker.type("Bus")
    (await broker.patch(entity.path, {"type": bus})).status(204)
    (await now(broker, entity)).at("type").unordered([entity.type, bus])


@case("5.6.2.4, 4.18", "an update replaces the scope", feature=FEATURE)
async def update_scope(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1, scope="/a"))
    (await broker.patch(f"{entity.path}/attrs", {"scope": ["/b", "/c"]})).status(204)
    (await now(broker, entity)).at("scope").unordered(["/b", "/c"])


@case("5.6.3.4, 4.18", "an appended scope replaces the one there", feature=FEATURE)
async def append_scope(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1, scope="/a"))
    (await broker.post(f"{entity.path}/attrs", {"scope": "/b"})).status(204)
    (await now(broker, entity)).at("scope").one_of("/b", ["/b"])


@case("5.6.3.4, 4.18", "with noOverwrite a scope comes beside those there", feature=FEATURE)
async def append_scope_beside(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1, scope="/a"))
    (await broker.post(f"{entity.path}/attrs", {"scope": ["/a", "/b"]}, options="noOverwrite")).status(
        204, 207
    )
    (await now(broker, entity)).at("scope").unordered(["/a", "/b"])


@case("5.6.5.4, 4.18", "the scope is deleted as an attribute is", feature=FEATURE)
async def delete_scope(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1, scope="/a"))
    (await broker.delete(f"{entity.path}/attrs/scope")).status(204)
    (await now(broker, entity)).has(speed=prop(1)).lacks("scope")


@case(
    "5.6.4.4, 5.6.19.4", "the scope is neither updated in part nor replaced as an attribute", feature=FEATURE
)
async def scope_as_attribute(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1, scope="/a"))
    (await broker.patch(f"{entity.path}/attrs/scope", prop("/b"))).refused(400, "BadRequestData")
    (await broker.put(f"{entity.path}/attrs/scope", prop("/b"))).refused(400, "BadRequestData")


@case("5.6.4.4", "a partial update does not change the kind of an attribute", feature=FEATURE)
async def other_kind(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1, owner=rel("urn:a:b")))
    for name, body in (("speed", rel("urn:a:c")), ("owner", prop("x"))):
        (await broker.patch(f"{entity.path}/attrs/{name}", body)).refused(400, "BadRequestData")
    (await now(broker, entity)).equals(entity)


@case("5.6.19.4", "a replacing attribute may be of another kind", feature=FEATURE)
async def replaced_kind(broker: Subject) -> None:
    entity = await broker.have(vehicle(owner="me"))
    (await broker.put(f"{entity.path}/attrs/owner", rel("urn:a:b"))).status(204)
    (await now(broker, entity)).at("owner").equals(rel("urn:a:b"))


@case("5.6.4.4, 5.5.8", "a partial update adds, changes and takes sub-attributes", feature=FEATURE)
async def sub_attributes(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=prop(1, a=1, b=2)))
    body = {"type": "Property", "a": NULL, "b": prop(3), "c": prop(4)}
    (await broker.patch(f"{entity.path}/attrs/speed", body)).status(204)
    (await now(broker, entity)).at("speed").equals(prop(1, b=3, c=4))


@case("5.6.4.4, 5.5.8", "a partial update replaces an object as a whole", feature=FEATURE)
async def partial_object(broker: Subject) -> None:
    entity = await broker.have(vehicle(address={"city": "Yabu", "street": "1"}))
    (await broker.patch(f"{entity.path}/attrs/address", {"value": {"city": "Asago"}})).status(204)
    (await now(broker, entity)).at("address", "value").equals({"city": "Asago"})


@case("5.6.4.4, 4.5.5", "a partial update of an instance that is not there is 404", feature=FEATURE)
async def partial_absent_instance(broker: Subject) -> None:
    entity = await broker.have(vehicle(a=1, b=prop(1, datasetId=GPS)))
    (await broker.patch(f"{entity.path}/attrs/a", prop(2, datasetId=GPS))).refused(404, "ResourceNotFound")
    (await broker.patch(f"{entity.path}/attrs/b", prop(2))).refused(404, "ResourceNotFound")
    (await broker.put(f"{entity.path}/attrs/b", prop(2))).refused(404, "ResourceNotFound")


@case("5.6.3.4, 4.5.5", "an appended instance comes beside those there", feature=FEATURE)
async def append_instance(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    (await broker.post(f"{entity.path}/attrs", {"speed": prop(2, datasetId=GPS)})).status(204)
    (await now(broker, entity)).at("speed").unordered([prop(1), prop(2, datasetId=GPS)])


@case("5.6.17.4, 4.5.5", "a merge touches only its dataset, or adds it", feature=FEATURE)
async def merge_instance(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=[prop(1), prop(2, datasetId=GPS, unitCode="KMH")]))
    (await broker.patch(entity.path, {"speed": {"value": 3, "datasetId": GPS}})).status(204)
    (await broker.patch(entity.path, {"speed": {"value": 4, "datasetId": "urn:ngsi-ld:radar"}})).status(204)
    (await now(broker, entity)).at("speed").unordered(
        [prop(1), prop(3, datasetId=GPS, unitCode="KMH"), prop(4, datasetId="urn:ngsi-ld:radar")]
    )


@case("5.6.2.4, 4.5.5", "a null with a datasetId takes this instance alone", feature=FEATURE)
async def null_instance(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=[prop(1), prop(2, datasetId=GPS)]))
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(NULL, datasetId=GPS)})).status(204)
    (await now(broker, entity)).at("speed").equals(prop(1))


@case("5.6.5.4, 4.5.5", "an instance that is not there is not deleted", feature=FEATURE)
async def delete_absent_instance(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    (await broker.delete(f"{entity.path}/attrs/speed", datasetId=GPS)).refused(404, "ResourceNotFound")
    (await now(broker, entity)).equals(entity)


@case("5.5.8, 5.5.12", "a datasetId is not taken away by a null", feature=FEATURE)
async def null_dataset(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=prop(1, datasetId=GPS)))
    for path in (f"{entity.path}/attrs", entity.path):
        (await broker.patch(path, {"speed": prop(2, datasetId=NULL)})).refused(400, "BadRequestData")


@case("5.5.4, 5.6.18.4", "a null in a replacing entity or attribute is refused", feature=FEATURE)
async def null_in_replacing(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    (await broker.put(entity.path, entity.of(speed=prop(NULL)))).refused(400, "BadRequestData")
    (await broker.put(f"{entity.path}/attrs/speed", prop(NULL))).refused(400, "BadRequestData")
    (await now(broker, entity)).equals(entity)


@case("5.5.4", "a null inside an object is for merges alone", feature=FEATURE)
async def null_in_object(broker: Subject) -> None:
    entity = await broker.have(vehicle(address={"city": "Yabu", "zip": "667"}))
    body = {"address": prop({"zip": NULL})}
    (await broker.post("/entities", broker.own(vehicle(**body)))).refused(400, "BadRequestData")
    (await broker.patch(f"{entity.path}/attrs", body)).refused(400, "BadRequestData")
    (await broker.patch(entity.path, body)).status(204)
    (await now(broker, entity)).at("address", "value").equals({"city": "Yabu"})


@case(
    "5.5.4, 5.6.7.4",
    "a null in an entity of a batch is an error of this entity",
    feature=FEATURE,
    needs=BATCH,
)
async def null_in_batch(broker: Subject) -> None:
    good, bad = broker.own(vehicle(speed=1)), broker.own(vehicle(speed=prop(NULL)))
    for operation in ("create", "upsert"):
        answer = (await broker.post(f"/entityOperations/{operation}", [good, bad])).status(207)
        answer.body.at("errors").counts(1).at(0).has(entityId=bad.id)
        (await broker.get(bad.path)).refused(404, "ResourceNotFound")
        (await broker.delete(good.path)).status(204)


@case("5.6.17.4, 5.5.12", "a merge takes a sub-attribute and a member away by null", feature=FEATURE)
async def merge_null_members(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=prop(1, unitCode="KMH", by=rel("urn:a:b"), a=1)))
    (await broker.patch(entity.path, {"speed": {"unitCode": NULL, "by": NULL}})).status(204)
    (await now(broker, entity)).at("speed").equals(prop(1, a=1))


@case("5.6.17.4, 5.5.12", "a merge of an array replaces it", feature=FEATURE)
async def merge_array(broker: Subject) -> None:
    entity = await broker.have(vehicle(tags=["a", "b", "c"], way=list_property([1, 2])))
    (await broker.patch(entity.path, {"tags": {"value": ["d"]}, "way": {"valueList": [3]}})).status(204)
    (await now(broker, entity)).has(tags=prop(["d"]), way=list_property([3]))


@case("5.6.17.4, 5.5.12", "a merge of what is not there with null adds nothing", feature=FEATURE)
async def merge_null_of_nothing(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    (await broker.patch(entity.path, {"colour": NULL})).status(204, 207)
    (await now(broker, entity)).equals(entity)


@case("5.6.17.4, 6.5.3.4", "a simplified merge keeps the kind of each attribute", feature=FEATURE)
async def merge_simplified_kinds(broker: Subject) -> None:
    entity = await broker.have(
        vehicle(owner=rel("urn:a:b"), location=point(1, 2), state=vocab("Open"), way=list_property([1]))
    )
    plain: dict[str, Any] = {
        "owner": "urn:a:c", "location": {"type": "Point", "coordinates": [3, 4]}, "state": {"vocab": "Shut"},
        "way": [2],
    }  # fmt: skip
    (await broker.patch(entity.path, plain, format="simplified")).status(204)
    (await now(broker, entity)).has(
        owner=rel("urn:a:c"), location=point(3, 4), state=vocab("Shut"), way=list_property([2])
    )


@case("5.6.17.4", "a merge with another id in the body is refused", feature=FEATURE)
async def merge_other_id(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    body = {"id": broker.id("Vehicle"), "speed": prop(2)}
    (await broker.patch(entity.path, body)).refused(400, "BadRequestData")


@case("5.6.18.4, 4.16", "a replacing entity may be of another type", feature=FEATURE)
async def replaced_type(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    bus = broker.type("Bus")
    (await broker.put(entity.path, {**entity, "type": bus})).status(204)
    (await now(broker, entity)).has(type=bus)
    (await broker.get("/entities", type=entity.type)).status(200).body.ids()
    (await broker.get("/entities", type=bus)).status(200).body.ids(entity)


@case(
    "5.6.20.4, 5.5.11.5",
    "one entity merged twice in a batch is merged in order",
    feature=FEATURE,
    needs=BATCH,
)
async def merge_batch_twice(broker: Subject) -> None:
    old = await broker.have(vehicle(speed=1, label=lang({"en": "a"})))
    first = {"id": old.id, "type": old.type, "speed": prop(2), "label": lang({"de": "b"})}
    second = {"id": old.id, "type": old.type, "speed": prop(3), "label": lang({"fr": "c"})}
    (await broker.post("/entityOperations/merge", [first, second])).status(204)
    (await now(broker, old)).has(speed=prop(3), label=lang({"en": "a", "de": "b", "fr": "c"}))


@case(
    "5.5.11.1",
    "of one entity created twice in a batch the second is AlreadyExists",
    feature=FEATURE,
    needs=BATCH,
)
async def create_batch_twice(broker: Subject) -> None:
    entity = broker.own(vehicle(speed=1))
    answer = (await broker.post("/entityOperations/create", [entity, entity.of(speed=2)])).status(207)
    answer.body.at("success").equals([entity.id])
    answer.body.at("errors", 0, "error", "type").matches(".*/AlreadyExists")
    (await now(broker, entity)).has(speed=prop(1))


@case(
    "5.5.11.4",
    "of one entity deleted twice in a batch the second is ResourceNotFound",
    feature=FEATURE,
    needs=BATCH,
)
async def delete_batch_twice(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    answer = (await broker.post("/entityOperations/delete", [entity.id, entity.id])).status(207)
    answer.body.at("success").equals([entity.id])
    answer.body.at("errors", 0, "error", "type").matches(".*/ResourceNotFound")


@case(
    "5.6.7.4, 5.6.8.4, 5.6.9.4, 5.6.10.4",
    "an empty batch is refused by each operation",
    feature=FEATURE,
    needs=BATCH,
)
async def empty_batches(broker: Subject) -> None:
    for operation in ("create", "upsert", "update", "delete"):
        (await broker.post(f"/entityOperations/{operation}", [])).refused(400, "BadRequestData")


@case("4.5.24, 5.6.17.4", "a merge into JSON changes what it names", feature=FEATURE)
async def merge_json(broker: Subject) -> None:
    entity = await broker.have(vehicle(raw=json_property({"a": 1, "b": {"c": 2}})))
    (await broker.patch(entity.path, {"raw": {"json": {"b": {"d": 3}}}})).status(204)
    (await now(broker, entity)).at("raw", "json").one_of({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3}})
