"""Snapshots over HTTP (clauses 4.3.7, 5.5.15, 5.16, 6.3.22): made, worked on, cloned, told of, expired, taken up again."""

import asyncio
import resource
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from base import clock
from broker.model import tenancy
from broker.operations import snapshot_filling
from tests.live import Live, Reply, live_broker
from tests.notify.receiver import Receiver, receiving

GAUGES: dict[str, Any] = {"type": "Query", "entities": [{"type": "Gauge"}]}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as running:
        yield running


async def gauges(live: Live, *levels: int, **headers: str) -> list[str]:
    ids = [f"urn:ngsi-ld:Gauge:{level}" for level in levels]
    batch = [
        {
            "id": id,
            "type": "Gauge",
            "level": {"type": "Property", "value": level},
            "colour": {"type": "Property", "value": "red"},
        }
        for id, level in zip(ids, levels, strict=True)
    ]
    assert (await live.post("/entityOperations/create", batch, headers=headers)).status == 201
    return ids


def body(*queries: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"type": "Snapshot", "snapshotQueries": list(queries or [GAUGES]), **members}


async def made(live: Live, given: dict[str, Any], path: str = "/snapshots", **headers: str) -> dict[str, Any]:
    reply = await live.post(path, given, headers=headers)
    assert reply.status == 201, reply.json
    return await ready(live, reply.headers["Location"].removeprefix("/ngsi-ld/v1"), **headers)


async def ready(live: Live, path: str, **headers: str) -> dict[str, Any]:
    for _ in range(3000):
        shown = await live.get(path, headers=headers)
        assert shown.status == 200
        if shown.json["snapshotStatus"] != "preparing":
            break
        await asyncio.sleep(0.01)
    found: dict[str, Any] = shown.json
    return found


def inside(snapshot: dict[str, Any]) -> dict[str, str]:
    return {"NGSILD-Snapshot": snapshot["id"]}


def names(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.json
    return sorted(entity["id"] for entity in reply.json)


async def test_freezes_what_its_queries_find(live: Live) -> None:
    low, high = await gauges(live, 1, 9)
    snapshot = await made(live, body({**GAUGES, "q": "level>5"}))
    assert snapshot["snapshotStatus"] == "success"
    assert snapshot["snapshotQueriesDetails"] == [{"resultStatus": "success"}]
    assert (snapshot["type"], snapshot["snapshotPriority"]) == ("Snapshot", 5)
    assert snapshot["createdAt"] <= snapshot["modifiedAt"] < snapshot["expiresAt"]
    assert snapshot["lastUsedAt"] == snapshot["createdAt"]
    change = {"level": {"type": "Property", "value": 0}}
    assert (await live.ask("PATCH", f"/entities/{high}/attrs", change)).status == 204
    reply = await live.get("/entities", type="Gauge", headers=inside(snapshot))
    assert names(reply) == [high]
    assert reply.json[0]["level"]["value"] == 9
    assert reply.headers["NGSILD-Snapshot"] == snapshot["id"]
    missing = await live.get(f"/entities/{low}", headers=inside(snapshot))
    assert (missing.status, missing.headers["NGSILD-Snapshot"]) == (404, snapshot["id"])


async def test_is_a_place_to_try_things_out(live: Live) -> None:
    """What is done in a snapshot stays there; every operation is local, whatever the request says."""
    (id,) = await gauges(live, 1)
    snapshot = await made(live, body())
    change = {"level": {"type": "Property", "value": 7}}
    for _ in range(3):
        assert (await live.get(f"/entities/{id}")).json["level"]["value"] == 1
        assert (await live.get(f"/entities/{id}", headers=inside(snapshot))).status == 200
    assert (await live.ask("PATCH", f"/entities/{id}/attrs", change, headers=inside(snapshot))).status == 204
    await gauges(live, 2, **inside(snapshot))
    assert (await live.get(f"/entities/{id}")).json["level"]["value"] == 1
    wide = await live.get("/entities", local="false", headers=inside(snapshot))
    assert names(wide) == [id, "urn:ngsi-ld:Gauge:2"]
    assert (await live.get("/entities", local="false")).status == 400
    query = {"type": "Query", "q": "level>1"}
    assert (await live.post("/entityOperations/query", query, headers=inside(snapshot))).status == 200
    assert len(await live_names(live)) == 1


async def live_names(live: Live) -> list[str]:
    return names(await live.get("/entities", type="Gauge"))


async def test_belongs_to_its_tenant(live: Live) -> None:
    here, there = {"NGSILD-Tenant": "here"}, {"NGSILD-Tenant": "there"}
    (id,) = await gauges(live, 1, **here)
    await gauges(live, 2, **there)
    snapshot = await made(live, body(), **here)
    assert (await live.get(f"/snapshots/{snapshot['id']}", headers=there)).status == 404
    for headers in (there, {}):
        reply = await live.get("/entities", type="Gauge", headers={**headers, **inside(snapshot)})
        assert reply.status == 404
    reply = await live.get("/entities", type="Gauge", headers={**here, **inside(snapshot)})
    assert (names(reply), reply.headers["NGSILD-Tenant"]) == ([id], "here")
    assert live.broker.catalogue.names() == ["", "here", "there"]
    hidden = {"NGSILD-Tenant": tenancy.database("here", snapshot["id"])}
    assert (await live.get("/entities", type="Gauge", headers=hidden)).status == 400


async def test_takes_only_what_the_query_picks_and_joins_several(live: Live) -> None:
    one, other = await gauges(live, 1, 2)
    snapshot = await made(
        live, body({**GAUGES, "pick": ["id", "level"]}, {**GAUGES, "q": "level>1", "pick": ["colour"]})
    )
    reply = await live.get("/entities", type="Gauge", options="keyValues", headers=inside(snapshot))
    found = {entity.pop("id"): entity for entity in reply.json}
    assert found == {
        one: {"type": "Gauge", "level": 1},
        other: {"type": "Gauge", "level": 2, "colour": "red"},
    }


@pytest.mark.parametrize(
    ("queries", "status", "results"),
    [
        ([GAUGES, {**GAUGES, "q": "level>5"}], "success", ["success", "success"]),
        ([GAUGES, {**GAUGES, "q": "level>50"}], "partial", ["success", "empty"]),
        ([{**GAUGES, "q": "level>50"}], "empty", ["empty"]),
        ([{"type": "Query"}, GAUGES], "partial", ["failure", "success"]),
        ([{"type": "Query"}], "failure", ["failure"]),
    ],
)
async def test_says_what_became_of_its_queries(
    live: Live, queries: list[dict[str, Any]], status: str, results: list[str]
) -> None:
    await gauges(live, 1, 9)
    snapshot = await made(live, body(*queries))
    assert snapshot["snapshotStatus"] == status
    details = snapshot["snapshotQueriesDetails"]
    assert [one["resultStatus"] for one in details] == results
    assert all(("problemDetails" in one) is (one["resultStatus"] == "failure") for one in details)


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "Snapshot"},
        {"type": "Snap", "snapshotQueries": [GAUGES]},
        {"snapshotQueries": [GAUGES]},
        body(snapshotQueries=[]),
        body(*[GAUGES] * 101),
        body(snapshotQueries=GAUGES),
        body({**GAUGES, "temporalQ": {"timerel": "after", "timeAt": "2020-01-01T00:00:00Z"}}),
        {"type": "Snapshot", "snapshotTemporalQueries": [GAUGES]},
        body({**GAUGES, "q": "level>>"}),
        body({"entities": [{"type": "Gauge"}]}),
        body(snapshotPriority=0),
        body(snapshotPriority=11),
        body(snapshotPriority=2.5),
        body(snapshotLifetime="a day"),
        body(snapshotLifetime="PT0S"),
        body(endpoint="somewhere"),
        body(endpoint="http://localhost:1/", receiverInfo=[{"key": "a"}]),
        body(id="no uri"),
        body(colour="red"),
        body(snapshotPriority="urn:ngsi-ld:null"),
        [body()],
    ],
)
async def test_refuses_what_is_no_snapshot(live: Live, wrong: Any) -> None:
    reply = await live.post("/snapshots", wrong)
    assert (reply.status, reply.json["type"][-14:]) == (400, "BadRequestData")
    assert live.broker.catalogue.open("").records(snapshot_filling.KIND) == []


async def test_has_the_id_it_is_given_once(live: Live) -> None:
    given = body(id="urn:ngsi-ld:Snapshot:mine", snapshotStatus="success", createdAt="2020-01-01T00:00:00Z")
    snapshot = await made(live, given)
    assert snapshot["id"] == given["id"] and snapshot["snapshotStatus"] == "empty"
    assert snapshot["createdAt"] > "2026"
    again = await live.post("/snapshots", given)
    assert (again.status, again.json["type"][-13:]) == (409, "AlreadyExists")


async def test_updates_what_may_change(live: Live) -> None:
    snapshot = await made(live, body(snapshotLifetime="PT1H"))
    path = f"/snapshots/{snapshot['id']}"
    changed = await live.ask("PATCH", path, {"snapshotPriority": 2, "snapshotLifetime": "P2D"})
    assert (changed.status, changed.json["snapshotPriority"]) == (200, 2)
    assert changed.json["expiresAt"] > snapshot["expiresAt"]
    assert changed.json["modifiedAt"] > snapshot["modifiedAt"]
    capped = await live.ask("PATCH", path, {"snapshotLifetime": "P99Y", "snapshotStatus": "failure"})
    assert capped.json["expiresAt"] < "2100" and capped.json["snapshotStatus"] == "empty"
    back = await live.ask("PATCH", path, {"snapshotPriority": "urn:ngsi-ld:null"})
    assert back.json["snapshotPriority"] == 5
    for wrong in (
        {"snapshotQueries": [GAUGES]},
        {"id": "urn:x:y"},
        {"colour": 1},
        {"snapshotPriority": 11},
        [],
    ):
        assert (await live.ask("PATCH", path, wrong)).status == 400, wrong
    assert (await live.ask("PATCH", "/snapshots/urn:ngsi-ld:Snapshot:none", {})).status == 404


async def test_a_clone_outlives_its_original_and_goes_its_own_way(live: Live) -> None:
    (id,) = await gauges(live, 1)
    snapshot = await made(live, body())
    change = {"level": {"type": "Property", "value": 5}}
    assert (await live.ask("PATCH", f"/entities/{id}/attrs", change, headers=inside(snapshot))).status == 204
    clone = await made(
        live, {"type": "Snapshot", "snapshotPriority": 9}, f"/snapshots/{snapshot['id']}/clone"
    )
    assert (clone["snapshotStatus"], clone["snapshotPriority"]) == ("success", 9)
    assert clone["id"] != snapshot["id"]
    change = {"level": {"type": "Property", "value": 6}}
    assert (await live.ask("PATCH", f"/entities/{id}/attrs", change, headers=inside(snapshot))).status == 204
    assert (await live.ask("DELETE", f"/snapshots/{snapshot['id']}")).status == 204
    assert (await live.get(f"/entities/{id}", headers=inside(snapshot))).status == 404
    found = await live.get(f"/entities/{id}", headers=inside(clone))
    assert found.json["level"]["value"] == 5
    wrong = f"/snapshots/{clone['id']}/clone"
    assert (await live.post(wrong, body())).status == 400
    assert (await live.post(wrong, {"type": "Snapshot", "id": clone["id"]})).status == 409
    gone = await live.post(f"/snapshots/{snapshot['id']}/clone", {"type": "Snapshot"})
    assert gone.status == 404


async def test_purges_what_a_query_over_their_members_selects(live: Live) -> None:
    ids = [(await made(live, body(snapshotPriority=priority)))["id"] for priority in (1, 5, 9)]

    async def there() -> list[int]:
        return [(await live.get(f"/snapshots/{id}")).status for id in ids]

    for wrong in ({}, {"q": "level>5"}, {"q": "snapshotPriority>"}, {"q": "endpoint{level}>1"}):
        assert (await live.ask("DELETE", "/snapshots", params=wrong)).status == 400, wrong
    assert await there() == [200, 200, 200]
    query = 'snapshotPriority<5|(snapshotStatus=="empty";snapshotPriority==9)'
    assert (await live.ask("DELETE", "/snapshots", params={"q": query})).status == 204
    assert await there() == [404, 200, 404]
    assert (
        await live.ask("DELETE", "/snapshots", params={"q": "expiresAt>2020-01-01T00:00:00Z"})
    ).status == 204
    assert await there() == [404, 404, 404]
    assert live.broker.catalogue.databases() == [""]


async def test_purging_needs_its_permission(tmp_path: Path) -> None:
    async with live_broker(tmp_path / "data", anonymous_purge="never") as live:
        reply = await live.ask("DELETE", "/snapshots", params={"q": "snapshotPriority>0"})
        assert reply.status == 403


async def test_tells_its_receiver_of_every_status(live: Live, receiver: Receiver) -> None:
    await gauges(live, 1, **{"NGSILD-Tenant": "here"})
    info = [{"key": "X-Token", "value": "secret"}]
    snapshot = await made(live, body(endpoint=receiver.url, receiverInfo=info), **{"NGSILD-Tenant": "here"})
    (told,) = await receiver.wait(1)
    assert told.json["type"] == "SnapshotNotification"
    assert (told.json["snapshotId"], told.json["snapshotStatus"]) == (snapshot["id"], "success")
    assert told.json["snapshotQueriesDetails"] == [{"resultStatus": "success"}]
    assert told.json["expiresAt"] == snapshot["expiresAt"] > told.json["notifiedAt"]
    assert (told.headers["X-Token"], told.headers["NGSILD-Tenant"]) == ("secret", "here")
    changed = {"snapshotPriority": 8}
    path = f"/snapshots/{snapshot['id']}"
    assert (await live.ask("PATCH", path, changed, headers={"NGSILD-Tenant": "here"})).status == 200
    again = (await receiver.wait(2))[1]
    assert again.json["snapshotPriority"] == 8 and again.json["id"] != told.json["id"]


async def test_subscriptions_in_it_name_it(live: Live, receiver: Receiver) -> None:
    (id,) = await gauges(live, 1)
    snapshot = await made(live, body())
    subscription = {
        "type": "Subscription",
        "entities": [{"type": "Gauge"}],
        "notification": {"endpoint": {"uri": receiver.url}},
    }
    reply = await live.post("/subscriptions", subscription, headers=inside(snapshot))
    assert reply.status == 201
    assert (await live.get("/subscriptions")).json == []
    change = {"level": {"type": "Property", "value": 2}}
    assert (await live.ask("PATCH", f"/entities/{id}/attrs", change)).status == 204
    change = {"level": {"type": "Property", "value": 3}}
    assert (await live.ask("PATCH", f"/entities/{id}/attrs", change, headers=inside(snapshot))).status == 204
    (told,) = await receiver.wait(1)
    assert told.entities[0]["level"]["value"] == 3
    assert told.headers["NGSILD-Snapshot"] == snapshot["id"]
    assert "NGSILD-Tenant" not in told.headers
    clone = await made(live, {"type": "Snapshot"}, f"/snapshots/{snapshot['id']}/clone")
    assert (await live.get("/subscriptions", headers=inside(clone))).json == []


async def test_holds_histories_within_the_span(live: Live) -> None:
    id = "urn:ngsi-ld:Gauge:1"
    history = {
        "id": id,
        "type": "Gauge",
        "level": [
            {"type": "Property", "value": n, "observedAt": f"2026-0{n}-01T00:00:00Z"} for n in range(1, 7)
        ],
    }
    assert (await live.post("/temporal/entities", history)).status == 201
    span = {"timerel": "between", "timeAt": "2026-02-01T00:00:00Z", "endTimeAt": "2026-05-01T00:00:00Z"}
    snapshot = await made(
        live, {"type": "Snapshot", "snapshotTemporalQueries": [{**GAUGES, "temporalQ": span}]}
    )
    assert snapshot["snapshotStatus"] == "success"
    assert snapshot["snapshotTemporalQueriesDetails"] == [{"resultStatus": "success"}]
    held = await live.get(f"/temporal/entities/{id}", headers=inside(snapshot))
    assert held.status == 200, held.json
    assert sorted(one["value"] for one in held.json["level"]) == [2, 3, 4]
    empty = {**GAUGES, "temporalQ": {"timerel": "before", "timeAt": "2020-01-01T00:00:00Z"}}
    none = await made(live, {"type": "Snapshot", "snapshotTemporalQueries": [empty]})
    assert none["snapshotStatus"] == "empty"


async def test_expires_with_its_file_and_tells_of_it(tmp_path: Path, receiver: Receiver) -> None:
    async with live_broker(tmp_path / "data", expiry_seconds=0.05) as live:
        given = body(endpoint=receiver.url, snapshotLifetime="PT0.5S")
        reply = await live.post("/snapshots", given)
        assert reply.status == 201
        snapshot = {"id": reply.headers["Location"].rpartition("/")[2]}
        last = (await receiver.wait(2))[-1]
        assert last.json["expiresAt"] < last.json["notifiedAt"]
        for _ in range(3000):
            if live.broker.catalogue.databases() == [""]:
                break
            await asyncio.sleep(0.02)
        assert live.broker.catalogue.databases() == [""]
        assert len(list((tmp_path / "data" / "tenants").glob("*.db"))) == 1
        assert (await live.get(f"/snapshots/{snapshot['id']}")).status == 404
        assert (await live.get("/entities", type="Gauge", headers=inside(snapshot))).status == 404


async def test_the_least_important_makes_room(tmp_path: Path) -> None:
    async with live_broker(tmp_path / "data", snapshots=2) as live:
        await gauges(live, 1)
        first, second = [await made(live, body(snapshotPriority=5)) for _ in range(2)]
        assert names(await live.get("/entities", type="Gauge", headers=inside(first)))
        assert (await live.get(f"/snapshots/{first['id']}")).json["lastUsedAt"] > first["lastUsedAt"]
        refused = await live.post("/snapshots", body(snapshotPriority=4))
        assert (refused.status, refused.json["type"][-14:]) == (403, "TooManyResults")
        third = await made(live, body(snapshotPriority=5))
        found = [(await live.get(f"/snapshots/{one['id']}")).status for one in (first, second, third)]
        assert found == [200, 404, 200]


async def test_leaves_files_for_connections(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (40, 40))
    for _ in range(3):
        await made(live, body())
    full = await live.post("/snapshots", body())
    assert (full.status, full.json["type"][-12:]) == (403, "NotPermitted")
    entity = {"id": "urn:ngsi-ld:Gauge:1", "type": "Gauge"}
    assert (await live.post("/entities", entity, headers={"NGSILD-Tenant": "more"})).status == 403
    assert (await live.post("/entities", entity)).status == 201


async def test_a_clone_does_not_take_the_place_of_its_original(tmp_path: Path) -> None:
    async with live_broker(tmp_path / "data", snapshots=2) as live:
        found = await gauges(live, 1)
        original = await made(live, body(snapshotPriority=1))
        other = await made(live, body(snapshotPriority=2))
        clone = await made(live, {"type": "Snapshot"}, f"/snapshots/{original['id']}/clone")
        assert names(await live.get("/entities", type="Gauge", headers=inside(clone))) == found
        assert (await live.get(f"/snapshots/{original['id']}")).status == 200
        assert (await live.get(f"/snapshots/{other['id']}")).status == 404


async def test_a_start_takes_up_what_was_interrupted(tmp_path: Path) -> None:
    """The record alone is enough to fill a snapshot again; a database without a record is dropped."""
    async with live_broker(tmp_path / "data") as live:
        (id,) = await gauges(live, 1)
        snapshot = await made(live, body())
        store = live.broker.catalogue.open("")
        record = store.record(snapshot_filling.KIND, snapshot["id"])
        assert record
        half = {**record, "snapshotStatus": "preparing"}
        await store.put_record(snapshot_filling.KIND, snapshot["id"], half, expires=record["expiresAt"])
        bare = {**half, "id": "urn:ngsi-ld:Snapshot:bare"}
        await store.put_record(snapshot_filling.KIND, bare["id"], bare, new=True, expires=bare["expiresAt"])
        stray = await live.broker.catalogue.make_snapshot(tenancy.database("", "urn:ngsi-ld:Snapshot:stray"))
        assert stray
        waiting = await live.get("/entities", type="Gauge", headers=inside(bare))
        assert (waiting.status, waiting.json["type"][-8:]) == (409, "Conflict")
        assert (await live.post(f"/snapshots/{bare['id']}/clone", {"type": "Snapshot"})).status == 409
    async with live_broker(tmp_path / "data") as live:
        for one in (snapshot, bare):
            assert (await ready(live, f"/snapshots/{one['id']}"))["snapshotStatus"] == "success"
            assert names(await live.get("/entities", type="Gauge", headers=inside(one))) == [id]
        assert len(live.broker.catalogue.databases()) == 3
        subscription = {
            "type": "Subscription",
            "entities": [{"type": "Gauge"}],
            "notification": {"endpoint": {"uri": "http://127.0.0.1:9/"}},
        }
        assert (await live.post("/subscriptions", subscription, headers=inside(snapshot))).status == 201
        assert len((await live.get("/subscriptions", headers=inside(snapshot))).json) == 1


async def test_lasts_over_a_restart_with_its_last_use(tmp_path: Path) -> None:
    async with live_broker(tmp_path / "data", expiry_seconds=0.02) as live:
        (id,) = await gauges(live, 1)
        snapshot = await made(live, body())
        assert names(await live.get("/entities", type="Gauge", headers=inside(snapshot))) == [id]
        for _ in range(3000):
            if not live.broker.running.used:
                break
            await asyncio.sleep(0.01)
    async with live_broker(tmp_path / "data") as live:
        shown = (await live.get(f"/snapshots/{snapshot['id']}")).json
        assert snapshot["lastUsedAt"] < shown["lastUsedAt"] < clock.show(clock.now())
        assert names(await live.get("/entities", type="Gauge", headers=inside(snapshot))) == [id]


async def test_goes_with_its_tenant(live: Live) -> None:
    await gauges(live, 1, **{"NGSILD-Tenant": "here"})
    snapshot = await made(live, body(), **{"NGSILD-Tenant": "here"})
    for name in tenancy.belonging("here", live.broker.catalogue.databases()):
        await live.broker.catalogue.drop(name)
    assert live.broker.catalogue.databases() == [""]
    reply = await live.get("/entities", type="Gauge", headers={"NGSILD-Tenant": "here", **inside(snapshot)})
    assert reply.status == 404
