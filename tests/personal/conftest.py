"""Fixtures of the module's tests: a fresh module for each."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.personal.live import Live, live_module


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_module(tmp_path / "data") as running:
        yield running
