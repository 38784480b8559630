"""Three brokers for all tests of a module, emptied after each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.federation.rivers import OPERATIONS, RIVER
from tests.federation.towns import register, towns
from tests.live import Live


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def neighbours(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[Live]]:
    """Run the brokers."""
    async with towns(tmp_path_factory.mktemp("neighbours"), 3) as several:
        yield several


@pytest_asyncio.fixture(loop_scope="module")
async def emptied(neighbours: list[Live]) -> AsyncIterator[list[Live]]:
    """Forget registrations first, so that nothing is passed on, then entities."""
    yield neighbours
    for live in neighbours:
        for time in ({}, {"timerel": "after", "timeAt": "1970-01-01T00:00:00Z"}):
            for one in (await live.get("/csourceRegistrations", type="Shelter", **time)).json:
                assert (await live.ask("DELETE", f"/csourceRegistrations/{one['id']}")).status == 204
        assert (await live.ask("DELETE", "/entities", params={"type": "*"})).status == 204


@pytest.fixture
def front(emptied: list[Live]) -> Live:
    """Give the broker that is asked."""
    return emptied[0]


@pytest.fixture
def source(emptied: list[Live]) -> Live:
    """Give a registered broker."""
    return emptied[1]


@pytest.fixture
def other(emptied: list[Live]) -> Live:
    """Give another registered broker."""
    return emptied[2]


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[list[Live]]:
    async with towns(tmp_path, 2) as brokers:
        await register(brokers[0], brokers[1], RIVER, operations=OPERATIONS)
        yield brokers
