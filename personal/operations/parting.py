"""Parting a double again: both are as they were, and what happened since goes to the side that staff name."""

from dataclasses import dataclass, field
from typing import Any, Final

from base.database import Connection
from base.errors import Conflict
from personal.audit import log
from personal.audit.log import Entry
from personal.locations.records import Change
from personal.operations import handles
from personal.operations.call import Answer, Call, Module
from personal.operations.merging import DOUBLE, own_records, part
from personal.operations.registering import tell
from personal.rules.residents import Event, Happening
from personal.store import merges, records, sources
from personal.store.merges import Merge
from personal.store.records import Record

PART: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident", "sinceGoesTo"],
    "properties": {"resident": handles.SCHEMA, "sinceGoesTo": {"enum": ["resident", DOUBLE]}},
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class _Since:
    """What was written about somebody since a double was merged into them."""

    merge: int
    written: tuple[Record, ...] = ()
    changes: tuple[Change, ...] = field(default=(), repr=False)


async def part_residents(call: Call, module: Module) -> Answer:
    """Part the double again that was merged last; what happened since goes to the side that is named.

    Values that were replaced since are gone: the answer names these items, so that staff correct them.
    """
    names = await handles.handles(call.town, call.actor)
    asked, to_double = names.read(call.body["resident"]), call.body["sinceGoesTo"] == DOUBLE
    since = await _read_since(call, asked, to_double=to_double)
    done: list[Merge] = []
    swept: list[str] = []

    def within(db: Connection) -> None:
        survivor = handles.visible(db, asked, call.actor)
        undone = _latest(db, survivor.id)
        if undone.number != since.merge or (to_double and _written(db, undone) != since.written):
            raise Conflict("The resident was changed meanwhile; try again.")
        followed = part(db, undone, survivor, to_double=to_double, now=call.now)
        for change in since.changes:
            sources.copy(db, undone.survivor, change.person, change.item, change.expected + 1)
        new = [record for record in since.written if record.item not in undone.versions]
        done[:], swept[:] = [undone], [call.town.records.take_out(db, record, call.now) for record in new]
        facts = {"by": call.actor.id, "since-goes-to": call.body["sinceGoesTo"]}
        items = sorted(record.item for record in since.written)
        concerned = {"subject": survivor.id, "double": undone.double}
        log.append(db, Entry("resident-parted", {**facts, "items": items}, concerned), call.now)
        happening = Happening(Event.PARTED, survivor.id, undone.double, undone.at, to_double)
        for one in (happening, *followed):
            tell(db, one, call.now, module.reactions)

    if since.changes:
        await call.town.records.keep(since.changes, within, call.now)
    else:
        await call.town.store.write(within)
    if swept:
        await call.town.records.sweep(call.now, swept)
    undone = done[0]
    replaced = sorted(record.item for record in since.written if record.item in undone.versions)
    return Answer(
        body={
            "resident": names.show(undone.survivor),
            "double": names.show(undone.double),
            "replacedSince": replaced,
        }
    )


async def _read_since(call: Call, asked: str, *, to_double: bool) -> _Since:
    """Read what goes to the double: every item of the survivor that was written since."""

    def work(db: Connection) -> tuple[Merge, tuple[Record, ...], dict[str, int]]:
        undone = _latest(db, handles.visible(db, asked, call.actor).id)
        written = _written(db, undone) if to_double else ()
        found = [records.find(db, undone.double, record.item) for record in written]
        return undone, written, {record.item: record.version for record in found if record is not None}

    undone, written, versions = call.town.store.read(work)
    changes = [
        Change(undone.double, one.item, await call.town.records.open(one), versions.get(one.item, 0))
        for one in written
    ]
    return _Since(undone.number, written, tuple(changes))


def _latest(db: Connection, survivor: str) -> Merge:
    undone = merges.latest(db, survivor)
    if undone is None:
        raise Conflict("No double was merged into this resident.")
    return undone


def _written(db: Connection, undone: Merge) -> tuple[Record, ...]:
    found = own_records(db, undone.survivor)
    return tuple(record for record in found if undone.versions.get(record.item) != record.version)
