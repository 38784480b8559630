"""What somebody tries who wants to get in as another, or to see what whoever sat there before left. (issue 6)"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.personal.consents.cards import Authority, ec_key
from tests.personal.live import Live, live_module
from tests.personal.login.desks import Browser, Desk, anchors
from tests.personal.login.test_card_logins import log

NAMED = {"name": "新顔 あらた", "address": "養父市見本町9番地", "birthDate": "19840707", "sex": "1"}
AUTHORITY = Authority("Authority for cards")


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    path = anchors(tmp_path / "trust", AUTHORITY)
    async with live_module(tmp_path / "data", card_authorities=path) as running:
        yield running


async def test_who_comes_next_at_a_terminal_sees_nothing_of_who_did_not_finish_registering(
    live: Live,
) -> None:
    """The page with what a card tells goes away by itself, and neither "back" nor history brings it again."""
    desk = Desk(live)
    await desk.join()
    async with Browser(live.url) as browser:
        ticket = (await live.post("/desks/tickets", None, by=desk.token)).json
        await browser.get(ticket["path"])
        begun = await browser.post("/login/card", town="yabu", next="/me")
        told = await desk.tap(begun.transaction, AUTHORITY.issue(ec_key()), basics=NAMED)
        page = (await browser.back(begun.transaction, told.json["code"])).location
        async with browser.session.get(live.url + page) as shown:
            assert NAMED["name"] in await shown.text()
            _, _, ended = shown.headers["Refresh"].partition("url=")
        assert (await browser.get(ended)).status == 200
        again = await browser.get(page)
        assert again.status == 403 and NAMED["name"] not in again.text and "1984" not in again.text
        attempt = page.partition("attempt=")[2].partition("&")[0]
        sent = await browser.post("/login/register", attempt=attempt, nameKana="やぶ はなこ")
        assert sent.status == 403


async def test_an_address_that_is_read_out_to_a_stranger_logs_nobody_in(live: Live) -> None:
    """Who was lured to a desk comes back in a browser that began nothing: with that the transaction is over."""
    desk = Desk(live)
    await desk.join()
    async with Browser(live.url) as stranger, Browser(live.url) as lured:
        begun = await stranger.post("/login/card", town="yabu", next="/me")
        told = await desk.tap(begun.transaction, AUTHORITY.issue(ec_key()))
        assert (await lured.back(begun.transaction, "guessed")).status == 403
        assert (await lured.back(begun.transaction, told.json["code"])).status == 403
        assert (await stranger.back(begun.transaction, told.json["code"])).status == 403
        begun = await stranger.post("/login/card", town="yabu", next="/me")
        told = await desk.tap(begun.transaction, AUTHORITY.issue(ec_key()))
        assert (await lured.back(begun.transaction, "guessed")).status == 403
        assert (await stranger.back(begun.transaction, told.json["code"])).status == 303


async def test_a_terminal_keeps_no_file_of_who_sat_there(live: Live) -> None:
    """What is saved outlives the browser's profile: nobody gets a file there, and nothing goes out for it."""
    desk = Desk(live)
    await desk.join()
    async with Browser(live.url) as browser:
        ticket = (await live.post("/desks/tickets", None, by=desk.token)).json
        await browser.get(ticket["path"])
        begun = await browser.post("/login/card", town="yabu", next="/me")
        told = await desk.tap(begun.transaction, AUTHORITY.issue(ec_key()))
        await browser.register(await browser.back(begun.transaction, told.json["code"]))
        page = await browser.get("/me/rights")
        assert "/me/rights/export" not in page.text and "device of your own" in page.text
        refused = await browser.post("/me/rights/export", csrf=page.field("csrf"), format="json")
        assert refused.status == 403 and "device of your own" in refused.text
        assert (await browser.get("/me/accesses/1/file")).status == 403
        assert (await browser.get("/me/receipts/1/file")).status == 403
    assert not log(live, "export")
