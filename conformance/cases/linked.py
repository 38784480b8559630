"""Linked entities retrieved: in every form, over loops and lists, and what is refused. (4.5.23, 5.7.1.4, 5.7.2.4)"""

from typing import Any

from conformance.case import case
from conformance.demand import Seen
from conformance.entity import Entity, list_rel, point, prop, rel, vehicle
from conformance.subject import GEO_JSON, Subject

FEATURE = "Linked entities"


async def read(broker: Subject, entity: Entity, **params: Any) -> Seen:
    """Read an entity with what it links to, demanding 200."""
    return (await broker.get(entity.path, **params)).status(200).body


async def garage(broker: Subject, **members: Any) -> Entity:
    """Make something to link to."""
    return await broker.have({"type": "Garage", "size": prop(4), **members})


@case(
    "4.5.23.2, 4.5.4",
    "inline and simplified, the linked entity stands in the place of its URI",
    feature=FEATURE,
)
async def inline_simplified(broker: Subject) -> None:
    home = await garage(broker)
    car = await broker.have(vehicle(home=rel(home)))
    body = await read(broker, car, join="inline", joinLevel=1, format="simplified")
    body.at("home").equals({"id": home.id, "type": home.type, "size": 4})


@case("4.5.23.2, 4.5.3.3", "inline and concise, the linked entity is concise too", feature=FEATURE)
async def inline_concise(broker: Subject) -> None:
    home = await garage(broker)
    car = await broker.have(vehicle(home=rel(home)))
    seen = (await read(broker, car, join="inline", joinLevel=1, format="concise")).at("home").lacks("type")
    seen.has(object=home.id, entity={"id": home.id, "type": home.type, "size": 4})


@case("4.5.23.2, 4.5.22", "the entities of a ListRelationship come in its order", feature=FEATURE)
async def inline_list(broker: Subject) -> None:
    one, two = await garage(broker), await garage(broker)
    car = await broker.have(vehicle(stops=list_rel([two.id, one.id])))
    seen = (await read(broker, car, join="inline", joinLevel=1)).at("stops").lacks("entity")
    seen.at("entityList").ids(two, one, ordered=True)


@case("4.5.23.2, 4.5.3", "each object of a Relationship is given", feature=FEATURE)
async def inline_several(broker: Subject) -> None:
    one, two = await garage(broker), await garage(broker)
    car = await broker.have(vehicle(homes=rel([one.id, two.id])))
    (await read(broker, car, join="inline", joinLevel=1)).at("homes", "entity").ids(one, two)


@case("4.5.23.3, 5.7.1.5", "flat, one entity is read as a list with what it links to", feature=FEATURE)
async def flat_one(broker: Subject) -> None:
    home = await garage(broker)
    car = await broker.have(vehicle(home=rel(home)))
    body = (await read(broker, car, join="flat", joinLevel=1)).ids(car, home)
    body.at(0).has(id=car.id, home=rel(home)).at("home").lacks("entity")


@case("4.5.23.3, 5.7.1.5", "flat and GeoJSON, one entity is read as a FeatureCollection", feature=FEATURE)
async def flat_features(broker: Subject) -> None:
    home = await garage(broker, location=point(1, 2))
    car = await broker.have(vehicle(home=rel(home)))
    body = await read(broker, car, join="flat", joinLevel=1, headers={"Accept": GEO_JSON})
    body.has(type="FeatureCollection").at("features").ids(car, home)


@case("4.5.23.3", "what two link to comes once", feature=FEATURE)
async def flat_once(broker: Subject) -> None:
    home = await garage(broker)
    one, two = await broker.have_all(vehicle(home=rel(home)), vehicle(home=rel(home)))
    answer = await broker.get("/entities", type=one.type, join="flat", joinLevel=1)
    answer.status(200).body.ids(one, two, home)


@case("4.5.23.1", "a loop of links ends", feature=FEATURE)
async def loop(broker: Subject) -> None:
    first, second = broker.id("Vehicle"), broker.id("Vehicle")
    one = await broker.have(vehicle(id=first, next=rel(second)))
    await broker.have(vehicle(id=second, next=rel(first)))
    (await read(broker, one, join="flat", joinLevel=5)).ids(first, second)
    seen = (await read(broker, one, join="inline", joinLevel=5)).at("next", "entity").has(id=second)
    seen.at("next").has(object=first).lacks("entity")


@case("4.5.23.1", "a link to what is not there stays a link", feature=FEATURE)
async def missing(broker: Subject) -> None:
    car = await broker.have(vehicle(home=rel("urn:ngsi-ld:Garage:nowhere")))
    (await read(broker, car, join="inline", joinLevel=1)).at("home").equals(rel("urn:ngsi-ld:Garage:nowhere"))
    (await read(broker, car, join="flat", joinLevel=1)).ids(car)


@case("6.5.3.1", "join=@none links nothing", feature=FEATURE)
async def none(broker: Subject) -> None:
    car = await broker.have(vehicle(home=rel(await garage(broker))))
    (await read(broker, car, join="@none")).equals(car)


@case("4.5.23, 4.5.5", "each instance of a Relationship has its own entity", feature=FEATURE)
async def instances(broker: Subject) -> None:
    one, two = await garage(broker), await garage(broker)
    car = await broker.have(vehicle(home=[rel(one), rel(two, datasetId="urn:ngsi-ld:plan")]))
    seen = (await read(broker, car, join="inline", joinLevel=1)).at("home").counts(2)
    seen.each(lambda instance: instance.at("entity").has(id=instance.at("object").value))


@case("5.7.1.4, 4.21", "braces in pick without join are refused", feature=FEATURE)
async def pick_without_join(broker: Subject) -> None:
    car = await broker.have(vehicle(home=rel(await garage(broker))))
    (await broker.get(car.path, pick="home{size}")).refused(400, "BadRequestData")
    (await broker.get("/entities", type=car.type, pick="home{size}")).refused(400, "BadRequestData")


@case("5.7.1.4, 4.21", "a pick deeper than joinLevel is refused", feature=FEATURE)
async def pick_too_deep(broker: Subject) -> None:
    car = await broker.have(vehicle(home=rel(await garage(broker))))
    answer = await broker.get(car.path, pick="home{city{name}}", join="inline", joinLevel=1)
    answer.refused(400, "BadRequestData")


@case("5.7.2.4, 4.9", "q over links without join, or deeper than joinLevel, is refused", feature=FEATURE)
async def q_too_deep(broker: Subject) -> None:
    kind = {"type": broker.type("Vehicle")}
    for params in ({"q": "home{size}==4"}, {"q": "home{city{name}}", "join": "flat", "joinLevel": 1}):
        answer = await broker.send("GET", "/entities", params={**kind, **params})
        answer.refused(400, "BadRequestData")


@case("4.9, 4.5.23", "q names the type of what is linked to", feature=FEATURE)
async def q_with_type(broker: Subject) -> None:
    home = await garage(broker)
    car = await broker.have(vehicle(home=rel(home, objectType=home.type)))
    for kind, expected in ((home.type, [car]), (broker.type("Tower"), [])):
        answer = await broker.get(
            "/entities", type=car.type, q=f"home{{{kind}:size}}==4", join="inline", joinLevel=1
        )
        answer.status(200).body.ids(*expected)


@case("4.21, 4.5.23", "omit reaches into linked entities", feature=FEATURE)
async def omit(broker: Subject) -> None:
    home = await garage(broker, name=prop("A"))
    car = await broker.have(vehicle(speed=1, home=rel(home)))
    body = await read(broker, car, join="inline", joinLevel=1, omit="speed,home{size}")
    body.lacks("speed").at("home", "entity").has(name=prop("A")).lacks("size")


@case("6.5.3.1", "a joinLevel that is no number from 1 is refused", feature=FEATURE)
async def bad_level(broker: Subject) -> None:
    car = await broker.have(vehicle(speed=1))
    for level in ("0", "-1", "deep"):
        (await broker.get(car.path, join="inline", joinLevel=level)).status(400)
