"""What a notification carries, and how. (5.2.14, 5.2.15, 6.3.8)"""

from typing import Any

from conformance.case import case
from conformance.entity import lang, point, prop, rel, vehicle
from conformance.servers.receiver import Notification
from conformance.subject import GEO_JSON, JSON, LD_JSON, Subject

FEATURE = "Notification forms"
NEEDS = ("subscriptions", "callbacks")


async def told(
    broker: Subject, params: dict[str, Any], *, change: dict[str, Any] | None = None, **members: Any
) -> Notification:
    """Subscribe to a vehicle, change its speed, and give the notification of it."""
    receiver = await broker.receiver()
    entity = await broker.have(
        vehicle(
            speed=prop(55, unitCode="KMH"),
            colour="red",
            owner=rel("urn:ngsi-ld:Company:1"),
            location=point(134.7, 35.4),
            label=lang({"ja": "車", "en": "car"}),
        )
    )
    await broker.subscribe(
        receiver.url,
        entities=[{"type": entity.type}],
        notification={**params, "endpoint": {"uri": receiver.url, **params.get("endpoint", {})}},
        **members,
    )
    changed = change or {"speed": prop(60, unitCode="KMH")}
    (await broker.patch(f"{entity.path}/attrs", changed)).status(204)
    return await receiver.next()


@case("5.2.14", "normalized is the default format", feature=FEATURE, needs=NEEDS)
async def normalized(broker: Subject) -> None:
    notification = await told(broker, {})
    notification.data.at(0).has(speed=prop(60, unitCode="KMH"), owner=rel("urn:ngsi-ld:Company:1"))


@case("5.2.14", "format=keyValues gives plain values", feature=FEATURE, needs=NEEDS)
async def key_values(broker: Subject) -> None:
    notification = await told(broker, {"format": "keyValues"})
    notification.data.at(0).has(speed=60, colour="red", owner="urn:ngsi-ld:Company:1")


@case("5.2.14", "format=simplified gives plain values", feature=FEATURE, needs=NEEDS)
async def simplified(broker: Subject) -> None:
    (await told(broker, {"format": "simplified"})).data.at(0).has(speed=60, colour="red")


@case("5.2.14, 4.5.2.3", "format=concise leaves out what can be inferred", feature=FEATURE, needs=NEEDS)
async def concise(broker: Subject) -> None:
    data = (await told(broker, {"format": "concise"})).data.at(0)
    data.has(colour="red", owner={"object": "urn:ngsi-ld:Company:1"})
    data.at("speed").equals({"value": 60, "unitCode": "KMH"})


@case("5.2.14", "attributes limits what is sent", feature=FEATURE, needs=NEEDS)
async def attributes(broker: Subject) -> None:
    data = (await told(broker, {"attributes": ["colour"]})).data.at(0)
    data.has(colour=prop("red")).lacks("speed", "owner", "location")


@case("5.2.14, 4.21", "pick limits what is sent", feature=FEATURE, needs=NEEDS)
async def pick(broker: Subject) -> None:
    data = (await told(broker, {"pick": ["id", "type", "colour"]})).data.at(0)
    data.has(colour=prop("red")).lacks("speed", "owner", "location")


@case("5.2.14, 4.21", "omit leaves members out", feature=FEATURE, needs=NEEDS)
async def omit(broker: Subject) -> None:
    data = (await told(broker, {"omit": ["colour", "location"]})).data.at(0)
    data.has(speed=prop(60, unitCode="KMH")).lacks("colour", "location")


@case("5.2.14", "sysAttrs adds createdAt and modifiedAt", feature=FEATURE, needs=NEEDS)
async def sys_attrs(broker: Subject) -> None:
    data = (await told(broker, {"sysAttrs": True})).data.at(0)
    data.at("createdAt").is_time()
    data.at("modifiedAt").is_time()
    data.at("speed", "modifiedAt").is_time()


@case("5.2.14", "without sysAttrs there are no system times", feature=FEATURE, needs=NEEDS)
async def no_sys_attrs(broker: Subject) -> None:
    data = (await told(broker, {})).data.at(0)
    data.lacks("createdAt", "modifiedAt").at("speed").lacks("createdAt", "modifiedAt")


@case("5.2.14, 4.5.2", "showChanges adds the previous value", feature=FEATURE, needs=NEEDS)
async def show_changes(broker: Subject) -> None:
    data = (await told(broker, {"showChanges": True})).data.at(0)
    data.at("speed").has(value=60, previousValue=55)
    data.at("colour").lacks("previousValue")


@case("5.2.14, 4.5.3", "showChanges adds the previous object", feature=FEATURE, needs=NEEDS)
async def show_changed_object(broker: Subject) -> None:
    change = {"owner": rel("urn:ngsi-ld:Company:2")}
    data = (await told(broker, {"showChanges": True}, change=change)).data.at(0)
    data.at("owner").has(object="urn:ngsi-ld:Company:2", previousObject="urn:ngsi-ld:Company:1")


@case("5.2.14, 4.5.18", "showChanges adds the previous languageMap", feature=FEATURE, needs=NEEDS)
async def show_changed_words(broker: Subject) -> None:
    change = {"label": lang({"en": "automobile"})}
    data = (await told(broker, {"showChanges": True}, change=change)).data.at(0)
    data.at("label").has(previousLanguageMap={"ja": "車", "en": "car"})


@case("5.2.12, 4.15", "lang chooses one language", feature=FEATURE, needs=NEEDS)
async def language(broker: Subject) -> None:
    data = (await told(broker, {}, lang="ja")).data.at(0)
    data.at("label").has(type="Property", value="車", lang="ja")


@case(
    "5.2.15, 6.3.5", "accept application/json comes with a Link to the @context", feature=FEATURE, needs=NEEDS
)
async def as_json(broker: Subject) -> None:
    notification = await told(broker, {"endpoint": {"accept": JSON}})
    notification.header("Link").body.lacks("@context")
    kind = notification.headers.get("Content-Type", "").partition(";")[0]
    notification.body.holds(kind == JSON, f"comes as {JSON}", kind)


@case("5.2.15, 6.3.5", "accept application/ld+json carries the @context", feature=FEATURE, needs=NEEDS)
async def as_json_ld(broker: Subject) -> None:
    notification = await told(broker, {"endpoint": {"accept": LD_JSON}})
    inside = all("@context" in entity for entity in notification.json["data"])
    notification.body.holds(inside or "@context" in notification.json, "or each entity in it has an @context")
    kind = notification.headers.get("Content-Type", "").partition(";")[0]
    notification.body.holds(kind == LD_JSON, f"comes as {LD_JSON}", kind)


@case(
    "5.2.15, 4.5.16", "accept application/geo+json carries a FeatureCollection", feature=FEATURE, needs=NEEDS
)
async def as_geo_json(broker: Subject) -> None:
    data = (await told(broker, {"endpoint": {"accept": GEO_JSON}})).data
    data.has(type="FeatureCollection").at("features", 0).has(
        type="Feature", geometry={"type": "Point", "coordinates": [134.7, 35.4]}
    )


@case("5.2.15, 6.3.8", "receiverInfo becomes headers", feature=FEATURE, needs=NEEDS)
async def receiver_info(broker: Subject) -> None:
    info = [{"key": "X-Purpose", "value": "drill"}, {"key": "Authorization", "value": "Bearer abc"}]
    notification = await told(broker, {"endpoint": {"receiverInfo": info}})
    notification.header("X-Purpose", "drill").header("Authorization", "Bearer abc")


@case("5.2.14, 4.5.23", "join=inline puts linked entities in", feature=FEATURE, needs=NEEDS)
async def joined(broker: Subject) -> None:
    receiver = await broker.receiver()
    home = await broker.have({"type": "Garage", "size": prop(4)})
    entity = await broker.have(vehicle(speed=55, home=rel(home)))
    await broker.subscribe(
        receiver.url,
        entities=[{"type": entity.type}],
        notification={"endpoint": {"uri": receiver.url}, "join": "inline", "joinLevel": 1},
    )
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(60)})).status(204)
    (await receiver.next()).data.at(0, "home", "entity").has(id=home.id, size=prop(4))


@case("5.2.12, 6.3.5", "jsonldContext decides on the terms", feature=FEATURE, needs=NEEDS)
async def context_of_notifications(broker: Subject) -> None:
    german = await broker.context_server({"tempo": "https://example.org/speed"})
    english = await broker.context_server({"speed": "https://example.org/speed"})
    receiver = await broker.receiver()
    entity = await broker.have(vehicle(tempo=55), context=german.url)
    await broker.subscribe(
        receiver.url, context=german.url, entities=[{"type": entity.type}], jsonldContext=english.url
    )
    (await broker.patch(f"{entity.path}/attrs", {"tempo": prop(60)}, context=german.url)).status(204)
    notification = await receiver.next()
    notification.data.at(0).has(speed=prop(60))


@case("5.2.12, 4.5.5", "datasetId chooses instances", feature=FEATURE, needs=NEEDS)
async def dataset(broker: Subject) -> None:
    receiver = await broker.receiver()
    gps, wheel = prop(54, datasetId="urn:ngsi-ld:gps"), prop(55, datasetId="urn:ngsi-ld:wheel")
    kind = broker.type("Vehicle")
    await broker.subscribe(receiver.url, entities=[{"type": kind}], datasetId=["urn:ngsi-ld:gps"])
    await broker.have(vehicle(speed=[gps, wheel]))
    (await receiver.next()).data.at(0, "speed").has(value=54, datasetId="urn:ngsi-ld:gps")
