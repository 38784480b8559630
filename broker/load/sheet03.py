"""自治体標準オープンデータセット 03 指定緊急避難場所一覧 (and its older edition): rows become entities."""

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from broker.load.entities import (
    FALSE,
    HAZARDS,
    IRI,
    TRUE,
    Entity,
    Form,
    a_point,
    a_property,
    hazard_reader,
    iris,
    one_line,
    some_text,
)
from broker.load.values import (
    Notes,
    Unusable,
    capacity,
    flag,
    government_code,
    number,
    plain,
    split_prefecture,
)

# the older edition, 推奨データセット, has the same places under other headings
_OLDER: Final = {
    "都道府県コード又は市区町村コード": "全国地方公共団体コード",
    "NO": "ID",
    "住所": "所在地_連結表記",
    "方書": "建物名等(方書)",
    "都道府県名": "所在地_都道府県",
    "市区町村名": "所在地_市区町村",
}
_PREFIX: Final = "災害種別_"
_TEXTS: Final = (
    ("名称_カナ", "nameKana"),
    ("名称_英字", "nameEn"),
    ("電話番号", "telephone"),
    ("URL", "url"),
    ("画像", "image"),
    ("画像_ライセンス", "license"),
)
_CONTACT: Final = (
    ("内線番号", "telephone", "内線 "),
    ("連絡先メールアドレス", "email", ""),
    ("連絡先FormURL", "url", ""),
    ("連絡先備考(その他、SNSなど)", "description", ""),
)
_OWNED: Final = iris(
    *(
        "name",
        "nameKana",
        "nameEn",
        "externalSiteId",
        "localGovernmentCode",
        "address",
        "location",
        "elevation",
    ),
    *("hazardTypes", "alsoDesignatedShelter", "maxCapacity", "capacityText", "targetAreas", "telephone"),
    *("contactPoint", "url", "image", "license", "description", "dataProvider"),
)
_CITY_ONLY = re.compile(r"[^0-9]{1,12}?[市区町村]\Z")
_POSTAL = re.compile(r"\d{3}-?\d{4}\Z", re.ASCII)
_TOWN_ID = re.compile(r"\d{7}\Z", re.ASCII)


class _Cells:
    """The cells of a row by heading; a heading the file lacks is empty."""

    __slots__ = ("cells", "columns")

    def __init__(self, columns: dict[str, int], cells: Sequence[Any]) -> None:
        self.columns, self.cells = columns, cells

    def __getitem__(self, heading: str) -> str:
        place = self.columns.get(heading)
        return "" if place is None else str(self.cells[place])


def recognise(columns: dict[str, int]) -> Form | None:
    """Tell by the columns whether this is a list of this data set."""
    columns = {_OLDER.get(name, name): place for name, place in reversed(columns.items())}
    if "名称" not in columns or not all(_PREFIX + name in columns for name, _ in HAZARDS):
        return None
    hazards = hazard_reader(columns, _PREFIX)

    def build(row: Sequence[Any], notes: Notes) -> Entity:
        cells = _Cells(columns, row)
        entity = _begin(cells, notes)
        if found := hazards(row, notes):
            entity[IRI["hazardTypes"]] = found
        also = flag(cells["指定避難所との重複"], "指定避難所との重複", notes)
        entity[IRI["alsoDesignatedShelter"]] = TRUE if also else FALSE
        place = a_point([cells["緯度"], cells["経度"]], 0, 1, notes)
        if place:
            entity[IRI["location"]] = place
        _describe(entity, cells, notes)
        return entity

    return Form(
        "自治体標準オープンデータセット 03 指定緊急避難場所一覧", IRI["EvacuationSite"], _OWNED, build
    )


def _begin(cells: _Cells, notes: Notes) -> Entity:
    prefecture = plain(cells["所在地_都道府県"]) or split_prefecture(one_line(cells["所在地_連結表記"]))[0]
    code = government_code(cells["全国地方公共団体コード"], prefecture, notes)
    number_in_list = plain(cells["ID"])
    if not number_in_list:
        raise Unusable("the row has no ID")
    name = one_line(cells["名称"])
    if not name:
        raise Unusable("the row has no name (名称)")
    return {
        "id": f"urn:ngsi-ld:EvacuationSite:{code}:{quote(number_in_list, safe='-._~')}",
        "type": IRI["EvacuationSite"],
        IRI["name"]: a_property(name),
        IRI["externalSiteId"]: a_property(number_in_list),
        IRI["localGovernmentCode"]: a_property(code),
    }


def _describe(entity: Entity, cells: _Cells, notes: Notes) -> None:
    if address := _address(cells, notes):
        entity[IRI["address"]] = a_property(address)
    for heading, term in _TEXTS:
        if text := one_line(cells[heading]):
            entity[IRI[term]] = a_property(text)
    contact = {
        IRI[term]: sign + text for heading, term, sign in _CONTACT if (text := some_text(cells[heading]))
    }
    if contact:
        entity[IRI["contactPoint"]] = a_property(contact)
    areas = [
        area for part in re.split("[;；\n]", cells["対象となる町会・自治会"]) if (area := one_line(part))
    ]
    if areas:
        entity[IRI["targetAreas"]] = a_property(areas)
    if text := some_text(cells["備考"]):
        entity[IRI["description"]] = a_property(text)
    if provider := one_line(cells["地方公共団体名"]):
        entity[IRI["dataProvider"]] = a_property(provider)
    _measure(entity, cells, notes)


def _measure(entity: Entity, cells: _Cells, notes: Notes) -> None:
    elevation = number(cells["標高"], "標高", notes)
    if elevation is not None:
        entity[IRI["elevation"]] = a_property(elevation)
    written = some_text(cells["想定収容人数"])
    people = capacity(written, notes)
    if people is not None:
        entity[IRI["maxCapacity"]] = a_property(people)
    elif written:
        entity[IRI["capacityText"]] = a_property(written)


def _address(cells: _Cells, notes: Notes) -> dict[str, str]:
    prefecture, city, whole = _city(cells, notes)
    number_of_town, postal = plain(cells["町字ID"]), plain(cells["郵便番号"])
    code = plain(cells["所在地_全国地方公共団体コード"])
    parts = {
        "addressRegion": prefecture,
        "addressLocality": city,
        "machiaza": one_line(cells["所在地_町字"]),
        "banchi": one_line(cells["所在地_番地以下"]),
        "buildingName": one_line(cells["建物名等(方書)"]),
        "abrMachiazaId": number_of_town if _TOWN_ID.match(number_of_town) else "",
        "postalCode": postal if _POSTAL.match(postal) else "",
        "localGovernmentCode": government_code(code, prefecture, notes) if code else "",
        "addressText": one_line(cells["所在地_連結表記"]) or whole,
    }
    if not parts["addressText"] and (parts["machiaza"] or parts["banchi"]):
        parts["addressText"] = "".join(
            parts[p] for p in ("addressRegion", "addressLocality", "machiaza", "banchi")
        )
    address = {IRI[term]: text for term, text in parts.items() if text}
    return {IRI["addressCountry"]: "JP", **address} if address else {}


def _city(cells: _Cells, notes: Notes) -> tuple[str, str, str]:
    """Give prefecture, municipality, and the whole address where it was written into the municipality's column."""
    written = one_line(cells["所在地_市区町村"])
    own, rest = split_prefecture(written)
    prefecture = plain(cells["所在地_都道府県"]) or own
    publisher = split_prefecture(one_line(cells["地方公共団体名"]))[1]
    if not rest or rest == publisher:
        return prefecture, rest, ""
    if publisher and rest.startswith(publisher):
        if rest[len(publisher) :].endswith("区") and _CITY_ONLY.match(plain(rest)):
            return prefecture, rest, ""
        city = publisher
    elif _CITY_ONLY.match(plain(rest)):
        return prefecture, rest, ""
    else:
        city = ""
    notes.add("所在地_市区町村 holds a whole address and was read as one")
    return prefecture, city, prefecture + rest
