"""Of what sources tell, a subscriber hears as if they held nothing but what is visible. (5.8.6, docs/access.md)"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.access.town import Town, shelter, town
from tests.federation.towns import registration
from tests.live import Live, live_broker
from tests.notify.receiver import Receiver, receiving

RULES = """
[[rule]]
who = "key:press"
may = ["read", "subscribe"]
types = ["Shelter"]
attributes_except = ["contact", "fax"]
"""
PATH = "/entities/urn:ngsi-ld:Shelter:1/attrs"
TYPES = [{"type": "Shelter"}]


def value(**values: Any) -> dict[str, Any]:
    return {name: {"type": "Property", "value": one} for name, one in values.items()}


@dataclass
class Pair:
    """A town with a policy, a source it is registered at, and who hears of it."""

    here: Town
    source: Live
    receiver: Receiver
    made: list[str] = field(default_factory=list)

    async def copies(self, fit: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Wait until the copies at the source are as they shall be."""
        for _ in range(1_000):
            found: list[dict[str, Any]] = (await self.source.get("/subscriptions")).json
            if fit(found):
                return found
            await asyncio.sleep(0.01)
        raise AssertionError(found)

    async def subscribe(self, **more: Any) -> str:
        """Subscribe as the press does, and wait until the source knows."""
        notification = {"endpoint": {"uri": self.receiver.url}, **more.pop("notification", {})}
        body = {"type": "Subscription", "entities": TYPES, "notification": notification, **more}
        made = await self.here.ask("press", "POST", "/subscriptions", body)
        assert made.status == 201, made.json
        self.made.append(made.headers["Location"])
        await self.copies(lambda found: len(found) == len(self.made))
        return str(made.headers["Location"].rpartition("/")[2])

    async def change(self, attributes: dict[str, Any], path: str = PATH) -> None:
        """Change or create attributes of the entity at the source."""
        assert (await self.source.post(path, attributes)).status == 204

    async def heard(self, count: int) -> list[dict[str, Any]]:
        """Give what was heard, which must be so many notifications."""
        await self.receiver.wait(count)
        assert await self.receiver.quiet() == count
        body = b"".join(one.body for one in self.receiver.requests)
        assert b"contact" not in body and b"phone" not in body and b"fax" not in body
        return [one for request in self.receiver.requests for one in request.entities]


@asynccontextmanager
async def pair(folder: Path, rules: str = RULES) -> AsyncIterator[Pair]:
    async with (
        receiving() as receiver,
        live_broker(folder / "source") as source,
        town(folder, rules, "press") as here,
    ):
        body = registration(source, {"type": "Shelter"}, operations=["federationOps"])
        assert (await here.ask("staff", "POST", "/csourceRegistrations", body)).status == 201
        yield Pair(here, source, receiver)


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[Pair]:
    async with pair(tmp_path) as running:
        assert (await running.source.post("/entities", shelter(1))).status == 201
        yield running


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"watchedAttributes": ["name", "contact"]},
        {"notification": {"attributes": ["name"]}},
        {"notification": {"pick": ["id", "type", "name"]}},
        {"notification": {"showChanges": True}},
        {"splitEntities": True},
        {"q": "name"},
        {"notificationTrigger": ["entityUpdated"]},
    ],
)
async def test_the_moment_of_a_hidden_change_is_not_told(both: Pair, more: dict[str, Any]) -> None:
    await both.subscribe(**more)
    await both.change(value(contact="phone-2"))
    await both.change(value(fax="phone-3"))
    assert (await both.source.ask("DELETE", f"{PATH}/fax")).status == 204
    await both.change(value(name="first", contact="phone-4"))
    await both.change(value(contact="phone-5"))
    assert [one["name"]["value"] for one in await both.heard(1)] == ["first"]


async def test_what_may_be_heard_is_what_happened_to_visible_attributes(both: Pair) -> None:
    await both.subscribe(notificationTrigger=["attributeCreated", "attributeDeleted"])
    await both.change(value(name="changed", fax="phone-2"))
    await both.change(value(places=7, contact="phone-3"))
    assert (await both.source.ask("DELETE", f"{PATH}/fax")).status == 204
    assert (await both.source.ask("DELETE", f"{PATH}/places")).status == 204
    created, deleted = await both.heard(2)
    assert created["places"]["value"] == 7 and deleted["places"]["value"] == "urn:ngsi-ld:null"


async def test_what_comes_and_goes_at_a_source_is_told(both: Pair) -> None:
    await both.subscribe(notificationTrigger=["entityCreated", "entityDeleted"])
    assert (await both.source.post("/entities", {**shelter(2), **value(contact="phone-2")})).status == 201
    hidden = {"id": "urn:ngsi-ld:Shelter:3", "type": "Shelter", **value(contact="phone-3")}
    assert (await both.source.post("/entities", hidden)).status == 201
    assert (await both.source.ask("DELETE", "/entities/urn:ngsi-ld:Shelter:2")).status == 204
    assert [one["id"][-1] for one in await both.heard(3)] == ["2", "3", "2"]


async def test_a_hidden_attribute_is_absent_for_q(both: Pair) -> None:
    """Neither its value nor its presence matches, and its absence does."""
    for q in ('contact=="phone-1"', "contact", '!contact;name=="n1"', 'name=="n2"|contact'):
        await both.subscribe(q=q, notification={"attributes": ["name"]})
    assert await both.copies(lambda found: all("q" not in one for one in found))
    await both.change(value(name="n1"))
    await both.change(value(name="n2"))
    assert [one["name"]["value"] for one in await both.heard(2)] == ["n1", "n2"]


async def test_q_on_what_is_not_told_is_left_to_the_source(both: Pair) -> None:
    await both.change(value(places=7))
    await both.subscribe(q="places>5", notification={"attributes": ["name"]})
    await both.change(value(name="new"))
    (told,) = await both.heard(1)
    assert told["name"]["value"] == "new" and "places" not in told


async def test_hidden_changes_use_up_no_time_between_notifications(both: Pair) -> None:
    await both.subscribe(throttling=60)
    await both.change(value(contact="phone-2"))
    await both.change(value(name="seen"))
    await both.change(value(name="dropped"))
    assert [one["name"]["value"] for one in await both.heard(1)] == ["seen"]


async def test_copies_follow_the_policy(both: Pair) -> None:
    """What is hidden from now on is no longer judged by the source."""
    await both.subscribe(q="places>5")
    await both.copies(lambda found: found[0].get("q") == "places>5")
    policies = both.here.live.broker.policies
    file = both.here.live.broker.settings.policy
    assert policies is not None and file is not None
    await asyncio.to_thread(lambda: file.write_text(file.read_text().replace('"fax"', '"fax", "places"')))
    await both.copies(lambda found: "q" not in found[0])
    await both.change(value(places=7, name="new"))
    assert await both.heard(0) == []


OPERATIONS = ("create", "delete", "change", "remove", "append")


def visible(entity: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in entity.items() if name not in ("contact", "fax")}


async def act(luck: Random, brokers: list[Live], how: Any, held: set[str]) -> None:
    """Do the same at two brokers: all of it at the first, of it what is visible at the second."""
    id = f"urn:ngsi-ld:Shelter:{luck.randrange(2)}"
    names = luck.sample(["name", "places", "contact", "fax"], luck.randint(1, 3))
    attributes = value(**{name: luck.randrange(3) for name in names})
    if id not in held:
        await how(brokers, "POST", "/entities", {"id": id, "type": "Shelter", **attributes})
        held.add(id)
    elif luck.random() < 0.15:
        await how(brokers, "DELETE", f"/entities/{id}", None)
        held.discard(id)
    elif luck.random() < 0.25:
        await how(brokers, "DELETE", f"/entities/{id}/attrs/{names[0]}", None)
    else:
        await how(brokers, "POST", f"/entities/{id}/attrs", attributes)


async def everywhere(brokers: list[Live], method: str, path: str, body: Any) -> None:
    full, partly = brokers
    reply = await full.ask(method, path, body)
    assert reply.status in (201, 204, 404), reply.json
    name = path.rpartition("/")[2]
    if name in ("contact", "fax"):
        return
    shown = None if body is None else visible(body)
    if shown == {}:  # nothing of it is to be seen
        return
    other = await partly.ask(method, path, shown)
    assert other.status == reply.status, other.json


@pytest.mark.parametrize(("place", "seed"), [("here", 1), ("at a source", 2), ("at a source", 3)])
async def test_who_may_see_a_part_hears_what_they_would_if_there_were_no_more(
    tmp_path: Path, seed: int, place: str
) -> None:
    """Random changes, and random subscriptions, beside a world without what is hidden."""
    luck = Random(seed)
    conditions: list[dict[str, Any]] = [
        {},
        {"q": luck.choice(["name>0", "!contact", "contact==1", "fax|places<2", "!fax;name<2"])},
        {"watchedAttributes": luck.sample(["name", "places", "contact", "fax"], 2)},
        {"notificationTrigger": luck.sample(["entityCreated", "entityDeleted", "attributeCreated"], 2)},
        {"notificationTrigger": ["attributeDeleted", "attributeUpdated"], "q": "name>0"},
    ]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    everything = RULES.replace('attributes_except = ["contact", "fax"]', "")
    async with pair(tmp_path / "a") as full, pair(tmp_path / "b", everything) as partly:
        for one in (full, partly):
            for number, more in enumerate(conditions):
                await one.subscribe(id=f"urn:x:{number}", **more)
        brokers = [one.source if place == "at a source" else one.here.live for one in (full, partly)]
        staff = None if place == "at a source" else [one.here.keys["staff"] for one in (full, partly)]
        held: set[str] = set()
        for _ in range(25):
            await act(luck, _as(brokers, staff), everywhere, held)
        await partly.receiver.quiet()
        await full.receiver.wait(len(partly.receiver.requests))
        await full.receiver.quiet()
        assert await _heard(full) == await _heard(partly)


class _Staff(Live):
    """A broker, asked with a key, and at home only."""

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        key = self.session.headers.get("X-Test-Key", "")
        return await super().ask(
            method, path, body, headers={"X-API-Key": key} if key else {}, params={"local": "true"}
        )


def _as(brokers: list[Live], keys: list[dict[str, str]] | None) -> list[Live]:
    made: list[Live] = []
    for number, one in enumerate(brokers):
        if keys is not None:
            one.session.headers["X-Test-Key"] = keys[number]["X-API-Key"]
        made.append(_Staff(one.url, one.session, one.broker))
    return made


async def _heard(pair: Pair) -> dict[str, list[Any]]:
    """Give what each subscription was told of each entity, in its order."""
    told: dict[str, list[Any]] = {}
    for request in pair.receiver.requests:
        for entity in request.entities:
            entity.pop("deletedAt", None)
            told.setdefault(f"{request.json['subscriptionId']} {entity['id']}", []).append(entity)
    return told
