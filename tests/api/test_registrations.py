"""Registrations of context sources over HTTP. (5.9, 5.10, 6.8, 6.9)"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from base import clock
from tests.api.registering import ERRORS, FUTURE, ID, PAST, ROOT, TYPE, body, found, info, register
from tests.live import Live, live_broker

CONTEXT = {"@context": {"Gate": "https://water.example/Gate", "level": "https://water.example/level"}}


async def test_registers_retrieves_updates_and_deletes(live: Live) -> None:
    created = await live.post(ROOT, body())
    assert created.status == 201 and not created.raw
    assert created.headers["Location"] == f"/ngsi-ld/v1{ROOT}/{ID}"
    assert (await live.get(f"{ROOT}/{ID}")).json == body()
    changed = await live.ask("PATCH", f"{ROOT}/{ID}", {"description": "A neighbour"})
    assert changed.status == 204 and not changed.raw
    assert (await live.get(f"{ROOT}/{ID}")).json == body(description="A neighbour")
    assert (await live.ask("DELETE", f"{ROOT}/{ID}")).status == 204
    for method, fragment in (("GET", None), ("DELETE", None), ("PATCH", {"description": "x"})):
        gone = await live.ask(method, f"{ROOT}/{ID}", fragment)
        assert gone.status == 404 and gone.json["type"] == ERRORS + "ResourceNotFound"


async def test_makes_an_id_where_none_is_given(live: Live) -> None:
    created = await live.post(ROOT, body(id=...))
    id = created.headers["Location"].rpartition("/")[2]
    assert id.startswith(f"urn:ngsi-ld:{TYPE}:")
    assert (await live.get(f"{ROOT}/{id}")).json["id"] == id


async def test_refuses_the_same_registration_twice(live: Live) -> None:
    await register(live, 1)
    again = await live.post(ROOT, body())
    assert again.status == 409 and again.json["type"] == ERRORS + "AlreadyExists"


async def test_knows_attributes_named_as_2_0_names_them(live: Live) -> None:
    both = info(propertyNames=["name"], attributeNames=["capacity", "operatedBy"])
    await live.post(ROOT, body(information=[both]))
    assert (await live.get(f"{ROOT}/{ID}")).json == body(information=[both])
    assert await found(live, type="Shelter", attrs="operatedBy") == ["1"]
    assert await found(live, type="Shelter", attrs="name") == ["1"]
    assert await found(live, type="Shelter", attrs="height") == []
    elsewhere = {**body(id=f"{ID}1", information=[info(attributeNames=["level"])]), **CONTEXT}
    assert (await live.post(ROOT, elsewhere)).status == 201
    shown = (await live.get(f"{ROOT}/{ID}1")).json["information"][0]["attributeNames"]
    assert shown == ["https://water.example/level"]
    alone = {"entities": [{"type": "Shelter", "id": "urn:x:1"}], "attributeNames": ["colour"]}
    held = body(id=f"{ID}2", mode="exclusive", information=[alone])
    assert (await live.post(ROOT, held)).status == 201
    assert (await live.post(ROOT, {**held, "id": f"{ID}3"})).status == 409


async def test_keeps_every_member_of_the_specification_and_properties_of_its_own(live: Live) -> None:
    square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
    full = body(
        information=[
            info(propertyNames=["name"], relationshipNames=["operatedBy"]),
            {"entities": [{"type": ["Shelter", "School"], "idPattern": "^urn:.*"}]},
            {"propertyNames": ["capacity"]},
        ],
        contextSourceInfo=[{"key": "Authorization", "value": "urn:ngsi-ld:request"}],
        contextSourceAlias="neighbour",
        description="d",
        registrationName="n",
        datasetId=["@none", "urn:x:1"],
        expiresAt=FUTURE,
        location=square,
        observationSpace=square,
        operationSpace=square,
        management={"cacheDuration": "PT5M", "cooldown": 500, "timeout": 3000, "localOnly": True},
        observationInterval={"startAt": PAST},
        managementInterval={"startAt": PAST, "endAt": FUTURE},
        mode="inclusive",
        operations=["retrieveOps", "queryBatch"],
        refreshRate="P1D",
        scope=["/Yabu", "/Yabu/Oya"],
        tenant="water",
        keeper="City of Yabu",
    )
    assert (await live.post(ROOT, full)).status == 201
    assert (await live.get(f"{ROOT}/{ID}")).json == full


async def test_ignores_what_only_the_broker_counts(live: Live) -> None:
    await live.post(ROOT, body(timesSent=9, status="failed", lastFailure=PAST))
    assert (await live.get(f"{ROOT}/{ID}")).json == body()


async def test_shows_system_attributes_when_asked(live: Live) -> None:
    await register(live, 1)
    shown = (await live.get(f"{ROOT}/{ID}", options="sysAttrs")).json
    assert shown["createdAt"] == shown["modifiedAt"]
    await live.ask("PATCH", f"{ROOT}/{ID}", {"description": "x"})
    shown = (await live.get(ROOT, type="Shelter", options="sysAttrs")).json[0]
    assert shown["createdAt"] < shown["modifiedAt"]


async def test_names_are_those_of_the_readers_context(live: Live) -> None:
    made = body(information=[{"entities": [{"type": "Gate"}], "propertyNames": ["level"]}], **CONTEXT)
    assert (await live.post(ROOT, made)).status == 201
    plain = (await live.get(f"{ROOT}/{ID}")).json["information"][0]
    assert plain == {
        "entities": [{"type": "https://water.example/Gate"}],
        "propertyNames": ["https://water.example/level"],
    }
    reply = await live.get(f"{ROOT}/{ID}", headers={"Accept": "application/ld+json"})
    assert reply.json["@context"] and reply.headers["Content-Type"] == "application/ld+json"
    assert await found(live, type="https://water.example/Gate") == ["1"]
    assert await found(live, type="Gate") == []


@pytest.mark.parametrize(
    "members",
    [
        {"type": "Registration"},
        {"type": ...},
        {"endpoint": ...},
        {"endpoint": "urn:not:dereferenceable"},
        {"endpoint": "http://name:password@neighbour.example"},
        {"information": ...},
        {"information": []},
        {"information": None},
        {"information": [{}]},
        {"information": ["Shelter"]},
        {"information": [{"entities": []}]},
        {"information": [{"entities": [{}]}]},
        {"information": [{"entities": [{"type": []}]}]},
        {"information": [{"entities": [{"type": "Shelter", "id": "1"}]}]},
        {"information": [{"entities": [{"type": "Shelter", "idPattern": "("}]}]},
        {"information": [{"propertyNames": []}]},
        {"information": [{"relationshipNames": ["no name"]}]},
        {"id": "1"},
        {"mode": "other"},
        {"operations": []},
        {"operations": ["flyAway"]},
        {"mode": "auxiliary", "operations": ["retrieveOps", "updateEntity"]},
        {"mode": "exclusive"},
        {"mode": "exclusive", "information": [info(propertyNames=["name"])]},
        {"mode": "exclusive", "information": [{"propertyNames": ["name"]}]},
        {"mode": "exclusive", "information": [{"entities": [{"type": "Shelter", "id": "urn:x:1"}]}]},
        {
            "mode": "exclusive",
            "information": [
                {"entities": [{"type": "Shelter", "idPattern": ".*"}], "propertyNames": ["name"]},
            ],
        },
        {"expiresAt": PAST},
        {"expiresAt": "tomorrow"},
        {"location": {"type": "Point"}},
        {"location": "here"},
        {"observationInterval": {"endAt": FUTURE}},
        {"observationInterval": {"startAt": "2026-01-01"}},
        {"managementInterval": {"startAt": FUTURE, "endAt": PAST}},
        {"datasetId": ["none"]},
        {"scope": "no scope!"},
        {"refreshRate": "daily"},
        {"registrationName": ""},
        {"description": 5},
        {"contextSourceAlias": "no alias"},
        {"tenant": ""},
        {"management": []},
        {"management": {"cacheDuration": "soon"}},
        {"management": {"cooldown": 0}},
        {"management": {"timeout": "1"}},
        {"management": {"localOnly": "yes"}},
        {"contextSourceInfo": {"key": "a", "value": "b"}},
        {"contextSourceInfo": []},
        {"contextSourceInfo": [{"key": "a"}]},
        {"contextSourceInfo": [{"key": "a", "value": 5}]},
        {"contextSourceInfo": [{"key": "a b", "value": "c"}]},
        {"contextSourceInfo": [{"key": "a", "value": "b\r\nEvil: c"}]},
        {"contextSourceInfo": [{"key": "accept", "value": "text/html"}]},
        {"contextSourceInfo": [{"key": "contentType", "value": "application/geo+json"}]},
        {"contextSourceInfo": [{"key": "jsonldContext", "value": "context"}]},
        {"contextSourceInfo": [{"key": "ngsildConformance", "value": "one"}]},
        {"keeper": "urn:ngsi-ld:null"},
        {"no name": 5},
        {"information": [{"entities": [{"type": "Resident"}]}]},
    ],
)
async def test_refuses_what_is_no_registration(live: Live, members: dict[str, Any]) -> None:
    reply = await live.post(ROOT, body(**members))
    assert reply.status == 400 and reply.json["type"] == ERRORS + "BadRequestData", reply.json
    assert reply.json["detail"] and reply.json["title"]
    assert await found(live, type="Shelter") == []


async def test_an_update_replaces_members_as_a_whole_and_null_removes(live: Live) -> None:
    await register(live, 1, expiresAt=FUTURE, description="d", keeper="Yabu", management={"timeout": 5})
    fragment = {
        "expiresAt": None,
        "description": "urn:ngsi-ld:null",
        "keeper": None,
        "management": {"cooldown": 7},
        "information": [{"entities": [{"type": "School"}]}],
    }
    assert (await live.ask("PATCH", f"{ROOT}/{ID}", fragment)).status == 204
    shown = (await live.get(f"{ROOT}/{ID}")).json
    assert shown == body(management={"cooldown": 7}, information=[{"entities": [{"type": "School"}]}])
    assert await found(live, type="School") == ["1"] and await found(live, type="Shelter") == []


@pytest.mark.parametrize(
    "fragment",
    [
        {"id": "urn:ngsi-ld:other"},
        {"type": "Building"},
        {"type": None},
        {"endpoint": None},
        {"information": None},
        {"information": []},
        {"expiresAt": PAST},
        {"mode": "exclusive"},
        ["list"],
    ],
)
async def test_an_update_that_leaves_no_registration_is_refused(live: Live, fragment: Any) -> None:
    await register(live, 1)
    reply = await live.ask("PATCH", f"{ROOT}/{ID}", fragment)
    assert reply.status == 400 and reply.json["type"] == ERRORS + "BadRequestData"
    assert (await live.get(f"{ROOT}/{ID}")).json == body()


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_an_id_must_be_a_uri(live: Live, method: str) -> None:
    reply = await live.ask(method, f"{ROOT}/1", {} if method == "PATCH" else None)
    assert reply.status == 400 and reply.json["type"] == ERRORS + "BadRequestData"


def proxied(id: str = "urn:x:1", attribute: str = "name", **members: Any) -> dict[str, Any]:
    about = {"entities": [{"type": "Shelter", "id": id}], "propertyNames": [attribute]}
    return {"information": [about], "mode": "exclusive", **members}


async def conflicts(live: Live, number: int, **members: Any) -> bool:
    reply = await live.post(ROOT, body(id=f"urn:x:registration:{number}", **members))
    assert reply.status in (201, 409)
    assert reply.status == 201 or reply.json["type"] == ERRORS + "Conflict"
    return reply.status == 409


async def test_nothing_proxied_overlaps_an_exclusive_registration(live: Live) -> None:
    assert not await conflicts(live, 1, **proxied())
    assert await conflicts(live, 2, **proxied())
    assert await conflicts(live, 2, **proxied(mode="redirect"))
    assert await conflicts(live, 2, mode="redirect")
    assert not await conflicts(live, 3, **proxied(attribute="capacity"))
    assert not await conflicts(live, 4, **proxied(id="urn:x:2"))
    assert not await conflicts(live, 5, **proxied(mode="inclusive"))
    assert not await conflicts(live, 6, **proxied(mode="auxiliary", operations=["retrieveOps"]))
    assert not await conflicts(live, 7, mode="redirect", information=[{"entities": [{"type": "School"}]}])


async def test_redirect_registrations_overlap_each_other_but_no_exclusive_one_joins_them(live: Live) -> None:
    assert not await conflicts(live, 1, mode="redirect")
    assert not await conflicts(live, 2, mode="redirect")
    assert await conflicts(live, 3, **proxied())


async def test_an_update_cannot_make_a_conflict(live: Live) -> None:
    await register(live, 1, **proxied())
    second = await register(live, 2, **proxied(attribute="capacity"))
    reply = await live.ask("PATCH", f"{ROOT}/{second}", {"information": proxied()["information"]})
    assert reply.status == 409 and reply.json["type"] == ERRORS + "Conflict"
    assert (await live.ask("PATCH", f"{ROOT}/{ID}", {"description": "no conflict with itself"})).status == 204


async def test_entities_held_here_are_not_registered_as_held_elsewhere(
    live: Live, shelter: dict[str, Any]
) -> None:
    await live.post("/entities", shelter)
    assert await conflicts(live, 1, **proxied(id=shelter["id"]))
    assert not await conflicts(live, 2, **proxied(id=shelter["id"], attribute="colour"))
    assert await conflicts(live, 3, mode="redirect")
    assert await conflicts(live, 4, mode="redirect", information=[{"propertyNames": ["name"]}])
    pattern = {"entities": [{"type": "Shelter", "idPattern": "Shelter"}]}
    assert await conflicts(live, 5, mode="redirect", information=[pattern])
    assert not await conflicts(live, 6, mode="redirect", information=[{"propertyNames": ["height"]}])
    assert not await conflicts(live, 7, mode="redirect", information=[{"entities": [{"type": "School"}]}])
    assert not await conflicts(live, 8)


async def test_a_registration_ends_when_it_expires(tmp_path: Path) -> None:
    async with live_broker(tmp_path, expiry_seconds=0.05) as live:
        await register(live, 1, expiresAt="2099-01-01T00:00:00Z")
        register_ = live.broker.registry.of("")
        react = await live.broker.notifier.react_to_source("")
        await register_.expire(register_.get(ID, 0).expires or 0, react)
        assert (await live.get(f"{ROOT}/{ID}")).status == 404
        assert live.broker.catalogue.open("").records("registration") == []
        assert (await live.post(ROOT, body())).status == 201


async def test_an_expired_registration_is_gone_before_it_is_swept(tmp_path: Path) -> None:
    async with live_broker(tmp_path, expiry_seconds=3600.0) as live:
        await register(live, 1, expiresAt=clock.show(clock.now() + 3 * clock.SECOND))
        await asyncio.sleep(3.01)
        assert (await live.get(f"{ROOT}/{ID}")).status == 404
        assert await found(live, type="Shelter") == []
        assert (await live.post(ROOT, body())).status == 201
        assert await found(live, type="Shelter") == ["1"]


async def test_registrations_survive_a_restart_in_their_order(tmp_path: Path) -> None:
    async with live_broker(tmp_path) as live:
        for number in (3, 1, 2):
            await register(live, number, keeper=number)
        await live.ask("PATCH", f"{ROOT}/urn:ngsi-ld:{TYPE}:3", {"keeper": "first"})
    async with live_broker(tmp_path) as live:
        assert await found(live, type="Shelter") == ["3", "1", "2"]
        assert (await live.get(ROOT, type="Shelter")).json[0]["keeper"] == "first"


async def test_each_tenant_has_its_own_registrations(live: Live) -> None:
    water = {"NGSILD-Tenant": "water"}
    assert (await live.get(ROOT, headers=water, type="Shelter")).status == 404
    assert (await live.ask("POST", ROOT, body(), headers=water)).status == 201
    assert await found(live, type="Shelter") == []
    assert len((await live.get(ROOT, headers=water, type="Shelter")).json) == 1


async def test_takes_only_so_many_registrations(tmp_path: Path) -> None:
    async with live_broker(tmp_path, registrations=2) as live:
        await register(live, 1)
        await register(live, 2)
        reply = await live.post(ROOT, body(id="urn:x:3"))
        assert reply.status == 403 and reply.json["type"] == ERRORS + "TooManyResults"


async def test_two_at_once_make_one(live: Live) -> None:
    replies = await asyncio.gather(*(live.post(ROOT, body()) for _ in range(5)))
    assert sorted(reply.status for reply in replies) == [201, 409, 409, 409, 409]


@pytest.mark.parametrize("csf", ["))bad((", "mode=="])
async def test_a_context_source_filter_is_checked_where_entities_are_asked_for(live: Live, csf: str) -> None:
    reply = await live.get("/entities", type="Shelter", csf=csf)
    assert reply.status == 400 and reply.json["type"] == ERRORS + "BadRequestData"
    assert reply.json["detail"].startswith("csf ")
    query = {"type": "Query", "entities": [{"type": "Shelter"}], "csf": csf}
    assert (await live.post("/entityOperations/query", query)).status == 400


async def test_a_context_source_filter_does_not_touch_entities_held_here(
    live: Live, shelter: dict[str, Any]
) -> None:
    await live.post("/entities", shelter)
    reply = await live.get("/entities", type="Shelter", csf='endpoint=="http://other.example"')
    assert [one["id"] for one in reply.json] == [shelter["id"]]
