"""What changes here while a source's notification is being taken. (5.8.6, 5.8.5)"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from broker.federation.passed import KIND
from tests.access.town import town
from tests.federation.test_subscriptions import SHELTER, create, shelter, subscribe, subscriptions_at
from tests.federation.test_subscriptions_attacked import bring, notification
from tests.federation.test_subscriptions_failing import endpoint
from tests.federation.towns import register, registration, towns
from tests.live import Live, Reply, live_broker
from tests.notify.receiver import Receiver, receiving

ID = "urn:ngsi-ld:Notification:1"


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[list[Live]]:
    async with towns(tmp_path, 2, notify_backoff=0.1) as running:
        yield running


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as running:
        yield running


@pytest.fixture
async def slow() -> AsyncIterator[Receiver]:
    """A source that is asked for its part of an entity, and makes everybody wait."""
    async with receiving(answer=404, hold=asyncio.Event()) as running:
        yield running
        if running.hold:
            running.hold.set()


async def nothing_kept(town: Live, seconds: float = 30.0) -> None:
    """Wait until no copy is on record: that is noted after the source has let it go."""
    async with asyncio.timeout(seconds):
        while town.broker.catalogue.open("").records(KIND):  # noqa: ASYNC110  # it looks from outside
            await asyncio.sleep(0.02)


class Flight:
    """A notification on its way: taken by our broker, which waits for another source."""

    def __init__(self, two: list[Live], receiver: Receiver, slow: Receiver) -> None:
        self.yabu, self.toyooka = two
        self.receiver, self.slow = receiver, slow
        self.id = self.registration = ""
        self.copy: dict[str, Any] = {}
        self.task: asyncio.Task[Reply] | None = None

    async def depart(self, **more: Any) -> None:
        self.registration = await register(self.yabu, self.toyooka, SHELTER)
        await register(self.yabu, endpoint(self.slow), SHELTER, operations=["retrieveEntity"])
        self.id = await subscribe(self.yabu, self.receiver, splitEntities=True, **more)
        (self.copy,) = await subscriptions_at(self.toyooka, 1)
        told = notification(self.copy, shelter(1), id=ID)
        self.task = asyncio.create_task(bring(self.yabu, told))
        await self.slow.wait()

    async def arrive(self) -> int:
        assert self.task is not None and self.slow.hold is not None
        self.slow.hold.set()
        return (await self.task).status


@pytest.fixture
def flight(two: list[Live], receiver: Receiver, slow: Receiver) -> Flight:
    return Flight(two, receiver, slow)


async def test_a_subscription_that_is_deleted_meanwhile_hears_nothing(flight: Flight) -> None:
    await flight.depart()
    assert (await flight.yabu.ask("DELETE", f"/subscriptions/{flight.id}")).status == 204
    assert await flight.arrive() == 404
    await subscriptions_at(flight.toyooka, 0)
    assert await flight.receiver.quiet() == 0
    await nothing_kept(flight.yabu)


async def test_nothing_is_told_of_a_source_that_is_no_longer_registered(flight: Flight) -> None:
    await flight.depart()
    path = f"/csourceRegistrations/{flight.registration}"
    assert (await flight.yabu.ask("DELETE", path)).status == 204
    await subscriptions_at(flight.toyooka, 0)
    assert await flight.arrive() == 404
    assert await flight.receiver.quiet() == 0


async def test_a_subscription_that_is_changed_meanwhile_counts_as_it_is_now(flight: Flight) -> None:
    await flight.depart()
    path = f"/subscriptions/{flight.id}"
    assert (await flight.yabu.ask("PATCH", path, {"q": "occupancy>100"})).status == 204
    assert await flight.arrive() == 200
    assert await flight.receiver.quiet() == 0
    assert (await flight.yabu.ask("PATCH", path, {"q": "occupancy<100"})).status == 204
    told = notification(flight.copy, shelter(2), id=ID + "0")
    assert (await bring(flight.yabu, told)).status == 200
    (request,) = await flight.receiver.wait()
    assert request.entities == [shelter(2)]


async def test_a_notification_that_is_sent_again_too_early_is_told_once(flight: Flight) -> None:
    await flight.depart()
    again = notification(flight.copy, shelter(1), id=ID)
    assert (await bring(flight.yabu, again)).status == 503
    assert await flight.arrive() == 200
    assert (await bring(flight.yabu, again)).status == 200
    assert await flight.receiver.quiet() == 1


async def test_a_paused_subscription_stays_quiet(flight: Flight) -> None:
    await flight.depart()
    assert (await flight.yabu.ask("PATCH", f"/subscriptions/{flight.id}", {"isActive": False})).status == 204
    assert await flight.arrive() == 200
    assert await flight.receiver.quiet() == 0


async def test_a_copy_nobody_here_knows_any_more_is_refused(tmp_path: Path, receiver: Receiver) -> None:
    """The store was lost: the source is told 404, and its copy ends with its lease."""
    async with live_broker(tmp_path / "source") as toyooka:
        async with live_broker(tmp_path / "data", federation_lease_seconds=5) as yabu:
            await register(yabu, toyooka, SHELTER)
            await subscribe(yabu, receiver)
            (copy,) = await subscriptions_at(toyooka, 1)
        async with live_broker(tmp_path / "new") as yabu:
            assert (await bring(yabu, notification(copy, shelter(1)))).status == 404
        assert "expiresAt" in copy


async def test_towns_registered_with_each_other_tell_their_subscribers_once(
    two: list[Live], receiver: Receiver
) -> None:
    """And leave nothing behind when all is over."""
    for here, there in (two, two[::-1]):
        await register(here, there, SHELTER)
    ids = {town.url: await subscribe(town, receiver) for town in two}
    for holder in two:
        await subscriptions_at(holder, 2)
    for number, holder in enumerate(two):
        await create(holder, shelter(number))
    requests = await receiver.wait(4)
    assert await receiver.quiet(0.5) == 4
    heard = {(one.json["subscriptionId"], one.entities[0]["id"]) for one in requests}
    assert heard == {(id, shelter(number)["id"]) for id in ids.values() for number in range(2)}
    for holder in two:
        path = f"/subscriptions/{ids[holder.url]}"
        assert (await holder.ask("DELETE", path)).status == 204
    for holder in two:
        await subscriptions_at(holder, 0)
        await nothing_kept(holder)


RULES = """
[[rule]]
who = "key:press"
may = "subscribe"
types = ["Shelter"]
"""


async def test_parts_that_are_hidden_are_not_joined_into_sight(tmp_path: Path, receiver: Receiver) -> None:
    """The same id is a shelter there, and here something that is nobody's business. (docs/access.md)"""
    async with live_broker(tmp_path / "source") as toyooka, town(tmp_path, RULES, "press") as here:
        made = await here.ask("staff", "POST", "/csourceRegistrations", registration(toyooka, SHELTER))
        assert made.status == 201
        secret = {"type": "Property", "value": "secret"}
        await here.put_in({"id": shelter(1)["id"], "type": "Depot", "stock": secret})
        body = {
            "type": "Subscription",
            "entities": [SHELTER],
            "splitEntities": True,
            "notification": {"endpoint": {"uri": receiver.url}},
        }
        assert (await here.ask("press", "POST", "/subscriptions", body)).status == 201
        await subscriptions_at(toyooka, 1)
        await create(toyooka, shelter(1))
        (request,) = await receiver.wait()
        assert request.entities == [shelter(1)]
