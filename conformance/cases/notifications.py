"""Which changes are notified, and when. (5.8.6, 5.2.12)"""

from conformance.case import case
from conformance.demand import demand
from conformance.entity import NULL, point, prop, vehicle
from conformance.subject import Subject

FEATURE = "Notifications"
NEEDS = ("subscriptions", "callbacks")
QUIET = 1.5


@case(
    "5.8.6, 5.3.1",
    "a notification has id, type, subscriptionId, notifiedAt and data",
    feature=FEATURE,
    needs=NEEDS,
)
async def shape(broker: Subject) -> None:
    receiver = await broker.receiver()
    entity = await broker.have(vehicle(speed=55))
    path = await broker.subscribe(receiver.url, entities=[{"type": entity.type}])
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(60)})).status(204)
    notification = await receiver.next()
    notification.body.has(type="Notification", subscriptionId=path.rpartition("/")[2])
    notification.body.at("id").matches(r"[A-Za-z][A-Za-z0-9+.-]*:.+")
    notification.body.at("notifiedAt").is_time()
    notification.data.counts(1).at(0).has(id=entity.id, speed=prop(60))
    demand(notification.exchange.method == "POST", "a notification is POSTed", notification.exchange.method)


@case("5.8.6", "each notification has an id of its own", feature=FEATURE, needs=NEEDS)
async def ids_differ(broker: Subject) -> None:
    receiver = await broker.receiver()
    entity = await broker.have(vehicle(speed=55))
    await broker.subscribe(receiver.url, entities=[{"type": entity.type}])
    for speed in (60, 61):
        (await broker.patch(f"{entity.path}/attrs", {"speed": prop(speed)})).status(204)
    first, second = await receiver.next(), await receiver.next()
    second.body.at("id").differs(first.json["id"])


@case("5.8.6", "notifications of one entity come in the order of its changes", feature=FEATURE, needs=NEEDS)
async def order(broker: Subject) -> None:
    receiver = await broker.receiver()
    entity = await broker.have(vehicle(speed=0))
    await broker.subscribe(receiver.url, entities=[{"type": entity.type}])
    for speed in range(1, 6):
        (await broker.patch(f"{entity.path}/attrs", {"speed": prop(speed)})).status(204)
    for speed in range(1, 6):
        (await receiver.next()).data.at(0, "speed", "value").equals(speed)


@case("5.2.12", "by default a created entity is notified", feature=FEATURE, needs=NEEDS)
async def default_created(broker: Subject) -> None:
    receiver = await broker.receiver()
    await broker.subscribe(receiver.url, entities=[{"type": broker.type("Vehicle")}])
    entity = await broker.have(vehicle(speed=55))
    (await receiver.next()).data.at(0).has(id=entity.id)


@case("5.2.12", "by default a deleted entity is not notified", feature=FEATURE, needs=NEEDS, waits=True)
async def default_not_deleted(broker: Subject) -> None:
    receiver = await broker.receiver()
    entity = await broker.have(vehicle(speed=55))
    await broker.subscribe(receiver.url, entities=[{"type": entity.type}])
    (await broker.delete(entity.path)).status(204)
    await receiver.none(QUIET)


@case(
    "5.2.12, 5.8.6",
    "entityCreated alone notifies creation and no update",
    feature=FEATURE,
    needs=NEEDS,
    waits=True,
)
async def trigger_entity_created(broker: Subject) -> None:
    receiver = await broker.receiver()
    kind = broker.type("Vehicle")
    await broker.subscribe(receiver.url, entities=[{"type": kind}], notificationTrigger=["entityCreated"])
    entity = await broker.have(vehicle(speed=55))
    (await receiver.next()).data.at(0).has(id=entity.id)
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(60)})).status(204)
    await receiver.none(QUIET)


@case("5.2.12, 5.8.6", "entityDeleted notifies a deletion with deletedAt", feature=FEATURE, needs=NEEDS)
async def trigger_entity_deleted(broker: Subject) -> None:
    receiver = await broker.receiver()
    entity = await broker.have(vehicle(speed=55))
    await broker.subscribe(
        receiver.url, entities=[{"type": entity.type}], notificationTrigger=["entityDeleted"]
    )
    (await broker.delete(entity.path)).status(204)
    data = (await receiver.next()).data
    data.at(0).has(id=entity.id)
    data.at(0, "deletedAt").is_time()


@case(
    "5.2.12, 5.8.6",
    "attributeCreated notifies a new attribute and no update",
    feature=FEATURE,
    needs=NEEDS,
    waits=True,
)
async def trigger_attribute_created(broker: Subject) -> None:
    receiver = await broker.receiver()
    entity = await broker.have(vehicle(speed=55))
    await broker.subscribe(
        receiver.url, entities=[{"type": entity.type}], notificationTrigger=["attributeCreated"]
    )
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(60)})).status(204)
    await receiver.none(QUIET)
    (await broker.post(f"{entity.path}/attrs", {"colour": prop("red")})).status(204)
    (await receiver.next()).data.at(0).has(colour=prop("red"))


@case(
    "5.2.12, 5.8.6",
    "attributeDeleted notifies a deleted attribute as NGSI-LD Null",
    feature=FEATURE,
    needs=NEEDS,
)
async def trigger_attribute_deleted(broker: Subject) -> None:
    receiver = await broker.receiver()
    entity = await broker.have(vehicle(speed=55, colour="red"))
    await broker.subscribe(
        receiver.url, entities=[{"type": entity.type}], notificationTrigger=["attributeDeleted"]
    )
    (await broker.delete(f"{entity.path}/attrs/colour")).status(204)
    data = (await receiver.next()).data
    data.at(0, "colour").has(type="Property", value=NULL)


@case(
    "5.8.6",
    "a change of an attribute that is not watched is not notified",
    feature=FEATURE,
    needs=NEEDS,
    waits=True,
)
async def not_watched(broker: Subject) -> None:
    receiver = await broker.receiver()
    entity = await broker.have(vehicle(speed=55, colour="red"))
    await broker.subscribe(receiver.url, entities=[{"type": entity.type}], watchedAttributes=["speed"])
    (await broker.patch(f"{entity.path}/attrs", {"colour": prop("blue")})).status(204)
    await receiver.none(QUIET)


@case("5.8.6", "an entity of another type is not notified", feature=FEATURE, needs=NEEDS, waits=True)
async def other_type(broker: Subject) -> None:
    receiver = await broker.receiver()
    await broker.subscribe(receiver.url, entities=[{"type": broker.type("Bicycle")}])
    await broker.have(vehicle(speed=55))
    await receiver.none(QUIET)


@case("5.8.6, 5.2.33", "a selector by id takes this entity alone", feature=FEATURE, needs=NEEDS, waits=True)
async def by_id(broker: Subject) -> None:
    receiver = await broker.receiver()
    one, two = await broker.have_all(vehicle(speed=1), vehicle(speed=1))
    await broker.subscribe(receiver.url, entities=[{"id": one.id, "type": one.type}])
    (await broker.patch(f"{two.path}/attrs", {"speed": prop(2)})).status(204)
    (await broker.patch(f"{one.path}/attrs", {"speed": prop(2)})).status(204)
    (await receiver.next()).data.ids(one)
    await receiver.none(QUIET)


@case(
    "5.8.6, 5.2.33",
    "a selector by idPattern takes the ids that match",
    feature=FEATURE,
    needs=NEEDS,
    waits=True,
)
async def by_pattern(broker: Subject) -> None:
    receiver = await broker.receiver()
    one = broker.own(vehicle(speed=1))
    two = broker.own(vehicle(speed=1))
    pattern = f".*{one.id[-6:]}$"
    await broker.subscribe(receiver.url, entities=[{"idPattern": pattern, "type": one.type}])
    for entity in (two, one):
        (await broker.post("/entities", entity)).status(201)
    (await receiver.next()).data.ids(one)
    await receiver.none(QUIET)


@case("5.8.6, 4.9", "q decides on the new state", feature=FEATURE, needs=NEEDS, waits=True)
async def by_q(broker: Subject) -> None:
    receiver = await broker.receiver()
    entity = await broker.have(vehicle(speed=10))
    await broker.subscribe(receiver.url, entities=[{"type": entity.type}], q="speed>50")
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(20)})).status(204)
    await receiver.none(QUIET)
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(60)})).status(204)
    (await receiver.next()).data.at(0, "speed", "value").equals(60)


@case("5.8.6, 4.10", "geoQ decides on the new place", feature=FEATURE, needs=NEEDS, waits=True)
async def by_geo_q(broker: Subject) -> None:
    receiver = await broker.receiver()
    entity = await broker.have(vehicle(location=point(0, 0)))
    near = {"georel": "near;maxDistance==1000", "geometry": "Point", "coordinates": [134.77, 35.4]}
    await broker.subscribe(receiver.url, entities=[{"type": entity.type}], geoQ=near)
    (await broker.patch(f"{entity.path}/attrs", {"location": point(1, 1)})).status(204)
    await receiver.none(QUIET)
    (await broker.patch(f"{entity.path}/attrs", {"location": point(134.771, 35.401)})).status(204)
    (await receiver.next()).data.ids(entity)


@case("5.8.6, 4.19", "scopeQ decides on the scope", feature=FEATURE, needs=NEEDS, waits=True)
async def by_scope_q(broker: Subject) -> None:
    receiver = await broker.receiver()
    await broker.subscribe(receiver.url, entities=[{"type": broker.type("Vehicle")}], scopeQ="/Yabu/#")
    await broker.have(vehicle(speed=1, scope="/Asago"))
    inside = await broker.have(vehicle(speed=1, scope="/Yabu/Yoka"))
    (await receiver.next()).data.ids(inside)
    await receiver.none(QUIET)


@case("5.8.6, 5.6.17", "a merge patch is notified", feature=FEATURE, needs=NEEDS)
async def after_merge(broker: Subject) -> None:
    receiver = await broker.receiver()
    entity = await broker.have(vehicle(speed=10))
    await broker.subscribe(receiver.url, entities=[{"type": entity.type}], watchedAttributes=["speed"])
    (await broker.patch(entity.path, {"speed": prop(20)})).status(204)
    (await receiver.next()).data.at(0, "speed", "value").equals(20)


@case("5.8.6, 5.6.18", "a replaced entity is notified", feature=FEATURE, needs=NEEDS)
async def after_replace(broker: Subject) -> None:
    receiver = await broker.receiver()
    entity = await broker.have(vehicle(speed=10))
    await broker.subscribe(receiver.url, entities=[{"type": entity.type}], watchedAttributes=["speed"])
    (await broker.put(entity.path, entity.of(speed=30))).status(204)
    (await receiver.next()).data.at(0, "speed", "value").equals(30)


@case("5.8.6, 5.6.8", "each entity of a batch is notified", feature=FEATURE, needs=(*NEEDS, "batch"))
async def after_batch(broker: Subject) -> None:
    receiver = await broker.receiver()
    await broker.subscribe(receiver.url, entities=[{"type": broker.type("Vehicle")}])
    entities = [broker.own(vehicle(speed=n)) for n in range(3)]
    (await broker.post("/entityOperations/upsert", entities)).status(201)
    seen: list[str] = []
    while len(seen) < len(entities):
        seen += [item["id"] for item in (await receiver.next()).json["data"]]
    demand(sorted(seen) == sorted(e.id for e in entities), "each entity is notified once", seen)


@case("5.8.6, 5.2.12", "a paused subscription does not notify", feature=FEATURE, needs=NEEDS, waits=True)
async def paused(broker: Subject) -> None:
    receiver = await broker.receiver()
    entity = await broker.have(vehicle(speed=10))
    path = await broker.subscribe(receiver.url, entities=[{"type": entity.type}], isActive=False)
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(20)})).status(204)
    await receiver.none(QUIET)
    (await broker.patch(path, {"isActive": True})).status(204)
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(30)})).status(204)
    (await receiver.next()).data.at(0, "speed", "value").equals(30)


@case("5.8.5, 5.8.6", "a deleted subscription does not notify", feature=FEATURE, needs=NEEDS, waits=True)
async def deleted(broker: Subject) -> None:
    receiver = await broker.receiver()
    entity = await broker.have(vehicle(speed=10))
    path = await broker.subscribe(receiver.url, entities=[{"type": entity.type}])
    (await broker.delete(path)).status(204)
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(20)})).status(204)
    await receiver.none(QUIET)


@case("5.8.6, 5.2.12", "an expired subscription does not notify", feature=FEATURE, needs=NEEDS, waits=True)
async def expired(broker: Subject) -> None:
    receiver = await broker.receiver()
    entity = await broker.have(vehicle(speed=10))
    await broker.subscribe(receiver.url, entities=[{"type": entity.type}], expiresAt=broker.moment(1.5))
    await broker.pause(2.5)
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(20)})).status(204)
    await receiver.none(QUIET)


@case(
    "5.8.6, 5.2.12",
    "throttling lets one notification through in its time",
    feature=FEATURE,
    needs=NEEDS,
    waits=True,
)
async def throttled(broker: Subject) -> None:
    receiver = await broker.receiver()
    entity = await broker.have(vehicle(speed=0))
    await broker.subscribe(receiver.url, entities=[{"type": entity.type}], throttling=30)
    for speed in (1, 2, 3):
        (await broker.patch(f"{entity.path}/attrs", {"speed": prop(speed)})).status(204)
    await receiver.next()
    await receiver.none(QUIET)


@case(
    "5.8.6, 5.2.12",
    "with timeInterval the present state comes again and again",
    feature=FEATURE,
    needs=NEEDS,
    waits=True,
)
async def periodic(broker: Subject) -> None:
    receiver = await broker.receiver()
    entity = await broker.have(vehicle(speed=7))
    await broker.subscribe(receiver.url, entities=[{"type": entity.type}], timeInterval=1)
    first, second = await receiver.next(), await receiver.next()
    for notification in (first, second):
        notification.data.at(0).has(id=entity.id, speed=prop(7))
    apart = second.at - first.at
    demand(0.5 <= apart <= 2.5, "notifications come 1 s apart (±)", f"{apart:.2f} s apart")


@case(
    "5.8.6, 5.2.14",
    "timesSent, lastNotification and lastSuccess are kept",
    feature=FEATURE,
    needs=NEEDS,
    waits=True,
)
async def counters_of_success(broker: Subject) -> None:
    receiver = await broker.receiver()
    entity = await broker.have(vehicle(speed=10))
    path = await broker.subscribe(receiver.url, entities=[{"type": entity.type}])
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(20)})).status(204)
    await receiver.next()
    await broker.pause(1.0)
    params = (await broker.get(path)).status(200).body.at("notification")
    params.has(timesSent=1)
    params.at("lastNotification").is_time()
    params.at("lastSuccess").is_time()


@case(
    "5.8.6, 5.2.14",
    "a dead endpoint counts in timesFailed and lastFailure",
    feature=FEATURE,
    needs=NEEDS,
    waits=True,
)
async def counters_of_failure(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=10))
    path = await broker.subscribe(broker.dead_end(), entities=[{"type": entity.type}])
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(20)})).status(204)
    await broker.pause(2.0)
    params = (await broker.get(path)).status(200).body.at("notification")
    params.at("lastFailure").is_time()
    params.at("timesFailed").holds(params.value["timesFailed"] >= 1, "is 1 or more")


@case("5.8.6", "a dead endpoint does not delay others", feature=FEATURE, needs=NEEDS)
async def dead_beside_living(broker: Subject) -> None:
    receiver = await broker.receiver()
    entity = await broker.have(vehicle(speed=10))
    for _ in range(3):
        await broker.subscribe(broker.dead_end(), entities=[{"type": entity.type}])
    await broker.subscribe(receiver.url, entities=[{"type": entity.type}])
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(20)})).status(204)
    (await receiver.next(3.0)).data.at(0, "speed", "value").equals(20)


@case(
    "4.14, 5.8.6",
    "a change in another tenant is not notified",
    feature=FEATURE,
    needs=(*NEEDS, "tenants"),
    waits=True,
)
async def of_another_tenant(broker: Subject) -> None:
    receiver = await broker.receiver()
    await broker.subscribe(receiver.url, entities=[{"type": broker.type("Vehicle")}])
    await broker.have(vehicle(speed=10), tenant=await broker.tenant())
    await receiver.none(QUIET)


@case("4.14, 6.3.14", "a notification names its tenant", feature=FEATURE, needs=(*NEEDS, "tenants"))
async def names_its_tenant(broker: Subject) -> None:
    receiver = await broker.receiver()
    tenant = await broker.tenant()
    await broker.subscribe(receiver.url, tenant=tenant, entities=[{"type": broker.type("Vehicle")}])
    await broker.have(vehicle(speed=10), tenant=tenant)
    (await receiver.next()).header("NGSILD-Tenant", tenant)
