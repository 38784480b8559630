"""A tenant taken out of a broker and put into another is the same tenant. (docs/transfer.md)"""

import asyncio
import gzip
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.store.transfer import START
from broker.transfer.taking_out import export
from tests.live import Live
from tests.model.samples import entities
from tests.transfer.harbour import TENANT, call, counters_apart, fill, snapshot, state


def mode(file: Path) -> int:
    return file.stat().st_mode & 0o777


def files(folder: Path) -> list[Path]:
    return list(folder.glob("*.jsonl*"))


async def test_a_tenant_put_into_another_broker_is_the_same(live: Live, other: Live, tmp_path: Path) -> None:
    await fill(live)
    file = tmp_path / "harbour.jsonl"
    made = await call(live, "export", str(file), "--tenant", "harbour")
    assert made.exit_code == 0, made.output
    assert mode(file) == 0o600  # credentials are in it
    done = await call(other, "import", str(file))
    assert done.exit_code == 0, done.output
    assert counters_apart(await state(other)) == counters_apart(await state(live))
    for path in ("/entities?local=true", "/temporal/entities/urn:x:1", "/temporal/entities/urn:x:2"):
        one, two = [await each.ask("GET", path, headers=TENANT) for each in (live, other)]
        assert (one.status, one.json) == (two.status, two.json) and one.status == 200, path
    for path in ("/csourceRegistrations/urn:x:registration", "/subscriptions/urn:x:subscription"):
        assert (await other.get(path, headers=TENANT)).status == 200
    assert (
        live.broker.catalogue.open("harbour").check() == other.broker.catalogue.open("harbour").check() == []
    )


async def test_what_a_tenant_has_set_for_itself_goes_along(live: Live, other: Live, tmp_path: Path) -> None:
    await fill(live)
    store = live.broker.catalogue.open("harbour")
    await store.history.set_policy({"keepDeleted": False, "record": ["https://x.example/Thing"]})
    await store.demands.set({"https://x.example/Thing": "WeatherObserved"})
    file = tmp_path / "set.jsonl"
    await call(live, "export", str(file), "--tenant", "harbour")
    assert (await call(other, "import", str(file))).exit_code == 0
    put_back = other.broker.catalogue.open("harbour")
    assert put_back.history.policy == store.history.policy
    assert put_back.demands.schemas == store.demands.schemas
    reply = await other.post(
        "/entities", {"id": "urn:x:9", "type": "https://x.example/Thing"}, headers=TENANT
    )
    assert reply.status == 400 and reply.json["broken"]


async def test_what_was_put_back_lives_on(live: Live, other: Live, tmp_path: Path) -> None:
    await fill(live)
    file = tmp_path / "harbour.jsonl.gz"
    await call(live, "export", str(file), "--tenant", "harbour")
    assert gzip.decompress(file.read_bytes()).startswith(b'{"kind":"header","form":"engawa-tenant"')
    assert (await call(other, "import", str(file), "--tenant", "port")).exit_code == 0
    port = {"NGSILD-Tenant": "port"}
    change = {"level": {"type": "Property", "value": 9}}
    assert (await other.ask("PATCH", "/entities/urn:x:1/attrs", change, headers=port)).status == 204
    assert (await other.get("/temporal/entities/urn:x:1", headers=port)).status == 200
    assert (await other.ask("DELETE", "/entities/urn:x:3", headers=port)).status == 204
    assert (await other.ask("DELETE", "/subscriptions/urn:x:subscription", headers=port)).status == 204
    assert other.broker.catalogue.open("port").check() == []


async def test_an_export_shows_one_moment_while_the_tenant_changes(live: Live, tmp_path: Path) -> None:
    for start in range(0, 2_000, 500):
        batch = [{"id": f"urn:x:{n:05}", "type": "T", "a": 0} for n in range(start, start + 500)]
        await live.post("/entityOperations/create", batch, headers=TENANT)
    view = await live.broker.catalogue.open("harbour").transfer.view()
    try:
        first = view.held(-1, 10)
        await live.ask("DELETE", "/entities/urn:x:01999", headers=TENANT)
        await live.post("/entities", {"id": "urn:x:new", "type": "T"}, headers=TENANT)
        rest = view.held(first[-1].key, 10_000)
    finally:
        view.close()
    ids = [one.document["id"] for one in [*first, *rest] if one.document]
    assert ids == [f"urn:x:{n:05}" for n in range(2_000)]


async def test_entities_and_histories_of_an_export_are_of_one_moment(
    live: Live, other: Live, tmp_path: Path
) -> None:
    ids = [f"urn:x:{number}" for number in range(20)]
    await live.post(
        "/entityOperations/create", [{"id": id, "type": "T", "n": 0} for id in ids], headers=TENANT
    )
    file, done = tmp_path / "busy.jsonl", asyncio.Event()

    many = asyncio.Event()

    async def change() -> None:
        number = 0
        while not done.is_set():
            number += 1
            body = {"n": {"type": "Property", "value": number}}
            await live.ask("PATCH", f"/entities/{ids[number % 20]}/attrs", body, headers=TENANT)
            if number > 100:
                many.set()

    changing = asyncio.create_task(change())
    await many.wait()
    assert (await call(live, "export", str(file), "--tenant", "harbour")).exit_code == 0
    done.set()
    await changing
    assert (await call(other, "import", str(file))).exit_code == 0
    view = await other.broker.catalogue.open("harbour").transfer.view()
    try:
        for held in view.held(-1, 100):
            assert held.document is not None
            several = [one["value"] for _, one in view.instances(held.key, START, 10_000)[0]]
            (now,) = next(iter(held.document["attrs"].values()))
            assert several[-1] == max(several) == now["value"]
    finally:
        view.close()
    assert len((await state(other))["entities"]) == 20


async def test_who_stops_listening_leaves_nothing_open(live: Live) -> None:
    batch = [{"id": f"urn:x:{n}", "type": "T", "a": "x" * 500} for n in range(900)]
    assert (await live.post("/entityOperations/create", batch, headers=TENANT)).status == 201
    for pieces in (1, 2):
        lines = export(live.broker, "harbour", "Engawa")
        for _ in range(pieces):
            assert await anext(lines)
        taking = asyncio.ensure_future(anext(lines))
        await asyncio.sleep(0)
        taking.cancel()
        await asyncio.wait([taking])
        await lines.aclose()
    assert (await live.ask("DELETE", "/entities/urn:x:1", headers=TENANT)).status == 204


async def test_there_must_be_such_a_folder(live: Live, tmp_path: Path) -> None:
    failed = await call(live, "export", str(tmp_path / "none" / "all.jsonl"))
    assert failed.exit_code == 2 and f"the folder '{tmp_path / 'none'}' does not exist" in failed.output


async def test_there_must_be_such_a_tenant(live: Live, tmp_path: Path) -> None:
    file = tmp_path / "none.jsonl"
    failed = await call(live, "export", str(file), "--tenant", "nobody")
    assert failed.exit_code == 1 and "does not exist" in failed.output and not files(tmp_path)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(several=st.lists(entities(), max_size=4, unique_by=lambda one: one["id"]))
async def test_any_entities_come_back_equal(
    live: Live, other: Live, tmp_path: Path, several: list[dict[str, Any]]
) -> None:
    tenant = f"t{len(live.broker.catalogue.names())}"
    headers = {"NGSILD-Tenant": tenant}
    for entity in several:
        await live.post("/entities", entity, headers=headers)
        await live.ask("DELETE", f"/entities/{entity['id']}", headers=headers)
        await live.post("/entities", entity, headers=headers)
    if not live.broker.catalogue.exists(tenant):
        return
    await snapshot(live, "urn:x:snapshot", "*", headers=headers)
    file = tmp_path / f"{tenant}.jsonl"
    assert (await call(live, "export", str(file), "--tenant", tenant)).exit_code == 0
    done = await call(other, "import", str(file))
    assert done.exit_code == 0, done.output
    assert await state(other, tenant) == await state(live, tenant)
