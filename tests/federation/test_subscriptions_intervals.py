"""Periodic subscriptions: at each interval one notification of what matches, here and at all sources. (5.8.6)"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.access.town import shelter as guarded
from tests.access.town import town
from tests.federation.fakes import fake
from tests.federation.test_subscriptions import SHELTER, create, shelter, subscribe, subscriptions_at
from tests.federation.towns import register, registration, towns
from tests.live import Live, live_broker
from tests.notify.receiver import Receiver, Request, receiving

INTERVAL = 0.3


@pytest.fixture
async def three(tmp_path: Path) -> AsyncIterator[list[Live]]:
    async with towns(tmp_path, 3) as running:
        yield running


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as running:
        yield running


def name(text: str) -> dict[str, Any]:
    return {"name": {"type": "Property", "value": text}}


async def told(receiver: Receiver, wanted: Any, seconds: float = 30.0) -> Request:
    """Wait for a notification of just these entities."""
    async with asyncio.timeout(seconds), receiver.arrived:
        while True:
            for one in receiver.requests:
                if sorted(one.entities, key=lambda entity: entity["id"]) == wanted:
                    return one
            await receiver.arrived.wait()


async def test_one_notification_holds_what_all_towns_have(three: list[Live], receiver: Receiver) -> None:
    yabu, toyooka, asago = three
    for source in (toyooka, asago):
        await register(yabu, source, SHELTER)
    for number, holder in enumerate(three):
        await create(holder, shelter(number))
    await create(toyooka, shelter(7, 9, **name("both")))
    await create(
        asago, {"id": shelter(7)["id"], "type": "Shelter", "owner": {"type": "Property", "value": 1}}
    )
    await subscribe(yabu, receiver, timeInterval=INTERVAL)
    joined = {**shelter(7, 9, **name("both")), "owner": {"type": "Property", "value": 1}}
    await told(receiver, [*(shelter(number) for number in range(3)), joined])
    for source in (toyooka, asago):
        await subscriptions_at(source, 0)


@pytest.mark.parametrize(
    ("more", "numbers"),
    [
        ({"q": "occupancy>5"}, [1, 2]),
        ({"q": 'name=="Hall"', "splitEntities": True}, [0, 2]),
        ({"scopeQ": "/yabu/#"}, [1]),
        ({"csf": 'mode=="exclusive"'}, [0]),
        ({"entities": [{"type": "Shelter", "id": shelter(2)["id"]}]}, [2]),
        ({"localOnly": True}, [0]),
    ],
)
async def test_what_it_holds_meets_all_conditions(
    three: list[Live], receiver: Receiver, more: dict[str, Any], numbers: list[int]
) -> None:
    yabu, toyooka, asago = three
    for source in (toyooka, asago):
        await register(yabu, source, SHELTER)
    held = [
        (yabu, shelter(0, 5, **name("Hall"))),
        (toyooka, shelter(1, 6, scope="/yabu/east")),
        (asago, shelter(2, 7, **name("Hall"))),
    ]
    for holder, entity in held:
        await create(holder, entity)
    await subscribe(yabu, receiver, timeInterval=INTERVAL, **more)
    await told(receiver, [held[number][1] for number in numbers])


async def test_queries_are_asked_in_words_a_source_understands(tmp_path: Path, receiver: Receiver) -> None:
    """A context without a URL: names travel as IRIs. (4.3.6.6)"""
    shelter_iri, occupancy = "https://example.jp/Shelter", "https://example.jp/occupancy"
    entity = {"id": "urn:x:1", "type": shelter_iri, occupancy: {"type": "Property", "value": 3}}
    context = {"Refuge": shelter_iri, "count": occupancy}
    notification = {"endpoint": {"uri": receiver.url, "accept": "application/ld+json"}}
    body = {"type": "Subscription", "entities": [{"type": "Refuge"}], "q": "count>1", "@context": context}
    async with fake([entity]) as source, live_broker(tmp_path) as yabu:
        await register(yabu, source.url, {"type": shelter_iri})
        made = await yabu.post(
            "/subscriptions", {**body, "timeInterval": INTERVAL, "notification": notification}
        )
        assert made.status == 201
        (request, *_) = await receiver.wait()
        assert request.entities[0]["type"] == "Refuge" and request.entities[0]["count"]["value"] == 3
        asked = source.last.path
        assert "example.jp/occupancy%3E1" in asked and "Refuge" not in asked and "count" not in asked


async def test_linked_entities_come_from_where_they_are(three: list[Live], receiver: Receiver) -> None:
    yabu, toyooka, asago = three
    await register(yabu, toyooka, SHELTER)
    await register(yabu, asago, {"type": "Depot"})
    depot = {"id": "urn:ngsi-ld:Depot:1", "type": "Depot", **name("store")}
    supply = {"type": "Relationship", "object": depot["id"], "objectType": "Depot"}
    await create(asago, depot)
    await create(toyooka, shelter(1, supply=supply))
    notification = {"join": "inline", "joinLevel": 1}
    await subscribe(
        yabu, receiver, timeInterval=INTERVAL, q='supply{name}=="store"', notification=notification
    )
    (request, *_) = await receiver.wait()
    assert request.entities[0]["supply"]["entity"]["name"]["value"] == "store"


async def test_a_dead_source_takes_nothing_from_the_others(three: list[Live], receiver: Receiver) -> None:
    yabu, toyooka, _ = three
    await register(yabu, toyooka, SHELTER)
    await register(yabu, "http://127.0.0.1:9", SHELTER)
    await create(toyooka, shelter(1))
    await subscribe(yabu, receiver, timeInterval=INTERVAL)
    await told(receiver, [shelter(1)])


async def test_a_slow_source_makes_intervals_late_and_never_overlap(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with receiving() as slow, live_broker(tmp_path) as yabu:
        slow.hold = asyncio.Event()
        url = slow.url.removesuffix("/notify")
        await register(yabu, url, SHELTER, management={"timeout": 600})
        await create(yabu, shelter(1))
        await subscribe(yabu, receiver, timeInterval=0.1)
        await receiver.wait(2)
        assert slow.connections <= len(receiver.requests) + 1
        assert all(one.entities == [shelter(1)] for one in receiver.requests)
        slow.hold.set()


async def test_a_source_that_cannot_be_queried_tells_by_itself(three: list[Live], receiver: Receiver) -> None:
    yabu, toyooka, _ = three
    await register(yabu, toyooka, SHELTER, operations=["createSubscription", "deleteSubscription"])
    await create(toyooka, shelter(1))
    await subscribe(yabu, receiver, timeInterval=INTERVAL)
    (copy,) = await subscriptions_at(toyooka, 1)
    assert copy["timeInterval"] == INTERVAL
    await told(receiver, [shelter(1)])


async def test_intervals_go_on_after_a_restart_with_all_towns(tmp_path: Path, receiver: Receiver) -> None:
    async with live_broker(tmp_path / "source") as toyooka:
        await create(toyooka, shelter(1))
        async with live_broker(tmp_path / "data") as yabu:
            await register(yabu, toyooka, SHELTER)
            await create(yabu, shelter(0))
            await subscribe(yabu, receiver, timeInterval=INTERVAL)
            await receiver.wait()
        receiver.requests.clear()
        async with live_broker(tmp_path / "data"):
            (first, *_) = await receiver.wait()
            assert first.entities == [shelter(0), shelter(1)]


RULES = """
[[rule]]
who = "key:press"
may = "subscribe"
types = ["Shelter"]
attributes_except = ["contact"]

[[rule]]
who = "key:press"
may = "read"
types = ["Nothing"]
"""


async def test_nothing_hidden_comes_in_through_a_source(tmp_path: Path, receiver: Receiver) -> None:
    """The rules for subscribing count, not those for reading. (docs/access.md)"""
    async with live_broker(tmp_path / "source") as source, town(tmp_path, RULES, "press") as here:
        made = await here.ask("staff", "POST", "/csourceRegistrations", registration(source, SHELTER))
        assert made.status == 201
        await create(source, guarded(1))
        await here.put_in(guarded(2))
        both = {"id": guarded(3)["id"], "type": "Depot", **name("hidden"), "stock": {"value": 7}}
        await here.put_in(both)
        await create(source, {"id": both["id"], "type": "Shelter", **name("seen")})
        for q, count in (('contact~="phone"', 0), ("!contact", 3)):
            receiver.requests.clear()
            body = {
                "type": "Subscription",
                "entities": [{"type": "Shelter"}],
                "q": q,
                "timeInterval": INTERVAL,
                "notification": {"endpoint": {"uri": receiver.url}},
            }
            assert (await here.ask("press", "POST", "/subscriptions", body)).status == 201
            if not count:
                assert await receiver.quiet(3 * INTERVAL) == 0
                continue
            (request, *_) = await receiver.wait()
            assert len(request.entities) == count
            assert not any(word in request.body for word in (b"phone", b"stock", b"hidden"))
