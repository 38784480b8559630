"""Moves of records between locations: copy, verify, switch, shred; and the round that does what is due. (DESIGN 3)

Each step is on disk or is done again: a process that ends at any moment leaves the record where it was or where
it went, whole, and never in both.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Final

import orjson
import structlog

from base import clock
from base.database import Connection
from base.errors import Problem
from personal.audit import log as audit
from personal.audit.log import Entry
from personal.locations.contract import Safe
from personal.locations.records import AT_ONCE, IN_FLIGHT, Records
from personal.rules.identifiers import fresh
from personal.store import leftovers, records
from personal.store.leftovers import Move, Why
from personal.store.records import Record
from personal.vault.envelope import Unreadable, unseal
from personal.vault.keys import Key

SECONDS: Final = 20.0
JUMP: Final = 3_600 * clock.SECOND
log = structlog.get_logger("engawa.personal.locations")


@dataclass(frozen=True, slots=True)
class _Passage:
    """A move under way: the record as it is, as it will be, and its new key."""

    move: Move
    old: Record
    new: Record
    key: Key


async def move_due(site: Records, now: int) -> int:
    """Make the moves that are due, a group of them; say how many were taken up."""
    moves = site.store.read(lambda db: leftovers.due_moves(db, now, AT_ONCE))
    if moves:
        await _move(site, moves, now)
    return len(moves)


async def erase_due(site: Records, now: int) -> int:
    """Erase what waited for the end of a hold; say how many records there were."""

    def work(db: Connection) -> list[str]:
        names = []
        for record in records.due(db, now, AT_ONCE):
            holds = records.holds(db, record.person, record.item, now)
            if holds:
                records.set_due(db, record, holds[0][1])
                continue
            entry = Entry("record-erased", {"item": record.item, "after": "hold"}, {"subject": record.person})
            audit.append(db, entry, now)
            names.append(site.take_out(db, record, now))
        return names

    if not site.store.read(lambda db: records.due(db, now, 1)):
        return 0
    names = await site.store.write(work)
    if names:
        await site.sweep(now, names)
    return len(names)


async def attend(site: Records, now: int) -> None:
    """Do all that is due: erase what a hold kept, make moves, remove leftovers."""
    async with site.turn:
        while await erase_due(site, now):
            pass
        while await move_due(site, now) == AT_ONCE:
            pass
        while (await site.sweep(now))[0] == AT_ONCE:
            pass
        await site.shred_forgotten()


@contextlib.asynccontextmanager
async def attended(site: Records, seconds: float = SECONDS) -> AsyncIterator[None]:
    """Attend to the records of a municipality, again and again, while the block runs."""
    await site.begin()
    task = asyncio.create_task(_rounds(site, seconds))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _rounds(site: Records, seconds: float) -> None:
    began = clock.now(), monotonic()
    while True:
        site.woken.clear()
        now = clock.now()
        try:
            if jumped(now - began[0], monotonic() - began[1]):
                log.error("the clock jumped: nothing is moved or erased; set it, then start the module again")
            else:
                await attend(site, now)
        except Exception as error:  # noqa: BLE001  # whatever it is, the next round tries again
            log.error("a round of moves and removals failed", error=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(site.woken.wait(), seconds)


def jumped(by_clock: int, passed: float) -> bool:
    """Say whether the clock (µs) went on by much else than the time that passed (s): no hold ends by that."""
    return abs(by_clock - passed * clock.SECOND) > JUMP


async def _move(site: Records, moves: Sequence[Move], now: int) -> None:
    """Take a group of moves through all steps; one that cannot be made waits for its next try."""
    passages = await _prepared(site, moves, now)
    if not passages:
        return
    copied = await asyncio.gather(*(_copied(site, one) for one in passages))
    done = [one for one, good in zip(passages, copied, strict=True) if good]
    failed = [one for one, good in zip(passages, copied, strict=True) if not good]
    site.reached("verified")
    names = await site.store.write(lambda db: _switch(site, db, done, failed, now))
    site.reached("switched")
    await site.sweep(now, names)


async def _prepared(site: Records, moves: Sequence[Move], now: int) -> list[_Passage]:
    """Make keys for what moves, and note the copies that will be written."""
    found = site.store.read(lambda db: [_own(db, one) for one in moves])
    over = [one for one, old in zip(moves, found, strict=True) if old is None or old.location == one.target]
    if over:
        await site.store.write(lambda db: leftovers.end_moves(db, over))
    going = [(one, old) for one, old in zip(moves, found, strict=True) if old and old.location != one.target]
    if not going:
        return []
    keys = await site.keys.fresh_many([(one.person, one.target, one.item) for one, _ in going])
    site.reached("keys made")
    passages = [
        _Passage(one, old, replace(old, location=one.target, name=fresh("c_"), key=key.id), key)
        for (one, old), key in zip(going, keys, strict=True)
    ]
    notes = [leftovers.of(one.new, Why.NOTED, now + IN_FLIGHT, shred=True) for one in passages]
    await site.store.write(lambda db: leftovers.add(db, notes))
    site.reached("noted")
    return passages


async def _copied(site: Records, one: _Passage) -> bool:
    """Copy a record to where it goes and verify it there; say whether that went well."""
    try:
        value = await site.open(one.old)
        sealed = site.sealed(one.new, one.key.secret, value)
        await site.put(one.new, sealed)
        site.reached("put")
        await _verify(site, one, value, sealed)
    except Problem as problem:
        log.warning("a record could not move", reason=type(problem).__name__, target=one.move.target)
        return False
    return True


async def _verify(site: Records, one: _Passage, value: Any, given: bytes) -> None:
    copy, location = site.copy(one.new), site.location(one.new.location)
    if isinstance(location, Safe):
        if not await location.keeps(copy, given):
            raise Unreadable("A location does not keep what it was given.")
        return
    sealed = await location.get(copy)
    if orjson.loads(unseal(one.key.secret, sealed, copy.place.bound())) != value:
        raise Unreadable("A location gave back something else than it was given.")


def _switch(
    site: Records, db: Connection, done: Sequence[_Passage], failed: Sequence[_Passage], now: int
) -> list[str]:
    """Let the ledger point to the new copies; name what is left over."""
    left = []
    for one in done:
        present = _own(db, one.move)
        if present != one.old or not leftovers.adopt(db, one.new.name):
            left.append(one.new.name)  # it was changed or erased meanwhile: the move begins again, or ends
            continue
        records.put(db, one.new)
        leftovers.add(
            db, [leftovers.of(one.old, Why.MOVED, now, shred=True, successor=leftovers.went(one.new))]
        )
        leftovers.end_moves(db, [one.move])
        facts = {"item": one.new.item, "from": one.old.location, "to": one.new.location}
        audit.append(db, Entry("record-moved", facts, {"subject": one.new.person}), now)
        left.append(one.old.name)
    for one in failed:
        leftovers.put_off_move(db, one.move, now + leftovers.pause(one.move.tries))
        left.append(one.new.name)
    return left


def _own(db: Connection, move: Move) -> Record | None:
    """Find the record that a move is about, of exactly that person."""
    found = (one for one in records.held(db, move.person, move.item) if one.person == move.person)
    return next(found, None)
