"""The resources /csourceSubscriptions and /csourceSubscriptions/{subscriptionId}. (5.11, 6.12, 6.13)

A subscription to entities that is passed on to sources has one to registrations of its own, by which it follows them.
It is listed, and changes with the subscription it belongs to. (5.8.1.4, 5.8.2.4, 5.8.5.4)
"""

from typing import Final

from base.errors import OperationNotSupported
from broker.notify.endpoint import RECEIVING
from broker.notify.subscription import REGISTRATIONS, Body
from broker.operations import rendering, subscriptions
from broker.operations.call import Answer, Broker, Call

_MARK: Final = ":registrations"
_COPIED: Final = ("@context", "qContext", "createdAt", "modifiedAt", "entities", "watchedAttributes", "csf")


async def create_registration_subscription(call: Call, broker: Broker) -> Answer:
    """Subscribe to registrations. (5.11.2, 6.12.3.1)"""
    return await subscriptions.create(call, broker, REGISTRATIONS)


async def query_registration_subscriptions(call: Call, broker: Broker) -> Answer:
    """List subscriptions to registrations in the order of their creation. (5.11.5, 6.12.3.2)"""
    own = list((await _own(call, broker)).values())
    return await subscriptions.query(call, broker, REGISTRATIONS, own)


async def retrieve_registration_subscription(call: Call, broker: Broker) -> Answer:
    """Retrieve a subscription to registrations. (5.11.4, 6.13.3.1)"""
    found = await _one(call, broker)
    if found is not None:
        return rendering.listing(call, subscriptions.shown(call, found))
    return await subscriptions.retrieve(call, broker, REGISTRATIONS)


async def update_registration_subscription(call: Call, broker: Broker) -> Answer:
    """Update a subscription to registrations. (5.11.3, 6.13.3.2)"""
    await _check_apart(call, broker)
    return await subscriptions.update(call, broker, REGISTRATIONS)


async def delete_registration_subscription(call: Call, broker: Broker) -> Answer:
    """Delete a subscription to registrations. (5.11.6, 6.13.3.3)"""
    await _check_apart(call, broker)
    return await subscriptions.delete(call, broker, REGISTRATIONS)


async def _own(call: Call, broker: Broker) -> dict[str, Body]:
    """Give the subscriptions to registrations of those subscriptions to entities that are passed on. (5.8.1.4)"""
    passed_on = broker.subscribing.passed_on(call.tenant)
    if not passed_on:
        return {}
    book = await broker.notifier.book(call.tenant)
    bodies = [book.get(id) for id in book.all() if id in passed_on]
    return {
        body["id"] + _MARK: _about_registrations(body)
        for body in bodies
        if subscriptions.looks_after(call, body)
    }


async def _one(call: Call, broker: Broker) -> Body | None:
    id = call.path["subscriptionId"]
    return (await _own(call, broker)).get(id) if id.endswith(_MARK) else None


async def _check_apart(call: Call, broker: Broker) -> None:
    if await _one(call, broker) is not None:
        of = call.path["subscriptionId"].removesuffix(_MARK)
        raise OperationNotSupported(
            f"It belongs to the subscription {of} and changes with that; change that."
        )


def _about_registrations(body: Body) -> Body:
    """Write by which registrations a subscription is passed on. (5.11.2)"""
    made: Body = {"id": body["id"] + _MARK, "type": "Subscription"}
    made |= {name: body[name] for name in _COPIED if name in body}
    notification: Body = {"endpoint": {"uri": body.get("request", {}).get("origin", "") + RECEIVING}}
    if "attributes" in body["notification"]:
        notification["attributes"] = body["notification"]["attributes"]
    return made | {"notification": notification, "about": REGISTRATIONS}
