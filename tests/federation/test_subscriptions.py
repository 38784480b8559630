"""Subscriptions passed on to sources, and what they tell passed on to the subscriber. (5.8.1-5.8.6, 5.2.12, 6.3.18)"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from base import clock
from tests.federation.towns import register, towns
from tests.live import Live
from tests.notify.receiver import Receiver, receiving

SHELTER = {"type": "Shelter"}


@pytest.fixture
async def three(tmp_path: Path) -> AsyncIterator[list[Live]]:
    async with towns(tmp_path, 3, notify_backoff=0.1) as running:
        yield running


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[list[Live]]:
    async with towns(tmp_path, 2, notify_backoff=0.1) as running:
        yield running


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as running:
        yield running


def shelter(number: int, occupancy: int = 5, **more: Any) -> dict[str, Any]:
    return {
        "id": f"urn:ngsi-ld:Shelter:{number}",
        "type": "Shelter",
        "occupancy": {"type": "Property", "value": occupancy},
        **more,
    }


async def subscribe(town: Live, receiver: Receiver, **more: Any) -> str:
    notification = {"endpoint": {"uri": receiver.url}, **more.pop("notification", {})}
    body = {"type": "Subscription", "entities": [SHELTER], "notification": notification, **more}
    made = await town.post("/subscriptions", body)
    assert made.status == 201, made.json
    return str(made.headers["Location"].rpartition("/")[2])


async def subscriptions_at(town: Live, count: int, seconds: float = 30.0) -> list[dict[str, Any]]:
    """Wait until so many subscriptions stand at a town."""
    async with asyncio.timeout(seconds):
        while True:
            found: list[dict[str, Any]] = (await town.get("/subscriptions")).json
            if len(found) == count:
                return found
            await asyncio.sleep(0.02)


async def becomes(town: Live, **members: Any) -> dict[str, Any]:
    """Wait until the only subscription at a town has some members so."""
    async with asyncio.timeout(30):
        while True:
            (found,) = await subscriptions_at(town, 1)
            if {name: found.get(name) for name in members} == members:
                return found
            await asyncio.sleep(0.02)


async def create(town: Live, entity: dict[str, Any]) -> None:
    made = await town.ask("POST", "/entities", entity, params={"local": "true"})
    assert made.status == 201, made.json


async def test_notifications_of_two_neighbours_arrive_once_each(
    three: list[Live], receiver: Receiver
) -> None:
    yabu, *neighbours = three
    for town in neighbours:
        await register(yabu, town, SHELTER)
    id = await subscribe(yabu, receiver)
    for town in neighbours:
        await subscriptions_at(town, 1)
    for number, town in enumerate(three):
        await create(town, shelter(number))
    requests = await receiver.wait(3)
    assert await receiver.quiet() == 3
    assert {one.entities[0]["id"] for one in requests} == {shelter(number)["id"] for number in range(3)}
    assert {one.json["subscriptionId"] for one in requests} == {id}
    counted = (await yabu.get(f"/subscriptions/{id}")).json["notification"]
    assert counted["timesSent"] == 3


async def test_a_source_receives_what_its_registration_covers(two: list[Live], receiver: Receiver) -> None:
    yabu, toyooka = two
    await register(yabu, toyooka, SHELTER, attributes=["occupancy"])
    await subscribe(
        yabu,
        receiver,
        entities=[{"type": "Shelter|School", "idPattern": ".*"}],
        q="occupancy>3",
        description="for whom it may concern",
    )
    (copy,) = await subscriptions_at(toyooka, 1)
    assert copy["entities"] == [{"type": "Shelter", "idPattern": ".*"}]
    assert copy["watchedAttributes"] == copy["notification"]["attributes"] == ["occupancy"]
    assert copy["q"] == "occupancy>3"
    assert copy["notification"]["endpoint"]["uri"].startswith(yabu.url)
    assert receiver.url not in str(copy)
    assert "description" not in copy


async def test_a_change_and_the_end_of_a_subscription_reach_the_source(
    two: list[Live], receiver: Receiver
) -> None:
    yabu, toyooka = two
    await register(yabu, toyooka, SHELTER)
    id = await subscribe(yabu, receiver, q="occupancy>3")
    (before,) = await subscriptions_at(toyooka, 1)
    assert (await yabu.ask("PATCH", f"/subscriptions/{id}", {"q": None, "isActive": False})).status == 204
    after = await becomes(toyooka, status="paused")
    assert after["id"] == before["id"] and "q" not in after
    assert (await yabu.ask("DELETE", f"/subscriptions/{id}")).status == 204
    await subscriptions_at(toyooka, 0)


async def test_subscriptions_follow_registrations_that_come_change_and_go(
    three: list[Live], receiver: Receiver
) -> None:
    yabu, toyooka, asago = three
    await subscribe(yabu, receiver)
    id = await register(yabu, toyooka, SHELTER, {"type": "School"})
    (copy,) = await subscriptions_at(toyooka, 1)
    assert copy["entities"] == [SHELTER] and "watchedAttributes" not in copy
    information = [{"entities": [SHELTER], "attributeNames": ["name"]}]
    path = f"/csourceRegistrations/{id}"
    assert (await yabu.ask("PATCH", path, {"information": information})).status == 204
    await becomes(toyooka, watchedAttributes=["name"])
    assert (await yabu.ask("PATCH", path, {"endpoint": asago.url})).status == 204
    await subscriptions_at(asago, 1)
    await subscriptions_at(toyooka, 0)
    assert (await yabu.ask("DELETE", path)).status == 204
    await subscriptions_at(asago, 0)


async def test_a_registration_that_expires_takes_the_subscription_with_it(
    two: list[Live], receiver: Receiver
) -> None:
    yabu, toyooka = two
    await subscribe(yabu, receiver)
    soon = clock.show(clock.now() + 3 * clock.SECOND)
    await register(yabu, toyooka, SHELTER, expiresAt=soon)
    await subscriptions_at(toyooka, 1)
    await subscriptions_at(toyooka, 0)


@pytest.mark.parametrize(
    ("more", "registration"),
    [
        ({"localOnly": True}, {}),
        ({"entities": [{"type": "School"}]}, {}),
        ({"watchedAttributes": ["name"]}, {"attributes": ["occupancy"]}),
        ({"csf": 'mode=="exclusive"'}, {}),
        ({}, {"operations": ["retrieveOps"]}),
        ({}, {"mode": "auxiliary", "operations": ["retrieveOps"]}),
        ({}, {"observationInterval": {"startAt": "2020-01-01T00:00:00Z"}}),
    ],
)
async def test_passes_on_only_what_a_source_may_be_asked_for(
    three: list[Live], receiver: Receiver, more: dict[str, Any], registration: dict[str, Any]
) -> None:
    yabu, toyooka, asago = three
    await register(yabu, toyooka, SHELTER, **registration)
    await register(yabu, asago, {"type": "Library"})
    await subscribe(yabu, receiver, **more)
    await subscribe(yabu, receiver, entities=[{"type": "Library"}])
    await subscriptions_at(asago, 1)
    await subscriptions_at(toyooka, 0)


async def test_parts_of_an_entity_are_joined_before_they_are_judged(
    three: list[Live], receiver: Receiver
) -> None:
    """One town knows the occupancy, the next the name, our own broker the owner. (5.8.6, splitEntities)"""
    yabu, toyooka, asago = three
    for town in (toyooka, asago):
        await register(yabu, town, SHELTER)
    name, owner = ({"type": "Property", "value": value} for value in ("Hall", "Yabu"))
    await create(asago, {"id": "urn:ngsi-ld:Shelter:1", "type": "Shelter", "name": name})
    await create(yabu, {"id": "urn:ngsi-ld:Shelter:1", "type": "Shelter", "owner": owner})
    await subscribe(yabu, receiver, q='occupancy>20;name=="Hall"', splitEntities=True)
    (copy,) = await subscriptions_at(toyooka, 1)
    assert "q" not in copy and copy["splitEntities"] is True
    await create(toyooka, shelter(1, 10))
    await toyooka.ask("PATCH", "/entities/urn:ngsi-ld:Shelter:1/attrs", {"occupancy": 42})
    (request,) = await receiver.wait()
    assert request.entities == [{**shelter(1, 42), "name": name, "owner": owner}]
    assert await receiver.quiet() == 1


@pytest.mark.parametrize(
    ("notification", "shown"),
    [
        ({"format": "simplified", "attributes": ["occupancy"]}, {"occupancy": 6}),
        ({"format": "concise", "pick": ["id", "type", "name"]}, {"name": "Hall"}),
        (
            {"showChanges": True, "omit": ["name"]},
            {"occupancy": {"type": "Property", "value": 6, "previousValue": 5}},
        ),
    ],
)
async def test_tells_in_the_form_the_subscriber_wants(
    two: list[Live], receiver: Receiver, notification: dict[str, Any], shown: dict[str, Any]
) -> None:
    yabu, toyooka = two
    await register(yabu, toyooka, SHELTER)
    await create(toyooka, shelter(1, name={"type": "Property", "value": "Hall"}))
    await subscribe(yabu, receiver, notification=notification)
    await subscriptions_at(toyooka, 1)
    await toyooka.ask("PATCH", "/entities/urn:ngsi-ld:Shelter:1/attrs", {"occupancy": 6})
    (request,) = await receiver.wait()
    assert request.entities == [{"id": "urn:ngsi-ld:Shelter:1", "type": "Shelter", **shown}]


async def test_tells_of_a_deletion_and_of_system_members(two: list[Live], receiver: Receiver) -> None:
    yabu, toyooka = two
    await register(yabu, toyooka, SHELTER)
    await subscribe(
        yabu,
        receiver,
        notificationTrigger=["entityCreated", "entityDeleted"],
        notification={"sysAttrs": True},
    )
    await subscriptions_at(toyooka, 1)
    await create(toyooka, shelter(1))
    (held,) = (await toyooka.get("/entities", type="Shelter", options="sysAttrs")).json
    assert (await toyooka.ask("DELETE", "/entities/urn:ngsi-ld:Shelter:1")).status == 204
    created, deleted = await receiver.wait(2)
    assert created.entities == [held]
    (gone,) = deleted.entities
    assert gone.keys() == {"id", "type", "createdAt", "modifiedAt", "deletedAt"}


async def test_throttles_what_comes_from_all_places_together(three: list[Live], receiver: Receiver) -> None:
    yabu, toyooka, asago = three
    for town in (toyooka, asago):
        await register(yabu, town, SHELTER)
    await subscribe(yabu, receiver, throttling=60)
    for town in (toyooka, asago):
        await subscriptions_at(town, 1)
    for number, town in enumerate(three):
        await create(town, shelter(number))
        await receiver.wait()
    assert await receiver.quiet() == 1


async def test_names_reach_the_subscriber_in_its_own_context(two: list[Live], receiver: Receiver) -> None:
    yabu, toyooka = two
    context = {"Refuge": "https://example.jp/Shelter", "count": "https://example.jp/occupancy"}
    await register(yabu, toyooka, {"type": "https://example.jp/Shelter"})
    notification = {"endpoint": {"uri": receiver.url, "accept": "application/ld+json"}}
    body = {"type": "Subscription", "entities": [{"type": "Refuge"}], "q": "count>1", "@context": context}
    assert (await yabu.post("/subscriptions", {**body, "notification": notification})).status == 201
    (copy,) = await subscriptions_at(toyooka, 1)
    assert copy["entities"] == [{"type": "https://example.jp/Shelter"}]
    assert copy["q"] == "https://example.jp/occupancy>1"
    assert yabu.url not in copy["jsonldContext"]
    entity = {"id": "urn:x:1", "type": "https://example.jp/Shelter", "https://example.jp/occupancy": 3}
    await create(toyooka, entity)
    (request,) = await receiver.wait()
    (told,) = request.entities
    assert told["type"] == "Refuge" and told["count"] == {"type": "Property", "value": 3}


async def test_lists_by_which_registrations_a_subscription_is_passed_on(
    two: list[Live], receiver: Receiver
) -> None:
    """It goes with the subscription it belongs to, and cannot be changed alone. (5.8.1.4, 5.8.5.4)"""
    yabu, toyooka = two
    await register(yabu, toyooka, SHELTER)
    id = await subscribe(yabu, receiver, watchedAttributes=["occupancy"])
    await subscribe(yabu, receiver, localOnly=True)
    await subscriptions_at(toyooka, 1)
    (own,) = (await yabu.get("/csourceSubscriptions", limit=1)).json
    assert own["entities"] == [SHELTER] and own["watchedAttributes"] == ["occupancy"]
    assert receiver.url not in str(own)
    path = f"/csourceSubscriptions/{own['id']}"
    assert (await yabu.get(path)).json == own
    assert (await yabu.ask("PATCH", path, {"description": "mine"})).status == 422
    assert (await yabu.ask("DELETE", path)).status == 422
    assert (await yabu.ask("DELETE", f"/subscriptions/{id}")).status == 204
    assert (await yabu.get("/csourceSubscriptions")).json == []
    assert (await yabu.get(path)).status == 404


async def test_a_public_url_is_where_sources_and_readers_find_us(tmp_path: Path, receiver: Receiver) -> None:
    async with towns(tmp_path, 2, public_url="https://yabu.example/") as (yabu, toyooka):
        await register(yabu, toyooka, SHELTER)
        await subscribe(yabu, receiver)
        (copy,) = await subscriptions_at(toyooka, 1)
        assert copy["notification"]["endpoint"]["uri"].startswith("https://yabu.example/ngsi-ld/")


async def test_tells_at_intervals_what_sources_hold(two: list[Live], receiver: Receiver) -> None:
    yabu, toyooka = two
    await register(yabu, toyooka, SHELTER, attributes=["occupancy"])
    await create(toyooka, shelter(1))
    await create(toyooka, shelter(2, 9))
    await subscribe(yabu, receiver, timeInterval=0.5, q="occupancy<9")
    first, second = (await receiver.wait(2))[:2]
    assert first.entities == second.entities == [shelter(1)]


@pytest.mark.parametrize("seed", [1, 2])
async def test_who_follows_the_notifications_knows_what_all_towns_hold(
    three: list[Live], receiver: Receiver, seed: int
) -> None:
    """Random changes in three towns, side by side; each entity lies in one of them. (5.8.6)"""
    yabu, *neighbours = three
    for town in neighbours:
        await register(yabu, town, SHELTER)
    every = ["entityCreated", "entityUpdated", "entityDeleted"]
    await subscribe(yabu, receiver, notificationTrigger=every)
    for town in neighbours:
        await subscriptions_at(town, 1)
    held: dict[str, dict[str, Any]] = {}

    async def change(town: Live, numbers: range, luck: Random) -> None:
        for _ in range(25):
            entity = shelter(luck.choice(numbers), luck.randrange(1_000_000))
            id = entity["id"]
            path = f"/entities/{id}"
            if id not in held:
                await create(town, entity)
                held[id] = entity
            elif luck.random() < 0.3:
                assert (await town.ask("DELETE", path, params={"local": "true"})).status == 204
                del held[id]
            else:
                name = {"name": {"type": "Property", "value": luck.choice("ABC")}}
                fragment = {"occupancy": entity["occupancy"], **luck.choice([{}, name])}
                changed = await town.ask("PATCH", path, fragment, params={"local": "true"})
                assert changed.status == 204
                held[id] = {**held[id], **fragment}

    await asyncio.gather(
        *[change(town, range(at * 4, at * 4 + 4), Random(seed * 10 + at)) for at, town in enumerate(three)]
    )
    async with asyncio.timeout(30), receiver.arrived:
        await receiver.arrived.wait_for(lambda: _told(receiver) == held)


def _told(receiver: Receiver) -> dict[str, dict[str, Any]]:
    """Give what somebody knows who was told all that came so far."""
    known: dict[str, dict[str, Any]] = {}
    for entity in (one for request in receiver.requests for one in request.entities):
        if "deletedAt" in entity:
            known.pop(entity["id"], None)
        else:
            known[entity["id"]] = entity
    return known
