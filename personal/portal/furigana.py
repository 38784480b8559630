"""Readings above the kanji of the portal's own texts, for who asked for them; what residents wrote is left alone."""

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

from aiohttp import web

from base.pages import packaged
from personal.operations.actors import Who
from personal.pages.desk import ME
from personal.pages.visitor import Visitor, safe_next, secure, see
from personal.portal.section import Section

COOKIE: Final = "engawa-furigana"
ON: Final = "on"
YEAR: Final = 365 * 86_400
FILE: Final = Path(__file__).parent / "furigana.toml"
KANJI: Final = "\u3005\u3400-\u4dbf\u4e00-\u9fff"
_DATE: Final = "[0-9]+[年月日]"
"""Left as it is: read otherwise after each number."""
_SILENT: Final = frozenset({"title", "option", "textarea", "script", "style", "svg", "ruby", "pre", "code"})
_HIDDEN: Final = 'aria-hidden="true"'
_VOID: Final = frozenset({"input", "br", "img", "meta", "link", "hr"})
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def readings() -> Mapping[str, str]:
    """Read the dictionary: words as they are written, with their readings."""
    return packaged(FILE)


@cache
def _pattern() -> re.Pattern[str]:
    words = sorted(readings(), key=len, reverse=True)
    return re.compile("|".join([_DATE, *map(re.escape, words)]))


def marked(text: str) -> str:
    """Put readings above the words of a text that is HTML already."""
    return _pattern().sub(lambda found: _ruby(found[0]), text)


def unread(text: str) -> list[str]:
    """Name the kanji of a text that no word of the dictionary reads."""
    return re.findall(f"[{KANJI}]+", _pattern().sub(" ", text))


def _ruby(word: str) -> str:
    """Write the reading over the kanji of a word only; kana that both begin or end with stand beside it."""
    if word not in readings():
        return word
    reading, before, after = readings()[word], 0, 0
    while before < min(len(word), len(reading)) and word[before] == reading[before]:
        before += 1
    while after < min(len(word), len(reading)) - before and word[-1 - after] == reading[-1 - after]:
        after += 1
    kanji, kana = word[before : len(word) - after], reading[before : len(reading) - after]
    # read aloud are the kanji alone: a screen reader would say everything twice
    ruby = f"<ruby>{kanji}<rp {_HIDDEN}>(</rp><rt {_HIDDEN}>{kana}</rt><rp {_HIDDEN}>)</rp></ruby>"
    return f"{word[:before]}{ruby}{word[len(word) - after :]}"


class _Marking(HTMLParser):
    """Copies a page; texts in Japanese that are ours get readings."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[str] = []
        self._open: list[bool] = []  # of each open element: whether its text is left alone

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Copy a tag."""
        self.parts.append(self.get_starttag_text() or "")
        if tag in _VOID:
            return
        found = dict(attrs)
        foreign = found.get("lang", "ja") not in ("ja", None)
        own = "said" in (found.get("class") or "").split() or found.get("translate") == "no"
        self._open.append(self._silent or tag in _SILENT or foreign or own)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Copy an empty element."""
        self.parts.append(self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        """Copy the end of a tag."""
        if tag not in _VOID and self._open:
            self._open.pop()
        self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Copy text, with readings where it is ours."""
        self.parts.append(data if self._silent else marked(data))

    def handle_entityref(self, name: str) -> None:
        """Copy a named reference."""
        self.parts.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        """Copy a numbered reference."""
        self.parts.append(f"&#{name};")

    def handle_decl(self, decl: str) -> None:
        """Copy the document's type."""
        self.parts.append(f"<!{decl}>")

    @property
    def _silent(self) -> bool:
        return bool(self._open) and self._open[-1]


def read_aloud(page: str) -> str:
    """Put readings above the kanji of a page."""
    marking = _Marking()
    marking.feed(page)
    marking.close()
    return "".join(marking.parts)


def is_on(request: web.Request) -> bool:
    """Say whether the reader asked for readings."""
    return request.cookies.get(COOKIE) == ON


def with_readings(route: web.RouteDef) -> web.RouteDef:
    """Give the same route, whose pages in Japanese carry readings for who asked for them."""
    handler: Handler = route.handler

    async def handle(request: web.Request) -> web.StreamResponse:
        response = await handler(request)
        japanese = response.headers.get("Content-Language") == "ja"
        if isinstance(response, web.Response) and japanese and is_on(request) and response.text:
            response.text = read_aloud(response.text)
        return response

    return web.RouteDef(route.method, route.path, handle, route.kwargs)


class FuriganaPages(Section):
    """The switch."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [self._desk.sent(ME + "/furigana", self.switch, Who.NOBODY)]

    async def switch(self, visitor: Visitor) -> web.Response:
        """Turn readings on or off in this browser, and go on where the reader was."""
        target = safe_next(visitor.given("next"), ME)
        response = see(target)
        value = ON if visitor.given("readings") == ON else ""
        age = YEAR if value else 0
        over_tls = secure(visitor.request)
        response.set_cookie(
            COOKIE, value, path="/", max_age=age, httponly=True, samesite="Lax", secure=over_tls
        )
        return response
