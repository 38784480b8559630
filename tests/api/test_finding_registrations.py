"""Registrations of context sources found by what they are about. (5.10.2, 5.12, 6.8.3.2)"""

import pytest

from tests.api.registering import ERRORS, FUTURE, PAST, ROOT, TYPE, body, found, info, register
from tests.live import Live


async def test_a_query_must_say_what_it_is_about(live: Live) -> None:
    for params in ({}, {"id": "urn:x:1"}, {"idPattern": ".*"}, {"csf": "mode"}, {"scopeQ": "/Yabu"}):
        reply = await live.get(ROOT, **params)
        assert reply.status == 400 and reply.json["type"] == ERRORS + "BadRequestData"


@pytest.mark.parametrize(
    "params",
    [
        {"id": "no uri"},
        {"q": "(a"},
        {"csf": "))a(("},
        {"scopeQ": "a b"},
        {"idPattern": "("},
        {"georel": "within"},
        {"timerel": "before"},
        {"timerel": "during", "timeAt": PAST},
        {"timeAt": PAST},
        {"attrs": "id"},
        {"limit": "-1"},
        {"limit": "0"},
        {"offset": "-1"},
        {"surprise": "1"},
    ],
)
async def test_a_query_that_is_wrong_is_refused(live: Live, params: dict[str, str]) -> None:
    reply = await live.get(ROOT, **{"type": "Shelter", **params})
    assert reply.status == 400


async def test_finds_by_types_ids_and_patterns(live: Live) -> None:
    await register(live, 1, information=[{"entities": [{"type": "Shelter", "id": "urn:x:1"}]}])
    await register(live, 2, information=[{"entities": [{"type": "Shelter", "idPattern": "2$"}]}])
    await register(live, 3, information=[{"entities": [{"type": ["Shelter", "School"]}]}])
    await register(live, 4, information=[{"propertyNames": ["name"]}])
    await register(live, 5, information=[{"entities": [{"type": "Gate"}]}])
    assert await found(live, type="Shelter") == ["1", "2", "3", "4"]
    assert await found(live, type="(Shelter;School)") == ["3", "4"]
    assert await found(live, type="Gate,School") == ["3", "4", "5"]
    assert await found(live, type="Shelter", id="urn:x:1") == ["1", "3", "4"]
    assert await found(live, type="Shelter", id="urn:x:1,urn:x:2") == ["1", "2", "3", "4"]
    assert await found(live, type="Shelter", id="urn:x:3", idPattern=".*") == ["3", "4"]
    assert await found(live, type="Shelter", idPattern=":9$") == ["2", "3", "4"]
    assert await found(live, type="Shelter", idPattern=":1$") == ["1", "2", "3", "4"]


async def test_finds_by_attributes_in_attrs_pick_q_and_geoquery(live: Live) -> None:
    await register(live, 1, information=[info(propertyNames=["name"], relationshipNames=["operatedBy"])])
    await register(live, 2, information=[info(propertyNames=["capacity"])])
    await register(live, 3)
    here = {"type": "Point", "coordinates": [134.7, 35.4]}
    await register(live, 4, information=[info(propertyNames=["place"])], location=here)
    assert await found(live, attrs="name") == ["1", "3"]
    assert await found(live, attrs="operatedBy,capacity") == ["1", "2", "3"]
    assert await found(live, pick="capacity") == ["2", "3"]
    assert await found(live, q="capacity>5;name") == ["1", "2", "3"]
    assert await found(live, type="Shelter", pick="id,type") == ["1", "2", "3", "4"]
    near = {"georel": "near;maxDistance==5000", "geometry": "Point", "coordinates": "[134.7,35.4]"}
    assert await found(live, **near) == ["4"]
    assert await found(live, geoproperty="place", **near) == []


async def test_elements_of_information_match_as_a_whole(live: Live) -> None:
    apart = [info(propertyNames=["name"]), {"entities": [{"type": "School"}], "propertyNames": ["capacity"]}]
    await register(live, 1, information=apart)
    assert await found(live, type="Shelter", attrs="name") == ["1"]
    assert await found(live, type="Shelter", attrs="capacity") == []


async def test_finds_by_location_scope_and_context_source_filter(live: Live) -> None:
    square = {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]}
    await register(live, 1, location=square, scope="/Yabu/Oya", keeper="Yabu", refreshRate="PT1H")
    await register(live, 2, operationSpace=square, mode="auxiliary", operations=["retrieveOps"])
    await register(live, 3, expiresAt=FUTURE, management={"timeout": 50})
    inside = {"type": "Shelter", "geometry": "Point", "coordinates": "[1,1]"}
    assert await found(live, georel="near;maxDistance==1", **inside) == ["1"]
    assert await found(live, georel="contains", **inside) == ["1"]
    assert await found(live, georel="equals", **inside) == ["1"]
    part = {"type": "Shelter", "geometry": "Polygon", "coordinates": "[[[1,1],[9,1],[9,9],[1,1]]]"}
    assert await found(live, georel="within", **part) == ["1"]
    assert await found(live, georel="disjoint", **part) == ["1"]
    assert await found(live, type="Shelter", scopeQ="/Yabu/#") == ["1"]
    for csf, wanted in {
        'endpoint=="http://neighbour.example:1026"': ["1", "2", "3"],
        'mode=="inclusive"': ["1", "3"],
        "mode!=inclusive": ["2"],
        'keeper=="Yabu"': ["1"],
        "!keeper": ["2", "3"],
        'operations=="retrieveOps"': ["2"],
        "expiresAt>2090-01-01T00:00:00Z": ["3"],
        "management[timeout]<=50": ["3"],
        'refreshRate~="^PT"|management': ["1", "3"],
        f'id=="urn:ngsi-ld:{TYPE}:2"': ["2"],
        "createdAt>2020-01-01T00:00:00Z;location": ["1"],
    }.items():
        assert await found(live, type="Shelter", csf=csf) == wanted, csf


async def test_temporal_queries_find_temporal_sources_only(live: Live) -> None:
    year = {"startAt": "2025-01-01T00:00:00Z", "endAt": "2025-12-31T00:00:00Z"}
    await register(live, 1)
    await register(live, 2, observationInterval=year)
    await register(live, 3, managementInterval={"startAt": "2025-06-01T00:00:00Z"})

    async def during(timerel: str, day: str, **more: str) -> list[str]:
        return await found(live, type="Shelter", timerel=timerel, timeAt=f"{day}T00:00:00Z", **more)

    assert await found(live, type="Shelter") == ["1"]
    assert await found(live, type="Shelter", timeproperty="createdAt") == ["1"]
    assert await during("before", "2025-01-02") == ["2"]
    assert await during("before", "2025-01-01") == []
    assert await during("after", "2025-12-31") == ["2"]
    assert await during("after", "2026-01-01") == []
    assert await during("between", "2024-01-01", endTimeAt="2025-02-01T00:00:00Z") == ["2"]
    assert await during("between", "2024-01-01", endTimeAt="2025-01-01T00:00:00Z") == []
    for name in ("createdAt", "modifiedAt", "deletedAt"):
        assert await during("after", "2099-01-01", timeproperty=name) == ["3"]


async def test_pages_are_linked_and_counted(live: Live) -> None:
    for number in range(5):
        await register(live, number)
    first = await live.get(ROOT, type="Shelter", limit=2, count="true")
    assert first.headers["NGSILD-Results-Count"] == "5" and len(first.json) == 2
    assert 'offset=2&type=Shelter>; rel="next"; type="application/json"' in first.headers["Link"]
    last = await live.get(ROOT, type="Shelter", limit=2, offset=4)
    assert 'rel="prev"' in last.headers["Link"] and 'rel="next"' not in last.headers["Link"]
    assert [one["id"] for one in last.json] == [f"urn:ngsi-ld:{TYPE}:4"]
    assert (await live.get(ROOT, type="Shelter", limit=0, count="true")).json == []


async def test_every_type_asks_for_all_registrations(live: Live) -> None:
    for number in range(3):
        information = [{"entities": [{"type": f"T{number}"}], "propertyNames": [f"p{number}"]}]
        await live.post(ROOT, body(id=f"urn:x:{number}", information=information))
    found = await live.get(ROOT, type="*", count="true", limit=2)
    assert [one["id"] for one in found.json] == ["urn:x:0", "urn:x:1"]
    assert found.headers["NGSILD-Results-Count"] == "3"
