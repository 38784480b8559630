"""Fixtures of the common login's tests: a module with two services that use it and a resident, and a browser."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.personal.live import Live
from tests.personal.provider.visiting import Browser, Client, uses_login


@pytest.fixture
async def library(live: Live) -> Client:
    for id in ("library", "shelter"):
        await live.service(id, uses_login())
    await live.register("hanako")
    return Client(live, "library")


@pytest.fixture
async def browser(live: Live) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Browser(live.url, session)
