"""Releasing: decide, write the leaf, and only then fetch and unseal what may be shown. (DESIGN 3)"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import rfc8785

from base import clock
from base.database import Connection
from base.errors import NotPermitted, Problem
from personal.audit import log
from personal.audit.log import Entry
from personal.locations.contract import LocationOffline
from personal.locations.lgwan import ReleaseRefused
from personal.locations.records import Value
from personal.operations import inside
from personal.operations.call import Module
from personal.operations.inside import Enclosed, Wanted
from personal.operations.town import Town
from personal.rules import disclosure, pairwise
from personal.rules.catalogue import purpose_of
from personal.rules.disclosure import (
    BY_CODE,
    BY_CONSENT,
    BY_EMERGENCY,
    BY_LAW,
    Decision,
    Offer,
    Reason,
    Subject,
)
from personal.rules.identifiers import blind, fingerprint, framed, fresh
from personal.rules.withheld import told
from personal.store import consents, items, people, pseudonyms, records, services
from personal.store.people import Person
from schemas.personal.catalogue import Item

SUBJECT: Final = "subject"
RECEIPT: Final = "disclosure-receipt+jwt"
LGWAN: Final = "lgwan"


@dataclass(frozen=True, slots=True)
class Ask:
    """What a service asks for; `event`: the declared emergency it refers to; `chosen`: what a sharing code shows."""

    service: str
    purpose: str
    items: tuple[str, ...]
    event: str = ""
    chosen: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Ruling:
    """What was decided and is on record: nothing else about a resident goes out under its id."""

    id: str
    ask: Ask
    person: str | None = field(repr=False)
    decision: Decision
    places: Mapping[str, str]  # where each item that may be shown lives


@dataclass(frozen=True, slots=True)
class Released:
    """What goes out to a service about one resident."""

    ruling: Ruling
    items: Mapping[str, Any] = field(repr=False)
    withheld: Mapping[str, Reason]

    def shown(self) -> dict[str, Any]:
        """Give it as the service sees it."""
        withheld = [
            told(item, self.withheld[item]) for item in self.ruling.ask.items if item in self.withheld
        ]
        return {"id": self.ruling.id, "items": dict(self.items), "withheld": withheld}


def rule_on(db: Connection, module: Module, ask: Ask, names: Sequence[str], now: int) -> list[Ruling]:
    """Find whom a service means, decide on each item, and write the leaves: all of one transaction."""
    offers = offered(db, ask)
    people = [pseudonyms.resolve(db, ask.service, name, now) for name in names]
    return [rule_about(db, module, ask, offers, person, now) for person in people]


def rule_about(
    db: Connection, module: Module, ask: Ask, offers: Mapping[str, Offer], person: Person | None, now: int
) -> Ruling:
    """Decide on what is asked about a resident, or about nobody, and write the leaf."""
    held = {} if person is None else _held(db, person.id, ask.items)
    decision = _decided(db, module, ask, offers, person, frozenset(held), now)
    places = {item: held[item] for item in decision.shown}
    ruling = Ruling(fresh("d_"), ask, None if person is None else person.id, decision, places)
    _write(db, ruling, _kind(decision), now, items=list(decision.shown), outcome=_outcome(ruling))
    return ruling


def offered(db: Connection, ask: Ask) -> dict[str, Offer]:
    """Say what the catalogue lets a service ask for this purpose; NotPermitted if it has no such purpose."""
    service = services.find(db, ask.service)
    purpose = None if service is None else purpose_of(service.description, ask.purpose)
    if service is None or purpose is None or not service.active:
        raise NotPermitted(
            "This service has no such purpose in force; GET /personal/v1/services shows what is approved."
        )
    return {one["item"]: Offer(purpose["basis"], service.least) for one in purpose["items"]}


async def release(module: Module, town: Town, rulings: Sequence[Ruling], now: int) -> list[Released]:
    """Fetch and unseal what was decided to be shown; what fails or ends meanwhile is withheld, with a second leaf.

    Whoever calls it answers without waiting for anything more: so nothing goes out after it was withdrawn.
    """
    begun = clock.now()
    wanted = [(one, item) for one in rulings for item in one.decision.shown]
    found = await inside.fetch_all(town, [_wanted(one, item) for one, item in wanted])
    kinds = town.store.read(items.listed)
    key = await town.keys.named("ppid")
    shown: dict[str, dict[str, Any]] = {one.id: {} for one in rulings}
    withheld: dict[str, dict[str, Reason]] = {one.id: dict(one.decision.withheld) for one in rulings}
    failed: dict[str, dict[str, Reason]] = {one.id: {} for one in rulings}
    for (one, item), value in zip(wanted, found, strict=True):
        if isinstance(value, Value):
            shown[one.id][item] = pairwise_value(kinds.get(item), value.value, key, one.ask.service)
        elif isinstance(value, Enclosed):
            shown[one.id][item] = value.shown()
        else:
            failed[one.id][item] = _why(value, one.places[item])
    while True:
        moment = now + clock.now() - begun
        look = partial(_ended, module=module, rulings=rulings, shown=shown, now=moment)
        for id, ended in town.store.read(look).items():
            failed[id] |= ended
        if not any(failed.values()):
            return [Released(one, shown[one.id], withheld[one.id]) for one in rulings]
        await town.store.write(partial(_write_failures, rulings=rulings, failed=failed, now=moment))
        for id, reasons in failed.items():
            withheld[id] |= reasons
            shown[id] = {item: value for item, value in shown[id].items() if item not in reasons}
        failed = {one.id: {} for one in rulings}


def receipt(town: Town, service: str, now: int, id: str, content: Any, **claims: Any) -> str:
    """Sign what a service received: for this service only, and with nothing that another one receives, too."""
    digest = fingerprint(rfc8785.dumps({"id": id, "content": content}))
    told = {"iss": town.id, "aud": service, "jti": id, "iat": now // 1_000_000, "digest": digest, **claims}
    return town.signer.sign(told, RECEIPT)


def _decided(
    db: Connection,
    module: Module,
    ask: Ask,
    offers: Mapping[str, Offer],
    person: Person | None,
    held: frozenset[str],
    now: int,
) -> Decision:
    subject = disclosure.NOTHING if person is None else _subject(db, module, ask, person, held, now)
    return disclosure.decide(ask.service, ask.items, offers, subject, now)


def _ended(
    db: Connection,
    *,
    module: Module,
    rulings: Sequence[Ruling],
    shown: Mapping[str, Mapping[str, Any]],
    now: int,
) -> dict[str, dict[str, Reason]]:
    """Say what may not be shown any more of what was fetched, and why: consent was withdrawn meanwhile."""
    found: dict[str, dict[str, Reason]] = {}
    for one in rulings:
        if not shown[one.id]:
            continue
        person = people.current(db, one.person or "")
        held = frozenset() if person is None else frozenset(_held(db, person.id, one.ask.items))
        decision = _decided(db, module, one.ask, _offered_still(db, one.ask), person, held, now)
        found[one.id] = {item: decision.withheld[item] for item in shown[one.id] if item in decision.withheld}
    return found


def _offered_still(db: Connection, ask: Ask) -> Mapping[str, Offer]:
    try:
        return offered(db, ask)
    except NotPermitted:
        return {}


def _subject(
    db: Connection, module: Module, ask: Ask, person: Person, held: frozenset[str], now: int
) -> Subject:
    return Subject(
        held,
        consents.for_disclosure(db, person.id, ask.service, ask.purpose, ask.items),
        module.events(db, ask.event, person.id, now) if ask.event else (),
        ask.chosen,
        hidden=person.protected,
    )


def _held(db: Connection, person: str, wanted: Sequence[str]) -> dict[str, str]:
    found = ((item, records.find(db, person, item)) for item in wanted)
    return {item: record.location for item, record in found if record is not None}


def _kind(decision: Decision) -> str:
    """Name the leaf by the basis that most needs to be seen by the resident."""
    bases = set(decision.shown.values())
    if not bases:
        return "disclosure-refused"
    if any(basis.startswith(BY_EMERGENCY) for basis in bases):
        return "emergency-disclosure"
    if BY_CODE in bases:
        return "code-disclosure"
    return "statutory-disclosure" if all(basis.startswith(BY_LAW) for basis in bases) else "disclosure"


def _outcome(ruling: Ruling) -> str:
    if ruling.person is None:
        return "unknown-subject"
    if not ruling.decision.shown:
        return "nothing"
    return "part" if ruling.decision.withheld else "all"


def _write(db: Connection, ruling: Ruling, kind: str, now: int, **facts: Any) -> None:
    ask = ruling.ask
    told = {"disclosure": ruling.id, "service": ask.service, "purpose": ask.purpose, **facts}
    if basis := sorted(set(ruling.decision.shown.values())):
        told["basis"] = basis
    if ask.event:
        told["event"] = ask.event
    about = {} if ruling.person is None else {SUBJECT: ruling.person}
    log.append(db, Entry(kind, told, about), now)


def _write_failures(
    db: Connection, *, rulings: Sequence[Ruling], failed: Mapping[str, Mapping[str, Reason]], now: int
) -> None:
    for one in rulings:
        if reasons := failed[one.id]:
            _write(
                db, one, "disclosure-failed", now, items=list(reasons), outcome=sorted(set(reasons.values()))
            )


def _wanted(ruling: Ruling, item: str) -> Wanted:
    """Say what is wanted of the store where an item lives; one inside LGWAN wants to see the decision, too."""
    consent = ruling.decision.shown[item] == BY_CONSENT
    return Wanted(ruling.ask.service, ruling.ask.purpose, ruling.person or "", item, consent)


def _why(found: Problem | None, location: str) -> Reason:
    if found is None:
        return Reason.NOTHING_HELD  # erased a moment ago
    if isinstance(found, LocationOffline):
        return Reason.PENDING if location == LGWAN else Reason.STORE_OFFLINE
    return Reason.NOT_RELEASED if isinstance(found, ReleaseRefused) else Reason.UNREADABLE


def pairwise_value(item: Item | None, value: Any, key: bytes, service: str) -> Any:
    """Give a value as one service sees it: identifiers of its source are replaced by names of its own."""
    if item is None or not pairwise.marked(item.schema):
        return value
    derive = partial(_source_name, key, service)
    return pairwise.replaced(item.schema, value, derive)


def _source_name(key: bytes, service: str, text: str) -> str:
    return fingerprint(blind(key, "source", framed(service, text).hex()))
