"""Queries over HTTP: filters, paging, counting, Query bodies. (5.7.2, 5.5.9, 6.23)"""

from typing import Any

import pytest

from tests.live import Live


@pytest.fixture
async def city(live: Live) -> Live:
    batch = [
        {
            "id": f"urn:ngsi-ld:Shelter:{n:02}",
            "type": ["Shelter", "School"] if n % 2 else "Shelter",
            "scope": f"/Engawa/{'north' if n < 5 else 'south'}",
            "capacity": n * 10,
            "name": f"shelter {n}",
            "open": n % 3 == 0,
            "since": {"type": "Property", "value": f"2026-04-{n + 1:02}T09:00:00.5+09:00"},
            "location": {"type": "Point", "coordinates": [134.0 + n * 0.01, 35.0]},
            "district": {"type": "Relationship", "object": f"urn:ngsi-ld:District:{n % 2}"},
        }
        for n in range(10)
    ]
    assert (await live.post("/entityOperations/create", batch)).status == 201
    return live


def numbers(reply: Any) -> list[int]:
    return [int(entity["id"][-2:]) for entity in reply.json]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("capacity==10..30", [1, 2, 3]),
        ("capacity==10,20,70", [1, 2, 7]),
        ("capacity!=10..80", [0, 9]),
        ("capacity>70;open==true", [9]),
        ("capacity<20|capacity>80", [0, 1, 9]),
        ("(capacity<20|capacity>80);open==true", [0, 9]),
        ('name=="shelter 4"', [4]),
        ("name~=^shelter [12]$", [1, 2]),
        ('name=="x"', []),
        ('capacity!="x"', list(range(10))),
        ("height", []),
        ("district==urn:ngsi-ld:District:1", [1, 3, 5, 7, 9]),
        ("since<2026-04-02T00:00:00.5Z", [0]),
        ("since==2026-04-03T00:00:00.5Z", [2]),
    ],
)
async def test_filters_by_q(city: Live, q: str, expected: list[int]) -> None:
    assert numbers(await city.get("/entities", type="Shelter", q=q)) == expected


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"type": "School"}, [1, 3, 5, 7, 9]),
        ({"type": "(School;Shelter)"}, [1, 3, 5, 7, 9]),
        ({"type": "*"}, list(range(10))),
        ({"type": "Shelter", "idPattern": ".*0[78]$"}, [7, 8]),
        ({"type": "Shelter", "id": "urn:ngsi-ld:Shelter:03,urn:ngsi-ld:Shelter:99"}, [3]),
        ({"type": "Shelter", "scopeQ": "/Engawa/south"}, [5, 6, 7, 8, 9]),
        ({"type": "Shelter", "scopeQ": "/Engawa/#"}, list(range(10))),
        ({"type": "Shelter", "scopeQ": "/+/north"}, [0, 1, 2, 3, 4]),
        ({"georel": "near;maxDistance==1000", "geometry": "Point", "coordinates": "[134.0,35.0]"}, [0, 1]),
        (
            {
                "georel": "within",
                "geometry": "Polygon",
                "coordinates": "[[[134.015,34.9],[134.045,34.9],[134.045,35.1],[134.015,35.1],[134.015,34.9]]]",
            },
            [2, 3, 4],
        ),
        ({"attrs": "capacity", "limit": "2"}, [0, 1]),
    ],
)
async def test_filters(city: Live, params: dict[str, str], expected: list[int]) -> None:
    assert numbers(await city.get("/entities", **params)) == expected


async def test_pages_by_links(city: Live) -> None:
    first = await city.get("/entities", type="Shelter", limit=4, count="true", q="capacity>=0")
    assert first.headers["NGSILD-Results-Count"] == "10"
    seen, reply = numbers(first), first
    while True:
        link = reply.headers["Link"]
        found = [part for part in link.split(", ") if 'rel="next"' in part]
        if not found:
            assert 'rel="prev"' in link
            break
        assert 'type="application/json"' in found[0]
        path = found[0].partition(">")[0].lstrip("<").removeprefix("/ngsi-ld/v1")
        reply = await city.get(path)
        seen += numbers(reply)
    assert seen == list(range(10))


async def test_counts_alone(city: Live) -> None:
    reply = await city.get("/entities", type="School", limit=0, count="true")
    assert (reply.json, reply.headers["NGSILD-Results-Count"]) == ([], "5")
    assert (await city.get("/entities", type="School", limit=0)).status == 400


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"id": "urn:ngsi-ld:Shelter:01"},
        {"type": "Shelter", "unknown": "1"},
        {"type": "Shelter", "options": "unknown"},
        {"type": "Shelter", "limit": "-1"},
        {"type": "Shelter", "limit": "x"},
        {"type": "Shelter", "q": "capacity>"},
        {"type": "Shelter", "q": "name~=(["},
        {"type": "Shelter", "georel": "near", "geometry": "Point"},
        {"type": "Shelter", "georel": "near;maxDistance==x", "geometry": "Point", "coordinates": "[1,2]"},
        {"type": "Shelter", "georel": "near;maxDistance==1", "geometry": "Point", "coordinates": "[1,"},
        {"type": "Shelter", "geometryProperty": "location"},
        {"type": "Shelter", "id": "not a uri"},
    ],
)
async def test_refuses_what_it_does_not_understand(city: Live, params: dict[str, str]) -> None:
    reply = await city.get("/entities", **params)
    assert reply.status == 400
    assert reply.json["detail"]


async def test_takes_a_query_body(city: Live) -> None:
    body = {
        "type": "Query",
        "entities": [
            {"type": "School", "idPattern": ".*0[13]$"},
            {"type": "Shelter", "id": "urn:ngsi-ld:Shelter:08"},
        ],
        "q": "capacity>10",
        "geoQ": {"georel": "near;maxDistance==100000", "geometry": "Point", "coordinates": [134.0, 35.0]},
        "pick": ["id", "capacity"],
    }
    reply = await city.post("/entityOperations/query", body, params={"count": "true"})
    assert numbers(reply) == [3, 8]
    assert set(reply.json[0]) == {"id", "capacity"}
    assert reply.headers["NGSILD-Results-Count"] == "2"
    assert (await city.post("/entityOperations/query", {"type": "Query"})).status == 400
    assert (await city.post("/entityOperations/query", {"entities": [{"type": "School"}]})).status == 400


async def test_discovers_types_and_attributes(city: Live) -> None:
    assert (await city.get("/types")).json["typeList"] == ["School", "Shelter"]
    detailed = (await city.get("/types", details="true")).json
    assert "capacity" in detailed[0]["attributeNames"]
    one = (await city.get("/types/School")).json
    assert one["entityCount"] == 5
    assert {a["attributeName"]: a["attributeTypes"] for a in one["attributeDetails"]}["location"] == [
        "GeoProperty"
    ]
    assert (await city.get("/types/Library")).status == 404
    assert "capacity" in (await city.get("/attributes")).json["attributeList"]
    attribute = (await city.get("/attributes/capacity")).json
    assert (attribute["attributeCount"], attribute["typeNames"]) == (10, ["School", "Shelter"])
    await city.ask("DELETE", "/entities", params={"type": "School"})
    assert (await city.get("/types")).json["typeList"] == ["Shelter"]
    assert (await city.get("/attributes/capacity")).json["attributeCount"] == 5
