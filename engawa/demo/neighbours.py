"""Samples for towns that exist: a few places of each, made up and marked so, to try federation with."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from engawa.demo.city import HERE, expand
from schemas import catalogue

FILE: Final = HERE / "neighbours.csv"
PROVIDER: Final = "Engawa の見本データ（架空の場所・sample, not real）"
NOTE: Final = (
    "試すための架空の場所です。避難先ではありません。 This place is made up; it is no place to flee to."
)
_STATUS: Final = {"open": "開設中", "closed": "未開設", "full": "満員"}
_LEVELS: Final = ((1.0, "full"), (0.8, "crowded"), (0.3, "moderate"), (0.0, "empty"))

Entity = dict[str, Any]


@dataclass(frozen=True, slots=True)
class City:
    """A municipality: how commands name it, its code with check digit (全国地方公共団体コード), its names."""

    name: str
    code: str
    title: str
    english: str


CITIES: Final = {
    city.name: city
    for city in (
        City("yabu", "282227", "養父市", "Yabu"),
        City("toyooka", "282090", "豊岡市", "Toyooka"),
        City("asago", "282251", "朝来市", "Asago"),
        City("shiso", "282278", "宍粟市", "Shiso"),
        City("kami", "285854", "香美町", "Kami"),
        City("shinonsen", "285862", "新温泉町", "Shin'onsen"),
    )
}


def samples(city: City) -> Iterator[Entity]:
    """Give the sample places of a municipality, in the normalized form with IRIs."""
    with FILE.open(encoding="utf-8", newline="") as rows:
        mine = [row for row in csv.DictReader(rows) if row["city"] == city.name]
    for number, row in enumerate(mine, 1):
        kind, own = row["type"], f"sample-{city.name}-{number}"
        entity = expand(
            {
                "id": f"urn:ngsi-ld:{kind}:{own}",
                "type": kind,
                "name": row["name"],
                "localGovernmentCode": city.code,
                "location": {"type": "Point", "coordinates": [float(row["lon"]), float(row["lat"])]},
                **(_site(row, own, city) if kind == "EvacuationSite" else _shelter(row, own)),
            }
        )
        for term, text in (("dataProvider", PROVIDER), ("description", NOTE)):
            entity[catalogue.iri(term)] = {"type": "Property", "value": text}
        yield entity


def _site(row: dict[str, str], id: str, city: City) -> Entity:
    return {
        "externalSiteId": id,
        "nameEn": row["nameEn"],
        "hazardTypes": row["hazards"].split(),
        "address": {"addressCountry": "JP", "addressRegion": "兵庫県", "addressLocality": city.title},
    }


def _shelter(row: dict[str, str], id: str) -> Entity:
    people, room = int(row["evacuees"]), int(row["capacity"])
    shown: Entity = {
        "externalShelterId": id,
        "openingStatus": row["status"],
        "statusLabel": _STATUS[row["status"]],
        "evacueeTotal": people,
        "maxCapacity": room,
    }
    if row["status"] != "closed":
        shown["crowdingLevel"] = next(level for least, level in _LEVELS if people / room >= least)
    return shown
