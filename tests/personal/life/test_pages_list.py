"""Every page there is, and what is known of it by those who cannot see, hear or point. (WCAG 2.2 A, AA; JIS X 8341-3)

docs/accessibility.md lists the pages. Most are looked at on a walk (tests/personal/pages/test_browser.py); here are those
on the way in and out: card and terminal, second factors, refusals, cards of the city.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.desk.emulator.cards import PIN, Made
from tests.adapters.desk.standing import Standing, standing
from tests.personal.disclosure.sharing import ALLERGIES, hold
from tests.personal.life.browsers import EVERY, MARKS, Reader, chromium, playwright, reading
from tests.personal.life.looking import Looking, name_templates
from tests.personal.life.templates import LIST, WALK, looked_at_by, rows, there
from tests.personal.live import asked, described, purpose
from tests.personal.login.entering import code, enrolment, enter_staff
from tests.personal.provider.visiting import BACK, Client, uses_login

READERS = (Reader("ja", 375, True), Reader("en", 1280, True))
REFRESH = re.compile(r'<meta http-equiv="refresh"[^>]*>')


@dataclass
class Visit:
    """A reader on the way in and out, who looks at every page."""

    stand: Standing
    page: Any
    looking: Looking

    @property
    def url(self) -> str:
        return self.stand.live.url

    async def look(self, path: str = "", *, status: int = 200, base: str = "") -> None:
        """Open a page, or stay on the one that is open, and find nothing to complain about."""
        if path:
            reply = await self.page.goto((base or self.url) + path)
            assert reply.status == status, (path, reply.status)
        await self.looking.look(self.page.url, scripts=None)

    async def press(self, action: str, **fields: str) -> None:
        """Fill a form in and send it."""
        form = self.page.locator(f"main form[action^='{action}']").first
        for name, text in fields.items():
            await form.locator(f"[name='{name}']").first.fill(text)
        await form.locator("button:not([name]):not([formaction])").first.click()

    async def sign(self, card: str) -> None:
        """Lay a card on the reader and type its PIN."""
        await self.stand.placed(self.stand.issued[card].chip())
        await self.page.locator("#pin").fill(PIN)
        await self.page.locator("button[form=prove]").click()
        await self.page.wait_for_url(lambda url: url.startswith(self.url))

    async def stay(self) -> None:
        """Keep pages that go on by themselves, to look at them."""

        async def held(route: Any) -> None:
            if route.request.resource_type != "document":
                await route.continue_()
                return
            response = await route.fetch(max_redirects=0)
            kind = response.headers.get("content-type", "")
            more = (
                {}
                if response.status in (302, 303) or "html" not in kind
                else {"body": REFRESH.sub("", await response.text())}
            )
            try:
                await route.fulfill(response=response, **more)
            except playwright.Error as error:  # the reader had gone on to another page meanwhile
                assert "disposed" in error.message, error

        await self.page.route(f"{self.url}/**", held)

    async def bring(self, secret: str) -> None:
        """Let the browser have a login."""
        name = "engawa-personal"
        await self.page.context.add_cookies([{"name": name, "value": f"yabu.{secret}", "url": self.url}])


def test_the_list_names_every_page_once_and_no_other() -> None:
    listed = [(row.part, row.template) for row in rows()]
    assert sorted(listed) == sorted(there()), (
        "docs/accessibility.md: one row for each template that is a page"
    )
    assert {row.by for row in rows()} <= {WALK, LIST}


@pytest.mark.parametrize("reader", READERS if EVERY else READERS[:1], ids=str)
@pytest.mark.browser
@MARKS[1]
async def test_no_page_on_the_way_in_or_out_has_a_barrier(
    tmp_path: Path,
    card_folder: Path,
    issued: Mapping[str, Made],
    reader: Reader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name_templates(monkeypatch)
    more = {
        "city_cards": True,
        "smtp_host": "127.0.0.1",
        "smtp_tls": "none",
        "smtp_from": "portal@yabu.example",
    }
    seen: set[str] = set()
    async with (
        standing(
            tmp_path, card_folder, issued, card_seconds=5.0, kiosk=True, check_in=True, module=more
        ) as stand,
        chromium() as browser,
    ):
        wanted = purpose("reception", asked("allergies"), asked("contact", need="optional"))
        await stand.live.service("shelter", described(wanted))
        await stand.live.service("library", uses_login())
        for way in (by_card, at_the_desk, refusals, second_factors, at_the_counter, to_a_service):
            async with reading(browser, reader) as page:
                looking = Looking(page, closely=reader.width == 375, templates=seen)
                try:
                    await way(Visit(stand, page, looking))
                except BaseException as error:
                    error.add_note(f"{way.__name__}: {reader}, at {page.url}")
                    raise
    assert looked_at_by(LIST) <= seen, "look at these pages, too"


async def by_card(visit: Visit) -> None:
    """Log in with a card that nobody knows; give up once; register; link another; sign with a wrong card; erase."""
    page, desk = visit.page, visit.stand.desk.url
    await visit.stay()
    await page.goto(visit.url + "/me/login")
    await visit.press("/login/card")
    await visit.look()  # the page that leads to the desk
    await page.locator("main a.button").click()
    await visit.look()
    await page.locator("form.cancel button").click()
    await page.wait_for_url(lambda url: url.startswith(visit.url))
    await visit.look()  # the login was cancelled
    await page.goto(visit.url + "/me/login")
    await visit.press("/login/card")
    await page.locator("main a.button").click()
    await page.wait_for_url(lambda url: url.startswith(desk))
    await visit.sign("newcomer")
    await visit.look()
    birth = page.locator("[name=birthDate]")
    if await birth.count():
        await birth.fill("1990-04-01")
    await visit.press("/login/register", nameKana="アタラシ ヒト")
    await visit.look("/me/notices/contact")
    await visit.look("/me/cards")
    await visit.press("/me/cards/link")
    await visit.look()
    await wrong_card(visit)
    person = visit.stand.live.town.store.read(
        lambda db: db.execute("SELECT actor FROM session WHERE kind = 'resident'").get
    )
    await hold(visit.stand.live, person, allergies=ALLERGIES)
    await page.goto(visit.url + "/me/erase")
    await page.locator("#sure").check()
    await visit.press("/me/erase")
    await visit.look()


async def wrong_card(visit: Visit) -> None:
    """Sign a decision with the card of somebody else."""
    await visit.page.goto(visit.url + "/me/ask?service=shelter&purpose=reception")
    await visit.page.locator("#a-allergies").check()
    await visit.press("/me/ask/check")
    await visit.press("/login/card")
    await visit.page.locator("main a.button").click()
    await visit.page.wait_for_url(lambda url: url.startswith(visit.stand.desk.url))
    await visit.sign("hanako")
    await visit.look()


async def at_the_desk(visit: Visit) -> None:
    await visit.look("/", base=visit.stand.desk.url)
    await visit.look("/card/none", base=visit.stand.desk.url, status=410)


async def refusals(visit: Visit) -> None:
    await visit.look("/stop/yabu/none")
    await visit.press("/stop/")
    await visit.look()
    await visit.look("/login/city-card")
    await visit.stand.live.register("jiro", nameKana="ヤブ ジロウ")
    await visit.bring(await visit.stand.live.resident("jiro"))
    await visit.look("/me/receipts/none", status=404)


async def second_factors(visit: Visit) -> None:
    """Make a second factor and give it; come back to a form that was typed in before its login ended."""
    live = visit.stand.live
    await visit.bring(await enter_staff(live, "admin"))
    await visit.look("/staff/factors/new")
    await visit.page.locator("[name=enrolment]").fill(await enrolment(live, "admin"))
    await visit.page.locator("[name=kind][value=totp]").check()
    await visit.page.locator("main form[action^='/staff/factors/new'] button").first.click()
    await visit.look()
    secret = await visit.page.locator("code.id").inner_text()
    form = visit.page.locator("main form[action^='/staff/factors']").first
    await form.locator("[name=code]").fill(code(secret, 0))
    await form.locator("button:not([type=button])").first.click()
    await visit.look()
    await visit.look("/staff/factor")
    await visit.page.goto(visit.url + "/staff/members")
    old = "UPDATE session SET factor = factor - 864000000000 WHERE factor > 0"
    await live.town.store.write(lambda db: db.execute(old))
    add = visit.page.locator("main form:has([name=login])").first
    await add.locator("[name=login]").fill("yamada")
    await add.locator("[name=name]").fill("見本 山田")
    await add.locator("button").last.click()
    await visit.page.locator("[name=code]").fill(code(secret))
    await visit.page.locator("main form[action^='/staff/factor'] button:not([type=button])").first.click()
    await visit.page.wait_for_url(lambda url: "/staff/resumed/" in url)
    await visit.look()


async def at_the_counter(visit: Visit) -> None:
    """Identify by card: nobody knows it, it is refused; issue a card of the city."""
    live = visit.stand.live
    await visit.bring(await live.staff("counter"))
    for card in ("taro", "revoked"):
        await visit.page.goto(visit.url + "/staff/residents")
        await visit.page.locator("main form[action^='/staff/residents/card/begin'] [value=pin]").first.click()
        await visit.page.wait_for_url(lambda url: url.startswith(visit.stand.desk.url))
        await visit.sign(card)
        await visit.look()
    await visit.page.goto(visit.url + "/staff/residents")
    await visit.press("/staff/residents/search", nameKana="ヤブ ジロウ", birthDate="1990-04-01")
    await visit.press("/staff/residents/open")
    issue = visit.page.locator("main form[action$='/city-card']").first
    if not await issue.is_visible():
        await visit.page.locator("details:has(form[action$='/city-card']) summary").first.click()
    await issue.locator("[name=passcode]").fill("83520194")
    await issue.locator("button").first.click()
    await visit.look()
    await visit.page.context.clear_cookies()
    await visit.bring(await live.staff("catalogue"))
    await visit.look("/staff/items/_new")


async def to_a_service(visit: Visit) -> None:
    """Agree at the page on the way to a service, and go on to it."""
    live = visit.stand.live
    await visit.page.route(
        f"{BACK}**", lambda route: route.fulfill(status=204)
    )  # the browser stays where it is
    await live.register("saburo", nameKana="ヤブ サブロウ")
    await visit.bring(await live.resident("saburo"))
    await visit.page.goto(Client(live, "library").where())
    await visit.look()
    await visit.page.locator("main form [value=agree]").click()
    await visit.page.locator("#onward").wait_for()
    await visit.look()
