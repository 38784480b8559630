"""Writes answered past the HTTP server: the same answers, in order, on disk before they are given. (base/hot.py, DESIGN 2.1)"""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from base.hot import Whole, whole_of
from broker.api.front import Front
from tests.api.test_hot import Line, get, same
from tests.live import Live, live_broker

ROOT = "/ngsi-ld/v1/entities"
Ordinary = Callable[[], int]


def request(method: str, path: str, body: Any, *headers: str) -> bytes:
    sent = body if isinstance(body, bytes) else orjson.dumps(body)
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: x",
        "Content-Type: application/json",
        f"Content-Length: {len(sent)}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + sent


def entity(number: int) -> dict[str, Any]:
    return {"id": f"urn:ngsi-ld:Shelter:{number}", "type": "Shelter", "capacity": number}


def capacity(number: int, value: Any) -> bytes:
    return request("PATCH", f"{ROOT}/urn:ngsi-ld:Shelter:{number}/attrs/capacity", {"value": value})


async def connect(live: Live) -> Line:
    return Line(*await asyncio.open_connection("127.0.0.1", int(live.url.rpartition(":")[2])))


@pytest.fixture
async def line(live: Live) -> Any:
    line = await connect(live)
    yield line
    line.writer.close()


@pytest.fixture
def ordinary(monkeypatch: pytest.MonkeyPatch) -> Ordinary:
    """Count the requests that go the ordinary way."""
    count = 0
    serve = Front.serve

    async def counted(front: Front, request: Any) -> Any:
        nonlocal count
        count += 1
        return await serve(front, request)

    monkeypatch.setattr(Front, "serve", counted)
    return lambda: count


async def send(line: Line, data: bytes) -> tuple[int, dict[str, str], bytes]:
    line.writer.write(data)
    return await line.read()


async def test_answers_writes_alike_by_both_ways(live: Live, line: Line) -> None:
    await send(line, request("POST", ROOT, entity(0)))
    for number in range(1, 4):
        status, headers, body = await send(line, request("POST", ROOT, entity(number)))
        assert (status, body, headers["Location"]) == (201, b"", f"{ROOT}/urn:ngsi-ld:Shelter:{number}")
        assert headers["Content-Length"] == "0"
    for data in (
        request("POST", ROOT, entity(1)),
        capacity(1, 5),
        capacity(99, 5),
        request("PATCH", f"{ROOT}/urn:ngsi-ld:Shelter:1/attrs", {"capacity": 7, "name": "x"}),
        request("POST", f"{ROOT}/urn:ngsi-ld:Shelter:1/attrs", {"capacity": 7}),
        request("PUT", f"{ROOT}/urn:ngsi-ld:Shelter:1/attrs/capacity", {"value": 3}),
        request("PATCH", f"{ROOT}/urn:ngsi-ld:Shelter:1", {"capacity": {"value": 2}}),
        request("POST", "/ngsi-ld/v1/entityOperations/upsert", [entity(1), entity(2)]),
        request("POST", "/ngsi-ld/v1/entityOperations/query", {"type": "Query", "entities": [{"type": "X"}]}),
        request("POST", ROOT, b"{"),
        request("POST", ROOT, {**entity(8), "@context": []}),
        request("POST", ROOT, b"[" * 100 + b"]" * 100),
        request("POST", ROOT, entity(1), "NGSILD-Tenant: a b"),
    ):
        answers = [await send(line, data) for _ in range(3)]
        assert all(status == answers[0][0] for status, _, _ in answers), (data, answers)
        assert all(same(headers) == same(answers[0][1]) for _, headers, _ in answers), (data, answers)
        assert all(body == answers[0][2] for _, _, body in answers)
        assert len({headers["X-Request-Id"] for _, headers, _ in answers}) == 3


async def test_known_writes_go_past_the_server(live: Live, line: Line, ordinary: Ordinary) -> None:
    for number in range(20):
        assert (await send(line, request("POST", ROOT, entity(number))))[0] == 201
        assert (await send(line, capacity(number, number)))[0] == 204
        path = f"{ROOT}/urn:ngsi-ld:Shelter:{number}"
        assert f'"value":{number}'.encode() in (await line.ask(path))[2]
    assert ordinary() <= 4
    assert live.broker.catalogue.open("").stamp("urn:ngsi-ld:Shelter:19", 0) is not None


async def test_answers_requests_sent_together_in_order(live: Live, line: Line) -> None:
    await send(line, request("POST", ROOT, entity(1)))
    await send(line, capacity(1, 0))
    path = f"{ROOT}/urn:ngsi-ld:Shelter:1"
    await line.ask(path)
    for round in range(10):
        for number in range(3):
            line.writer.write(capacity(1, 10 * round + number))
            await asyncio.sleep(0)
            line.writer.write(get(path))
            await asyncio.sleep(0.001 * (round % 3))
        for number in range(3):
            assert (await line.read())[0] == 204
            assert f'"value":{10 * round + number}'.encode() in (await line.read())[2]


async def test_keeps_tenants_apart(live: Live, line: Line) -> None:
    for number in range(3):
        assert (await send(line, request("POST", ROOT, entity(number), "NGSILD-Tenant: a")))[0] == 201
        status, headers, _ = await send(line, request("POST", ROOT, entity(number)))
        assert (status, "NGSILD-Tenant" in headers) == (201, False)
    assert (await line.ask(ROOT + "/urn:ngsi-ld:Shelter:2", "NGSILD-Tenant: a"))[0] == 200


async def test_a_write_under_way_comes_to_its_end_when_the_broker_stops(live: Live) -> None:
    async with live_broker(live.broker.settings.data.parent / "other") as other:
        lines = [await connect(other) for _ in range(8)]
        for number, each in enumerate(lines):
            await send(each, request("POST", ROOT, entity(number)))
            await send(each, capacity(number, 0))
        for number, each in enumerate(lines):
            each.writer.write(capacity(number, 1))
        await asyncio.sleep(0.01)
    answers = [await each.read() for each in lines]
    assert [status for status, _, _ in answers] == [204] * 8
    for each in lines:
        each.writer.close()


async def test_survives_a_client_that_goes_before_its_answer(live: Live, line: Line) -> None:
    await send(line, request("POST", ROOT, entity(1)))
    await send(line, capacity(1, 0))
    other = await connect(live)
    await send(other, capacity(1, 1))
    other.writer.write(capacity(1, 2))
    other.writer.transport.abort()
    assert (await send(line, capacity(1, 3)))[0] == 204


async def test_an_audited_write_goes_the_ordinary_way(live: Live, ordinary: Ordinary) -> None:
    folder = live.broker.settings.data.parent / "audited"
    async with live_broker(folder, audit=folder / "audit.log") as audited:
        line = await connect(audited)
        for number in range(5):
            assert (await send(line, request("POST", ROOT, entity(number))))[0] == 201
        line.writer.close()
    assert ordinary() == 5


BODY = b'{"id": 1}'
PLAIN = request("POST", ROOT, BODY)


def test_parts_a_request_from_its_body() -> None:
    head = PLAIN.removesuffix(BODY).replace(b"Content-Length: 9\r\n", b"")
    assert whole_of(PLAIN) == Whole(head, BODY)
    assert whole_of(PLAIN.replace(b"Content-Length", b"content-length")) == Whole(head, BODY)


@pytest.mark.parametrize(
    "data",
    [
        PLAIN + b"x",
        PLAIN + PLAIN,
        PLAIN[:-1],
        PLAIN.replace(b"Content-Length: 9", b"Content-Length: 9\r\nContent-Length: 9"),
        PLAIN.replace(b"Content-Length: 9", b"Content-Length: +9"),
        PLAIN.replace(b"Content-Length: 9", b"Content-Length: 9\r\n 9"),
        PLAIN.replace(b"Content-Length: 9", b"Content-Length : 9"),
        PLAIN.replace(b"Content-Length: 9\r\n", b""),
        request("POST", ROOT, BODY, "Transfer-Encoding: chunked"),
        request("POST", ROOT, BODY, "Content-Encoding: gzip"),
        request("POST", ROOT, BODY, "Expect: 100-continue"),
        request("POST", ROOT, BODY, "Connection: close"),
        request("POST", ROOT, BODY, "X: " + "y" * 2000),
        request("DELETE", ROOT, BODY),
        PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
)
def test_takes_nothing_but_one_whole_request(data: bytes) -> None:
    assert whole_of(data) is None
