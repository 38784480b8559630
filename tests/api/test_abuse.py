"""What a hostile or careless client can do to a connection, a tenant and what is kept of it. (DESIGN 2.1, 2.7, 2.8)"""

import asyncio
import contextlib
import gc
from typing import Any

import aiohttp.web
import pytest

from base.hot import factory
from tests.api.test_hot import PATH, get
from tests.live import Live

NAME = {"NGSILD-Tenant": "yabu"}


async def talk(live: Live, data: bytes, times: int = 3) -> list[bytes]:
    """Send the same bytes on a new connection each time; give all that comes until the server closes it."""
    answers = []
    for _ in range(times):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(live.url.rpartition(":")[2]))
        writer.write(data)
        try:
            answers.append(await asyncio.wait_for(reader.read(), 30))
        finally:
            writer.close()
    return answers


@pytest.mark.parametrize("line", ["Connection:close", "Connection: keep-alive, close", "connection:  Close"])
async def test_closes_a_connection_however_its_end_is_asked_for(
    live: Live, shelter: dict[str, Any], line: str
) -> None:
    await live.post("/entities", shelter)
    assert all(a.startswith(b"HTTP/1.1 200") for a in await talk(live, get(PATH, line)))


async def test_takes_the_version_from_the_first_line_only(live: Live, shelter: dict[str, Any]) -> None:
    await live.post("/entities", shelter)
    data = get(PATH, "X: HTTP/1.1").replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    assert all(a.startswith(b"HTTP/1.0 200") for a in await talk(live, data))


async def test_shows_nothing_of_a_dropped_tenant_after_it_is_made_anew(
    live: Live, shelter: dict[str, Any]
) -> None:
    for name in ("old", "new"):
        shelter["name"]["value"] = name
        assert (await live.post("/entities", shelter, headers=NAME)).status == 201
        for _ in range(3):
            found = await live.get(f"/entities/{shelter['id']}", headers=NAME)
            listed = await live.get("/entities", headers=NAME, type="Shelter")
            assert found.json["name"]["value"] == listed.json[0]["name"]["value"] == name
        if name == "old":
            await live.broker.catalogue.drop("yabu")


async def test_reads_urls_up_to_the_limit_and_names_it_beyond(live: Live) -> None:
    most = live.broker.settings.url_bytes
    within = await live.get("/entities", type="a" * (most - 1_000))
    beyond = await live.get("/entities", type="a" * most)
    far = await live.get("/entities", type="a" * 2 * most)
    assert within.status == 200
    assert beyond.status == far.status == 414
    assert str(most) in beyond.json["detail"]
    assert b"aaaa" not in far.raw


async def test_refuses_what_is_not_http_without_repeating_it(live: Live) -> None:
    (answer,) = await talk(live, get(PATH, "X: a\0secret"), times=1)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b" 400 " in head
    assert b"problem" not in head
    assert b"errors/InvalidRequest" in body
    assert b"secret" not in answer
    assert b"aiohttp" not in answer


async def test_takes_only_plain_letters_in_the_name_of_a_tenant(live: Live, shelter: dict[str, Any]) -> None:
    port = int(live.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(get("/ngsi-ld/v1/types").replace(b"Host: x", "Host: x\r\nNGSILD-Tenant: 養父".encode()))
    assert b" 400 " in await asyncio.wait_for(reader.readline(), 30)
    writer.close()


async def test_makes_no_tenant_for_a_batch_without_items(live: Live) -> None:
    for operation in ("create", "upsert"):
        assert (await live.post(f"/entityOperations/{operation}", [], headers=NAME)).status == 400
    assert not live.broker.catalogue.exists("yabu")


@pytest.mark.parametrize(
    "data", [b"", b"GET /ngsi-ld", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"]
)
async def test_closes_a_connection_whose_request_does_not_arrive(data: bytes) -> None:
    async def handle(request: aiohttp.web.BaseRequest) -> aiohttp.web.Response:
        return aiohttp.web.Response(body=await request.read())

    server = aiohttp.web.Server(handle)
    listener = await asyncio.get_running_loop().create_server(
        factory(server, lambda _: None, patience=0.2), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname()[:2])
    writer.write(data)
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 30) == b""
    writer.close()
    listener.close()
    await listener.wait_closed()
    await server.shutdown(0.1)


async def test_leaves_nothing_behind_of_a_read_that_has_to_wait(live: Live) -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    await live.post("/entities", {"id": "urn:x:1", "type": "T"}, headers=NAME)
    for dropped in (False, True):
        if dropped:
            await live.broker.catalogue.drop("yabu")
            live.broker.notifier.changed("yabu")
        for _ in range(4):
            reply = await live.get("/subscriptions", headers=NAME)
            assert reply.status == (404 if dropped else 200)
    gc.collect()
    await asyncio.sleep(0)
    assert told == []
