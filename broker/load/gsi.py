"""国土地理院 指定緊急避難場所・指定避難所: rows of the nation-wide and the municipal files become entities."""

import functools
import re
from collections.abc import Sequence
from typing import Any, Final

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
from broker.load.values import Notes, Unusable, check_digit, flag, plain, split_prefecture

PROVIDER: Final = a_property("国土地理院「指定緊急避難場所・指定避難所データ」")
_SITE_ID = re.compile(r"E\d{10}20[1-9A-Za-z]\Z", re.ASCII)
_SHELTER_ID = re.compile(r"E\d{10}1([12])[1-9A-Za-z]\Z", re.ASCII)
_COMMON = (
    "name",
    "nationalShelterId",
    "localGovernmentCode",
    "address",
    "location",
    "description",
    "dataProvider",
)


def recognise(columns: dict[str, int]) -> Form | None:
    """Tell by the columns whether this is one of the two files."""
    if not {"共通ID", "施設・場所名", "住所", "緯度", "経度"} <= columns.keys():
        return None
    if all(name in columns for name, _ in HAZARDS):
        return _sites(columns)
    if "受入対象者" in columns or "指定緊急避難場所との住所同一" in columns:
        return _shelters(columns)
    return None


@functools.lru_cache(4096)
def _municipality(five: str, name: str) -> tuple[dict[str, Any], dict[str, str], str]:
    """Give the code, the fixed part of the address and 兵庫県養父市 of one municipality of the 国土地理院 files."""
    code = five + check_digit(five)
    if not 1 <= int(five[:2]) <= 47:
        raise Unusable(f"the municipality code {five} in the id does not exist")
    prefecture, city = split_prefecture(one_line(name))
    address = {IRI["addressCountry"]: "JP", IRI["localGovernmentCode"]: code}
    if prefecture:
        address[IRI["addressRegion"]] = prefecture
    if city:
        address[IRI["addressLocality"]] = city
    return a_property(code), address, prefecture + city


def _begin(
    cells: Sequence[Any], places: dict[str, int], kind: str, shape: re.Pattern[str]
) -> tuple[Entity, str]:
    """Build what both 国土地理院 files have."""
    written = plain(cells[places["共通ID"]])
    if not written:
        raise Unusable("the row has no 共通ID")
    if not shape.match(written):
        raise Unusable(f"the 共通ID '{written[:24]}' is not that of a place of this list")
    name = one_line(cells[places["施設・場所名"]])
    if not name:
        raise Unusable("the row has no name (施設・場所名)")
    city = places.get("都道府県名及び市町村名")
    code, fixed, _ = _municipality(written[1:6], cells[city] if city is not None else "")
    address = fixed
    if written_address := one_line(cells[places["住所"]]):
        address = {**fixed, IRI["addressText"]: written_address}
        if city is None and (prefecture := split_prefecture(written_address)[0]):
            address[IRI["addressRegion"]] = prefecture
    entity: Entity = {
        "id": f"urn:ngsi-ld:{kind}:{written}",
        "type": IRI[kind],
        IRI["name"]: a_property(name),
        IRI["nationalShelterId"]: a_property(written),
        IRI["localGovernmentCode"]: code,
        IRI["address"]: a_property(address),
        IRI["dataProvider"]: PROVIDER,
    }
    return entity, written


def _sites(columns: dict[str, int]) -> Form:
    hazards = hazard_reader(columns, "")
    latitude, longitude = columns["緯度"], columns["経度"]
    also, remarks = columns.get("指定避難所との住所同一"), columns.get("備考")

    def build(cells: Sequence[Any], notes: Notes) -> Entity:
        entity, _ = _begin(cells, columns, "EvacuationSite", _SITE_ID)
        if found := hazards(cells, notes):
            entity[IRI["hazardTypes"]] = found
        if also is not None:
            entity[IRI["alsoDesignatedShelter"]] = (
                TRUE if flag(cells[also], "指定避難所との住所同一", notes) else FALSE
            )
        if place := a_point(cells, latitude, longitude, notes):
            entity[IRI["location"]] = place
        if remarks is not None and (text := some_text(cells[remarks])):
            entity[IRI["description"]] = a_property(text)
        return entity

    owned = iris(*_COMMON, "hazardTypes", "alsoDesignatedShelter")
    return Form("国土地理院 指定緊急避難場所", IRI["EvacuationSite"], owned, build)


def _shelters(columns: dict[str, int]) -> Form:
    latitude, longitude = columns["緯度"], columns["経度"]
    also, remarks = columns.get("指定緊急避難場所との住所同一"), columns.get("備考")
    texts = [
        (columns[name], IRI[term])
        for name, term in (
            ("その他市町村長が必要と認める事項", "designationNotes"),
            ("受入対象者", "targetEvacuees"),
        )
        if name in columns
    ]
    kinds = {"1": a_property("general"), "2": a_property("welfare")}

    def build(cells: Sequence[Any], notes: Notes) -> Entity:
        entity, written = _begin(cells, columns, "DesignatedShelter", _SHELTER_ID)
        entity[IRI["shelterType"]] = kinds[written[12]]
        if also is not None:
            same = flag(cells[also], "指定緊急避難場所との住所同一", notes)
            entity[IRI["alsoEmergencyEvacuationSite"]] = TRUE if same else FALSE
        if place := a_point(cells, latitude, longitude, notes):
            entity[IRI["location"]] = place
        for column, term in texts:
            if text := some_text(cells[column]):
                entity[term] = a_property(text)
        if remarks is not None and (text := some_text(cells[remarks])):
            entity[IRI["description"]] = a_property(text)
        return entity

    owned = iris(*_COMMON, "shelterType", "alsoEmergencyEvacuationSite", "designationNotes", "targetEvacuees")
    return Form("国土地理院 指定避難所", IRI["DesignatedShelter"], owned, build)
