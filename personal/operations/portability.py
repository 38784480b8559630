"""Everything held about a resident, for themselves: exported, and erased as far as laws let it be. (76, 98条)"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import BadRequestData, NotPermitted, Problem
from personal.audit import log, reading
from personal.audit.log import Entry
from personal.locations.records import Erasure, Value
from personal.operations import access_history, acting, contact, letting_go, printing, rights, seeing
from personal.operations.call import JSON, Answer, Call, Module
from personal.operations.delegations import protected
from personal.operations.delegations import shown as delegation_shown
from personal.operations.records import by
from personal.rules.consent import Consent
from personal.rules.delegation import Act, Scope, permits
from personal.store import (
    connections,
    consents,
    contacts,
    delegations,
    exchange,
    identifiers,
    items,
    people,
    pseudonyms,
    records,
    resident_notices,
)
from personal.store import rights as requests
from schemas.personal.catalogue import Item

FORMATS: Final = {
    "json": JSON,
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
}
_ALL: Final = 1 << 62


async def export(call: Call, module: Module) -> Answer:
    """Give everything held about oneself: records, consents, accesses, names at services, guardians, requests."""
    form = call.params.get("format", "json")
    if form not in FORMATS:
        raise BadRequestData(f"The formats are {', '.join(FORMATS)}.")
    find, keys = (
        await _finding(call),
        (await call.town.keys.named(delegations.KEY), await rights.sealing(call)),
    )

    def work(db: Connection) -> tuple[str, dict[str, Any], list[str]]:
        person, scope = find(db)
        log.append(
            db,
            Entry("export", {"by": by(call), "format": form}, acting.people_of(call.actor, person)),
            call.now,
        )
        held = [one.item for one in records.listed(db, person) if _covers(scope, one.item)]
        return person, _gathered(db, call, person, scope, keys), held

    person, told, held = await call.town.store.write(work)
    labels = call.town.store.read(items.listed)
    if not acting.for_another(call.actor):
        told |= call.town.store.read(lambda db: _told(db, call, person))
    found = await call.town.records.fetch_all([(person, item) for item in held])
    told["records"] = [_record(item, value, labels) for item, value in zip(held, found, strict=True)]
    return await _written(call, module, form, told)


async def erase(call: Call, module: Module) -> Answer:
    """Erase everything about oneself that no law or proceeding holds; says what stays, why, and until when."""
    find = await acting.subject(call, None)

    def work(db: Connection) -> tuple[str, list[str]]:
        person = find(db)
        log.append(db, Entry("erasure-asked", {"by": by(call)}, {"subject": person}), call.now)
        return person, [one.item for one in records.listed(db, person)]

    person, held = await call.town.store.write(work)
    known = call.town.store.read(items.listed)
    told = [await _erased(call, module, person, item, known.get(item)) for item in held]
    whole = all(one.get("erased") and not one.get("pending") for one in told)
    return Answer(200 if whole else 202, {"items": told})


async def _erased(call: Call, module: Module, person: str, item: str, known: Item | None) -> dict[str, Any]:
    if known is not None and known.by_law:
        return {"item": item, "erased": False, "basis": known.basis}

    def within(db: Connection, erasure: Erasure) -> None:
        until = {"until": clock.show(erasure.holds[0][1])} if erasure.holds else {}
        kind = "record-erasure-held" if erasure.holds else "record-erased"
        log.append(db, Entry(kind, {"by": by(call), "item": item, **until}, {"subject": person}), call.now)
        letting_go.with_record(db, module.consent_reactions, person, item, call.now)

    try:
        done = await call.town.records.erase(person, item, within, call.now)
    except Problem as problem:
        return {"item": item, "erased": False, "reason": type(problem).__name__}
    if done.holds:
        holds = [{"basis": basis, "until": clock.show(until)} for basis, until in done.holds]
        return {"item": item, "erased": False, "holds": holds}
    return {"item": item, "erased": True, "pending": done.pending}


async def _finding(call: Call) -> Any:
    """Find whose data it is, and what of it a guardian may have; None: all."""
    allowed, seen = await acting.subject(call, Act.RIGHTS), await acting.viewed(call)

    def find(db: Connection) -> tuple[str, Scope | None]:
        allowed(db)
        found: tuple[str, Scope | None] = seen(db)
        return found

    return find


def _covers(scope: Scope | None, item: str, service: str | None = None) -> bool:
    return scope is None or permits(scope, Act.SEE, service, (item,))


def _gathered(
    db: Connection, call: Call, person: str, scope: Scope | None, keys: tuple[bytes, bytes]
) -> dict[str, Any]:
    delegation_key, rights_key = keys
    found = people.current(db, person)
    if found is None:
        raise NotPermitted("There is nothing to export.")
    unseen = seeing.unseen(db, call.actor, person)
    entries = reading.about(db, person, "subject", _ALL, _ALL)
    told: dict[str, Any] = {
        "municipality": {"id": call.town.id, "name": call.town.name, "code": call.town.code},
        "exported": clock.show(call.now),
        "registered": {"state": found.state, "since": clock.show(found.created)},
        "consents": [
            _consent(one)
            for about, one in consents.of(db, person).items()
            if about not in unseen and _covers(scope, one.item, one.service)
        ],
        "accesses": [access_history.shown(one) for one in entries if acting.covers(db, scope, one)],
    }
    if scope is not None:
        return told
    family = people.family(db, person)
    acted_for = delegations.by_subject(db, delegation_key, person, call.now)
    return {
        **told,
        "identifiers": [
            {
                "kind": one.kind,
                "since": clock.show(one.added),
                "ended": None if one.ended is None else clock.show(one.ended),
            }
            for id in family
            for one in identifiers.listed(db, id)
        ],
        "namesAtServices": pseudonyms.services(db, person),
        "loginsAtServices": [
            {"service": one.service, "since": clock.show(one.since), "used": clock.show(one.used)}
            for one in connections.of(db, person)
        ],
        "decisions": [
            {
                "id": one.id,
                "at": clock.show(one.at),
                "givenBy": one.given_by,
                "evidence": one.evidence_kind,
                **{name: one.document[name] for name in ("kind", "service", "purpose", "agree", "refuse")},
            }
            for one in consents.decisions(db, person)
        ],
        "guardians": [delegation_shown(one) for one in acted_for if not protected(db, one.guardian)],
        "represented": [
            delegation_shown(one) for one in delegations.by_guardian(db, delegation_key, person, call.now)
        ],
        "links": [{"peer": code, "since": clock.show(since)} for code, since in exchange.links(db, person)],
        "requests": [rights.shown(one, rights_key) for one in requests.of(db, person)],
    }


def _told(db: Connection, call: Call, person: str) -> dict[str, Any]:
    """Give what somebody was told, and where they hear of news."""
    there = contacts.of(db, person)
    return {
        "notices": [
            {"kind": one.kind, "at": clock.show(one.at), "read": one.read is not None, **one.facts}
            for one in resident_notices.of(db, person)
        ],
        "contacts": [
            {"channel": one.channel, "address": contact.opened(call.town, one)["address"]}
            for one in there.values()
        ],
    }


def _consent(one: Consent) -> dict[str, Any]:
    until = {} if one.until is None else {"until": clock.show(one.until)}
    about = {"kind": one.kind, "service": one.service, "purpose": one.purpose, "item": one.item}
    return {**about, "version": one.version, "state": one.state, "since": clock.show(one.since), **until}


def _record(item: str, found: Value | Problem | None, labels: Mapping[str, Item]) -> dict[str, Any]:
    told: dict[str, Any] = {"item": item}
    if item in labels:
        told["label"] = dict(labels[item].label)
    if isinstance(found, Value):
        record = found.record
        where = {
            "version": record.version,
            "location": record.location,
            "changed": clock.show(record.changed),
        }
        return {**told, **where, "value": found.value}
    return {**told, "missing": "erased" if found is None else type(found).__name__}


async def _written(call: Call, module: Module, form: str, told: dict[str, Any]) -> Answer:
    name = f"export-{call.town.id}-{clock.show(call.now)[:10]}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    title = f"{call.town.name}: あなたについて保有している情報"
    if form == "json":
        return Answer(body=told, headers=headers)
    if form == "csv":
        return Answer(body=printing.table(printing.flat(told)), headers=headers, media_type=FORMATS[form])
    if form == "pdf":
        body = await asyncio.to_thread(printing.pdf, title, told, module.settings.pdf_font)
        return Answer(body=body, headers=headers, media_type=FORMATS[form])
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Answer(body=printing.page(title, told), headers=policy, media_type=FORMATS[form])
