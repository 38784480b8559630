"""The resource jsonldContexts over HTTP. (5.13, 6.29, 6.30)"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from base import clock
from schemas import core_contexts
from tests.contexts.conftest import Server
from tests.live import Live, live_broker

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
A = {"a": "http://x.example/a"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_broker(tmp_path / "data") as it:
        yield it


async def added(live: Live, context: object = A, **headers: str) -> str:
    reply = await live.post("/jsonldContexts", {"@context": context}, headers={**JSON, **headers})
    assert (reply.status, reply.raw) == (201, b"")
    location: str = reply.headers["Location"]
    assert location.startswith("/ngsi-ld/v1/jsonldContexts/")
    return location.removeprefix("/ngsi-ld/v1/jsonldContexts/")


def one(name: str) -> str:
    return f"/jsonldContexts/{quote(name, safe='')}"


async def entity_with(live: Live, context: object, number: int = 1) -> int:
    body = {"id": f"urn:x:{number}", "type": "T", "a": {"type": "Property", "value": 1}, "@context": context}
    return (await live.post("/entities", body)).status


@pytest.mark.parametrize("kind", ["application/json", "application/ld+json"])
async def test_adds_and_serves_exactly_what_was_given(live: Live, kind: str) -> None:
    name = await added(live, [A, "https://x.example/other"], **{"Content-Type": kind})
    reply = await live.get(one(name))
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    assert reply.json == {"@context": [A, "https://x.example/other"]}
    assert (await live.get(one(name), headers={"Accept": "application/ld+json"})).json == reply.json


async def test_drops_what_stands_beside_the_context(live: Live) -> None:
    reply = await live.post("/jsonldContexts", {"@context": A, "more": 1}, headers=JSON)
    assert (await live.session.get(live.url + reply.headers["Location"])).status == 200
    assert await (await live.session.get(live.url + reply.headers["Location"])).json() == {"@context": A}


@pytest.mark.parametrize("body", [A, [], {}, "text"])
async def test_refuses_a_body_without_context(live: Live, body: object) -> None:
    reply = await live.post("/jsonldContexts", body, headers=JSON)
    assert (reply.status, reply.json["type"]) == (400, ERRORS + "InvalidRequest")


@pytest.mark.parametrize(
    "context",
    [42, True, ["https://x.example/c", 7], {"T": {"@id": "x:y", "@context": {}}}, {"a": 1}, "nowhere"],
)
async def test_refuses_a_context_that_is_none(live: Live, context: object) -> None:
    reply = await live.post("/jsonldContexts", {"@context": context}, headers=JSON)
    assert (reply.status, reply.json["type"]) == (400, ERRORS + "BadRequestData")
    assert "Location" not in reply.headers
    assert (await live.get("/jsonldContexts", kind="Hosted")).json == []


async def test_refuses_a_context_that_is_too_long(tmp_path: Path) -> None:
    async with live_broker(tmp_path / "data", context_bytes=100) as live:
        reply = await live.post(
            "/jsonldContexts", {"@context": {"a": "http://x.example/" + "x" * 100}}, headers=JSON
        )
        assert reply.status == 413


async def test_lists_addresses_or_details_by_kind(live: Live, server: Server) -> None:
    hosted, remote = await added(live), server.put("/c", A)
    assert await entity_with(live, remote) == 201
    address = f"{live.url}/ngsi-ld/v1/jsonldContexts/{hosted}"
    core = core_contexts.CORE_URL
    assert (await live.get("/jsonldContexts")).json == [core, address, remote]
    assert (await live.get("/jsonldContexts", details="false", kind="Hosted")).json == [address]
    assert (await live.get("/jsonldContexts", kind="Cached")).json == [core, remote]
    assert (await live.get("/jsonldContexts", kind="ImplicitlyCreated")).json == []
    [details] = (await live.get("/jsonldContexts", kind="Hosted", details="true")).json
    assert (details["URL"], details["localId"], details["kind"]) == (address, hosted, "Hosted")
    assert details["numberOfHits"] == 0
    assert clock.parse(details["createdAt"])
    last = (await live.get("/jsonldContexts", details="true")).json[-1]
    assert clock.parse(last["expiresAt"]) > clock.parse(last["createdAt"])
    assert clock.parse(last["lastUsage"])
    paged = await live.get("/jsonldContexts", limit=1, offset=1, count="true")
    assert (paged.json, paged.headers["NGSILD-Results-Count"]) == ([address], "3")


@pytest.mark.parametrize(
    "params", [{"kind": "other"}, {"details": "other"}, {"kind": "Hosted", "details": "yes"}]
)
async def test_refuses_unknown_kinds_and_flags(live: Live, params: dict[str, Any]) -> None:
    reply = await live.get("/jsonldContexts", **params)
    assert (reply.status, reply.json["type"]) == (400, ERRORS + "BadRequestData")


async def test_cached_contexts_are_described_but_not_served(live: Live, server: Server) -> None:
    remote = server.put("/c", A)
    await entity_with(live, remote)
    details = (await live.get(one(remote), details="true")).json
    assert (details["URL"], details["kind"]) == (remote, "Cached")
    for name in (remote, details["localId"]):
        reply = await live.get(one(name))
        assert (reply.status, reply.json["type"]) == (422, ERRORS + "OperationNotSupported")


async def test_counts_how_often_a_context_is_found(live: Live, server: Server) -> None:
    remote = server.put("/c", A)
    await entity_with(live, remote, 1)
    assert (await live.get(one(remote), details="true")).json["numberOfHits"] == 1
    await entity_with(live, remote, 2)
    assert (await live.get(one(remote), details="true")).json["numberOfHits"] == 3


async def test_says_404_for_what_is_not_stored(live: Live) -> None:
    for method in ("GET", "DELETE"):
        reply = await live.ask(method, one("wrong_id"))
        assert (reply.status, reply.json["type"]) == (404, ERRORS + "ResourceNotFound")
    assert (await live.get(one("wrong_id"), details="true")).status == 404


@pytest.mark.parametrize("by_url", [False, True])
async def test_deletes_by_identifier_or_url(live: Live, server: Server, by_url: bool) -> None:
    hosted, remote = await added(live), server.put("/c", A)
    await entity_with(live, remote)
    cached = remote if by_url else (await live.get(one(remote), details="true")).json["localId"]
    for name in (f"{live.url}/ngsi-ld/v1/jsonldContexts/{hosted}" if by_url else hosted, cached):
        reply = await live.ask("DELETE", one(name))
        assert (reply.status, reply.raw) == (204, b"")
        assert (await live.ask("DELETE", one(name))).status == 404
    server.put("/c", {"a": "http://new.example/"})
    await entity_with(live, remote, 2)
    assert len(server.asked) == 2


async def test_reloads_what_is_cached(live: Live, server: Server) -> None:
    remote = server.put("/c", A)
    await entity_with(live, remote)
    server.put("/c", {"a": "http://new.example/a"})
    assert (await live.ask("DELETE", one(remote), params={"reload": "true"})).status == 204
    await entity_with(live, remote, 2)
    assert "http://new.example/a" in (await live.get("/entities/urn:x:2")).json
    assert len(server.asked) == 2


@pytest.mark.parametrize("broken", [503, b"no json", b"{}", b'{"@context": 7}'])
async def test_a_failed_reload_keeps_the_old_one(live: Live, server: Server, broken: int | bytes) -> None:
    remote = server.put("/c", A)
    await entity_with(live, remote)
    server.answers["/c"] = broken
    reply = await live.ask("DELETE", one(remote), params={"reload": "true"})
    assert (reply.status, reply.json["type"]) == (504, ERRORS + "LdContextNotAvailable")
    assert (await live.get(one(remote), details="true")).json["kind"] == "Cached"
    assert await entity_with(live, remote, 2) == 201
    assert (await live.ask("DELETE", one(remote))).status == 204


async def test_reloads_nothing_else(live: Live) -> None:
    for name in (await added(live), "wrong_id"):
        for flag in ("true", "xxx"):
            reply = await live.ask("DELETE", one(name), params={"reload": flag})
            assert (reply.status, reply.json["type"]) == (400, ERRORS + "BadRequestData")


@pytest.mark.parametrize("version", core_contexts.VERSIONS)
async def test_core_contexts_are_served_and_never_deleted(live: Live, version: str) -> None:
    url = core_contexts.url(version)
    assert (await live.get(one(url))).json == core_contexts.document(version)
    assert (await live.get(one(url), details="true")).json["kind"] == "Cached"
    reply = await live.ask("DELETE", one(url))
    assert (reply.status, reply.json["type"]) == (400, ERRORS + "BadRequestData")
    assert (await live.ask("DELETE", one(url), params={"reload": "true"})).status == 204


async def test_hosted_contexts_belong_to_their_tenant(live: Live) -> None:
    mine, other = {"NGSILD-Tenant": "mine"}, {"NGSILD-Tenant": "other"}
    name = await added(live, **mine)
    assert (await live.get(one(name), headers=mine)).json == {"@context": A}
    for headers in (other, {}):
        assert (await live.get(one(name), headers=headers)).status == 404
        assert (await live.get(one(name), headers=headers, details="true")).status == 404
        assert (await live.ask("DELETE", one(name), headers=headers)).status == 404
        assert not any(name in url for url in (await live.get("/jsonldContexts", headers=headers)).json)
    assert (await live.ask("DELETE", one(name), headers=mine)).status == 204


async def test_a_hosted_context_can_be_used_in_a_link(live: Live) -> None:
    name = await added(live)
    link = f'<{live.url}/ngsi-ld/v1/jsonldContexts/{name}>; rel="http://www.w3.org/ns/json-ld#context"'
    body = {"id": "urn:x:1", "type": "T", "a": {"type": "Property", "value": 1}}
    assert (await live.post("/entities", body, headers={"Link": link})).status == 201
    assert "http://x.example/a" in (await live.get("/entities/urn:x:1")).json
    assert "a" in (await live.get("/entities/urn:x:1", headers={"Link": link})).json
    assert (await live.get(one(name), details="true")).json["numberOfHits"] == 2
