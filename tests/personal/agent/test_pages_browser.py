"""The pages for terminals inside in a real Chromium that shows a device's certificate: no barrier axe can find."""

import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest

from base import clock
from personal.agent import officials
from personal.audit.log import name_of
from personal.rules import decisions
from personal.rules.consent import Kind
from personal.rules.decisions import Choice
from tests.personal.agent.insiders import signed
from tests.personal.agent.terminals import Terminals, terminals
from tests.personal.agent.thieves import claims, give, stored

CHROMIUM = next(
    (path for name in ("chromium", "google-chrome", "chromium-browser") if (path := shutil.which(name))), None
)
AXE = Path(__file__).parents[3] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]


class Visit:
    """A browser at a terminal, which looks at every page for faults."""

    def __init__(self, page: Any) -> None:
        self.page = page
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


async def begin(chromium: Any, inside: Terminals, language: str, width: int) -> Visit:
    """Sit at the terminal of an official; the browser shows its certificate."""
    pem = str(inside.pem("sato"))
    context = await chromium.new_context(
        viewport={"width": width, "height": 800},
        locale=language,
        ignore_https_errors=True,
        client_certificates=[{"origin": inside.url, "certPath": pem, "keyPath": pem}],
    )
    return Visit(await context.new_page())


async def walk(visit: Visit, inside: Terminals, subject: str, decision: str) -> None:
    """Look at every page, by its links and forms."""
    page = visit.page
    await page.goto(inside.url)
    await visit.look("overview")
    for number, name in ((2, "alarms"), (3, "find"), (4, "paper")):
        await page.click(f".sections li:nth-child({number}) a")
        await visit.look(name)
    await page.fill("#decision", decision)
    await page.click("main button")
    await visit.look("compare")
    await page.fill("#scan", "scan-1")
    await page.fill("#statement", "nonsense")
    await page.click("main button")
    await visit.look("refused")
    await page.click(".sections li:nth-child(3) a")
    await page.fill("#subject", subject)
    await page.click(".actions button")
    await visit.look("found")
    await page.click("td button")
    await visit.look("record")
    assert "079-662-0000" in await page.inner_text("main")


async def test_no_barriers_and_no_sideways_scrolling_at_terminals_inside(tmp_path: Path) -> None:
    async with terminals(tmp_path) as inside, playwright.async_playwright() as driver:
        person = await stored(inside.there, "hanako")
        await give(inside.there, claims(inside.there, person))
        wish = signed("sato", officials.WISH, kind="limit", body={"limit": "all", "most": 9_999})
        await inside.there.do("wish", signed=wish)
        choice = Choice(Kind.SHARE, "shelter", "reception", ("contact",), (), None)
        made = decisions.document(choice, "yabu", 1, name_of(person), "s_1", "n" * 22, clock.now())
        chromium = await driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        for language, width in (("ja", 390), ("en", 1_200)):
            visit = await begin(chromium, inside, language, width)
            await walk(visit, inside, name_of(person), orjson.dumps(made).decode())
        await chromium.close()
