"""Delivery of notices: pushed to each service's URL in order, again and again until it takes them. (RFC 8935)"""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
import structlog

from base import clock, egress
from base.access.reach import is_loopback
from base.database import Connection
from base.egress import AddressPolicy
from personal.operations.notices import TYPE, hand, sealed
from personal.operations.town import Town
from personal.rules.notice import DAY
from personal.settings import PersonalSettings
from personal.store import notices, services
from personal.store.leftovers import pause
from personal.store.notices import Notice

SECONDS: Final = 15.0
TOGETHER: Final = 8
AT_ONCE: Final = 50
PATIENCE: Final = aiohttp.ClientTimeout(total=10.0)
KEPT: Final = 30 * DAY
_TAKEN: Final = frozenset({200, 202, 204})
_HEADERS: Final = {
    "Content-Type": f"application/{TYPE}",
    "Accept": "application/json",
    "User-Agent": "Engawa",
}
log = structlog.get_logger("engawa.personal")


class Sender:
    """Sends what is due in one municipality."""

    def __init__(self, town: Town, session: aiohttp.ClientSession) -> None:
        self._town = town
        self._session = session
        self._doors = asyncio.Semaphore(TOGETHER)
        self._turn = asyncio.Lock()

    async def round(self, now: int) -> None:
        """Send what is due by now to every service that is not being left in peace."""
        store = self._town.store
        async with self._turn:
            addressees = store.read(lambda db: notices.addressees(db, now))
            await asyncio.gather(*(self._serve(service, now) for service in addressees))
            await store.write(lambda db: notices.forget(db, now - KEPT))

    async def _serve(self, service: str, now: int) -> None:
        """Send a service its notices, one after the other, until one fails."""
        async with self._doors:
            url = self._town.store.read(lambda db: _url(db, service))
            if url is None:
                return
            while waiting := await self._town.store.write(lambda db: _take(db, service, now)):
                for one in waiting:
                    if not await self._sent(url, one):
                        await self._town.store.write(lambda db: _leave(db, service, now))
                        return
                    await self._town.store.write(functools.partial(_done, one, now))

    async def _sent(self, url: str, one: Notice) -> bool:
        """Send one notice; say whether it was taken. The text of an answer is not read."""
        try:
            async with self._session.post(
                url, data=sealed(self._town, one), headers=_HEADERS, allow_redirects=False, timeout=PATIENCE
            ) as answer:
                return answer.status in _TAKEN
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            log.warning("a notice was not taken", service=one.service, reason=type(error).__name__)
            return False


@contextlib.asynccontextmanager
async def attended(town: Town, settings: PersonalSettings, seconds: float = SECONDS) -> AsyncIterator[Sender]:
    """Send a municipality's notices, again and again, while the block runs."""
    policy = AddressPolicy(settings.outgoing, loopback=is_loopback(settings.host))
    async with aiohttp.ClientSession(
        connector=egress.connector(policy, limit=TOGETHER),
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        sender = Sender(town, session)
        task = asyncio.create_task(_rounds(sender, seconds))
        try:
            yield sender
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _rounds(sender: Sender, seconds: float) -> None:
    while True:
        try:
            await sender.round(clock.now())
        except Exception as error:  # noqa: BLE001  # whatever it is, the next round tries again
            log.error("a round of notices failed", error=type(error).__name__)
        await asyncio.sleep(seconds)


def _url(db: Connection, service: str) -> str | None:
    found = services.find(db, service)
    return found.description.get("notify") if found is not None and found.active else None


def _take(db: Connection, service: str, now: int) -> list[Notice]:
    found = notices.waiting(db, service, now, AT_ONCE, pushed=True)
    for one in found:
        hand(db, one, now)
    return found


def _leave(db: Connection, service: str, now: int) -> None:
    tries = notices.pauses(db, service)
    notices.pause(db, service, tries + 1, now + pause(tries))


def _done(one: Notice, now: int, db: Connection) -> None:
    notices.deliver(db, one.id, now)
    notices.resume(db, one.service)
