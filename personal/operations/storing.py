"""Storing: a service, or the counter for it, keeps items of residents who agreed to that, or by a law. (蓄積同意)

What a service may write it may not read by that: reading stays a disclosure.
"""

import hmac
from dataclasses import dataclass, field
from typing import Any, Final

import rfc8785

from base.database import Connection
from base.errors import Conflict, NotPermitted, Problem
from personal.audit import log
from personal.audit.log import Entry
from personal.locations.records import Change
from personal.operations import handles, notices
from personal.operations.blinding import blinding
from personal.operations.call import Answer, Call, Module
from personal.operations.deciding import standing
from personal.operations.disclosures import PPID, admit, unknown
from personal.operations.records import NAME, OFFICIAL, VERSION, shown
from personal.operations.releasing import SUBJECT, Ask, offered
from personal.rules import decisions
from personal.rules.consent import Kind
from personal.rules.disclosure import BY_LAW, Offer, Reason
from personal.rules.identifiers import blind, fingerprint, framed
from personal.rules.storing import judged
from personal.rules.withheld import told
from personal.store import items, people, pseudonyms, records, sources
from personal.store.people import Person
from personal.store.records import Record
from personal.store.sources import Source
from schemas.personal.catalogue import Item

KEY: Final = "stored-version"
_WHAT: Final = {"purpose": NAME, "item": NAME, "value": {"type": "object"}}
STORE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["subject", "purpose", "item", "value", "request"],
    "properties": {
        "subject": PPID,
        **_WHAT,
        "request": {"type": "string", "pattern": "^[A-Za-z0-9_-]{22,64}$"},
        "version": {"type": "string", "maxLength": 64},
    },
    "additionalProperties": False,
}
TAKE_IN: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident", "service", "purpose", "item", "value", "expectedVersion"],
    "properties": {"resident": handles.SCHEMA, "service": NAME, **_WHAT, "expectedVersion": VERSION},
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be kept: an item for a purpose of a service. digest: of the request; by: the member of staff."""

    service: str
    purpose: str
    item: str
    value: Any = field(repr=False)
    digest: bytes = field(default=b"", repr=False)
    by: str = ""

    def note(self, db: Connection, kind: str, person: str | None, now: int, **facts: Any) -> None:
        """Write an entry about it into the log."""
        who = {"by": self.by} if self.by else {}
        about = {"service": self.service, "purpose": self.purpose, "items": [self.item]}
        log.append(
            db, Entry(kind, {**who, **about, **facts}, {} if person is None else {SUBJECT: person}), now
        )


class _Refused(Exception):
    """It may not be kept (any more); the transaction is undone, and another one puts that on record."""

    def __init__(self, problem: Problem, outcome: str, person: str | None = None) -> None:
        self.problem, self.outcome, self.person = problem, outcome, person


async def store(call: Call, module: Module) -> Answer:
    """Keep an item of a resident for a service: as the first, or instead of the version that it last wrote or saw."""
    admit(call, module)
    body, town = call.body, call.town
    wanted = _Wanted(call.actor.id, body["purpose"], body["item"], body["value"], _digest(body))
    key = await town.keys.named(KEY)
    town.store.read(lambda db: _offer(db, wanted))[1].check(wanted.value)

    def look(db: Connection) -> tuple[str, int] | str:
        person = pseudonyms.resolve(db, wanted.service, body["subject"], call.now)
        if person is None:
            raise _Refused(unknown(), "unknown-subject")
        _basis(db, wanted, person, call.now)
        record = records.find(db, person.id, wanted.item)
        source = sources.of(db, record)
        version = _version(key, wanted.service, record)
        if source and source.about(wanted.service, wanted.purpose) and source.digest == wanted.digest:
            wanted.note(db, "record-stored", person.id, call.now, outcome="again")
            return version or ""
        if version != body.get("version"):
            raise _Refused(_changed(version), "changed", person.id)
        return person.id, record.version if record else 0

    found = await _on_record(call, wanted, look)
    if isinstance(found, str):
        return Answer(body={"item": wanted.item, "version": found})
    person, expected = found

    def find(db: Connection) -> Person:
        found = pseudonyms.resolve(db, wanted.service, body["subject"], call.now)
        if found is None or found.id != person:
            raise Conflict("The resident is known by another entry now; try again.")
        return found

    try:
        kept = await _kept(call, wanted, find, Change(person, wanted.item, wanted.value, expected))
    except Conflict:
        again = await _on_record(call, wanted, look)  # says what is kept now
        if isinstance(again, str):
            return Answer(body={"item": wanted.item, "version": again})
        raise _changed(None) from None
    version = _version(key, wanted.service, kept)
    return Answer(201 if expected == 0 else 200, {"item": wanted.item, "version": version})


async def take_in(call: Call, _: Module) -> Answer:
    """Keep an item of a resident at the counter for a service, as far as the resident agreed to that."""
    body, town = call.body, call.town
    wanted = _Wanted(body["service"], body["purpose"], body["item"], body["value"], by=call.actor.id)
    asked = (await handles.handles(town, call.actor)).read(body["resident"])
    town.store.read(lambda db: _offer(db, wanted))[1].check(wanted.value)

    def look(db: Connection) -> str:
        person = handles.visible(db, asked, call.actor)
        _basis(db, wanted, person, call.now, counter=True)
        return person.id

    person = await _on_record(call, wanted, look)
    change = Change(person, wanted.item, wanted.value, body["expectedVersion"])
    kept = await _kept(call, wanted, lambda db: handles.visible(db, asked, call.actor), change)
    return Answer(201 if kept.version == 1 else 200, shown(kept))


async def _on_record(call: Call, wanted: _Wanted, look: Any) -> Any:
    """Look in a transaction; what is refused is undone, put on record and raised."""
    try:
        return await call.town.store.write(look)
    except _Refused as refused:
        await _refuse(call, wanted, refused)
        raise refused.problem from None


async def _kept(call: Call, wanted: _Wanted, find: Any, change: Change) -> Record:
    """Keep it, deciding again in the transaction that does; what fails is put on record."""
    terms = (await blinding(call.town)).terms_of(wanted.item, wanted.value)

    def within(db: Connection) -> None:
        person = find(db)
        basis, item = _basis(db, wanted, person, call.now, counter=bool(wanted.by))
        version = change.expected + 1
        if terms is not None:
            people.index(db, person.id, terms)
        facts = {"basis": [basis], "version": version, "schema": item.version}
        wanted.note(db, "record-stored", person.id, call.now, **facts)
        source = Source(person.id, wanted.item, version, wanted.service, wanted.purpose, basis, wanted.digest)
        sources.put(db, source)
        notices.item_changed(db, person.id, wanted.item, call.now)

    try:
        return (await call.town.records.keep([change], within, call.now))[0]
    except _Refused as refused:
        await _refuse(call, wanted, refused)
        raise refused.problem from None
    except Problem as problem:
        await _refuse(call, wanted, _Refused(problem, type(problem).__name__, change.person))
        raise


async def _refuse(call: Call, wanted: _Wanted, refused: _Refused) -> None:
    def work(db: Connection) -> None:
        wanted.note(db, "record-not-stored", refused.person, call.now, outcome=refused.outcome)

    await call.town.store.write(work)


def _basis(
    db: Connection, wanted: _Wanted, person: Person, now: int, *, counter: bool = False
) -> tuple[str, Item]:
    """Say on what it rests that this is kept; a resident who is protected agrees to nothing as services see it."""
    offer, item = _offer(db, wanted)
    group = (Kind.STORE, wanted.service, wanted.purpose)
    basis, reason = judged(offer, standing(db, person.id, group).get(wanted.item), now)
    if person.protected and not counter:
        reason = Reason.NO_CONSENT
    if reason is not None:
        raise _Refused(_not_agreed(wanted.item, reason), reason, person.id)
    return basis, item


def _offer(db: Connection, wanted: _Wanted) -> tuple[Offer, Item]:
    """Find what the catalogue says of it, which is about no resident."""
    offers = offered(db, Ask(wanted.service, wanted.purpose, (wanted.item,)))
    item, offer = items.find(db, wanted.item), offers.get(wanted.item)
    if item is None or offer is None:
        raise NotPermitted(f"The purpose {wanted.purpose} of this service is not for {wanted.item}.")
    law = decisions.law({"basis": offer.basis}, item.basis)
    if law is None and wanted.item in OFFICIAL and not wanted.by:
        raise NotPermitted(
            f"The item {wanted.item} is written by the municipality, or by whom a law tells to."
        )
    return Offer(offer.basis if law is None else BY_LAW + law, offer.least_version), item


def _not_agreed(item: str, reason: Reason) -> NotPermitted:
    return NotPermitted(
        "The resident has not agreed that this is stored for this purpose, or not any more.",
        **told(item, reason),
    )


def _changed(version: str | None) -> Conflict:
    return Conflict(
        "This is not the version that is kept now: somebody else wrote or erased it. Have it disclosed first.",
        version=version,
    )


def _version(key: bytes, service: str, record: Record | None) -> str | None:
    """Name a version for one service; to another the same version has another name."""
    if record is None:
        return None
    about = framed(service, record.person, record.item, str(record.version))
    return fingerprint(blind(key, KEY, about.hex()))


def _digest(body: dict[str, Any]) -> bytes:
    """Recognise a request that comes again, without telling anything of it to who does not have its secret."""
    told = {name: value for name, value in body.items() if name != "request"}
    return hmac.digest(body["request"].encode(), rfc8785.dumps(told), "sha256")
