"""A real personal-data module, a real desk beside it, and a browser that is sent from one to the other and back."""

import asyncio
import contextlib
import html
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import aiohttp
from cryptography import x509

from adapters.desk.cards.channel import Readers
from adapters.desk.emulator import authority
from adapters.desk.emulator.cards import Made
from adapters.desk.emulator.chip import Chip
from adapters.desk.emulator.reader import EmulatedReader
from adapters.desk.server import Desk, served
from adapters.desk.settings import DeskSettings
from adapters.sdk import device
from base import clock
from personal.login import desks
from personal.rules.evidence import card_of
from tests.personal.live import Live, live_module
from tests.ports import free_port

ID = "counter-1"
PATIENCE = 30.0


@dataclass
class Page:
    """What a browser sees."""

    status: int
    url: str
    text: str
    headers: Mapping[str, str]

    @property
    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.text)
        return found[1] if found else ""


class Browser:
    """A browser without scripts: it keeps cookies and goes where it is sent."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self.page = Page(0, "", "", {})
        self.been: list[str] = []

    def cookie(self, name: str) -> str:
        """Give a cookie by its name, or by the end of it."""
        return next(one.value for one in self._session.cookie_jar if one.key.endswith(name))

    async def get(self, url: str) -> Page:
        return await self._go("GET", url, None)

    async def post(self, url: str, csrf: bool = True, **form: str) -> Page:
        if csrf and self.page.csrf:
            form = {"csrf": self.page.csrf, **form}
        return await self._go("POST", urljoin(self.page.url, url), form)

    async def _go(self, method: str, url: str, form: dict[str, str] | None) -> Page:
        for _ in range(10):
            self.been.append(url)
            async with self._session.request(method, url, data=form, allow_redirects=False) as reply:
                text = await reply.text()
                self.page = Page(reply.status, url, text, dict(reply.headers))
            left = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', text)
            if self.page.status not in (302, 303) and left is None:
                return self.page
            there = html.unescape(left[1]) if left else self.page.headers["Location"]
            method, form, url = "GET", None, urljoin(url, there)
        raise AssertionError("sent on and on")


@dataclass
class Standing:
    """Module, desk, browser."""

    live: Live
    desk: Desk
    browser: Browser
    issued: Mapping[str, Made]
    entered: Mapping[str, Any]
    known: dict[str, str] = field(default_factory=dict)

    @property
    def held(self) -> EmulatedReader:
        assert self.desk.held is not None
        return self.desk.held

    async def placed(self, chip: Chip | None) -> None:
        """Hold a card on the reader, or none, and wait until the desk has seen that."""
        self.held.hold(chip)
        async with asyncio.timeout(PATIENCE):
            while (seen := self.desk.attention.seen) != self.held.seen():
                await self.desk.attention.changed(seen, PATIENCE)

    async def linked(self, id: str) -> str:
        """Register a resident with a card, and give their internal id."""
        if id in self.known:
            return self.known[id]
        certificate = x509.load_der_x509_certificate(self.issued[id].certificate)
        issuer, serial = card_of(certificate)
        self.known[id] = await self.live.register(id, cards=[{"issuer": issuer, "serial": serial}])
        return self.known[id]

    async def enter(self) -> None:
        """Enter the desk in the module."""
        await self.live.town.store.write(
            lambda db: desks.join(db, dict(self.entered), by="test", now=clock.now())
        )

    @contextlib.asynccontextmanager
    async def visited(self) -> AsyncIterator["Standing"]:
        """Let a new browser stand here while the block runs, before an empty reader."""
        if self.desk.held:
            await self.placed(None)
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar, headers={"Accept-Language": "ja"}) as session:
            yield replace(self, browser=Browser(session))

    async def begin(self, next: str = "/me") -> Page:
        """Press the button for cards on the login page."""
        return await self.browser.post(f"{self.live.url}/login/card", csrf=False, town="yabu", next=next)


@contextlib.asynccontextmanager
async def standing(
    folder: Path,
    card_folder: Path,
    issued: Mapping[str, Made],
    *,
    readers: Readers | None = None,
    service: str | None = None,
    module: Mapping[str, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[Standing]:
    """Run both while the block runs."""
    port = free_port()
    key = device.opened(folder / "desk")
    told = {
        "card_authorities": card_folder / authority.AUTHORITY,
        "card_revocations": card_folder / authority.REVOKED,
        "desk_url": f"http://127.0.0.1:{port}",
        **(module or {}),
    }
    async with live_module(folder / "personal", **told) as live:
        if service:
            await live.service(service)
        entered = {"id": ID, "name": "窓口1", "place": "本庁舎", "keys": {"keys": [key.public]}}
        if service:
            entered["service"] = service
        made = DeskSettings(
            **{
                "data": folder / "desk",
                "port": port,
                "id": ID,
                "url": live.url,
                "card_seconds": 0.5,
                **settings,
            }
        )
        if readers is None and made.made_up_cards is None:
            readers = EmulatedReader(returns=0.1)
        async with served(made, readers) as desk, aiohttp.ClientSession() as none:
            there = Standing(live, desk, Browser(none), issued, entered)
            await there.enter()
            async with there.visited() if desk.held else contextlib.nullcontext(there) as visited:
                yield visited
