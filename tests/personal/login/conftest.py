"""A module that trusts an authority made here, with a desk and a browser."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.personal.consents.cards import Authority
from tests.personal.live import Live, live_module
from tests.personal.login.desks import Browser, Desk, anchors


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority("Authority for cards")


@pytest.fixture
async def live(tmp_path: Path, authority: Authority) -> AsyncIterator[Live]:
    path = anchors(tmp_path / "trust", authority)
    async with live_module(tmp_path / "data", card_authorities=path, city_cards=True) as running:
        yield running


@pytest.fixture
async def desk(live: Live) -> Desk:
    made = Desk(live)
    await made.join()
    return made


@pytest.fixture
async def browser(live: Live) -> AsyncIterator[Browser]:
    async with Browser(live.url) as made:
        yield made
