"""What ends by itself: consents and emergencies whose time is over. The end is written down, so it stays. (DESIGN 3)

Nothing is shown by what is over, written down or not. The event is what others follow: services are told, what was
stored is erased; and a clock that is set back later makes nothing hold again that had ended.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from time import monotonic
from typing import Final

import structlog

from base import clock
from base.database import Connection
from personal.audit import log as audit
from personal.audit.log import Entry
from personal.locations.moving import jumped
from personal.operations.deciding import tell
from personal.operations.tables import ConsentReaction
from personal.operations.town import Town
from personal.rules import consent
from personal.rules.consent import HOLDING, Consent, Event, state_at
from personal.store import consents, emergencies, notices, people
from personal.store.consents import Happened

SECONDS: Final = 15.0
AT_ONCE: Final = 200
EXPIRED: Final = "consent-expired"
Follow = tuple[ConsentReaction, ...]
log = structlog.get_logger("engawa.personal")


def lapse(db: Connection, follow: Follow, now: int) -> bool:
    """Write down, some at a time, which consents have ended by themselves; say whether there may be more."""
    over = consents.lapsed(db, now, AT_ONCE)
    before = notices.marked(db)
    for person, one in over:
        _lapsed(db, () if one.until is not None and one.until <= before else follow, person, one, now)
    return len(over) == AT_ONCE


def lapse_of(db: Connection, follow: Follow, person: str, found: Iterable[Consent], now: int) -> None:
    """Write down which of these consents of a resident have ended by themselves, before something else is."""
    for one in found:
        if one.state in HOLDING and state_at(one, now) is not one.state:
            _lapsed(db, follow, person, one, now)


def end_emergencies(db: Connection, now: int) -> None:
    """Write down which emergencies have ended by themselves."""
    for one in emergencies.over(db, now):
        emergencies.end(db, one.id, now)
        about = {} if one.person is None else {"subject": one.person}
        audit.append(db, Entry("emergency-ended", {"by": "its-time", "event": one.id}, about), now)


async def round(town: Town, follow: Follow, now: int) -> None:
    """Write down all that has ended by itself in a municipality."""
    while await town.store.write(lambda db: lapse(db, follow, now)):
        pass
    await town.store.write(lambda db: end_emergencies(db, now))
    town.records.woken.set()


@contextlib.asynccontextmanager
async def attended(town: Town, follow: Follow, seconds: float = SECONDS) -> AsyncIterator[None]:
    """Write down what ends by itself, again and again, while the block runs."""
    task = asyncio.create_task(_rounds(town, follow, seconds))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _rounds(town: Town, follow: Follow, seconds: float) -> None:
    began = clock.now(), monotonic()
    while True:
        now = clock.now()
        try:
            if jumped(now - began[0], monotonic() - began[1]):
                log.error("the clock jumped: no end is written down; set it, then start the module again")
            else:
                await _due(town, follow, now)
        except Exception as error:  # noqa: BLE001  # whatever it is, the next round tries again
            log.error("a round of what ends by itself failed", error=type(error).__name__)
        await asyncio.sleep(seconds)


async def _due(town: Town, follow: Follow, now: int) -> None:
    """Do a round if there is anything to write."""
    if town.store.read(lambda db: bool(consents.lapsed(db, now, 1) or emergencies.over(db, now))):
        await round(town, follow, now)


def _lapsed(db: Connection, follow: Follow, person: str, one: Consent, now: int) -> None:
    survivor = people.current(db, person)
    about = person if survivor is None else survivor.id
    facts = {"service": one.service, "purpose": one.purpose, "consent": one.kind, "items": [one.item]}
    leaf = audit.append(db, Entry(EXPIRED, facts, {"subject": about}), now)
    ended = consent.happened(one, Event.EXPIRE, now)
    consents.write(db, person, Happened(Event.EXPIRE, ended, leaf))
    key = consents.about(one)
    tell(db, follow, about, {key: one}, {key: ended}, EXPIRED, now)
