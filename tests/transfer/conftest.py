"""Two brokers: one to take a tenant out of, one to put it into."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.live import Live, live_broker


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_broker(tmp_path / "a", expiry_seconds=3_600.0) as broker:
        yield broker


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_broker(tmp_path / "b", expiry_seconds=3_600.0) as broker:
        yield broker
