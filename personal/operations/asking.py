"""A service asks for consent, the resident answers when they like; and the service's own record of what is agreed."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import Conflict, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import acting, resident_notices
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.operations.consents import LD_JSON, act_of
from personal.operations.deciding import Group, bases, sign, standing, terms_of
from personal.operations.disclosures import ITEMS, PPID, admit, unknown
from personal.operations.lapsing import lapse_of
from personal.operations.preparing import TOKEN
from personal.rules import catalogue, consent, decisions, receipts
from personal.rules.catalogue import CONSENT
from personal.rules.consent import TRANSITIONS, Consent, Event, Kind, State
from personal.rules.delegation import Act as Doing
from personal.rules.identifiers import fresh
from personal.store import consents, pseudonyms, services
from personal.store.consents import Happened
from personal.store.people import Person
from personal.store.services import Service

ASK: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["subject", "purpose", "items"],
    "properties": {"subject": PPID, "kind": {"enum": list(Kind)}, "purpose": TOKEN, "items": ITEMS},
    "additionalProperties": False,
}
AGREED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["subject", "purpose"],
    "properties": {"subject": PPID, "purpose": TOKEN},
    "additionalProperties": False,
}
DEFER: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["service", "purpose"],
    "properties": {"kind": {"enum": list(Kind)}, "service": TOKEN, "purpose": TOKEN},
    "additionalProperties": False,
}

PAUSE: Final = 30 * 86_400 * clock.SECOND
"""How long nobody is asked again who said no (µs)."""
_NO: Final = frozenset({State.REFUSED, State.WITHDRAWN})


async def ask(call: Call, module: Module) -> Answer:
    """Ask a resident for consent to share, or to store; the answer is the same whatever they decided before."""
    admit(call, module)

    def work(db: Connection) -> None:
        person, service, purpose = _whom(db, call)
        _check_asked(db, purpose, call.body["items"])
        group = (Kind(call.body.get("kind", Kind.SHARE)), service.id, call.body["purpose"])
        lapse_of(db, module.consent_reactions, person.id, standing(db, person.id, group).values(), call.now)
        before = standing(db, person.id, group)
        asked = [
            one
            for item in call.body["items"]
            for one in _asked(before.get(item), service, group, item, call.now)
        ]
        facts = {"by": service.id, **_facts(service.id, call.body["purpose"], call.body["items"])}
        _write(db, call, Entry("consent-asked", facts, {"subject": person.id}), asked)
        if asked:
            resident_notices.tell(
                db,
                person.id,
                "consent-asked",
                _facts(service.id, purpose["id"], call.body["items"]),
                call.now,
            )

    await call.town.store.write(work)
    return Answer(202, {"asked": call.body["items"]})


async def defer(call: Call, _: Module) -> Answer:
    """Put off what a service asks for, without saying no."""
    body = call.body
    find = await acting.subject(call, Doing.CONSENT, service=body["service"])

    def work(db: Connection) -> None:
        act = act_of(call, find(db))
        before = standing(
            db, act.person, (Kind(body.get("kind", Kind.SHARE)), body["service"], body["purpose"])
        )
        put_off = [
            (Event.DEFER, consent.happened(one, Event.DEFER, call.now))
            for one in before.values()
            if one.state is State.REQUESTED
        ]
        if not put_off:
            raise Conflict("Nothing is asked for that purpose (any more).")
        items = [one.item for _, one in put_off]
        facts = {**act.told, **_facts(body["service"], body["purpose"], items)}
        _write(db, call, Entry("consent-deferred", facts, act.people), put_off)

    await call.town.store.write(work)
    return NO_CONTENT


async def show_agreed(call: Call, module: Module) -> Answer:
    """Give a service its own receipt of what a resident agrees to for a purpose; nothing in it joins two services."""
    admit(call, module)

    def work(db: Connection) -> dict[str, Any]:
        person, service, _ = _whom(db, call)
        found = [
            one
            for kind in Kind
            for one in standing(db, person.id, (kind, service.id, call.body["purpose"])).values()
            if consent.holds(one, call.now, service.least)
        ]
        if not found:
            raise unknown()
        facts = _facts(service.id, call.body["purpose"], {one.item for one in found})
        log.append(db, Entry("consent-shown", facts, {"subject": person.id}), call.now)
        version = max(one.version for one in found)
        terms = terms_of(db, module, call.town, service.id, version, None, [one.item for one in found])
        return receipts.for_service(fresh("s_"), call.now, call.body["subject"], terms, found)

    made = await call.town.store.write(work)
    return Answer(body=sign(call.town, made), media_type=LD_JSON)


def _whom(db: Connection, call: Call) -> tuple[Person, Service, Mapping[str, Any]]:
    service = services.find(db, call.actor.id)
    purpose = None if service is None else catalogue.purpose_of(service.description, call.body["purpose"])
    if service is None or purpose is None:
        raise ResourceNotFound("The service has no such purpose.")
    person = pseudonyms.resolve(db, service.id, call.body["subject"], call.now)
    if person is None:
        raise unknown()
    return person, service, purpose


def _facts(service: str, purpose: str, items: Iterable[str]) -> dict[str, Any]:
    return {"service": service, "purpose": purpose, "items": sorted(items)}


def _check_asked(db: Connection, purpose: Mapping[str, Any], wanted: Iterable[str]) -> None:
    offered, known = {one["item"] for one in purpose["items"]}, bases(db)
    for item in wanted:
        if item not in offered:
            raise ResourceNotFound(f"The purpose does not ask for {item}.")
        named = decisions.law(purpose, known.get(item, CONSENT))
        if named is not None:
            raise Conflict(f"{item} rests on {named}: nobody is asked for consent.", law=named, item=item)


def _asked(
    old: Consent | None, service: Service, group: Group, item: str, now: int
) -> list[tuple[Event, Consent]]:
    """Say what happens to a consent when it is asked for; nothing where that changes nothing, or would pester."""
    kind, _, purpose = group
    ask = Event.REQUEST
    if old is None:
        new = consent.begun(Kind(kind), service.id, purpose, item, ask, now, version=service.version)
        return [(ask, new)]
    pestered = old.state in _NO and now - old.since < PAUSE
    if pestered or (old.state, ask) not in TRANSITIONS:
        return []
    return [(ask, consent.happened(old, ask, now))]


def _write(db: Connection, call: Call, entry: Entry, changed: Iterable[tuple[Event, Consent]]) -> None:
    """Write the entry, and the events that it tells of."""
    leaf = log.append(db, entry, call.now)
    for event, one in changed:
        consents.write(db, entry.people["subject"], Happened(event, one, leaf))
