"""The report in a real Chromium: no barrier axe can find, nothing sideways, finding and copying alive."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from conformance.compare import compare
from conformance.report import html
from tests.conformance.test_engine_reports import ALL, report, result

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
CHROMIUM = next(
    (p for name in ("chromium", "google-chrome", "chromium-browser") if (p := shutil.which(name))), None
)
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")]


@pytest.fixture
async def browser() -> AsyncIterator[Any]:
    async with playwright.async_playwright() as driver:
        chromium = await driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        await chromium.close()


async def visit(browser: Any, file: Path, width: int) -> tuple[Any, list[str]]:
    page = await (await browser.new_context(viewport={"width": width, "height": 900})).new_page()
    complaints: list[str] = []
    page.on(
        "console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append("a dialog: " + dialog.message))
    await page.goto(file.as_uri())
    return page, complaints


async def test_no_barriers_no_complaints_and_no_sideways_scrolling(tmp_path: Path, browser: Any) -> None:
    axe = AXE.read_text(encoding="utf-8") if AXE.is_file() else ""
    html.write(ALL, tmp_path / "report.html", "ja")
    html.write_comparison(
        compare(report(result("a.fails"), result("c.gone")), ALL), tmp_path / "comparison.html"
    )
    for name, width in (("report", 390), ("report", 1280), ("comparison", 390)):
        page, complaints = await visit(browser, tmp_path / f"{name}.html", width)
        await page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, width)
        if axe:
            await page.evaluate(axe)
            found = await page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
            assert not [(v["id"], n["html"][:160]) for v in found["violations"] for n in v["nodes"]], (
                name,
                width,
            )
        assert not complaints
    if not axe:
        pytest.skip("axe-core is not installed: the rest of this test passed")


async def test_cases_are_found_by_word_and_by_failure(tmp_path: Path, browser: Any) -> None:
    html.write(ALL, tmp_path / "report.html")
    page, complaints = await visit(browser, tmp_path / "report.html", 1280)
    assert await page.locator(".case:visible").count() == 0
    await page.fill(".find input[type=search]", "5.7.4 absent")
    assert await page.locator(".case:visible").count() == 1
    await page.check(".find input[type=checkbox]")
    assert await page.locator(".case:visible").count() == 0
    await page.fill(".find input[type=search]", "")
    assert "fails holds" in await page.inner_text(".case:visible")
    assert not complaints
