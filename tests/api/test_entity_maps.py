"""Entity maps over HTTP (clauses 4.5.25, 5.5.9.3, 5.5.14, 5.14): made, used, paged, extended, deleted, expired."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from broker.operations import candidates
from tests.live import Live, live_broker

HEADER = "NGSILD-EntityMap"


async def gauges(live: Live, count: int) -> list[str]:
    ids = [f"urn:ngsi-ld:Gauge:{n:03}" for n in range(count)]
    batch = [
        {"id": id, "type": "Gauge", "level": {"type": "Property", "value": n}} for n, id in enumerate(ids)
    ]
    assert (await live.post("/entityOperations/create", batch)).status == 201
    return ids


def names(reply: Any) -> list[str]:
    assert reply.status in (200, 201), reply.json
    return [entity["id"] for entity in reply.json]


def next_offset(reply: Any, rel: str = "next") -> int | None:
    for link in ", ".join(reply.headers.getall("Link", [])).split(", "):
        if f'rel="{rel}"' in link:
            return int(link.partition("offset=")[2].partition("&")[0].partition(">")[0])
    return None


async def test_makes_a_map_and_shows_it(live: Live) -> None:
    ids = await gauges(live, 3)
    made = await live.get("/entityMaps", type="Gauge", q="level>0", entityMapLifetime="PT10M")
    assert made.status == 201
    assert made.headers[HEADER] == f"/ngsi-ld/v1/entityMaps/{made.json['id']}"
    assert made.json["entityMap"] == {id: ["@none"] for id in ids[1:]}
    assert (made.json["type"], made.json["linkedMaps"]) == ("EntityMap", {})
    assert (await live.get(f"/entityMaps/{made.json['id']}")).json == made.json
    again = await live.get("/entityMaps", type="Gauge", q="level>0", entityMapLifetime="PT10M")
    assert again.json["id"] != made.json["id"]
    query = {"type": "Query", "entities": [{"type": "Gauge"}], "ordering": {"orderBy": ["level;desc"]}}
    posted = await live.post("/entityMaps", query)
    assert (posted.status, list(posted.json["entityMap"])) == (201, ids[::-1])
    linked = await live.get(f"/entityMaps/{made.json['id']}", headers={"Accept": "application/ld+json"})
    assert "@context" in linked.json


async def test_a_query_makes_a_map_and_the_next_one_uses_it(live: Live) -> None:
    ids = await gauges(live, 5)
    first = await live.get("/entities", type="Gauge", entityMap="true", limit=2)
    assert (first.status, names(first), next_offset(first)) == (201, ids[:2], 2)
    header = {HEADER: first.headers[HEADER]}
    late = {"id": "urn:ngsi-ld:Gauge:new", "type": "Gauge", "level": {"type": "Property", "value": 9}}
    assert (await live.post("/entities", late)).status == 201
    rest = await live.get("/entities", type="Gauge", limit=10, offset=2, headers=header)
    assert (rest.status, names(rest), rest.headers[HEADER]) == (200, ids[2:], header[HEADER])
    assert next_offset(rest) is None and next_offset(rest, "prev") == 0
    counted = await live.get("/entities", type="Gauge", limit=1, count="true", headers=header)
    assert counted.headers["NGSILD-Results-Count"] == "5"
    bare = {HEADER: first.headers[HEADER].rpartition("/")[2]}
    some = await live.get("/entities", type="Gauge", id=f"{ids[3]},{late['id']}", headers=bare)
    assert names(some) == [ids[3]]
    query = {"type": "Query", "entities": [{"type": "Gauge"}]}
    body = await live.post("/entityOperations/query", query, headers=header)
    assert (body.status, names(body)) == (200, ids)
    posted = await live.post("/entityOperations/query", {**query, "entityMap": True})
    assert posted.status == 201 and posted.headers[HEADER] != header[HEADER]


async def test_what_no_longer_fits_leaves_the_map_and_pages_stay_full(live: Live) -> None:
    ids = await gauges(live, 6)
    made = await live.get("/entities", type="Gauge", q="level>=0", entityMap="true", limit=2)
    header = {HEADER: made.headers[HEADER]}
    id = header[HEADER].rpartition("/")[2]
    assert (await live.ask("DELETE", f"/entities/{ids[0]}")).status == 204
    changed = {"level": {"type": "Property", "value": -1}}
    assert (await live.ask("PATCH", f"/entities/{ids[3]}/attrs", changed)).status == 204
    page = await live.get("/entities", type="Gauge", q="level>=0", limit=2, offset=2, headers=header)
    assert (names(page), next_offset(page)) == ([ids[2], ids[4]], 5)
    assert list((await live.get(f"/entityMaps/{id}")).json["entityMap"]) == [*ids[:3], *ids[4:]]
    full = await live.get("/entities", type="Gauge", q="level>=0", limit=3, headers=header)
    assert names(full) == [ids[1], ids[2], ids[4]]
    assert list((await live.get(f"/entityMaps/{id}")).json["entityMap"]) == [*ids[1:3], *ids[4:]]
    other = await live.get("/entities", type="Gauge", q="level>3", headers=header)
    assert (other.status, other.json["type"][-14:]) == (400, "BadRequestData")


async def test_an_order_is_kept_by_the_map(live: Live) -> None:
    ids = await gauges(live, 4)
    order = {"type": "Gauge", "orderBy": "level;desc", "limit": 3}
    made = await live.get("/entities", entityMap="true", **order)
    assert names(made) == ids[:0:-1]
    header = {HEADER: made.headers[HEADER]}
    changed = {"level": {"type": "Property", "value": 99}}
    assert (await live.ask("PATCH", f"/entities/{ids[0]}/attrs", changed)).status == 204
    assert names(await live.get("/entities", offset=3, headers=header, **order)) == [ids[0]]


async def test_the_same_read_twice_makes_two_maps_and_no_more(live: Live) -> None:
    await gauges(live, 2)
    for target in ("/entities", "/entityMaps"):
        for _ in range(3):
            assert (await live.get(target, type="Gauge", entityMap="true")).status == 201
    kept = live.broker.catalogue.open("").records(candidates.KIND)
    assert len(kept) == 6


async def test_a_retrieval_has_a_map_too(live: Live) -> None:
    ids = await gauges(live, 2)
    plain = await live.get(f"/entities/{ids[0]}")
    assert HEADER not in plain.headers
    reply = await live.get(f"/entities/{ids[0]}", entityMap="true")
    assert reply.status == 200
    shown = await live.get(f"/entityMaps/{reply.headers[HEADER].rpartition('/')[2]}")
    assert shown.json["entityMap"] == {ids[0]: ["@none"]}
    again = await live.get(f"/entities/{ids[0]}", headers={HEADER: reply.headers[HEADER]})
    assert again.headers[HEADER] == reply.headers[HEADER]


async def test_updates_only_the_expiry_and_bounds_it(live: Live) -> None:
    ids = await gauges(live, 1)
    made = (await live.get("/entityMaps", type="Gauge")).json
    path = f"/entityMaps/{made['id']}"
    fragment = {"expiresAt": "2999-01-01T00:00:00Z", "entityMap": {"urn:ngsi-ld:X:1": ["@none"]}}
    assert (await live.ask("PATCH", path, fragment)).status == 204
    shown = (await live.get(path)).json
    assert made["expiresAt"] < shown["expiresAt"] < "2999" and list(shown["entityMap"]) == ids
    for wrong in (
        {"expiresAt": "soon"},
        {"expiresAt": 5},
        {"size": 3},
        {"type": "Map"},
        [],
        {"id": "urn:x:1"},
    ):
        assert (await live.ask("PATCH", path, wrong)).status == 400, wrong
    assert (await live.ask("PATCH", path, {"expiresAt": "2000-01-01T00:00:00Z"})).status == 204
    for method in ("GET", "DELETE"):
        assert (await live.ask(method, path)).status == 404


async def test_deletes_a_map_with_its_parts(live: Live) -> None:
    await gauges(live, 1)
    made = (await live.get("/entityMaps", type="Gauge")).json
    other = {"NGSILD-Tenant": "other"}
    assert (await live.ask("DELETE", f"/entityMaps/{made['id']}", headers=other)).status == 404
    assert (await live.ask("DELETE", f"/entityMaps/{made['id']}")).status == 204
    assert (await live.ask("DELETE", f"/entityMaps/{made['id']}")).status == 404
    assert (await live.ask("DELETE", "/entityMaps/no-uri")).status == 400
    store = live.broker.catalogue.open("")
    assert store.records(candidates.KIND) == store.records(candidates.PART_KIND) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "urn:ngsi-ld:Gauge:1"},
        {"type": "Gauge", "entityMapLifetime": "1hour"},
        {"type": "Gauge", "q": "=="},
    ],
)
async def test_refuses_a_map_that_it_cannot_make(live: Live, wrong: dict[str, str]) -> None:
    assert (await live.get("/entityMaps", **wrong)).status == 400
    assert (await live.get("/entities", entityMap="true", **wrong)).status == 400


@pytest.mark.parametrize("wrong", [{"entityMap": "yes"}, {"splitEntities": "1"}])
async def test_refuses_flags_that_are_none(live: Live, wrong: dict[str, str]) -> None:
    assert (await live.get("/entities", type="Gauge", **wrong)).status == 400
    body = {"type": "Query", "entities": [{"type": "Gauge"}], **wrong}
    assert (await live.post("/entityOperations/query", body)).status == 400
    assert (await live.get("/entities", type="Gauge", splitEntities="true")).status == 200


async def test_a_map_that_is_gone_is_made_anew(live: Live) -> None:
    ids = await gauges(live, 2)
    for gone in (
        "urn:ngsi-ld:EntityMap:none",
        "not a uri",
        "http://other.example/ngsi-ld/v1/entityMaps/urn:x:1",
    ):
        reply = await live.get("/entities", type="Gauge", headers={HEADER: gone})
        assert (reply.status, names(reply)) == (201, ids)
        assert reply.headers[HEADER].startswith("/ngsi-ld/v1/entityMaps/urn:ngsi-ld:EntityMap:")


async def test_holds_no_more_than_the_setting_says(tmp_path: Path) -> None:
    async with live_broker(tmp_path / "data", entity_map_entities=2) as live:
        await gauges(live, 3)
        reply = await live.get("/entityMaps", type="Gauge")
        assert (reply.status, reply.json["type"][-14:]) == (403, "TooManyResults")
        assert (await live.get("/entityMaps", type="Gauge", q="level>0")).status == 201


async def test_expired_maps_are_swept_and_others_outlive_a_restart(tmp_path: Path) -> None:
    async with live_broker(tmp_path / "data", expiry_seconds=0.05) as live:
        ids = await gauges(live, 3)
        kept = await live.get("/entities", type="Gauge", q="level>=0", entityMap="true", limit=1)
        short = (await live.get("/entityMaps", type="Gauge", entityMapLifetime="PT0.01S")).json["id"]
        store = live.broker.catalogue.open("")
        for _ in range(1500):
            if store.record(candidates.KIND, short) is None:
                break
            await asyncio.sleep(0.02)
        assert len(store.records(candidates.KIND)) == len(store.records(candidates.PART_KIND)) == 1
    async with live_broker(tmp_path / "data") as live:
        header = {HEADER: kept.headers[HEADER]}
        again = await live.get("/entities", type="Gauge", q="level>=0", headers=header)
        assert (again.status, names(again)) == (200, ids)


SPAN = {"timerel": "between", "timeAt": "2026-02-01T00:00:00Z", "endTimeAt": "2026-09-01T00:00:00Z"}


async def histories(live: Live) -> list[str]:
    ids = [f"urn:ngsi-ld:Gauge:{month}" for month in range(1, 7)]
    for month, id in enumerate(ids, 1):
        level = [{"type": "Property", "value": month, "observedAt": f"2026-0{month}-15T00:00:00Z"}]
        assert (
            await live.post("/temporal/entities", {"id": id, "type": "Gauge", "level": level})
        ).status == 201
    return ids


async def test_maps_temporal_queries(live: Live) -> None:
    ids = await histories(live)
    made = await live.get("/temporal/entityMaps", type="Gauge", **SPAN)
    assert (made.status, list(made.json["entityMap"])) == (201, ids[1:])
    assert (await live.get(f"/entityMaps/{made.json['id']}")).json == made.json
    query = {"type": "Query", "entities": [{"type": "Gauge"}], "temporalQ": SPAN}
    posted = await live.post("/temporal/entityMaps", query)
    assert (posted.status, list(posted.json["entityMap"])) == (201, ids[1:])
    for wrong in ({"type": "Gauge"}, SPAN, {"type": "Gauge", **SPAN, "entityMapLifetime": "soon"}):
        assert (await live.get("/temporal/entityMaps", **wrong)).status == 400, wrong


async def test_temporal_queries_make_and_use_maps(live: Live) -> None:
    ids = await histories(live)
    first = await live.get("/temporal/entities", type="Gauge", entityMap="true", limit=2, **SPAN)
    assert (first.status, names(first), next_offset(first)) == (201, ids[1:3], 2)
    header = {HEADER: first.headers[HEADER]}
    assert (await live.ask("DELETE", f"/temporal/entities/{ids[3]}")).status == 204
    page = await live.get("/temporal/entities", type="Gauge", limit=2, offset=2, headers=header, **SPAN)
    assert (page.status, names(page), page.headers[HEADER]) == (200, ids[4:], header[HEADER])
    later = {**SPAN, "timeAt": "2026-06-01T00:00:00Z"}
    narrower = await live.get("/temporal/entities", type="Gauge", headers=header, count="true", **later)
    assert (names(narrower), narrower.headers["NGSILD-Results-Count"]) == ([ids[5]], "1")
    whole = await live.get("/temporal/entities", type="Gauge", headers=header, **SPAN)
    assert names(whole) == [*ids[1:3], *ids[4:]]
    mixed = await live.get("/entities", type="Gauge", headers=header)
    assert mixed.status == 400


async def test_refuses_a_name_that_is_no_text(live: Live) -> None:
    await gauges(live, 1)
    for name in (HEADER, "NGSILD-Snapshot"):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(live.url.rpartition(":")[2]))
        line = name.encode() + b": \xff\xfe\r\nConnection: close"
        writer.write(b"GET /ngsi-ld/v1/entities?type=Gauge HTTP/1.1\r\nHost: here\r\n" + line + b"\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 30)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 400 "), answer
        assert b"BadRequestData" in answer
