"""A module with the residents, staff and service of the demonstration, behind the pages."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from engawa.demo.personal import load_personal, prepare
from tests.personal.live import Live, live_module
from tests.personal.pages.reading import Reader


@pytest.fixture
async def yabu(tmp_path: Path) -> AsyncIterator[Live]:
    folder = tmp_path / "personal"
    prepare(folder)
    async with live_module(folder) as live:
        await load_personal(live.url, folder)
        yield live


@pytest.fixture
async def reader(yabu: Live) -> AsyncIterator[Reader]:
    jar = aiohttp.CookieJar(unsafe=True)  # a cookie of an address without a name
    headers = {"Accept-Language": "ja"}
    async with aiohttp.ClientSession(cookie_jar=jar, headers=headers) as session:
        yield Reader(yabu, session)
