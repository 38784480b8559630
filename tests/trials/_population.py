"""A fictional town: residents made by a seeded chance, services that ask for some of their items, consents of most."""

import datetime
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from base.database import Connection
from personal.audit import log
from personal.audit.log import Entry
from personal.operations.naming import deriving_of
from personal.operations.town import Town
from personal.rules.consent import Consent, Event, Kind, State
from personal.store import consents, pseudonyms
from personal.store.consents import Happened
from personal.store.town import rows
from tests.personal.live import asked, described, purpose

RESIDENTS = 22_389
SERVICES = 10
AGREEING = 0.85
AT_ONCE = 500
PURPOSE = "reception"
FAMILY_NAMES = [
    "山本 ヤマモト",
    "藤原 フジワラ",
    "西谷 ニシタニ",
    "中島 ナカシマ",
    "田村 タムラ",
    "米田 ヨネダ",
    "上垣 ウエガキ",
]
GIVEN_NAMES = [
    "花子 ハナコ",
    "太郎 タロウ",
    "陽菜 ヒナ",
    "蓮 レン",
    "和子 カズコ",
    "清 キヨシ",
    "結衣 ユイ",
    "実 ミノル",
]
QUARTERS = ["八鹿町八鹿", "養父市場", "大屋町大屋市場", "関宮", "八鹿町高柳", "広谷", "大屋町加保"]
ALLERGENS = ["shrimp", "crab", "wheat", "buckwheat", "egg", "milk", "peanut", "walnut"]
ASKED = [
    ("basic-four", "allergies"),
    ("contact",),
    ("allergies", "care-needs"),
    ("basic-four",),
    ("basic-four", "contact"),
]


def residents(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Make residents as lines of a file to import."""
    chance = random.Random(seed)
    for number in range(count):
        family, given = (chance.choice(names).split() for names in (FAMILY_NAMES, GIVEN_NAMES))
        born = datetime.date(1925, 1, 1) + datetime.timedelta(days=chance.randrange(36_500))
        items: dict[str, Any] = {
            "basic-four": {
                "name": f"{family[0]} {given[0]}",
                "nameKana": f"{family[1]} {given[1]}",
                "address": f"兵庫県養父市{chance.choice(QUARTERS)}{chance.randrange(1, 2000)}番地",
                "birthDate": born.isoformat(),
                "sex": chance.choice(["female", "male"]),
            },
            "contact": {"phones": [{"number": f"079-662-{number % 10_000:04}", "kind": "home"}]},
        }
        if chance.random() < 0.4:
            items["allergies"] = {"allergies": [{"to": one} for one in chance.sample(ALLERGENS, 2)]}
        if chance.random() < 0.2:
            items["care-needs"] = {"mobility": chance.choice(["helped", "wheelchair"])}
        yield {"municipalId": f"{10_000_000 + number}", "items": items}


def write(path: Path, count: int, seed: int) -> None:
    """Write residents to a file of JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        for line in residents(count, seed):
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the town: its items and, for each resident, the name it has for them."""

    id: str
    items: tuple[str, ...]
    names: tuple[str, ...] = ()
    agreed: frozenset[str] = frozenset()


def services() -> list[Service]:
    """Name the services, and what each asks for."""
    return [Service(f"service-{number}", ASKED[number % len(ASKED)]) for number in range(SERVICES)]


def description(service: Service) -> dict[str, Any]:
    """Describe a service for the catalogue."""
    return described(purpose(PURPOSE, *(asked(item, need="optional") for item in service.items)))


async def agree(town: Town, found: list[Service], seed: int, now: int) -> list[Service]:
    """Let most residents share with each service, and give each service its names for all of them."""
    chance, deriving = random.Random(seed), await deriving_of(town)
    persons = [id for (id,) in town.store.read(lambda db: rows(db, "SELECT id FROM person ORDER BY id"))]
    made = []
    for service in found:
        names: list[str] = []
        agreed: set[str] = set()
        for start in range(0, len(persons), AT_ONCE):
            some = [(person, chance.random() < AGREEING) for person in persons[start : start + AT_ONCE]]

            def work(db: Connection, service: Service = service, some: Any = some) -> list[str]:
                leaf = log.append(db, Entry("trial-consents", {"service": service.id}), now)
                for person, agrees in some:
                    if agrees:
                        _give(db, person, service, leaf, now)
                return [pseudonyms.given(db, deriving, service.id, person, now) for person, _ in some]

            given = await town.store.write(work)
            names += given
            agreed |= {name for name, (_, agrees) in zip(given, some, strict=True) if agrees}
        made.append(Service(service.id, service.items, tuple(names), frozenset(agreed)))
    return made


def _give(db: Connection, person: str, service: Service, leaf: int, now: int) -> None:
    for item in service.items:
        given = Consent(Kind.SHARE, service.id, PURPOSE, item, 1, State.GIVEN, now, None)
        consents.write(db, person, Happened(Event.GIVE, given, leaf))
