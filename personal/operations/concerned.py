"""What emergencies meant for a resident: by which of them who received what, and what came of looks alone. (issue 5)"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from base import clock
from base.database import Connection
from personal.audit import log, reading
from personal.audit.log import Entry
from personal.audit.reading import Kept
from personal.operations import acting, handles
from personal.operations.call import Answer, Call, Module
from personal.operations.emergencies import public, sealing
from personal.operations.records import by
from personal.rules.delegation import Scope
from personal.rules.emergency import Area
from personal.store import emergencies, proposals, staff
from personal.store.emergencies import Declared
from personal.store.proposals import ProposalState

_RELEASES: Final = frozenset({"emergency-disclosure", "break-glass"})
_FAILED: Final = frozenset({"disclosure-failed", "break-glass-failed"})
_ALL: Final = 1 << 62


async def list_own(call: Call, _: Module) -> Answer:
    """List the emergencies, over or not, by which somebody received something about oneself."""
    find, key = await acting.viewed(call), await sealing(call.town)

    def work(db: Connection) -> list[dict[str, Any]]:
        person, scope = find(db)
        facts = {"by": by(call)}
        log.append(db, Entry("own-emergencies-listed", facts, acting.people_of(call.actor, person)), call.now)
        return [_shown(db, one, found, key) for one, found in _gathered(db, person, scope)]

    return Answer(body={"emergencies": await call.town.store.write(work)})


async def find(call: Call, _: Module) -> Answer:
    """List for staff by which emergencies who received what about a resident, and who looked alone, newest first."""
    names, key = await handles.handles(call.town, call.actor), await sealing(call.town)
    asked = names.read(call.body["resident"])

    def work(db: Connection) -> list[dict[str, Any]]:
        person = handles.visible(db, asked, call.actor)
        entry = Entry("emergencies-listed", {"by": call.actor.id}, {"subject": person.id})
        log.append(db, entry, call.now)
        called = {one.id: one.name for one in staff.listed(db)}
        return [_shown(db, one, found, key, called) for one, found in _gathered(db, person.id, None)]

    return Answer(body={"emergencies": await call.town.store.write(work)})


@dataclass(frozen=True, slots=True)
class Found:
    """What went out about somebody: the entries that tell of it, and what of them failed on the way, by disclosure."""

    entries: list[Kept] = field(default_factory=list)
    failed: dict[str, list[str]] = field(default_factory=dict)


def _gathered(db: Connection, person: str, scope: Scope | None) -> list[tuple[Declared, Found]]:
    """Give the emergencies that meant something for a person, each with what went out under it."""
    releases: dict[str, list[Kept]] = {}
    failed: dict[str, list[str]] = {}
    for entry in reading.about(db, person, "subject", _ALL, _ALL):
        told = entry.facts()
        if told["kind"] in _FAILED and "disclosure" in told:
            failed.setdefault(told["disclosure"], []).extend(told["items"])
        if told["kind"] in _RELEASES and acting.covers(db, scope, entry):
            releases.setdefault(str(told.get("event", "")), []).append(entry)
    found = ((emergencies.find(db, event), entries) for event, entries in releases.items())
    return [(one, Found(entries, failed)) for one, entries in found if one is not None]


def _shown(
    db: Connection, one: Declared, found: Found, key: bytes, called: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Show an emergency with what went out; called: what members of staff are called, where they are named."""
    told = {**public(one, key), "releases": [_release(entry, found, called or {}) for entry in found.entries]}
    review = proposals.find(db, one.review or "")
    if one.event.area is Area.PERSON and review is not None and review.state is not ProposalState.OPEN:
        told["justified"] = review.state is ProposalState.APPROVED
        told["reviewed"] = clock.show(review.decided or 0)
    return told


def _release(entry: Kept, found: Found, called: Mapping[str, str]) -> dict[str, Any]:
    facts = entry.facts()
    told: dict[str, Any] = {name: facts[name] for name in ("service", "purpose", "items") if name in facts}
    if failed := found.failed.get(facts.get("disclosure", "")):
        told["failed"] = sorted(failed)
    if name := called.get(str(facts.get("by", ""))):
        told["by"] = name
    return {"at": clock.show(entry.at), "position": entry.position, **told}
