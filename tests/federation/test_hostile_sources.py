"""Slow, broken and lying sources: they harm neither the broker nor what other sources answer. (6.3.17, 5.2.34)"""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from base import clock
from base.egress import AddressPolicy
from broker.federation import Asking, Directed, Request
from broker.federation.sender import Sender
from tests.federation.fakes import ENTITY, Behaviour, ask, code, fake, ok, registered, rude, says, source
from tests.live import Live, live_broker
from tests.ports import free_port

GOOD = orjson.dumps([ENTITY])
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_broker(tmp_path, federation_seconds=0.5, federation_bytes=100_000) as running:
        yield running


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
        await writer.drain()


async def endless_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD)
    while True:
        writer.write(b"X-More: 1\r\n" * 100)
        await writer.drain()


BEHAVIOURS: dict[str, tuple[Behaviour, int]] = {
    "garbage instead of HTTP": (says(b"\x16\x03\x01garbage\r\n\r\n"), 111),
    "garbage instead of JSON": (says(ok(b"not a json document")), 111),
    "a web page": (says(ok(b"<html></html>", kind="text/html")), 111),
    "JSON called a web page": (says(ok(GOOD, kind="text/html")), 111),
    "no body": (says(ok(b"")), 111),
    "a number": (says(ok(b"5")), 111),
    "a text": (says(ok(b'"entities"')), 111),
    "a body cut off": (says(ok(GOOD[:20], length=len(GOOD))), 111),
    "JSON cut off": (says(ok(GOOD[:20])), 111),
    "JSON with bytes that are no text": (says(ok(b'[{"id":"\xff\xfe"}]')), 111),
    "deep JSON": (says(ok(b"[" * 500 + b"]" * 500)), 111),
    "very deep JSON": (says(ok(b"[" * 40_000 + b"]" * 40_000)), 111),
    "a huge body": (says(ok(b"[" + b" " * 200_000 + b"]")), 111),
    "small values without number": (says(ok(b"[[" + b"[]," * 30_000 + b"[]]]")), 111),
    "a body said to be huge": (says(ok(b"[", length=10**12)), 111),
    "an endless body": (endless, 111),
    "endless headers": (endless_headers, 111),
    "an endless header": (says(HEAD + b"X-Long: " + b"x" * 1_000_000), 111),
    "a compressed body": (says(HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(GOOD)), 111),
    "a bomb": (says(HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b" " * 10_000_000)), 111),
    "an @context that is none": (says(ok(orjson.dumps([{**ENTITY, "@context": 5}]))), 111),
    "more @contexts than make sense": (
        says(ok(orjson.dumps([{"@context": {"a": f"urn:x:{n}"}} for n in range(20)]))),
        111,
    ),
    "silence": (says(stay=True), 199),
    "a head and then silence": (says(HEAD + b"Content-Length: 9\r\n\r\n[", stay=True), 199),
    "one byte at a time": (says(*[bytes([byte]) for byte in ok(GOOD)], pause=0.1), 199),
    "the connection closed": (says(), 199),
    "a redirect": (
        says(b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
        299,
    ),
    "a refusal": (says(b"HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n"), 299),
    "a failure": (says(b"HTTP/1.1 500 X\r\nContent-Length: 4\r\n\r\nhelp"), 299),
    "nothing there": (says(b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n"), 0),
}


async def test_says_what_is_wrong_with_each_answer_whatever_else_is_under_way(live: Live) -> None:
    async def found(behaviour: Behaviour) -> int:
        async with rude(behaviour) as url:
            outcome = await ask(live, url)
        if outcome.failure is not None:
            warning = outcome.failure.warning(outcome.source)
            assert warning.isprintable() and "127.0.0.1" not in warning and "garbage" not in warning
        return code(outcome)

    codes = await asyncio.gather(*[found(behaviour) for behaviour, _ in BEHAVIOURS.values()])
    assert dict(zip(BEHAVIOURS, codes, strict=True)) == {name: told for name, (_, told) in BEHAVIOURS.items()}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["@context", "type", "id", "@id", "@value", "value", "名前", "", "@x", "vocab", "a:b"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


async def test_any_json_is_understood_or_refused(live: Live) -> None:
    answers: list[bytes] = []

    @settings(max_examples=150, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(JSON)
    def collect(value: Any) -> None:
        answers.append(orjson.dumps(value))

    collect()
    context = {"名前": "https://example.org/name", "a": "https://example.org/"}
    async with fake() as there:
        for content in answers:
            there.body = orjson.loads(content)
            outcome = await ask(live, there.url, context=context, management={"timeout": 60_000})
            assert code(outcome) in (0, 111), content
            if outcome.failure is not None:
                assert "could not be understood" not in outcome.failure.problem.detail, content


async def test_a_redirect_is_not_followed(live: Live) -> None:
    async with fake() as inner, fake(None, status=302, headers={}) as outer:
        outer.headers = {"Location": inner.url}
        assert code(await ask(live, outer.url)) == 299 and not inner.seen


async def test_the_others_answer_completely_while_one_does_not(live: Live) -> None:
    async with AsyncExitStack() as stack:
        for number in range(5):
            entity = {**ENTITY, "id": f"urn:ngsi-ld:Shelter:{number}"}
            await registered(live, (await stack.enter_async_context(fake([entity]))).url, f"town{number}")
        bad = await stack.enter_async_context(rude(says(stay=True)))
        await registered(live, bad, "dead")
        reply = await live.get("/entities", type="Shelter")
        assert len(reply.json) == 5, reply.json
        warning = reply.headers["NGSILD-Warning"]
        assert warning.startswith("199 dead ") and "town" not in warning


def pages(make: Callable[[int], bytes], asked: list[int]) -> Behaviour:
    """Make a source whose every page says that another one follows."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        asked.append(len(asked))
        body = make(len(asked))
        head = b'Link: </more>; rel="next"\r\nConnection: close\r\nContent-Length: %d\r\n\r\n' % len(body)
        writer.write(HEAD + head + body)
        await writer.drain()

    return behave


def heavy_page(number: int) -> bytes:
    value = {"type": "Property", "value": [[]] * 30_000}
    return orjson.dumps([{"id": f"urn:ngsi-ld:Shelter:{number}", "type": "Shelter", "name": value}])


@pytest.mark.parametrize(
    ("make", "most"),
    [(lambda _: GOOD, 4), (lambda _: b"[5, 6]", 4), (heavy_page, 6)],
    ids=["the same page", "pages of nothing", "heavy pages"],
)
@pytest.mark.parametrize("target", ["/entities", "/entityMaps"])
async def test_pages_without_end_are_not_followed(
    live: Live, make: Callable[[int], bytes], most: int, target: str
) -> None:
    own = {**ENTITY, "id": "urn:ngsi-ld:Shelter:own"}
    assert (await live.post("/entities", own)).status == 201
    asked: list[int] = []
    async with rude(pages(make, asked)) as url:
        await registered(live, url, "endless")
        reply = await live.get(target, type="Shelter", limit=50)
    assert reply.status in (200, 201) and b"Shelter:own" in reply.raw, reply.json
    assert reply.headers["NGSILD-Warning"].startswith("111 endless")
    assert len(asked) <= most


async def test_a_giant_is_left_out_alone(tmp_path: Path) -> None:
    giant = {f"a{at}": {"type": "Property", "value": "x" * 80} for at in range(10_000)}
    async with live_broker(tmp_path) as live, fake([{**ENTITY, **giant}]) as lying, fake([ENTITY]) as honest:
        await registered(live, lying.url, "giant")
        await registered(live, honest.url, "town")
        for target in ("/entities?type=Shelter", f"/entities/{ENTITY['id']}"):
            reply = await live.get(target)
            assert reply.status == 200 and len(reply.raw) < 10_000
            assert reply.headers["NGSILD-Warning"].startswith("111 giant")


def light_page(number: int) -> bytes:
    ids = (f"urn:ngsi-ld:Shelter:{number}-{at}" for at in range(100))
    return orjson.dumps([{"id": id, "type": "Shelter"} for id in ids])


async def test_more_entities_than_fit_cost_the_others_nothing(tmp_path: Path) -> None:
    async with live_broker(tmp_path, entity_map_entities=500) as live:
        own = {**ENTITY, "id": "urn:ngsi-ld:Shelter:own"}
        assert (await live.post("/entities", own)).status == 201
        async with rude(pages(light_page, [])) as url:
            await registered(live, url, "endless")
            reply = await live.get("/entities", type="Shelter", count="true")
        assert reply.status == 200, reply.json
        assert reply.headers["NGSILD-Results-Count"] == "1"
        assert reply.headers["NGSILD-Warning"].startswith("111 endless")


def same_history(_: int) -> bytes:
    name = [{"type": "Property", "value": 1, "observedAt": "2026-01-01T00:00:00Z"}]
    return orjson.dumps([{"id": "urn:ngsi-ld:Shelter:1", "type": "Shelter", "name": name}])


async def test_histories_that_never_end_are_not_followed(live: Live) -> None:
    asked: list[int] = []
    async with rude(pages(same_history, asked)) as url:
        since = {"observationInterval": {"startAt": "2020-01-01T00:00:00Z"}, "operations": ["queryTemporal"]}
        await registered(live, url, "endless", **since)
        reply = await live.get(
            "/temporal/entities", type="Shelter", timerel="after", timeAt="2025-01-01T00:00:00Z"
        )
    assert reply.status == 200 and reply.headers["NGSILD-Warning"].startswith("111 endless")
    assert len(asked) <= 40


async def test_a_source_that_comes_back_is_asked_again(live: Live) -> None:
    port = free_port()
    assert code(await ask(live, f"http://127.0.0.1:{port}")) == 199
    async with rude(says(ok(GOOD)), port=port) as url:
        assert (await ask(live, url)).body == [ENTITY]


async def test_a_source_that_failed_is_left_in_peace_for_its_cooldown(live: Live) -> None:
    async with fake() as there:
        told: dict[str, Any] = {"management": {"cooldown": 2_000, "timeout": 60_000}}
        there.status = 503
        assert code(await ask(live, there.url, **told)) == 299
        there.status = 200
        rested = await ask(live, there.url, **told)
        assert code(rested) == 199 and rested.failure is not None and len(there.seen) == 1
        assert rested.failure.problem.status == 504 and rested.failure.problem.type.endswith("GatewayTimeout")
        for _ in range(600):
            outcome = await ask(live, there.url, **told)
            if outcome.failure is None:
                break
            await asyncio.sleep(0.05)
        assert outcome.body == [ENTITY] and len(there.seen) == 2
        assert code(await ask(live, there.url, **told)) == 0


async def test_what_one_tenant_or_a_wrong_registration_does_is_no_cooldown_for_others(live: Live) -> None:
    async with fake() as there:
        told: dict[str, Any] = {"management": {"cooldown": 10**15}}
        secret = [{"key": "Authorization", "value": "urn:engawa:secret:none"}]
        assert code(await ask(live, there.url, contextSourceInfo=secret, **told)) == 199
        assert code(await ask(live, there.url, now=1, **told)) == 199 and not there.seen
        there.status = 500
        assert code(await ask(live, there.url, tenant_here="other", **told)) == 299
        there.status = 200
        assert code(await ask(live, there.url, **told)) == 0
        assert code(await ask(live, there.url, tenant_here="other", **told)) == 199 and len(there.seen) == 2


async def test_an_error_of_one_request_gives_no_cooldown(live: Live) -> None:
    async with fake(None, status=400) as there:
        for _ in range(2):
            assert code(await ask(live, there.url, management={"cooldown": 100_000})) == 299
        assert len(there.seen) == 2


async def test_a_slow_source_holds_few_requests_and_the_others_fail_at_once(tmp_path: Path) -> None:
    begun = asyncio.Semaphore(0)
    go = asyncio.Event()

    async def slow(writer: asyncio.StreamWriter) -> None:
        begun.release()
        await go.wait()
        writer.write(ok(GOOD))
        await writer.drain()

    limits = {"federation_connections": 2, "federation_waiting": 3}
    async with live_broker(tmp_path, **limits) as live, rude(slow) as url:
        tasks = [asyncio.create_task(ask(live, url)) for _ in range(8)]
        done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < 3:
            more, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            done |= more
        failed = [task.result() for task in done]
        assert all(code(one) == 199 and one.failure and one.failure.problem.status == 503 for one in failed)
        await begun.acquire()
        await begun.acquire()
        assert begun.locked()
        waiting.pop().cancel()
        go.set()
        outcomes = await asyncio.gather(*waiting)
        assert [one.body for one in outcomes] == [[ENTITY]] * 4


async def test_one_request_may_need_many_of_the_same_source(live: Live) -> None:
    async with fake() as there:
        asking = Asking("", live.broker.contexts.core, clock.now())
        directed = [Directed(source(there.url), Request("GET", f"/entities/urn:x:{n}")) for n in range(300)]
        outcomes = await live.broker.federation.ask(asking, directed)
        assert {one.failure.problem.detail for one in outcomes if one.failure} == set()
        assert len(there.seen) == 300
        assert [one.source for one in outcomes] == [one.source for one in directed]


async def test_a_request_waits_for_sources_no_longer_than_it_may_take_in_all(tmp_path: Path) -> None:
    async with (
        live_broker(tmp_path, federation_total_seconds=0.2) as live,
        rude(says(stay=True)) as url,
        fake() as good,
    ):
        assert code(await ask(live, url, management={"timeout": 60_000})) == 199
        assert code(await ask(live, good.url, now=1)) == 199 and not good.seen


async def test_no_request_goes_in_a_circle(live: Live) -> None:
    async with fake() as there:
        own = live.broker.alias
        for via in ((own,), ("toyooka",), ("a", own, "b"), tuple(f"t{n}" for n in range(65))):
            outcome = await ask(live, there.url, via=via, contextSourceAlias="toyooka")
            assert code(outcome) == 199 and outcome.failure and outcome.failure.problem.status == 508
        assert not there.seen
        assert code(await ask(live, there.url, via=("a",), contextSourceAlias="toyooka")) == 0


async def test_asks_only_addresses_that_the_settings_allow(tmp_path: Path) -> None:
    async with live_broker(tmp_path) as live, fake() as there:
        sender = Sender(live.broker.settings, AddressPolicy((), loopback=False), "a", live.broker.contexts)
        try:
            for url in (there.url, there.url.replace("127.0.0.1", "localhost"), "http://169.254.169.254"):
                outcome = await ask_by(sender, live, url)
                assert code(outcome) == 199 and "outgoing" in outcome.failure.problem.detail
        finally:
            await sender.close()
        assert not there.seen


async def test_a_name_that_changes_its_address_reaches_nothing_that_is_not_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = iter(["127.0.0.2", "127.0.0.1"])

    async def resolve(_self: Any, host: str, port: int = 0, _family: int = 0) -> list[dict[str, Any]]:
        address = next(addresses)
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET,
                "proto": 0,
                "flags": 0,
            }
        ]

    monkeypatch.setattr("aiohttp.ThreadedResolver.resolve", resolve)
    async with (
        live_broker(tmp_path) as live,
        rude(says(ok(GOOD)), host="127.0.0.2") as allowed,
        rude(says(ok(GOOD))) as other,
    ):
        policy = AddressPolicy(("127.0.0.2/32",), loopback=False)
        sender = Sender(live.broker.settings, policy, "a", live.broker.contexts)
        try:
            first = await ask_by(sender, live, allowed.replace("127.0.0.2", "moving.example"))
            assert first.body == [ENTITY]
            second = await ask_by(sender, live, other.replace("127.0.0.1", "moving.example"))
            assert code(second) == 199 and "outgoing" in second.failure.problem.detail
        finally:
            await sender.close()


async def ask_by(sender: Sender, live: Live, url: str) -> Any:
    asking = Asking("", live.broker.contexts.core, clock.now())
    return await sender.send(asking, Directed(source(url), Request("GET", "/entities")))
