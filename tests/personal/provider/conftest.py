"""Fixtures of the common login's tests: one module with two services that use it, and browsers of new residents."""

import secrets
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from tests.personal.live import Live, live_module
from tests.personal.provider.visiting import Browser, Client, uses_login


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Live]:
    folder = tmp_path_factory.mktemp("provider") / "data"
    async with live_module(folder, requests_per_second=0.0) as running:
        for id in ("library", "shelter"):
            await running.service(id, uses_login())
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def login(live: Live) -> str:
    """Give the login of somebody whom nobody knows yet."""
    name = f"r-{secrets.token_hex(6)}"
    await live.register(name, municipalId=name)
    return name


@pytest.fixture
def library(live: Live) -> Client:
    return Client(live, "library")


@pytest.fixture
def shelter(live: Live) -> Client:
    return Client(live, "shelter")


@pytest_asyncio.fixture(loop_scope="module")
async def browser(live: Live) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Browser(live.url, session)
