"""Letting go: a record ends with the consent to store it, consents to share it end with the record. (蓄積同意)"""

from dataclasses import replace
from typing import Any, Final

from base import clock
from base.database import Connection
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import consent_reactions
from personal.operations.tables import ConsentChange, ConsentReaction
from personal.rules.consent import HOLDING, Kind
from personal.rules.residents import Event
from personal.store import leftovers, records, sources
from personal.store.leftovers import Why
from personal.store.records import Record
from personal.store.sources import CONSENT

ASIDE: Final = 30 * 86_400 * clock.SECOND
"""How long a record is only out of use whose consent ended because doubles became one: they may be parted again."""

FORGOTTEN: Final = "forgotten"
"""Why consents end of whom nothing is kept: the records go with the rest."""


def reaction(follow: tuple[ConsentReaction, ...]) -> ConsentReaction:
    """Make the reaction to the end of consents to store; `follow`: what follows where consents to share end, too."""

    def react(db: Connection, change: ConsentChange, now: int) -> None:
        if change.kind is Kind.STORE and change.why != FORGOTTEN:
            for item in change.end:
                _let_go(db, follow, change, item, now)
            for item in change.begin:
                _take_back(db, change, item, now)

    return react


def with_record(
    db: Connection, follow: tuple[ConsentReaction, ...], person: str, item: str, now: int
) -> None:
    """End what rests on a record that is erased or taken out of use: the consents to share it."""
    consent_reactions.end(
        db,
        follow,
        person,
        lambda one: one.kind is Kind.SHARE and one.item == item and one.state in HOLDING,
        now,
        why="erased",
        leaf="consent-ended-with-record",
    )


def resting(db: Connection, person: str, service: str, purpose: str, item: str) -> list[Record]:
    """List the records in use that a service wrote for a purpose because the resident agreed."""
    return [
        one for one in records.held(db, person, item) if one.due is None and _rests(db, one, service, purpose)
    ]


def _rests(db: Connection, record: Record, service: str, purpose: str) -> bool:
    source = sources.of(db, record)
    return source is not None and source.basis == CONSENT and source.about(service, purpose)


def _let_go(
    db: Connection, follow: tuple[ConsentReaction, ...], change: ConsentChange, item: str, now: int
) -> None:
    """Erase what was stored by a consent that ended, or take it out of use while it must be kept."""
    found = resting(db, change.person, change.service, change.purpose, item)
    for record in found:
        holds = records.holds(db, change.person, item, now)
        if change.why == Event.MERGED:
            _set_aside(db, record, max([now + ASIDE, *(until for _, until in holds)]))
            _note(db, "record-set-aside", change, item, now)
        elif holds:
            records.set_due(db, record, holds[0][1])
            _note(db, "record-erasure-held", change, item, now, until=clock.show(holds[0][1]))
        else:
            records.remove(db, record)
            leftovers.add(db, [leftovers.of(record, Why.ERASED, now, shred=True)])
            _note(db, "record-erased", change, item, now)
    gone = records.find(db, change.person, item) is None
    if found and gone and change.why not in (Event.MERGED, Event.PARTED):
        with_record(db, follow, change.person, item, now)


def _take_back(db: Connection, change: ConsentChange, item: str, now: int) -> None:
    """Put into use again what was set aside while the one who agreed to it was taken for somebody else."""
    for record in records.held(db, change.person, item):
        source = sources.of(db, record)
        if source is not None and source.aside and source.about(change.service, change.purpose):
            records.put(db, replace(record, due=None))
            sources.put(db, replace(source, aside=False))
            _note(db, "record-taken-back", change, item, now)


def _set_aside(db: Connection, record: Record, until: int) -> None:
    source = sources.of(db, record)
    records.set_due(db, record, until)
    if source is not None:
        sources.put(db, replace(source, aside=True))


def _note(db: Connection, kind: str, change: ConsentChange, item: str, now: int, **facts: Any) -> None:
    told = {
        "item": item,
        "service": change.service,
        "purpose": change.purpose,
        "why": str(change.why),
        **facts,
    }
    log.append(db, Entry(kind, told, {"subject": change.person}), now)
