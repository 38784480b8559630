"""A browser that logs in at a provider through the module's pages, for tests."""

import html
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import aiohttp

LEAVING = re.compile(r'http-equiv="refresh" content="0;url=([^"]+)"')
ACTION = re.compile(r'action="([^"]+)"')
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
COOKIE = "engawa-personal"


@dataclass(frozen=True)
class Page:
    """What a browser shows in the end; `places`: all URLs it was sent to."""

    status: int
    url: str
    text: str = field(repr=False)
    places: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return urlsplit(self.url).path


@dataclass
class Browser:
    """A browser with cookies of its own; hosts are told apart by their ports, as it visits only one machine."""

    module: str
    session: aiohttp.ClientSession

    async def open(self, url: str, **form: str) -> Page:
        """Open a URL, with a form if there is one, and follow wherever it leads within the same site."""
        places: list[str] = []
        method = "POST" if form else "GET"
        data: Any = form or None
        for _ in range(20):
            async with self.session.request(method, url, data=data, allow_redirects=False) as reply:
                text = await reply.text()
                if reply.status not in (302, 303):
                    return Page(reply.status, url, text, tuple(places))
                url, method, data = urljoin(url, reply.headers["Location"]), "GET", None
                places.append(url)
                if "/login/oidc/callback" in url:
                    return Page(reply.status, url, text, tuple(places))
        raise AssertionError("it leads nowhere")

    async def leave(self, name: str, **fields: str) -> Page:
        """Choose a provider on the login page."""
        form = {"town": "yabu", "next": "/me", **fields}
        return await self.open(f"{self.module}/login/oidc/{name}", **form)

    async def answer(self, page: Page, **fields: str) -> Page:
        """Send the form of a page."""
        found = ACTION.search(page.text)
        assert found is not None, page.text
        hidden = {name: html.unescape(value) for name, value in HIDDEN.findall(page.text)}
        return await self.open(urljoin(page.url, html.unescape(found[1])), **{"ok": "", **hidden, **fields})

    @property
    def logged_in(self) -> bool:
        return any(one.key == COOKIE and one.value for one in self.session.cookie_jar)


def address_of(page: Page) -> str:
    """Give where a page goes on to by itself."""
    found = LEAVING.search(page.text)
    assert found is not None, (page.status, page.text)
    return html.unescape(found[1])


def query(url: str) -> dict[str, str]:
    """Read the parameters of a URL."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def browser_session() -> aiohttp.ClientSession:
    """Give a session with cookies of addresses without a name, in English."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Accept-Language": "en"})
