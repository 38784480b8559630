"""Forms of an entity in an answer: projection, languages, datasets, simplified, GeoJSON, linked entities.

(4.5.4, 4.5.5, 4.5.16, 4.5.17, 4.5.23, 4.15, 4.21, 6.3.7, 6.3.15)
"""

from typing import Any

from conformance.case import case
from conformance.demand import Seen
from conformance.entity import Entity, json_property, lang, list_property, point, prop, rel, vehicle, vocab
from conformance.subject import GEO_JSON, LD_JSON, Subject

FEATURE = "Forms of answers"
LINKED = "Linked entities"
GEO = {"Accept": GEO_JSON}


async def full(broker: Subject) -> Entity:
    """Make a vehicle with attributes of many kinds."""
    return await broker.have(
        vehicle(
            speed=prop(55, unitCode="KMH"),
            owner=rel("urn:ngsi-ld:Company:1"),
            label=lang({"ja": "車", "en": "car"}),
            state=vocab("Open"),
            raw=json_property({"a": None}),
            way=list_property([2, 1]),
            location=point(134.77, 35.4),
        )
    )


async def read(broker: Subject, entity: Entity, **params: Any) -> Seen:
    """Read an entity, demanding 200."""
    return (await broker.get(entity.path, **params)).status(200).body


@case("4.5.4, 6.3.7", "simplified gives plain values, with wrappers where they are needed", feature=FEATURE)
async def simplified(broker: Subject) -> None:
    body = await read(broker, await full(broker), format="simplified")
    body.has(
        speed=55,
        owner="urn:ngsi-ld:Company:1",
        way=[2, 1],
        location={"type": "Point", "coordinates": [134.77, 35.4]},
    )
    body.at("label").equals({"languageMap": {"ja": "車", "en": "car"}})
    body.at("state").equals({"vocab": "Open"})
    body.at("raw").equals({"json": {"a": None}})


@case("4.5.4, 6.3.7", "keyValues is another word for simplified", feature=FEATURE)
async def key_values(broker: Subject) -> None:
    entity = await full(broker)
    simple = await read(broker, entity, format="simplified")
    (await read(broker, entity, options="keyValues")).equals(simple.value)


@case("4.5.4, 4.5.5", "several instances are simplified below dataset", feature=FEATURE)
async def simplified_datasets(broker: Subject) -> None:
    gps = "urn:ngsi-ld:gps"
    entity = await broker.have(vehicle(speed=[prop(1), prop(2, datasetId=gps)]))
    (await read(broker, entity, format="simplified")).at("speed").equals({"dataset": {"@none": 1, gps: 2}})


@case("6.3.7", "an unknown format is refused", feature=FEATURE)
async def unknown_format(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    (await broker.get(entity.path, format="telegram")).status(400)


@case("4.21", "pick names members to give", feature=FEATURE)
async def pick(broker: Subject) -> None:
    body = await read(broker, await full(broker), pick="id,speed")
    body.holds(set(body.value) - {"@context"} == {"id", "speed"}, "has id and speed alone")


@case("4.21", "omit names members to leave out", feature=FEATURE)
async def omit(broker: Subject) -> None:
    body = await read(broker, await full(broker), omit="speed,location")
    body.lacks("speed", "location").has(owner=rel("urn:ngsi-ld:Company:1"))


@case("4.21", "a member both picked and omitted is refused", feature=FEATURE)
async def pick_and_omit(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    (await broker.get(entity.path, pick="speed", omit="speed")).refused(400, "BadRequestData")


@case("4.21", "a pick that is none is refused", feature=FEATURE)
async def bad_pick(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    (await broker.get(entity.path, pick="speed,,(")).refused(400, "BadRequestData")


@case("4.21, 5.7.1.4", "attrs names attributes to give", feature=FEATURE)
async def attrs(broker: Subject) -> None:
    body = await read(broker, await full(broker), attrs="speed")
    body.has(speed=prop(55, unitCode="KMH")).lacks("owner", "location")


@case("5.7.1.4", "an entity without any of the attributes asked for is not found", feature=FEATURE)
async def attrs_absent(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    (await broker.get(entity.path, attrs="weight")).refused(404, "ResourceNotFound")


@case("5.7.1.4", "an entity of another type is not found", feature=FEATURE)
async def other_type(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    (await broker.get(entity.path, type=broker.type("Bus"))).refused(404, "ResourceNotFound")


@case("5.7.1.4", "an unknown entity is not found; an id that is no URI is refused", feature=FEATURE)
async def unknown(broker: Subject) -> None:
    (await broker.get(f"/entities/{broker.id('Vehicle')}")).refused(404, "ResourceNotFound")
    (await broker.get("/entities/nouri")).refused(400, "BadRequestData")


@case("4.15", "lang chooses one language", feature=FEATURE)
async def language(broker: Subject) -> None:
    body = await read(broker, await full(broker), lang="ja")
    body.at("label").has(type="Property", value="車", lang="ja")


@case("4.15", "lang understands weights", feature=FEATURE)
async def weighted_language(broker: Subject) -> None:
    body = await read(broker, await full(broker), lang="de,en;q=0.2,ja;q=0.9")
    body.at("label").has(value="車", lang="ja")


@case("4.15", "lang finds a narrower tag of a range", feature=FEATURE)
async def language_range(broker: Subject) -> None:
    entity = await broker.have(vehicle(label=lang({"ja-JP": "車", "de": "Auto"})))
    (await read(broker, entity, lang="ja")).at("label").has(value="車", lang="ja-JP")


@case("4.15, 4.5.4", "lang with simplified gives the text", feature=FEATURE)
async def simplified_language(broker: Subject) -> None:
    (await read(broker, await full(broker), lang="en", format="simplified")).has(label="car")


@case("4.5.5, 6.3.15", "datasetId chooses instances", feature=FEATURE)
async def dataset(broker: Subject) -> None:
    gps = "urn:ngsi-ld:gps"
    entity = await broker.have(vehicle(speed=[prop(1), prop(2, datasetId=gps)], colour="red"))
    (await read(broker, entity, datasetId=gps)).has(speed=prop(2, datasetId=gps)).lacks("colour")
    (await read(broker, entity, datasetId="@none")).has(speed=prop(1), colour=prop("red"))


@case("4.5.16, 6.3.15", "an entity as a GeoJSON Feature", feature=FEATURE)
async def feature(broker: Subject) -> None:
    entity = await full(broker)
    answer = (await broker.get(entity.path, headers=GEO)).status(200).media(GEO_JSON)
    answer.body.has(id=entity.id, type="Feature", geometry={"type": "Point", "coordinates": [134.77, 35.4]})
    answer.body.at("properties").has(type=entity.type, speed=prop(55, unitCode="KMH"))
    answer.body.at("@context")


@case("4.5.16, 6.3.15", "entities as a FeatureCollection", feature=FEATURE)
async def features(broker: Subject) -> None:
    entity = await full(broker)
    answer = (await broker.get("/entities", type=entity.type, headers=GEO)).status(200).media(GEO_JSON)
    answer.body.has(type="FeatureCollection").at("features").counts(1).at(0).has(id=entity.id, type="Feature")


@case("4.5.16", "a Feature without place has the geometry null", feature=FEATURE)
async def feature_without_place(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    (await read(broker, entity, headers=GEO)).at("geometry").equals(None)


@case("4.5.16, 6.3.15", "geometryProperty names another place", feature=FEATURE)
async def geometry_property(broker: Subject) -> None:
    entity = await broker.have(vehicle(location=point(1, 2), garage=point(3, 4)))
    body = await read(broker, entity, headers=GEO, geometryProperty="garage")
    body.at("geometry", "coordinates").equals([3, 4])


@case("4.5.17", "simplified GeoJSON has plain values", feature=FEATURE)
async def simplified_feature(broker: Subject) -> None:
    body = await read(broker, await full(broker), headers=GEO, format="simplified")
    body.at("properties").has(speed=55, owner="urn:ngsi-ld:Company:1")


@case("6.3.6, 6.3.15", "Prefer: body=json moves the @context to a Link", feature=FEATURE)
async def feature_with_link(broker: Subject) -> None:
    answer = await broker.get((await full(broker)).path, headers={**GEO, "Prefer": "body=json"})
    answer.status(200).header("Link").body.lacks("@context")


@case("6.3.5", "JSON comes with a Link to the @context", feature=FEATURE)
async def context_of_json(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    answer = (await broker.get(entity.path)).status(200)
    answer.body.lacks("@context")
    links = answer.links("http://www.w3.org/ns/json-ld#context")
    answer.body.holds(len(links) == 1, "comes with one Link to its @context", str(links))


@case("6.3.5", "JSON-LD comes with the @context in the body", feature=FEATURE)
async def context_of_json_ld(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    answer = await broker.get(entity.path, headers={"Accept": LD_JSON})
    answer.status(200).media(LD_JSON).body.at("@context")


async def linked(broker: Subject) -> tuple[Entity, Entity, Entity]:
    """Make a car in a garage in a city."""
    city = await broker.have({"type": "City", "name": prop("Yabu")})
    garage = await broker.have({"type": "Garage", "size": prop(4), "city": rel(city)})
    return await broker.have(vehicle(speed=1, home=rel(garage, objectType=garage.type))), garage, city


@case("4.5.23.2", "join=inline puts the linked entity into the Relationship", feature=LINKED)
async def inline(broker: Subject) -> None:
    car, garage, _ = await linked(broker)
    body = await read(broker, car, join="inline", joinLevel=1)
    body.at("home", "entity").has(id=garage.id, size=prop(4)).at("city").lacks("entity")


@case("4.5.23.2", "joinLevel goes further", feature=LINKED)
async def deeper(broker: Subject) -> None:
    car, _, city = await linked(broker)
    body = await read(broker, car, join="inline", joinLevel=2)
    body.at("home", "entity", "city", "entity").has(id=city.id)


@case("4.5.23.3", "join=flat gives the linked entities beside", feature=LINKED)
async def flat(broker: Subject) -> None:
    car, garage, _ = await linked(broker)
    answer = await broker.get("/entities", type=car.type, join="flat", joinLevel=1)
    answer.status(200).body.ids(car, garage)


@case("4.5.23", "containedBy keeps out what the reader has", feature=LINKED)
async def contained_by(broker: Subject) -> None:
    car, garage, _ = await linked(broker)
    body = await read(broker, car, join="inline", joinLevel=1, containedBy=garage.id)
    body.at("home").lacks("entity")


@case("4.5.23, 4.9", "q follows Relationships with braces", feature=LINKED)
async def q_on_linked(broker: Subject) -> None:
    car, _, _ = await linked(broker)
    other = await broker.have(vehicle(speed=1))
    params = {"type": other.type, "join": "inline", "joinLevel": 1}
    (await broker.send("GET", "/entities", params={**params, "q": "home{size}==4"})).status(200).body.ids(car)
    (await broker.send("GET", "/entities", params={**params, "q": "home{size}>4"})).status(200).body.ids()


@case("4.5.23, 4.21", "pick reaches into linked entities", feature=LINKED)
async def pick_in_linked(broker: Subject) -> None:
    car, _, _ = await linked(broker)
    body = await read(broker, car, join="inline", joinLevel=1, pick="id,home{size}")
    body.lacks("speed").at("home", "entity").has(size=prop(4)).lacks("city")


@case("4.5.23", "an unknown join is refused", feature=LINKED)
async def bad_join(broker: Subject) -> None:
    car, _, _ = await linked(broker)
    (await broker.get(car.path, join="sideways")).refused(400, "BadRequestData")
