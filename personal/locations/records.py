"""Records: sealed under a key of their own, kept at their location, found again by the ledger. (DESIGN 3)

A change writes a new copy under a new name and then, in one transaction, lets the ledger point to it; a copy
that no record points to is a leftover and is removed. So a process may end at any moment: nothing is lost.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from base.clock import SECOND
from base.database import Connection
from base.errors import Conflict, Problem, ResourceNotFound, ServiceUnavailable
from personal.locations.contract import Copy, CopyMissing, Location, LocationOffline, Safe
from personal.rules.identifiers import fresh
from personal.store import leftovers, people, records
from personal.store.leftovers import Leftover, Why
from personal.store.records import LOCAL, Record
from personal.store.town import TownStore
from personal.vault.envelope import Place, Unreadable, seal, unseal
from personal.vault.keys import Key, KeyStore
from personal.vault.shredded import Kind, Shredded

DAY: Final = 86_400 * SECOND
IN_FLIGHT: Final = 600 * SECOND
AT_ONCE: Final = 100
TOGETHER: Final = 16
_TRIES: Final = 5
_STEP: Final = 256


@dataclass(frozen=True, slots=True)
class Change:
    """A new value of an item of a person; `expected`: the version its author saw, 0 if there was none."""

    person: str
    item: str
    value: Any = field(repr=False)
    expected: int


@dataclass(frozen=True, slots=True)
class Value:
    """What a record says."""

    record: Record
    value: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Erasure:
    """What came of a wish to erase: `holds` (basis, until): why it has to wait; `pending`: a location is off-line."""

    holds: tuple[tuple[str, int], ...] = ()
    pending: bool = False


class Changed(Exception):
    """Something changed between looking and writing."""


def nothing(_: str) -> None:
    """Take no notice of the step that was reached."""


class Records:
    """The records of one municipality at all of its locations.

    reached: told each step that is done; replaced_days: how long a location keeps copies of replaced versions, so
    that an old back-up of the ledger finds what it points to.
    """

    def __init__(
        self,
        municipality: str,
        store: TownStore,
        keys: KeyStore,
        locations: Mapping[str, Location],
        *,
        replaced_days: int = 35,
        reached: Callable[[str], None] = nothing,
    ) -> None:
        self.municipality = municipality
        self.store = store
        self.keys = keys
        self.locations = locations
        self.reached = reached
        self._lingering = replaced_days * DAY
        self.woken = asyncio.Event()
        self.turn = asyncio.Lock()
        # each location has its own: one that is slow delays no other
        self._doors = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(TOGETHER))

    async def begin(self) -> None:
        """Follow the list of shredded keys; have what an earlier process left taken up."""

        def work(db: Connection) -> None:
            records.replay(db, self.keys.shredded)
            leftovers.wake(db)

        await self.store.write(work)

    async def fetch(self, person: str, item: str) -> Value | None:
        """Give an item of a person; None if there is none. LocationOffline if it cannot be had now."""
        seen: Record | None = None
        for _ in range(_TRIES):
            record = self.store.read(lambda db: records.find(db, person, item))
            if record is None or record == seen:
                break
            seen = record
            try:
                return Value(record, await self.open(record))
            except (CopyMissing, ResourceNotFound) as problem:
                missing = problem  # it may have moved meanwhile
        else:
            raise ServiceUnavailable("A record is changed all the time; try again later.")
        if record is None:
            return None
        raise missing

    async def fetch_all(self, wanted: Sequence[tuple[str, str]]) -> list[Value | Problem | None]:
        """Give items of people (person, item), each as `fetch` does, or why it cannot be had."""
        return list(await asyncio.gather(*(self._tried(person, item) for person, item in wanted)))

    async def open(self, record: Record) -> Any:
        """Fetch what a record points to and unseal it."""
        location = self.location(record.location)
        async with self._doors[record.location]:
            sealed = await location.get(self.copy(record))
        if isinstance(location, Safe):
            return location.opened(self.copy(record), sealed)
        plain = unseal(self.keys.opened(record.key), sealed, self.copy(record).place.bound())
        return orjson.loads(plain)

    async def keep(
        self, changes: Sequence[Change], within: Callable[[Connection], None], now: int
    ) -> list[Record]:
        """Write new versions, all or none; Conflict if one is not the version its author saw.

        within: what belongs to it, done first in the same transaction: checks, the entry of the audit log.
        """
        for _ in range(_TRIES):
            try:
                return await self._keep(changes, within, now)
            except Changed:
                continue
        raise ServiceUnavailable("Where this is kept is being changed; try again later.")

    async def erase(
        self, person: str, item: str, within: Callable[[Connection, Erasure], None], now: int
    ) -> Erasure:
        """Erase an item of a person for good, or take it out of use until a hold on it is over.

        within: what belongs to it, done in the same transaction.
        """

        def work(db: Connection) -> tuple[Erasure, list[str]]:
            found = records.held(db, person, item)
            if not found:
                raise ResourceNotFound("There is no such record.")
            erasure = Erasure(tuple(records.holds(db, person, item, now)))
            within(db, erasure)
            return erasure, self._out(db, found, erasure, now)

        erasure, names = await self.store.write(work)
        self.reached("taken out")
        _, left = await self.sweep(now, names)
        return Erasure(erasure.holds, left > 0)

    async def forget(
        self, person: str, within: Callable[[Connection, Mapping[str, Erasure]], None], now: int
    ) -> Mapping[str, Erasure]:
        """Erase all there is of a person, by items; what finds them too, unless something is under a hold.

        within: what belongs to it, done in the same transaction.
        """

        def work(db: Connection) -> tuple[dict[str, Erasure], list[str]]:
            found = records.everything(db, person)
            erasures = {one.item: Erasure(tuple(records.holds(db, person, one.item, now))) for one in found}
            within(db, erasures)
            names = [name for one in found for name in self._out(db, [one], erasures[one.item], now)]
            whole = not any(erasure.holds for erasure in erasures.values())
            if whole:
                leftovers.forget(db, people.family(db, person))
                records.forget(db, person)
            return erasures, names

        erasures, names = await self.store.write(work)
        self.reached("taken out")
        await self.sweep(now, names)
        await self.shred_forgotten()
        return erasures

    async def shred_forgotten(self) -> None:
        """Destroy every key of people about whom nothing is kept any more."""
        persons = self.store.read(leftovers.forgotten)
        for person in persons:
            await self.keys.forget(person)
        self.reached("forgotten")
        if persons:
            await self.store.empty_log()
            await self.store.write(lambda db: leftovers.end_forgetting(db, persons))

    def _out(self, db: Connection, found: Sequence[Record], erasure: Erasure, now: int) -> list[str]:
        """Take records out of the ledger, or out of use while there are holds; name what is left over."""
        if not erasure.holds:
            return [self.take_out(db, record, now) for record in found]
        for record in found:
            records.set_due(db, record, erasure.holds[0][1])
        return []

    def take_out(self, db: Connection, record: Record, now: int) -> str:
        """Take a record out of the ledger within a transaction; its key and copy go at the next sweep."""
        records.remove(db, record)
        leftovers.add(db, [leftovers.of(record, Why.ERASED, now, shred=True)])
        return record.name

    async def sweep(self, now: int, names: Sequence[str] | None = None) -> tuple[int, int]:
        """Remove leftovers that are due, or named ones, with their keys; count them, and those that stay for now."""
        found = await self.store.write(lambda db: leftovers.claim(db, now, AT_ONCE, names))
        if not found:
            return 0, 0
        self.reached("claimed")
        await self._destroy(found, now)
        self.reached("shredded")
        failed = await asyncio.gather(*(self._removed(one) for one in found))
        self.reached("removed")

        def work(db: Connection) -> None:
            leftovers.drop(db, [one.name for one, problem in zip(found, failed, strict=True) if not problem])
            for one, problem in zip(found, failed, strict=True):
                if problem:
                    leftovers.put_off(db, one.name, now + leftovers.pause(one.tries))

        await self.store.write(work)
        return len(found), sum(failed)

    def location(self, name: str) -> Location:
        """Find a location; LocationOffline if it is not set up (any more)."""
        found = self.locations.get(name)
        if found is None:
            raise LocationOffline(f"The location {name} is not set up here; tell the operator.")
        return found

    def copy(self, record: Record) -> Copy:
        """Say what the copy of a record is bound to, and its name."""
        place = Place(self.municipality, record.person, record.item, record.version, record.location)
        return Copy(place, record.name)

    def sealed(self, record: Record, key: bytes, value: Any) -> bytes:
        """Seal a value for its place; its length tells little."""
        location = self.location(record.location)
        if isinstance(location, Safe):
            return location.enclose(self.copy(record), value)
        plain = orjson.dumps(value)
        return seal(key, plain.ljust(-(-len(plain) // _STEP) * _STEP), self.copy(record).place.bound())

    async def put(self, record: Record, sealed: bytes) -> None:
        """Put a copy at its location, a few at a time."""
        async with self._doors[record.location]:
            await self.location(record.location).put(self.copy(record), sealed)

    async def _tried(self, person: str, item: str) -> Value | Problem | None:
        try:
            return await self.fetch(person, item)
        except Problem as problem:
            return problem

    async def _keep(
        self, changes: Sequence[Change], within: Callable[[Connection], None], now: int
    ) -> list[Record]:
        keys = await self._keys(changes)
        fresh_records = [
            Record(change.person, change.item, where, change.expected + 1, fresh("c_"), key.id, now)
            for change, (where, key, _) in zip(changes, keys, strict=True)
        ]
        sealed = [
            self.sealed(record, key.secret, change.value)
            for record, change, (_, key, _) in zip(fresh_records, changes, keys, strict=True)
        ]
        self.reached("sealed")
        notes = [
            leftovers.of(record, Why.NOTED, now + IN_FLIGHT, shred=made)
            for record, (where, _, made) in zip(fresh_records, keys, strict=True)
            if where != LOCAL
        ]
        if notes:
            await self.store.write(lambda db: leftovers.add(db, notes))
            self.reached("noted")
            await self._put_away(fresh_records, sealed)
            self.reached("put")

        def work(db: Connection) -> list[Record]:
            within(db)
            for change, record, data, (_, _, made) in zip(changes, fresh_records, sealed, keys, strict=True):
                self._point(db, change, record, data, now, reused=not made)
            return fresh_records

        kept = await self.store.write(work)
        self.reached("kept")
        return kept

    async def _put_away(self, fresh_records: Sequence[Record], sealed: Sequence[bytes]) -> None:
        away = [
            self.put(record, data)
            for record, data in zip(fresh_records, sealed, strict=True)
            if record.location != LOCAL
        ]
        results = await asyncio.gather(*away, return_exceptions=True)
        for error in results:
            if isinstance(error, BaseException):
                raise error

    async def _keys(self, changes: Sequence[Change]) -> list[tuple[str, Key, bool]]:
        """Say for each change where it goes, under which key, and whether that was made for it."""
        seen = self.store.read(
            lambda db: [
                (records.place_of(db, one.person, one.item), records.find(db, one.person, one.item))
                for one in changes
            ]
        )
        known = [self._again(one, where, was) for one, (where, was) in zip(changes, seen, strict=True)]
        slots = [
            (one.person, where, one.item)
            for one, (where, _), key in zip(changes, seen, known, strict=True)
            if key is None
        ]
        made = iter(await self.keys.fresh_many(slots) if slots else [])
        return [
            (where, next(made), True) if key is None else (where, key, False)
            for (where, _), key in zip(seen, known, strict=True)
        ]

    def _again(self, change: Change, where: str, was: Record | None) -> Key | None:
        """Give the key for the next version of a record; None if it needs another."""
        if was is None or (was.person, was.location) != (change.person, where) or self.keys.old(was.key):
            return None
        try:
            return Key(was.key, self.keys.opened(was.key))
        except ResourceNotFound:
            raise Changed from None
        except Unreadable:
            return None  # it is lost; what it sealed cannot be read, but can be written again

    def _point(
        self, db: Connection, change: Change, record: Record, sealed: bytes, now: int, *, reused: bool
    ) -> None:
        """Let the ledger point to a new copy, unless somebody else was faster."""
        found = records.held(db, change.person, change.item)
        own = next((one for one in found if one.person == change.person), None)
        if own is not None and own.due is not None:
            raise Conflict("The record waits to be erased when its hold is over, and cannot be changed.")
        present = next((one for one in found if one.due is None), None)
        if (present.version if present else 0) != change.expected:
            raise Conflict(
                "Somebody else changed the record. Read it again, then change it.",
                version=present.version if present else 0,
            )
        if records.place_of(db, change.person, change.item) != record.location:
            raise Changed
        if reused and (own is None or own.key != record.key):
            raise Changed  # it moved away and back: the key it had is destroyed
        if record.location == LOCAL:
            records.keep_copy(db, record.name, sealed)
        elif not leftovers.adopt(db, record.name):
            raise ServiceUnavailable("The location took too long; try again.")
        records.put(db, record)
        if own is not None:
            self._replaced(db, own, record, now)

    def _replaced(self, db: Connection, old: Record, new: Record, now: int) -> None:
        if old.location == LOCAL:
            records.drop_copy(db, old.name)
        if old.location != new.location:
            leftovers.add(db, [leftovers.of(old, Why.MOVED, now, shred=True, successor=leftovers.went(new))])
        elif old.location != LOCAL:
            leftovers.add(db, [leftovers.of(old, Why.REPLACED, now + self._lingering)])

    async def _destroy(self, found: Sequence[Leftover], now: int) -> None:
        """Destroy the keys of leftovers: of one that was only noted its own, of others those before it too."""
        gone = [
            Shredded(Kind.KEY, id, now, one.successor)
            for one in found
            if one.shred
            for id in ([one.key] if one.why is Why.NOTED else self.keys.upto(one.key))
        ]
        if gone:
            await self.keys.destroy(gone)

    async def _removed(self, one: Leftover) -> bool:
        """Remove a copy; say whether that failed."""
        place = Place(self.municipality, one.person, one.item, one.version, one.location)
        try:
            async with self._doors[one.location]:
                await self.location(one.location).remove(Copy(place, one.name))
        except Problem:
            return True
        return False
