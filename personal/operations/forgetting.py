"""Erasing all there is of somebody who moved away or died, as far as no law keeps it. (個人情報保護法 98条)"""

from collections.abc import Mapping

from base import clock
from base.database import Connection
from base.errors import Conflict
from personal.locations.records import Erasure
from personal.operations import connecting, consent_reactions, inside, letting_go
from personal.operations.actors import Who
from personal.operations.call import Answer, Call, Module
from personal.operations.records import append, subject
from personal.rules.consent import HOLDING, OPEN
from personal.rules.residents import State
from personal.store import people, resident_notices, sessions


async def forget(call: Call, module: Module) -> Answer:
    """Erase every record of somebody, what finds them, and whom the log's entries are about; or say what is kept."""
    find = await subject(call)
    person = call.town.store.read(find)

    def within(db: Connection, erasures: Mapping[str, Erasure]) -> None:
        found = people.find(db, find(db))
        if found is None or found.id != person or found.state not in (State.MOVED, State.DEAD):
            raise Conflict("Only who moved away or died is forgotten whole; erase single records instead.")
        held = sorted(item for item, erasure in erasures.items() if erasure.holds)
        append(db, call, "resident-forgotten", person, items=sorted(erasures), held=held)
        consent_reactions.end(
            db,
            module.consent_reactions,
            person,
            lambda one: one.state in HOLDING | OPEN,
            call.now,
            why=letting_go.FORGOTTEN,
        )
        connecting.end_all(db, person, call.now)
        sessions.end_all(db, Who.RESIDENT, person)
        resident_notices.forget(db, people.family(db, person))
        for one in [] if held else people.family(db, person):
            inside.forget(db, one, call.now)

    erasures = await call.town.records.forget(person, within, call.now)
    kept = [
        {"item": item, "heldUntil": clock.show(erasure.holds[0][1])}
        for item, erasure in sorted(erasures.items())
        if erasure.holds
    ]
    return Answer(
        202 if kept else 200, {"erased": sorted(set(erasures) - {one["item"] for one in kept}), "kept": kept}
    )
