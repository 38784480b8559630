"""The pages in a real Chromium: no barrier axe can find, nothing refused by their own policy, usable without scripts."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from tests.personal.live import Live

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")

CHROMIUM = next(
    (path for name in ("chromium", "google-chrome", "chromium-browser") if (path := shutil.which(name))), None
)
AXE = Path(__file__).parents[3] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# every page there is, by who sees it: a new one is added here; by turns a phone in Japanese and a desk in English
PAGES = {
    "counter": ["/staff", "/staff/residents"],
    "catalogue": ["/staff/services", "/staff/services/shelter", "/staff/proposals?state=approved"],
    "admin": ["/staff/members", "/staff/residents"],
    "auditor": ["/staff/audit"],
    "emergency": ["/staff/emergencies"],
    "privacy": ["/staff/rights", "/staff/rights?state=decided"],
}

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

    def __init__(self, page: Any, width: int) -> None:
        self.page, self.width = page, width
        self.complaints: list[str] = []
        page.on("console", lambda said: self._note(said))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, said: Any) -> None:
        if said.type in ("error", "warning") and "status of 40" not in said.text:
            self.complaints.append(said.text)

    async def look(self, name: str) -> None:
        """Find nothing to complain about on the page that is open."""
        assert not self.complaints, (name, self.complaints)
        assert await self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        if AXE.is_file():
            await self.page.evaluate(AXE.read_text(encoding="utf-8"))
            found = await self.page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
            barriers = [
                (one["id"], node["html"][:160]) for one in found["violations"] for node in one["nodes"]
            ]
            assert not barriers, (name, barriers)


async def begin(browser: Any, url: str, language: str, width: int, **more: Any) -> Visit:
    """Open the login of staff."""
    context = await browser.new_context(viewport={"width": width, "height": 800}, locale=language, **more)
    visit = Visit(await context.new_page(), width)
    await visit.page.goto(url + "/staff")
    return visit


async def log_in(visit: Visit, login: str) -> None:
    await visit.page.select_option("select[name=login]", login)
    await visit.page.click("main button")


async def test_no_barriers_no_complaints_and_no_sideways_scrolling(yabu: Live, browser: Any) -> None:
    for number, (login, pages) in enumerate(PAGES.items()):
        language, width = ("en", 1200) if number % 2 else ("ja", 390)
        visit = await begin(browser, yabu.url, language, width)
        await visit.look("login")
        await log_in(visit, login)
        for path in pages:
            await visit.page.goto(yabu.url + path)
            await visit.look(path)
        await visit.page.context.close()


@pytest.mark.parametrize(("language", "width"), [("ja", 390), ("en", 1200)])
async def test_a_resident_is_registered_written_and_protected_without_barriers(
    yabu: Live, browser: Any, language: str, width: int
) -> None:
    visit = await begin(browser, yabu.url, language, width)
    await log_in(visit, "protection")
    page = visit.page
    await page.goto(yabu.url + "/staff/residents")
    await page.fill("#r-kana", "カクウ ツバサ")
    await page.fill("#r-birth", "2001-01-02")
    await page.click("form[action*='/register'] button")
    await visit.look("registered")
    await page.click("a[href*='/relations']")
    await visit.look("relations")
    await page.go_back()
    await page.goto(page.url.partition("?")[0] + "/items/basic-four?new=yes")
    await visit.look("form of an item")
    for name, text in {
        "name": "架空 つばさ",
        "address": "養父市架空町9番地",
        "birthDate": "2001-01-02",
    }.items():
        await page.fill(f"#f-{name}", text)
    await page.select_option("#f-sex", "male")
    await page.click("form[action*='/items/basic-four'] button")
    await visit.look("written")
    await page.click("a[href*='/items/basic-four']")
    await visit.look("item")
    await page.go_back()
    await page.click("form[action*='/protection'] button")
    await visit.look("protected")


async def test_four_eyes_work_on_a_phone_without_scripts(yabu: Live, browser: Any) -> None:
    key = ECKey.generate_key("P-256", {"kid": "next"}).as_dict(private=False)
    keys = {"keys": [dict(key)]}
    proposal = {"kind": "service-keys", "body": {"service": "shelter", "keys": keys}}
    assert (await yabu.post("/proposals", proposal, by=await yabu.staff("catalogue"))).status == 201
    visit = await begin(browser, yabu.url, "ja", 390, java_script_enabled=False)
    await log_in(visit, "catalogue2")
    page = visit.page
    await page.click("a.card[href='/staff/proposals']")
    await page.click("th a")
    await page.click("button >> text=承認する")
    assert "承認しました" in await page.inner_text("[role=status]")


async def test_residents_see_who_looked(yabu: Live, browser: Any) -> None:
    for language, width in (("ja", 390), ("en", 1200)):
        visit = await begin(browser, yabu.url, language, width)
        await visit.page.goto(yabu.url + "/me/login")
        await visit.look("login of residents")
        await visit.page.fill("#login", "hanako")
        await visit.page.click("main button")
        await visit.look("own page")
        assert await visit.page.locator("#looked").count() == 1
