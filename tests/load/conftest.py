"""A broker for each test, and the small fictional lists beside it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.live import Live, live_broker

FILES = Path(__file__).parent / "files"


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_broker(tmp_path / "data") as broker:
        yield broker


@pytest.fixture
def files() -> Path:
    return FILES
