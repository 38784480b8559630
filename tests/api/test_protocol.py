"""What all resources share: media types, @context, tenants, limits, refusals, health. (6.3)"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from broker.operations.call import RDF
from tests.live import Live, live_broker

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
LINK = '<{}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/ld+json", "application/ld+json"),
        ("application/ld+json, application/json", "application/json"),
        ("application/json;q=0.5, application/ld+json;q=0.9", "application/ld+json"),
        ("application/geo+json, text/html;q=0.9", "application/geo+json"),
        ("application/*", "application/json"),
    ],
)
async def test_chooses_the_media_type(
    live: Live, shelter: dict[str, Any], accept: str | None, expected: str
) -> None:
    await live.post("/entities", shelter)
    headers = {"Accept": accept} if accept else {}
    reply = await live.get("/entities/urn:ngsi-ld:Shelter:1", headers=headers)
    assert reply.headers["Content-Type"] == expected


async def test_lists_what_it_can_give(live: Live) -> None:
    reply = await live.get("/entities", type="T", headers={"Accept": "text/html"})
    assert reply.status == 406
    assert reply.json["available"][:3] == ["application/json", "application/ld+json", "application/geo+json"]
    assert reply.json["available"][3:] == list(RDF)
    assert (await live.get("/types", headers={"Accept": "application/geo+json"})).status == 406


async def test_refuses_other_bodies_without_a_word(live: Live) -> None:
    url = live.url + "/ngsi-ld/v1/entities"
    async with live.session.post(url, data=b"<a/>", headers={"Content-Type": "text/xml"}) as reply:
        assert (reply.status, await reply.read()) == (415, b"")

    async def chunks() -> Any:
        yield b"{}"

    async with live.session.post(url, data=chunks(), headers={"Content-Type": "application/json"}) as reply:
        assert (reply.status, await reply.read()) == (411, b"")


async def test_asks_for_a_missing_content_type(live: Live) -> None:
    url = live.url + "/ngsi-ld/v1/entities"
    async with live.session.post(url, data=b"{}", skip_auto_headers=["Content-Type"]) as reply:
        problem = await reply.json()
        assert reply.status == 400 and problem["type"].endswith("InvalidRequest")
        assert "Content-Type" in problem["detail"]


async def test_contexts_are_not_mixed(live: Live) -> None:
    entity = {"id": "urn:x:1", "type": "T"}
    link = {"Link": LINK.format(CORE)}
    assert (await live.post("/entities", entity | {"@context": CORE}, headers=link)).status == 400
    json = {"Content-Type": "application/json"}
    assert (await live.post("/entities", entity | {"@context": CORE}, headers=json)).status == 400
    ld = {"Content-Type": "application/ld+json"}
    assert (await live.post("/entities", entity, headers=ld)).status == 400
    assert (await live.post("/entities", entity, headers=link)).status == 201


async def test_an_unreachable_context_is_504(live: Live) -> None:
    reply = await live.get(
        "/entities", type="T", headers={"Link": LINK.format("http://127.0.0.1:1/none.jsonld")}
    )
    assert (reply.status, reply.json["type"]) == (504, ERRORS + "LdContextNotAvailable")


async def test_tenants_are_apart_and_echoed(live: Live) -> None:
    a = {"NGSILD-Tenant": "toyooka"}
    unknown = await live.get("/entities", type="T", headers=a)
    assert (unknown.status, unknown.json["type"]) == (404, ERRORS + "NonexistentTenant")
    made = await live.post("/entities", {"id": "urn:x:1", "type": "T"}, headers=a)
    assert (made.status, made.headers["NGSILD-Tenant"]) == (201, "toyooka")
    assert len((await live.get("/entities", type="T", headers=a)).json) == 1
    assert (await live.get("/entities", type="T")).json == []
    assert (await live.get("/entities", type="T", headers={"NGSILD-Tenant": "a/../b"})).status == 400


async def test_wrong_methods_and_paths(live: Live) -> None:
    reply = await live.ask("PUT", "/entities", {})
    assert reply.status == 405
    assert set(reply.headers["Allow"].split(", ")) == {"POST", "GET", "HEAD", "DELETE", "OPTIONS"}
    assert (await live.get("/nothing")).status == 404
    assert (await live.get("/entities/not%20a%20uri")).status == 400
    assert (await live.get("/entities/urn:x:none")).status == 404


async def test_refuses_what_is_too_large(tmp_path: Path) -> None:
    async with live_broker(
        tmp_path / "small", body_bytes=2000, batch_size=2, nesting=10, url_bytes=300
    ) as live:
        entity: dict[str, Any] = {"id": "urn:x:1", "type": "T"}
        assert (await live.post("/entities", entity | {"a": "x" * 3000})).status == 413
        assert (await live.post("/entityOperations/create", [entity] * 3)).status == 400
        deep: Any = 1
        for _ in range(20):
            deep = [deep]
        assert (
            await live.post("/entities", entity | {"a": {"type": "Property", "value": deep}})
        ).status == 400
        assert (await live.get("/entities", type="T" * 400)).status == 414
        assert (await live.get("/entities", type="T", limit=100000)).status == 403


async def test_broken_json_is_an_invalid_request(live: Live) -> None:
    url = live.url + "/ngsi-ld/v1/entities"
    async with live.session.post(url, data=b'{"id": ', headers={"Content-Type": "application/json"}) as reply:
        body = await reply.json()
    assert (reply.status, body["type"]) == (400, ERRORS + "InvalidRequest")


async def test_tells_its_health_and_numbers(live: Live) -> None:
    for path in ("/health/live", "/health/ready", "/metrics", "/openapi.json"):
        async with live.session.get(live.url + path) as reply:
            assert reply.status == 200, path
            text = await reply.text()
    assert "/ngsi-ld/v1/entities/{entityId}" in text
    await live.get("/entities/urn:x:secret-name")
    async with live.session.get(live.url + "/metrics") as reply:
        text = await reply.text()
    assert 'operation="GET /entities/{entityId}",status="404"' in text
    assert "secret-name" not in text


async def test_limits_connections(tmp_path: Path) -> None:
    async with live_broker(tmp_path / "data", connections=2) as live:
        port = int(live.url.rpartition(":")[2])
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert b"503" in await asyncio.wait_for(reader.readline(), 30)
        for _, other in [*held, (reader, writer)]:
            other.close()


async def test_who_comes_too_much_is_told_so_even_if_they_speak_first(tmp_path: Path) -> None:
    async with live_broker(tmp_path / "data", connections=1) as live:
        port = int(live.url.rpartition(":")[2])
        held = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                b"POST /ngsi-ld/v1/entities HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n"
                + b" " * 65_536
            )
            await writer.drain()
            assert (await asyncio.wait_for(reader.read(), 30)).startswith(b"HTTP/1.1 503 ")
            writer.close()
        held[1].close()
        for _ in range(600):
            if (await live.session.get(live.url + "/health/live")).status == 200:
                break
            await asyncio.sleep(0.05)
        else:
            raise AssertionError("the refused connections are still counted")


async def test_collections_go_with_and_without_a_slash(live: Live) -> None:
    assert (await live.post("/entities/", {"id": "urn:x:1", "type": "T"})).status == 201
    assert len((await live.get("/entities/", type="T")).json) == 1
    assert (await live.ask("PATCH", "/entities/", {"type": "T"})).status == 405
    assert (await live.post("/entities//attrs", {"a": 1})).status == 400
