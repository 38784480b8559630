"""Logging in through マイキープラットフォーム, against its simulator. (personal-data.md 2.5)"""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from tests.personal.live import Live, live_module
from tests.personal.login import shared
from tests.personal.login.desks import Browser, Desk, Page
from tests.personal.login.mykey_simulator import Simulator, simulator
from tests.personal.login.test_card_logins import log, stand, token

pytestmark = pytest.mark.asyncio(loop_scope="module")
browser = pytest_asyncio.fixture(loop_scope="module")(shared.browser)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform() -> AsyncIterator[Simulator]:
    async with simulator() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(tmp_path_factory: pytest.TempPathFactory, platform: Simulator) -> AsyncIterator[Live]:
    folder = tmp_path_factory.mktemp("mykey")
    (folder / "token").write_text("let-me-read")
    more = {"mykey_url": platform.url, "mykey_token": folder / "token", "mykey_pin": True}
    async with live_module(folder / "data", **more) as running:
        yield running


def screen_of(page: Page) -> str:
    found = re.search(r'href="([^"]*/screen/[^"]*)"', page.text)
    assert found is not None, page.text
    return unescape(found[1])


async def held_up(platform: Simulator, browser: Browser, card: str, path: str, **form: str) -> Page:
    page = await browser.post(path, **{"town": "yabu", "next": "/me", **form})
    back = urlsplit(platform.hold_up(screen_of(page), card))
    return await browser.get(f"{back.path}?{back.query}")


async def test_a_card_with_pin_registers_and_then_logs_in_with_and_without(
    live: Live, platform: Simulator, browser: Browser
) -> None:
    page = await held_up(platform, browser, "hanako", "/login/mykey/pin")
    assert (await browser.register(page)).status == 303
    session = (await live.get("/session", by=token(browser))).json
    assert (session["level"], session["method"]) == (3, "mykey")
    desk = Desk(live)
    await desk.join()
    async with Browser(live.url) as kiosk:
        assert (await kiosk.post("/login/mykey", town="yabu", next="/me")).status == 403
        await stand(live, desk, kiosk)
        page = await held_up(platform, kiosk, "hanako", "/login/mykey")
        assert page.status == 303, page.text
        session = (await live.get("/session", by=token(kiosk))).json
        assert (session["level"], session["desk"]) == (1, desk.id)
        assert (await live.post("/me/credentials/prepare", None, by=token(kiosk))).status == 403
        unknown = await held_up(platform, kiosk, "taro", "/login/mykey")
        assert "not linked yet" in unknown.text
    ppid = platform.ppid("engawa-yabu", "hanako")
    assert ppid != platform.ppid("another-system", "hanako")
    assert ppid not in str(live.town.store.read(lambda db: list(db.execute("SELECT * FROM identifier"))))


async def test_cards_that_are_not_valid_and_strange_answers_log_nobody_in(
    live: Live, platform: Simulator, browser: Browser
) -> None:
    platform.revoked.add("lost")
    page = await held_up(platform, browser, "lost", "/login/mykey/pin")
    assert page.status == 403 and "revoked" in page.text
    assert log(live, "login-refused")[-1]["reason"] == "revoked"
    for wrong in (
        {"ppid": 5},
        {"ppid": "short"},
        {"validity": {"status": "fine", "at": ""}},
        {"validity": []},
    ):
        begun = await browser.post("/login/mykey/pin", town="yabu", next="/me")
        platform.wrong = wrong
        back = urlsplit(platform.hold_up(screen_of(begun), "hanako"))
        page = await browser.get(f"{back.path}?{back.query}")
        platform.wrong = {}
        assert page.status == 502, wrong
    weaker = await browser.post("/login/mykey/pin", town="yabu", next="/me")
    platform.wrong = {"type": "contactless"}
    back = urlsplit(platform.hold_up(screen_of(weaker), "hanako"))
    assert (await browser.get(f"{back.path}?{back.query}")).status == 403
    platform.wrong = {"screen": "https://elsewhere.example/screen/x"}
    assert (await browser.post("/login/mykey/pin", town="yabu", next="/me")).status == 502
    platform.wrong = {}
    begun = await browser.post("/login/mykey/pin", town="yabu", next="/me")
    waiting = platform.readings[screen_of(begun).rpartition("/")[2]]
    page = await browser.get(f"/login/mykey/done?state={waiting['state']}")
    assert "You stopped" in page.text


async def test_what_comes_back_is_for_the_browser_that_began_it_and_once(
    live: Live, platform: Simulator, browser: Browser
) -> None:
    begun = await browser.post("/login/mykey/pin", town="yabu", next="/me")
    back = urlsplit(platform.hold_up(screen_of(begun), "midori"))
    async with Browser(live.url) as other:
        assert "This is over" in (await other.get(f"{back.path}?{back.query}")).text
    # who began it lured somebody to the screen: their card logs nobody in
    assert "This is over" in (await browser.get(f"{back.path}?{back.query}")).text
    again = await browser.post("/login/mykey/pin", town="yabu", next="/me")
    back = urlsplit(platform.hold_up(screen_of(again), "midori"))
    page = await browser.get(f"{back.path}?{back.query}")
    assert page.status == 303 and page.location.startswith("/login/register")
    assert "This is over" in (await browser.get(f"{back.path}?{back.query}")).text


@pytest.mark.parametrize("code", ["", "&code=guessed", "&code=", "&code=%00", f"&code={'x' * 5_000}"])
async def test_who_began_learns_nothing_before_the_browser_of_the_card_comes_back(
    live: Live, platform: Simulator, browser: Browser, code: str
) -> None:
    """Somebody was lured to the screen; their browser alone has the code, and who began it is quicker."""
    begun = await browser.post("/login/mykey/pin", town="yabu", next="/me")
    back = urlsplit(platform.hold_up(screen_of(begun), "hanako"))
    state = back.query.partition("&")[0]
    page = await browser.get(f"{back.path}?{state}{code}")
    assert page.status == 200 and "You stopped" in page.text
    assert not any(one.key.endswith("engawa-personal") for one in browser.session.cookie_jar)
    async with Browser(live.url) as theirs:
        assert "This is over" in (await theirs.get(f"{back.path}?{back.query}")).text
    assert "This is over" in (await browser.get(f"{back.path}?{back.query}")).text


async def test_who_is_logged_in_surely_links_their_card(
    live: Live, platform: Simulator, browser: Browser
) -> None:
    page = await held_up(platform, browser, "kaede", "/login/mykey/pin")
    await browser.register(page)
    csrf = (await browser.get("/me/accesses")).field("csrf")
    assert (await browser.post("/login/mykey/link", csrf="", next="/me")).status == 403
    linked = await held_up(platform, browser, "kaede's phone", "/login/mykey/link", csrf=csrf)
    assert linked.status == 303 and "done=linked" in linked.location, linked.text
    held = (await live.get("/me/credentials", by=token(browser))).json["credentials"]
    assert [one["kind"] for one in held] == ["mykey", "mykey"]
    for number, status in ((0, 204), (1, 409)):
        assert (
            await live.ask("DELETE", f"/me/credentials/{held[number]['id']}", by=token(browser))
        ).status == status
    again = await held_up(platform, browser, "kaede's phone", "/login/mykey/link", csrf=csrf)
    assert again.status == 409


async def test_a_card_is_linked_in_the_login_that_began_it_only(
    live: Live, platform: Simulator, browser: Browser
) -> None:
    await browser.register(await held_up(platform, browser, "nagi", "/login/mykey/pin"))
    csrf = (await browser.get("/me/accesses")).field("csrf")
    begun = await browser.post("/login/mykey/link", csrf=csrf, next="/me")
    back = urlsplit(platform.hold_up(screen_of(begun), "whoever comes next"))
    assert (await live.ask("DELETE", "/session", by=token(browser))).status == 204
    assert (await browser.get(f"{back.path}?{back.query}")).status == 401
    page = await held_up(platform, browser, "whoever comes next", "/login/mykey/pin")
    assert page.location.startswith("/login/register"), page.text


async def test_where_it_is_not_set_up_there_is_no_such_way(tmp_path: Path) -> None:
    async with live_module(tmp_path / "other") as live, Browser(live.url) as browser:
        desk = Desk(live)
        await desk.join()
        await stand(live, desk, browser)
        for path in ("/login/mykey", "/login/mykey/pin", "/login/city-card"):
            reply = await browser.post(path, town="yabu", next="/me", code="x")
            assert reply.status == 404, path
        refused = await browser.post("/login/card", town="yabu", next="/me")
        assert refused.status == 403 and "Nobody logs in with a card here" in refused.text
