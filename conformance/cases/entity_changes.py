"""Entities and attributes changed and deleted. (5.6.2 to 5.6.6, 5.6.17 to 5.6.19)"""

from conformance.case import case
from conformance.entity import NULL, lang, prop, rel, vehicle
from conformance.subject import Subject

FEATURE = "Entity changes"
MERGE = {"Content-Type": "application/merge-patch+json"}


@case("5.6.3.4", "appended attributes are there and others stay", feature=FEATURE)
async def append(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55))
    (await broker.post(f"{entity.path}/attrs", {"colour": prop("red")})).status(204).empty()
    (await broker.get(entity.path)).status(200).body.has(speed=prop(55), colour=prop("red"))


@case("5.6.3.4", "an appended attribute that is there is overwritten", feature=FEATURE)
async def append_overwrites(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=prop(55, unitCode="KMH")))
    (await broker.post(f"{entity.path}/attrs", {"speed": prop(60)})).status(204)
    (await broker.get(entity.path)).status(200).body.at("speed").equals(prop(60))


@case("5.6.3.4", "noOverwrite keeps what is there and says so with 207", feature=FEATURE)
async def append_no_overwrite(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55))
    body = {"speed": prop(60), "colour": prop("red")}
    answer = await broker.post(f"{entity.path}/attrs", body, options="noOverwrite")
    answer.status(207).body.at("updated").counts(1).at(0).matches("(.*[/#])?colour")
    answer.body.at("notUpdated", 0, "attributeName").matches("(.*[/#])?speed")
    (await broker.get(entity.path)).status(200).body.has(speed=prop(55), colour=prop("red"))


@case("5.6.3.4", "nothing is appended to an unknown entity", feature=FEATURE)
async def append_unknown(broker: Subject) -> None:
    path = f"/entities/{broker.id('Vehicle')}/attrs"
    (await broker.post(path, {"colour": prop("red")})).refused(404, "ResourceNotFound")


@case("5.6.3.4, 4.5.1", "types can be added by appending", feature=FEATURE)
async def append_type(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55))
    bus = broker.type("Bus")
    (await broker.post(f"{entity.path}/attrs", {"type": [entity.type, bus]})).status(204)
    (await broker.get(entity.path)).status(200).body.at("type").unordered([entity.type, bus])


@case("5.6.2.4", "updated attributes are changed and others stay", feature=FEATURE)
async def update(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55, colour="red"))
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(60)})).status(204).empty()
    (await broker.get(entity.path)).status(200).body.has(speed=prop(60), colour=prop("red"))


@case("5.6.2.4", "an update of an unknown entity is 404", feature=FEATURE)
async def update_unknown(broker: Subject) -> None:
    path = f"/entities/{broker.id('Vehicle')}/attrs"
    (await broker.patch(path, {"speed": prop(60)})).refused(404, "ResourceNotFound")


@case("5.6.2.4", "an empty or wrong fragment is refused", feature=FEATURE)
async def update_nonsense(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55))
    (await broker.patch(f"{entity.path}/attrs", [1, 2])).status(400)


@case("5.6.2.4, 4.5.5", "an update touches only its dataset", feature=FEATURE)
async def update_dataset(broker: Subject) -> None:
    gps = "urn:ngsi-ld:gps"
    entity = await broker.have(vehicle(speed=[prop(1), prop(2, datasetId=gps)]))
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(9, datasetId=gps)})).status(204)
    found = (await broker.get(entity.path)).status(200).body.at("speed")
    found.unordered([prop(1), prop(9, datasetId=gps)])


@case("5.6.4.4", "a partial update changes the value and keeps the rest", feature=FEATURE)
async def partial(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=prop(55, unitCode="KMH", source=rel("urn:a:b"))))
    (await broker.patch(f"{entity.path}/attrs/speed", {"type": "Property", "value": 60})).status(204).empty()
    (await broker.get(entity.path)).status(200).body.at("speed").equals(
        prop(60, unitCode="KMH", source=rel("urn:a:b"))
    )


@case("5.6.4.4, 4.5.0", "an NGSI-LD Null takes a member away", feature=FEATURE)
async def partial_null(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=prop(55, unitCode="KMH")))
    (await broker.patch(f"{entity.path}/attrs/speed", {"unitCode": NULL})).status(204)
    (await broker.get(entity.path)).status(200).body.at("speed").equals(prop(55))


@case("5.6.4.4", "a partial update of an attribute that is not there is 404", feature=FEATURE)
async def partial_unknown(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55))
    answer = await broker.patch(f"{entity.path}/attrs/weight", {"type": "Property", "value": 60})
    answer.refused(404, "ResourceNotFound")


@case("5.6.4.4, 4.5.5", "a partial update with datasetId changes this instance", feature=FEATURE)
async def partial_dataset(broker: Subject) -> None:
    gps = "urn:ngsi-ld:gps"
    entity = await broker.have(vehicle(speed=[prop(1), prop(2, datasetId=gps)]))
    answer = await broker.patch(
        f"{entity.path}/attrs/speed", {"type": "Property", "value": 9, "datasetId": gps}
    )
    answer.status(204)
    found = (await broker.get(entity.path)).status(200).body.at("speed")
    found.unordered([prop(1), prop(9, datasetId=gps)])


@case("5.6.19.4", "a replaced attribute is as given, nothing of the old one stays", feature=FEATURE)
async def replace_attribute(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=prop(55, unitCode="KMH")))
    (await broker.put(f"{entity.path}/attrs/speed", prop(60))).status(204).empty()
    (await broker.get(entity.path)).status(200).body.at("speed").equals(prop(60))


@case("5.6.19.4", "an attribute that is not there is not replaced", feature=FEATURE)
async def replace_unknown_attribute(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55))
    (await broker.put(f"{entity.path}/attrs/weight", prop(60))).refused(404, "ResourceNotFound")


@case("5.6.5.4", "a deleted attribute is gone and others stay", feature=FEATURE)
async def delete_attribute(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55, colour="red"))
    (await broker.delete(f"{entity.path}/attrs/speed")).status(204).empty()
    (await broker.get(entity.path)).status(200).body.has(colour=prop("red")).lacks("speed")


@case("5.6.5.4", "an attribute that is not there is not deleted", feature=FEATURE)
async def delete_unknown_attribute(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55))
    (await broker.delete(f"{entity.path}/attrs/weight")).refused(404, "ResourceNotFound")


@case("5.6.5.4, 4.5.5", "without datasetId the default instance goes", feature=FEATURE)
async def delete_default(broker: Subject) -> None:
    gps = prop(2, datasetId="urn:ngsi-ld:gps")
    entity = await broker.have(vehicle(speed=[prop(1), gps]))
    (await broker.delete(f"{entity.path}/attrs/speed")).status(204)
    (await broker.get(entity.path)).status(200).body.at("speed").equals(gps)


@case("5.6.5.4, 4.5.5", "with datasetId its instance goes", feature=FEATURE)
async def delete_dataset(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=[prop(1), prop(2, datasetId="urn:ngsi-ld:gps")]))
    (await broker.delete(f"{entity.path}/attrs/speed", datasetId="urn:ngsi-ld:gps")).status(204)
    (await broker.get(entity.path)).status(200).body.at("speed").equals(prop(1))


@case("5.6.5.4", "deleteAll takes all instances", feature=FEATURE)
async def delete_all(broker: Subject) -> None:
    entity = await broker.have(vehicle(colour="red", speed=[prop(1), prop(2, datasetId="urn:ngsi-ld:gps")]))
    (await broker.delete(f"{entity.path}/attrs/speed", deleteAll=True)).status(204)
    (await broker.get(entity.path)).status(200).body.lacks("speed").has(colour=prop("red"))


@case("5.6.6.4", "a deleted entity is gone", feature=FEATURE)
async def delete(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55))
    (await broker.delete(entity.path)).status(204).empty()
    (await broker.get(entity.path)).refused(404, "ResourceNotFound")
    (await broker.get("/entities", type=entity.type)).status(200).body.ids()


@case("5.6.6.4", "an unknown entity is not deleted", feature=FEATURE)
async def delete_unknown(broker: Subject) -> None:
    (await broker.delete(f"/entities/{broker.id('Vehicle')}")).refused(404, "ResourceNotFound")


@case("5.6.6.4", "an entity of another type is not deleted", feature=FEATURE)
async def delete_other_type(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55))
    (await broker.delete(entity.path, type=broker.type("Bus"))).refused(404, "ResourceNotFound")
    (await broker.get(entity.path)).status(200)


@case("5.6.18.4", "a replaced entity is as given", feature=FEATURE)
async def replace(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55, colour="red"))
    (await broker.put(entity.path, entity.of(colour=None, weight=900))).status(204).empty()
    body = (await broker.get(entity.path)).status(200).body
    body.has(speed=prop(55), weight=prop(900)).lacks("colour")


@case("5.6.18.4, 4.8", "a replaced entity keeps createdAt", feature=FEATURE)
async def replace_keeps_created_at(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55))
    before = (await broker.get(entity.path, options="sysAttrs")).json["createdAt"]
    await broker.pause(0.01)
    (await broker.put(entity.path, entity.of(speed=60))).status(204)
    body = (await broker.get(entity.path, options="sysAttrs")).status(200).body
    body.at("createdAt").equals(before)
    body.at("modifiedAt").differs(before)


@case("5.6.18.4", "an unknown entity is not replaced", feature=FEATURE)
async def replace_unknown(broker: Subject) -> None:
    entity = broker.own(vehicle(speed=55))
    (await broker.put(entity.path, entity)).refused(404, "ResourceNotFound")


@case("5.6.18.4", "another id in the body is refused", feature=FEATURE)
async def replace_other_id(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55))
    (await broker.put(entity.path, entity.of(id=broker.id("Vehicle")))).refused(400, "BadRequestData")


@case("5.6.17.4, 5.5.12", "a merge patch changes, adds and keeps", feature=FEATURE)
async def merge(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=prop(55, unitCode="KMH"), colour="red"))
    patch = {"speed": {"type": "Property", "value": 60}, "weight": prop(900)}
    (await broker.patch(entity.path, patch)).status(204).empty()
    body = (await broker.get(entity.path)).status(200).body
    body.has(speed=prop(60, unitCode="KMH"), colour=prop("red"), weight=prop(900))


@case("5.6.17.4, 5.5.12", "a merge patch with an NGSI-LD Null takes an attribute away", feature=FEATURE)
async def merge_null(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55, colour="red"))
    (await broker.patch(entity.path, {"colour": NULL})).status(204)
    (await broker.get(entity.path)).status(200).body.has(speed=prop(55)).lacks("colour")


@case("5.6.17.4, 5.5.12", "a merge patch reaches into objects", feature=FEATURE)
async def merge_deep(broker: Subject) -> None:
    entity = await broker.have(vehicle(address={"city": "Yabu", "street": "1", "zip": "667"}))
    patch = {"address": {"type": "Property", "value": {"street": "2", "zip": NULL}}}
    (await broker.patch(entity.path, patch)).status(204)
    body = (await broker.get(entity.path)).status(200).body
    body.at("address", "value").equals({"city": "Yabu", "street": "2"})


@case("5.6.17.4, 4.5.18", "a merge patch adds and takes languages", feature=FEATURE)
async def merge_languages(broker: Subject) -> None:
    entity = await broker.have(vehicle(label=lang({"ja": "車", "en": "car"})))
    patch = {"label": {"type": "LanguageProperty", "languageMap": {"de": "Auto", "en": NULL}}}
    (await broker.patch(entity.path, patch)).status(204)
    (await broker.get(entity.path)).status(200).body.at("label", "languageMap").equals(
        {"ja": "車", "de": "Auto"}
    )


@case("5.6.17.4, 6.5.3.4", "a merge patch in the simplified form", feature=FEATURE)
async def merge_simplified(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=prop(55, unitCode="KMH"), colour="red"))
    (await broker.patch(entity.path, {"speed": 60}, format="simplified")).status(204)
    (await broker.get(entity.path)).status(200).body.has(speed=prop(60, unitCode="KMH"), colour=prop("red"))


@case("5.6.17.4, 6.5.3.4", "observedAt given for all of a merge patch", feature=FEATURE)
async def merge_observed_at(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=prop(55, observedAt="2026-03-01T00:00:00Z"), colour="red"))
    (await broker.patch(entity.path, {"speed": prop(60)}, observedAt="2026-03-02T00:00:00Z")).status(204)
    body = (await broker.get(entity.path)).status(200).body
    body.has(speed=prop(60, observedAt="2026-03-02T00:00:00Z"))


@case("5.6.17.4", "an unknown entity is not merged", feature=FEATURE)
async def merge_unknown(broker: Subject) -> None:
    path = f"/entities/{broker.id('Vehicle')}"
    (await broker.patch(path, {"speed": prop(60)})).refused(404, "ResourceNotFound")


@case("6.3.4, 6.5.3.4", "application/merge-patch+json is taken", feature=FEATURE)
async def merge_media_type(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55))
    (await broker.patch(entity.path, {"speed": prop(60)}, headers=MERGE)).status(204)
    (await broker.get(entity.path)).status(200).body.has(speed=prop(60))


@case("4.8", "a change moves modifiedAt of entity and attribute, not of others", feature=FEATURE)
async def modified_at(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55, colour="red"))
    before = (await broker.get(entity.path, options="sysAttrs")).json
    await broker.pause(0.01)
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(60)})).status(204)
    after = (await broker.get(entity.path, options="sysAttrs")).status(200).body
    after.at("modifiedAt").differs(before["modifiedAt"])
    after.at("speed", "modifiedAt").differs(before["speed"]["modifiedAt"])
    after.at("speed", "createdAt").equals(before["speed"]["createdAt"])
    after.at("colour", "modifiedAt").equals(before["colour"]["modifiedAt"])
