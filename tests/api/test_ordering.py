"""Ordered queries over HTTP (clauses 4.23, 5.2.43, 5.7.2.4): pages, parameters of GET and POST, refusals."""

import random
from typing import Any

import pytest

from tests.live import Live

NEAR, MIDDLE, FAR = (f"urn:ngsi-ld:Shelter:{name}" for name in ("near", "middle", "far"))


async def three(live: Live) -> None:
    for id, longitude, name in ((FAR, 136.0, "Zebra"), (NEAR, 134.8, "Ähre"), (MIDDLE, 135.0, "apfel")):
        body = {
            "id": id,
            "type": "Shelter",
            "name": {"type": "Property", "value": name},
            "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [longitude, 35.4]}},
        }
        assert (await live.post("/entities", body)).status == 201


def ids(reply: Any) -> list[str]:
    assert reply.status == 200, reply.json
    return [entity["id"] for entity in reply.json]


async def test_orders_by_values_members_and_distances(live: Live) -> None:
    await three(live)
    query = {"type": "Shelter", "local": "true"}
    assert ids(await live.get("/entities", orderBy="name", **query)) == [NEAR, MIDDLE, FAR]
    assert ids(await live.get("/entities", orderBy="name;desc", **query)) == [FAR, MIDDLE, NEAR]
    assert ids(await live.get("/entities", orderBy="createdAt;desc", **query)) == [MIDDLE, NEAR, FAR]
    assert ids(await live.get("/entities", orderBy="type,id", **query)) == [FAR, MIDDLE, NEAR]
    near = {"orderFrom": "[134.7,35.4]", **query}
    assert ids(await live.get("/entities", orderBy="location;dist-asc", **near)) == [NEAR, MIDDLE, FAR]
    assert ids(await live.get("/entities", orderBy="location;dist-desc", **near)) == [FAR, MIDDLE, NEAR]


async def test_takes_ordering_in_a_query_body(live: Live) -> None:
    await three(live)
    query = {"type": "Query", "entities": [{"type": "Shelter"}]}

    async def ordered(**ordering: Any) -> Any:
        return await live.post("/entityOperations/query", {**query, "ordering": ordering})

    assert ids(await ordered(orderBy=["name;desc"], collation="de-u-co-phonebk")) == [FAR, MIDDLE, NEAR]
    near = {"orderBy": ["location;dist-asc"], "coordinates": [134.7, 35.4], "geometry": "Point"}
    assert ids(await ordered(**near)) == [NEAR, MIDDLE, FAR]
    for wrong in (
        {"orderBy": ["location;dist-asc"]},
        {"orderBy": ["location;dist-asc"], "coordinates": "134.7,35.4"},
        {"orderBy": ["id"], "geometry": 5},
        {"orderBy": ["id"], "collation": "no such"},
        {"orderBy": []},
        {"orderBy": ["id"], "direction": "up"},
    ):
        assert (await ordered(**wrong)).status == 400, wrong


@pytest.mark.parametrize(
    "wrong",
    [
        {"orderBy": "name;up"},
        {"orderBy": "location;dist-asc"},
        {"collation": "!!nope"},
        {"orderBy": "location;dist-asc", "orderFrom": "134.7,35.4"},
        {"orderBy": "name", "orderGeometry": "Circle"},
    ],
)
async def test_refuses_an_order_it_cannot_give(live: Live, wrong: dict[str, str]) -> None:
    reply = await live.get("/entities", type="Shelter", **wrong)
    assert (reply.status, reply.json["type"][-14:]) == (400, "BadRequestData")


async def test_pages_of_an_order_hold_everything_once(live: Live) -> None:
    """Equal values keep a stable order, values that changed are seen, the count is that of all."""
    chance = random.Random(4)
    values = {f"urn:ngsi-ld:Gauge:{n}": chance.choice([1, 2, 3, "a", "b", None]) for n in range(150)}
    batch: list[dict[str, Any]] = [{"id": id, "type": "Gauge"} for id in values]
    for body in batch:
        if values[body["id"]] is not None:
            body["level"] = {"type": "Property", "value": values[body["id"]]}
    assert (await live.post("/entityOperations/create", batch)).status == 201

    async def read() -> list[str]:
        found: list[str] = []
        while True:
            reply = await live.get(
                "/entities", type="Gauge", orderBy="level;desc", limit=40, offset=len(found), count="true"
            )
            assert reply.headers["NGSILD-Results-Count"] == "150"
            found += ids(reply)
            if 'rel="next"' not in reply.headers.getall("Link")[0]:
                return found

    def expected() -> list[str]:
        places = [3, 2, 1, "b", "a", None]
        return sorted(values, key=lambda id: places.index(values[id]))

    assert await read() == expected()
    moved = next(id for id, value in values.items() if value is None)
    values[moved] = 3
    fragment = {"level": {"type": "Property", "value": 3}}
    assert (await live.post(f"/entities/{moved}/attrs", fragment)).status == 204
    assert await read() == expected()
