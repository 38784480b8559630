"""Subscriptions at sources: passed on, kept in step, and what sources tell passed on. (5.8.1 to 5.8.6)"""

from typing import Any

from conformance.answer import Answer, below_root
from conformance.case import case
from conformance.cases.forwarded_reads import FEATURE, NEEDS, information, short
from conformance.demand import demand
from conformance.entity import Entity, prop, vehicle
from conformance.servers.source import Forward, Source
from conformance.subject import Subject

BOTH = (*NEEDS, "subscriptions")
OPERATIONS = [
    "createSubscription",
    "updateSubscription",
    "retrieveSubscription",
    "querySubscription",
    "deleteSubscription",
]


async def watched(broker: Subject, *attributes: str, **members: Any) -> Source:
    """Register a source that takes subscriptions."""
    source = (await broker.source()).takes("/subscriptions", broker.id("Subscription"))
    await broker.register(
        source.url, information(broker, *attributes), **{"operations": OPERATIONS, **members}
    )
    return source


def place(forward: Forward) -> str:
    """Give the path that a subscription got at the source."""
    return below_root(dict(forward.exchange.headers)["Location"])


async def subscribed(broker: Subject, url: str, **members: Any) -> str:
    """Subscribe to vehicles."""
    return await broker.subscribe(url, entities=[{"type": broker.type("Vehicle")}], **members)


async def passed_on(source: Source, method: str = "POST") -> Forward:
    """Demand that a subscription comes to the source, or a change of it."""
    forward = await source.next()
    while forward.method != method:  # a broker may read the subscription before it changes it
        forward = await source.next()
    demand(forward.path.startswith("/subscriptions"), f"{method} /subscriptions", forward.path)
    return forward


async def tell(broker: Subject, forward: Forward, *entities: Entity) -> Answer:
    """Notify as a source does that has a subscription."""
    endpoint = forward.body.at("notification", "endpoint").value
    told: dict[str, Any] = {
        "id": broker.id("Notification"),
        "type": "Notification",
        "subscriptionId": place(forward).rpartition("/")[2],
        "notifiedAt": broker.moment(),
        "data": list(entities),
    }
    if endpoint.get("accept") == "application/ld+json":
        told["@context"] = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"
    headers = {one["key"]: one["value"] for one in endpoint.get("receiverInfo", [])}
    return await broker.post(endpoint["uri"], told, headers=headers)


@case(
    "5.8.1.4",
    "a subscription goes on to a source, with this broker as its receiver",
    feature=FEATURE,
    profile="federation",
    needs=BOTH,
)
async def create(broker: Subject) -> None:
    receiver = await broker.receiver()
    source = await watched(broker)
    await subscribed(broker, receiver.url)
    copy = (await passed_on(source)).body.has(type="Subscription")
    told = short(copy.at("entities", 0, "type").value)
    demand(told == broker.type("Vehicle"), "the type of the subscription", told)
    copy.at("notification", "endpoint", "uri").differs(receiver.url)


@case(
    "5.8.1.4",
    "a subscription is reduced to what the source registered",
    feature=FEATURE,
    profile="federation",
    needs=BOTH,
)
async def reduced(broker: Subject) -> None:
    source = await watched(broker, "speed")
    kinds = [{"type": broker.type("Vehicle")}, {"type": broker.type("Tram")}]
    receiver = await broker.receiver()
    await broker.subscribe(receiver.url, entities=kinds, watchedAttributes=["speed", "doors"])
    copy = (await passed_on(source)).body
    types = [short(one["type"]) for one in copy.at("entities").value]
    demand(types == [broker.type("Vehicle")], "the registered type alone", types)
    watched_there = [short(name) for name in copy.at("watchedAttributes").value]
    demand(watched_there == ["speed"], "the registered attribute alone", watched_there)


@case(
    "5.8.5.4",
    "with a subscription goes what was passed on of it",
    feature=FEATURE,
    profile="federation",
    needs=BOTH,
)
async def delete(broker: Subject) -> None:
    source = await watched(broker)
    path = await subscribed(broker, (await broker.receiver()).url)
    there = place(await passed_on(source))
    (await broker.delete(path)).status(204)
    gone = (await passed_on(source, "DELETE")).path
    demand(gone == there, f"DELETE {there}", gone)


@case(
    "5.8.2.4, 5.8.1.4",
    "a change of a subscription reaches the source",
    feature=FEATURE,
    profile="federation",
    needs=BOTH,
)
async def update(broker: Subject) -> None:
    source = await watched(broker)
    path = await subscribed(broker, (await broker.receiver()).url, splitEntities=False)
    there = place(await passed_on(source))
    (await broker.patch(path, {"q": "speed>50"})).status(204)
    forward = await passed_on(source, "PATCH")
    demand(forward.path == there, f"PATCH {there}", forward.path)
    forward.body.at("q").matches(".*speed.*50")


@case(
    "5.8.6",
    "what a source notifies of reaches the subscriber, under the subscriber's own id",
    feature=FEATURE,
    profile="federation",
    needs=BOTH,
)
async def notified(broker: Subject) -> None:
    receiver, one = await broker.receiver(), broker.own(vehicle(speed=5))
    source = await watched(broker)
    source.answers("GET", "/entities", 200, [one]).answers("GET", one.path, 200, one)
    path = await subscribed(broker, receiver.url)
    (await tell(broker, await passed_on(source), one)).status(200, 202, 204)
    came = (await receiver.next()).body.has(type="Notification", subscriptionId=path.rpartition("/")[2])
    came.at("data", 0).has(id=one.id, type=one.type, speed=prop(5))


@case(
    "5.8.6, 4.3.6.7",
    "with splitEntities what a source tells is joined with what is held here, then filtered",
    feature=FEATURE,
    profile="federation",
    needs=BOTH,
)
async def joined(broker: Subject) -> None:
    receiver = await broker.receiver()
    half = await broker.have(vehicle(doors=4))
    source = await watched(broker)
    path = await subscribed(broker, receiver.url, q="speed>50;doors==4", splitEntities=True)
    forward = await passed_on(source)
    slow, fast = (Entity({"id": half.id, "type": half.type, "speed": prop(v)}) for v in (5, 99))
    (await tell(broker, forward, slow)).status(200, 202, 204)
    (await tell(broker, forward, fast)).status(200, 202, 204)
    came = (await receiver.next()).body.has(subscriptionId=path.rpartition("/")[2])
    came.at("data").counts(1).at(0).has(id=half.id, speed=prop(99), doors=prop(4))


@case(
    "5.8.1.4, 4.3.6.7",
    "with splitEntities a source is sent no filter and no projection",
    feature=FEATURE,
    profile="federation",
    needs=BOTH,
)
async def split(broker: Subject) -> None:
    source = await watched(broker)
    projected = {"attributes": ["speed"]}
    receiver = await broker.receiver()
    await subscribed(broker, receiver.url, q="speed>50", splitEntities=True, notification=projected)
    copy = (await passed_on(source)).body.lacks("q", "geoQ", "scopeQ")
    copy.at("notification").lacks("attributes", "pick", "omit")


@case(
    "5.5.13, 5.8.1.4",
    "a subscription with localOnly is not passed on",
    feature=FEATURE,
    profile="federation",
    needs=BOTH,
    waits=True,
)
async def local_only(broker: Subject) -> None:
    receiver = await broker.receiver()
    source = await watched(broker)
    await subscribed(broker, receiver.url, localOnly=True)
    one = await broker.have(vehicle(speed=5))
    (await receiver.next()).data.ids(one)
    await source.none()


@case(
    "5.8.1.4, 4.20",
    "a source that takes no subscriptions gets none",
    feature=FEATURE,
    profile="federation",
    needs=BOTH,
    waits=True,
)
async def not_offered(broker: Subject) -> None:
    receiver = await broker.receiver()
    reader = await watched(broker, operations=["retrieveOps"])
    helper = await watched(broker, mode="auxiliary", operations=["retrieveOps"])
    taker = await watched(broker)
    await subscribed(broker, receiver.url)
    await passed_on(taker)
    await reader.none()
    await helper.none(0)


@case(
    "5.8.1.4, 5.11.7",
    "a source registered later gets the subscription, and loses it with its registration",
    feature=FEATURE,
    profile="federation",
    needs=BOTH,
)
async def registered_later(broker: Subject) -> None:
    await subscribed(broker, (await broker.receiver()).url)
    source = (await broker.source()).takes("/subscriptions", broker.id("Subscription"))
    registration = await broker.register(source.url, information(broker), operations=OPERATIONS)
    there = place(await passed_on(source))
    (await broker.delete(registration)).status(204)
    gone = (await passed_on(source, "DELETE")).path
    demand(gone == there, f"DELETE {there}", gone)


@case(
    "5.8.1.4, 6.3.18",
    "a subscription passed on names the brokers it came through",
    feature=FEATURE,
    profile="federation",
    needs=BOTH,
)
async def via(broker: Subject) -> None:
    source = await watched(broker)
    body = {
        "type": "Subscription",
        "entities": [{"type": broker.type("Vehicle")}],
        "notification": {"endpoint": {"uri": (await broker.receiver()).url}},
    }
    (await broker.post("/subscriptions", body, headers={"Via": "1.1 first-broker"})).status(201)
    told = (await passed_on(source)).headers.get("Via", "")
    names = [part.split()[-1] for part in told.split(",") if part.split()]
    demand(len(names) == 2 and names[0] == "first-broker", "Via: 1.1 first-broker, 1.1 this one", told)


@case(
    "5.2.12, 5.8.1.4, 4.9",
    "csf chooses the sources that get a subscription",
    feature=FEATURE,
    profile="federation",
    needs=BOTH,
    waits=True,
)
async def source_filter(broker: Subject) -> None:
    receiver = await broker.receiver()
    yabu = await watched(broker, registrationName="yabu")
    asago = await watched(broker, registrationName="asago")
    await subscribed(broker, receiver.url, csf='registrationName=="yabu"')
    await passed_on(yabu)
    await asago.none()
