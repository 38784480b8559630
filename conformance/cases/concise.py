"""The concise form, given and read. (4.5.1, 4.5.2.3, 4.5.3.3, 4.5.16 to 4.5.24, C.2)"""

from typing import Any

from conformance.case import case
from conformance.entity import Entity, json_property, lang, list_property, point, prop, rel, vehicle, vocab
from conformance.subject import Subject

FEATURE = "Concise form"


async def understood(broker: Subject, given: Any, expected: Any) -> None:
    """Demand that a concise attribute is understood as a normalized one, and comes back concise as given."""
    entity = await made(broker, thing=given)
    (await broker.get(entity.path)).status(200).body.at("thing").equals(expected)
    (await broker.get(entity.path, format="concise")).status(200).body.at("thing").equals(given)


async def made(broker: Subject, **attributes: Any) -> Entity:
    """Create an entity whose attributes stand as they are, demanding 201."""
    entity = broker.own(Entity(type="Vehicle", **attributes))
    (await broker.post("/entities", entity)).status(201)
    return entity


@case("4.5.2.3", "a bare number is a Property", feature=FEATURE)
async def number(broker: Subject) -> None:
    await understood(broker, 55, prop(55))


@case("4.5.2.3", "a bare text is a Property", feature=FEATURE)
async def text(broker: Subject) -> None:
    await understood(broker, "red", prop("red"))


@case("4.5.2.3", "a bare false is a Property", feature=FEATURE)
async def boolean(broker: Subject) -> None:
    await understood(broker, False, prop(False))


@case("4.5.2.3", "a bare list of values is a Property", feature=FEATURE)
async def array(broker: Subject) -> None:
    await understood(broker, [1, 2, 3], prop([1, 2, 3]))


@case("4.5.2.3", "value with unitCode is a Property", feature=FEATURE)
async def with_unit(broker: Subject) -> None:
    await understood(broker, {"value": 55, "unitCode": "KMH"}, prop(55, unitCode="KMH"))


@case("4.5.2.3", "value with observedAt is a Property", feature=FEATURE)
async def with_time(broker: Subject) -> None:
    time = "2026-03-01T00:00:00Z"
    await understood(broker, {"value": 55, "observedAt": time}, prop(55, observedAt=time))


@case("4.5.2.3", "a value that is an object stands below value", feature=FEATURE)
async def compound(broker: Subject) -> None:
    entity = await made(broker, thing={"value": {"city": "Yabu"}})
    (await broker.get(entity.path)).status(200).body.at("thing").equals(prop({"city": "Yabu"}))


@case("4.5.3.3", "object alone is a Relationship", feature=FEATURE)
async def relationship(broker: Subject) -> None:
    await understood(broker, {"object": "urn:ngsi-ld:Company:1"}, rel("urn:ngsi-ld:Company:1"))


@case("4.7.2, 5.2.7", "a bare geometry is a GeoProperty", feature=FEATURE)
async def geometry(broker: Subject) -> None:
    shape = {"type": "Point", "coordinates": [134.7, 35.4]}
    await understood(broker, shape, {"type": "GeoProperty", "value": shape})


@case("4.7.2, 5.2.7", "a geometry below value is a GeoProperty", feature=FEATURE)
async def geometry_with_time(broker: Subject) -> None:
    shape = {"type": "Point", "coordinates": [134.7, 35.4]}
    time = "2026-03-01T00:00:00Z"
    await understood(broker, {"value": shape, "observedAt": time}, point(134.7, 35.4, observedAt=time))


@case("4.5.18.3", "languageMap alone is a LanguageProperty", feature=FEATURE)
async def language(broker: Subject) -> None:
    await understood(broker, {"languageMap": {"ja": "車"}}, lang({"ja": "車"}))


@case("4.5.20.3", "vocab alone is a VocabProperty", feature=FEATURE)
async def vocabulary(broker: Subject) -> None:
    await understood(broker, {"vocab": "Open"}, vocab("Open"))


@case("4.5.24.3", "json alone is a JsonProperty", feature=FEATURE)
async def raw_json(broker: Subject) -> None:
    await understood(broker, {"json": {"a": None}}, json_property({"a": None}))


@case("4.5.21.3", "valueList alone is a ListProperty", feature=FEATURE)
async def value_list(broker: Subject) -> None:
    await understood(broker, {"valueList": [2, 1]}, list_property([2, 1]))


@case("4.5.2.3", "sub-attributes are concise too", feature=FEATURE)
async def sub_attributes(broker: Subject) -> None:
    entity = await made(
        broker, speed={"value": 55, "accuracy": 0.1, "source": {"object": "urn:ngsi-ld:Sensor:1"}}
    )
    expected = prop(55, accuracy=prop(0.1), source=rel("urn:ngsi-ld:Sensor:1"))
    (await broker.get(entity.path)).status(200).body.at("speed").equals(expected)
    body = (await broker.get(entity.path, format="concise")).status(200).body.at("speed")
    body.equals({"value": 55, "accuracy": 0.1, "source": {"object": "urn:ngsi-ld:Sensor:1"}})


@case("4.5.5, 4.5.2.3", "instances of datasets may be concise", feature=FEATURE)
async def datasets(broker: Subject) -> None:
    entity = await made(broker, speed=[{"value": 1}, {"value": 2, "datasetId": "urn:ngsi-ld:gps"}])
    found = (await broker.get(entity.path)).status(200).body.at("speed")
    found.unordered([prop(1), prop(2, datasetId="urn:ngsi-ld:gps")])


@case("4.5.2.3", "normalized and concise attributes may stand together", feature=FEATURE)
async def mixed(broker: Subject) -> None:
    entity = await made(broker, speed=prop(55), colour="red")
    (await broker.get(entity.path)).status(200).body.has(speed=prop(55), colour=prop("red"))


@case("4.5.2.3, 6.3.7", "options=concise reads the same as format=concise", feature=FEATURE)
async def by_options(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55, owner=rel("urn:ngsi-ld:Company:1")))
    body = (await broker.get(entity.path, options="concise")).status(200).body
    body.has(speed=55, owner={"object": "urn:ngsi-ld:Company:1"})


@case("4.5.2.3, 6.3.11", "with system times the value stands below value", feature=FEATURE)
async def with_system_times(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55))
    body = (await broker.get(entity.path, format="concise", options="sysAttrs")).status(200).body
    body.at("speed").has(value=55).lacks("type").at("createdAt").is_time()


@case("4.5.2.3, 5.7.2", "queries give the concise form too", feature=FEATURE)
async def query(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55))
    answer = await broker.get("/entities", type=entity.type, format="concise")
    answer.status(200).body.at(0).has(speed=55)


@case("5.6.3, 4.5.2.3", "appended attributes may be concise", feature=FEATURE)
async def append(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55))
    (await broker.post(f"{entity.path}/attrs", {"colour": "red", "owner": {"object": "urn:a:b"}})).status(204)
    (await broker.get(entity.path)).status(200).body.has(colour=prop("red"), owner=rel("urn:a:b"))


@case("5.6.2, 4.5.2.3", "updated attributes may be concise", feature=FEATURE)
async def update(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55))
    (await broker.patch(f"{entity.path}/attrs", {"speed": 60})).status(204)
    (await broker.get(entity.path)).status(200).body.has(speed=prop(60))


@case("5.6.17, 4.5.2.3", "a merge patch may be concise", feature=FEATURE)
async def merge(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=prop(55, unitCode="KMH")))
    (await broker.patch(entity.path, {"speed": {"value": 60}, "colour": "red"})).status(204)
    (await broker.get(entity.path)).status(200).body.has(speed=prop(60, unitCode="KMH"), colour=prop("red"))


@case("5.6.18, 4.5.2.3", "a replacing entity may be concise", feature=FEATURE)
async def replace(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55, colour="red"))
    (await broker.put(entity.path, {"id": entity.id, "type": entity.type, "speed": 60})).status(204)
    (await broker.get(entity.path)).status(200).body.has(speed=prop(60)).lacks("colour")


@case("5.6.8, 4.5.2.3", "entities of a batch may be concise", feature=FEATURE, needs=("batch",))
async def batch(broker: Subject) -> None:
    entity = broker.own(Entity(type="Vehicle", speed=55))
    (await broker.post("/entityOperations/upsert", [entity])).status(201)
    (await broker.get(entity.path)).status(200).body.has(speed=prop(55))


@case("5.6.4, 4.5.2.3", "a partial update may leave out the type", feature=FEATURE)
async def partial(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=prop(55, unitCode="KMH")))
    (await broker.patch(f"{entity.path}/attrs/speed", {"value": 60})).status(204)
    (await broker.get(entity.path)).status(200).body.at("speed").has(value=60, unitCode="KMH")


@case(
    "4.5.2.3",
    "an object that is no kind of attribute is refused or a Property's value, never lost",
    feature=FEATURE,
)
async def unclear(broker: Subject) -> None:
    entity = broker.own(Entity(type="Vehicle", thing={"city": "Yabu"}))
    answer = (await broker.post("/entities", entity)).status(201, 400)
    if answer.code == 201:
        (await broker.get(entity.path)).status(200).body.at("thing", "value").equals({"city": "Yabu"})
