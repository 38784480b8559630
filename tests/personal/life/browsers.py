"""Readers of the pages in a real Chromium: a language, a width, with scripts or without."""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")

CHROMIUM = next(
    (path for name in ("chromium", "google-chrome", "chromium-browser") if (path := shutil.which(name))), None
)
MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]
PATIENCE = 20_000.0
EVERY = bool(os.environ.get("ENGAWA_EVERY_READER"))
"""Whether every page is walked over in English at a desk, too: make trial-pages."""


@dataclass(frozen=True)
class Reader:
    """Somebody who reads the pages."""

    language: str
    width: int
    scripts: bool

    def __str__(self) -> str:
        return f"{self.language}, {self.width} px, {'with' if self.scripts else 'without'} JavaScript"


ALL = tuple(
    Reader(language, width, scripts)
    for language in ("ja", "en")
    for width in (375, 1280)
    for scripts in (True, False)
)
PAIRS = (
    Reader("ja", 375, False),
    Reader("ja", 1280, True),
    Reader("en", 375, True),
    Reader("en", 1280, False),
)
"""Readers among whom every two of the three differences meet in every combination."""


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Any]:
    """Run a Chromium while the block runs."""
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def reading(browser: Any, reader: Reader, **more: Any) -> AsyncIterator[Any]:
    """Open a page for a reader while the block runs."""
    context = await browser.new_context(
        viewport={"width": reader.width, "height": 800},
        locale=reader.language,
        java_script_enabled=reader.scripts,
        **more,
    )
    context.set_default_timeout(PATIENCE)
    try:
        yield await context.new_page()
    finally:
        await context.close()
