"""The tool judges a server that is not ours, without change, and finds each of its known faults."""

import asyncio

import pytest

from conformance.collect import all_cases, chosen
from conformance.result import FAILED, PASSED, Report
from conformance.run import run
from conformance.surroundings import Asked
from tests.conformance.misbehaving import FAULTS, small_server
from tests.conformance.stopping import run_until

CHAPTERS = (
    "entities", "entity_changes", "entity_creation", "forms", "protocol", "queries", "subscriptions", "notifications",
)  # fmt: skip
AT_ONCE = 8


async def all_judged() -> tuple[tuple[str, ...], dict[str, Report]]:
    async with small_server() as url:
        whole = await run(chosen(all_cases(), names=CHAPTERS), Asked(url, patience=2.0))
    passed = tuple(result.name for result in whole.results if result.outcome == PASSED)
    cases = chosen(all_cases(), names=passed)
    places, found = asyncio.Semaphore(AT_ONCE), {}

    async def one(fault: str) -> None:
        async with places, small_server(fault) as url:
            found[fault] = await run_until({FAILED}, cases, Asked(url, patience=2.0))

    async with asyncio.TaskGroup() as group:
        for fault in FAULTS:
            group.create_task(one(fault))
    return passed, found


@pytest.fixture(scope="module")
def seen() -> tuple[tuple[str, ...], dict[str, Report]]:
    """Judge the small server as well as it can be, then with each fault by what it passed so."""
    return asyncio.run(all_judged())


def test_the_small_server_does_some_things_well(seen: tuple[tuple[str, ...], dict[str, Report]]) -> None:
    assert len(seen[0]) >= 60
    assert len(FAULTS) >= 20


@pytest.mark.parametrize("fault", FAULTS)
def test_the_tool_finds_the_fault(seen: tuple[tuple[str, ...], dict[str, Report]], fault: str) -> None:
    assert seen[1][fault].failed, f"a server that {fault} passes what it passed before"
