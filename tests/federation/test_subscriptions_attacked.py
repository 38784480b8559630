"""What may not come through the place where sources bring notifications, and what a loop may not do. (5.8.6, 6.3.18)"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from broker.notify.endpoint import RECEIVING
from tests.federation.test_subscriptions import SHELTER, create, shelter, subscribe, subscriptions_at
from tests.federation.towns import register, towns
from tests.live import Live, Reply
from tests.notify.receiver import Receiver, receiving


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[list[Live]]:
    async with towns(tmp_path, 2, notify_backoff=0.1, body_bytes=20_000) as running:
        yield running


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as running:
        yield running


async def bring(town: Live, body: Any, *, kind: str = "application/json") -> Reply:
    """Bring a notification to a town as a source would."""
    async with town.session.post(town.url + RECEIVING, json=body, headers={"Content-Type": kind}) as reply:
        raw = await reply.read()
        return Reply(reply.status, None, reply.headers, raw)


def notification(copy: dict[str, Any], *data: Any, **more: Any) -> dict[str, Any]:
    return {"type": "Notification", "subscriptionId": copy["id"], "data": list(data), **more}


async def test_refuses_notifications_that_no_source_can_have_sent(
    two: list[Live], receiver: Receiver
) -> None:
    yabu, toyooka = two
    await register(
        yabu, toyooka, {"type": "Shelter", "idPattern": "^urn:ngsi-ld:Shelter:"}, attributes=["occupancy"]
    )
    id = await subscribe(yabu, receiver)
    (copy,) = await subscriptions_at(toyooka, 1)
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    forged = [
        (404, notification({"id": id}, shelter(1))),
        (404, notification({"id": copy["id"][:-1]}, shelter(1))),
        (404, notification({"id": 7}, shelter(1))),
        (400, notification(copy, shelter(1), type="Subscription")),
        (400, [notification(copy, shelter(1))]),
        (400, notification(copy, {**shelter(1), "type": "School"})),
        (400, notification(copy, {**shelter(1), "id": "urn:ngsi-ld:School:1"})),
        (400, notification(copy, shelter(1), {**shelter(2), "type": "School"})),
        (400, notification(copy, {"id": "urn:ngsi-ld:Shelter:1", "type": "Shelter", "name": "unregistered"})),
        (400, notification(copy, {**shelter(1), "type": ["Shelter", "Person"]})),
        (400, notification(copy, {"type": "Shelter"})),
        (400, notification(copy, "urn:ngsi-ld:Shelter:1")),
        (400, notification(copy) | {"data": shelter(1)}),
        (400, notification(copy, shelter(1, deep))),
        (413, notification(copy, shelter(1), padding="x" * 20_000)),
    ]
    for status, body in forged:
        reply = await bring(yabu, body)
        assert (reply.status, body) == (status, body)
        assert copy["id"].encode() not in reply.raw and receiver.url.encode() not in reply.raw
    assert (await bring(yabu, notification(copy, shelter(1)), kind="text/plain")).status == 415
    assert await receiver.quiet() == 0
    assert (await bring(yabu, notification(copy, shelter(1)))).status == 200
    (request,) = await receiver.wait()
    assert request.json["subscriptionId"] == id


async def test_keeps_to_itself_what_the_source_did_not_register(two: list[Live], receiver: Receiver) -> None:
    yabu, toyooka = two
    await register(yabu, toyooka, SHELTER, attributes=["occupancy"])
    await subscribe(yabu, receiver)
    (copy,) = await subscriptions_at(toyooka, 1)
    told = shelter(1, owner={"type": "Property", "value": "nobody"})
    assert (await bring(yabu, notification(copy, told))).status == 200
    (request,) = await receiver.wait()
    assert request.entities == [shelter(1)]


async def test_takes_the_same_notification_once(two: list[Live], receiver: Receiver) -> None:
    yabu, toyooka = two
    await register(yabu, toyooka, SHELTER)
    await subscribe(yabu, receiver)
    (copy,) = await subscriptions_at(toyooka, 1)
    told = notification(copy, shelter(1), id="urn:ngsi-ld:Notification:1")
    for _ in range(3):
        assert (await bring(yabu, told)).status == 200
    assert await receiver.quiet() == 1


async def test_does_not_show_subscribers_how_it_is_passed_on(two: list[Live], receiver: Receiver) -> None:
    yabu, toyooka = two
    await register(yabu, toyooka, SHELTER)
    id = await subscribe(yabu, receiver)
    (copy,) = await subscriptions_at(toyooka, 1)
    await create(toyooka, shelter(1))
    (request,) = await receiver.wait()
    for shown in (request.head + request.body.decode(), str((await yabu.get(f"/subscriptions/{id}")).json)):
        assert copy["id"] not in shown and toyooka.url not in shown and "request" not in shown
    assert len((await yabu.get("/subscriptions")).json) == 1


async def test_a_paused_subscription_tells_nothing_that_sources_still_send(
    two: list[Live], receiver: Receiver
) -> None:
    yabu, toyooka = two
    await register(yabu, toyooka, SHELTER)
    id = await subscribe(yabu, receiver)
    (copy,) = await subscriptions_at(toyooka, 1)
    assert (await yabu.ask("PATCH", f"/subscriptions/{id}", {"isActive": False})).status == 204
    assert (await bring(yabu, notification(copy, shelter(1)))).status == 200
    assert await receiver.quiet() == 0


async def test_two_towns_registered_with_each_other_ask_each_other_once(
    two: list[Live], receiver: Receiver
) -> None:
    """Neither registration names the other's alias: Via alone ends the chain. (6.3.18)"""
    yabu, toyooka = two
    await register(yabu, toyooka, SHELTER)
    await register(toyooka, yabu, SHELTER)
    await subscribe(yabu, receiver)
    await subscriptions_at(toyooka, 1)
    for number, town in enumerate(two):
        await create(town, shelter(number))
    await receiver.wait(2)
    assert await receiver.quiet(0.5) == 2
    assert len(await subscriptions_at(yabu, 1)) == len(await subscriptions_at(toyooka, 1))


async def test_refuses_a_subscription_that_came_through_itself(two: list[Live], receiver: Receiver) -> None:
    yabu, _ = two
    alias = (await yabu.get("/info/sourceIdentity")).json["contextSourceAlias"]
    body = {
        "type": "Subscription",
        "entities": [SHELTER],
        "notification": {"endpoint": {"uri": receiver.url}},
    }
    refused = await yabu.post("/subscriptions", body, headers={"Via": f"1.1 other, 1.1 {alias}"})
    assert refused.status == 508


async def test_asks_no_source_that_the_subscription_came_through(two: list[Live], receiver: Receiver) -> None:
    yabu, toyooka = two
    await register(yabu, toyooka, SHELTER, contextSourceAlias="toyooka")
    await register(yabu, toyooka, {"type": "School"}, contextSourceAlias="asago")
    body = {
        "type": "Subscription",
        "entities": [SHELTER, {"type": "School"}],
        "notification": {"endpoint": {"uri": receiver.url}},
    }
    assert (await yabu.post("/subscriptions", body, headers={"Via": "1.1 toyooka"})).status == 201
    (copy,) = await subscriptions_at(toyooka, 1)
    assert copy["entities"] == [{"type": "School"}]


async def test_a_source_that_shall_ask_no_others_is_told_so(two: list[Live], receiver: Receiver) -> None:
    yabu, toyooka = two
    await register(yabu, toyooka, SHELTER, management={"localOnly": True})
    await subscribe(yabu, receiver)
    (copy,) = await subscriptions_at(toyooka, 1)
    assert copy["localOnly"] is True


async def test_local_and_snapshot_subscriptions_stay_here(two: list[Live], receiver: Receiver) -> None:
    yabu, toyooka = two
    await register(yabu, toyooka, SHELTER)
    body = {
        "type": "Subscription",
        "entities": [SHELTER],
        "notification": {"endpoint": {"uri": receiver.url}},
    }
    made = await yabu.ask("POST", "/subscriptions", body, params={"local": "true"})
    assert made.status == 201
    await register(yabu, toyooka, {"type": "School"})
    await subscribe(yabu, receiver, entities=[{"type": "School"}])
    (copy,) = await subscriptions_at(toyooka, 1)
    assert copy["entities"] == [{"type": "School"}]
