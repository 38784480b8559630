"""The concise form, rule by rule: what is inferred, what is refused, how little comes back. (4.5.2.3 to 4.7.3)"""

from typing import Any

from conformance.case import case
from conformance.entity import (
    NULL,
    Entity,
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
from conformance.subject import GEO_JSON, LD_JSON, Subject

FEATURE = "Concise form"
COMPANY, STOP, GPS = "urn:ngsi-ld:Company:1", "urn:ngsi-ld:Stop:1", "urn:ngsi-ld:gps"
TIME = "2026-03-01T00:00:00Z"


async def made(broker: Subject, **attributes: Any) -> Entity:
    """Create an entity whose attributes stand as they are, demanding 201."""
    entity = broker.own(Entity(type="Vehicle", **attributes))
    (await broker.post("/entities", entity)).status(201)
    return entity


async def refused(broker: Subject, thing: Any) -> None:
    """Demand that an attribute written so is refused."""
    (await broker.post("/entities", broker.own(Entity(type="Vehicle", thing=thing)))).refused(
        400, "BadRequestData"
    )


async def inferred(broker: Subject, given: Any, expected: Any) -> None:
    """Demand what a concise attribute is understood as."""
    entity = await made(broker, thing=given)
    (await broker.get(entity.path)).status(200).body.at("thing").equals(expected)


async def shortened(broker: Subject, given: Any, expected: Any) -> None:
    """Demand how an attribute is given back in the concise form."""
    entity = await broker.have(vehicle(thing=given))
    (await broker.get(entity.path, format="concise")).status(200).body.at("thing").equals(expected)


@case("4.5.22.3", "objectList of URIs alone is a ListRelationship", feature=FEATURE)
async def list_of_uris(broker: Subject) -> None:
    entity = await made(broker, thing={"objectList": [STOP, COMPANY]})
    seen = (await broker.get(entity.path)).status(200).body.at("thing").has(type="ListRelationship")
    seen.at("objectList").one_of([STOP, COMPANY], [{"object": STOP}, {"object": COMPANY}])


@case("4.5.22.3", "objectList of objects alone is a ListRelationship", feature=FEATURE)
async def list_of_objects(broker: Subject) -> None:
    entity = await made(broker, thing={"objectList": [{"object": STOP}]})
    seen = (await broker.get(entity.path)).status(200).body.at("thing").has(type="ListRelationship")
    seen.at("objectList").one_of([STOP], [{"object": STOP}])


@case("4.5.3.3", "object with several URIs is a Relationship", feature=FEATURE)
async def several_objects(broker: Subject) -> None:
    await inferred(broker, {"object": [COMPANY, STOP]}, rel([COMPANY, STOP]))


@case("4.5.3.3", "a Relationship keeps objectType, observedAt and sub-attributes", feature=FEATURE)
async def full_relationship(broker: Subject) -> None:
    given = {"object": COMPANY, "objectType": "Company", "observedAt": TIME, "share": 0.5}
    await inferred(broker, given, {**rel(COMPANY, observedAt=TIME, share=prop(0.5)), "objectType": "Company"})


@case("4.5.18.3", "a LanguageProperty keeps observedAt and sub-attributes", feature=FEATURE)
async def full_language(broker: Subject) -> None:
    given = {"languageMap": {"en": "car"}, "observedAt": TIME, "by": {"object": COMPANY}}
    await inferred(broker, given, lang({"en": "car"}, observedAt=TIME, by=rel(COMPANY)))


@case("4.5.20.3", "several terms are a VocabProperty", feature=FEATURE)
async def several_terms(broker: Subject) -> None:
    await inferred(broker, {"vocab": ["Open", "Busy"]}, vocab(["Open", "Busy"]))


@case("4.5.24.3", "a list of JSON objects is a JsonProperty", feature=FEATURE)
async def several_json(broker: Subject) -> None:
    await inferred(broker, {"json": [{"id": 1}, {"type": "x"}]}, json_property([{"id": 1}, {"type": "x"}]))


@case("4.7.3", "every geometry is a GeoProperty", feature=FEATURE)
async def geometries(broker: Subject) -> None:
    for kind, coordinates in (
        ("LineString", [[1, 2], [3, 4]]),
        ("MultiPoint", [[1, 2], [3, 4]]),
        ("Polygon", [[[0, 0], [1, 0], [1, 1], [0, 0]]]),
        ("MultiPolygon", [[[[0, 0], [1, 0], [1, 1], [0, 0]]]]),
    ):
        await inferred(broker, {"type": kind, "coordinates": coordinates}, geo(kind, coordinates))


@case("4.7.3", "a geometry that is none is refused, bare or below value", feature=FEATURE)
async def bad_geometries(broker: Subject) -> None:
    await refused(broker, {"type": "Point", "coordinates": ["here", "there"]})
    await refused(broker, {"type": "Point"})


@case("4.5.2.3", "sub-attributes of every kind are inferred", feature=FEATURE)
async def kinds_of_sub_attributes(broker: Subject) -> None:
    given = {
        "value": 1, "a": "x", "b": {"object": COMPANY}, "c": {"type": "Point", "coordinates": [1, 2]},
        "d": {"languageMap": {"en": "y"}}, "e": {"vocab": "Open"}, "f": {"json": {"k": None}},
        "g": {"valueList": [2, 1]},
    }  # fmt: skip
    expected = prop(
        1, a=prop("x"), b=rel(COMPANY), c=point(1, 2), d=lang({"en": "y"}), e=vocab("Open"),
        f=json_property({"k": None}), g=list_property([2, 1]),
    )  # fmt: skip
    await inferred(broker, given, expected)
    entity = await made(broker, thing=given)
    (await broker.get(entity.path, format="concise")).status(200).body.at("thing").equals(given)


@case("4.5.2.3", "sub-attributes of sub-attributes are inferred", feature=FEATURE)
async def deep(broker: Subject) -> None:
    given = {"value": 1, "accuracy": {"value": 0.1, "by": {"object": COMPANY, "since": 2020}}}
    await inferred(broker, given, prop(1, accuracy=prop(0.1, by=rel(COMPANY, since=prop(2020)))))


@case("4.5.2.3", "what carries its type is taken by it", feature=FEATURE)
async def with_type(broker: Subject) -> None:
    await inferred(broker, {"type": "Property", "value": 1, "accuracy": 0.1}, prop(1, accuracy=prop(0.1)))


@case("4.5.2.3", "an object with an unknown type is no attribute", feature=FEATURE)
async def unknown_type(broker: Subject) -> None:
    await refused(broker, {"type": "PostalAddress", "city": "Yabu"})


@case("4.5.2.3, 4.5.3.3", "the values of two kinds never stand together", feature=FEATURE)
async def two_kinds(broker: Subject) -> None:
    others: tuple[dict[str, Any], ...] = (
        {"object": COMPANY}, {"languageMap": {"en": "x"}}, {"vocab": "x"}, {"json": {}}, {"valueList": [1]},
        {"objectList": [STOP]},
    )  # fmt: skip
    for more in others:
        await refused(broker, {"value": 1, **more})


@case(
    "4.5.3.3, 4.5.18.3, 4.5.20.3, 4.5.24.3", "unitCode is for Properties and lists of values", feature=FEATURE
)
async def unit_of_others(broker: Subject) -> None:
    others: tuple[dict[str, Any], ...] = (
        {"object": COMPANY},
        {"languageMap": {"en": "x"}},
        {"vocab": "x"},
        {"json": {}},
    )
    for thing in others:
        await refused(broker, {**thing, "unitCode": "KMH"})


@case("4.5.2.3", "entity and entityList are never given", feature=FEATURE)
async def entity_given(broker: Subject) -> None:
    await refused(broker, {"value": 1, "entity": {"id": COMPANY, "type": "Company"}})


@case("5.5.4", "a bare NGSI-LD Null is refused in a new entity", feature=FEATURE)
async def null(broker: Subject) -> None:
    await refused(broker, NULL)
    await refused(broker, {"value": NULL})
    await refused(broker, {"value": {"a": NULL}})
    await refused(broker, {"objectList": [NULL]})


@case(
    "4.5.18.3, 5.6.2",
    "a bare NGSI-LD Null takes a Relationship, a LanguageProperty and a list away",
    feature=FEATURE,
)
async def null_takes_away(broker: Subject) -> None:
    entity = await broker.have(
        vehicle(a=rel(COMPANY), b=lang({"en": "x"}), c=list_property([1]), d=list_rel([STOP]), e=1)
    )
    (await broker.patch(f"{entity.path}/attrs", dict.fromkeys("abcd", NULL))).status(204)
    (await broker.get(entity.path)).status(200).body.has(e=prop(1)).lacks(*"abcd")


@case("4.5.0, 5.6.2", "the null of each kind takes its instance away", feature=FEATURE)
async def null_of_kinds(broker: Subject) -> None:
    entity = await broker.have(
        vehicle(a=rel(COMPANY), b=lang({"en": "x"}), c=list_property([1]), d=list_rel([STOP]), e=1)
    )
    nulls = {
        "a": {"object": NULL}, "b": {"languageMap": {"@none": NULL}}, "c": {"valueList": [NULL]},
        "d": {"objectList": [NULL]},
    }  # fmt: skip
    (await broker.patch(f"{entity.path}/attrs", nulls)).status(204)
    (await broker.get(entity.path)).status(200).body.has(e=prop(1)).lacks(*"abcd")


@case("4.5.2.3, 6.3.7", "given back, a Property without more is its bare value", feature=FEATURE)
async def bare_values(broker: Subject) -> None:
    for value in (0, "", False, [], [1, [2]], "text"):
        await shortened(broker, prop(value), value)


@case("4.5.2.3, 6.3.7", "given back, no attribute has a type that can be inferred", feature=FEATURE)
async def no_types(broker: Subject) -> None:
    await shortened(broker, rel(COMPANY, observedAt=TIME), {"object": COMPANY, "observedAt": TIME})
    await shortened(broker, lang({"en": "x"}), {"languageMap": {"en": "x"}})
    await shortened(broker, vocab("Open"), {"vocab": "Open"})
    await shortened(broker, list_property([1]), {"valueList": [1]})
    short = {"value": 1, "unitCode": "KMH", "by": {"object": COMPANY}}
    await shortened(broker, prop(1, unitCode="KMH", by=rel(COMPANY)), short)


@case("4.7.3", "given back, a place without more is its bare geometry", feature=FEATURE)
async def bare_place(broker: Subject) -> None:
    await shortened(broker, point(1, 2), {"type": "Point", "coordinates": [1, 2]})
    shape = {"type": "Point", "coordinates": [1, 2]}
    await shortened(broker, point(1, 2, observedAt=TIME), {"value": shape, "observedAt": TIME})


@case("4.5.2.3, 4.5.5", "given back, instances of datasets are concise", feature=FEATURE)
async def instances(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=[prop(1), prop(2, datasetId=GPS, unitCode="KMH")]))
    seen = (await broker.get(entity.path, format="concise")).status(200).body.at("speed")
    seen.counts(2).contains({"value": 2, "datasetId": GPS, "unitCode": "KMH"})
    seen.holds(1 in seen.value or {"value": 1} in seen.value, "has the default instance, without type")


@case("4.5.2.3", "a value that is an object with a type comes back as an attribute again", feature=FEATURE)
async def lossless(broker: Subject) -> None:
    thing = {"a": {"type": "Tower", "value": 1}, "b": {"object": "x"}, "c": {"value": 2}}
    entity = await broker.have(vehicle(**{name: prop(value) for name, value in thing.items()}))
    body = (await broker.get(entity.path, format="concise")).status(200).json
    other = broker.own({**body, "id": broker.id("Vehicle")})
    (await broker.post("/entities", other)).status(201)
    (await broker.get(other.path)).status(200).body.has({name: prop(value) for name, value in thing.items()})


@case("4.5.2.3, 6.3.15", "the concise form goes with GeoJSON", feature=FEATURE)
async def geo_json(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1, owner=rel(COMPANY), location=point(1, 2)))
    answer = await broker.get(entity.path, format="concise", headers={"Accept": GEO_JSON})
    answer.status(200).body.at("geometry", "coordinates").equals([1, 2])
    answer.body.at("properties").has(speed=1, owner={"object": COMPANY})


@case("4.5.2.3, 6.3.6", "the concise form goes with JSON-LD, and can be written back", feature=FEATURE)
async def written_back(broker: Subject) -> None:
    entity = await broker.have(
        vehicle(
            speed=prop(1, unitCode="KMH"), owner=rel(COMPANY), label=lang({"en": "x"}), location=point(1, 2)
        )
    )
    body = (await broker.get(entity.path, format="concise", headers={"Accept": LD_JSON})).status(200).json
    (await broker.put(entity.path, body)).status(204)
    (await broker.get(entity.path)).status(200).body.equals(entity)


@case("4.5.2.3, 5.6.19", "a replacing attribute may be concise", feature=FEATURE)
async def replace_attribute(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=prop(1, unitCode="KMH"), owner=rel(COMPANY)))
    (await broker.put(f"{entity.path}/attrs/speed", {"value": 2})).status(204)
    (await broker.put(f"{entity.path}/attrs/owner", {"object": STOP})).status(204)
    (await broker.get(entity.path)).status(200).body.has(speed=prop(2), owner=rel(STOP))
