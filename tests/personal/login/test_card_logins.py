"""Logging in with a card at a desk: browser, desk and card together, over HTTP. (issue 6; card.md 6.3)"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.personal.consents.cards import Authority, ec_key
from tests.personal.live import Live, live_module
from tests.personal.login.desks import Browser, Desk, anchors


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("JPKI made up")


@pytest.fixture
async def live(tmp_path: Path, authority: Authority) -> AsyncIterator[Live]:
    path = anchors(tmp_path / "trust", authority)
    async with live_module(tmp_path / "data", card_authorities=path) as running:
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


async def test_who_is_new_registers_by_card_and_logs_in_with_it_afterwards(
    live: Live, desk: Desk, browser: Browser, authority: Authority
) -> None:
    card = authority.issue(ec_key())
    began = await browser.post("/login/card", town="yabu", next="/me")
    told = await desk.tap(began.transaction, card)
    assert told.json["state"] == "register"
    done = await browser.register(await browser.back(began.transaction, told.json["code"]))
    assert done.status == 303 and done.location.startswith("/me"), done.text
    async with Browser(live.url) as another:
        began = await another.post("/login/card", town="yabu", next="/me/accesses")
        told = await desk.tap(began.transaction, card)
        assert told.json["state"] == "done"
        back = await another.back(began.transaction, told.json["code"])
        assert (back.status, back.location) == (303, "/me/accesses")
        again = await another.back(began.transaction, told.json["code"])
        assert again.status == 403 and "This is over" in again.text
