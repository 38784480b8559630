"""What a page is looked at for in a browser: WCAG 2.2 A and AA as far as a program can tell. (JIS X 8341-3)

axe-core finds barriers; besides: nothing scrolls sideways or is cut at 320 px (1.4.10), everything is reached by keyboard
with a focus that is seen (2.1.1, 2.4.7), forced colours leave borders and focus, reduced motion leaves nothing moving.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from base.pages import Pages

AXE = Path(__file__).parents[3] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
HEADER = "X-Template"
"""By which a page of a test says from which template it was made."""
NARROW = 320

_SCRIPTS = "script:not([src*='/limits.js?'])"
"""Scripts of a page besides the one that warns before a login ends."""
_AXE_RUN = "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})"
_SIDEWAYS = "document.documentElement.scrollWidth <= innerWidth"
_WIDE = """() => [...document.querySelectorAll('body *')]
  .filter(one => one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML.slice(0, 120))"""
_CUT = """() => [...document.querySelectorAll('main *, header *, footer *')]
  .filter(one => !['INPUT', 'SELECT', 'TEXTAREA'].includes(one.tagName)
    && one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 1
    && ['hidden', 'clip'].includes(getComputedStyle(one).overflowX))
  .map(one => one.outerHTML.slice(0, 160))"""
_KEYBOARD = """() => {
  const faults = [];
  const closed = [...document.querySelectorAll('details:not([open])')];
  for (const one of closed) one.open = true;
  const shown = one => one.getClientRects().length > 0 && getComputedStyle(one).visibility !== 'hidden';
  const all = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex], [contenteditable]';
  for (const one of document.querySelectorAll(all)) {
    if (one.disabled || !shown(one) || one.tabIndex < 0) continue;
    const text = one.outerHTML.slice(0, 120);
    if (one.tabIndex > 0) faults.push('changes the order: ' + text);
    one.focus();
    const look = getComputedStyle(one);
    if (document.activeElement !== one) faults.push('is not reached: ' + text);
    else if (look.outlineStyle === 'none' || parseFloat(look.outlineWidth) < 2) faults.push('focus is not seen: ' + text);
  }
  document.activeElement.blur();
  for (const one of closed) one.open = false;
  return faults;
}"""
_FORCED = """() => {
  const faults = [];
  for (const one of document.querySelectorAll('body *')) {
    const look = getComputedStyle(one);
    const text = one.outerHTML.slice(0, 120);
    const moves = times => times.split(',').some(time => parseFloat(time) > 0.01);
    if (look.animationName !== 'none' && moves(look.animationDuration)) faults.push('moves: ' + text);
    if (moves(look.transitionDuration)) faults.push('changes slowly: ' + text);
    if (look.forcedColorAdjust === 'none') faults.push('keeps its colours: ' + text);
    if (['BUTTON', 'INPUT', 'SELECT', 'TEXTAREA'].includes(one.tagName) && one.type !== 'hidden'
        && !['checkbox', 'radio'].includes(one.type) && parseFloat(look.borderTopWidth) === 0)
      faults.push('has no border: ' + text);
  }
  return faults;
}"""


def name_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each page say from which template it was made."""
    render = Pages.render

    def named(self: Pages, template: str, language: str, **more: Any) -> web.Response:
        response = render(self, template, language, **more)
        response.headers[HEADER] = template
        return response

    monkeypatch.setattr(Pages, "render", named)


@dataclass
class Looking:
    """Looks at what a browser page shows; `templates`: from which templates that was made."""

    page: Any
    closely: bool = True
    templates: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)
    last: str = ""
    _prepared: bool = False

    def __post_init__(self) -> None:
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("response", self._came)

    def _note(self, said: Any) -> None:
        if said.type in ("error", "warning") and "status of 4" not in said.text:
            self.complaints.append(said.text)

    def _came(self, response: Any) -> None:
        self.last = response.headers.get(HEADER.lower(), "") or self.last

    async def look(self, where: str, *, scripts: int | None = 0) -> None:
        """Find nothing to complain about in the page that is open."""
        assert not self.complaints, (where, self.complaints)
        assert scripts is None or await self.page.locator(_SCRIPTS).count() == scripts, where
        await self._fits(where)
        self.templates.add(self.last)
        await self.find_barriers(where)
        if self.closely:
            await self._closely(where)

    async def _fits(self, where: str) -> None:
        assert await self.page.evaluate(_SIDEWAYS), (where, await self.page.evaluate(_WIDE))

    async def find_barriers(self, where: str) -> None:
        """Find none that axe-core knows in what is shown now."""
        if not AXE.is_file():
            return
        if not self._prepared:  # for the pages that follow; sending it to each takes long
            await self.page.add_init_script(path=AXE)
            self._prepared = True
        if not await self.page.evaluate("'axe' in window"):
            await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = await self.page.evaluate(_AXE_RUN, RULES)
        barriers = [(one["id"], node["html"][:160]) for one in found["violations"] for node in one["nodes"]]
        assert not barriers, (where, barriers)

    async def _closely(self, where: str) -> None:
        page, size = self.page, self.page.viewport_size
        await page.keyboard.press("Tab")  # from now on the browser shows where the focus is
        faults = await page.evaluate(_KEYBOARD)
        assert not faults, (where, faults)
        await page.set_viewport_size({"width": NARROW, "height": size["height"]})
        await self._fits(f"{where} at {NARROW} px")
        assert not (cut := await page.evaluate(_CUT)), (where, cut)
        await page.set_viewport_size(size)
        await page.emulate_media(forced_colors="active", reduced_motion="reduce")
        faults = [*await page.evaluate(_FORCED), *await page.evaluate(_KEYBOARD)]
        await page.emulate_media(forced_colors="none", reduced_motion="no-preference")
        assert not faults, (where, "forced colours or reduced motion", faults)
