"""Retrieving and querying Temporal Evolutions over HTTP. (5.7.3, 5.7.4, 6.18.3.2, 6.19.3.1, 6.24)"""

from typing import Any

import pytest

from tests.live import Live, Reply

QUERY = "/temporal/entities"
POSTED = "/temporal/entityOperations/query"
DAY = {"timerel": "between", "timeAt": "2026-04-01T00:00:00Z", "endTimeAt": "2026-04-02T00:00:00Z"}
DATASET = "urn:ngsi-ld:Dataset:a"


def at(hour: int) -> str:
    return f"2026-04-01T{hour:02}:00:00Z"


def instance(value: Any, hour: int, kind: str = "Property", **more: Any) -> dict[str, Any]:
    member = {"Relationship": "object", "LanguageProperty": "languageMap"}.get(kind, "value")
    return {"type": kind, member: value, "observedAt": at(hour), **more}


def river(number: int, **members: Any) -> dict[str, Any]:
    return {"id": f"urn:ngsi-ld:River:{number}", "type": "River", **members}


@pytest.fixture
async def rivers(live: Live) -> Live:
    there = {"type": "Point", "coordinates": [134.7, 35.4]}
    elsewhere = {"type": "Point", "coordinates": [139.7, 35.7]}
    for body in (
        river(
            1,
            level=[instance(hour, hour) for hour in range(10)],
            name=[instance({"ja": "円山川", "en": "Maruyama"}, 0, "LanguageProperty")],
            location=[instance(there, 2, "GeoProperty"), instance(elsewhere, 8, "GeoProperty")],
            scope=[instance("/Yabu", 1), instance("/Toyooka", 5)],
        ),
        river(
            2,
            level=[instance(50, 3), instance(60, 3, datasetId=DATASET)],
            flowsInto=[instance("urn:ngsi-ld:River:1", 4, "Relationship")],
        ),
        {"id": "urn:ngsi-ld:Gate:1", "type": "Gate", "open": [instance(True, 3)]},
        river(3, level=[{**instance(99, 0), "observedAt": "2025-01-01T00:00:00Z"}]),
    ):
        assert (await live.post(QUERY, body)).status == 201
    return live


def numbers(reply: Reply) -> list[int]:
    assert reply.status == 200, reply.json
    return [int(entity["id"].rpartition(":")[2]) for entity in reply.json]


def levels(entity: dict[str, Any]) -> list[Any]:
    return [one["value"] for one in entity.get("level", [])]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, list(range(10))),
        ({"timerel": "before", "timeAt": at(3)}, [0, 1, 2]),
        ({"timerel": "after", "timeAt": at(8)}, [8, 9]),
        ({"timerel": "between", "timeAt": at(2), "endTimeAt": at(4)}, [2, 3]),
        ({"lastN": "3"}, [7, 8, 9]),
        ({"timerel": "before", "timeAt": at(5), "lastN": "2"}, [3, 4]),
        ({"timerel": "after", "timeAt": "2026-04-01T08:00:00.000001Z"}, [9]),
        ({"timeproperty": "modifiedAt", "timerel": "before", "timeAt": "2020-01-01T00:00:00Z"}, None),
        ({"timerel": "after", "timeAt": at(23)}, None),
    ],
)
async def test_retrieves_the_instances_of_a_time(rivers: Live, params: dict[str, str], expected: Any) -> None:
    reply = await rivers.get(f"{QUERY}/urn:ngsi-ld:River:1", attrs="level", **params)
    if expected is None:
        assert reply.status == 404
    else:
        assert (reply.status, levels(reply.json)) == (200, expected)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"type": "River"}, [1, 2]),
        ({"type": "River,Gate"}, [1, 2, 1]),
        ({"type": "*"}, [1, 2, 1]),
        ({"local": "true"}, [1, 2, 1]),
        ({"attrs": "open"}, [1]),
        ({"pick": "flowsInto"}, None),
        ({"type": "River", "id": "urn:ngsi-ld:River:2,urn:ngsi-ld:River:3"}, [2]),
        ({"type": "River", "idPattern": ".*:1$"}, [1]),
        ({"q": "level>8"}, [1, 2]),
        ({"q": "level==60"}, [2]),
        ({"q": "level==99"}, []),
        ({"q": "level>100"}, []),
        ({"q": "level;!flowsInto"}, [1]),
        ({"q": 'flowsInto=="urn:ngsi-ld:River:1"'}, [2]),
        ({"type": "River", "datasetId": DATASET}, [2]),
        ({"type": "River", "scopeQ": "/Yabu"}, [1]),
        ({"type": "River", "scopeQ": "/#"}, [1]),
        ({"type": "River", "scopeQ": "/Asago"}, []),
        ({"georel": "near;maxDistance==1000", "geometry": "Point", "coordinates": "[139.7,35.7]"}, [1]),
        ({"type": "River", "orderBy": "id;desc"}, [2, 1]),
    ],
)
async def test_queries_by_what_was_in_the_time(rivers: Live, params: dict[str, str], expected: Any) -> None:
    reply = await rivers.get(QUERY, **DAY, **params)
    if expected is None:
        assert (reply.status, [set(one) for one in reply.json]) == (200, [{"flowsInto"}])
    else:
        assert numbers(reply) == expected


async def test_filters_see_only_the_instances_of_the_time(rivers: Live) -> None:
    morning = {"timerel": "before", "timeAt": at(5)}
    assert numbers(await rivers.get(QUERY, **morning, q="level==9")) == []
    near = {"georel": "near;maxDistance==1000", "geometry": "Point", "coordinates": "[139.7,35.7]"}
    assert numbers(await rivers.get(QUERY, **morning, **near)) == []
    assert numbers(await rivers.get(QUERY, **morning, type="River", scopeQ="/Toyooka")) == []


async def test_only_instances_from_while_a_scope_was_valid_are_told(rivers: Live) -> None:
    (found,) = (await rivers.get(QUERY, **DAY, type="River", scopeQ="/Yabu")).json
    assert levels(found) == [1, 2, 3, 4]
    assert [one["value"] for one in found["scope"]] == ["/Yabu"]
    late = {"timerel": "after", "timeAt": at(7)}
    (found,) = (await rivers.get(QUERY, **late, type="River", scopeQ="/Toyooka", lastN=2)).json
    assert (levels(found), [one["value"] for one in found["scope"]]) == ([8, 9], ["/Toyooka"])


async def test_projections_languages_and_datasets(rivers: Live) -> None:
    path = f"{QUERY}/urn:ngsi-ld:River:1"
    assert set((await rivers.get(path, pick="id,level")).json) == {"id", "level"}
    assert set((await rivers.get(path, pick="scope")).json) == {"scope"}
    assert set((await rivers.get(path, omit="level,location,type")).json) == {"id", "name", "scope"}
    assert (await rivers.get(path, lang="en", attrs="name")).json["name"][0]["value"] == "Maruyama"
    second = f"{QUERY}/urn:ngsi-ld:River:2"
    assert levels((await rivers.get(second, datasetId=DATASET)).json) == [60]
    assert levels((await rivers.get(second, datasetId="@none", attrs="level")).json) == [50]
    assert (await rivers.get(path, attrs="depth")).status == 404
    assert set((await rivers.get(path, datasetId=DATASET)).json) == {"id", "type"}
    assert (await rivers.get(path, omit="id,type,scope,level,location,name")).status == 404


async def test_system_attributes_are_told_when_asked_for(rivers: Live) -> None:
    path = f"{QUERY}/urn:ngsi-ld:River:2"
    plain = (await rivers.get(path)).json
    assert "createdAt" not in plain
    assert set(plain["flowsInto"][0]) == {"type", "object", "observedAt", "instanceId"}
    whole = (await rivers.get(path, options="sysAttrs")).json
    assert {"createdAt", "modifiedAt"} <= set(whole)
    assert {"createdAt", "modifiedAt"} <= set(whole["flowsInto"][0])
    concise = (await rivers.get(path, format="concise")).json
    assert set(concise["flowsInto"][0]) == {"object", "observedAt", "instanceId"}
    by_change = (await rivers.get(path, format="temporalValues", timeproperty="modifiedAt")).json
    assert by_change["flowsInto"]["objects"][0][1] == whole["flowsInto"][0]["modifiedAt"]


async def test_pages_of_entities_are_linked_and_counted(rivers: Live) -> None:
    reply = await rivers.get(QUERY, **DAY, local="true", limit=1, offset=1, count="true")
    assert numbers(reply) == [2]
    assert reply.headers["NGSILD-Results-Count"] == "3"
    assert 'rel="next"' in reply.headers["Link"]
    assert 'rel="prev"' in reply.headers["Link"]
    assert (await rivers.get(QUERY, **DAY, local="true", limit=0, count="true")).json == []


async def test_the_same_query_as_a_body(rivers: Live) -> None:
    body = {
        "type": "Query",
        "entities": [{"type": "River"}],
        "q": "level>8",
        "pick": ["id", "level"],
        "temporalQ": {**DAY, "lastN": 1},
    }
    reply = await rivers.post(POSTED, body)
    assert [(entity["id"][-1], levels(entity)) for entity in reply.json] == [("1", [9]), ("2", [50])]
    values = await rivers.post(f"{POSTED}?format=temporalValues&limit=1&count=true", body)
    assert values.json == [
        {"id": "urn:ngsi-ld:River:1", "level": {"type": "Property", "values": [[9, at(9)]]}}
    ]
    assert values.headers["NGSILD-Results-Count"] == "2"


@pytest.mark.parametrize(
    "params",
    [
        {"type": "River"},
        {"type": "River", "timerel": "after"},
        {"type": "River", "timerel": "around", "timeAt": at(1)},
        {**DAY},
        {**DAY, "id": "urn:ngsi-ld:River:1"},
        {**DAY, "attrs": "createdAt"},
        {**DAY, "type": "River", "id": "not a uri"},
        {**DAY, "type": "River", "q": "level>"},
        {**DAY, "type": "River", "q": "flowsInto{level}>3"},
        {**DAY, "type": "River", "pick": "flowsInto{level}"},
        {**DAY, "type": "River", "csf": "))"},
        {**DAY, "type": "River", "orderBy": "level"},
        {**DAY, "type": "River", "orderBy": "id,createdAt"},
        {**DAY, "type": "River", "lastN": "0"},
        {**DAY, "type": "River", "join": "inline"},
        {**DAY, "type": "River", "format": "simplified"},
        {**DAY, "type": "River", "options": "temporalValues,aggregatedValues"},
        {**DAY, "type": "River", "format": "aggregatedValues"},
        {**DAY, "type": "River", "splitEntities": "perhaps"},
    ],
)
async def test_refuses_what_is_no_temporal_query(rivers: Live, params: dict[str, str]) -> None:
    reply = await rivers.get(QUERY, **params)
    assert reply.status == 400
    assert reply.json["type"].endswith(("BadRequestData", "InvalidRequest"))


@pytest.mark.parametrize(
    "change",
    [
        {"temporalQ": None},
        {"temporalQ": {"timerel": "after", "timeAt": at(1), "lastN": 1.5}},
        {"temporalQ": {"timerel": "between", "timeAt": at(1)}},
        {"temporalQ": {"timerel": "after", "timeAt": at(1), "other": "x"}},
        {"aggrParams": {"aggrMethods": ["median"]}},
        {"aggrParams": {"aggrMethods": ["avg"], "aggrPeriodDuration": "1 day"}},
        {"type": "Question"},
    ],
)
async def test_refuses_a_body_that_is_no_temporal_query(rivers: Live, change: dict[str, Any]) -> None:
    body = {"type": "Query", "entities": [{"type": "River"}], "temporalQ": DAY, **change}
    assert (await rivers.post(POSTED, body)).status == 400


async def test_geojson_is_not_offered(rivers: Live) -> None:
    accept = {"Accept": "application/geo+json"}
    assert (await rivers.get(f"{QUERY}/urn:ngsi-ld:River:1", headers=accept)).status == 406
    linked = await rivers.get(f"{QUERY}/urn:ngsi-ld:River:1", headers={"Accept": "application/ld+json"})
    assert "@context" in linked.json


async def test_deletions_in_the_current_state_are_history(live: Live) -> None:
    body = {
        "id": "urn:ngsi-ld:River:9",
        "type": "River",
        "level": {"type": "Property", "value": 1},
        "scope": "/Yabu",
    }
    await live.post("/entities", body)
    await live.ask("DELETE", "/entities/urn:ngsi-ld:River:9/attrs/level")
    path = f"{QUERY}/urn:ngsi-ld:River:9"
    gone = (await live.get(path, timeproperty="deletedAt")).json
    assert set(gone) == {"id", "type", "level"}
    assert gone["level"][0]["value"] == "urn:ngsi-ld:null"
    assert "deletedAt" in gone["level"][0]
    whole = (await live.get(path)).json
    assert [one["value"] for one in whole["level"]] == [1, "urn:ngsi-ld:null"]
    assert whole["scope"][0]["value"] == "/Yabu"


async def test_a_map_is_told_when_one_evolution_is_asked_for_with_it(rivers: Live) -> None:
    path = f"{QUERY}/urn:ngsi-ld:River:1"
    reply = await rivers.get(path, entityMap="true")
    assert reply.status == 200
    made = await rivers.get(f"/entityMaps/{reply.headers['NGSILD-EntityMap'].rpartition('/')[2]}")
    assert made.json["entityMap"] == {"urn:ngsi-ld:River:1": ["@none"]}
    assert "NGSILD-EntityMap" not in (await rivers.get(path)).headers
