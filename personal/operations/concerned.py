"""What emergencies meant for a resident: by which of them who received what, and what came of looks alone. (issue 5)"""

from typing import Any, Final

from base import clock
from base.database import Connection
from personal.audit import log, reading
from personal.audit.log import Entry
from personal.audit.reading import Kept
from personal.operations import acting
from personal.operations.call import Answer, Call, Module
from personal.operations.emergencies import public, sealing
from personal.operations.records import by
from personal.rules.emergency import Area
from personal.store import emergencies, proposals
from personal.store.emergencies import Declared
from personal.store.proposals import ProposalState

_RELEASES: Final = frozenset({"emergency-disclosure", "break-glass"})
_ALL: Final = 1 << 62


async def list_own(call: Call, _: Module) -> Answer:
    """List the emergencies, over or not, by which somebody received something about oneself."""
    find, key = await acting.viewed(call), await sealing(call.town)

    def work(db: Connection) -> list[dict[str, Any]]:
        person, scope = find(db)
        facts = {"by": by(call)}
        log.append(db, Entry("own-emergencies-listed", facts, acting.people_of(call.actor, person)), call.now)
        releases: dict[str, list[Kept]] = {}
        for entry in reading.about(db, person, "subject", _ALL, _ALL):
            told = entry.facts()
            if told["kind"] in _RELEASES and acting.covers(db, scope, entry):
                releases.setdefault(str(told.get("event", "")), []).append(entry)
        found = ((emergencies.find(db, event), entries) for event, entries in releases.items())
        return [_shown(db, one, entries, key) for one, entries in found if one is not None]

    return Answer(body={"emergencies": await call.town.store.write(work)})


def _shown(db: Connection, one: Declared, entries: list[Kept], key: bytes) -> dict[str, Any]:
    told = {**public(one, key), "releases": [_release(entry) for entry in entries]}
    review = proposals.find(db, one.review or "")
    if one.event.area is Area.PERSON and review is not None and review.state is not ProposalState.OPEN:
        told["justified"] = review.state is ProposalState.APPROVED
        told["reviewed"] = clock.show(review.decided or 0)
    return told


def _release(entry: Kept) -> dict[str, Any]:
    facts = entry.facts()
    told: dict[str, Any] = {name: facts[name] for name in ("service", "purpose", "items") if name in facts}
    return {"at": clock.show(entry.at), "position": entry.position, **told}
