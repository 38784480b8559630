"""The desk's pages in a real Chromium: no barrier axe can find, keyboard and pad, phone width, without scripts."""

import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from adapters.desk.emulator.cards import Made
from tests.adapters.desk.standing import Standing, standing

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")

CHROMIUM = next(
    (path for name in ("chromium", "google-chrome", "chromium-browser") if (path := shutil.which(name))), None
)
AXE = Path(__file__).parents[3] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE_RUN = "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})"

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Any]:
    async with playwright.async_playwright() as driver:
        started = await driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield started
        await started.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(
    tmp_path_factory: pytest.TempPathFactory, card_folder: Path, issued: Mapping[str, Made]
) -> AsyncIterator[Standing]:
    """A desk as the demonstration has it: the visitor chooses a made-up card."""
    more = {
        "kiosk": True,
        "check_in": True,
        "service": "shelter",
        "made_up_cards": card_folder,
        "card_seconds": 1.5,
    }
    async with standing(tmp_path_factory.mktemp("place"), card_folder, issued, **more) as made:
        await made.linked("hanako")
        await made.desk.condition.look()
        yield made


class Look:
    """One page of a browser, looked at for faults."""

    def __init__(self, page: Any, scripts: bool) -> None:
        self.page = page
        self.scripts = scripts
        self.complaints: list[str] = []
        page.on("console", lambda said: self._note(said))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, said: Any) -> None:
        if said.type in ("error", "warning") and "status of 4" not in said.text:
            self.complaints.append(said.text)

    async def check(self, width: int) -> None:
        """Look for barriers, for what sticks out, for what the page's own policy refused."""
        if self.scripts and AXE.exists():
            await self.page.evaluate(AXE.read_text(encoding="utf-8"))
            found = (await self.page.evaluate(AXE_RUN, RULES))["violations"]
            assert not found, [(one["id"], one["nodes"][0]["html"][:200]) for one in found]
        if self.scripts:
            assert await self.page.evaluate("document.documentElement.scrollWidth") <= width
        assert self.complaints == []


@pytest.mark.parametrize(
    ("language", "width", "scripts"), [("ja", 375, True), ("en", 1280, True), ("ja", 375, False)]
)
async def test_a_visitor_logs_in_with_a_made_up_card(
    place: Standing, chromium: Any, language: str, width: int, scripts: bool
) -> None:
    await place.placed(None)
    context = await chromium.new_context(
        viewport={"width": width, "height": 800}, locale=language, java_script_enabled=scripts
    )
    page = await context.new_page()
    look = Look(page, scripts)
    await page.goto(f"{place.desk.url}/?lang={language}")
    await look.check(width)
    await page.goto(f"{place.live.url}/me/login?lang={language}")
    await page.locator("form[action*='/login/card'] button").first.click()
    await page.wait_for_url("**/card/*")
    assert await page.locator("html").get_attribute("lang") == language
    await look.check(width)
    await _sign(page, width, look)
    await page.locator("#wrong-text").wait_for()
    await look.check(width)
    await page.locator("#card").select_option("hanako")
    async with page.expect_navigation():
        await page.locator(".sample-cards button").click()
    await _sign(page, width, look)
    await page.wait_for_url(f"{place.live.url}/me*")
    assert look.complaints == []
    await context.close()


async def _sign(page: Any, width: int, look: Look) -> None:
    """Enter the PIN: on the pad at phone width, by the keyboard alone otherwise."""
    if width < 1_000:
        for digit in "1234":
            pressed = page.locator(f".pad button[value='{digit}']")
            if look.scripts:
                await pressed.click()
            else:
                async with page.expect_navigation():
                    await pressed.click()
        await page.locator("button[form=prove]").click()
    else:
        await page.keyboard.press("Tab")
        await page.locator("#pin").focus()
        await page.keyboard.type("1234")
        await page.keyboard.press("Enter")


async def test_every_control_is_reached_by_the_keyboard_in_order(place: Standing, chromium: Any) -> None:
    context = await chromium.new_context(viewport={"width": 375, "height": 800}, locale="ja")
    page = await context.new_page()
    await page.goto(f"{place.live.url}/me/login")
    await page.locator("form[action*='/login/card'] button").first.click()
    await page.wait_for_url("**/card/*")
    assert await page.evaluate("scrollY") == 0  # what is signed is seen before the field for the PIN
    await page.locator("#pin").focus()
    found = []
    for _ in range(16):
        await page.keyboard.press("Tab")
        found.append(
            await page.evaluate("document.activeElement.value || document.activeElement.textContent.trim()")
        )
    assert found[:11] == [*"1234567890", "clear"]
    assert "カードで署名する" in found and found.index("カードで署名する") < found.index("やめて戻る")
    await page.get_by_role("button", name="やめて戻る").click()
    await page.wait_for_url("**/login/card/done*")
    await context.close()


async def test_the_page_follows_the_reader_and_the_last_check_in(place: Standing, chromium: Any) -> None:
    await place.placed(None)
    context = await chromium.new_context(viewport={"width": 375, "height": 800}, locale="ja")
    page = await context.new_page()
    await page.goto(f"{place.desk.url}/")
    reader = page.locator("[data-state=readerText]")
    await reader.get_by_text("カードは置かれていません").wait_for()
    await place.placed(place.issued["hanako"].chip())
    await reader.get_by_text("カードが置かれています").wait_for()
    await page.locator("[data-result].result-known").wait_for()
    await Look(page, True).check(375)
    await context.close()
