"""The fixtures of the conftest for files that share one module: stories that do not get in each other's way."""

from collections.abc import AsyncIterator

import pytest

from tests.personal.consents.cards import Authority
from tests.personal.live import Live, live_module
from tests.personal.login.desks import Browser, Desk, anchors


async def live(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> AsyncIterator[Live]:
    folder = tmp_path_factory.mktemp("cards")
    path = anchors(folder / "trust", authority)
    async with live_module(folder / "data", card_authorities=path, city_cards=True) as running:
        yield running


async def desk(live: Live) -> Desk:
    made = Desk(live)
    await made.join()
    return made


async def browser(live: Live) -> AsyncIterator[Browser]:
    async with Browser(live.url) as made:
        yield made
