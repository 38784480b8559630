"""A tenant taken out of a broker and put into another is the same tenant. (docs/transfer.md)"""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from base import admin, clock
from broker.model import tenancy
from broker.model.expiry import living
from broker.server import all_handlers
from broker.store.transfer import START
from broker.transfer.taking_out import export
from engawa.command import cli
from tests.live import Live
from tests.model.samples import entities

TENANT = {"NGSILD-Tenant": "harbour"}
ALL = {"limit": "1000", "options": "sysAttrs"}


async def call(live: Live, *words: str, stdin: bytes | None = None) -> Result:
    """Call a command against a running broker, as a person would."""
    folder = live.broker.settings.data
    async with admin.serve(folder, all_handlers(live.broker)):
        return await asyncio.to_thread(
            CliRunner().invoke, cli, [*words, "--data", str(folder)], input=stdin, prog_name="engawa"
        )


def mode(file: Path) -> int:
    return file.stat().st_mode & 0o777


def files(folder: Path) -> list[Path]:
    return list(folder.glob("*.jsonl*"))


async def state(live: Live, tenant: str = "harbour") -> dict[str, Any]:
    """All that a tenant and its snapshots hold, as the store has it."""
    found = await content(live, tenant)
    kept = live.broker.catalogue.open(tenant).records("snapshot")
    found["snapshots"] = [
        ({**one, "lastUsedAt": 0}, await content(live, tenancy.database(tenant, one["id"]))) for one in kept
    ]
    return found


async def snapshot(live: Live, id: str, *kinds: str, headers: dict[str, str] = TENANT) -> None:
    """Make a snapshot of entities and histories of some types, and wait until it is there."""
    query = {"type": "Query", "entities": [{"type": kind} for kind in kinds]}
    temporal = {
        **query,
        "temporalQ": {"timerel": "after", "timeAt": "2000-01-01T00:00:00Z", "timeproperty": "createdAt"},
    }
    body = {"id": id, "type": "Snapshot", "snapshotQueries": [query], "snapshotTemporalQueries": [temporal]}
    made = await live.post("/snapshots", body, headers=headers)
    assert made.status == 201, made.json
    async with asyncio.timeout(60):
        while (await live.get(f"/snapshots/{id}", headers=headers)).json["snapshotStatus"] == "preparing":  # noqa: ASYNC110 - HTTP tells no other way
            await asyncio.sleep(0.01)


async def content(live: Live, tenant: str) -> dict[str, Any]:
    view = await live.broker.catalogue.open(tenant).transfer.view()
    try:
        held = view.held(-1, 100_000)
        found: dict[str, Any] = {
            "entities": [living(one.document, clock.now()) for one in held if one.document],
            "pasts": [one.past for one in held if one.past],
            "instances": {
                one.past.id: view.instances(one.key, (-1, 0, 0, 0), 100_000)[0] for one in held if one.past
            },
            "subscriptions": view.subscriptions(),
            "records": view.records(("registration", "setting")),
        }
    finally:
        view.close()
    found["entities"] = [one for one in found["entities"] if one is not None]
    contexts = live.broker.contexts.stored(None, tenant)
    found["contexts"] = [(e.url, e.document, e.created) for e in contexts if e.kind != "Cached"]
    found["instances"] = {
        id: sorted(map(str, ((iri, sorted(one.items(), key=str)) for iri, one in several)))
        for id, several in found["instances"].items()
    }
    return found


async def fill(live: Live) -> None:
    """Make a tenant that has something of everything."""
    context = await live.post(
        "/jsonldContexts", {"@context": {"level": "https://x.example/level"}}, headers=TENANT
    )
    url = live.url + context.headers["Location"]
    for number in range(3):
        entity = {
            "@context": url,
            "id": f"urn:x:{number}",
            "type": ["Gauge", "https://x.example/Thing"],
            "scope": ["/Yabu/Oya"],
            "level": [
                {
                    "type": "Property",
                    "value": number,
                    "observedAt": "2026-04-01T09:00:00.5Z",
                    "unitCode": "MTR",
                    "accuracy": {
                        "type": "Property",
                        "value": 0.5,
                        "by": {"type": "Relationship", "object": "urn:x:a"},
                    },
                },
                {"type": "Property", "value": "high", "datasetId": "urn:x:eye"},
            ],
            "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [134.7, 35.4]}},
            "name": {"type": "LanguageProperty", "languageMap": {"ja": "港", "en": "harbour"}},
            "raw": {"type": "JsonProperty", "json": {"a": [None, {"b": 1}]}},
            "kind": {"type": "VocabProperty", "vocab": "Gauge"},
            "parts": {"type": "ListRelationship", "objectList": ["urn:x:p1", "urn:x:p2"]},
        }
        assert (await live.post("/entities", entity, headers=TENANT)).status == 201
    for value in (4, 5):
        body = {"type": "Property", "value": value, "observedAt": f"2026-04-0{value}T09:00:00Z"}
        await live.ask("PATCH", "/entities/urn:x:1/attrs", {"depth": body}, headers=TENANT)
    await live.ask("DELETE", "/entities/urn:x:2", headers=TENANT)
    again = {"id": "urn:x:3", "type": "Gauge", "level": 1}
    for each in (again, again | {"level": 2}):
        assert (await live.post("/entities", each, headers=TENANT)).status == 201
        assert (await live.ask("DELETE", "/entities/urn:x:3", headers=TENANT)).status == 204
    assert (await live.post("/entities", again, headers=TENANT)).status == 201
    subscription = {
        "id": "urn:x:subscription",
        "type": "Subscription",
        "entities": [{"type": "Gauge"}],
        "q": "level>3",
        "notification": {"endpoint": {"uri": "http://127.0.0.1:1/none"}},
        "@context": url,
    }
    assert (await live.post("/subscriptions", subscription, headers=TENANT)).status == 201
    full = {
        "id": "urn:x:full",
        "type": "Subscription",
        "subscriptionName": "all",
        "description": "of it",
        "entities": [
            {"type": "Gauge", "idPattern": "urn:x:.*"},
            {"type": "https://x.example/Thing", "id": "urn:x:1"},
        ],
        "watchedAttributes": ["level", "location"],
        "q": 'level>3;name[en]=="harbour"',
        "scopeQ": "/Yabu/#",
        "geoQ": {"georel": "near;maxDistance==100", "geometry": "Point", "coordinates": [134.7, 35.4]},
        "notificationTrigger": ["entityCreated", "attributeUpdated"],
        "expiresAt": "2090-01-01T00:00:00Z",
        "throttling": 5,
        "isActive": True,
        "lang": "ja",
        "datasetId": ["@none"],
        "notification": {
            "attributes": ["level"],
            "format": "keyValues",
            "showChanges": False,
            "sysAttrs": True,
            "endpoint": {
                "uri": "http://127.0.0.1:1/none",
                "accept": "application/ld+json",
                "timeout": 500,
                "cooldown": 1000,
                "receiverInfo": [{"key": "Authorization", "value": "secret"}],
                "notifierInfo": [{"key": "a", "value": "b"}],
            },
        },
        "@context": url,
    }
    made = await live.post("/subscriptions", full, headers=TENANT)
    assert made.status == 201, made.json
    timed = {
        "id": "urn:x:timed",
        "type": "Subscription",
        "entities": [{"type": "Gauge"}],
        "timeInterval": 3600,
        "notification": {"endpoint": {"uri": "mqtt://127.0.0.1:1/none"}},
        "isActive": False,
    }
    assert (await live.post("/subscriptions", timed, headers=TENANT)).status == 201
    source = {
        "id": "urn:x:source",
        "type": "ContextSourceRegistration",
        "endpoint": "http://127.0.0.1:1",
        "registrationName": "all",
        "mode": "inclusive",
        "operations": ["retrieveOps"],  # nothing is passed on: nobody is there
        "scope": ["/Yabu"],
        "information": [
            {
                "entities": [{"type": ["Gauge", "Thing"], "idPattern": "urn:.*"}],
                "propertyNames": ["level"],
                "relationshipNames": ["of"],
            },
            {"propertyNames": ["depth"]},
        ],
        "observationInterval": {"startAt": "2026-01-01T00:00:00Z"},
        "tenant": "other",
        "location": {"type": "Point", "coordinates": [134.7, 35.4]},
        "refreshRate": "PT5M",
        "management": {"timeout": 500, "localOnly": True},
        "owner": "https://x.example/own",
        "contextSourceInfo": [{"key": "a", "value": "b"}],
    }
    made = await live.post("/csourceRegistrations", source, headers=TENANT)
    assert made.status == 201, made.json
    registration = {
        "id": "urn:x:registration",
        "type": "ContextSourceRegistration",
        "endpoint": "http://127.0.0.1:1",
        "operations": ["retrieveOps"],
        "information": [{"entities": [{"type": "Gauge"}]}],
        "expiresAt": "2090-01-01T00:00:00Z",
    }
    assert (await live.post("/csourceRegistrations", registration, headers=TENANT)).status == 201
    about = {
        "id": "urn:x:subscription",
        "type": "Subscription",
        "entities": [{"type": "Gauge"}],
        "notification": {"endpoint": {"uri": "http://127.0.0.1:1/none"}},
    }
    assert (await live.post("/csourceSubscriptions", about, headers=TENANT)).status == 201
    await snapshot(live, "urn:x:snapshot", "Gauge")


def counters_apart(found: dict[str, Any]) -> dict[str, Any]:
    """Attempts to deliver go on while we look."""
    found["subscriptions"] = [{k: v for k, v in s.items() if k != "counters"} for s in found["subscriptions"]]
    return found


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


async def test_importing_again_changes_nothing_and_goes_on_where_it_ended(
    live: Live, other: Live, tmp_path: Path
) -> None:
    await fill(live)
    file = tmp_path / "all.jsonl"
    await call(live, "export", str(file), "--tenant", "harbour")
    lines = file.read_text().splitlines()
    cut = tmp_path / "cut.jsonl"
    cut.write_text("\n".join(lines[: len(lines) // 2]))
    first = await call(other, "import", str(cut), "--json")
    assert first.exit_code == 1 and json.loads(first.stdout)["complete"] is False
    for _ in range(2):
        again = await call(other, "import", str(file), "--json")
        assert again.exit_code == 0, again.output
    report = json.loads(again.stdout)
    assert report["new"] == {} and report["unchanged"]["entity"] == 6  # three of the snapshot
    assert counters_apart(await state(other)) == counters_apart(await state(live))


async def test_a_dry_run_says_what_would_be_and_does_nothing(live: Live, other: Live, tmp_path: Path) -> None:
    await fill(live)
    file = tmp_path / "all.jsonl"
    await call(live, "export", str(file), "--tenant", "harbour")
    dry = await call(other, "import", str(file), "--dry-run", "--json")
    assert dry.exit_code == 0 and not other.broker.catalogue.exists("harbour")
    wet = await call(other, "import", str(file), "--json")
    assert json.loads(dry.stdout)["new"] == json.loads(wet.stdout)["new"]
    dry = await call(other, "import", str(file), "--dry-run", "--json")
    assert json.loads(dry.stdout)["new"] == {}


def written(tmp_path: Path, *lines: Any, version: int = 1) -> str:
    file = tmp_path / "own.jsonl"
    header = {"kind": "header", "form": "engawa-tenant", "version": version, "tenant": "harbour"}
    several = [header, *lines, {"kind": "end", "counts": {}}]
    file.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in several))
    return str(file)


async def test_refuses_a_file_of_another_form_or_version(live: Live, tmp_path: Path) -> None:
    newer = await call(live, "import", written(tmp_path, version=2))
    assert newer.exit_code == 1 and "version 2" in newer.output and "reads version 1" in newer.output
    other = tmp_path / "other.jsonl"
    other.write_text('{"id": "urn:x:1"}\n')
    assert "does not begin with the header" in (await call(live, "import", str(other))).output


async def test_lists_the_lines_it_cannot_take_and_takes_the_others(live: Live, tmp_path: Path) -> None:
    file = written(
        tmp_path,
        {"kind": "entity", "entity": {"id": "urn:x:1", "type": "T", "a": 1}},
        {"kind": "entity", "entity": {"id": "no uri", "type": "T"}},
        {"kind": "entity", "entity": {"id": "urn:x:2", "type": "Resident"}},
        "not json",
        {"kind": "poem"},
        {"kind": "history", "id": "urn:x:1", "type": 5},
        {"kind": "instances", "id": "urn:x:1", "attributes": {"a": [{"type": "Property", "value": 1}]}},
        {"kind": "subscription", "subscription": {"id": "urn:x:3"}},
    )
    done = await call(live, "import", file, "--json")
    report = json.loads(done.stdout)
    assert done.exit_code == 1 and report["new"] == {"entity": 1}
    assert [one["line"] for one in report["rejected"]] == [3, 4, 5, 6, 7, 8, 9]
    assert "describes people" in report["rejected"][1]["reason"]


async def test_what_differs_is_kept_unless_told_otherwise(live: Live, tmp_path: Path) -> None:
    await live.post("/entities", {"id": "urn:x:1", "type": "T", "a": 1}, headers=TENANT)
    file = written(tmp_path, {"kind": "entity", "entity": {"id": "urn:x:1", "type": "T", "a": 2}})
    kept = await call(live, "import", file)
    assert kept.exit_code == 1 and "differs" in kept.output
    assert (await live.get("/entities/urn:x:1", headers=TENANT, format="simplified")).json["a"] == 1
    assert (await call(live, "import", file, "--replace")).exit_code == 0
    assert (await live.get("/entities/urn:x:1", headers=TENANT, format="simplified")).json["a"] == 2


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


async def test_long_lines_go_through(live: Live, tmp_path: Path) -> None:
    entity = {"id": "urn:x:1", "type": "T", "a": "x" * 3_000_000}
    assert (
        await call(live, "import", written(tmp_path, {"kind": "entity", "entity": entity}))
    ).exit_code == 0
    assert (await live.get("/entities/urn:x:1", headers=TENANT, format="simplified")).json == entity


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
