"""Large answers of sources: others have their turn while they are worked on, and get their part. (6.3.17, docs/federation.md)"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.federation import answer
from broker.federation.answer import Unusable
from broker.federation.beside import LIGHT, Beside
from tests.federation.fakes import ENTITY, ask, fake, ok, registered, rude, says
from tests.live import Live, live_broker

OWN = {**ENTITY, "id": "urn:ngsi-ld:Shelter:own"}
READING = ["federationOps", "queryTemporal", "retrieveTemporal", "createEntityMapQueryEntity"]
SINCE = {"timerel": "after", "timeAt": "2020-01-01T00:00:00Z"}


def attribute(value: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value}


def shelter(number: int, **attributes: Any) -> dict[str, Any]:
    return {"id": f"urn:ngsi-ld:Shelter:{number:06d}", "type": "Shelter", **attributes}


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_broker(tmp_path, federation_seconds=60.0, federation_total_seconds=60.0) as running:
        assert (await running.post("/entities", OWN)).status == 201
        yield running


class Turns:
    """Counts how often others had their turn."""

    def __init__(self) -> None:
        self.had = 0

    async def count(self) -> None:
        while True:
            await asyncio.sleep(0)
            self.had += 1


@asynccontextmanager
async def counted() -> AsyncIterator[Turns]:
    turns = Turns()
    task = asyncio.create_task(turns.count())
    try:
        yield turns
    finally:
        task.cancel()


async def asked(live: Live, path: str) -> tuple[int, Any, str]:
    reply = await live.get(path)
    assert live.broker.federation.memory.used == 0
    return reply.status, reply.json, reply.headers.get("NGSILD-Warning", "")


LARGE: dict[str, tuple[Any, str]] = {
    "many entities": (
        [shelter(n, a=attribute(n), b=attribute([n])) for n in range(900)],
        "/entities?type=Shelter&limit=1000",
    ),
    "a large entity": (
        [shelter(1, **{f"a{n}": attribute(n) for n in range(10_000)})],
        "/entities?type=Shelter",
    ),
    "a long history": (
        [
            shelter(
                1,
                a=[{**attribute(n), "observedAt": f"2026-01-01T00:00:{n % 60:02d}Z"} for n in range(10_000)],
            )
        ],
        "/temporal/entities?type=Shelter&timerel=after&timeAt=2020-01-01T00:00:00Z",
    ),
}


@pytest.mark.parametrize("name", LARGE)
async def test_others_have_their_turn_while_a_large_answer_is_worked_on(live: Live, name: str) -> None:
    body, path = LARGE[name]
    async with rude(says(ok(orjson.dumps(body)))) as url:
        since = {"observationInterval": {"startAt": "2020-01-01T00:00:00Z"}} if "temporal" in path else {}
        await registered(live, url, "large", operations=READING[:3], **since)
        beside = live.broker.federation.beside
        at_work = beside.done
        async with counted() as turns:
            status, found, warning = await asked(live, path)
    assert status in (200, 206) and not warning, found
    assert found[0]["id"].startswith("urn:ngsi-ld:Shelter:0")
    assert beside.done > at_work and turns.had > 20


async def test_a_map_of_many_entities_is_made_in_steps(live: Live) -> None:
    ids = {f"urn:ngsi-ld:Shelter:{n:06d}": ["@none"] for n in range(20_000)}
    made = {"id": "urn:ngsi-ld:EntityMap:1", "type": "EntityMap", "entityMap": ids}
    async with fake(made, status=201) as there:
        await registered(live, there.url, "large", operations=READING)
        beside = live.broker.federation.beside
        at_work = beside.done
        async with counted() as turns:
            status, found, warning = await asked(live, "/entityMaps?type=Shelter")
    assert status == 201 and not warning and len(found["entityMap"]) == 20_001
    assert beside.done - at_work >= 3 and turns.had > 40


async def test_small_answers_are_worked_on_at_once(live: Live) -> None:
    async with fake([shelter(n, a=attribute(n)) for n in range(20)]) as there:
        await registered(live, there.url, "town")
        status, found, _ = await asked(live, "/entities?type=Shelter&limit=50")
    assert status == 200 and len(found) == 21 and live.broker.federation.beside.done == 0


async def test_work_in_a_thread_is_not_done_on_the_loop() -> None:
    beside = Beside()
    try:
        assert await beside.run(LIGHT, threading.get_ident) == threading.get_ident()
        assert await beside.run(LIGHT + 1, threading.get_ident) != threading.get_ident()
        with pytest.raises(ZeroDivisionError):
            await beside.run(LIGHT + 1, divmod, 1, 0)
    finally:
        beside.close()
    beside.later(lambda: None)


def dense(values: int) -> bytes:
    return b'[{"id":"urn:ngsi-ld:Shelter:1","type":"Shelter","a":{"type":"Property","value":[%b1]}}]' % (
        b"1," * values
    )


HEAVY: dict[str, bytes] = {
    "lists without number": b"[" + b"[]," * 1_000_000 + b"[]]",
    "one entity of many values": dense(answer.MOST_AT_ONE_GO),
    "many names": orjson.dumps([shelter(1, a=attribute({f"k{n}": 1 for n in range(answer.MOST_AT_ONE_GO)}))]),
    "deep in a long list": b"[" + orjson.dumps(ENTITY) + b"," + b"[" * 200_000 + b"]" * 200_000 + b"]",
}


@pytest.mark.parametrize("name", HEAVY)
async def test_what_would_keep_all_waiting_is_left_out(live: Live, name: str) -> None:
    async with rude(says(ok(HEAVY[name]))) as lying, fake([shelter(7)]) as honest:
        await registered(live, lying, "lying")
        await registered(live, honest.url, "town")
        status, found, warning = await asked(live, "/entities?type=Shelter&limit=50")
    assert status == 200 and [one["id"][-3:] for one in found] == ["007", "own"]
    assert warning.startswith("111 lying ") and "town" not in warning


NUMBERS = {
    "long": b"1" * 300_000,
    "fraction": b"0." + b"1" * 300_000,
    "exponent": b"1e999999",
    "negative": b"-0",
}


@pytest.mark.parametrize("name", NUMBERS)
async def test_giant_numbers_hurt_nobody(live: Live, name: str) -> None:
    body = (
        b'[{"id":"urn:ngsi-ld:Shelter:1","type":"Shelter","a":{"type":"Property","value":%b}}]'
        % NUMBERS[name]
    )
    async with rude(says(ok(body))) as lying, fake([shelter(7)]) as honest:
        await registered(live, lying, "lying")
        await registered(live, honest.url, "town")
        status, found, warning = await asked(live, "/entities?type=Shelter&limit=50")
    assert status == 200 and {"urn:ngsi-ld:Shelter:000007", OWN["id"]} <= {one["id"] for one in found}
    assert "town" not in warning


async def test_an_id_told_many_times_counts_once(live: Live) -> None:
    async with fake([shelter(1, a=attribute(n)) for n in range(500)]) as there:
        await registered(live, there.url, "lying")
        reply = await live.get("/entities?type=Shelter&limit=50&count=true")
    assert reply.status == 200 and reply.headers["NGSILD-Results-Count"] == "2" and len(reply.json) == 2


async def test_ten_thousand_links_to_next_pages_are_one(live: Live) -> None:
    links = ", ".join(f'</next{n}>; rel="next"' for n in range(300))
    async with fake([shelter(1)], headers={"Link": links}) as lying, fake([shelter(7)]) as honest:
        await registered(live, lying.url, "lying")
        await registered(live, honest.url, "town")
        status, found, warning = await asked(live, "/entities?type=Shelter&limit=50")
        assert len(lying.seen) < 5
    assert status == 200 and len(found) == 3 and warning.startswith("111 lying ")


@pytest.mark.parametrize("path", ["/types", "/types?details=true", "/attributes", "/attributes?details=true"])
@pytest.mark.parametrize("name", ["lists without number", "many names"])
async def test_lists_of_types_and_attributes_have_the_same_limits(live: Live, path: str, name: str) -> None:
    async with rude(says(ok(HEAVY[name]))) as lying:
        await registered(live, lying, "lying", operations=["federationOps"])
        status, found, warning = await asked(live, path)
    assert (status == 200 and "Shelter" in str(found)) or "name" in str(found)
    assert warning.startswith("111 lying ")


@pytest.mark.parametrize("name", ["lists without number", "one entity of many values"])
async def test_histories_have_the_same_limits(live: Live, name: str) -> None:
    async with rude(says(ok(HEAVY[name]))) as lying:
        since = {"observationInterval": {"startAt": "2020-01-01T00:00:00Z"}, "operations": ["queryTemporal"]}
        await registered(live, lying, "lying", **since)
        reply = await live.get("/temporal/entities", type="Shelter", **SINCE)
    assert reply.status == 200 and reply.headers["NGSILD-Warning"].startswith("111 lying ")
    assert live.broker.federation.memory.used == 0


# --- memory ----------------------------------------------------------------------------------------------------------


async def test_many_requests_to_large_sources_stay_within_the_memory_for_them(tmp_path: Path) -> None:
    body = orjson.dumps([shelter(n, a=attribute("x" * 500)) for n in range(200)])
    weight = answer.weight(body)
    async with AsyncExitStack() as stack:
        live = await stack.enter_async_context(
            live_broker(
                tmp_path, federation_memory=5 * weight, federation_seconds=60.0, federation_total_seconds=60.0
            )
        )
        most = 0
        memory = live.broker.federation.memory
        for number in range(3):
            url = await stack.enter_async_context(rude(says(ok(body))))
            await registered(live, url, f"large{number}")

        async def look() -> None:
            nonlocal most
            while True:
                most = max(most, memory.used)
                await asyncio.sleep(0)

        looking = asyncio.create_task(look())
        replies = await asyncio.gather(*[live.get("/entities?type=Shelter&limit=10") for _ in range(12)])
        looking.cancel()
    assert {reply.status for reply in replies} == {200}
    assert 0 < most <= 5 * weight and memory.used == 0
    assert all(len(reply.json) == 10 or "NGSILD-Warning" in reply.headers for reply in replies)


async def test_memory_is_given_back_after_failures_and_by_who_goes_away(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def stops(writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n["
            + b" " * 300_000
        )
        await writer.drain()
        begun.set()
        await asyncio.Event().wait()

    async with live_broker(tmp_path, federation_seconds=0.5) as live, AsyncExitStack() as stack:
        memory = live.broker.federation.memory
        for number, content in enumerate((b"[" + b" " * 90_000, b"[" * 90_000, b'"' + b"x" * 90_000 + b'"')):
            url = await stack.enter_async_context(rude(says(ok(content))))
            await registered(live, url, f"bad{number}")
        reply = await live.get("/entities?type=Shelter")
        assert reply.status == 200 and reply.headers["NGSILD-Warning"].count("111 bad") == 3
        assert memory.used == 0
        stopping = await stack.enter_async_context(rude(stops))
        task = asyncio.create_task(ask(live, stopping, management={"timeout": 60_000}))
        await begun.wait()
        await until(lambda: memory.used > 0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert memory.used == 0
        await registered(live, stopping, "stops")
        async with asyncio.timeout(60):
            reply = await live.get("/entities?type=Shelter")
        assert "199 stops" in reply.headers["NGSILD-Warning"] and memory.used == 0


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    for _ in range(2_000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came")


# --- unpacking in pieces ---------------------------------------------------------------------------------------------


def any_json() -> st.SearchStrategy[Any]:
    texts = st.sampled_from(['"', '},{"id":"', "\\", "},", "[", "]", "あ", '{"id":1}', "id", "a"])
    return st.recursive(
        st.none() | st.integers(-9, 9) | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=8,
    )


@settings(max_examples=80, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.fixed_dictionaries({"id": any_json()}, optional={"type": any_json(), "a": any_json()}), max_size=12
    )
)
def test_a_list_unpacked_in_pieces_is_the_list(value: list[Any]) -> None:
    for content in (orjson.dumps(value), orjson.dumps(value, option=orjson.OPT_INDENT_2)):
        assert answer.unpacked(content, 50, 16) == value


@settings(max_examples=60, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.fixed_dictionaries({"id": any_json()}), min_size=2, max_size=6), st.data())
def test_a_list_that_is_spoilt_is_refused_in_pieces_too(value: list[Any], data: st.DataObject) -> None:
    content = orjson.dumps(value)
    at = data.draw(st.integers(0, len(content) - 1))
    spoilt = (
        content[:at] + data.draw(st.sampled_from([b"", b"]", b",", b"}", b'"', b"{"])) + content[at + 1 :]
    )
    try:
        expected = orjson.loads(spoilt)
    except orjson.JSONDecodeError:
        expected = Unusable
    try:
        found = answer.unpacked(spoilt, 50, 16)
    except Unusable:
        found = Unusable
    assert found == expected
