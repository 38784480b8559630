"""Records of a municipality without a server: its stores, a second location in memory that can misbehave, cuts."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from base import clock
from base.database import Connection
from base.errors import Problem
from personal.audit import log as audit
from personal.audit import reading
from personal.audit.log import Entry
from personal.locations.contract import Copy, CopyMissing, LocationOffline
from personal.locations.local import Local
from personal.locations.records import Change, Records, nothing
from personal.store import leftovers, people, records
from personal.store.records import LOCAL, Choice, Record
from personal.store.town import TownStore
from personal.vault.keys import KeyStore
from personal.vault.top import FileTopKey

PERSONS = ("r_1", "r_2", "r_3")
ITEM = "contact"


class Cut(BaseException):
    """The process ends here."""


@dataclass
class Elsewhere:
    """A location in memory that outlives the process, and can be off-line, lose or swap copies."""

    copies: dict[str, bytes] = field(default_factory=dict)
    gone: bool = False
    answers: Callable[[Copy, bytes], bytes] = lambda _, sealed: sealed

    async def put(self, copy: Copy, sealed: bytes) -> None:
        self._reach()
        self.copies[copy.name] = sealed

    async def get(self, copy: Copy) -> bytes:
        self._reach()
        if copy.name not in self.copies:
            raise CopyMissing("It is not here.")
        return self.answers(copy, self.copies[copy.name])

    async def remove(self, copy: Copy) -> None:
        self._reach()
        self.copies.pop(copy.name, None)

    async def holds(self, copy: Copy) -> bool:
        self._reach()
        return copy.name in self.copies

    def _reach(self) -> None:
        if self.gone:
            raise LocationOffline("It is off-line.")


@dataclass
class Site:
    """What a test works with."""

    records: Records
    store: TownStore
    keys: KeyStore

    async def keep(self, person: str, value: Any, expected: int, *, item: str = ITEM) -> Record:
        """Write an item, with an entry of the audit log."""
        made = await self.records.keep([Change(person, item, value, expected)], noted(person), clock.now())
        return made[0]

    async def erase(self, person: str, now: int | None = None) -> Any:
        """Erase an item, with an entry of the audit log."""
        return await self.records.erase(
            person, ITEM, lambda db, _: noted(person)(db), clock.now() if now is None else now
        )

    async def order(self, person: str, target: str) -> None:
        """Have a record move by the choice of its person."""

        def work(db: Connection) -> None:
            records.choose_own(db, person, ITEM, target, 1)
            leftovers.order_move(db, person, ITEM, target, 1)

        await self.store.write(work)

    async def value(self, person: str) -> Any:
        """Read an item; None if there is none."""
        found = await self.records.fetch(person, ITEM)
        return None if found is None else found.value

    def where(self, person: str) -> str | None:
        """Say where a record lives."""
        found = self.store.read(lambda db: records.find(db, person, ITEM))
        return found and found.location

    def moment(self) -> int:
        """Give the time, or that of the last entry of the log: tests go to and fro in time, the log does not."""
        last = self.store.read(lambda db: reading.entries(db, audit.size(db) - 1, 1))
        return max([clock.now(), *(one.at for one in last)])

    def waiting(self) -> dict[str, int]:
        """Count what is still to be done."""
        return self.store.read(leftovers.waiting)


def noted(person: str) -> Callable[[Connection], None]:
    """Write an entry of the audit log, at the moment of the one before: tests go to and fro in time."""

    def work(db: Connection) -> None:
        before = reading.entries(db, audit.size(db) - 1, 1)
        at = before[0].at if before else 1
        audit.append(db, Entry("record-changed", {"item": ITEM}, {"subject": person}), at)

    return work


@contextlib.asynccontextmanager
async def site(
    folder: Path, elsewhere: Any = None, reached: Callable[[str], None] = nothing
) -> AsyncIterator[Site]:
    """Open the stores of a folder; ends as a killed process does when it is cut."""
    keys = KeyStore(folder, FileTopKey(folder))
    store = TownStore(folder)
    places = {LOCAL: Local(store), "cloud": elsewhere or Elsewhere()}
    made = Records("yabu", store, keys, places, reached=reached)
    try:
        await made.begin()
        yield Site(made, store, keys)
    finally:
        await store.close()
        await keys.close()


async def populate(one: Site) -> None:
    """Add the persons, and let them choose where their item lives."""

    def work(db: Connection) -> None:
        for person in PERSONS:
            people.add(db, person, 1)
        records.choose(db, Choice(ITEM, LOCAL, (LOCAL, "cloud")))

    await one.store.write(work)


async def refused(awaitable: Any) -> Problem | None:
    """Give the problem that something ends with."""
    try:
        await awaitable
    except Problem as problem:
        return problem
    return None
