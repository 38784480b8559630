"""The pages in a real Chromium: no barrier axe can find, nothing refused by their own policy, usable without scripts."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from base import clock
from personal.app import operations
from personal.pages.desk import STATIC
from personal.parts import routes
from personal.staff.item_forms import OF_MEMBER, schema_of
from personal.store import items, records, sessions
from personal.store.records import Choice
from schemas.personal import catalogue
from tests.personal.life.browsers import EVERY
from tests.personal.life.looking import Looking, name_templates
from tests.personal.life.templates import WALK, looked_at_by
from tests.personal.live import Live
from tests.personal.pages.ending import at_a_terminal, before_a_login_ends
from tests.personal.pages.reading import BIRTH, KANA
from tests.personal.provider.visiting import Client, uses_login

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")

CHROMIUM = next(
    (path for name in ("chromium", "google-chrome", "chromium-browser") if (path := shutil.which(name))), None
)
PHONE, DESK = ("ja", 390), ("en", 1280)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]


@pytest.fixture
async def browser() -> AsyncIterator[Any]:
    async with playwright.async_playwright() as driver:
        chromium = await driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        await chromium.close()


class Visit:
    """A browser of one reader, which looks at every page for faults."""

    def __init__(self, url: str, page: Any, visits: "Visits") -> None:
        self.url, self.page, self.visits = url, page, visits
        self.looking = Looking(page, closely=visits.closely, templates=visits.templates)

    async def look(self, path: str = "") -> None:
        """Open a page, or stay on the one that is open, and find nothing to complain about."""
        if path:
            reply = await self.page.goto(self.url + path)
            assert reply.status == 200, path
        where = self.page.url.removeprefix(self.url)
        self.visits.seen.add(where.partition("?")[0])
        await self.looking.look(where)

    async def send(self, action: str, **fields: str) -> None:
        """Fill a form in and send it; where its address ends is how it is known."""
        form = self.page.locator(f"main form[action$='{action}'], main form[action*='{action}?']").first
        for name, text in fields.items():
            await form.locator(f"[name='{name}']").first.fill(text)
        await form.locator("button:not([name]):not([aria-hidden])").first.click()

    async def log_in(self, login: str) -> None:
        """Log in as a member of staff."""
        await self.page.goto(self.url + "/staff/login")
        await self.page.select_option("select[name=login]", login)
        await self.send("/staff/login")

    async def open_resident(self) -> str:
        """Search for 花子 and open her page; give its path."""
        await self.page.goto(self.url + "/staff/residents")
        await self.send("/search", nameKana=KANA, birthDate=BIRTH)
        await self.send("/open")
        return "/".join(self.page.url.removeprefix(self.url).partition("?")[0].split("/")[:4])


class Visits:
    """Visits of many readers, all in one language and width."""

    def __init__(self, live: Live, browser: Any, reader: tuple[str, int] = PHONE) -> None:
        self.live, self.browser = live, browser
        self.language, self.width = reader
        self.closely = reader == PHONE
        self.seen: set[str] = set()
        self.templates: set[str] = set()

    async def begin(self, login: str = "", **more: Any) -> Visit:
        context = await self.browser.new_context(
            viewport={"width": self.width, "height": 800}, locale=self.language, **more
        )
        visit = Visit(self.live.url, await context.new_page(), self)
        if login:
            await visit.log_in(login)
        return visit


@pytest.fixture
async def visits(yabu: Live, browser: Any) -> Visits:
    return Visits(yabu, browser)


ELSEWHERE = {
    *("/login/card/done", "/login/city-card", "/login/register", "/stop/{town}/{token}"),
    *("/me/resumed/{id}", "/staff/resumed/{id}", "/staff/factor"),
    # these show nothing of their own: they send on, or are for programs
    *("/login/desk", "/login/mykey/done", "/login/oidc/jwks", "/login/oidc/goodbye/{name}"),
    "/login/oidc/callback/{name}",
}
"""Pages that tests/personal/life/test_pages_list.py looks at, and addresses that are no pages."""


def pages_of(live: Live) -> dict[str, re.Pattern[str]]:
    """Name all pages that are looked at, without files to be saved."""
    made = routes(live.module, operations(live.module.settings))
    paths = [
        route.path
        for route in made
        if isinstance(route, web.RouteDef) and route.method == "GET" and not route.path.startswith(STATIC)
    ]
    return {
        path: re.compile(re.sub(r"\{[a-z]+\}", "[^/]+", path))
        for path in paths
        if path != "/" and not path.endswith("/file")
    }


@pytest.mark.parametrize("reader", [PHONE, DESK] if EVERY else [PHONE])
async def test_no_page_has_a_barrier_a_complaint_or_scrolls_sideways(
    yabu: Live, browser: Any, reader: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    name_templates(monkeypatch)
    visits = Visits(yabu, browser, reader)
    await visits.live.town.store.write(
        lambda db: records.choose(db, Choice("contact", "local", ("local", "cloud")))
    )
    await asyncio.gather(
        walk(visits, at_the_counter, in_an_emergency, as_privacy_officer),
        walk(visits, before_a_login_ends, at_a_terminal),
        walk(visits, on_paper, at_home, at_a_service, in_the_catalogue, for_administrators),
    )
    unseen = [
        path
        for path, pattern in pages_of(visits.live).items()
        if not any(pattern.fullmatch(seen) for seen in visits.seen)
    ]
    assert not set(unseen) - ELSEWHERE, "walk over these pages, too"
    assert looked_at_by(WALK) <= visits.templates, "these are not looked at, as docs/accessibility.md says"


async def walk(visits: Visits, *walks: Callable[[Visits], Awaitable[None]]) -> None:
    for one in walks:
        await one(visits)


async def for_administrators(visits: Visits) -> None:
    admin = await visits.begin("admin")
    await admin.look("/staff/members")
    await admin.page.click("tbody th a")
    await admin.look()
    for path in ("/desks", "/office", "/factors", "/factors/new", "/sessions"):
        await admin.look("/staff" + path)
    await (await visits.begin("privacy")).look("/staff/deadlines")
    for login, path in (("auditor", "/staff"), ("auditor", "/staff/audit"), ("admin", "/staff")):
        await (await visits.begin(login)).look(path)


SEARCH = 'form[action*="/residents/search"]'


async def at_the_counter(visits: Visits) -> None:
    visit = await visits.begin()
    await visit.look("/staff/login")
    await visit.log_in("protection")
    await visit.look("/staff/residents")
    await with_a_card_that_nobody_has(visit)
    path = await visit.open_resident()
    await visit.look()
    for below in (
        "/records",
        "/relations",
        "/names",
        "/accesses",
        "/emergencies",
        "/requests",
        "/items/household?new=yes",
    ):
        await visit.look(path + below)
    await visit.look(path + "/items/care-needs")
    await visit.page.fill("[name='item.handbooks.0.grade']", "2級")
    await visit.send("/items/care-needs")
    assert await visit.page.locator("[aria-invalid]").count() == 1
    await visit.look()


async def with_a_card_that_nobody_has(visit: Visit) -> None:
    """Look at the page after such a card was read: no desk is there, so its form is sent from another page."""
    await visit.page.evaluate(f"document.querySelector('{SEARCH}').action = '/staff/residents/card/match'")
    await visit.page.fill("#s-kana", KANA)
    await visit.page.fill("#s-birth", BIRTH)
    await visit.page.click("form[action$='/card/match'] button")
    await visit.look()
    visit.visits.seen.add("/staff/residents/card")


async def on_paper(visits: Visits) -> None:
    visit = await visits.begin("counter")
    path = await visit.open_resident()
    await visit.look(path + "/paper?service=shelter&purpose=reception")
    await visit.page.check("#d-basic-four-agree")
    await visit.send("/paper/check", scan="S-1")
    await visit.look()
    await visit.send("/paper")
    await visit.look()
    await visit.look(path + "/consents")


OF_DOGS = {f"m.0.{name}": text for name, text in zip(OF_MEMBER, ("size", "大きさ", "Size", "choice", "", "s = 小 = S"), strict=True)}  # fmt: skip


async def in_the_catalogue(visits: Visits) -> None:
    visit = await visits.begin("catalogue")
    made = schema_of(
        {"title": "dogs", "ja": "犬", "en": "Dogs", "class": "ordinary", "by": "consent", **OF_DOGS}
    )
    await visits.live.town.store.write(lambda db: items.put(db, catalogue.read(made), clock.now()))
    for path in (
        "/services",
        "/services/_new",
        "/services/shelter",
        "/services/shelter/change",
        "/items",
        "/items/_new",
        "/items/dogs/change",
        "/peers",
    ):
        await visit.look("/staff" + path)
    await visit.look("/staff/proposals?state=approved")
    await visit.page.click("th a")
    await visit.look()


async def in_an_emergency(visits: Visits) -> None:
    visit = await visits.begin("emergency")
    await visit.look("/staff/emergencies")
    await visit.look("/staff/emergencies/_new")
    await visit.page.check("#law-1")
    await visit.page.check("#area-whole")
    await visit.page.check("#es-shelter")
    await visit.page.check("#ei-allergies")
    await visit.send("/_new", ja="台風", en="Typhoon", hours="24")
    await visit.look()
    await visit.send("/staff/emergencies")
    await visit.look()
    declared = (await visits.live.get("/emergencies/all", by=await visits.live.staff("emergency"))).json
    await visit.look(f"/staff/emergencies/{declared['emergencies'][0]['id']}")
    await visit.open_resident()
    await visit.look()
    await visit.page.check("#i-basic-four")
    told = {"basis": "災害対策基本法 49条の11第3項", "reason": "倒れていて、連絡がつきません。"}
    await visit.send("/break-glass", **told)
    await visit.look()
    await visit.page.click("main section ul.sections a")
    await visit.look()
    await visit.look("/staff/break-glass")


async def as_privacy_officer(visits: Visits) -> None:
    body = {"right": "stop", "items": ["contact"], "text": "使わないでください"}
    by = await visits.live.resident("hanako")
    assert (await visits.live.post("/me/rights", body, by=by)).status == 201
    visit = await visits.begin("privacy")
    for path in ("/staff/duties", "/staff/affected", "/staff/rights"):
        await visit.look(path)
    await visit.page.click("th a")
    await visit.look()
    path = visit.page.url.removeprefix(visit.url)
    await visit.send("/held")
    await visit.look()
    await visit.look(path + "/letters/received")
    await visit.look(path)
    await visit.send("/open")
    await visit.look()
    await visit.look("/staff/proposals")
    await visit.page.click("th a")
    await visit.look()


HOME = ("", "/data", "/data/basic-four", "/data/contact/edit", "/data/contact/erase", "/services", "/requests",
        "/receipts", "/accesses", "/family", "/rights", "/erase", "/freeze", "/emergencies", "/links",
        "/sessions", "/cards", "/connections", "/notices", "/notices/contact", "/files")  # fmt: skip
OF_SHELTER = "?service=shelter&purpose=reception"


async def at_home(visits: Visits) -> None:
    visit = await visits.begin()
    await visit.look("/me/login")
    await visit.send("/me/login", login="hanako")
    for path in HOME:
        await visit.look("/me" + path)
    await visit.look("/me/ask" + OF_SHELTER)
    await visit.page.locator("input[name=agree]").first.check()
    await visit.send("/me/ask/check")
    await visit.look()
    await visit.send("/me/ask/decide")
    await visit.look()
    await visit.page.click("a[href^='/me/receipts/']")
    await visit.look()
    for path in ("/me/withdraw", "/me/preview"):
        await visit.look(path + OF_SHELTER)
    await visit.look("/me/code")
    await visit.page.check("#i-basic-four")
    await visit.send("/me/code")
    await visit.look()
    await visit.page.goto(visit.url + "/me/accesses?all=yes")
    await visit.look(str(await visit.page.locator(".entry a").first.get_attribute("href")))


async def at_a_service(visits: Visits) -> None:
    await visits.live.service("library", uses_login())
    visit = await visits.begin()
    await visit.page.goto(Client(visits.live, "library").where())
    visits.seen.add("/oidc/yabu/authorize")  # it sends on at once
    await visit.look()
    await visit.send("/me/login", login="hanako")
    await visit.look()
    await visit.look("/oidc/yabu/logout?client_id=library")


async def test_without_scripts_nothing_is_lost_by_coming_back_or_by_a_login_that_ended(
    visits: Visits,
) -> None:
    visit = await visits.begin("counter", java_script_enabled=False)
    page = visit.page
    await page.goto(visit.url + "/staff/residents")
    fields = {"nameKana": "カクウ ツバサ", "birthDate": "2001-01-02"}
    await visit.send("/register", **fields)
    assert "登録しました" in await page.inner_text("[role=status]")
    await page.go_back()
    await visit.send("/register", **fields)  # what is typed after coming back is another form
    assert "同じ読みと生年月日" in await page.inner_text("[role=status]")
    path = page.url.partition("?")[0]
    await page.goto(path + "/items/basic-four?new=yes")
    (cookie,) = [one for one in await page.context.cookies() if one["name"] == "engawa-personal"]
    hash = sessions.digest(cookie["value"].partition(".")[2])
    await visits.live.town.store.write(lambda db: sessions.touch(db, hash, clock.now(), clock.now() - 1))
    told = {"item.name": "架空 つばさ", "item.address": "養父市架空町9番地", "item.birthDate": "2001-01-02"}
    await page.select_option("[name='item.sex']", "male")
    await visit.send("/items/basic-four", **told)
    assert "残っています" in await page.inner_text("[role=status]")
    await page.select_option("select[name=login]", "counter")
    await visit.send("/staff/login")
    await page.click("form:has([name=kept]) button")
    assert page.url == path + "/items/basic-four"
    assert await page.input_value("[name='item.address']") == told["item.address"]
    assert await page.input_value("[name='item.sex']") == "male"
    await visit.send("/items/basic-four")
    assert "保存しました" in await page.inner_text("[role=status]")
