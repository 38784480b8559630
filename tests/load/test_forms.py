"""Rows of the published lists as entities: every trap of the real files, in small fictional ones."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from broker.load.forms import recognise
from broker.load.reading import opened
from broker.load.values import Notes, Unusable
from schemas import catalogue

TERMS = {iri: term for term, iri in {**catalogue.context(), **catalogue.CORE_TERMS}.items()}


def simplified(entity: dict[str, Any]) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        return {TERMS.get(k, k): v for k, v in value.items()} if isinstance(value, dict) else value

    return {
        "id": entity["id"],
        "type": TERMS[entity["type"]],
        **{TERMS[name]: plain(a["value"]) for name, a in entity.items() if name not in ("id", "type")},
    }


def read(path: Path) -> tuple[dict[int, dict[str, Any]], dict[int, str], dict[int, list[str]]]:
    used, refused, remarks = {}, {}, {}
    with opened(path) as table:
        form = recognise(table.header)
        assert form
        for row in table.rows:
            notes = Notes()
            try:
                if row.fault:
                    raise Unusable(row.fault)
                entity = form.build(row.cells, notes)
                assert entity.keys() - {"id", "type"} <= form.attributes
                used[row.line] = simplified(entity)
            except Unusable as error:
                refused[row.line] = str(error)
            if notes.texts:
                remarks[row.line] = notes.texts
    return used, refused, remarks


def test_reads_a_list_of_evacuation_sites(files: Path) -> None:
    used, _, remarks = read(files / "sites.csv")
    assert used[2] == {
        "id": "urn:ngsi-ld:EvacuationSite:E2899900001201",
        "type": "EvacuationSite",
        "name": "軒下公園",
        "nationalShelterId": "E2899900001201",
        "localGovernmentCode": "289990",
        "address": {
            "addressCountry": "JP",
            "localGovernmentCode": "289990",
            "addressLocality": "縁側市",
            "addressText": "縁側市軒下一丁目1",
        },
        "dataProvider": "国土地理院「指定緊急避難場所・指定避難所データ」",
        "hazardTypes": ["flood", "landslide", "earthquake", "inlandFlood"],
        "alsoDesignatedShelter": True,
        "location": {"type": "Point", "coordinates": [134.701, 35.401]},
    }
    assert used[3]["name"] == "濡縁広場 （北側）"
    assert used[3]["description"] == "洪水では2階以上に避難\n車での避難は控える"
    assert used[6]["name"] == "沓脱石小学校"
    assert used[6]["hazardTypes"] == ["flood", "earthquake"]
    assert remarks[6] == ["'○' in 洪水 was read as 1 (yes)"]
    assert used[7]["location"]["coordinates"] == [134.704, 35.404]
    assert "hazardTypes" not in used[20] and "location" not in used[20]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (9, "swapped"),
        (10, "out of range"),
        (11, "no 共通ID"),
        (12, "no name"),
        (13, "neither 1 nor empty"),
        (14, "not that of a place of this list"),
        (15, "longitude is missing"),
        (16, "not a number of degrees"),
        (17, "18 cells"),
        (18, "opens a quote"),
        (22, "municipality code 99999"),
    ],
)
def test_refuses_rows_that_cannot_be_used_with_line_and_reason(files: Path, line: int, reason: str) -> None:
    used, refused, _ = read(files / "sites.csv")
    assert reason in refused[line]
    assert line not in used


def test_reads_a_list_of_shelters(files: Path) -> None:
    used, refused, _ = read(files / "shelters.csv")
    assert not refused
    general, welfare = used.values()
    assert (general["shelterType"], general["alsoEmergencyEvacuationSite"]) == ("general", True)
    assert (welfare["shelterType"], welfare["targetEvacuees"]) == ("welfare", "要配慮者")
    assert welfare["designationNotes"] == "事前の連絡が必要"
    assert welfare["description"] == "地震〇\n津波〇"


def test_a_municipal_file_without_the_municipality_column_still_says_where(tmp_path: Path) -> None:
    path = tmp_path / "28222_1.csv"
    path.write_text(
        "NO,共通ID,施設・場所名,住所,指定緊急避難場所との住所同一,その他市町村長が必要と認める事項,受入対象者,緯度,経度,備考\n"
        "1,E2899900001111,縁側小学校,兵庫県縁側市1,,,,35.4,134.7,\n",
        encoding="utf-8",
    )
    used, _, _ = read(path)
    assert used[2]["localGovernmentCode"] == "289990"
    assert used[2]["address"]["addressRegion"] == "兵庫県"


def test_reads_geojson(files: Path) -> None:
    used, refused, _ = read(files / "sites.geojson")
    assert used[1] == read(files / "sites.csv")[0][2]
    assert used[6]["hazardTypes"] == ["earthquake"]
    assert "location" not in used[4]
    assert set(refused) == {2, 3, 5}
    assert "swapped" in refused[3]


def test_reads_sheet_03_of_the_municipal_standard_data_set(files: Path) -> None:
    used, refused, remarks = read(files / "sheet03.csv")
    whole = used[2]
    assert whole["id"] == "urn:ngsi-ld:EvacuationSite:289990:S0001"
    assert (whole["maxCapacity"], whole["elevation"]) == (1200, 52.5)
    assert whole["targetAreas"] == ["軒下町内会", "濡縁自治会"]
    assert whole["address"]["abrMachiazaId"] == "0001001"
    assert whole["contactPoint"]["email"] == "bousai@engawa.example"
    assert used[3]["localGovernmentCode"] == "289990"  # check digit lost
    assert used[4]["localGovernmentCode"] == "099996"  # leading zero lost
    assert used[6]["localGovernmentCode"] == "019992"  # the prefecture settled it
    assert used[5]["address"] == {
        "addressCountry": "JP",
        "addressLocality": "縁側市",
        "addressText": "縁側市濡縁二丁目3番4号",
    }
    assert used[5]["hazardTypes"] == ["flood"] and len(remarks[5]) == 4
    assert used[5]["capacityText"] == "屋内200・屋外500" and "maxCapacity" not in used[5]
    assert used[9]["id"] == "urn:ngsi-ld:EvacuationSite:289990:S%208%2F%E3%81%82"
    assert set(refused) == {7, 8}


def test_reads_the_older_edition_of_the_sheet(tmp_path: Path) -> None:
    hazards = [
        "洪水",
        "崖崩れ、土石流及び地滑り",
        "高潮",
        "地震",
        "津波",
        "大規模な火事",
        "内水氾濫",
        "火山現象",
    ]
    heads = [
        "都道府県コード又は市区町村コード",
        "NO",
        "都道府県名",
        "市区町村名",
        "名称",
        "住所",
        "緯度",
        "経度",
    ]
    path = tmp_path / "old.csv"
    header = ",".join([*heads, *("災害種別_" + h for h in hazards)])
    path.write_bytes(
        f"{header}\r\n289990,7,兵庫県,縁側市,軒下公園,縁側市1,35.4,134.7,1,,,,,,,1\r\n".encode("cp932")
    )
    used, _, _ = read(path)
    assert used[2]["externalSiteId"] == "7"
    assert used[2]["hazardTypes"] == ["flood", "eruption"]
    assert used[2]["address"]["addressText"] == "縁側市1"


@pytest.mark.parametrize("name", ["sites.csv", "shelters.csv", "sites.geojson", "sheet03.csv"])
def test_what_is_loaded_fits_its_json_schema(files: Path, name: str) -> None:
    used, _, _ = read(files / name)
    for entity in used.values():
        checker = jsonschema.Draft202012Validator(catalogue.schema(entity["type"]))
        checker.validate(json.loads(json.dumps(entity)))


@pytest.mark.parametrize(
    "header", [["a", "b"], [], ["名称", "緯度", "経度"], ["共通ID", "施設・場所名", "住所", "緯度", "経度"]]
)
def test_does_not_guess_what_an_unknown_list_is(header: list[str]) -> None:
    assert recognise(header) is None


def test_a_header_is_recognised_with_blanks_breaks_and_full_width_letters() -> None:
    header = ["ＮＯ", "共通ＩＤ", " 施設・場所名", "住所", "受入対象者\n", "緯　度", "経度"]
    form = recognise(header)
    assert form and form.name == "国土地理院 指定避難所"
