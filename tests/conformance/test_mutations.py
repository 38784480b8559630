"""Whatever the mutating proxy changes, the tool names it; and through the proxy unchanged, nothing is found."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from conformance.collect import all_cases, chosen
from conformance.result import FAILED, PASSED, Report
from conformance.run import run
from conformance.surroundings import Asked
from tests.conformance import mutations_behaviour, mutations_rules  # noqa: F401  # they enter themselves
from tests.conformance.mutations import MUTATIONS, Mutation
from tests.conformance.proxy import Forward, Proxy, Reply, Request, proxy, through
from tests.conformance.started import started_broker
from tests.conformance.stopping import run_until

AT_ONCE = 5
NAMES = [m.name for m in MUTATIONS]
FEWEST = 60


async def unchanged(asked: Request, forward: Forward) -> Reply:
    return await forward(asked)


async def turned(asked: Request, forward: Forward) -> Reply:
    if asked.path != "/notify":
        through(asked)
    return await forward(asked)


async def judged(front: Proxy, index: int, chapters: tuple[str, ...]) -> Report:
    """Judge a mutant until one case fails and one passes."""
    cases = chosen(all_cases(), profile="full", names=chapters)
    asked = Asked(f"{front.url}/{index}", patience=2.0, without=frozenset({"mqtt"}), request_seconds=30.0)
    return await run_until({PASSED, FAILED}, cases, asked)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reports(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Report]]:
    """Judge the broker through each mutation, several at once."""
    changes = {str(n): m.change for n, m in enumerate(MUTATIONS)} | {"unchanged": unchanged, "turned": turned}
    folder: Path = tmp_path_factory.mktemp("mutations")
    places = asyncio.Semaphore(AT_ONCE)
    found: dict[str, Report] = {}
    async with started_broker(folder) as url, proxy(url, changes) as front:

        async def one(n: int, mutant: Mutation) -> None:
            async with places:
                found[mutant.name] = await judged(front, n, mutant.chapters)

        whole = chosen(all_cases(), profile="full")
        found["unchanged"] = await run(
            whole, Asked(f"{front.url}/unchanged", patience=3.0, without=frozenset({"mqtt"}))
        )
        async with asyncio.TaskGroup() as group:
            for n, mutant in enumerate(MUTATIONS):
                group.create_task(one(n, mutant))
        yield found


def test_there_are_many_mutations_with_names_of_their_own() -> None:
    assert len(set(NAMES)) == len(NAMES) >= FEWEST


@pytest.mark.asyncio(loop_scope="module")
async def test_through_the_proxy_unchanged_nothing_is_found(reports: dict[str, Report]) -> None:
    assert not [f"{r.name}: {r.demanded}; seen {r.seen}" for r in reports["unchanged"].failed]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", NAMES)
async def test_the_tool_names_the_mutation(reports: dict[str, Report], name: str) -> None:
    report = reports[name]
    assert report.results, "no case was chosen"
    assert report.failed, f"a broker that {name} passes all {len(report.results)} cases"
    assert len(report.failed) < len(report.results) or len(report.results) <= 3, "every case fails"
