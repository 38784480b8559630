"""Snapshots go along with their tenant: record and content as they were. (5.2.41, docs/transfer.md)"""

import json
from pathlib import Path
from typing import Any

from tests.live import Live, live_broker
from tests.transfer.harbour import TENANT, call, fill, snapshot, state, written

INSIDE = TENANT | {"NGSILD-Snapshot": "urn:x:snapshot"}


async def test_a_snapshot_shows_what_it_showed(live: Live, other: Live, tmp_path: Path) -> None:
    await fill(live)
    change = {"depth": {"type": "Property", "value": 99}}
    assert (await live.ask("PATCH", "/entities/urn:x:1/attrs", change, headers=TENANT)).status == 204
    file = tmp_path / "all.jsonl"
    told = await call(live, "export", str(file), "--tenant", "harbour")
    assert "1 snapshot" in told.output and "6 entities" in told.output
    assert (await call(other, "import", str(file))).exit_code == 0
    paths = ("/snapshots/urn:x:snapshot", "/entities/urn:x:1", "/temporal/entities/urn:x:1")
    for path in paths:
        headers = TENANT if path == paths[0] else INSIDE
        one, two = [await each.ask("GET", path, headers=headers) for each in (live, other)]
        assert one.status == two.status == 200, (one.json, two.json)
        apart = [{k: v for k, v in each.json.items() if k != "lastUsedAt"} for each in (one, two)]
        assert apart[0] == apart[1]
    now = (await other.get("/entities/urn:x:1", headers=TENANT, format="simplified")).json
    then = (await other.get("/entities/urn:x:1", headers=INSIDE, format="simplified")).json
    assert 99 in now.values() and 99 not in then.values()
    assert other.broker.catalogue.open("harbour/urn:x:snapshot").check() == []


async def test_a_snapshot_put_back_lives_on(live: Live, other: Live, tmp_path: Path) -> None:
    await fill(live)
    file = tmp_path / "all.jsonl"
    await call(live, "export", str(file), "--tenant", "harbour")
    assert (await call(other, "import", str(file), "--tenant", "port")).exit_code == 0
    port = {"NGSILD-Tenant": "port"}
    body = {"id": "urn:x:twin", "type": "Snapshot"}
    assert (await other.post("/snapshots/urn:x:snapshot/clone", body, headers=port)).status == 201
    assert (await other.ask("DELETE", "/snapshots/urn:x:snapshot", headers=port)).status == 204
    assert (await other.get("/snapshots/urn:x:snapshot", headers=port)).status == 404


async def test_a_snapshot_that_differs_is_kept_unless_told_otherwise(
    live: Live, other: Live, tmp_path: Path
) -> None:
    await fill(live)
    file = tmp_path / "all.jsonl"
    await call(live, "export", str(file), "--tenant", "harbour")
    await call(other, "import", str(file))
    wish = {"type": "Snapshot", "snapshotPriority": 9}
    assert (await other.ask("PATCH", "/snapshots/urn:x:snapshot", wish, headers=TENANT)).status == 200
    kept = await call(other, "import", str(file), "--json")
    assert kept.exit_code == 1
    reasons = [one["reason"] for one in json.loads(kept.stdout)["rejected"]]
    assert any(
        reason.startswith("The snapshot urn:x:snapshot is there already and differs") for reason in reasons
    )
    assert (await call(other, "import", str(file), "--replace")).exit_code == 0
    shown = (await other.get("/snapshots/urn:x:snapshot", headers=TENANT)).json
    assert shown["snapshotPriority"] == 5
    assert (await state(other))["snapshots"] == (await state(live))["snapshots"]


async def test_content_without_its_snapshot_is_refused(live: Live, tmp_path: Path) -> None:
    entity = {"id": "urn:x:1", "type": "T"}
    lines: list[Any] = [
        {"kind": "entity", "entity": entity},
        {"kind": "entity", "entity": entity, "snapshot": "urn:x:none"},
        {"kind": "snapshot", "id": "urn:x:2", "body": {"id": "urn:x:2", "snapshotStatus": "success"}},
        {"kind": "setting", "id": "history", "body": {}, "snapshot": "urn:x:2"},
    ]
    done = await call(live, "import", written(tmp_path, *lines), "--json")
    report = json.loads(done.stdout)
    assert report["new"] == {"entity": 1}
    assert [one["line"] for one in report["rejected"]] == [3, 4, 5]
    assert "The snapshot of the line is not there" in report["rejected"][0]["reason"]


async def test_no_more_snapshots_are_put_back_than_a_tenant_may_have(live: Live, tmp_path: Path) -> None:
    await live.post("/entities", {"id": "urn:x:1", "type": "T"}, headers=TENANT)
    for number in range(2):
        await snapshot(live, f"urn:x:{number}", "T")
    file = tmp_path / "all.jsonl"
    await call(live, "export", str(file), "--tenant", "harbour")
    async with live_broker(tmp_path / "small", snapshots=1) as small:
        done = await call(small, "import", str(file), "--json")
        report = json.loads(done.stdout)
        assert report["new"]["snapshot"] == 1
        reasons = {one["reason"] for one in report["rejected"]}
        assert any(reason.startswith("The tenant keeps at most 1 snapshot") for reason in reasons)


async def test_numbers_agree_with_their_nouns(live: Live, other: Live, tmp_path: Path) -> None:
    await live.post("/entities", {"id": "urn:x:1", "type": "T", "a": 1}, headers=TENANT)
    file = tmp_path / "all.jsonl"
    told = await call(live, "export", str(file), "--tenant", "harbour")
    assert told.output == f"{file}: 1 entity, 1 history, 1 line of instances.\n"
    done = await call(other, "import", str(file))
    assert done.output == "Tenant 'harbour': 1 entity, 1 history, 1 line of instances put back.\n"
