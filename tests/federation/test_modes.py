"""What the modes of registrations allow and forbid when they are made, and what then is read and kept. (4.3.6.2, 4.3.6.3)"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.federation.towns import register, registration, towns
from tests.live import Live, live_broker

ID = "urn:ngsi-ld:Shelter:1"
ROOT = "/csourceRegistrations"
ELSEWHERE = "http://neighbour.example:1026"
ONE = {"type": "Shelter", "id": ID}
ANY = {"type": "Shelter"}
FITTING = {"type": "Shelter", "idPattern": "^urn:ngsi-ld:Shelter:"}
UNFIT = {"type": "Shelter", "idPattern": "^urn:ngsi-ld:School:"}


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_broker(tmp_path / "data") as broker:
        yield broker


async def status(live: Live, mode: str, *entities: dict[str, Any], **members: Any) -> int:
    reply = await live.post(ROOT, registration(ELSEWHERE, *entities, mode=mode, **members))
    return reply.status


async def exclusive(live: Live, **members: Any) -> None:
    assert await status(live, "exclusive", ONE, attributes=["seats"], **members) == 201


@pytest.mark.parametrize(
    ("entity", "attributes", "expected"),
    [
        (ONE, ["seats"], 409),
        (ONE, ["seats", "name"], 409),
        (ONE, ["name"], 201),
        (ONE, None, 409),
        (ANY, ["seats"], 409),
        (ANY, None, 409),
        (FITTING, None, 409),
        (UNFIT, None, 201),
        ({"type": "School"}, None, 201),
        ({"type": "Shelter", "id": "urn:ngsi-ld:Shelter:2"}, ["seats"], 201),
        (None, ["seats"], 409),
    ],
)
async def test_no_redirect_registration_overlaps_an_exclusive_one(
    live: Live, entity: dict[str, Any] | None, attributes: list[str] | None, expected: int
) -> None:
    await exclusive(live)
    given = {} if attributes is None else {"attributes": attributes}
    assert await status(live, "redirect", *([entity] if entity else []), **given) == expected


@pytest.mark.parametrize("entity", [ONE, ANY, FITTING, None])
async def test_no_exclusive_registration_is_made_beside_a_redirect_one(
    live: Live, entity: dict[str, Any] | None
) -> None:
    given: dict[str, Any] = {} if entity else {"attributes": ["seats"]}
    assert await status(live, "redirect", *([entity] if entity else []), **given) == 201
    assert await status(live, "exclusive", ONE, attributes=["seats"]) == 409
    assert await status(live, "exclusive", ONE, attributes=["seats", "name"]) == 409


@pytest.mark.parametrize("mode", ["inclusive", "auxiliary"])
async def test_additive_registrations_never_conflict(live: Live, mode: str) -> None:
    more: dict[str, Any] = {"operations": ["retrieveOps"]} if mode == "auxiliary" else {}
    await live.post("/entities", {"id": ID, "type": "Shelter", "name": {"type": "Property", "value": "a"}})
    await exclusive(live)
    for _ in range(2):
        assert await status(live, mode, ONE, attributes=["seats"], **more) == 201
        assert await status(live, mode, ANY, **more) == 201


async def test_what_is_past_and_what_is_latest_are_registered_apart(live: Live) -> None:
    interval = {"startAt": "2020-01-01T00:00:00Z"}
    await exclusive(live)
    await exclusive(live, observationInterval=interval)
    assert await status(live, "redirect", ANY, managementInterval=interval) == 409
    assert await status(live, "exclusive", ONE, attributes=["seats"]) == 409


async def test_an_update_may_not_make_a_conflict_in_any_way(live: Live) -> None:
    await exclusive(live)
    made = await live.post(ROOT, registration(ELSEWHERE, UNFIT, mode="redirect"))
    path = made.headers["Location"].removeprefix("/ngsi-ld/v1")
    for fragment in (
        {"information": [{"entities": [ANY]}]},
        {"information": [{"attributeNames": ["seats"]}]},
    ):
        assert (await live.ask("PATCH", path, fragment)).status == 409
    harmless = {"information": [{"entities": [ANY], "attributeNames": ["name"]}]}
    assert (await live.ask("PATCH", path, harmless)).status == 204
    kept = await live.get(path)
    assert kept.json["information"] == harmless["information"]
    plain = await live.post(ROOT, registration(ELSEWHERE, ANY))
    path = plain.headers["Location"].removeprefix("/ngsi-ld/v1")
    assert (await live.ask("PATCH", path, {"mode": "redirect"})).status == 409
    assert (await live.ask("PATCH", path, {"description": "of the neighbours"})).status == 204


async def test_a_registration_may_be_updated_though_it_overlaps_itself(live: Live) -> None:
    made = await live.post(ROOT, registration(ELSEWHERE, ONE, mode="exclusive", attributes=["seats"]))
    path = made.headers["Location"].removeprefix("/ngsi-ld/v1")
    assert (await live.ask("PATCH", path, {"endpoint": "http://other.example:1026"})).status == 204
    assert (await live.ask("PATCH", path, {"mode": "redirect"})).status == 204


async def test_a_deleted_registration_conflicts_no_more(live: Live) -> None:
    made = await live.post(ROOT, registration(ELSEWHERE, ONE, mode="exclusive", attributes=["seats"]))
    assert await status(live, "redirect", ANY) == 409
    await live.ask("DELETE", made.headers["Location"].removeprefix("/ngsi-ld/v1"))
    assert await status(live, "redirect", ANY) == 201


async def test_entities_may_be_registered_by_their_ids_alone(tmp_path: Path) -> None:
    async with towns(tmp_path, 2) as (here, there):
        id = await register(here, there, {"id": ID}, mode="exclusive", attributes=["seats"])
        await register(here, there, {"idPattern": "^urn:ngsi-ld:School:"})
        shown = (await here.get(f"{ROOT}/{id}")).json
        assert shown["information"] == [{"entities": [{"id": ID}], "attributeNames": ["seats"]}]
        assert len((await here.get(ROOT, type="Shelter")).json) == 2
        assert (await here.get(ROOT, type="Shelter", id="urn:ngsi-ld:Shelter:2")).json == []
        assert await status(here, "redirect", ANY) == 409
        assert await status(here, "exclusive", ONE, attributes=["seats"]) == 409
        assert await status(here, "inclusive", {}) == 400
        seats = {"type": "Property", "value": 3}
        for kind, own in (("Shelter", ID), ("School", "urn:ngsi-ld:School:1"), ("School", "urn:x:School:2")):
            body = {"id": own, "type": kind, "seats": seats, "name": seats}
            assert (await there.post("/entities", body)).status == 201
        one = (await here.get(f"/entities/{ID}", format="simplified")).json
        assert one == {"id": ID, "type": "Shelter", "seats": 3}
        assert (await here.get("/entities", type="Shelter", format="simplified")).json == [one]
        schools = (await here.get("/entities", type="School", format="simplified")).json
        assert schools == [{"id": "urn:ngsi-ld:School:1", "type": "School", "seats": 3, "name": 3}]
        assert (await here.get("/types")).json["typeList"] == ["School", "Shelter"]


async def test_times_of_registrations_are_in_utc(live: Live) -> None:
    for wrong in ("2099-01-01T00:00:00+01:00", "2099-01-01", "soon"):
        assert await status(live, "inclusive", ANY, expiresAt=wrong) == 400
        assert await status(live, "inclusive", ANY, observationInterval={"startAt": wrong}) == 400
    assert await status(live, "inclusive", ANY, expiresAt="2099-01-01T00:00:00.5Z") == 201


@pytest.mark.parametrize(
    ("mode", "seats", "name"),
    [
        ("inclusive", 2, "there"),
        ("auxiliary", 1, "there"),
        ("redirect", 2, "there"),
        ("exclusive", 2, "there"),
    ],
)
async def test_each_mode_has_its_place_in_what_is_read(
    tmp_path: Path, mode: str, seats: int, name: str
) -> None:
    operations = ["retrieveOps"] if mode == "auxiliary" else ["retrieveOps", "queryBatch"]
    async with towns(tmp_path, 2) as (here, there):

        def seated(number: int, **more: Any) -> dict[str, Any]:
            observed = {"observedAt": f"2026-04-0{number}T00:00:00Z"}
            return {
                "id": ID,
                "type": "Shelter",
                "seats": {"type": "Property", "value": number, **observed},
                **more,
            }

        label = {"name": {"type": "Property", "value": "there"}}
        assert (await there.post("/entities", seated(2, **label))).status == 201
        attributes = ["seats", "name"]
        if mode in ("inclusive", "auxiliary"):
            assert (await here.post("/entities", seated(1))).status == 201
        await register(here, there, ONE, mode=mode, operations=operations, attributes=attributes)
        body = {"type": "Query", "entities": [ANY]}
        for reply in (
            await here.get(f"/entities/{ID}", format="simplified"),
            await here.get("/entities", type="Shelter", format="simplified"),
            await here.ask("POST", "/entityOperations/query", body, params={"format": "simplified"}),
        ):
            assert reply.status == 200, reply.json
            found = reply.json if isinstance(reply.json, dict) else reply.json[0]
            assert found == {"id": ID, "type": "Shelter", "seats": seats, "name": name}


async def test_a_source_is_not_asked_about_other_places_and_scopes(tmp_path: Path) -> None:
    square = {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]}
    async with towns(tmp_path, 2) as (here, there):
        await register(here, there, ANY, location=square, scope="/Yabu")
        place = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [9, 9]}}
        await there.post("/entities", {"id": ID, "type": "Shelter", "scope": "/Asago", "location": place})
        near: dict[str, Any] = {"georel": "near;maxDistance==10", "geometry": "Point", "coordinates": "[9,9]"}
        assert (await here.get("/entities", type="Shelter", **near)).json == []
        assert (await here.get("/entities", type="Shelter", scopeQ="/Asago")).json == []
        assert len((await here.get("/entities", type="Shelter")).json) == 1
        assert len((await there.get("/entities", type="Shelter", scopeQ="/Asago", **near)).json) == 1


async def test_properties_of_registrations_choose_the_sources(tmp_path: Path) -> None:
    async with towns(tmp_path, 2) as (here, there):
        kept = {"type": "Property", "value": "sensors"}
        await register(here, there, ANY, holds=kept, level=3)
        await there.post("/entities", {"id": ID, "type": "Shelter"})
        for csf, number in (('holds=="sensors"', 1), ('holds=="plans"', 0), ("level>2", 1), ("level>3", 0)):
            assert len((await here.get("/entities", type="Shelter", csf=csf)).json) == number, csf


async def test_warnings_of_sources_of_sources_are_passed_on(tmp_path: Path) -> None:
    async with towns(tmp_path, 2) as (here, there):
        await register(here, there, ANY)
        further = await register(there, "http://127.0.0.1:9", ANY)
        for reply in (await here.get("/entities", type="Shelter"), await here.get("/types")):
            assert reply.status == 200
            assert further in reply.headers["NGSILD-Warning"]


async def test_brokers_that_know_each_other_tell_of_the_circle(tmp_path: Path) -> None:
    async with towns(tmp_path, 2) as (here, there):
        await register(here, there, ANY)
        await register(there, here, ANY)
        await here.post("/entities", {"id": ID, "type": "Shelter"})
        await there.post("/entities", {"id": "urn:ngsi-ld:Shelter:2", "type": "Shelter"})
        reply = await here.get("/entities", type="Shelter")
        assert [one["id"] for one in reply.json] == [ID, "urn:ngsi-ld:Shelter:2"]
        assert "199 " in reply.headers["NGSILD-Warning"]


async def test_a_snapshot_holds_what_sources_have(tmp_path: Path) -> None:
    async with towns(tmp_path, 2) as (here, there):
        await register(here, there, ANY)
        await register(here, there, {"type": "River"}, operations=["queryTemporal"])
        await here.post("/entities", {"id": ID, "type": "Shelter"})
        seats = {"type": "Property", "value": 2}
        await there.post("/entities", {"id": "urn:ngsi-ld:Shelter:2", "type": "Shelter", "seats": seats})
        level = [{"type": "Property", "value": 3, "observedAt": "2026-04-01T00:00:00Z"}]
        await there.post("/temporal/entities", {"id": "urn:ngsi-ld:River:1", "type": "River", "level": level})
        ever: dict[str, Any] = {"timerel": "after", "timeAt": "2020-01-01T00:00:00Z"}
        body = {
            "type": "Snapshot",
            "snapshotQueries": [{"type": "Query", "entities": [ANY]}],
            "snapshotTemporalQueries": [
                {"type": "Query", "entities": [{"type": "River"}], "temporalQ": ever}
            ],
        }
        made = await here.post("/snapshots", body)
        path = made.headers["Location"].removeprefix("/ngsi-ld/v1")
        for _ in range(3000):
            if (await here.get(path)).json["snapshotStatus"] != "preparing":
                break
            await asyncio.sleep(0.01)
        shown = (await here.get(path)).json
        assert shown["snapshotStatus"] == "success"
        inside = {"NGSILD-Snapshot": shown["id"]}
        await there.ask("DELETE", "/entities/urn:ngsi-ld:Shelter:2")
        found = await here.get("/entities", type="Shelter", headers=inside)
        assert [one["id"] for one in found.json] == [ID, "urn:ngsi-ld:Shelter:2"]
        past = await here.get("/temporal/entities", type="River", headers=inside, **ever)
        assert past.json[0]["level"][0]["value"] == 3
