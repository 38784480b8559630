"""Notices to services: consent began or ended, an item or a name changed; with the duty to erase. (RFC 8417)"""

from collections.abc import Mapping
from typing import Any, Final

from base import clock
from base.clock import SECOND
from base.database import Connection
from base.errors import ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations.audit_log import number
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.operations.tables import ConsentChange
from personal.operations.town import Town
from personal.rules.consent import Kind, holds
from personal.rules.notice import Event
from personal.rules.residents import Event as Life
from personal.rules.residents import Happening
from personal.store import consents, deadlines, notices, people, pseudonyms, services
from personal.store.notices import Notice

TYPE: Final = "secevent+jwt"
EVENTS: Final = "urn:engawa:event:"
MOST: Final = 100
ERASE: Final = "erase"
ERASE_DAYS: Final = 14
"""How many days after it was told a service has to erase what it may not keep, unless the municipality sets others."""


async def list_notices(call: Call, _: Module) -> Answer:
    """List, signed, what the service that asks was told and has not confirmed, oldest first."""
    most = min(number(call, "limit", MOST), MOST)
    town, service = call.town, call.actor.id

    def work(db: Connection) -> list[Notice]:
        found = notices.waiting(db, service, call.now, most + 1)
        for one in found[:most]:
            hand(db, one, call.now)
        return found

    found = await town.store.write(work)
    signed = [{"id": one.id, "notice": sealed(town, one)} for one in found[:most]]
    return Answer(body={"notices": signed, "more": len(found) > most})


async def confirm(call: Call, _: Module) -> Answer:
    """Let a service say that it did what a notice asks for: that it erased, or changed a name."""
    id, service = call.path["id"], call.actor.id

    def work(db: Connection) -> None:
        found = notices.find(db, service, id)
        if found is None or found.handed is None:
            raise ResourceNotFound("There is no such notice.")
        if found.confirmed is None:
            notices.confirm(db, id, call.now)
            kind = "notice-confirmed" if found.erase_by is None else "erasure-confirmed"
            log.append(db, Entry(kind, _facts(found), {"subject": found.person}), call.now)

    await call.town.store.write(work)
    return NO_CONTENT


async def list_overdue(call: Call, _: Module) -> Answer:
    """List the duties to erase that services have not confirmed in time."""
    found = call.town.store.read(lambda db: notices.overdue(db, call.now))
    shown = [
        {
            "id": one.id,
            "eraseBy": clock.show(one.erase_by or 0),
            "handed": one.handed is not None,
            **_facts(one),
        }
        for one in found
    ]
    return Answer(body={"overdue": shown})


def consent_changed(db: Connection, change: ConsentChange, now: int) -> None:
    """Tell a service that consent began or ended, if it knows the resident. (ConsentReaction)

    As far as services see, nobody agrees to have anything stored who is protected.
    """
    if change.kind is Kind.STORE:
        _storing_changed(db, change, now)
        return
    for items, event, days in (
        (change.begin, Event.CONSENT_GIVEN, None),
        (change.end, Event.CONSENT_ENDED, deadlines.days(db, ERASE, ERASE_DAYS)),
    ):
        if items:
            facts = {"purpose": change.purpose, "items": sorted(items)}
            tell(db, change.service, change.person, event, facts, now, erase_days=days)


def _storing_changed(db: Connection, change: ConsentChange, now: int) -> None:
    found = people.current(db, change.person)
    if found is None or found.protected:
        return
    for items, event in ((change.begin, Event.CONSENT_GIVEN), (change.end, Event.CONSENT_ENDED)):
        if items:
            facts = {"kind": str(Kind.STORE), "purpose": change.purpose, "items": sorted(items)}
            tell(db, change.service, change.person, event, facts, now)


def item_changed(db: Connection, person: str, item: str, now: int) -> None:
    """Tell each service that may see an item now that it changed; nobody of a resident who is protected."""
    found = people.current(db, person)
    if found is None or found.protected:
        return
    standing = consents.of(db, found.id).values()
    for service in pseudonyms.services(db, found.id):
        known = services.find(db, service)
        if known is None:
            continue
        agreed = [
            one.purpose
            for one in standing
            if (one.kind, one.service, one.item) == (Kind.SHARE, service, item)
            and holds(one, now, known.least)
        ]
        if agreed:
            tell(
                db, service, found.id, Event.ITEM_CHANGED, {"items": [item], "purposes": sorted(agreed)}, now
            )


def renamed(db: Connection, service: str, person: str, former: list[str], name: str, now: int) -> None:
    """Tell a service by which name it knows a resident from now on, and by which it did."""
    notices.add(db, service, person, Event.SUBJECT_RENAMED, name, {"previous": former}, now)


def follow(db: Connection, happening: Happening, now: int) -> None:
    """Tell services that know both that two residents are one, or are two again; hand names over. (Reaction)"""
    first, second = happening.person, happening.other
    if happening.event is Life.MERGED:
        _follow_merge(db, first, second, now)
    elif happening.event is Life.PARTED:
        if happening.to_other:
            pseudonyms.hand_over(db, first, second, happening.since)
        for id in (*people.family(db, first), *people.family(db, second)):
            pseudonyms.reopen(db, id, happening.since)
        _follow_part(db, first, second, now)


def tell(
    db: Connection,
    service: str,
    person: str,
    event: Event,
    facts: Mapping[str, Any],
    now: int,
    *,
    erase_days: int | None = None,
) -> None:
    """Put a notice in the outbox of a service, if it knows the resident by a name; a double as whom it became."""
    found = people.current(db, person)
    name = None if found is None else pseudonyms.known(db, service, found.id)
    if found is not None and name is not None:
        notices.add(db, service, found.id, event, name, facts, now, erase_days=erase_days)


def hand(db: Connection, one: Notice, now: int) -> None:
    """Put on record that a service is told, within the transaction before it can see it."""
    if one.handed is None:
        notices.hand(db, one.id, now)
        log.append(db, Entry("notice", _facts(one), {"subject": one.person}), now)


def sealed(town: Town, one: Notice) -> str:
    """Sign a notice as a security event token; every moment in it is the quarter hour it was due. (RFC 8417 2)"""
    facts = dict(one.facts)
    if one.erase_by is not None:
        facts["eraseBy"] = clock.show(one.erase_by)
    claims = {
        "iss": town.id,
        "aud": one.service,
        "jti": one.id,
        "iat": one.due // SECOND,
        "sub_id": {"format": "opaque", "id": one.subject},
        "events": {EVENTS + one.event: facts},
    }
    return town.signer.sign(claims, TYPE)


def _facts(one: Notice) -> dict[str, Any]:
    named = {name: one.facts[name] for name in ("purpose", "items") if name in one.facts}
    return {"service": one.service, "outcome": one.event, **named}


def _follow_merge(db: Connection, survivor: str, double: str, now: int) -> None:
    for service in pseudonyms.services(db, double):
        name, *others = pseudonyms.living(db, service, survivor)
        if others:
            notices.add(db, service, survivor, Event.SUBJECTS_MERGED, name, {"previous": others}, now)


def _follow_part(db: Connection, survivor: str, double: str, now: int) -> None:
    for service in pseudonyms.services(db, double):
        name, other = pseudonyms.known(db, service, survivor), pseudonyms.known(db, service, double)
        if name is not None and other is not None:
            notices.add(db, service, survivor, Event.SUBJECTS_PARTED, name, {"other": other}, now)
