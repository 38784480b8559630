"""A module with the residents, staff and service of the demonstration, behind the pages."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from engawa.demo.personal import load_personal, prepare
from tests.personal.live import Live, live_module
from tests.personal.pages.reading import Reader


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the folders of the demonstration once; each test has a copy."""
    above = tmp_path_factory.mktemp("demonstration")

    async def make() -> None:
        prepare(above / "personal")
        async with live_module(above / "personal") as live:
            await load_personal(live.url, above / "personal")

    asyncio.run(make())
    return above


@pytest.fixture
async def yabu(tmp_path: Path, demonstration: Path) -> AsyncIterator[Live]:
    shutil.copytree(demonstration, tmp_path, dirs_exist_ok=True)
    async with live_module(tmp_path / "personal") as live:
        yield live


@pytest.fixture
async def reader(yabu: Live) -> AsyncIterator[Reader]:
    jar = aiohttp.CookieJar(unsafe=True)  # a cookie of an address without a name
    headers = {"Accept-Language": "ja"}
    async with aiohttp.ClientSession(cookie_jar=jar, headers=headers) as session:
        yield Reader(yabu, session)
