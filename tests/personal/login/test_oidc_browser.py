"""The way to a provider on another site and back in a real Chromium: policies, cookies and no barrier on it."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.oidc.hostile import Case
from tests.personal.life.browsers import MARKS, Reader, chromium, reading
from tests.personal.life.looking import Looking
from tests.personal.login.oidc import Running, running

pytestmark = MARKS
GOOD = Case("good", "", metadata={"end_session_endpoint": lambda realm: f"{realm.issuer}/end"})
BAD = Case("bad", "", claims={"nonce": "another"})
LOOKS, GOES = Reader("ja", 375, True), Reader("en", 1280, False)
"""axe needs scripts; the way itself needs none."""


async def test_a_browser_logs_in_at_another_site_and_out_there(tmp_path: Path) -> None:
    async with running(tmp_path, [GOOD, BAD], "localhost") as there, chromium() as browser:
        async with reading(browser, GOES) as page:
            await go_there_and_back(there, page)
        async with reading(browser, LOOKS) as page:
            await look_at_the_way(there, page)


async def go_there_and_back(there: Running, page: Any) -> None:
    url = there.live.url
    name, realm = there.of(GOOD)
    await choose(page, url, name)
    await page.wait_for_url(url + "/me*")
    cookies = {one["name"]: one for one in await page.context.cookies(url)}
    assert set(cookies) == {"engawa-personal", "engawa-browser"}
    assert all(one["httpOnly"] and one["sameSite"] == "Lax" for one in cookies.values())
    await page.click("form[action*='/me/logout'] button")
    await page.wait_for_url(realm.issuer + "/end*")
    assert "engawa-personal" not in {one["name"] for one in await page.context.cookies(url)}


async def look_at_the_way(there: Running, page: Any) -> None:
    url, looking = there.live.url, Looking(page)
    name, realm = there.of(GOOD)
    await held_up(page, realm.issuer)
    await choose(page, url, name)
    await page.wait_for_selector("main a.button")
    await looking.look("the way to the provider")
    await page.unroute("**/*")
    await page.click("main a.button")  # as if nothing had happened by itself
    await page.wait_for_url(url + "/me*")
    await held_up(page, realm.issuer)
    await page.click("form[action*='/me/logout'] button")
    await page.wait_for_selector("main a.button")
    await looking.look("the way out")
    await page.unroute("**/*")
    await choose(page, url, there.of(BAD)[0])
    await page.wait_for_selector("[role=alert]")
    assert urlsplit(page.url).path.startswith("/login/oidc/callback/")
    await looking.look("a login that failed")


async def choose(page: Any, url: str, name: str) -> None:
    await page.goto(url + "/me/login")
    await page.locator(f"form[action*='/login/oidc/{name}'] button").click()


async def held_up(page: Any, issuer: str) -> None:
    """Let requests to the provider lead nowhere, so that the page before them stays."""

    async def stop(route: Any) -> None:
        if route.request.url.startswith(issuer):
            await route.fulfill(status=204)
        else:
            await route.continue_()

    await page.route("**/*", stop)
