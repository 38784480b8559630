"""A tenant of a harbour that has something of everything, its state as the store has it, commands about it."""

import asyncio
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from base import admin, clock
from broker.model import tenancy
from broker.model.expiry import living
from broker.server import all_handlers
from engawa.command import cli
from tests.live import Live

TENANT = {"NGSILD-Tenant": "harbour"}


async def call(live: Live, *words: str, stdin: bytes | None = None) -> Result:
    """Call a command against a running broker, as a person would."""
    folder = live.broker.settings.data
    async with admin.serve(folder, all_handlers(live.broker)):
        return await asyncio.to_thread(
            CliRunner().invoke, cli, [*words, "--data", str(folder)], input=stdin, prog_name="engawa"
        )


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
    await _entities_with_pasts(live, url)
    await _subscriptions(live, url)
    await _registrations(live)
    await snapshot(live, "urn:x:snapshot", "Gauge")


async def _entities_with_pasts(live: Live, url: str) -> None:
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


async def _subscriptions(live: Live, url: str) -> None:
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


async def _registrations(live: Live) -> None:
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


def counters_apart(found: dict[str, Any]) -> dict[str, Any]:
    """Attempts to deliver go on while we look."""
    found["subscriptions"] = [{k: v for k, v in s.items() if k != "counters"} for s in found["subscriptions"]]
    return found


def written(tmp_path: Path, *lines: Any, version: int = 1) -> str:
    file = tmp_path / "own.jsonl"
    header = {"kind": "header", "form": "engawa-tenant", "version": version, "tenant": "harbour"}
    several = [header, *lines, {"kind": "end", "counts": {}}]
    file.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in several))
    return str(file)
