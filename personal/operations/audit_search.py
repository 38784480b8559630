"""Searching the audit log, for auditors and privacy officers: what was done, by whom, for which service, and when."""

from functools import partial
from typing import Any, Final

import orjson

from base import clock
from base.database import Connection
from base.errors import BadRequestData
from personal.audit import log, searching
from personal.audit.log import Entry
from personal.audit.reading import Kept
from personal.audit.searching import Place, Wanted
from personal.operations.audit_log import number, published
from personal.operations.call import Answer, Call, Module
from personal.operations.printing import table
from personal.operations.town import Town
from personal.rules import heads, words
from personal.store import staff

MOST: Final = 500
MOST_WRITTEN: Final = 10_000
"""Lines of a file, at most."""
MOST_STEPS: Final = 40
PARAMETERS: Final = frozenset(
    {"kind", "service", "by", "event", "since", "until", "before", "limit", "format"}
)
_COLUMNS: Final = (
    "position",
    "at",
    "kind",
    "meaning",
    "by",
    "name",
    "service",
    "purpose",
    "items",
    "event",
    "outcome",
)
_LONGEST: Final = 100


async def search(call: Call, _: Module) -> Answer:
    """Find entries, newest first, with the last signed head; as JSON, or (format=csv) as a file.

    `before`: only entries before this one; `next` of the answer is that of the next page.
    """
    form, wanted = call.params.get("format", "json"), _wanted(call)
    if form not in ("json", "csv"):
        raise BadRequestData("The formats are json, csv.")
    if form == "csv":
        return await _written(call, wanted)
    most, position = min(number(call, "limit", 50), MOST), number(call, "before", -1)

    def work(db: Connection) -> dict[str, Any]:
        before = None if position < 0 else searching.place(db, position)
        found, rest = searching.found(db, wanted, before, most)
        return {
            "entries": [_shown(db, one) for one in found],
            "next": None if rest is None else rest[1],
            "kinds": searching.kinds(db),
            "staff": {one.id: one.name for one in staff.listed(db)},
            "head": _head(db, call.town),
        }

    return Answer(body=call.town.store.read(work))


async def _written(call: Call, wanted: Wanted) -> Answer:
    """Give what is found as a file; that it was taken out is in the log."""
    facts = {"by": call.actor.id, "filters": sorted(call.params.keys() - {"format"})}
    await call.town.store.write(lambda db: log.append(db, Entry("audit-exported", facts), call.now))
    names = call.town.store.read(lambda db: {one.id: one.name for one in staff.listed(db)})
    lines: list[tuple[str, ...]] = [_COLUMNS]
    before: Place | None = None
    for _ in range(MOST_STEPS):
        found, before = call.town.store.read(partial(_step, wanted, before, MOST_WRITTEN - len(lines) + 1))
        lines += [_line(one, names) for one in found]
        if before is None or len(lines) > MOST_WRITTEN:
            break
    return Answer(body=table(lines), media_type="text/csv; charset=utf-8")


def _step(
    wanted: Wanted, before: Place | None, most: int, connection: Connection
) -> tuple[list[Kept], Place | None]:
    return searching.found(connection, wanted, before, most)


def _wanted(call: Call) -> Wanted:
    text = {name: call.params.get(name, "") for name in ("kind", "service", "by", "event")}
    if long := next((name for name, value in text.items() if len(value) > _LONGEST), ""):
        raise BadRequestData(f"The parameter '{long}' is too long.")
    since, until = (_moment(call, name) for name in ("since", "until"))
    return Wanted(
        text["kind"],
        text["service"],
        text["by"],
        text["event"],
        since or 0,
        searching.FOREVER[0] if until is None else until,
    )


def _moment(call: Call, name: str) -> int | None:
    text = call.params.get(name)
    if not text:
        return None
    try:
        return clock.parse(text)
    except ValueError:
        raise BadRequestData(f"{name} is no moment such as 2026-11-21T09:00:00Z.") from None


def _head(db: Connection, town: Town) -> dict[str, Any] | None:
    """Show the head that was signed last, and whether its signature holds and the tree fits it."""
    found = searching.last_head(db)
    if found is None:
        return None
    head, fits = found
    keys = published(town)
    try:
        fits = fits and heads.opened(head.signed, keys).root == head.root
    except BadRequestData:
        fits = False
    return {**head.shown(), "fits": fits}


def _shown(db: Connection, entry: Kept) -> dict[str, Any]:
    facts = _facts(entry)
    return {
        "position": entry.position,
        "at": clock.show(entry.at),
        "kind": facts.get("kind", ""),
        "facts": facts,
        "stands": searching.stands(db, entry),
    }


def _facts(entry: Kept) -> dict[str, Any]:
    """Read an entry; nothing if it was made something else afterwards."""
    try:
        told = orjson.loads(entry.body)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _line(entry: Kept, names: dict[str, str]) -> tuple[str, ...]:
    facts = _facts(entry)
    kind, by = str(facts.get("kind", "")), str(facts.get("by", ""))
    meaning = words.action(kind)["ja"] if kind in words.ACTIONS else ""
    return (
        str(entry.position),
        clock.show(entry.at),
        kind,
        meaning,
        by,
        names.get(by, ""),
        *(_text(facts.get(name)) for name in ("service", "purpose", "items", "event", "outcome")),
    )


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "" if value is None else str(value)
