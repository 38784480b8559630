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
from personal.operations import handles, offices
from personal.operations.call import Answer, Call, Module
from personal.operations.disclosures import ITEMS
from personal.operations.printing import table
from personal.operations.services import ID
from personal.store import items, records, services
from personal.store.offices import Office
from personal.store.services import Service
from schemas.personal.catalogue import Item

FAILED: Final = "disclosure-failed"
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
_HEAD: Final = ("municipality", "requestsTo", "address")
_COLUMNS: Final = (
    "item", "label", "recorded", "persons", "collection", "class", "identifying", "itemBasis", "location",
    "service", "operator", "purpose", "registeredPurpose", "legalClass", "basis", "need", "retentionDays",
    "recipients",
)  # fmt: skip
PERSONS: Final = {"ja": "この市町村に登録された住民", "en": "Residents registered with this municipality"}
COLLECTION: Final = {
    "ja": "本人からの申告、職員による登録、台帳からの取込み",
    "en": "From the residents themselves, entered by staff, taken over from files of the municipality",
}
AFFECTED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["from", "until"],
    "anyOf": [{"required": ["service"]}, {"required": ["items"]}],
    "properties": {
        "service": ID,
        "items": ITEMS,
        "from": {"type": "string", "maxLength": 40},
        "until": {"type": "string", "maxLength": 40},
    },
    "additionalProperties": False,
}


async def files(call: Call, _: Module) -> Answer:
    """Give the register of personal-information files (個人情報ファイル簿), as JSON or CSV. (74, 75条)"""
    form = call.params.get("format", "json")
    if form not in ("json", "csv"):
        raise BadRequestData("The formats are json, csv.")

    def work(db: Connection) -> tuple[Office, list[dict[str, Any]]]:
        known, found = items.listed(db), [one for one in services.listed(db) if one.active]
        return offices.of(db, call.town), [_file(db, known[code], found) for code in sorted(known)]

    taker, listed = call.town.store.read(work)
    office = taker.name or call.town.name
    if form == "json":
        head = {
            "municipality": call.town.name,
            "code": call.town.code,
            "office": office,
            "requestsTo": office,
            "address": taker.address,
            "at": clock.show(call.now),
        }
        return Answer(body={**head, "files": listed})
    about = (call.town.name, office, taker.address)
    lines = [(*_HEAD, *_COLUMNS), *((*about, *line) for line in _lines(listed))]
    return Answer(body=table(lines), media_type="text/csv; charset=utf-8")


@dataclass
class Affected:
    """What went out about one resident: by disclosure, what stands in the log about it, and which items of it count."""

    releases: dict[str, tuple[Kept, set[str]]] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """Give it as JSON; each release by the id under which the service received it."""
        told = [
            {
                "disclosure": id,
                "at": clock.show(entry.at),
                "position": entry.position,
                **{name: entry.facts()[name] for name in ("service", "purpose", "basis")},
                "items": sorted(items),
            }
            for id, (entry, items) in self.releases.items()
        ]
        return {
            "items": sorted({item for one in told for item in one["items"]}),
            "services": sorted({one["service"] for one in told}),
            "bases": sorted({basis for one in told for basis in one["basis"]}),
            "first": told[0]["at"],
            "last": told[-1]["at"],
            "releases": told,
        }


async def affected(call: Call, _: Module) -> Answer:
    """List, after an incident, about whom which items went out in a period: to a service, or to any.

    Residents who are protected are listed for who is cleared only; so a cleared officer has to make this list, too.
    """
    names, body = await handles.handles(call.town, call.actor), call.body
    since, until = _moment(body["from"], "from"), _moment(body["until"], "until")
    if until <= since:
        raise BadRequestData("until has to be later than from.")
    await call.town.store.write(lambda db: _begin(db, call))
    found: dict[str | None, Affected] = {}
    after: tuple[int, int] | None = None
    while batch := call.town.store.read(
        partial(reading.written, since=since, until=until, after=after, most=AT_ONCE)
    ):
        call.town.store.read(partial(_gather, call, batch, found))
        after = batch[-1].at, batch[-1].position
        await asyncio.sleep(0)  # others have a turn between two parts of a long log
    erased = found.pop(None, Affected())
    told = [(person, one.shown()) for person, one in found.items() if person is not None and one.releases]
    return Answer(
        body={
            "count": len(told),
            "releases": sum(len(one["releases"]) for _, one in told),
            "erased": len(erased.releases),
            "residents": [{"resident": names.show(person), **one} for person, one in told],
        }
    )


def _begin(db: Connection, call: Call) -> None:
    asked = call.body
    if "service" in asked and services.find(db, asked["service"]) is None:
        raise ResourceNotFound("There is no such service.")
    facts = {name: asked[name] for name in ("service", "items", "from", "until") if name in asked}
    log.append(db, Entry("affected-listed", {"by": call.actor.id, **facts}), call.now)


def _gather(call: Call, batch: list[Kept], found: dict[str | None, Affected], db: Connection) -> None:
    """Add the releases of a part of the log; take away what failed after it was written down."""
    asked = call.body
    for entry in batch:
        facts = entry.facts()
        if (
            facts["kind"] not in RELEASES | {FAILED}
            or asked.get("service", facts["service"]) != facts["service"]
        ):
            continue
        items = set(facts["items"]) & set(asked.get("items", facts["items"]))
        opened = reading.whose(db, entry.position, "subject")
        try:
            person = None if opened is None else handles.visible(db, opened, call.actor).id
        except ResourceNotFound:
            continue
        releases = found.setdefault(person, Affected()).releases
        if facts["kind"] == FAILED:
            _take_away(releases, facts["disclosure"], items)
        elif items:
            releases[facts["disclosure"]] = entry, items


def _take_away(releases: dict[str, tuple[Kept, set[str]]], id: str, items: set[str]) -> None:
    if id in releases:
        entry, known = releases.pop(id)
        if known - items:
            releases[id] = entry, known - items


def _file(db: Connection, item: Item, found: list[Service]) -> dict[str, Any]:
    return {
        "item": item.code,
        "label": dict(item.label),
        "recorded": list(item.schema.get("properties", ())),
        "persons": PERSONS,
        "collection": COLLECTION,
        "class": item.item_class,
        "identifying": item.identifying,
        "basis": item.basis,
        "location": records.choice(db, item.code).location,
        "atLeast1000": records.at_least(db, item.code, LEAST),
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
            "、".join(file["recorded"]),
            file["persons"]["ja"],
            file["collection"]["ja"],
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
