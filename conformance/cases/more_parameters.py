"""Parameters of maps, of one entity, of purging and of lists with a story of their own. (6.3.18, 6.4, 6.8, 6.34)"""

from typing import Any

from conformance.case import case
from conformance.cases.change_parameters import purged
from conformance.cases.temporal_changes import ALL, DAY, known, speeds
from conformance.demand import demand
from conformance.entity import Entity, json_property, lang, point, rel, vehicle
from conformance.subject import Subject

FEATURE = "Parameters of resources"
MAPS = ("entity maps",)
TEMPORAL = ("temporal",)
TEMPORAL_MAPS = ("temporal", "temporal entity maps")
SOURCES = ("registrations",)
NEAR_2 = {"georel": "near;maxDistance==1000", "geometry": "Point", "coordinates": "[2,2]"}


async def mapped(
    broker: Subject,
    resource: str,
    entities: list[Entity],
    **params: Any,
) -> None:
    """Demand an entity map of exactly these entities."""
    answer = (await broker.send("GET", resource, params=params)).status(201)
    answer.body.at("entityMap").equals({entity.id: ["@none"] for entity in entities})


@case(
    "5.14.4.4, 6.34.3.1",
    "what shapes entities leaves their map as it is",
    feature=FEATURE,
    needs=MAPS,
)
async def map_shapes(broker: Subject) -> None:
    owner = await broker.have(vehicle(speed=5))
    one = await broker.have(vehicle(label=lang({"en": "car", "ja": "車"}), owner=rel(owner)))
    shapes: tuple[dict[str, Any], ...] = (
        {"pick": "id,label"},
        {"omit": "label"},
        {"lang": "ja"},
        {"datasetId": "@none"},
        {"options": "simplified,sysAttrs"},
        {"format": "keyValues"},
        {"format": "concise"},
        {"format": "simplified"},
        {"options": "normalized"},
        {"join": "inline", "joinLevel": 1, "containedBy": owner.id},
        {"entityMap": True},
        {"splitEntities": False},
        {"csf": 'registrationName=="other"'},
    )
    for params in shapes:
        await mapped(broker, "/entityMaps", [one], type=one.type, id=one.id, **params)


@case("5.14.4.4, 4.23", "a map may be asked for in any order", feature=FEATURE, needs=(*MAPS, "ordering"))
async def map_orders(broker: Subject) -> None:
    made = await broker.have_all(
        vehicle(name="z", location=point(1, 1)), vehicle(name="ö", location=point(2, 2))
    )
    asked: dict[str, Any] = {"type": made[0].type, "local": True}
    await mapped(broker, "/entityMaps", made, **asked, orderBy="name", collation="sv")
    distance = {"orderBy": "location;dist-asc", "orderFrom": "[2,2]", "orderGeometry": "Point"}
    await mapped(broker, "/entityMaps", made, **asked, **distance)
    (await broker.send("GET", "/entityMaps", params={**asked, "orderBy": "name;sideways"})).refused(
        400, "BadRequestData"
    )


@case("5.14.4.4, 4.9", "jsonKeys and expandValues go with q of a map", feature=FEATURE, needs=MAPS)
async def map_values(broker: Subject) -> None:
    one, _ = await broker.have_all(
        vehicle(data=json_property({"a": "x"})), vehicle(data=json_property({"a": "y"}))
    )
    await mapped(broker, "/entityMaps", [one], type=one.type, q='data[a]=="x"', jsonKeys="data")
    await mapped(broker, "/entityMaps", [one], type=one.type, q='data[a]=="x"', expandValues="colour")


@case("5.14.4.4", "geometryProperty without GeoJSON is refused", feature=FEATURE, needs=MAPS)
async def map_place(broker: Subject) -> None:
    asked = {"type": broker.type("Vehicle"), "geometryProperty": "base"}
    (await broker.send("GET", "/entityMaps", params=asked)).refused(400, "BadRequestData")


@case("5.14.4.4, 6.34.3.2", "a POSTed Query for a map stays local where told so", feature=FEATURE, needs=MAPS)
async def map_posted(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1))
    body = {"type": "Query", "entities": [{"type": one.type}]}
    for params in ({"local": True}, {"options": "simplified"}, {"format": "concise"}):
        answer = (await broker.send("POST", "/entityMaps", body, params=params)).status(201)
        answer.body.at("entityMap").equals({one.id: ["@none"]})


@case("5.7.1.4, 6.5.3.1, 4.5.25", "one entity is told with its map where asked", feature=FEATURE, needs=MAPS)
async def entity_with_map(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1))
    answer = (await broker.get(one.path, entityMap=True, entityMapLifetime="PT1H")).status(200)
    path = f"/entityMaps/{answer.header('NGSILD-EntityMap').headers['NGSILD-EntityMap'].rpartition('/')[2]}"
    (await broker.get(path)).status(200).body.at("entityMap").equals({one.id: ["@none"]})
    (await broker.get(one.path)).status(200).no_header("NGSILD-EntityMap")


@case(
    "5.14.5.4, 6.35.3.1",
    "what shapes histories leaves their map as it is",
    feature=FEATURE,
    needs=TEMPORAL_MAPS,
)
async def temporal_map_shapes(broker: Subject) -> None:
    one = await known(broker, speed=speeds(1, 2))
    for params in (
        {"pick": "id,speed"},
        {"omit": "type"},
        {"lang": "ja"},
        {"lastN": 1},
        {"options": "sysAttrs"},
        {"format": "temporalValues"},
        {"options": "temporalValues"},
        {"options": "aggregatedValues", "aggrMethods": "max", "aggrPeriodDuration": "P1D"},
        {"timeproperty": "modifiedAt"},
        {"entityMap": True, "entityMapLifetime": "PT1H"},
        {"splitEntities": False},
        {"local": True, "orderBy": "id", "collation": "und"},
        {"csf": 'registrationName=="other"'},
        {"jsonKeys": "data", "expandValues": "colour"},
    ):
        await mapped(broker, "/temporal/entityMaps", [one], **{**ALL, "type": one.type, **params})


@case(
    "5.14.5.4, 4.10, 4.5.5",
    "place and dataset choose for a temporal map",
    feature=FEATURE,
    needs=TEMPORAL_MAPS,
)
async def temporal_map_places(broker: Subject) -> None:
    gps, when = "urn:ngsi-ld:dataset:gps", DAY.format(1)
    one = await known(broker, base=[point(2, 2, observedAt=when)], speed=speeds(1))
    two = await known(broker, base=[point(9, 9, observedAt=when)], speed=speeds(1, datasetId=gps))
    asked = {**ALL, "type": one.type}
    await mapped(broker, "/temporal/entityMaps", [one], **asked, **NEAR_2, geoproperty="base")
    await mapped(broker, "/temporal/entityMaps", [two], **asked, datasetId=gps)


@case(
    "5.14.5.4, 6.35.3.2",
    "a POSTed Query for a temporal map takes parameters",
    feature=FEATURE,
    needs=TEMPORAL_MAPS,
)
async def temporal_map_posted(broker: Subject) -> None:
    one = await known(broker, speed=speeds(1))
    body = {"type": "Query", "entities": [{"type": one.type}], "temporalQ": ALL}
    for params in ({"local": True}, {"options": "sysAttrs"}, {"format": "temporalValues"}):
        answer = (await broker.send("POST", "/temporal/entityMaps", body, params=params)).status(201)
        answer.body.at("entityMap").equals({one.id: ["@none"]})


@case(
    "5.7.4.4, 6.18.3.2",
    "Temporal Evolutions come by id",
    feature=FEATURE,
    needs=(*TEMPORAL, "ordering"),
)
async def temporal_order(broker: Subject) -> None:
    one, two = await known(broker, speed=speeds(1)), await known(broker, speed=speeds(2))
    asked = {**ALL, "type": one.type, "local": True}
    for order, expected in (("id", [one, two]), ("id;desc", [two, one])):
        answer = await broker.send(
            "GET", "/temporal/entities", params={**asked, "orderBy": order, "collation": "und"}
        )
        answer.status(200).body.ids(*expected, ordered=True)


@case("5.7.4.4, 4.10", "geoproperty names the place of Temporal Evolutions", feature=FEATURE, needs=TEMPORAL)
async def temporal_place(broker: Subject) -> None:
    when = DAY.format(1)
    one = await known(broker, base=[point(2, 2, observedAt=when)])
    await known(broker, location=[point(2, 2, observedAt=when)], base=[point(9, 9, observedAt=when)])
    asked = {**ALL, "type": one.type, **NEAR_2, "geoproperty": "base"}
    (await broker.send("GET", "/temporal/entities", params=asked)).status(200).body.ids(one)


@case("5.7.4.4, 4.9", "jsonKeys goes with q of Temporal Evolutions", feature=FEATURE, needs=TEMPORAL)
async def temporal_json(broker: Subject) -> None:
    when = DAY.format(1)
    one = await known(broker, data=[json_property({"a": "x"}, observedAt=when)])
    await known(broker, data=[json_property({"a": "y"}, observedAt=when)])
    asked = {**ALL, "type": one.type, "q": 'data[a]=="x"', "jsonKeys": "data"}
    (await broker.send("GET", "/temporal/entities", params=asked)).status(200).body.ids(one)


@case(
    "5.7.4.4, 6.18.3.2",
    "csf and splitEntities change nothing in what is held here",
    feature=FEATURE,
    needs=TEMPORAL,
)
async def temporal_sources(broker: Subject) -> None:
    one = await known(broker, speed=speeds(1))
    for params in ({"csf": 'registrationName=="other"'}, {"splitEntities": False}):
        asked = {**ALL, "type": one.type, **params}
        (await broker.send("GET", "/temporal/entities", params=asked)).status(200).body.ids(one)


@case(
    "5.6.21.4, 6.4.3.3",
    "csf chooses no entities held here to purge",
    feature=FEATURE,
    needs=("purge",),
)
async def purge_sources(broker: Subject) -> None:
    made = await broker.have_all(vehicle(speed=1), vehicle(speed=2))
    await purged(broker, made, [1], type=made[0].type, q="speed==2", csf='registrationName=="other"')


@case("6.4.3.3", "geometryProperty has no effect on a purge", feature=FEATURE, needs=("purge",))
async def purge_geometry(broker: Subject) -> None:
    made = await broker.have_all(vehicle(base=point(1, 1)), vehicle(speed=1))
    await purged(broker, made, [0], type=made[0].type, q="base", geometryProperty="base")


@case(
    "4.9, 5.6.21.4",
    "jsonKeys and expandValues of a purge are refused, or change what q means",
    feature=FEATURE,
    needs=("purge",),
)
async def purge_terms(broker: Subject) -> None:
    made = await broker.have_all(
        vehicle(data=json_property({"a": "x"})), vehicle(data=json_property({"a": "y"}))
    )
    asked = {"type": made[0].type, "q": 'data[a]=="y"', "jsonKeys": "data", "expandValues": "colour"}
    answer = (await broker.send("DELETE", "/entities", params=asked)).status(204, 400)
    left = made if answer.code == 400 else made[:1]
    (await broker.get("/entities", type=made[0].type)).status(200).body.ids(*left)


@case(
    "6.7",
    "a value has a language, and is set locally",
    feature=FEATURE,
    needs=("value replacement",),
    profile="full",
)
async def value(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=1, label=lang({"en": "car", "ja": "車"})))
    (await broker.get(f"{made.path}/attrs/label/value", lang="ja", type=made.type)).status(200).body.equals(
        "車"
    )
    (await broker.put(f"{made.path}/attrs/speed/value", 5, local=True)).status(204)
    (await broker.get(made.path)).status(200).body.at("speed").has(value=5)


@case(
    "6.3.18, 5.8",
    "local=true is taken by changes of subscriptions",
    feature=FEATURE,
    needs=("subscriptions",),
)
async def local_subscription(broker: Subject) -> None:
    body = {
        "id": broker.id("Subscription"),
        "type": "Subscription",
        "entities": [{"type": broker.type("Vehicle")}],
        "notification": {"endpoint": {"uri": broker.dead_end()}},
    }
    path = f"/subscriptions/{body['id']}"
    (await broker.post("/subscriptions", body, local=True)).status(201)
    (await broker.patch(path, {"isActive": False}, local=True)).status(204)
    (await broker.delete(path, local=True)).status(204)


@case(
    "5.10.2.4, 6.8.3.2",
    "registrations are asked for with pick, omit, lang",
    feature=FEATURE,
    needs=SOURCES,
)
async def registrations_shaped(broker: Subject) -> None:
    kind = broker.type("Vehicle")
    path = await broker.register(broker.dead_end(), {"entities": [{"type": kind}]})
    for params in ({"omit": "speed"}, {"lang": "ja"}, {"geometryProperty": "location"}, {"pick": "speed"}):
        answer = await broker.send("GET", "/csourceRegistrations", params={"type": kind, **params})
        answer.status(200).body.ids(path.rpartition("/")[2])


@case(
    "6.30.3.1",
    "an @context is served for a core version",
    feature=FEATURE,
    needs=("contexts",),
    profile="full",
)
async def context_core(broker: Subject) -> None:
    made = await broker.post("/jsonldContexts", {"@context": {"tempo": "https://example.org/tempo"}})
    answer = await broker.get(made.status(201).location, core="1.8")
    demand(
        answer.code in (200, 400),
        "a parameter of NGSI-LD 2.0 is understood or refused",
        f"status {answer.code}",
    )
    if answer.code == 200:
        demand("core-context-v1.8" in answer.text, "the core context is that of the version", answer.text)
