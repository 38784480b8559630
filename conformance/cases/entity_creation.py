"""What an entity may be, and what is refused. (4.5.1 to 4.5.5, 4.6, 5.2.4, 5.5.4, 5.6.1)"""

from typing import Any

from conformance.case import case
from conformance.entity import (
    NULL,
    geo,
    json_property,
    lang,
    list_property,
    list_rel,
    point,
    prop,
    rel,
    vehicle,
    vocab,
)
from conformance.subject import Subject

FEATURE = "Entity creation"


async def refused(broker: Subject, **members: Any) -> None:
    """Demand that an entity with these members is refused as bad data."""
    (await broker.post("/entities", broker.own(vehicle(**members)))).refused(400, "BadRequestData")


async def kept(broker: Subject, name: str, attribute: Any) -> None:
    """Demand that an attribute comes back as it was given."""
    entity = await broker.have(vehicle(**{name: attribute}))
    (await broker.get(entity.path)).status(200).body.at(name).equals(attribute)


@case("4.5.2", "a Property keeps value, unitCode and observedAt", feature=FEATURE)
async def keeps_property(broker: Subject) -> None:
    await kept(broker, "speed", prop(55.5, unitCode="KMH", observedAt="2026-03-01T00:00:00Z"))


@case("4.5.2", "a Property may hold any JSON value", feature=FEATURE)
async def keeps_values(broker: Subject) -> None:
    for value in (0, -1.5, "", "x", True, False, [], [1, "a", {"b": [2]}], {"a": {"b": 1}}):
        await kept(broker, "thing", prop(value))


@case("4.5.2", "Japanese text and characters beyond the basic plane come back unchanged", feature=FEATURE)
async def keeps_unicode(broker: Subject) -> None:
    await kept(broker, "name", prop("養父市役所 𠮷野家 👪 e\u0301"))


@case("4.6.4", "the characters < > \" ' = ; ( ) are kept or refused, never changed", feature=FEATURE)
async def special_characters(broker: Subject) -> None:
    entity = broker.own(vehicle(note='<a href="x">\'(b);=c</a>'))
    answer = await broker.post("/entities", entity)
    if answer.code == 400:
        answer.refused(400, "BadRequestData")
        return
    answer.status(201)
    (await broker.get(entity.path)).status(200).body.has(note=entity["note"])


@case("4.5.3", "a Relationship keeps its object", feature=FEATURE)
async def keeps_relationship(broker: Subject) -> None:
    await kept(broker, "owner", rel("urn:ngsi-ld:Company:1", observedAt="2026-03-01T00:00:00Z"))


@case("4.5.3", "a Relationship may have several objects", feature=FEATURE)
async def keeps_objects(broker: Subject) -> None:
    await kept(broker, "owner", rel(["urn:ngsi-ld:Company:1", "urn:ngsi-ld:Company:2"]))


@case("4.7", "a GeoProperty keeps its geometry", feature=FEATURE)
async def keeps_geometry(broker: Subject) -> None:
    await kept(broker, "location", geo("Polygon", [[[134, 35], [135, 35], [135, 36], [134, 35]]]))


@case("4.5.18", "a LanguageProperty keeps its languages", feature=FEATURE)
async def keeps_languages(broker: Subject) -> None:
    await kept(broker, "label", lang({"ja": "車", "en": "car", "@none": "?"}))


@case("4.5.20", "a VocabProperty keeps its term", feature=FEATURE)
async def keeps_vocab(broker: Subject) -> None:
    await kept(broker, "state", vocab("Open"))


@case("4.5.24", "a JsonProperty keeps its JSON, nulls and all", feature=FEATURE)
async def keeps_json(broker: Subject) -> None:
    await kept(broker, "raw", json_property({"a": None, "@id": "x", "b": [None, {"c": 1}]}))


@case("4.5.21", "a ListProperty keeps the order of its values", feature=FEATURE)
async def keeps_list(broker: Subject) -> None:
    await kept(broker, "way", list_property([3, 1, 2, 1]))


@case("4.5.22", "a ListRelationship keeps the order of its objects", feature=FEATURE)
async def keeps_list_relationship(broker: Subject) -> None:
    entity = await broker.have(vehicle(stops=list_rel(["urn:ngsi-ld:Stop:2", "urn:ngsi-ld:Stop:1"])))
    body = (await broker.get(entity.path)).status(200).body.at("stops").has(type="ListRelationship")
    listed = [item["object"] if isinstance(item, dict) else item for item in body.at("objectList").value]
    body.holds(listed == ["urn:ngsi-ld:Stop:2", "urn:ngsi-ld:Stop:1"], "keeps the order", str(listed))


@case("4.5.2", "sub-attributes of each kind are kept", feature=FEATURE)
async def keeps_sub_attributes(broker: Subject) -> None:
    await kept(
        broker, "speed", prop(1, accuracy=prop(0.1), source=rel("urn:ngsi-ld:Sensor:1"), where=point(1, 2))
    )


@case("4.5.5", "instances of several datasets are kept", feature=FEATURE)
async def keeps_datasets(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=[prop(1), prop(2, datasetId="urn:ngsi-ld:gps")]))
    found = (await broker.get(entity.path)).status(200).body.at("speed")
    found.unordered([prop(1), prop(2, datasetId="urn:ngsi-ld:gps")])


@case("4.5.5", "two instances of one dataset are refused", feature=FEATURE)
async def same_dataset_twice(broker: Subject) -> None:
    await refused(broker, speed=[prop(1, datasetId="urn:ngsi-ld:gps"), prop(2, datasetId="urn:ngsi-ld:gps")])


@case("4.5.1", "an entity may have several types", feature=FEATURE)
async def several_types(broker: Subject) -> None:
    entity = broker.own({"type": ["Vehicle", "Bus"]})
    (await broker.post("/entities", entity)).status(201)
    (await broker.get(entity.path)).status(200).body.at("type").unordered(entity["type"])


@case("4.18", "a scope, or several, are kept", feature=FEATURE)
async def scopes(broker: Subject) -> None:
    one = await broker.have(vehicle(scope="/Yabu/Yoka"))
    two = await broker.have(vehicle(scope=["/Yabu", "/Asago"]))
    (await broker.get(one.path)).status(200).body.at("scope").one_of("/Yabu/Yoka", ["/Yabu/Yoka"])
    (await broker.get(two.path)).status(200).body.at("scope").unordered(["/Yabu", "/Asago"])


@case("4.18", "a scope of other characters is refused", feature=FEATURE)
async def bad_scope(broker: Subject) -> None:
    await refused(broker, scope="/Yabu//+")


@case("5.2.4", "an entity without id is refused", feature=FEATURE)
async def no_id(broker: Subject) -> None:
    body = broker.own(vehicle(speed=1))
    del body["id"]
    (await broker.post("/entities", body)).refused(400, "BadRequestData")


@case("5.2.4", "an entity without type is refused", feature=FEATURE)
async def no_type(broker: Subject) -> None:
    body = broker.own(vehicle(speed=1))
    del body["type"]
    (await broker.post("/entities", body)).refused(400, "BadRequestData")


@case("5.2.4", "an id that is no URI is refused", feature=FEATURE)
async def bad_id(broker: Subject) -> None:
    await refused(broker, id="vehicle one")


@case("5.5.4, 4.5.0", "an NGSI-LD Null as a value is refused", feature=FEATURE)
async def null_value(broker: Subject) -> None:
    await refused(broker, speed=prop(NULL))


@case("5.5.4, 4.5.0", "an NGSI-LD Null as an object is refused", feature=FEATURE)
async def null_object(broker: Subject) -> None:
    await refused(broker, owner=rel(NULL))


@case("5.5.4, 4.5.0", "an NGSI-LD Null in a languageMap is refused", feature=FEATURE)
async def null_language(broker: Subject) -> None:
    await refused(broker, label=lang({"@none": NULL}))


@case("5.2.1, 5.5.4", "a JSON null as a value is refused", feature=FEATURE)
async def json_null(broker: Subject) -> None:
    await refused(broker, speed={"type": "Property", "value": None})


@case("5.2.5", "a Property without value is refused", feature=FEATURE)
async def no_value(broker: Subject) -> None:
    await refused(broker, speed={"type": "Property", "unitCode": "KMH"})


@case("5.2.6", "a Relationship without object is refused", feature=FEATURE)
async def no_object(broker: Subject) -> None:
    await refused(broker, owner={"type": "Relationship"})


@case("5.2.6", "a Relationship to what is no URI is refused", feature=FEATURE)
async def bad_object(broker: Subject) -> None:
    await refused(broker, owner=rel("my company"))


@case("4.5.2.2", "a Property with an object is refused", feature=FEATURE)
async def property_with_object(broker: Subject) -> None:
    await refused(broker, speed={"type": "Property", "value": 1, "object": "urn:ngsi-ld:Company:1"})


@case("4.5.3.2", "a Relationship with a value is refused", feature=FEATURE)
async def relationship_with_value(broker: Subject) -> None:
    await refused(broker, owner={"type": "Relationship", "object": "urn:ngsi-ld:Company:1", "value": 1})


@case("5.2.4", "an unknown kind of attribute is refused", feature=FEATURE)
async def unknown_kind(broker: Subject) -> None:
    await refused(broker, speed={"type": "Velocity", "value": 1})


@case("4.7", "an unknown geometry is refused", feature=FEATURE)
async def unknown_geometry(broker: Subject) -> None:
    await refused(broker, location=geo("Sphere", [134, 35]))


@case("4.7", "a GeometryCollection is refused", feature=FEATURE)
async def geometry_collection(broker: Subject) -> None:
    await refused(
        broker, location={"type": "GeoProperty", "value": {"type": "GeometryCollection", "geometries": []}}
    )


@case("4.7", "a Point without coordinates is refused", feature=FEATURE)
async def point_without_coordinates(broker: Subject) -> None:
    await refused(broker, location={"type": "GeoProperty", "value": {"type": "Point"}})


@case("4.7", "a Polygon whose ring is open is refused", feature=FEATURE)
async def open_ring(broker: Subject) -> None:
    await refused(broker, location=geo("Polygon", [[[134, 35], [135, 35], [135, 36]]]))


@case("4.6.3, 4.8", "an observedAt without Z is refused", feature=FEATURE)
async def time_without_zone(broker: Subject) -> None:
    await refused(broker, speed=prop(1, observedAt="2026-03-01T00:00:00"))


@case("4.6.3, 4.8", "an observedAt on a day that is not is refused", feature=FEATURE)
async def impossible_day(broker: Subject) -> None:
    await refused(broker, speed=prop(1, observedAt="2026-02-30T00:00:00Z"))


@case("4.6.3", "fractions of seconds are kept, and a comma is understood", feature=FEATURE)
async def fractions(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=prop(1, observedAt="2026-03-01T00:00:00,123456Z")))
    seen = (await broker.get(entity.path)).status(200).body.at("speed", "observedAt")
    seen.matches(r"2026-03-01T00:00:00[.,]123456Z")


@case("5.2.5", "a datasetId that is no URI is refused", feature=FEATURE)
async def bad_dataset(broker: Subject) -> None:
    await refused(broker, speed=prop(1, datasetId="gps"))


@case("5.2.5", "a unitCode that is no text is refused", feature=FEATURE)
async def bad_unit(broker: Subject) -> None:
    await refused(broker, speed=prop(1, unitCode=5))


@case("4.6.2", "an attribute name with forbidden characters is refused", feature=FEATURE)
async def bad_name(broker: Subject) -> None:
    await refused(broker, **{"a(b)": prop(1)})


@case("4.5.18", "a languageMap whose value is a number is refused", feature=FEATURE)
async def bad_language_map(broker: Subject) -> None:
    await refused(broker, label=lang({"en": 5}))


@case("5.2.2, 4.8", "createdAt and modifiedAt in input are ignored", feature=FEATURE)
async def system_times_ignored(broker: Subject) -> None:
    old = "2001-01-01T00:00:00Z"
    entity = broker.own(vehicle(speed={**prop(1), "createdAt": old, "modifiedAt": old}))
    (await broker.post("/entities", {**entity, "createdAt": old, "modifiedAt": old})).status(201)
    body = (await broker.get(entity.path, options="sysAttrs")).status(200).body
    body.at("createdAt").is_time().differs(old)
    body.at("speed", "modifiedAt").is_time().differs(old)


@case("6.3.11, 4.8", "sysAttrs shows when entity and attributes were made", feature=FEATURE)
async def system_times(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    body = (await broker.get(entity.path, options="sysAttrs")).status(200).body
    for path in (("createdAt",), ("modifiedAt",), ("speed", "createdAt"), ("speed", "modifiedAt")):
        body.at(*path).is_time()
    (await broker.get(entity.path)).status(200).body.lacks("createdAt", "modifiedAt")
