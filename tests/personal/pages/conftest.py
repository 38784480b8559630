"""A module with the residents, staff and service of the demonstration, behind the pages."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engawa.demo.personal import load_personal, prepare
from tests.personal.live import Live, live_module


@pytest.fixture
async def yabu(tmp_path: Path) -> AsyncIterator[Live]:
    folder = tmp_path / "personal"
    prepare(folder)
    async with live_module(folder) as live:
        await load_personal(live.url, folder)
        yield live
