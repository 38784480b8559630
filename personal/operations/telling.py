"""Messages to residents go out: again and again until they are taken, each at most once more after a crash.

A message is marked as begun before it goes, and deleted after it was taken; what was under way when the process ended
goes again under the same id. So nothing is lost, and at most one message is doubled by each crash of each channel.
"""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import aiohttp
import structlog

from base import clock, egress
from base.access.reach import is_loopback
from base.database import Connection
from base.egress import AddressPolicy
from base.errors import ResourceNotFound
from personal.audit import log as audit
from personal.audit.log import Entry
from personal.operations import contact
from personal.operations.carriers import Carrier, Letter, Mail, Outcome, Push
from personal.operations.town import Town
from personal.rules.resident_notices import DAY, SOON, Channel
from personal.settings import PersonalSettings
from personal.store import contacts, resident_notices
from personal.store.contacts import Message

SECONDS: Final = 5.0
AT_ONCE: Final = 50
ANNOUNCED: Final = 200
KEPT: Final = 30 * DAY
"""How long messages that were given up stay to be counted."""
READ: Final = 3 * 365 * DAY
"""How long notices stay in the portal."""
log = structlog.get_logger("engawa.personal")


class Teller:
    """Sends what is due in one municipality, and tells residents of what is announced or ends soon; one at a time."""

    def __init__(self, town: Town, carriers: Sequence[Carrier]) -> None:
        self._town = town
        self._carriers = carriers

    async def round(self, now: int) -> None:
        """Tell what is to be told by now."""
        store = self._town.store
        if store.read(lambda db: resident_notices.waiting(db, now)):
            while await store.write(lambda db: resident_notices.announce_some(db, ANNOUNCED)):
                pass
            for days in SOON:
                soon = functools.partial(resident_notices.ending_soon, days=days, now=now, most=ANNOUNCED)
                while await store.write(soon):
                    pass
        if store.read(contacts.under_way):  # the process ended while they were
            await store.write(contacts.wake)
        await asyncio.gather(*(self._carry(one, now) for one in self._carriers))

    async def clean(self, now: int) -> None:
        """Delete what is old."""

        def work(db: Connection) -> None:
            contacts.clear(db, now - KEPT)
            resident_notices.clear(db, now - READ)

        await self._town.store.write(work)

    async def _carry(self, carrier: Carrier, now: int) -> None:
        store = self._town.store
        while store.read(lambda db: contacts.due(db, carrier.channel, now)):
            begun = await store.write(functools.partial(_begin, channel=carrier.channel, now=now))
            sealed = {one.id: one for one in begun}
            letters = [letter for one in begun if (letter := self._letter(one, now)) is not None]
            for id in sealed.keys() - {letter.id for letter in letters}:
                await store.write(
                    functools.partial(_settle, message=sealed[id], outcome=Outcome.TAKEN, now=now)
                )
            async for letter, outcome in carrier.carry(letters):
                await store.write(
                    functools.partial(_settle, message=sealed[letter.id], outcome=outcome, now=now)
                )

    def _letter(self, message: Message, now: int) -> Letter | None:
        """Open where a message goes; None if it goes nowhere any more."""
        proven = message.about == contacts.NEWS
        found = self._town.store.read(
            lambda db: contacts.of(db, message.person, proven=proven).get(message.channel)
        )
        if found is None or (found.until is not None and found.until <= now):
            return None
        try:
            told = contact.opened(self._town, found)
        except ResourceNotFound:  # they were forgotten a moment ago
            return None
        return Letter(message.id, told["address"], now, told.get("code", ""), told.get("stop", ""))


def carriers(
    town: Town, settings: PersonalSettings, portal: str, session: aiohttp.ClientSession
) -> tuple[Carrier, ...]:
    """Make what carries messages under these settings."""
    made: list[Carrier] = []
    if settings.smtp_host:
        made.append(Mail(settings, town.name, portal, town.id))
    if settings.push_url:
        made.append(Push(settings.push_url, town, session))
    return tuple(made)


@contextlib.asynccontextmanager
async def attended(
    town: Town, settings: PersonalSettings, address: Callable[[], str], seconds: float = SECONDS
) -> AsyncIterator[None]:
    """Tell a municipality's residents what there is to tell, again and again, while the block runs."""
    policy = AddressPolicy(settings.outgoing, loopback=is_loopback(settings.host))
    async with aiohttp.ClientSession(
        connector=egress.connector(policy), trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        task = asyncio.create_task(_rounds(town, settings, address, session, seconds))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _rounds(
    town: Town,
    settings: PersonalSettings,
    address: Callable[[], str],
    session: aiohttp.ClientSession,
    seconds: float,
) -> None:
    cleaned = 0
    while True:
        now = clock.now()
        town.told.clear()
        try:
            teller = Teller(town, carriers(town, settings, address(), session))
            if now - cleaned > DAY:
                await teller.clean(now)
                cleaned = now
            await teller.round(now)
        except Exception as error:  # noqa: BLE001  # whatever it is, the next round tries again
            log.error("a round of messages failed", error=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(town.told.wait(), seconds)


def _begin(db: Connection, channel: Channel, now: int) -> list[Message]:
    found = contacts.take(db, channel, now, AT_ONCE)
    for one in found:
        if one.tries == 0:
            facts = {"channel": channel, "about": one.about}
            audit.append(db, Entry("message-sent", facts, {"subject": one.person}), now)
    return found


def _settle(db: Connection, message: Message, outcome: Outcome, now: int) -> None:
    if outcome is Outcome.TAKEN:
        contacts.done(db, message)
        return
    contacts.put_off(db, message, now, hopeless=outcome is Outcome.REFUSED)
    if outcome is Outcome.REFUSED and message.about == contacts.NEWS:
        contacts.fail(db, message, now)
