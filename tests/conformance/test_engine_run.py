"""A run of the conformance tool: cases are independent, clean up, and end in pass, fail or not applicable."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from conformance.case import Case, case
from conformance.collect import all_cases, chosen
from conformance.entity import prop, vehicle
from conformance.exchange import Exchange
from conformance.features import FEATURES
from conformance.result import FAILED, NOT_APPLICABLE, PASSED, Report, Result
from conformance.run import run
from conformance.servers.callbacks import calling_back
from conformance.servers.source import Source
from conformance.subject import Subject
from conformance.surroundings import Asked
from conformance.verdict import Failure, NotApplicable
from conformance.version import NoBroker
from tests.live import Live, live_broker

Story = Callable[[Subject], Awaitable[None]]


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_broker(tmp_path) as broker:
        yield broker


def of(story: Story, **more: Any) -> Case:
    return case("5.6.1", "it holds", feature="Test", **more)(story)


async def told(live: Live, story: Story, *, asked: dict[str, Any] | None = None, **more: Any) -> Result:
    report = await run([of(story, **more)], Asked(live.url, **(asked or {})))
    return report.results[0]


async def left(live: Live) -> list[int]:
    places = (
        "/entities?local=true&limit=1000",
        "/subscriptions",
        "/csourceRegistrations?type=*",
        "/jsonldContexts?kind=Hosted",
    )
    return [len((await live.ask("GET", place)).json or []) for place in places]


async def test_a_story_that_ends_well_passes(live: Live) -> None:
    async def story(broker: Subject) -> None:
        made = await broker.have(vehicle(speed=55))
        (await broker.get(made.path)).status(200).body.equals(made)
        (await broker.get("/entities", type=made.type)).body.ids(made)

    result = await told(live, story)
    assert result.outcome == PASSED and len(result.exchanges) == 3 and result.shown == -1


async def test_a_failed_demand_names_itself_and_its_exchange(live: Live) -> None:
    async def story(broker: Subject) -> None:
        made = await broker.have(vehicle(speed=55))
        answer = await broker.get(made.path)
        await broker.get("/types")
        answer.body.at("speed").equals(prop(56))

    result = await told(live, story)
    assert result.outcome == FAILED and result.shown == 1
    assert result.seen == "value is 55 instead of 56"


async def test_what_a_case_made_is_gone_afterwards_also_when_it_fails(live: Live) -> None:
    async def story(broker: Subject) -> None:
        await broker.have(vehicle(speed=55))
        await broker.subscribe(broker.dead_end(), entities=[{"type": broker.type("Vehicle")}])
        batch = [broker.own(vehicle(speed=1)), broker.own(vehicle(speed=2))]
        (await broker.post("/entityOperations/create", batch)).status(201)
        (await broker.post("/entityOperations/upsert", [broker.own(vehicle(speed=3))])).status(201)
        (await broker.post("/jsonldContexts", {"@context": {"a": "https://a.example/a"}})).status(201)
        raise Failure("more", "less")

    before = await left(live)
    assert (await told(live, story)).outcome == FAILED
    assert await left(live) == before


async def test_an_answer_of_another_shape_fails_the_case_and_not_the_run(live: Live) -> None:
    async def story(broker: Subject) -> None:
        (await broker.get("/types")).json["nothing"]["like"][0]["this"]

    result = await told(live, story)
    assert result.outcome == FAILED and "KeyError" in result.seen


async def test_whatever_a_story_stumbles_over_is_its_own_failure(live: Live) -> None:
    async def story(broker: Subject) -> None:
        raise RuntimeError("a case with a mistake in it")

    assert "RuntimeError: a case with a mistake in it" in (await told(live, story)).seen


async def test_a_broker_that_lets_nobody_in_is_told_of(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("rule = []\n", encoding="utf-8")

    async def story(broker: Subject) -> None:
        await broker.have(vehicle(speed=55))

    async with live_broker(tmp_path / "data", policy=policy) as closed:
        report = await run([of(story)], Asked(closed.url))
    assert "does not let this tool in" in report.environment["attention"]
    assert "--header" in report.environment["attention"]


async def test_an_interrupted_run_takes_away_what_it_made(live: Live) -> None:
    made = asyncio.Event()

    async def story(broker: Subject) -> None:
        await broker.have(vehicle(speed=55))
        made.set()
        await broker.pause(60)

    before = await left(live)
    running = asyncio.create_task(run([of(story)], Asked(live.url)))
    await made.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await left(live) == before


async def test_a_body_without_content_length_goes_in_chunks(live: Live) -> None:
    async def story(broker: Subject) -> None:
        answer = await broker.post("/entities", broker.own(vehicle()), headers={"Content-Length": None})
        answer.status(411)

    assert (await told(live, story)).seen == ""


async def test_a_case_has_a_time_limit(live: Live) -> None:
    async def story(broker: Subject) -> None:
        await broker.pause(60)

    result = await told(live, story, seconds=0.2)
    assert result.outcome == FAILED and result.demanded == "an end within 0.2 s"


async def test_a_case_that_cannot_be_judged_here_does_not_apply(live: Live) -> None:
    async def story(broker: Subject) -> None:
        raise NotApplicable("there is no moon tonight")

    result = await told(live, story)
    assert (result.outcome, result.seen) == (NOT_APPLICABLE, "there is no moon tonight")


async def test_a_case_without_callbacks_does_not_apply_when_the_tester_says_so(live: Live) -> None:
    async def story(broker: Subject) -> None:
        await broker.receiver()

    assert (await told(live, story)).outcome == PASSED
    result = await told(live, story, asked={"without": frozenset({"callbacks"})})
    assert result.outcome == NOT_APPLICABLE


async def test_names_are_those_of_the_case_alone(live: Live) -> None:
    seen: list[str] = []

    async def story(broker: Subject) -> None:
        made = broker.own(vehicle())
        seen.extend((made.id, made.type, broker.unknown_tenant(), broker.id(), broker.id()))
        assert broker.own(made) == made and broker.type(made.type) == made.type
        assert broker.own({"type": ["A", "B"]})["type"] == [broker.type("A"), broker.type("B")]

    await told(live, story)
    await told(live, story)
    assert len(set(seen)) == 10


async def test_cases_run_together_and_those_that_must_not_run_alone(live: Live) -> None:
    under_way, most, beside = 0, 0, []

    async def together(broker: Subject) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await broker.pause(0.05)
        under_way -= 1

    async def alone(broker: Subject) -> None:
        beside.append(under_way)
        await broker.pause(0.01)

    cases = [of(together) for _ in range(6)] + [of(alone, alone=True)]
    report = await run(cases, Asked(live.url))
    assert report.counts()[PASSED] == 7 and most == 6 and beside == [0]


async def test_receiver_context_server_and_source_are_reached(live: Live) -> None:
    async def story(broker: Subject) -> None:
        receiver, context = (
            await broker.receiver(),
            await broker.context_server({"speed": "https://a.example/speed"}),
        )
        made = await broker.have(vehicle(speed=1), context=context.url)
        (await broker.get(made.path)).body.has({"https://a.example/speed": prop(1)})
        assert context.fetched == 1
        await broker.subscribe(receiver.url, entities=[{"type": made.type}], context=context.url)
        receiver.skip()
        (await broker.patch(f"{made.path}/attrs", {"speed": prop(2)}, context=context.url)).status(204)
        notification = await receiver.next()
        notification.header("Content-Type").data.at(0, "speed").equals(prop(2))
        await receiver.none(within=0.1)

    result = await told(live, story)
    assert (result.outcome, result.seen) == (PASSED, "")
    assert any(e.note == "received" and e.request_body for e in result.exchanges)


async def test_a_notification_that_does_not_come_or_should_not_fails(live: Live) -> None:
    async def missing(broker: Subject) -> None:
        await (await broker.receiver()).next(within=0.1)

    async def unwanted(broker: Subject) -> None:
        receiver = await broker.receiver()
        made = await broker.have(vehicle(speed=1))
        await broker.subscribe(receiver.url, entities=[{"type": made.type}])
        await broker.patch(f"{made.path}/attrs", {"speed": prop(2)})
        await receiver.none(within=10)

    found = await told(live, missing)
    assert (found.demanded, found.seen) == ("a notification within 0.1 s", "none")
    found = await told(live, unwanted)
    assert found.demanded == "no notification for 10 s" and found.exchanges[found.shown].note == "received"


async def test_a_source_gives_canned_answers_and_keeps_what_came() -> None:
    shown: list[Exchange] = []
    source = Source(1.0, shown.append)
    source.answers("GET", "/entities/urn:a:b", 200, {"id": "urn:a:b"}, NGSILD_Warning="x")
    await source.none(within=0)
    async with calling_back("127.0.0.1", "127.0.0.1") as callbacks, aiohttp.ClientSession() as session:
        url = callbacks.add(source.handle) + "/ngsi-ld/v1"
        async with session.get(
            f"{url}/entities/urn:a:b?type=T%201&pick=a", headers={"Via": "1.1 b"}
        ) as answer:
            assert answer.status == 200 and answer.headers["NGSILD-Warning"] == "x"
            assert await answer.json() == {"id": "urn:a:b"}
        async with session.post(f"{url}/entities", json={"id": "urn:a:c"}) as answer:
            assert answer.status == 404
    first, second = await source.next(), await source.next()
    assert (first.method, first.path, first.params["type"], first.headers["via"]) == (
        "GET",
        "/entities/urn:a:b",
        "T 1",
        "1.1 b",
    )
    second.body.equals({"id": "urn:a:c"})
    with pytest.raises(Failure, match="none new, 2 in all"):
        await source.next(within=0.01)
    assert [e.status for e in shown] == [200, 404]


def server(status: int, body: bytes = b"{}", hang_up_after: int = 10**9) -> Callable[..., Awaitable[None]]:
    count = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        while await reader.readline():
            while (await reader.readline()).strip():
                pass
            count += 1
            if count > hang_up_after:
                break
            head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        writer.close()

    return serve


async def against(serve: Any, *cases: Case, **asked: Any) -> Report:
    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        return await run(cases, Asked(url, **asked))
    finally:
        listener.close()
        await listener.wait_closed()


async def asks(broker: Subject) -> None:
    (await broker.get("/entities", type="T")).status(200)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (404, NOT_APPLICABLE),
        (501, NOT_APPLICABLE),
        (405, NOT_APPLICABLE),
        (422, FAILED),
        (500, FAILED),
        (200, PASSED),
    ],
)
async def test_a_feature_that_is_declared_absent_does_not_apply_and_one_that_breaks_fails(
    status: int, outcome: str
) -> None:
    report = await against(server(status), of(asks, needs=("temporal",)))
    assert report.results[0].outcome == outcome
    assert ("temporal" in report.absent) == (outcome == NOT_APPLICABLE)


async def test_422_declares_a_feature_absent_only_as_operation_not_supported() -> None:
    body = b'{"type":"https://uri.etsi.org/ngsi-ld/errors/OperationNotSupported"}'
    report = await against(server(422, body), of(asks, needs=("temporal",)))
    assert report.results[0].outcome == NOT_APPLICABLE


async def test_a_broker_that_hangs_up_fails_the_case_with_the_reason() -> None:
    report = await against(server(200, hang_up_after=2), of(asks), of(asks))
    assert [r.outcome for r in report.results] == [FAILED, FAILED]
    assert report.results[0].demanded == "a response to GET /entities" and report.results[0].seen
    assert "no longer answers" in report.environment["attention"]


async def test_a_broker_that_never_calls_back_is_pointed_at() -> None:
    async def story(broker: Subject) -> None:
        await (await broker.receiver()).next(within=0.01)

    report = await against(server(200), of(story))
    assert "never called http://127.0.0.1:" in report.environment["attention"]
    assert "attention" not in (await against(server(200), of(asks))).environment


async def test_no_broker_is_said_clearly() -> None:
    with pytest.raises(NoBroker, match=r"no broker answers at http://127\.0\.0\.1:1/ngsi-ld/v1"):
        await run([of(asks)], Asked("http://127.0.0.1:1"))


async def test_tenant_and_headers_of_the_tester_are_sent(live: Live) -> None:
    async def story(broker: Subject) -> None:
        made = await broker.have(vehicle(speed=1))
        (await broker.get(made.path)).status(200).header("NGSILD-Tenant", "harbour")
        (await broker.get(made.path, tenant="")).refused(404, "ResourceNotFound")

    result = await told(live, story, asked={"tenant": "harbour", "headers": (("X-Token", "t"),)})
    assert (result.outcome, result.seen) == (PASSED, "")
    assert all(("X-Token", "t") in e.request_headers for e in result.exchanges)


def test_cases_have_names_of_their_own_and_known_needs() -> None:
    found = all_cases()
    names = [c.name for c in found]
    assert len(names) == len(set(names)) and len(names) >= 5
    known = {feature.name for feature in FEATURES}
    assert {need for c in found for need in c.needs} <= known


def test_cases_are_chosen_by_profile_clause_feature_and_name() -> None:
    cases = [
        case("5.7.2", "a", feature="Query")(asks),
        case("4.9", "b", feature="Language", profile="full")(asks),
        case("4.3.6", "c", feature="Federation", profile="federation")(asks),
    ]
    assert [c.demand for c in chosen(cases, profile="core")] == ["a"]
    assert [c.demand for c in chosen(cases)] == ["a", "b"]
    assert [c.demand for c in chosen(cases, profile="federation")] == ["a", "b", "c"]
    assert [c.demand for c in chosen(cases, clauses=["5.7"])] == ["a"]
    assert [c.demand for c in chosen(cases, features=["language"])] == ["b"]
    assert len(chosen(cases, names=["test_engine_run"])) == 2


def test_no_case_imports_the_broker() -> None:
    for file in Path(str(chosen.__code__.co_filename)).parent.rglob("*.py"):
        assert "from broker" not in file.read_text(encoding="utf-8"), file
