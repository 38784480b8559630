"""Break-glass: one member of staff alone looks at one resident's data to save a life; loud, short, reviewed."""

from typing import Any, Final

import structlog

from base import clock
from base.database import Connection
from base.errors import Conflict, NotPermitted, Problem, ResourceNotFound
from personal.audit import log, reading
from personal.audit.log import Entry
from personal.operations import handles, notices, proposals
from personal.operations.actors import Role
from personal.operations.call import Answer, Call, Module
from personal.operations.emergencies import TOLD, check_known, refused, sealed, sealing, unsealed
from personal.operations.records import NAME, shown
from personal.operations.tables import Decision, Kind
from personal.rules.emergency import (
    BARRED_DAYS,
    GLASS_MINUTES,
    HOUR,
    REVIEW_HOURS,
    Area,
    Event,
    barred,
    overdue,
    runs,
)
from personal.rules.identifiers import fresh
from personal.rules.notice import Event as Notice
from personal.store import deadlines, emergencies, records
from personal.store import proposals as kept_proposals
from personal.store.emergencies import Declared
from personal.store.proposals import ProposalState

REVIEW: Final = "break-glass"
SUBJECT: Final = "subject"
_ALL: Final = 1 << 62
MOST_UNREVIEWED: Final = 10
"""A look is for one resident; who needs to see many declares an emergency."""
_NAME: Final = {"ja": "緊急時の単独閲覧", "en": "A look alone in an emergency"}
BREAK: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident", "basis", "items", "reason", "minutes"],
    "properties": {
        "resident": handles.SCHEMA,
        "basis": TOLD["basis"],
        "items": TOLD["items"],
        "services": {**TOLD["services"], "minItems": 0},
        "reason": {"type": "string", "minLength": 10, "maxLength": 1_000},
        "minutes": {"type": "integer", "minimum": 1, "maximum": GLASS_MINUTES},
    },
    "additionalProperties": False,
}
READ: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["item"],
    "properties": {"item": NAME},
    "additionalProperties": False,
}
events = structlog.get_logger("engawa.personal")


async def break_glass(call: Call, _: Module) -> Answer:
    """Look at one resident's items alone, now: the privacy officers are told, and a second person reviews it."""
    names, key = await handles.handles(call.town, call.actor), await sealing(call.town)
    asked, body = names.read(call.body["resident"]), call.body
    until = call.now + body["minutes"] * HOUR // 60

    def work(db: Connection) -> Declared:
        person = handles.visible(db, asked, call.actor)
        _refuse_with_late_reviews(db, call)
        event = Event(
            fresh("e_"),
            Area.PERSON,
            frozenset(body.get("services", ())),
            frozenset(body["items"]),
            call.now,
            until,
            person=person.id,
        )
        check_known(db, event)
        facts = {"emergency": event.id, "by": call.actor.id, "reviewBy": clock.show(_due(call.now))}
        review = proposals.make(db, REVIEW, KIND, facts, call.actor.id, call.now)["id"]
        words = sealed(key, event.id, body["reason"])
        one = Declared(event, _NAME, body["basis"], words, call.now, call.actor.id, review=review)
        emergencies.add(db, one)
        told = {"by": call.actor.id, "event": event.id, "items": sorted(event.items), "basis": body["basis"]}
        log.append(db, Entry("break-glass", told, {"subject": person.id}), call.now)
        return one

    made = await call.town.store.write(work)
    events.error("one person looks at data alone", emergency=made.event.id, by=call.actor.id)
    limits = {"until": clock.show(until), "reviewBy": clock.show(_due(call.now))}
    return Answer(201, {"id": made.event.id, **limits})


async def read(call: Call, _: Module) -> Answer:
    """Read an item of the resident, while it lasts; for who broke the glass only."""
    item, missing, id = call.body["item"], ResourceNotFound("There is no such record."), fresh("d_")

    def work(db: Connection) -> str:
        one = emergencies.find(db, call.path["id"])
        if one is None or one.made_by != call.actor.id or one.event.area is not Area.PERSON:
            raise ResourceNotFound("There is no such look, or it is somebody else's.")
        if not runs(one.event, call.now):
            raise Conflict("The time of this look is over.")
        try:
            person = handles.visible(db, one.event.person or "", call.actor)
        except ResourceNotFound:
            raise missing from None
        if item not in one.event.items or records.find(db, person.id, item) is None:
            raise missing
        told = {"disclosure": id, "by": call.actor.id, "event": one.event.id}
        facts = {**told, "items": [item], "basis": one.basis}
        log.append(db, Entry("break-glass", facts, {"subject": person.id}), call.now)
        return person.id

    person = await call.town.store.write(work)
    try:
        found = await call.town.records.fetch(person, item)
    except Problem:
        facts = {"disclosure": id, "by": call.actor.id, "items": [item]}
        await call.town.store.write(
            lambda db: log.append(db, Entry("break-glass-failed", facts, {"subject": person}), call.now)
        )
        raise
    if found is None:
        raise missing
    return Answer(body={**shown(found.record), "value": found.value})


async def list_looks(call: Call, _: Module) -> Answer:
    """List the looks of one alone, with whether each is reviewed or overdue."""
    names, key = await handles.handles(call.town, call.actor), await sealing(call.town)

    def work(db: Connection) -> list[dict[str, Any]]:
        log.append(db, Entry("break-glass-listed", {"by": call.actor.id}), call.now)
        return [_look(db, one, call, names, key) for one in emergencies.listed(db, glass=True)]

    return Answer(body={"looks": await call.town.store.write(work)})


def _look(db: Connection, one: Declared, call: Call, names: handles.Handles, key: bytes) -> dict[str, Any]:
    review = kept_proposals.find(db, one.review or "")
    reviewed = review is not None and review.state is not ProposalState.OPEN
    told: dict[str, Any] = {
        "id": one.event.id,
        "by": one.made_by,
        "items": sorted(one.event.items),
        "services": sorted(one.event.services),
        "basis": one.basis,
        "since": clock.show(one.made),
        "until": clock.show(one.event.until or one.made),
        "review": one.review,
        "reviewBy": clock.show(_due(one.made)),
        "overdue": overdue(one.made, reviewed, call.now),
    }
    if review is not None and reviewed:
        told["justified"] = review.state is ProposalState.APPROVED
    try:
        person = handles.visible(db, one.event.person or "", call.actor)
    except ResourceNotFound:
        return told
    return {**told, "resident": names.show(person.id), "reason": unsealed(key, one)}


def _refuse_with_late_reviews(db: Connection, call: Call) -> None:
    """Let nobody look alone again whose look was not reviewed in time, or who looks at many."""
    waiting = 0
    for one in emergencies.listed(db, glass=True):
        review = kept_proposals.find(db, one.review or "")
        reviewed = review is not None and review.state is not ProposalState.OPEN
        if one.made_by != call.actor.id:
            continue
        if overdue(one.made, reviewed, call.now):
            raise Conflict("An earlier look of yours was not reviewed in time: have that done first.")
        if (
            review is not None
            and review.state is ProposalState.REFUSED
            and barred(review.decided or 0, call.now)
        ):
            raise NotPermitted(
                f"A look of yours was found not justified: for {BARRED_DAYS} days a second person has to look."
            )
        waiting += one.made_by == call.actor.id and not reviewed
    if waiting >= MOST_UNREVIEWED:
        raise Conflict(
            f"{MOST_UNREVIEWED} looks of yours wait for a review: have them reviewed, or declare an emergency by two."
        )


def _due(made: int) -> int:
    return made + REVIEW_HOURS * HOUR


def _approve(db: Connection, body: dict[str, Any], decision: Decision) -> dict[str, Any]:
    _reviewed(db, body, decision, "justified")
    return {"event": body["emergency"], "justified": True}


def _wrong(db: Connection, body: dict[str, Any], decision: Decision) -> None:
    """Let follow what follows from a look that was not justified: it ends, and services erase what they got by it."""
    one = _reviewed(db, body, decision, "not-justified")
    if one is None or one.event.person is None:
        return
    emergencies.end(db, one.event.id, decision.now)
    days = deadlines.days(db, notices.ERASE, notices.ERASE_DAYS)
    for entry in reading.about(db, one.event.person, SUBJECT, _ALL, _ALL):
        facts = entry.facts()
        if facts.get("event") == one.event.id and "service" in facts and facts.get("items"):
            told = {"purpose": facts["purpose"], "items": facts["items"]}
            notices.tell(
                db,
                facts["service"],
                one.event.person,
                Notice.CONSENT_ENDED,
                told,
                decision.now,
                erase_days=days,
            )
    events.error("a look alone was found not justified", emergency=one.event.id, by=one.made_by)


def _reviewed(db: Connection, body: dict[str, Any], decision: Decision, outcome: str) -> Declared | None:
    """Put on record, where the resident sees it, what came of the review."""
    one = emergencies.find(db, body["emergency"])
    if one is not None and one.event.person is not None:
        facts = {"by": decision.decided_by, "event": one.event.id, "outcome": outcome}
        log.append(db, Entry("break-glass-reviewed", facts, {SUBJECT: one.event.person}), decision.now)
    return one


KIND: Final = Kind(
    frozenset({Role.PRIVACY}),
    {"type": "object"},
    refused,
    _approve,
    days=3_650,
    apart=True,
    refused=_wrong,
)
