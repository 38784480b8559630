"""A login that is about to end, in a browser: the warning, going on, and its end. (WCAG 2.2 2.2.1)"""

import re
from typing import TYPE_CHECKING, Any

from base import clock
from personal.rules.levels import Level
from personal.store import sessions
from tests.personal.live import Live
from tests.personal.login.entering import enter_resident

if TYPE_CHECKING:
    from tests.personal.pages.test_browser import Visit, Visits

TYPED = "番地が違います。"
OTHERS = "new BroadcastChannel('engawa-limits').postMessage({login: 'l_other', left: 600, most: 600})"
"""What a page of another login says in the same browser."""
RETURNED = "() => { dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true})); }"
"""What a browser tells a page that it had put away whole, when somebody goes back to it."""


async def before_a_login_ends(visits: "Visits") -> None:
    """Be warned in time, go on with what was typed; be told when it is over, and go on after logging in."""
    visit, secret = await _logged_in(visits)
    page, text = visit.page, visit.page.locator("textarea").first
    await page.goto(visit.url + "/me/rights")
    await page.locator("[name=right]").first.check()
    await text.fill(TYPED)
    await _change(visits.live, secret, used=-1_700, until=100)
    await page.clock.fast_forward(1_700_000)
    warning = page.locator("dialog[data-when=soon]")
    await warning.wait_for()
    assert await page.evaluate("document.activeElement.closest('dialog')?.dataset.when") == "soon"
    assert 60 < int(await warning.locator("[data-seconds]").inner_text()) <= 100
    await visit.looking.find_barriers("the warning before a login ends")
    await page.keyboard.press("Enter")
    await warning.wait_for(state="hidden")
    found = visits.live.town.store.read(lambda db: sessions.find(db, secret, clock.now()))
    assert found is not None and found.until > clock.now() + 1_700 * clock.SECOND
    await page.clock.fast_forward(1_900_000)
    over = page.locator("dialog[data-when=over]")
    await over.wait_for()
    await visit.looking.find_barriers("the word that a login is over")
    assert "/me/login?next=%2Fme%2Frights" in str(await over.locator("a").get_attribute("href"))
    await _change(visits.live, secret, used=-1_900, until=-1)
    await page.keyboard.press("Escape")
    assert await text.input_value() == TYPED
    await visit.send("/me/rights/ask")
    await page.wait_for_url(re.compile(r"/me/login\?next=.*resumed.*done=form_kept"))


async def at_a_terminal(visits: "Visits") -> None:
    """Be warned at a terminal, go on once, go away: the screen is cleared."""
    visit, _ = await _logged_in(visits, device="counter-1")
    page = visit.page
    await page.goto(visit.url + "/me/rights")
    cleared = {"ja": "画面が消えます", "en": "the screen is cleared"}[visits.language]
    assert cleared in await page.locator("p.limits").inner_text()
    await page.clock.fast_forward(81_000)
    warning = page.locator("dialog[data-when=soon]")
    await warning.wait_for()
    await warning.locator("button").click()
    await warning.wait_for(state="hidden")
    async with page.expect_navigation():  # the way back leads to no page as it was
        await page.evaluate(RETURNED)
    await page.evaluate(OTHERS)  # who sits down next keeps nothing here for longer
    await page.clock.fast_forward(130_000)
    await page.wait_for_url(re.compile(r"/me/login\?done=ended_by_itself"))
    ended = {"ja": "画面を消しました", "en": "screen was cleared"}[visits.language]
    assert ended in await page.inner_text("[role=status]")


async def _logged_in(visits: "Visits", device: str = "") -> tuple["Visit", str]:
    visit = await visits.begin()
    await visit.page.clock.install()
    person = await _hanako(visits.live)
    secret = await enter_resident(visits.live, person, Level.CARD, device=device)
    cookie = {"name": "engawa-personal", "value": f"yabu.{secret}", "url": visit.url}
    await visit.page.context.add_cookies([cookie])
    return visit, secret


async def _hanako(live: Live) -> str:
    token = await live.resident("hanako")
    found = live.town.store.read(lambda db: sessions.find(db, token, clock.now()))
    assert found is not None
    return found.actor


async def _change(live: Live, secret: str, *, used: int, until: int) -> None:
    now, hash = clock.now(), sessions.digest(secret)
    times: Any = (now + used * clock.SECOND, now + until * clock.SECOND)
    await live.town.store.write(lambda db: sessions.touch(db, hash, *times))
