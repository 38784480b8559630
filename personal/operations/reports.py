"""Reports of the city: the register of its files, and whom an incident is about. (個人情報保護法 75, 68条)"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import BadRequestData, ResourceNotFound
from personal.audit import log, reading
from personal.audit.log import Entry
from personal.audit.reading import Kept
from personal.operations import handles
from personal.operations.call import Answer, Call, Module
from personal.operations.printing import table
from personal.operations.services import ID
from personal.store import items, records, services
from personal.store.services import Service
from schemas.personal.catalogue import Item

LEAST: Final = 1_000
"""Files about fewer people need not be in the register. (個人情報保護法施行令 20条2項)"""
AT_ONCE: Final = 2_000
RELEASES: Final = frozenset(
    {
        "disclosure",
        "code-disclosure",
        "emergency-disclosure",
        "statutory-disclosure",
    }
)
_COLUMNS: Final = (
    "item", "label", "class", "identifying", "itemBasis", "location", "service", "operator", "purpose",
    "registeredPurpose", "legalClass", "basis", "need", "retentionDays", "recipients",
)  # fmt: skip
AFFECTED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["service", "from", "until"],
    "properties": {
        "service": ID,
        "from": {"type": "string", "maxLength": 40},
        "until": {"type": "string", "maxLength": 40},
    },
    "additionalProperties": False,
}


async def files(call: Call, _: Module) -> Answer:
    """Give the register of personal-information files (個人情報ファイル簿), for everybody, as JSON or CSV."""
    form = call.params.get("format", "json")
    if form not in ("json", "csv"):
        raise BadRequestData("The formats are json, csv.")

    def work(db: Connection) -> list[dict[str, Any]]:
        known, found = items.listed(db), [one for one in services.listed(db) if one.active]
        return [_file(db, known[code], found) for code in sorted(known)]

    listed = call.town.store.read(work)
    if form == "json":
        head = {"municipality": call.town.name, "code": call.town.code, "at": clock.show(call.now)}
        return Answer(body={**head, "files": listed})
    lines = [_COLUMNS, *_lines(listed)]
    return Answer(body=table(lines), media_type="text/csv; charset=utf-8")


@dataclass
class Affected:
    """What went out about one resident."""

    releases: int = 0
    first: int = 0
    last: int = 0
    items: set[str] = field(default_factory=set)
    bases: set[str] = field(default_factory=set)


async def affected(call: Call, _: Module) -> Answer:
    """List, after an incident at a service, about whom it received what in a period.

    Residents who are protected are listed for who is cleared only; so a cleared officer has to make this list, too.
    """
    names, body = await handles.handles(call.town, call.actor), call.body
    since, until = _moment(body["from"], "from"), _moment(body["until"], "until")
    if until <= since:
        raise BadRequestData("until has to be later than from.")
    await call.town.store.write(lambda db: _begin(db, call))
    found: dict[str, Affected] = {}
    position = call.town.store.read(lambda db: reading.first_since(db, since))
    while True:
        batch = call.town.store.read(partial(_counted, call, position, (since, until), found))
        if not batch:
            break
        position = batch[-1].position + 1
        if batch[-1].at > until:
            break
        await asyncio.sleep(0)  # others have a turn between two parts of a long log
    listed = [
        {
            "resident": names.show(person),
            "releases": one.releases,
            "items": sorted(one.items),
            "bases": sorted(one.bases),
            "first": clock.show(one.first),
            "last": clock.show(one.last),
        }
        for person, one in sorted(found.items(), key=lambda row: row[1].first)
    ]
    total = sum(one.releases for one in found.values())
    return Answer(body={"count": len(listed), "releases": total, "residents": listed})


def _begin(db: Connection, call: Call) -> None:
    if services.find(db, call.body["service"]) is None:
        raise ResourceNotFound("There is no such service.")
    facts = {"by": call.actor.id, **{name: call.body[name] for name in ("service", "from", "until")}}
    log.append(db, Entry("affected-listed", facts), call.now)


def _counted(
    call: Call, start: int, period: tuple[int, int], found: dict[str, Affected], db: Connection
) -> list[Kept]:
    """Count the releases of the part of the log that begins at a position."""
    batch = reading.entries(db, start, AT_ONCE)
    for entry in batch:
        if not period[0] <= entry.at <= period[1]:
            continue
        facts = entry.facts()
        received = facts.get("items", ())
        if facts["kind"] not in RELEASES or facts.get("service") != call.body["service"] or not received:
            continue
        opened = reading.whose(db, entry.position, "subject")
        try:
            person = None if opened is None else handles.visible(db, opened, call.actor).id
        except ResourceNotFound:
            continue
        if person is None:
            continue
        one = found.setdefault(person, Affected(first=entry.at))
        one.releases += 1
        one.last = entry.at
        one.items |= set(received)
        one.bases |= set(facts.get("basis", ()))
    return batch


def _file(db: Connection, item: Item, found: list[Service]) -> dict[str, Any]:
    held = records.count(db, item.code)
    return {
        "item": item.code,
        "label": dict(item.label),
        "class": item.item_class,
        "identifying": item.identifying,
        "basis": item.basis,
        "location": records.choice(db, item.code).location,
        "atLeast1000": held >= LEAST,
        "uses": [
            {
                "service": service.id,
                "operator": service.description["operator"]["name"],
                "purpose": dict(purpose["name"]),
                **{name: purpose[name] for name in ("registeredPurpose", "legalClass", "basis")},
                **{name: asked[name] for name in ("need", "retentionDays", "recipients")},
            }
            for service in found
            for purpose in service.description["purposes"]
            for asked in purpose["items"]
            if asked["item"] == item.code
        ],
    }


def _lines(listed: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for file in listed:
        about = (
            file["item"],
            file["label"]["ja"],
            str(file["class"]),
            str(file["identifying"]).lower(),
            file["basis"],
            file["location"],
        )
        for use in file["uses"] or [{}]:
            yield (*about, *_use(use))


def _use(use: Mapping[str, Any]) -> tuple[str, ...]:
    if not use:
        return ("",) * 9
    return (
        use["service"],
        use["operator"],
        use["purpose"]["ja"],
        use["registeredPurpose"],
        use["legalClass"],
        use["basis"],
        use["need"],
        str(use["retentionDays"]),
        "、".join(use["recipients"]),
    )


def _moment(text: str, name: str) -> int:
    try:
        return clock.parse(text)
    except ValueError:
        raise BadRequestData(f"{name} is no moment such as 2026-11-21T09:00:00Z.") from None
