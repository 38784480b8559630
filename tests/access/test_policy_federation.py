"""With neighbours: nothing hidden comes in through a source, and nothing forbidden goes out to one. (docs/access.md)"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.access.town import Town, shelter, town
from tests.live import Live, live_broker
from tests.notify.receiver import receiving

RULES = """
[[rule]]
who = "anyone"
may = "read"
types = ["Shelter"]
attributes_except = ["contact"]

[[rule]]
who = "key:sensor"
may = "write"
types = ["Meter"]

[[rule]]
who = "key:counter"
may = "write"
types = ["Shelter"]
attributes = ["people"]
"""
METER = {"id": "urn:ngsi-ld:Meter:1", "type": "Meter", "level": {"type": "Property", "value": 1}}


@pytest.fixture
async def towns(tmp_path: Path) -> AsyncIterator[tuple[Town, Live]]:
    async with (
        live_broker(tmp_path / "source") as source,
        town(tmp_path, RULES, "sensor", "counter") as here,
    ):
        yield here, source


async def register(here: Town, source: Live, *types: str, mode: str = "inclusive") -> None:
    body = {
        "type": "ContextSourceRegistration",
        "information": [{"entities": [{"type": one} for one in types]}],
        "endpoint": source.url,
        "mode": mode,
        "operations": ["federationOps", "updateOps", "retrieveOps", "redirectionOps"],
    }
    reply = await here.ask("staff", "POST", "/csourceRegistrations", body)
    assert reply.status == 201, reply.json


async def test_what_sources_answer_is_shown_as_far_as_it_may_be_seen(towns: tuple[Town, Live]) -> None:
    here, source = towns
    await register(here, source, "Shelter", "Depot")
    depot = {"id": "urn:ngsi-ld:Depot:1", "type": "Depot", "stock": {"type": "Property", "value": 7}}
    for entity in (shelter(1), shelter(2), depot):
        assert (await source.post("/entities", entity)).status == 201
    await here.put_in(
        shelter(3),
    )
    assert len((await here.get("staff", "/entities", type="Shelter,Depot")).json) == 4
    for who in ("", "sensor"):
        found = await here.get(who, "/entities", type="Shelter,Depot", count="true")
        assert found.headers["NGSILD-Results-Count"] == "3"
        assert len(found.json) == 3 and b"phone" not in found.raw and b"Depot" not in found.raw
        one = await here.get(who, "/entities/urn:ngsi-ld:Shelter:1")
        assert one.status == 200 and one.json["name"]["value"] == "shelter 1" and b"phone" not in one.raw
        hidden = await here.get(who, "/entities/urn:ngsi-ld:Depot:1")
        absent = await here.get(who, "/entities/urn:ngsi-ld:Depot:9")
        assert hidden.status == absent.status == 404
        assert hidden.raw.replace(b"Depot:1", b"Depot:9") == absent.raw
        for q in ('contact=="phone-1"', "contact", 'contact~="phone"'):
            guess = await here.get(who, "/entities", type="Shelter", q=q, count="true")
            assert guess.json == [] and guess.headers["NGSILD-Results-Count"] == "0", q
        assert len((await here.get(who, "/entities", type="Shelter", q="!contact")).json) == 3
        page = await here.get(who, "/entities", type="Shelter,Depot", limit=2, offset=1)
        assert [one["id"][-1] for one in page.json] == ["2", "3"]
        mapped = await here.get(who, "/entityMaps", type="Shelter,Depot")
        assert b"Depot" not in mapped.raw and len(mapped.json["entityMap"]) == 3
        assert (await here.get(who, "/entities/urn:ngsi-ld:Shelter:1/attrs/contact")).status == 404


async def test_types_and_attributes_of_sources_reveal_nothing_hidden(towns: tuple[Town, Live]) -> None:
    here, source = towns
    await register(here, source, "Shelter", "Depot")
    depot = {"id": "urn:ngsi-ld:Depot:1", "type": "Depot", "stock": {"type": "Property", "value": 7}}
    for entity in (shelter(1), depot):
        assert (await source.post("/entities", entity)).status == 201
    for path in (
        "/types",
        "/types?details=true",
        "/attributes",
        "/attributes?details=true",
        "/types/Shelter",
    ):
        told = await here.get("", path)
        for word in (b"Depot", b"contact", b"stock"):
            assert word not in told.raw, (path, told.raw)
    assert (await here.get("", "/types/Depot")).status == 404
    assert (await here.get("", "/attributes/contact")).status == 404


async def test_counts_and_kinds_of_attributes_of_sources_say_nothing_of_hidden_types(
    towns: tuple[Town, Live],
) -> None:
    here, source = towns
    await register(here, source, "Shelter", "Depot")
    assert (await source.post("/entities", shelter(1))).status == 201
    before = await here.get("", "/attributes/name")
    assert before.json["typeNames"] == ["Shelter"]
    for number in (1, 2):
        name = {"type": "Relationship", "object": f"urn:ngsi-ld:Name:{number}"}
        depot = {"id": f"urn:ngsi-ld:Depot:{number}", "type": "Depot", "name": name}
        assert (await source.post("/entities", depot)).status == 201
    assert (await here.get("", "/attributes/name")).raw == before.raw
    told = (await here.get("staff", "/attributes/name")).json
    assert told["attributeCount"] == 3 and told["attributeTypes"] == ["Property", "Relationship"]


async def test_histories_of_sources_reveal_nothing_hidden(towns: tuple[Town, Live]) -> None:
    here, source = towns
    await register(here, source, "Shelter", "Depot")
    assert (await source.post("/entities", shelter(1))).status == 201
    span = {"timerel": "after", "timeAt": "2000-01-01T00:00:00Z", "timeproperty": "modifiedAt"}
    for path, params in (
        ("/temporal/entities/urn:ngsi-ld:Shelter:1", {}),
        ("/temporal/entities", {"type": "Shelter", **span}),
        ("/temporal/entities", {"type": "Shelter", "q": "contact", **span}),
    ):
        told = await here.get("", path, **params)
        assert b"contact" not in told.raw and b"phone" not in told.raw, (path, params)
        if "q" in params:
            assert told.json == []


async def test_changes_go_to_sources_only_for_those_who_may_write_there(towns: tuple[Town, Live]) -> None:
    here, source = towns
    await register(here, source, "Shelter", "Meter")
    for entity in (shelter(1), METER):
        assert (await source.post("/entities", entity)).status == 201
    before = [(await source.get(f"/entities/{id}")).raw for id in ("urn:ngsi-ld:Shelter:1", METER["id"])]
    value: dict[str, Any] = {"type": "Property", "value": 9}
    for who in ("sensor", "counter"):
        for id in ("urn:ngsi-ld:Shelter:1", "urn:ngsi-ld:Meter:1"):
            path = f"/entities/{id}"
            for method, at, body in (
                ("PATCH", path, {"name": value}),
                ("PATCH", f"{path}/attrs", {"name": value, "level": value}),
                ("POST", f"{path}/attrs", {"name": value}),
                ("PATCH", f"{path}/attrs/level", {"value": 9}),
                ("DELETE", f"{path}/attrs/name", None),
                ("DELETE", path, None),
                ("PUT", path, {"type": "Shelter", "name": value}),
                ("POST", "/entityOperations/delete", [id]),
                ("POST", "/entityOperations/merge", [{"id": id, "level": value}]),
                ("POST", "/entityOperations/update", [{"id": id, "level": value}]),
                ("DELETE", f"/temporal/entities/{id}", None),
            ):
                reply = await here.ask(who, method, at, body)
                assert reply.status in (207, 403, 404), (who, method, at, reply.status, reply.json)
    for id in ("urn:ngsi-ld:Shelter:1", "urn:ngsi-ld:Meter:1"):
        upserted = [{"id": id, "type": "Meter", "level": value}]
        assert (await here.ask("sensor", "POST", "/entityOperations/upsert", upserted)).status in (207, 403)
    after = [(await source.get(f"/entities/{id}")).raw for id in ("urn:ngsi-ld:Shelter:1", METER["id"])]
    assert before == after


async def test_changes_go_to_sources_for_those_who_may(towns: tuple[Town, Live]) -> None:
    here, source = towns
    await register(here, source, "Meter", mode="redirect")
    made = await here.ask("sensor", "POST", "/entities", METER)
    assert made.status == 201, made.json
    path = "/entities/urn:ngsi-ld:Meter:1"
    assert (await source.get(path)).status == 200
    assert (
        await here.ask("sensor", "PATCH", path, {"level": {"type": "Property", "value": 2}})
    ).status == 204
    assert (await source.get(path)).json["level"]["value"] == 2
    assert (
        await here.ask("counter", "PATCH", path, {"level": {"type": "Property", "value": 3}})
    ).status == 403
    assert (await here.ask("sensor", "DELETE", path)).status == 204
    assert (await source.get(path)).status == 404


async def test_maps_and_counts_of_histories_of_sources_reveal_nothing_hidden(
    towns: tuple[Town, Live],
) -> None:
    here, source = towns
    body = {
        "type": "ContextSourceRegistration",
        "information": [{"entities": [{"type": "Shelter"}, {"type": "Depot"}]}],
        "managementInterval": {"startAt": "2000-01-01T00:00:00Z"},
        "endpoint": source.url,
        "operations": ["federationOps", "retrieveTemporal", "queryTemporal"],
    }
    assert (await here.ask("staff", "POST", "/csourceRegistrations", body)).status == 201
    depot = {"id": "urn:ngsi-ld:Depot:1", "type": "Depot", "stock": {"type": "Property", "value": 7}}
    for entity in (shelter(1), depot):
        assert (await source.post("/entities", entity)).status == 201
    span = {"timerel": "after", "timeAt": "2000-01-01T00:00:00Z", "timeproperty": "modifiedAt"}
    both = {"type": "Shelter,Depot", **span}
    assert len((await here.get("staff", "/temporal/entities", **both)).json) == 2
    found = await here.get("", "/temporal/entities", count="true", **both)
    assert found.headers["NGSILD-Results-Count"] == "1" and len(found.json) == 1
    for word in (b"Depot", b"contact", b"phone"):
        assert word not in found.raw
    guess = await here.get("", "/temporal/entities", count="true", q='contact=="phone-1"', **both)
    assert guess.json == [] and guess.headers["NGSILD-Results-Count"] == "0"
    mapped = await here.get("", "/temporal/entityMaps", **both)
    assert mapped.status == 201 and set(mapped.json["entityMap"]) == {"urn:ngsi-ld:Shelter:1"}
    hidden = await here.get("", "/temporal/entities/urn:ngsi-ld:Depot:1")
    absent = await here.get("", "/temporal/entities/urn:ngsi-ld:Depot:9")
    assert hidden.status == absent.status == 404
    assert hidden.raw.replace(b"Depot:1", b"Depot:9") == absent.raw


async def test_a_purge_goes_to_sources_for_those_who_may_write_and_see_there(
    towns: tuple[Town, Live],
) -> None:
    here, source = towns
    await register(here, source, "Meter")
    assert (await source.post("/entities", METER)).status == 201
    for who in ("sensor", "counter", ""):
        assert (await here.ask(who, "DELETE", "/entities?type=Meter")).status in (401, 403)
    assert (await source.get("/entities/urn:ngsi-ld:Meter:1")).status == 200


async def test_what_sources_tell_subscribers_is_told_as_far_as_it_may_be_seen(tmp_path: Path) -> None:
    rules = RULES.replace('may = "read"', 'may = ["read", "subscribe"]')
    async with (
        receiving() as receiver,
        live_broker(tmp_path / "source") as source,
        town(tmp_path, rules, "asago") as here,
    ):
        await register(here, source, "Shelter", "Depot")
        body = {
            "type": "Subscription",
            "entities": [{"type": "Shelter"}, {"type": "Depot"}],
            "notificationTrigger": ["entityCreated", "attributeUpdated"],
            "notification": {"endpoint": {"uri": receiver.url}},
        }
        made = await here.ask("asago", "POST", "/subscriptions", body)
        guess = await here.ask("asago", "POST", "/subscriptions", {**body, "q": 'contact=="phone-1"'})
        watch = await here.ask(
            "asago", "POST", "/subscriptions", {**body, "watchedAttributes": ["contact", "fax"]}
        )
        assert made.status == guess.status == watch.status == 201
        for _ in range(600):
            if len((await source.get("/subscriptions")).json) == 3:
                break
            await asyncio.sleep(0.05)
        assert (await source.post("/entities", {"id": "urn:ngsi-ld:Depot:1", "type": "Depot"})).status == 201
        assert (await source.post("/entities", shelter(1))).status == 201
        (told, *others) = await receiver.wait()
        assert await receiver.quiet() == 1 and not others
        assert told.json["subscriptionId"] == made.headers["Location"].rpartition("/")[2]
        assert b"shelter 1" in told.body and b"phone" not in told.body and b"Depot" not in told.body


async def test_entities_of_sources_are_joined_as_far_as_they_may_be_seen(towns: tuple[Town, Live]) -> None:
    here, source = towns
    await register(here, source, "Shelter", "Depot")
    depot = {"id": "urn:ngsi-ld:Depot:1", "type": "Depot", "stock": {"type": "Property", "value": "gold"}}
    for entity in (shelter(2), depot):
        assert (await source.post("/entities", entity)).status == 201
    links = {
        "supply": {"type": "Relationship", "object": depot["id"], "objectType": "Depot"},
        "near": {"type": "Relationship", "object": "urn:ngsi-ld:Shelter:2", "objectType": "Shelter"},
    }
    reply = await here.ask("staff", "POST", "/entities?local=true", shelter(1, **links))
    assert reply.status == 201
    for join in ("inline", "flat"):
        for path in ("/entities/urn:ngsi-ld:Shelter:1", "/entities?type=Shelter"):
            asked = f"{path}{'&' if '?' in path else '?'}join={join}&joinLevel=1"
            assert b"gold" in (await here.get("staff", asked)).raw
            seen = (await here.get("", asked)).raw
            assert b"shelter 2" in seen and b"gold" not in seen and b"phone" not in seen
    joined = {"type": "Shelter", "join": "inline", "joinLevel": "1"}
    for q in ("supply{Depot:stock}", "near{Shelter:contact}"):
        assert (await here.get("", "/entities", q=q, **joined)).json == [], q


async def test_a_part_of_a_hidden_type_stays_hidden_when_another_part_is_seen(
    towns: tuple[Town, Live],
) -> None:
    here, source = towns
    await register(here, source, "Shelter", "Depot")
    double = {**shelter(1), "type": "Depot", "stock": {"type": "Property", "value": "gold"}}
    assert (await source.post("/entities", double)).status == 201
    assert (await here.ask("staff", "POST", "/entities?local=true", shelter(1))).status == 201
    for path in (
        "/entities/urn:ngsi-ld:Shelter:1",
        "/entities?type=Shelter,Depot",
        "/entities?type=Shelter,Depot&count=true&limit=1",
        "/entities?id=urn:ngsi-ld:Shelter:1&type=Shelter,Depot",
    ):
        assert b"gold" in (await here.get("staff", path)).raw, path
        seen = (await here.get("", path)).raw
        assert b"shelter 1" in seen and b"gold" not in seen and b"Depot" not in seen, path
