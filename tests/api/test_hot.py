"""Reads answered past the HTTP server: the same answers, never stale, never out of order. (base/hot.py, DESIGN 2.1)"""

import asyncio
import re
from typing import Any

import pytest

from base.hot import is_plain_get
from broker.api.front import Front
from tests.live import Live, live_broker

PATH = "/ngsi-ld/v1/entities/urn:ngsi-ld:Shelter:1"


class Line:
    """One kept connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def read(self) -> tuple[int, dict[str, str], bytes]:
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 30)).decode()
        status = int(head.split(" ", 2)[1])
        headers = dict(re.findall(r"(?m)^([^:\r\n]+): ([^\r\n]*)\r$", head))
        return status, headers, await self.reader.readexactly(int(headers.get("Content-Length", "0")))

    async def ask(self, *lines: str) -> tuple[int, dict[str, str], bytes]:
        self.writer.write(get(*lines))
        return await self.read()


def get(path: str = PATH, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


@pytest.fixture
async def line(live: Live, shelter: dict[str, Any]) -> Any:
    await live.post("/entities", shelter)
    line = Line(*await asyncio.open_connection("127.0.0.1", int(live.url.rpartition(":")[2])))
    yield line
    line.writer.close()


def same(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in ("Date", "X-Request-Id")}


async def test_answers_alike_by_both_ways(live: Live, line: Line) -> None:
    for lines in (
        (),
        (PATH, "Accept: application/ld+json"),
        (PATH, "Accept: application/geo+json"),
        (PATH, "Accept: application/geo+json", "Prefer: body=json"),
        (PATH + "?options=keyValues",),
        ("/ngsi-ld/v1/entities?type=Shelter&limit=1&count=true",),
        ("/ngsi-ld/v1/entities/urn:x:none",),
        ("/ngsi-ld/v1/entities?type=Shelter", "Accept: text/html"),
    ):
        answers = [await line.ask(*lines) for _ in range(4)]
        assert all(status == answers[0][0] for status, _, _ in answers)
        assert all(same(headers) == same(answers[0][1]) for _, headers, _ in answers), answers
        assert all(body == answers[0][2] for _, _, body in answers)
        assert len({headers["X-Request-Id"] for _, headers, _ in answers}) == 4
    assert live.broker.cache.used > 0


async def test_known_reads_go_past_the_server(
    live: Live, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordinary = 0
    serve = Front.serve

    async def counted(front: Front, request: Any) -> Any:
        nonlocal ordinary
        ordinary += 1
        return await serve(front, request)

    monkeypatch.setattr(Front, "serve", counted)
    async with live_broker(live.broker.settings.data.parent / "other") as other:
        await other.post("/entities", {"id": "urn:ngsi-ld:Shelter:1", "type": "Shelter"})
        kept = Line(*await asyncio.open_connection("127.0.0.1", int(other.url.rpartition(":")[2])))
        before = ordinary
        for _ in range(50):
            assert (await kept.ask())[0] == 200
        kept.writer.close()
    assert ordinary - before <= 2


async def test_sees_every_change_at_once(live: Live, line: Line) -> None:
    for number in range(20):
        await live.ask("PATCH", "/entities/urn:ngsi-ld:Shelter:1/attrs/capacity", {"value": number})
        for _ in range(2):
            assert f'"value":{number},'.encode() in (await line.ask())[2]
    await live.ask("DELETE", "/entities/urn:ngsi-ld:Shelter:1")
    assert (await line.ask())[0] == 404


async def test_keeps_pipelined_requests_in_order(live: Live, line: Line) -> None:
    for _ in range(3):
        await line.ask()
    other = "/ngsi-ld/v1/types"
    line.writer.write(get(other) + get() + get(other))
    bodies = [(await line.read())[2] for _ in range(3)]
    assert [b"typeList" in body for body in bodies] == [True, False, True]
    line.writer.write(get(other))
    line.writer.write(get())
    bodies = [(await line.read())[2] for _ in range(2)]
    assert [b"typeList" in body for body in bodies] == [True, False]


async def test_a_body_that_looks_like_a_request_stays_a_body(live: Live, line: Line) -> None:
    for _ in range(3):
        await line.ask()
    fake = get()
    line.writer.write(
        b"POST /ngsi-ld/v1/entities HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        + f"Content-Length: {len(fake)}\r\n\r\n".encode()
    )
    await line.writer.drain()
    await asyncio.sleep(0.05)
    line.writer.write(fake)
    assert (await line.read())[0] == 400
    line.writer.write(get())
    status, _, body = await line.read()
    assert (status, b"Shelter:1" in body) == (200, True)


async def test_tenants_are_not_mixed(live: Live, line: Line) -> None:
    await live.post(
        "/entities", {"id": "urn:ngsi-ld:Shelter:1", "type": "Other"}, headers={"NGSILD-Tenant": "a"}
    )
    for _ in range(3):
        assert b'"Other"' in (await line.ask(PATH, "NGSILD-Tenant: a"))[2]
        assert b'"Shelter"' in (await line.ask())[2]
    assert (await line.ask(PATH, "NGSILD-Tenant: a"))[1]["NGSILD-Tenant"] == "a"


@pytest.mark.parametrize(
    "data",
    [
        get() + b"x",
        get() + get(),
        b"POST / HTTP/1.1\r\n\r\n",
        get()[:-1],
        get(PATH, "Content-Length: 5"),
        get(PATH, "transfer-encoding: chunked"),
        get(PATH, "Connection: close"),
        get().replace(b"1.1", b"1.0"),
        get(PATH, "X: " + "y" * 2000),
    ],
)
def test_only_whole_bodyless_gets_are_plain(data: bytes) -> None:
    assert is_plain_get(get())
    assert not is_plain_get(data)
