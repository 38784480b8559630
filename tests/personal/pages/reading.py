"""A browser as far as forms and cookies go, and what tests of pages do with it."""

import re
from collections.abc import Mapping
from typing import Any

import aiohttp

from tests.personal.live import Live

NOTHING: Mapping[str, str] = {}
KANA, BIRTH = "ミホン ハナコ", "1951-04-05"


class Reader:
    """A browser as far as forms and cookies go."""

    def __init__(self, live: Live, session: aiohttp.ClientSession) -> None:
        self.live, self.session = live, session
        self.page, self.path, self.status = "", "", 0

    async def get(self, path: str, **more: Any) -> str:
        async with self.session.get(self.live.url + path, **more) as reply:
            return await self._read(reply)

    async def send(self, path: str, sent: Mapping[str, str] = NOTHING, **fields: str) -> str:
        """Send a form with the proof that the page before gave."""
        proof = re.search(r'name="csrf" value="([^"]+)"', self.page)
        data = {"csrf": proof.group(1) if proof else "", **fields}
        async with self.session.post(self.live.url + path, data=data, headers=sent) as reply:
            return await self._read(reply)

    async def log_in(self, login: str) -> "Reader":
        await self.send("/staff/login", town="yabu", login=login)
        return self

    async def log_in_resident(self, login: str) -> "Reader":
        await self.send("/me/login", town="yabu", login=login)
        return self

    def found(self, pattern: str) -> str:
        """Give what a pattern finds on the page."""
        found = re.search(pattern, self.page)
        assert found, pattern
        return found.group(1)

    async def _read(self, reply: aiohttp.ClientResponse) -> str:
        self.page, self.path, self.status = await reply.text(), reply.url.path_qs, reply.status
        return self.page


async def opened(reader: Reader, login: str = "counter") -> str:
    """Search for 花子 and open her page; give its path."""
    await reader.log_in(login)
    await reader.get("/staff/residents")
    await reader.send("/staff/residents/search", nameKana=KANA, birthDate=BIRTH)
    await reader.send("/staff/residents/open", resident=reader.found(r'name="resident" value="([^"]+)"'))
    return "/".join(reader.path.split("?")[0].split("/")[:4])
