"""Tenants of a run: the same few again and again, each empty, and none too many is the broker's fault. (4.14, 6.3.14)"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from conformance.case import Case, case
from conformance.collect import all_cases, chosen
from conformance.entity import vehicle
from conformance.result import FAILED, NOT_APPLICABLE, PASSED
from conformance.run import run
from conformance.subject import Subject
from conformance.surroundings import Asked, surroundings
from tests.live import live_broker

CHAPTERS = ("protocol", "discovery", "subscriptions", "snapshots", "registrations")


def using_tenants() -> Sequence[Case]:
    return [c for c in chosen(all_cases(), profile="full", names=CHAPTERS) if "tenants" in c.needs]


async def test_six_runs_in_a_row_fill_no_broker_with_tenants(tmp_path: Path) -> None:
    cases = using_tenants()
    async with live_broker(tmp_path, tenants=len(cases) + 2) as live:
        for _ in range(6):
            report = await run(cases, Asked(live.url))
            assert [(r.name, r.outcome, r.seen) for r in report.results if r.outcome != PASSED] == []
        left = await live.get("/entities", type="TenantInUse")
        assert left.json == []


async def test_runs_side_by_side_do_not_meet_in_a_tenant(tmp_path: Path) -> None:
    cases = chosen(all_cases(), names=("discovery",))
    async with live_broker(tmp_path) as live:
        reports = await asyncio.gather(*(run(cases, Asked(live.url)) for _ in range(3)))
    assert [f"{r.name}: {r.seen}" for report in reports for r in report.failed] == []


async def test_a_broker_that_takes_no_more_tenants_is_not_failed_for_it(tmp_path: Path) -> None:
    cases = using_tenants()
    async with live_broker(tmp_path, tenants=0) as live:
        report = await run(cases, Asked(live.url))
    assert not report.failed
    told = report.with_outcome(NOT_APPLICABLE)
    assert len(told) > len(cases) / 2
    assert all(r.seen.startswith("the broker takes no more tenants: it answers 403") for r in told)


async def test_a_refusal_in_a_tenant_that_takes_other_things_is_judged(tmp_path: Path) -> None:
    async def story(broker: Subject) -> None:
        body = {"id": "urn:ngsi-ld:Resident:1", "type": "Resident"}
        (await broker.post("/entities", body, tenant=await broker.tenant())).status(201)

    judged = case("5.6.1", "it holds", feature="Test")(story)
    async with live_broker(tmp_path, person_types=("Resident",)) as live:
        report = await run([judged], Asked(live.url))
    assert [r.outcome for r in report.results] == [FAILED]


async def test_a_tenant_that_still_holds_something_is_left_alone(tmp_path: Path) -> None:
    async with live_broker(tmp_path) as live:
        left = {"id": "urn:ngsi-ld:Left:1", "type": "Left"}
        await live.post("/entities", left, headers={"NGSILD-Tenant": "conformance1"})
        async with surroundings(Asked(live.url)) as around:
            broker = Subject(around)
            assert await broker.tenant() == "conformance2"
            await broker.close()


async def test_a_claim_that_an_interrupted_run_left_goes_stale(tmp_path: Path) -> None:
    async with live_broker(tmp_path) as live:
        for name, until in (("conformance1", "2020-01-01T00:00:00Z"), ("conformance2", _later())):
            held = {"type": "Property", "value": until}
            body = {"id": f"urn:ngsi-ld:TenantInUse:{name}", "type": "TenantInUse", "until": held}
            assert (await live.post("/entities", body)).status == 201
        async with surroundings(Asked(live.url)) as around:
            first, second = Subject(around), Subject(around)
            assert [await first.tenant(), await second.tenant()] == ["conformance3", "conformance1"]
            await first.have(vehicle(speed=1), tenant="conformance3")
            await first.close()
            assert await second.tenant() == "conformance3"
            await second.close()


def _later() -> str:
    return datetime.now(UTC).replace(year=datetime.now(UTC).year + 1, day=1).isoformat()
