"""Entities as they were at a time: the extension asOf, over HTTP. (docs/history.md)"""

from typing import Any

import pytest

from tests.live import Live

ID = "urn:ngsi-ld:River:1"
PATH = f"/entities/{ID}"


def at(hour: int) -> str:
    return f"2026-04-01T{hour:02}:00:00Z"


def level(value: float, hour: int) -> dict[str, Any]:
    return {"type": "Property", "value": value, "observedAt": at(hour)}


@pytest.fixture
async def river(live: Live) -> Live:
    """A river whose level was observed at 1, 3 and 5 o'clock, all of it told to the broker just now."""
    place = {
        "type": "GeoProperty",
        "value": {"type": "Point", "coordinates": [134.7, 35.4]},
        "observedAt": at(1),
    }
    await live.post("/entities", {"id": ID, "type": "River", "level": level(1, 1), "location": place})
    for value, hour in ((3, 3), (5, 5)):
        assert (await live.ask("PATCH", f"{PATH}/attrs/level", level(value, hour))).status == 204
    return live


async def value(live: Live, **params: Any) -> Any:
    reply = await live.get(PATH, options="keyValues", **params)
    return reply.json["level"] if reply.status == 200 else reply.status


async def test_the_latest_observation_until_then_is_told(river: Live) -> None:
    assert [await value(river, asOf=at(hour)) for hour in (1, 2, 3, 4, 5, 6)] == [1, 1, 3, 3, 5, 5]
    assert await value(river, asOf="2026-04-01T02:59:59.999999Z") == 1
    assert await value(river, asOf=at(0)) == 404


async def test_what_the_broker_knew_then_can_be_asked_instead(river: Live) -> None:
    assert await value(river, asOf=at(6), timeproperty="modifiedAt") == 404
    now = (await river.get(PATH, options="sysAttrs")).json["level"]["modifiedAt"]
    assert await value(river, asOf=now, timeproperty="modifiedAt") == 5


async def test_entities_are_found_by_what_they_were(river: Live) -> None:
    async def found(hour: int, **params: Any) -> list[Any]:
        reply = await river.get("/entities", asOf=at(hour), options="keyValues", **params)
        assert reply.status == 200, reply.json
        return [entity["level"] for entity in reply.json]

    assert await found(4, type="River") == [3]
    assert await found(4, q="level==3") == [3]
    assert await found(4, q="level==5") == []
    assert await found(0, type="River") == []
    near = {"georel": "near;maxDistance==1000", "geometry": "Point", "coordinates": "[134.7,35.4]"}
    assert await found(2, **near) == [1]
    counted = await river.get("/entities", asOf=at(4), type="River", count="true", limit=0)
    assert counted.headers["NGSILD-Results-Count"] == "1"


async def test_a_deleted_entity_is_still_there_in_the_past(river: Live) -> None:
    modified = (await river.get(PATH, options="sysAttrs")).json["level"]["modifiedAt"]
    await river.ask("DELETE", PATH)
    assert (await river.get(PATH)).status == 404
    assert await value(river, asOf=modified, timeproperty="modifiedAt") == 5


async def test_the_usual_forms_are_offered(river: Live) -> None:
    feature = await river.get(PATH, asOf=at(2), headers={"Accept": "application/geo+json"})
    assert feature.json["geometry"]["coordinates"] == [134.7, 35.4]
    linked = await river.get(PATH, asOf=at(2), pick="id,level", headers={"Accept": "application/ld+json"})
    assert set(linked.json) == {"id", "level", "@context"}
    assert (await river.get(PATH, asOf=at(2), attrs="width")).status == 404
    assert (await river.get(PATH, asOf=at(2), type="Gate")).status == 404


@pytest.mark.parametrize(
    "params",
    [
        {"asOf": "yesterday"},
        {"asOf": "2026-02-30T00:00:00Z"},
        {"asOf": at(1), "timeproperty": "deletedAt"},
        {"asOf": at(1), "entityMap": "true"},
        {"timeproperty": "observedAt"},
    ],
)
async def test_refuses_what_it_cannot_look_back_to(river: Live, params: dict[str, str]) -> None:
    for path in (PATH, "/entities"):
        assert (await river.get(path, **{"local": "true", **params})).status == 400


async def test_joins_linked_entities_as_they_were(river: Live) -> None:
    gate = {"id": "urn:ngsi-ld:Gate:1", "type": "Gate", "open": level(1, 1)}
    into = {"type": "Relationship", "object": gate["id"], "observedAt": at(2)}
    over = {"type": "Relationship", "object": ID, "observedAt": at(2)}
    assert (await river.post("/entities", gate | {"over": over})).status == 201
    assert (await river.ask("POST", f"{PATH}/attrs", {"into": into})).status == 204
    assert (await river.ask("PATCH", "/entities/urn:ngsi-ld:Gate:1/attrs/open", level(0, 4))).status == 204
    for hour, expected in ((3, 1), (5, 0)):
        reply = await river.get(PATH, asOf=at(hour), join="inline", joinLevel="2")
        assert reply.status == 200, reply.json
        joined = reply.json["into"]["entity"]
        assert joined["open"]["value"] == expected
        assert "entity" not in joined["over"]  # a circle is not followed
        for path in (PATH, "/entities?id=" + ID):
            flat = await river.ask("GET", path, params={"asOf": at(hour), "join": "flat", "local": "true"})
            assert [(one["id"], one.get("open", {}).get("value")) for one in flat.json] == [
                (ID, None),
                (gate["id"], expected),
            ]
    early = await river.get(PATH, asOf=at(1), join="inline")
    assert "into" not in early.json
