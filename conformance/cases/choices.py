"""What a reader chooses: languages, datasets, members, types and scopes. (4.5.5, 4.15, 4.17, 4.19, 4.21)"""

from typing import Any

from conformance.case import case
from conformance.demand import Seen
from conformance.entity import Entity, lang, point, prop, rel, vehicle
from conformance.subject import GEO_JSON, LD_JSON, Subject

FEATURE = "Choices of the reader"
GPS, RADAR = "urn:ngsi-ld:gps", "urn:ngsi-ld:radar"


async def read(broker: Subject, entity: Entity, **params: Any) -> Seen:
    """Read an entity, demanding 200."""
    return (await broker.get(entity.path, **params)).status(200).body


async def chosen(broker: Subject, words: dict[str, Any], wanted: str, **expected: Any) -> None:
    """Demand what lang makes of a languageMap."""
    entity = await broker.have(vehicle(label=lang(words)))
    (await read(broker, entity, lang=wanted)).at("label").lacks("languageMap").has(
        type="Property", **expected
    )


@case("4.15", "without a match the word of @none is given", feature=FEATURE)
async def language_default(broker: Subject) -> None:
    entity = await broker.have(vehicle(label=lang({"en": "car", "@none": "?"})))
    answer = await broker.get("/entities", type=entity.type, lang="fr")
    answer.status(200).body.at(0, "label").has(value="?", lang="@none")


@case("4.15", "without a match some language is given, and named", feature=FEATURE)
async def language_other(broker: Subject) -> None:
    await chosen(broker, {"en": "car"}, "fr", value="car", lang="en")


@case("4.15", "lang=* takes any language", feature=FEATURE)
async def language_any(broker: Subject) -> None:
    await chosen(broker, {"ja": "車"}, "*", value="車", lang="ja")


@case("4.15", "* with a weight comes after those named", feature=FEATURE)
async def language_rest(broker: Subject) -> None:
    await chosen(
        broker, {"de": "Auto", "en": "car"}, "fr-CH,fr;q=0.9,en;q=0.8,*;q=0.5", value="car", lang="en"
    )


@case("4.15", "several words of a language are all given", feature=FEATURE)
async def language_words(broker: Subject) -> None:
    await chosen(broker, {"en": ["car", "auto"]}, "en", value=["car", "auto"], lang="en")


@case("4.15", "tags are compared without regard to case", feature=FEATURE)
async def language_case(broker: Subject) -> None:
    await chosen(broker, {"en-GB": "lorry", "ja": "車"}, "EN-gb", value="lorry")


@case("4.15", "lang leaves other kinds of attributes as they are", feature=FEATURE)
async def language_others(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1, owner=rel("urn:a:b"), label=lang({"en": "car"})))
    (await read(broker, entity, lang="en")).has(speed=prop(1), owner=rel("urn:a:b"))


@case("4.15, 4.5.2.3", "lang with the concise form gives value and lang", feature=FEATURE)
async def language_concise(broker: Subject) -> None:
    entity = await broker.have(vehicle(label=lang({"en": "car"})))
    (await read(broker, entity, lang="en", format="concise")).at("label").has(value="car", lang="en")


@case("4.15, 4.5.2", "lang works on sub-attributes too", feature=FEATURE)
async def language_of_sub_attribute(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=prop(1, note=lang({"en": "fast", "de": "schnell"}))))
    (await read(broker, entity, lang="de")).at("speed", "note").has(value="schnell", lang="de")


async def several(broker: Subject) -> Entity:
    """Make a vehicle whose speed has three instances."""
    speeds = [prop(1), prop(2, datasetId=GPS), prop(3, datasetId=RADAR)]
    return await broker.have(vehicle(speed=speeds, colour="red"))


@case("4.5.5.1", "several datasets are chosen with a comma", feature=FEATURE)
async def datasets(broker: Subject) -> None:
    entity = await several(broker)
    seen = (await read(broker, entity, datasetId=f"@none,{RADAR}")).has(colour=prop("red"))
    seen.at("speed").unordered([prop(1), prop(3, datasetId=RADAR)])


@case("4.5.5.1", "a dataset nobody has leaves no attribute", feature=FEATURE)
async def dataset_of_none(broker: Subject) -> None:
    (await read(broker, await several(broker), datasetId="urn:ngsi-ld:sonar")).lacks("speed", "colour")


@case("4.5.5.1", "the default instance is never told a datasetId", feature=FEATURE)
async def default_dataset(broker: Subject) -> None:
    entity = broker.own(vehicle(speed=prop(1, datasetId="@none")))
    (await broker.post("/entities", entity)).status(201)
    (await read(broker, entity)).at("speed").equals(prop(1))


@case("4.5.5.1", "two default instances are refused", feature=FEATURE)
async def two_defaults(broker: Subject) -> None:
    for speeds in ([prop(1), prop(2)], [prop(1), prop(2, datasetId="@none")]):
        (await broker.post("/entities", broker.own(vehicle(speed=speeds)))).refused(400, "BadRequestData")


@case(
    "4.5.16.1, 4.5.5",
    "of several places the default one is the geometry, or that of the datasetId",
    feature=FEATURE,
)
async def place_of_dataset(broker: Subject) -> None:
    entity = await broker.have(vehicle(location=[point(1, 1), point(2, 2, datasetId=GPS)]))
    geo = {"Accept": GEO_JSON}
    (await read(broker, entity, headers=geo)).at("geometry", "coordinates").equals([1, 1])
    (await read(broker, entity, headers=geo, datasetId=GPS)).at("geometry", "coordinates").equals([2, 2])


@case("4.5.17.1, 4.5.5", "simplified GeoJSON finds the default place below dataset", feature=FEATURE)
async def simplified_place(broker: Subject) -> None:
    entity = await broker.have(vehicle(location=[point(1, 1), point(2, 2, datasetId=GPS)]))
    body = await read(broker, entity, headers={"Accept": GEO_JSON}, format="simplified")
    body.at("geometry", "coordinates").equals([1, 1])
    body.at("properties", "location", "dataset", "@none", "coordinates").equals([1, 1])


@case("5.7.1.4", "geometryProperty without GeoJSON is refused", feature=FEATURE)
async def geometry_without_geo_json(broker: Subject) -> None:
    entity = await broker.have(vehicle(location=point(1, 1)))
    (await broker.get(entity.path, geometryProperty="location")).refused(400, "BadRequestData")
    answer = await broker.get("/entities", type=entity.type, geometryProperty="location")
    answer.refused(400, "BadRequestData")


@case("4.5.16.3", "a FeatureCollection has one @context, its Features none", feature=FEATURE)
async def one_context(broker: Subject) -> None:
    entity = await broker.have(vehicle(location=point(1, 1)))
    answer = await broker.get("/entities", type=entity.type, headers={"Accept": GEO_JSON})
    answer.status(200).body.at("@context")
    answer.body.at("features", 0).lacks("@context")


@case("4.21", "pick with | is as with a comma", feature=FEATURE)
async def pick_with_bar(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1, colour="red", doors=4))
    (await read(broker, entity, pick="speed|doors")).equals({"speed": prop(1), "doors": prop(4)})


@case("4.21", "pick of type and scope leaves the rest", feature=FEATURE)
async def pick_members(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1, scope="/a"))
    body = await read(broker, entity, pick="type,scope")
    body.has(type=entity.type).lacks("id", "speed").at("scope").one_of("/a", ["/a"])


@case("4.21", "omit of id, type and scope leaves the attributes", feature=FEATURE)
async def omit_members(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1, scope="/a"))
    (await read(broker, entity, omit="id,type,scope")).equals({"speed": prop(1)})


@case("4.21, 6.3.5", "pick keeps the @context of JSON-LD", feature=FEATURE)
async def pick_keeps_context(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    body = await read(broker, entity, pick="speed", headers={"Accept": LD_JSON})
    body.has(speed=prop(1)).at("@context")


async def typed(broker: Subject, selection: str, expected: list[int]) -> None:
    """Demand which entities a selection of types (written A, B, C) finds among A, B, A and B, C."""
    kinds: list[Any] = ["A", "B", ["A", "B"], "C"]
    made = [broker.own({"type": kind}) for kind in kinds]
    for entity in made:
        (await broker.post("/entities", entity)).status(201)
    for name in "ABC":
        selection = selection.replace(name, f"{name}_{broker.mark}")
    (await broker.get("/entities", type=selection)).status(200).body.ids(*(made[n] for n in expected))


@case("4.17", "types with | are alternatives", feature=FEATURE)
async def either_type(broker: Subject) -> None:
    await typed(broker, "A|C", [0, 2, 3])


@case("4.17", "both of two types, or a third", feature=FEATURE)
async def both_or_third(broker: Subject) -> None:
    await typed(broker, "(A;B)|C", [2, 3])


@case("4.17", "both of two types, or a third, with a comma", feature=FEATURE)
async def both_or_third_comma(broker: Subject) -> None:
    await typed(broker, "(A;B),C", [2, 3])


@case("4.17, 5.5.7", "a type may be given by its IRI", feature=FEATURE)
async def type_by_iri(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    iri = f"https://uri.etsi.org/ngsi-ld/default-context/{entity.type}"
    (await broker.get("/entities", type=iri)).status(200).body.ids(entity)
    (await broker.get(entity.path, type=iri)).status(200)


@case("4.17", "a selection of types that is none is refused", feature=FEATURE)
async def bad_types(broker: Subject) -> None:
    for selection in ("(A;B", "A;;B", "|A", "A,"):
        (await broker.get("/entities", type=selection)).refused(400, "BadRequestData")


async def scoped(broker: Subject, query: str, expected: list[int]) -> None:
    """Demand which entities a scope query finds among six."""
    scopes: list[Any] = ["/a/x/p", "/a/y/p", ["/a/x", "/b"], "/b", None, "/a/x"]
    made = await broker.have_all(*(vehicle(speed=1, scope=s) if s else vehicle(speed=1) for s in scopes))
    answer = await broker.get("/entities", type=made[0].type, scopeQ=query)
    answer.status(200).body.ids(*(made[n] for n in expected))


@case("4.19", "two scopes joined with ; must both be there", feature=FEATURE)
async def both_scopes(broker: Subject) -> None:
    await scoped(broker, "(/a/x;/b)", [2])


@case("4.19", "| takes either scope", feature=FEATURE)
async def either_scope(broker: Subject) -> None:
    await scoped(broker, "/a/y/p|/b", [1, 2, 3])


@case("4.19", "+ stands for one level in the middle", feature=FEATURE)
async def level_between(broker: Subject) -> None:
    await scoped(broker, "/a/+/p", [0, 1])


@case("4.19", "/# takes every entity that has a scope", feature=FEATURE)
async def any_scope(broker: Subject) -> None:
    await scoped(broker, "/#", [0, 1, 2, 3, 5])


@case("4.19", "a scope is not found by the beginning of its name", feature=FEATURE)
async def no_prefix(broker: Subject) -> None:
    made = await broker.have_all(vehicle(scope="/abc"), vehicle(scope="/ab/c"))
    (await broker.get("/entities", type=made[0].type, scopeQ="/ab/#")).status(200).body.ids(made[1])


@case("4.19", "a scope query that is none is refused", feature=FEATURE)
async def bad_scope(broker: Subject) -> None:
    for query in ("/a//b", "/a/#/b", "(/a;/b", "/a;"):
        answer = await broker.get("/entities", type=broker.type("Vehicle"), scopeQ=query)
        answer.refused(400, "BadRequestData")
