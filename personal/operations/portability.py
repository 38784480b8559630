"""Everything held about a resident, for themselves: exported, and erased as far as laws let it be. (76, 98条)"""

import csv
import html
import io
from collections.abc import Iterator, Mapping
from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import BadRequestData, NotPermitted, Problem
from personal.audit import log, reading
from personal.audit.log import Entry
from personal.locations.records import Erasure, Value
from personal.operations import access_history, acting, rights
from personal.operations.call import Answer, Call, Module
from personal.operations.delegations import protected
from personal.operations.delegations import shown as delegation_shown
from personal.operations.records import by
from personal.rules.consent import Consent
from personal.rules.delegation import Act, Scope, permits
from personal.store import consents, delegations, exchange, identifiers, items, people, pseudonyms, records
from personal.store import rights as requests
from schemas.personal.catalogue import Item

FORMATS: Final = {"json": "application/json", "csv": "text/csv", "html": "text/html"}
_ALL: Final = 1 << 62
_MARK: Final = "\ufeff"  # tells spreadsheets that what follows is UTF-8
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


async def export(call: Call, _: Module) -> Answer:
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
        log.append(db, Entry("export", {"by": by(call), "format": form}, {"subject": person}), call.now)
        held = [one.item for one in records.listed(db, person) if _covers(scope, one.item)]
        return person, _gathered(db, call, person, scope, keys), held

    person, told, held = await call.town.store.write(work)
    labels = call.town.store.read(items.listed)
    found = await call.town.records.fetch_all([(person, item) for item in held])
    told["records"] = [_record(item, value, labels) for item, value in zip(held, found, strict=True)]
    return _written(call, form, told)


async def erase(call: Call, _: Module) -> Answer:
    """Erase everything about oneself that no law or proceeding holds; says what stays, why, and until when."""
    find = await acting.subject(call, None)

    def work(db: Connection) -> tuple[str, list[str]]:
        person = find(db)
        log.append(db, Entry("erasure-asked", {"by": by(call)}, {"subject": person}), call.now)
        return person, [one.item for one in records.listed(db, person)]

    person, held = await call.town.store.write(work)
    known = call.town.store.read(items.listed)
    told = [await _erased(call, person, item, known.get(item)) for item in held]
    whole = all(one.get("erased") and not one.get("pending") for one in told)
    return Answer(200 if whole else 202, {"items": told})


async def _erased(call: Call, person: str, item: str, known: Item | None) -> dict[str, Any]:
    if known is not None and known.by_law:
        return {"item": item, "erased": False, "basis": known.basis}

    def within(db: Connection, erasure: Erasure) -> None:
        until = {"until": clock.show(erasure.holds[0][1])} if erasure.holds else {}
        kind = "record-erasure-held" if erasure.holds else "record-erased"
        log.append(db, Entry(kind, {"by": by(call), "item": item, **until}, {"subject": person}), call.now)

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
    entries = reading.about(db, person, "subject", _ALL, _ALL)
    told: dict[str, Any] = {
        "municipality": {"id": call.town.id, "name": call.town.name, "code": call.town.code},
        "exported": clock.show(call.now),
        "registered": {"state": found.state, "since": clock.show(found.created)},
        "consents": [
            _consent(one) for one in consents.of(db, person).values() if _covers(scope, one.item, one.service)
        ],
        "accesses": [access_history.shown(one) for one in entries if acting.covers(scope, one.facts())],
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
        "guardians": [delegation_shown(one) for one in acted_for if not protected(db, one.guardian)],
        "represented": [
            delegation_shown(one) for one in delegations.by_guardian(db, delegation_key, person, call.now)
        ],
        "links": [{"peer": code, "since": clock.show(since)} for code, since in exchange.links(db, person)],
        "requests": [rights.shown(one, rights_key) for one in requests.of(db, person)],
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


def _written(call: Call, form: str, told: dict[str, Any]) -> Answer:
    name = f"export-{call.town.id}-{clock.show(call.now)[:10]}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if form == "json":
        return Answer(body=told, headers=headers)
    if form == "csv":
        return Answer(body=table(_flat(told)), headers=headers, media_type="text/csv; charset=utf-8")
    style = "default-src 'none'; style-src 'unsafe-inline'"
    return Answer(
        body=_printed(call, told),
        headers={"Content-Security-Policy": style},
        media_type="text/html; charset=utf-8",
    )


def table(lines: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> bytes:
    """Write lines as CSV that spreadsheets open as text, never as a formula. (RFC 4180)"""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([_cell(cell) for cell in line] for line in lines)
    return (_MARK + text.getvalue()).encode()


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _flat(told: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    yield ("section", "number", "member", "value")
    for section, content in told.items():
        rows = content if isinstance(content, list) else [content]
        for number, row in enumerate(rows, 1):
            for member, value in _leaves(row):
                yield (section, str(number), member, value)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for number, inner in enumerate(value, 1):
            yield from _leaves(inner, f"{path}[{number}]")
    else:
        yield path, "" if value is None else str(value)


_TITLES: Final = {
    "municipality": "自治体 / Municipality",
    "exported": "書き出した日時 / Exported",
    "registered": "登録 / Registration",
    "records": "登録されている情報 / Records",
    "consents": "同意 / Consents",
    "accesses": "取扱いの記録 / What was done with your data",
    "identifiers": "登録番号等の種類 / Kinds of identifiers",
    "namesAtServices": "あなたを知っているサービス / Services that know you",
    "guardians": "代わりに手続きをする人 / Who may act for you",
    "represented": "あなたが代わりに手続きをする人 / For whom you may act",
    "links": "ほかの自治体との結び付け / Links with other municipalities",
    "requests": "開示・訂正・利用停止の請求 / Requests about your data",
}
_STYLE: Final = (
    "body{font-family:sans-serif;max-width:60rem;margin:auto;padding:1rem;line-height:1.6}"
    "h2{break-after:avoid}table{border-collapse:collapse;width:100%;margin:0 0 1rem;break-inside:avoid}"
    "th,td{border:1px solid #767676;padding:.2rem .5rem;text-align:left;vertical-align:top}th{width:18rem}"
)


def _printed(call: Call, told: Mapping[str, Any]) -> bytes:
    """Write an export as a page for printing, with nothing from elsewhere in it."""
    title = f"{html.escape(call.town.name)}: あなたについて保有している情報"
    parts = ['<!doctype html><html lang="ja"><meta charset="utf-8">']
    parts.append(f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>")
    for section, heading in _TITLES.items():
        if section not in told:
            continue
        parts.append(f"<h2>{heading}</h2>")
        rows = told[section] if isinstance(told[section], list) else [told[section]]
        parts.extend(_block(row) for row in rows)
        if not rows:
            parts.append("<p>なし / None</p>")
    return "".join([*parts, "</html>"]).encode()


def _block(row: Any) -> str:
    lines = "".join(
        f"<tr><th scope=row>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in _leaves(row)
    )
    return f"<table>{lines}</table>"
