"""What a policy lets a subscriber be told: of each change, what they may see. (5.8.6, docs/access.md)"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.access.town import Town, shelter, town
from tests.notify.receiver import Receiver, receiving

NEIGHBOURS = """
[[rule]]
who = "role:neighbour"
may = ["read", "subscribe"]
types = ["Shelter"]
scopes = ["/open/#"]
attributes_except = ["contact"]
"""
OPEN = shelter(1, scope="/open")
PATH = "/entities/urn:ngsi-ld:Shelter:1"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as running:
        yield running


async def subscribe(broker: Town, receiver: Receiver, who: str = "toyooka", **more: Any) -> str:
    notification = {"endpoint": {"uri": receiver.url}, **more.pop("notification", {})}
    body = {"type": "Subscription", "entities": [{"type": "Shelter"}], "notification": notification, **more}
    reply = await broker.ask(who, "POST", "/subscriptions", body)
    assert reply.status == 201, reply.json
    return str(reply.headers["Location"].rpartition("/")[2])


def contact(value: str) -> dict[str, Any]:
    return {"contact": {"type": "Property", "value": value}}


EVERY = [
    "entityCreated",
    "entityUpdated",
    "entityDeleted",
    "attributeCreated",
    "attributeUpdated",
    "attributeDeleted",
]


async def test_a_notification_holds_what_its_owner_may_see(tmp_path: Path, receiver: Receiver) -> None:
    async with town(tmp_path, NEIGHBOURS, "toyooka neighbour") as broker:
        await broker.put_in(OPEN)
        await subscribe(
            broker, receiver, notificationTrigger=EVERY, notification={"showChanges": True, "sysAttrs": True}
        )
        assert (await broker.ask("staff", "PATCH", PATH, contact("secret"))).status == 204
        both = {**contact("hidden"), "name": {"type": "Property", "value": "new"}}
        assert (await broker.ask("staff", "PATCH", PATH, both)).status == 204
        assert (await broker.ask("staff", "DELETE", PATH)).status == 204
        changed, gone = await receiver.wait(2)
        assert await receiver.quiet() == 2
        assert changed.entities[0]["name"]["previousValue"] == "shelter 1"
        for request in (changed, gone):
            assert (
                b"contact" not in request.body
                and b"secret" not in request.body
                and b"hidden" not in request.body
            )
            assert b"phone" not in request.body
        assert gone.entities[0]["deletedAt"]


async def test_what_comes_into_sight_is_created_and_what_leaves_it_deleted(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with town(tmp_path, NEIGHBOURS, "toyooka neighbour") as broker:
        await broker.put_in(shelter(1, scope="/closed"), {"id": "urn:ngsi-ld:Depot:1", "type": "Depot"})
        await subscribe(broker, receiver, notificationTrigger=["entityCreated", "entityDeleted"])
        assert (await broker.ask("staff", "PATCH", PATH, {"scope": "/open"})).status == 204
        assert (await broker.ask("staff", "PATCH", PATH, {"scope": "/closed"})).status == 204
        assert (await broker.ask("staff", "DELETE", PATH)).status == 204
        came, went = await receiver.wait(2)
        assert await receiver.quiet() == 2
        assert came.entities[0]["name"]["value"] == "shelter 1" and "deletedAt" not in came.entities[0]
        assert went.entities[0]["deletedAt"]


async def test_q_on_a_hidden_attribute_guesses_nothing(tmp_path: Path, receiver: Receiver) -> None:
    async with town(tmp_path, NEIGHBOURS, "toyooka neighbour") as broker:
        await broker.put_in(OPEN)
        for more in ({"q": 'contact=="guess"'}, {"watchedAttributes": ["contact"]}, {"q": "contact"}):
            await subscribe(broker, receiver, **more)
        both = {**contact("guess"), "name": {"type": "Property", "value": "new"}}
        assert (await broker.ask("staff", "PATCH", PATH, both)).status == 204
        assert await receiver.quiet() == 0


async def test_linked_entities_are_joined_if_they_are_visible(tmp_path: Path, receiver: Receiver) -> None:
    async with town(tmp_path, NEIGHBOURS, "toyooka neighbour") as broker:
        await broker.put_in(
            {"id": "urn:ngsi-ld:Depot:1", "type": "Depot", "stock": {"type": "Property", "value": "gold"}},
            shelter(2, scope="/open"),
            {
                **OPEN,
                "near": {"type": "Relationship", "object": "urn:ngsi-ld:Shelter:2"},
                "supply": {"type": "Relationship", "object": "urn:ngsi-ld:Depot:1"},
            },
        )
        await subscribe(broker, receiver, notification={"join": "inline", "joinLevel": 1})
        assert (
            await broker.ask("staff", "PATCH", PATH, {"name": {"type": "Property", "value": "n"}})
        ).status == 204
        (told,) = await receiver.wait()
        assert b"shelter 2" in told.body and b"gold" not in told.body and b"phone-2" not in told.body


async def test_an_interval_tells_what_is_visible(tmp_path: Path, receiver: Receiver) -> None:
    async with town(tmp_path, NEIGHBOURS, "toyooka neighbour") as broker:
        await broker.put_in(OPEN, shelter(2, scope="/closed"))
        await subscribe(broker, receiver, timeInterval=0.2)
        told = (await receiver.wait())[0]
        assert [one["id"] for one in told.entities] == ["urn:ngsi-ld:Shelter:1"] and b"phone" not in told.body


async def test_subscriptions_belong_to_who_made_them(tmp_path: Path, receiver: Receiver) -> None:
    async with town(tmp_path, NEIGHBOURS, "toyooka neighbour", "asago neighbour") as broker:
        id = await subscribe(broker, receiver)
        path = f"/subscriptions/{id}"
        for method, body in (("GET", None), ("PATCH", {"isActive": False}), ("DELETE", None)):
            other = await broker.ask("asago", method, path, body)
            absent = await broker.ask("asago", method, "/subscriptions/urn:x:none", body)
            assert other.status == absent.status == 404
            assert other.raw.replace(id.encode(), b"urn:x:none") == absent.raw
        listed = await broker.get("asago", "/subscriptions", count="true")
        assert listed.json == [] and listed.headers["NGSILD-Results-Count"] == "0"
        for who in ("toyooka", "staff"):
            assert [one["id"] for one in (await broker.get(who, "/subscriptions")).json] == [id]
            assert b"owner" not in (await broker.get(who, path)).raw
        assert (await broker.ask("staff", "PATCH", path, {"subscriptionName": "x"})).status == 204
        assert (await broker.get("toyooka", path)).json["subscriptionName"] == "x"


async def test_rights_taken_back_end_what_is_told(tmp_path: Path, receiver: Receiver) -> None:
    async with town(tmp_path, NEIGHBOURS, "toyooka neighbour") as broker:
        await broker.put_in(OPEN)
        await subscribe(broker, receiver)
        (tmp_path / "policy.toml").write_text(
            (tmp_path / "policy.toml").read_text().replace("neighbour", "nobody")
        )
        policies = broker.live.broker.policies
        assert policies is not None
        policies.refresh()
        assert (
            await broker.ask("staff", "PATCH", PATH, {"name": {"type": "Property", "value": "n"}})
        ).status == 204
        assert await receiver.quiet() == 0


REGISTRARS = """
[[rule]]
who = "role:neighbour"
may = "register"
types = ["Shelter"]
"""


def registration(*types: str, **more: Any) -> dict[str, Any]:
    entities = [{"type": one} for one in types]
    return {
        "type": "ContextSourceRegistration",
        "information": [{"entities": entities, **more} if entities else {**more}],
        "endpoint": "http://127.0.0.1:9/x",
    }


async def test_registrations_lie_within_what_may_be_registered(tmp_path: Path, receiver: Receiver) -> None:
    async with town(tmp_path, REGISTRARS, "toyooka neighbour") as broker:
        where = "/csourceRegistrations"
        for body in (
            registration("Depot"),
            registration("Shelter", "Depot"),
            registration(propertyNames=["name"]),
        ):
            assert (await broker.ask("toyooka", "POST", where, body)).status == 403
        hidden = await broker.ask("staff", "POST", where, registration("Depot"))
        assert hidden.status == 201
        other = hidden.headers["Location"].rpartition("/")[2]
        made = await broker.ask("toyooka", "POST", where, registration("Shelter"))
        assert made.status == 201
        id = made.headers["Location"].rpartition("/")[2]
        listed = await broker.get("toyooka", where, type="Shelter,Depot", count="true")
        assert [one["id"] for one in listed.json] == [id] and listed.headers["NGSILD-Results-Count"] == "1"
        for method, body in (("GET", None), ("PATCH", {"refreshRate": "P1D"}), ("DELETE", None)):
            seen = await broker.ask("toyooka", method, f"{where}/{other}", body)
            absent = await broker.ask("toyooka", method, f"{where}/urn:x:none", body)
            assert seen.status == absent.status == 404
            assert seen.raw.replace(other.encode(), b"urn:x:none") == absent.raw
        wider = {"information": [{"entities": [{"type": "Depot"}]}]}
        assert (await broker.ask("toyooka", "PATCH", f"{where}/{id}", wider)).status == 403
        assert (await broker.ask("toyooka", "DELETE", f"{where}/{id}")).status == 204
        assert (await broker.get("", where, type="Shelter")).status == 401


async def test_subscribers_to_registrations_are_told_of_those_they_may_see(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with town(tmp_path, REGISTRARS, "toyooka neighbour") as broker:
        body = {
            "type": "Subscription",
            "entities": [{"type": "Depot"}, {"type": "Shelter"}],
            "notification": {"endpoint": {"uri": receiver.url}},
        }
        assert (await broker.ask("toyooka", "POST", "/csourceSubscriptions", body)).status == 201
        assert (
            await broker.ask("staff", "POST", "/csourceRegistrations", registration("Depot"))
        ).status == 201
        assert (
            await broker.ask("staff", "POST", "/csourceRegistrations", registration("Shelter"))
        ).status == 201
        (told,) = await receiver.wait()
        assert await receiver.quiet() == 1
        assert b"Shelter" in told.body and b"Depot" not in told.body
