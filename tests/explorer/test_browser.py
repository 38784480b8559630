"""The pages in a real Chromium: nothing refused by their own policy, no barrier axe can find, map and copying alive."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from broker.explorer.pages import HERE
from tests.explorer.conftest import ODD
from tests.live import Live

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")

CHROMIUM = next(
    (path for name in ("chromium", "google-chrome", "chromium-browser") if (path := shutil.which(name))), None
)
AXE = HERE.parent.parent / "node_modules" / "axe-core" / "axe.min.js"
LEAFLET = HERE / "static" / "leaflet" / "leaflet.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ENTITY = "/explorer/entity?id="
# every page there is: a new one is added here; by turns a phone in Japanese and a desk in English
PAGES = [
    "/",
    "/",
    "/?type=EvacuationSite&hazard=flood&near=35.40,134.70&km=5",
    "/?near=nowhere",
    "/?text=nothing-like-this",
    "/?tenant=empty-one",
    ENTITY + "urn:ngsi-ld:EvacuationSite:E2899900001201",
    ENTITY + "urn:ngsi-ld:Many:1&form=geojson",
    ENTITY + "urn:ngsi-ld:Missing:1",
    "/explorer/neighbours",
]

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


async def visit(browser: Any, url: str, width: int = 1280, **more: Any) -> tuple[Any, list[str]]:
    context = await browser.new_context(viewport={"width": width, "height": 900}, **more)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if _matters(said) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append("a dialog: " + dialog.message))
    await page.goto(url)
    return page, complaints


def _matters(said: Any) -> bool:
    return said.type in ("error", "warning") and "status of 404" not in said.text


async def look(browser: Any, url: str, language: str, width: int) -> None:
    """Visit a page and find nothing to complain about."""
    joint = "&" if "?" in url else "?"
    page, complaints = await visit(browser, f"{url}{joint}lang={language}", width)
    assert not complaints, (url, complaints)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (url, width)
    if AXE.is_file():
        await page.evaluate(AXE.read_text(encoding="utf-8"))
        found = await page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
        barriers = [
            (violation["id"], node["html"][:160])
            for violation in found["violations"]
            for node in violation["nodes"]
            # places close together: the list beside the map has the same links (2.5.8, equivalent)
            if not (violation["id"] == "target-size" and "pin" in node["html"])
        ]
        assert not barriers, (url, language, barriers)
    await page.context.close()


async def test_no_barriers_no_complaints_and_no_sideways_scrolling(city: Live, browser: Any) -> None:
    for number, target in enumerate(PAGES):
        language, width = ("ja", 390) if number % 2 else ("en", 1280)
        await look(browser, city.url + target, language, width)
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: the rest of this test passed")


async def test_the_page_of_neighbours_has_no_barriers_either(neighbourhood: Live, browser: Any) -> None:
    for language, width in (("ja", 390), ("en", 1280)):
        await look(browser, neighbourhood.url + "/explorer/neighbours", language, width)
    page, _ = await visit(browser, neighbourhood.url + "/explorer/neighbours?lang=ja")
    titles = [await pin.get_attribute("title") for pin in await page.query_selector_all(".pin")]
    if LEAFLET.is_file():
        assert len(titles) == 10 and any(title.endswith(" 豊岡市") for title in titles)


async def test_stored_markup_is_never_run(city: Live, browser: Any) -> None:
    for target in ("/?type=Attack", ENTITY + "urn:ngsi-ld:Attack:1", ENTITY + quote(ODD[0]["id"], safe="")):
        page, complaints = await visit(browser, city.url + target)
        markers = await page.query_selector_all(".pin")
        for marker in markers:
            await marker.hover()
        assert not complaints and not await page.query_selector("[onerror]")


async def test_all_can_be_done_without_javascript(city: Live, browser: Any) -> None:
    page, _ = await visit(browser, city.url + "/?lang=ja", java_script_enabled=False)
    await page.fill("#text", "軒下")
    await page.click("form.search button[type=submit]")
    assert await page.locator(".entry").count() == 4
    assert await page.locator("svg.chart").count() == 1
    await page.click(".entry a")
    await page.click(".tabs a >> text=GeoJSON")
    assert '"Feature"' in await page.inner_text("pre.raw")


async def test_the_keyboard_reaches_the_content_first(city: Live, browser: Any) -> None:
    page, _ = await visit(browser, city.url + "/?lang=ja")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "本文へ進む"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "content"


@pytest.mark.skipif(not LEAFLET.is_file(), reason="Leaflet is not set up (npm ci && npm run assets)")
async def test_the_map_shows_the_places_of_the_list(city: Live, browser: Any) -> None:
    page, complaints = await visit(browser, city.url + "/?type=FloodMonitoring&lang=ja")
    pins = page.locator(".pin")
    assert await pins.count() == 4 and not complaints
    assert await pins.first.get_attribute("title") == "1 " + await page.inner_text(".entry a >> nth=0")
    await pins.first.focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/explorer/entity?*")


@pytest.mark.skipif(not LEAFLET.is_file(), reason="Leaflet is not set up (npm ci && npm run assets)")
async def test_tiles_come_from_the_setting_and_from_nowhere_else(tmp_path: Path, browser: Any) -> None:
    from engawa.demo import load_demo
    from tests.live import live_broker

    settings = {"tiles": "http://tiles.invalid/{z}/{x}/{y}.png", "tiles_attribution": "出典：見本"}
    async with live_broker(tmp_path / "data", **settings) as live:
        await load_demo(live.url)
        context = await browser.new_context()
        page = await context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.route("http://tiles.invalid/**", lambda route: route.fulfill(status=404))
        await page.goto(live.url)
        await page.wait_for_selector(".leaflet-tile", state="attached")
        assert any(url.startswith("http://tiles.invalid/") for url in asked)
        assert all(url.startswith((live.url, "http://tiles.invalid/")) for url in asked)
        assert "出典：見本" in await page.inner_text("figcaption")


async def test_the_command_can_be_copied(city: Live, browser: Any) -> None:
    page, _ = await visit(
        browser,
        city.url + ENTITY + "urn:ngsi-ld:Bare:1&lang=en",
        permissions=["clipboard-read", "clipboard-write"],
    )
    await page.click("button[data-copy]")
    assert await page.evaluate("navigator.clipboard.readText()") == await page.inner_text("#curl")
    assert await page.inner_text("button[data-copy]") == "Copied"
