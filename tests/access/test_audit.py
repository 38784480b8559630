"""The audit log: each write and each refusal, nothing of what was sent, whatever happens to the file. (OWASP A09:2021)"""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from base import admin
from base.access.audit import Audit
from base.access.keys import Keys
from base.settings import SettingError
from broker.server import all_handlers
from tests.access.secure import bearer
from tests.live import Live, live_broker

SECRET = "とても秘密の値"
SHELTER = {"id": "urn:ngsi-ld:Shelter:1", "type": "Shelter", "note": {"type": "Property", "value": SECRET}}


def read(file: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in file.read_bytes().splitlines()]


async def logged(live: Live) -> list[dict[str, Any]]:
    assert live.broker.doors.audit is not None and live.broker.settings.audit is not None
    await live.broker.doors.audit.flush()
    return read(live.broker.settings.audit)


def keys_of(live: Live) -> Keys:
    assert live.broker.doors.keys is not None
    return live.broker.doors.keys


async def test_tells_of_each_write(tmp_path: Path) -> None:
    async with live_broker(tmp_path / "data", audit=tmp_path / "log" / "audit.jsonl") as live:
        text, _ = await keys_of(live).add("gate", ["writer"], None, 1)
        tenant = {"NGSILD-Tenant": "harbour"}
        await live.post("/entities", SHELTER, headers=bearer(text))
        await live.ask(
            "PATCH", f"/entities/{SHELTER['id']}/attrs?options=noOverwrite", {"note": {"value": SECRET}}
        )
        await live.post("/entities", SHELTER, headers=tenant)
        await live.post("/entityOperations/delete", [SHELTER["id"]], headers=tenant)
        await live.ask("DELETE", "/entities/urn:ngsi-ld:Shelter:none")
        await live.get(f"/entities/{SHELTER['id']}")
        await live.post("/entityOperations/query", {"type": "Query", "entities": [{"type": "Shelter"}]})
        lines = await logged(live)
        body = live.broker.settings.audit.read_text() if live.broker.settings.audit else ""
    seen = [
        (line["kind"], line["caller"], line["operation"], line["tenant"], line.get("entity"), line["status"])
        for line in lines
    ]
    assert seen == [
        ("key", "gate", "POST /entities", "", None, 201),
        ("anonymous", "", "POST /entities", "harbour", None, 201),
        ("anonymous", "", "POST /entityOperations/delete", "harbour", None, 204),
        ("anonymous", "", "DELETE /entities/{entityId}", "", "urn:ngsi-ld:Shelter:none", 404),
    ]
    assert all(
        set(line) <= {"time", "request", "event", "kind", "caller", "operation", "tenant", "entity", "status"}
        for line in lines
    )
    assert {line["event"] for line in lines} == {"write"}
    assert len({line["request"] for line in lines}) == len(lines)
    for word in (SECRET, text, text.rpartition("_")[2], "noOverwrite", "127.0.0.1", "writer"):
        assert word not in body


async def test_tells_of_refusals_without_what_was_tried(tmp_path: Path) -> None:
    async with live_broker(
        tmp_path / "data", audit=tmp_path / "audit.jsonl", requests_per_second=0.01, requests_burst=5
    ) as live:
        for number in range(4):
            await live.get(f"/entities/urn:x:{number}?q=a=={SECRET}", headers=bearer(f"engawa_guess{number}"))
        await live.get("/nowhere", headers=bearer("engawa_guess"))
        for _ in range(3):
            await live.get("/types")
        lines = await logged(live)
        assert live.broker.settings.audit is not None
        body = live.broker.settings.audit.read_text()
    seen = [
        (line["event"], line["kind"], line["operation"], line["status"], line.get("count", 1))
        for line in lines
    ]
    assert seen == [
        ("refusal", "unproven", "GET /entities/{entityId}", 401, 4),
        ("refusal", "unproven", "-", 401, 1),
        ("refusal", "anonymous", "GET /types", 429, 3),
    ]
    for word in (SECRET, "guess", "urn:x", "127.0.0.1"):
        assert word not in body


async def test_tells_of_commands_of_the_operator(tmp_path: Path) -> None:
    async with live_broker(tmp_path / "data", audit=tmp_path / "audit.jsonl") as live:
        async with admin.serve(live.broker.settings.data, all_handlers(live.broker)):
            made = await admin.ask(live.broker.settings.data, "keys.add", name="gate", roles=[], expires=None)
            await admin.ask(live.broker.settings.data, "keys.list")
            await admin.ask(live.broker.settings.data, "keys.remove", name="gate")
            with pytest.raises(admin.Refused):
                await admin.ask(live.broker.settings.data, "tenants.delete", name="harbour")
        lines = await logged(live)
    assert [(line["event"], line["command"], line["name"]) for line in lines] == [
        ("command", "keys.add", "gate"),
        ("command", "keys.remove", "gate"),
        ("command", "tenants.delete", "harbour"),
    ]
    assert made["key"] not in (tmp_path / "audit.jsonl").read_text()


async def test_writes_by_itself_and_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    audit = Audit(file, seconds=0.01)
    await audit.start()
    audit.note({"number": 1})
    for _ in range(3000):
        if file.stat().st_size:
            break
        await asyncio.sleep(0.01)
    audit.note({"number": 2})
    await audit.close()
    assert [line["number"] for line in read(file)] == [1, 2]


async def test_goes_on_after_rotation(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    audit = Audit(file)
    for number in range(3):
        audit.note({"number": number})
        await audit.flush()
        file.rename(tmp_path / f"audit.{number}")
    audit.note({"number": 3})
    await audit.close()
    for number in range(3):
        assert read(tmp_path / f"audit.{number}") == [{"number": number}]
    assert read(file) == [{"number": 3}]


async def test_only_grows_and_ends_a_line_that_was_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_bytes(b'{"number":1}\n{"num')
    audit = Audit(file)
    audit.note({"number": 2})
    await audit.close()
    assert file.read_bytes() == b'{"number":1}\n{"num\n{"number":2}\n'


async def test_waits_for_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    file = folder / "audit.jsonl"
    audit = Audit(file)
    file.unlink()
    folder.rmdir()
    folder.touch()  # now no file can be made there
    audit.note({"number": 1})
    await audit.flush()
    audit.note({"number": 2})
    await audit.flush()
    folder.unlink()
    await audit.close()
    assert [line["number"] for line in read(file)] == [1, 2]


async def test_says_how_much_was_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("base.access.audit.MOST_WAITING", 3)
    audit = Audit(tmp_path / "audit.jsonl")
    for number in range(5):
        audit.note({"number": number})
    await audit.close()
    assert read(tmp_path / "audit.jsonl")[3:] == [{"event": "lost", "count": 2}]


def test_does_not_start_without_its_file(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="audit log"):
        Audit(tmp_path)
