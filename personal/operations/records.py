"""Items of a person: stored, read, found, erased, by staff at the counter and by the resident. (issue 5)"""

from collections.abc import Callable
from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import Conflict, NotPermitted, Problem, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.locations.records import Change, Erasure
from personal.operations import acting, handles, inside, letting_go, notices
from personal.operations.actors import Who
from personal.operations.blinding import blinding
from personal.operations.call import Answer, Call, Module
from personal.rules.delegation import Act
from personal.store import items, people, records, sources
from personal.store.records import Record
from schemas.personal.catalogue import Item

OFFICIAL: Final = frozenset({"basic-four", "household", "verified-identity", "library-card"})
"""What an authority vouches for: only staff write it."""
NAME: Final[dict[str, Any]] = {"type": "string", "pattern": "^[a-z][a-z0-9-]*$", "maxLength": 64}
VERSION: Final[dict[str, Any]] = {"type": "integer", "minimum": 0, "maximum": 2**31}
OWN: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["value", "expectedVersion"],
    "properties": {"value": {"type": "object"}, "expectedVersion": VERSION},
    "additionalProperties": False,
}
WRITE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident", "item", "value", "expectedVersion"],
    "properties": {"resident": handles.SCHEMA, "item": NAME, **OWN["properties"]},
    "additionalProperties": False,
}
ONE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident", "item"],
    "properties": {"resident": handles.SCHEMA, "item": NAME},
    "additionalProperties": False,
}

Find = Callable[[Connection], str]
"""Finds within a transaction whom a call is about; ResourceNotFound if the caller may not know of anybody."""


async def write(call: Call, _: Module) -> Answer:
    """Store an item of a resident at the counter."""
    return await _write(call, await subject(call, Act.WRITE, call.body["item"]), call.body["item"])


async def write_own(call: Call, _: Module) -> Answer:
    """Store an item of one's own."""
    item = call.path["item"]
    if item in OFFICIAL:
        raise NotPermitted(f"The item {item} is written by the municipality; ask at the counter.")
    return await _write(call, await subject(call, Act.WRITE, item), item)


async def write_vouched(call: Call, item: str) -> Answer:
    """Store an official item of one's own as a card or provider told it that vouches for it; asked by no request."""
    return await _write(call, await subject(call, Act.WRITE, item), item)


async def read(call: Call, module: Module) -> Answer:
    """Read an item of a resident at the counter."""
    item = call.body["item"]
    return await _read(call, module, await subject(call, Act.SEE, item), item, "record-read")


async def read_own(call: Call, module: Module) -> Answer:
    """Read an item of one's own."""
    item = call.path["item"]
    return await _read(call, module, await subject(call, Act.SEE, item), item, "own-record-read")


async def locate(call: Call, _: Module) -> Answer:
    """Say which items of a resident there are, where each lives and what holds it; not what they say."""
    return await _located(call, await subject(call, Act.SEE), "records-listed")


async def locate_own(call: Call, _: Module) -> Answer:
    """Say which items of one's own there are, and where each lives."""
    return await _located(call, await subject(call, Act.SEE), "own-records-listed")


async def erase(call: Call, module: Module) -> Answer:
    """Erase an item of a resident, or say until when it must be kept."""
    return await _erase(call, module, await subject(call, Act.WRITE, call.body["item"]), call.body["item"])


async def erase_own(call: Call, module: Module) -> Answer:
    """Erase an item of one's own that does not rest on a law."""
    found = _item(call, call.path["item"])
    if found.by_law:
        raise Conflict(f"The item {found.code} rests on {found.basis}; it is not the resident's to erase.")
    return await _erase(call, module, await subject(call, Act.WRITE, found.code), found.code)


async def subject(call: Call, act: Act | None = None, *items: str) -> Find:
    """Say how to find whom a call is about: the resident who asks, or (by act) they act for, or whom staff name."""
    if call.actor.who is Who.RESIDENT:
        return await acting.subject(call, act, items=items)
    asked = (await handles.handles(call.town, call.actor)).read(call.body["resident"])
    return lambda db: handles.visible(db, asked, call.actor).id


def by(call: Call) -> str:
    """Name for the log who acts; a resident has no name there."""
    if acting.for_another(call.actor):
        return acting.GUARDIAN
    return call.actor.id if call.actor.who is Who.STAFF else str(call.actor.who)


def append(db: Connection, call: Call, kind: str, person: str, **facts: Any) -> None:
    """Write an entry about a resident's records into the log."""
    log.append(db, Entry(kind, {"by": by(call), **facts}, acting.people_of(call.actor, person)), call.now)


async def _write(call: Call, find: Find, code: str) -> Answer:
    item = _item(call, code)
    item.check(call.body["value"])
    terms = (await blinding(call.town)).terms_of(code, call.body["value"])
    person = call.town.store.read(find)
    version = call.body["expectedVersion"] + 1

    def within(db: Connection) -> None:
        if find(db) != person:
            raise Conflict("The resident was merged meanwhile; try again.")
        if terms is not None:
            people.index(db, person, terms)
        append(db, call, "record-written", person, item=code, version=version, schema=item.version)
        notices.item_changed(db, person, code, call.now)

    change = Change(person, code, call.body["value"], call.body["expectedVersion"])
    kept = (await call.town.records.keep([change], within, call.now))[0]
    return Answer(200 if version > 1 else 201, shown(kept))


async def _read(call: Call, module: Module, find: Find, code: str, kind: str) -> Answer:
    def work(db: Connection) -> str:
        person = find(db)
        record = records.find(db, person, code)
        if record is None:
            raise _nothing()
        append(db, call, kind, person, item=code, version=record.version)
        return person

    person = await call.town.store.write(work)
    try:
        found = await inside.to_show(call.town, person, code, allowed=module.settings.lgwan_own_view)
    except Problem as problem:
        reason = type(problem).__name__
        await call.town.store.write(
            lambda db: append(db, call, f"{kind}-failed", person, item=code, reason=reason)
        )
        raise
    if found is None:
        raise _nothing()
    return Answer(body={**shown(found.record), "value": found.value})


async def _located(call: Call, find: Find, kind: str) -> Answer:
    def work(db: Connection) -> dict[str, Any]:
        person = find(db)
        append(db, call, kind, person)
        return {
            "records": [
                {
                    **shown(record),
                    "locations": _possible(db, record.item),
                    **stored_by(db, record),
                    **_moving(db, person, record),
                    "holds": _holds(db, person, record.item, call.now),
                }
                for record in records.listed(db, person)
            ],
            "waiting": [
                {
                    "item": record.item,
                    "until": clock.show(record.due),
                    "holds": _holds(db, person, record.item, call.now),
                }
                for record in records.everything(db, person)
                if record.due is not None
            ],
        }

    return Answer(body=await call.town.store.write(work))


async def _erase(call: Call, module: Module, find: Find, code: str) -> Answer:
    person = call.town.store.read(find)

    def within(db: Connection, erasure: Erasure) -> None:
        find(db)
        held = {"until": clock.show(erasure.holds[0][1])} if erasure.holds else {}
        append(db, call, "record-erasure-held" if held else "record-erased", person, item=code, **held)
        letting_go.with_record(db, module.consent_reactions, person, code, call.now)

    erasure = await call.town.records.erase(person, code, within, call.now)
    if erasure.holds:
        holds = [_held(*one) for one in erasure.holds]
        return Answer(202, {"item": code, "erased": False, "heldUntil": holds[0]["until"], "holds": holds})
    return Answer(202 if erasure.pending else 200, {"item": code, "erased": True, "pending": erasure.pending})


def shown(record: Record) -> dict[str, Any]:
    """Show a record without what it says."""
    return {
        "item": record.item,
        "version": record.version,
        "location": record.location,
        "changed": clock.show(record.changed),
    }


def stored_by(db: Connection, record: Record) -> dict[str, Any]:
    """Say which service wrote a record, for which purpose, on what that rests."""
    source = sources.of(db, record)
    if source is None:
        return {}
    return {"storedBy": {"service": source.service, "purpose": source.purpose, "basis": source.basis}}


def _moving(db: Connection, person: str, record: Record) -> dict[str, str]:
    """Say where a record is on its way to, if it does not live yet where it is to."""
    wanted = records.place_of(db, person, record.item)
    return {} if wanted == record.location else {"movingTo": wanted}


def _holds(db: Connection, person: str, item: str, now: int) -> list[dict[str, str]]:
    """Say what forbids to erase an item of a person: on what basis, until when."""
    return [_held(*one) for one in records.holds(db, person, item, now)]


def _held(basis: str, until: int) -> dict[str, str]:
    return {"basis": basis, "until": clock.show(until)}


def _possible(db: Connection, item: str) -> list[str]:
    choice = records.choice(db, item)
    return sorted({choice.location, *choice.offered})


def _item(call: Call, code: str) -> Item:
    found = call.town.store.read(lambda db: items.find(db, code))
    if found is None:
        raise ResourceNotFound(f"There is no item {code}; GET /personal/v1/items lists them.")
    return found


def _nothing() -> ResourceNotFound:
    return ResourceNotFound("There is no such record.")
