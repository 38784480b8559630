"""Subscriptions as resources. (5.2.12, 5.8.1 to 5.8.5)"""

from typing import Any

from conformance.case import case
from conformance.entity import NULL, vehicle
from conformance.subject import LD_JSON, Subject

FEATURE = "Subscriptions"
NEEDS = ("subscriptions",)


def of(broker: Subject, **members: Any) -> dict[str, Any]:
    """Write a subscription to one type with an endpoint where nobody listens; None takes a member away."""
    body = {
        "id": broker.id("Subscription"),
        "type": "Subscription",
        "entities": [{"type": broker.type("Vehicle")}],
        "notification": {"endpoint": {"uri": broker.dead_end()}},
        **members,
    }
    return {name: value for name, value in body.items() if value is not None}


async def refused(broker: Subject, **members: Any) -> None:
    """Demand that a subscription with these members is refused as bad data."""
    (await broker.post("/subscriptions", of(broker, **members))).refused(400, "BadRequestData")


@case("5.8.1.4", "a created subscription is answered with 201 and its Location", feature=FEATURE, needs=NEEDS)
async def create(broker: Subject) -> None:
    body = of(broker)
    answer = await broker.post("/subscriptions", body)
    answer.status(201).empty().header("Location", pattern=f".*/ngsi-ld/v1/subscriptions/{body['id']}")


@case("5.8.1.4", "a subscription without id gets one", feature=FEATURE, needs=NEEDS)
async def create_without_id(broker: Subject) -> None:
    answer = (await broker.post("/subscriptions", of(broker, id=None))).status(201)
    found = await broker.get(answer.location)
    found.status(200).body.at("id").matches(r"[A-Za-z][A-Za-z0-9+.-]*:.+")


@case("5.8.1.4", "a subscription created twice is refused with AlreadyExists", feature=FEATURE, needs=NEEDS)
async def create_twice(broker: Subject) -> None:
    body = of(broker)
    (await broker.post("/subscriptions", body)).status(201)
    (await broker.post("/subscriptions", body)).refused(409, "AlreadyExists")


@case("5.2.12", "entities or watchedAttributes are needed", feature=FEATURE, needs=NEEDS)
async def needs_something_to_watch(broker: Subject) -> None:
    await refused(broker, entities=None)


@case("5.2.12", "watchedAttributes alone are enough", feature=FEATURE, needs=NEEDS)
async def watched_attributes_alone(broker: Subject) -> None:
    (await broker.post("/subscriptions", of(broker, entities=None, watchedAttributes=["speed"]))).status(201)


@case("5.2.12", "an empty list of entities is refused", feature=FEATURE, needs=NEEDS)
async def empty_entities(broker: Subject) -> None:
    await refused(broker, entities=[])


@case("5.2.12", "an empty list of watchedAttributes is refused", feature=FEATURE, needs=NEEDS)
async def empty_watched_attributes(broker: Subject) -> None:
    await refused(broker, watchedAttributes=[])


@case("5.2.12", "a notification is needed", feature=FEATURE, needs=NEEDS)
async def needs_a_notification(broker: Subject) -> None:
    await refused(broker, notification=None)


@case("5.2.14", "an endpoint is needed", feature=FEATURE, needs=NEEDS)
async def needs_an_endpoint(broker: Subject) -> None:
    await refused(broker, notification={"format": "normalized"})


@case("5.2.15", "an endpoint's uri must be a URI", feature=FEATURE, needs=NEEDS)
async def endpoint_no_uri(broker: Subject) -> None:
    await refused(broker, notification={"endpoint": {"uri": "not a uri"}})


@case("5.2.12", "type must be Subscription", feature=FEATURE, needs=NEEDS)
async def other_type(broker: Subject) -> None:
    await refused(broker, type="Thing")


@case("5.2.33", "an entity selector needs a type", feature=FEATURE, needs=NEEDS)
async def selector_without_type(broker: Subject) -> None:
    await refused(broker, entities=[{"id": broker.id("Vehicle")}])


@case("5.2.33", "an invalid id of an entity selector is refused", feature=FEATURE, needs=NEEDS)
async def selector_with_bad_id(broker: Subject) -> None:
    await refused(broker, entities=[{"id": "no uri", "type": broker.type("Vehicle")}])


@case("5.2.33", "an idPattern that is no regular expression is refused", feature=FEATURE, needs=NEEDS)
async def selector_with_bad_pattern(broker: Subject) -> None:
    await refused(broker, entities=[{"idPattern": "[", "type": broker.type("Vehicle")}])


@case("5.8.1.4, 4.9", "a q that is no query is refused", feature=FEATURE, needs=NEEDS)
async def bad_q(broker: Subject) -> None:
    await refused(broker, q="speed>>")


@case("5.8.1.4, 4.10", "a geoQ without georel is refused", feature=FEATURE, needs=NEEDS)
async def bad_geo_q(broker: Subject) -> None:
    await refused(broker, geoQ={"geometry": "Point", "coordinates": [0, 0]})


@case("5.8.1.4", "an expiresAt in the past is refused", feature=FEATURE, needs=NEEDS)
async def expired_already(broker: Subject) -> None:
    await refused(broker, expiresAt="2001-01-01T00:00:00Z")


@case("5.2.12", "an expiresAt that is no DateTime is refused", feature=FEATURE, needs=NEEDS)
async def bad_expires_at(broker: Subject) -> None:
    await refused(broker, expiresAt="tomorrow")


@case("5.2.12", "timeInterval must be greater than zero", feature=FEATURE, needs=NEEDS)
async def zero_interval(broker: Subject) -> None:
    await refused(broker, timeInterval=0)


@case("5.2.12", "timeInterval and throttling exclude each other", feature=FEATURE, needs=NEEDS)
async def interval_with_throttling(broker: Subject) -> None:
    await refused(broker, timeInterval=5, throttling=5)


@case("5.2.12", "timeInterval and watchedAttributes exclude each other", feature=FEATURE, needs=NEEDS)
async def interval_with_watched_attributes(broker: Subject) -> None:
    await refused(broker, timeInterval=5, watchedAttributes=["speed"])


@case("5.2.12", "throttling must not be negative", feature=FEATURE, needs=NEEDS)
async def negative_throttling(broker: Subject) -> None:
    await refused(broker, throttling=-1)


@case("5.2.12", "an unknown notificationTrigger is refused", feature=FEATURE, needs=NEEDS)
async def unknown_trigger(broker: Subject) -> None:
    await refused(broker, notificationTrigger=["entityPainted"])


@case("5.2.14", "showChanges does not go with the simplified format", feature=FEATURE, needs=NEEDS)
async def changes_simplified(broker: Subject) -> None:
    endpoint = {"uri": broker.dead_end()}
    await refused(broker, notification={"endpoint": endpoint, "format": "keyValues", "showChanges": True})


@case("5.2.14", "an unknown format is refused", feature=FEATURE, needs=NEEDS)
async def unknown_format(broker: Subject) -> None:
    await refused(broker, notification={"endpoint": {"uri": broker.dead_end()}, "format": "telegram"})


@case("5.2.15", "an accept that notifications cannot have is refused", feature=FEATURE, needs=NEEDS)
async def unknown_accept(broker: Subject) -> None:
    await refused(broker, notification={"endpoint": {"uri": broker.dead_end(), "accept": "text/html"}})


@case("5.5.4", "an NGSI-LD Null is refused in a new subscription", feature=FEATURE, needs=NEEDS)
async def null_at_creation(broker: Subject) -> None:
    await refused(broker, description=NULL)


@case(
    "5.8.3.4, 5.2.12",
    "a subscription is read as it was written, with its status",
    feature=FEATURE,
    needs=NEEDS,
)
async def read(broker: Subject) -> None:
    body = of(
        broker,
        subscriptionName="speeds",
        description="of vehicles",
        watchedAttributes=["speed"],
        q="speed>50",
        throttling=3,
        notificationTrigger=["attributeUpdated"],
    )
    (await broker.post("/subscriptions", body)).status(201)
    answer = (await broker.get(f"/subscriptions/{body['id']}")).status(200).media("application/json")
    answer.body.has({name: body[name] for name in body if name not in ("notification", "entities")})
    answer.body.at("entities", 0).has(body["entities"][0])
    answer.body.at("notification", "endpoint", "uri").equals(body["notification"]["endpoint"]["uri"])
    answer.body.at("status").equals("active")


@case("5.8.3.4", "an unknown subscription is not found", feature=FEATURE, needs=NEEDS)
async def read_unknown(broker: Subject) -> None:
    (await broker.get(f"/subscriptions/{broker.id('Subscription')}")).refused(404, "ResourceNotFound")


@case("5.8.3.4", "a subscription id that is no URI is refused", feature=FEATURE, needs=NEEDS)
async def read_bad_id(broker: Subject) -> None:
    (await broker.get("/subscriptions/nouri")).refused(400, "BadRequestData")


@case("5.8.3, 6.3.5", "in JSON-LD a subscription carries its @context", feature=FEATURE, needs=NEEDS)
async def read_in_json_ld(broker: Subject) -> None:
    body = of(broker)
    (await broker.post("/subscriptions", body)).status(201)
    answer = await broker.get(f"/subscriptions/{body['id']}", headers={"Accept": LD_JSON})
    answer.status(200).media(LD_JSON).body.at("@context")


@case("5.8.3, 6.3.5", "terms are compacted with the reader's @context", feature=FEATURE, needs=NEEDS)
async def read_in_another_context(broker: Subject) -> None:
    server = await broker.context_server({"tempo": "https://example.org/terms/tempo"})
    body = of(broker, watchedAttributes=["tempo"])
    (await broker.post("/subscriptions", body, context=server.url)).status(201)
    answer = await broker.get(f"/subscriptions/{body['id']}")
    answer.status(200).body.at("watchedAttributes").equals(["https://example.org/terms/tempo"])
    answer = await broker.get(f"/subscriptions/{body['id']}", context=server.url)
    answer.status(200).body.at("watchedAttributes").equals(["tempo"])


@case("5.8.4, 6.3.10", "subscriptions are listed page by page", feature=FEATURE, needs=NEEDS)
async def listed_in_pages(broker: Subject) -> None:
    tenant = await broker.tenant()
    bodies = [of(broker) for _ in range(3)]
    for body in bodies:
        (await broker.post("/subscriptions", body, tenant=tenant)).status(201)
    first = await broker.get("/subscriptions", tenant=tenant, limit=2, count=True)
    first.status(200).header("NGSILD-Results-Count", "3").body.counts(2)
    second = await broker.get("/subscriptions", tenant=tenant, limit=2, offset=2)
    second.status(200).body.counts(1)
    seen = [s["id"] for s in [*first.json, *second.json]]
    second.body.holds(sorted(seen) == sorted(b["id"] for b in bodies), "completes the pages", str(seen))


@case("5.8.2.4", "a patched member is replaced and others stay", feature=FEATURE, needs=NEEDS)
async def patch(broker: Subject) -> None:
    body = of(broker, description="old", subscriptionName="kept")
    (await broker.post("/subscriptions", body)).status(201)
    path = f"/subscriptions/{body['id']}"
    (await broker.patch(path, {"type": "Subscription", "description": "new"})).status(204).empty()
    (await broker.get(path)).status(200).body.has(description="new", subscriptionName="kept")


@case("5.8.2.4", "an unknown subscription is not patched", feature=FEATURE, needs=NEEDS)
async def patch_unknown(broker: Subject) -> None:
    path = f"/subscriptions/{broker.id('Subscription')}"
    (await broker.patch(path, {"description": "new"})).refused(404, "ResourceNotFound")


@case("5.8.2.4", "isActive=false pauses a subscription and true resumes it", feature=FEATURE, needs=NEEDS)
async def pause(broker: Subject) -> None:
    body = of(broker)
    (await broker.post("/subscriptions", body)).status(201)
    path = f"/subscriptions/{body['id']}"
    (await broker.patch(path, {"isActive": False})).status(204)
    (await broker.get(path)).status(200).body.has(isActive=False, status="paused")
    (await broker.patch(path, {"isActive": True})).status(204)
    (await broker.get(path)).status(200).body.has(isActive=True, status="active")


@case(
    "5.8.2.4",
    "a patch that would break the subscription is refused and changes nothing",
    feature=FEATURE,
    needs=NEEDS,
)
async def bad_patch(broker: Subject) -> None:
    body = of(broker, q="speed>50")
    (await broker.post("/subscriptions", body)).status(201)
    path = f"/subscriptions/{body['id']}"
    (await broker.patch(path, {"q": "speed>>"})).refused(400, "BadRequestData")
    (await broker.get(path)).status(200).body.has(q="speed>50")


@case("5.8.2.4, 5.5.8", "an NGSI-LD Null takes a member away", feature=FEATURE, needs=NEEDS)
async def patch_null(broker: Subject) -> None:
    body = of(broker, description="old")
    (await broker.post("/subscriptions", body)).status(201)
    path = f"/subscriptions/{body['id']}"
    (await broker.patch(path, {"description": NULL})).status(204)
    (await broker.get(path)).status(200).body.lacks("description")


@case("5.8.5.4", "a deleted subscription is gone", feature=FEATURE, needs=NEEDS)
async def delete(broker: Subject) -> None:
    body = of(broker)
    (await broker.post("/subscriptions", body)).status(201)
    path = f"/subscriptions/{body['id']}"
    (await broker.delete(path)).status(204).empty()
    (await broker.get(path)).refused(404, "ResourceNotFound")
    (await broker.delete(path)).refused(404, "ResourceNotFound")


@case(
    "5.2.12",
    "a subscription past its expiresAt is shown as expired or gone",
    feature=FEATURE,
    needs=NEEDS,
    waits=True,
)
async def expires(broker: Subject) -> None:
    body = of(broker, expiresAt=broker.moment(2.0))
    (await broker.post("/subscriptions", body)).status(201)
    await broker.pause(3.5)
    answer = await broker.get(f"/subscriptions/{body['id']}")
    if answer.code != 404:
        answer.status(200).body.at("status").equals("expired")


@case("5.2.12, 5.2.14", "output members in input are ignored", feature=FEATURE, needs=NEEDS)
async def output_members_ignored(broker: Subject) -> None:
    endpoint = {"uri": broker.dead_end()}
    body = of(broker, status="expired", notification={"endpoint": endpoint, "timesSent": 99})
    (await broker.post("/subscriptions", body)).status(201)
    answer = await broker.get(f"/subscriptions/{body['id']}")
    answer.status(200).body.at("status").equals("active")
    sent = answer.json["notification"].get("timesSent", 0)
    answer.body.holds(sent == 0, "counts no notification that was not sent", f"timesSent {sent}")


@case("4.14", "a subscription belongs to its tenant", feature=FEATURE, needs=("subscriptions", "tenants"))
async def of_a_tenant(broker: Subject) -> None:
    tenant = await broker.tenant()
    body = of(broker)
    (await broker.post("/subscriptions", body, tenant=tenant)).status(201).header("NGSILD-Tenant", tenant)
    (await broker.get(f"/subscriptions/{body['id']}", tenant=tenant)).status(200)
    (await broker.get(f"/subscriptions/{body['id']}", tenant="")).refused(404, "ResourceNotFound")


@case("5.8.4, 6.3.10", "limit=0 without count is refused", feature=FEATURE, needs=NEEDS)
async def list_limit_zero(broker: Subject) -> None:
    (await broker.get("/subscriptions", limit=0)).refused(400, "BadRequestData")


@case("6.3.20", "an unknown parameter is refused", feature=FEATURE, needs=NEEDS)
async def unknown_parameter(broker: Subject) -> None:
    (await broker.get("/subscriptions", colour="red")).refused(400, "InvalidRequest")


@case("6.11.3", "a method that subscriptions do not have is refused with Allow", feature=FEATURE, needs=NEEDS)
async def unknown_method(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    path = await broker.subscribe(broker.dead_end(), entities=[{"type": entity.type}])
    (await broker.put(path, {"type": "Subscription"})).status(405).header("Allow")
