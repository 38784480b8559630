"""Subscriptions to context source registrations, and what they are told. (5.11, 5.3.2)"""

from typing import Any

from conformance.case import case
from conformance.cases import registrations
from conformance.servers.receiver import Notification, Receiver
from conformance.subject import Subject

FEATURE = "Subscriptions to registrations"
NEEDS = ("registration subscriptions", "registrations")
TOLD = (*NEEDS, "callbacks")
ROOT = "/csourceSubscriptions"


def of(broker: Subject, url: str = "", **members: Any) -> dict[str, Any]:
    """Write a subscription to registrations of one type."""
    return {
        "id": broker.id("Subscription"),
        "type": "Subscription",
        "entities": [{"type": broker.type("Vehicle")}],
        "notification": {"endpoint": {"uri": url or broker.dead_end()}},
        **members,
    }


async def listening(broker: Subject, **members: Any) -> Receiver:
    """Subscribe with a receiver, demanding 201."""
    receiver = await broker.receiver()
    (await broker.post(ROOT, of(broker, receiver.url, **members))).status(201)
    return receiver


def tells(notification: Notification, reason: str, *bodies: dict[str, Any]) -> None:
    """Demand a notification of these registrations for this reason."""
    notification.body.has(type="ContextSourceNotification", triggerReason=reason)
    notification.body.at("notifiedAt").is_time()
    notification.data.ids(*bodies)


@case("5.11.2.4", "a new subscription is answered with 201 and its Location", feature=FEATURE, needs=NEEDS)
async def create(broker: Subject) -> None:
    body = of(broker)
    answer = (await broker.post(ROOT, body)).status(201).empty()
    answer.header("Location", pattern=f".*/ngsi-ld/v1/csourceSubscriptions/{body['id']}")


@case("5.11.2.4", "a subscription made twice is refused with AlreadyExists", feature=FEATURE, needs=NEEDS)
async def create_twice(broker: Subject) -> None:
    body = of(broker)
    (await broker.post(ROOT, body)).status(201)
    (await broker.post(ROOT, body)).refused(409, "AlreadyExists")


@case("5.11.2.4, 5.2.12", "a subscription without notification is refused", feature=FEATURE, needs=NEEDS)
async def without_notification(broker: Subject) -> None:
    body = of(broker)
    del body["notification"]
    (await broker.post(ROOT, body)).refused(400, "BadRequestData")


@case("5.11.4.4", "a subscription is read as it was written", feature=FEATURE, needs=NEEDS)
async def read(broker: Subject) -> None:
    body = of(broker, subscriptionName="sources", description="of vehicles")
    (await broker.post(ROOT, body)).status(201)
    seen = (await broker.get(f"{ROOT}/{body['id']}")).status(200).body
    seen.has(subscriptionName="sources", description="of vehicles", status="active")


@case("5.11.4.4", "an unknown subscription is not found", feature=FEATURE, needs=NEEDS)
async def read_unknown(broker: Subject) -> None:
    (await broker.get(f"{ROOT}/{broker.id('Subscription')}")).refused(404, "ResourceNotFound")


@case(
    "5.11.4.4, 5.8.3",
    "subscriptions to entities are others",
    feature=FEATURE,
    needs=(*NEEDS, "subscriptions"),
)
async def apart(broker: Subject) -> None:
    body = of(broker)
    (await broker.post(ROOT, body)).status(201)
    (await broker.get(f"/subscriptions/{body['id']}")).refused(404, "ResourceNotFound")


@case("5.11.5, 6.3.10", "subscriptions are listed", feature=FEATURE, needs=(*NEEDS, "tenants"))
async def listed(broker: Subject) -> None:
    tenant = await broker.tenant()
    bodies = [of(broker), of(broker)]
    for body in bodies:
        (await broker.post(ROOT, body, tenant=tenant)).status(201)
    answer = await broker.get(ROOT, tenant=tenant, count=True)
    answer.status(200).header("NGSILD-Results-Count", "2").body.ids(*bodies)


@case("5.11.3.4", "a patched member is replaced and others stay", feature=FEATURE, needs=NEEDS)
async def patch(broker: Subject) -> None:
    body = of(broker, subscriptionName="kept", description="old")
    (await broker.post(ROOT, body)).status(201)
    (await broker.patch(f"{ROOT}/{body['id']}", {"description": "new"})).status(204)
    answer = await broker.get(f"{ROOT}/{body['id']}")
    answer.status(200).body.has(description="new", subscriptionName="kept")


@case("5.11.6.4", "a deleted subscription is gone", feature=FEATURE, needs=NEEDS)
async def delete(broker: Subject) -> None:
    body = of(broker)
    (await broker.post(ROOT, body)).status(201)
    (await broker.delete(f"{ROOT}/{body['id']}")).status(204).empty()
    (await broker.get(f"{ROOT}/{body['id']}")).refused(404, "ResourceNotFound")
    (await broker.delete(f"{ROOT}/{body['id']}")).refused(404, "ResourceNotFound")


@case("5.11.7, 5.3.2", "a new registration is told as newlyMatching", feature=FEATURE, needs=TOLD)
async def newly_matching(broker: Subject) -> None:
    receiver = await listening(broker)
    body = await registrations.known(broker)
    tells(await receiver.next(), "newlyMatching", body)


@case(
    "5.11.2.4, 5.11.7", "registrations that are there already are told at once", feature=FEATURE, needs=TOLD
)
async def there_already(broker: Subject) -> None:
    body = await registrations.known(broker)
    receiver = await listening(broker)
    tells(await receiver.next(), "newlyMatching", body)


@case("5.11.7", "a changed registration is told as updated", feature=FEATURE, needs=TOLD)
async def updated(broker: Subject) -> None:
    receiver = await listening(broker)
    body = await registrations.known(broker)
    await receiver.next()
    (await broker.patch(registrations.path_of(body), {"description": "new"})).status(204)
    tells(await receiver.next(), "updated", body)


@case("5.11.7", "a deleted registration is told as noLongerMatching", feature=FEATURE, needs=TOLD)
async def deleted(broker: Subject) -> None:
    receiver = await listening(broker)
    body = await registrations.known(broker)
    await receiver.next()
    (await broker.delete(registrations.path_of(body))).status(204)
    tells(await receiver.next(), "noLongerMatching", body)


@case(
    "5.11.7",
    "a registration changed to another type is told as noLongerMatching",
    feature=FEATURE,
    needs=TOLD,
)
async def changed_away(broker: Subject) -> None:
    receiver = await listening(broker)
    body = await registrations.known(broker)
    await receiver.next()
    other = {"information": [{"entities": [{"type": broker.type("Bicycle")}]}]}
    (await broker.patch(registrations.path_of(body), other)).status(204)
    tells(await receiver.next(), "noLongerMatching", body)


@case("5.11.7", "a registration of another type is not told", feature=FEATURE, needs=TOLD, waits=True)
async def other_type(broker: Subject) -> None:
    receiver = await listening(broker)
    await registrations.known(broker, information=[{"entities": [{"type": broker.type("Bicycle")}]}])
    await receiver.none()


@case(
    "5.12, 5.11.7",
    "attributes of the notification choose among registrations",
    feature=FEATURE,
    needs=TOLD,
    waits=True,
)
async def by_attribute(broker: Subject) -> None:
    receiver = await broker.receiver()
    body = of(broker, watchedAttributes=["speed"])
    body["notification"] = {"endpoint": {"uri": receiver.url}, "attributes": ["speed"]}
    (await broker.post(ROOT, body)).status(201)
    kind = broker.type("Vehicle")
    await registrations.known(
        broker, information=[{"entities": [{"type": kind}], "propertyNames": ["weight"]}]
    )
    await receiver.none()
    info = [{"entities": [{"type": kind}], "propertyNames": ["speed"]}]
    registered = await registrations.known(broker, information=info)
    tells(await receiver.next(), "newlyMatching", registered)


@case("5.11.7, 5.2.12", "csf chooses among registrations", feature=FEATURE, needs=TOLD, waits=True)
async def by_csf(broker: Subject) -> None:
    receiver = await listening(broker, csf='registrationName=="yabu"')
    await registrations.known(broker, registrationName="asago")
    await receiver.none()
    body = await registrations.known(broker, registrationName="yabu")
    tells(await receiver.next(), "newlyMatching", body)


@case("5.11.7", "a paused subscription is told nothing", feature=FEATURE, needs=TOLD, waits=True)
async def paused(broker: Subject) -> None:
    receiver = await listening(broker, isActive=False)
    await registrations.known(broker)
    await receiver.none()


@case("5.11.7, 6.3.8", "receiverInfo becomes headers", feature=FEATURE, needs=TOLD)
async def receiver_info(broker: Subject) -> None:
    receiver = await broker.receiver()
    body = of(broker)
    info = [{"key": "X-Purpose", "value": "drill"}]
    body["notification"] = {"endpoint": {"uri": receiver.url, "receiverInfo": info}}
    (await broker.post(ROOT, body)).status(201)
    await registrations.known(broker)
    (await receiver.next()).header("X-Purpose", "drill")
