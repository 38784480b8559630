"""Doubles: two entries of one resident become one, and can be parted again as they were. (名寄せ; issue 5)

The double stays as it is, under its own id, and whatever asks for it gets the survivor; so parting is exact.
"""

from typing import Any, Final

from base.database import Connection
from base.errors import Conflict
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import handles
from personal.operations.call import Answer, Call, Module
from personal.operations.registering import tell
from personal.rules.residents import Event, Happening, Standing, State, merged, parted, told_of
from personal.store import identifiers, merges, people, records, sessions
from personal.store.identifiers import Why
from personal.store.merges import Merge
from personal.store.people import Person
from personal.store.records import Record

DOUBLE: Final = "double"
MERGE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident", "double"],
    "properties": {"resident": handles.SCHEMA, "double": handles.SCHEMA},
    "additionalProperties": False,
}


async def merge_residents(call: Call, module: Module) -> Answer:
    """Merge a double into a resident."""
    names = await handles.handles(call.town, call.actor)
    one, other = names.read(call.body["resident"]), names.read(call.body["double"])

    def work(db: Connection) -> str:
        survivor = handles.visible(db, one, call.actor)
        double = handles.visible(db, other, call.actor)
        if survivor.id == double.id:
            raise Conflict("These two are one resident already.")
        merge(db, survivor, double, by=call.actor.id, now=call.now)
        concerned = {"subject": survivor.id, "double": double.id}
        log.append(db, Entry("resident-merged", {"by": call.actor.id}, concerned), call.now)
        tell(db, Happening(Event.MERGED, survivor.id, double.id), call.now, module.reactions)
        return survivor.id

    return Answer(body={"resident": names.show(await call.town.store.write(work))})


def merge(db: Connection, survivor: Person, double: Person, *, by: str, now: int) -> None:
    """Let whatever asks for a double get the survivor from now on."""
    stood, other_stood = _standing(survivor), _standing(double)
    standing = merged(stood, other_stood)
    before = Merge(
        0,
        double.id,
        survivor.id,
        now,
        stood,
        other_stood,
        people.terms(db, survivor.id),
        identifiers.newest(db),
        {record.item: record.version for record in own_records(db, survivor.id)},
    )
    merges.add(db, before, by)
    for id in people.family(db, double.id):
        for own in people.family(db, survivor.id):
            identifiers.end_shared(db, id, own, now)
        sessions.end_about(db, id)
    people.set_state(db, double.id, State.MERGED, now, merged_into=survivor.id)
    if standing.protected and not survivor.protected:
        sessions.end_about(db, survivor.id)
    protect(db, survivor.id, standing.protected, now)


def part(
    db: Connection, undone: Merge, survivor: Person, *, to_double: bool, now: int
) -> tuple[Happening, ...]:
    """Let a double be somebody of their own again; give what thereby happened to either of the two."""
    stood = _standing(survivor)
    first, second = parted(undone.survivor_stood, undone.double_stood, stood, to_double=to_double)
    people.set_state(db, undone.double, second.state, now)
    if to_double:
        _hand_over(db, undone)
    people.set_state(db, survivor.id, first.state, now)
    for id, standing in ((survivor.id, first), (undone.double, second)):
        protect(db, id, standing.protected, now)
        _restore_identifiers(db, id, standing, undone, now)
    merges.end(db, undone.number, DOUBLE if to_double else "resident", now)
    return (
        *(Happening(event, survivor.id) for event in told_of(stood, first)),
        *(Happening(event, undone.double) for event in told_of(undone.double_stood, second)),
    )


def _restore_identifiers(db: Connection, person: str, standing: Standing, undone: Merge, now: int) -> None:
    """Let end and begin again what death and merging ended and began; what staff ended stays so."""
    for id in people.family(db, person):
        if standing.state is State.DEAD:
            identifiers.end_dead(db, id, now)
        else:
            identifiers.reopen(db, id, Why.DEATH, undone.at)
        if person == undone.double:
            identifiers.reopen(db, id, Why.DOUBLE, undone.at)
        sessions.end_about(db, id)


def own_records(db: Connection, person: str) -> list[Record]:
    """List the records of a resident that are in use, without those of their doubles."""
    found = records.everything(db, person)
    return [record for record in found if record.person == person and record.due is None]


def protect(db: Connection, person: str, protected: bool, now: int) -> None:
    """Set or lift the protection of a resident with all their doubles."""
    people.protect(db, person, protected, now)
    for id in people.family(db, person):
        if not identifiers.guard(db, id, protected):
            raise Conflict(
                "An identifier of this resident was given to somebody else meanwhile:"
                " search by it and merge the two, or end it."
            )


def _hand_over(db: Connection, undone: Merge) -> None:
    """Give the double what the survivor got since they were merged."""
    identifiers.hand_over(db, undone.survivor, undone.double, undone.newest)
    present = people.terms(db, undone.survivor)
    if present != undone.terms:
        people.index(db, undone.double, present)
        people.index(db, undone.survivor, undone.terms)


def _standing(person: Person) -> Standing:
    return Standing(person.state, person.protected)
