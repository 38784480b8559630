"""Parameters that no clause lists for an operation, and that are taken all the same."""

from typing import Any

from tests.live import Live

ALL = {"timerel": "after", "timeAt": "2026-01-01T00:00:00Z"}
IDS = [f"urn:ngsi-ld:Gauge:{number}" for number in range(3)]


async def filled(live: Live) -> None:
    for id in IDS:
        level = {"type": "Property", "value": 1, "observedAt": "2026-04-01T09:00:00Z"}
        assert (await live.post("/entities", {"id": id, "type": "Gauge", "level": level})).status == 201


async def test_a_map_is_whole_whatever_the_page(live: Live) -> None:
    await filled(live)
    page = {"limit": "1", "offset": "1", "count": "true"}
    query = {"type": "Query", "entities": [{"type": "Gauge"}]}
    for path, more in (("/entityMaps", {}), ("/temporal/entityMaps", ALL)):
        asked = await live.get(path, type="Gauge", **page, **more)
        assert (asked.status, sorted(asked.json["entityMap"])) == (201, IDS)
        body = {**query, "temporalQ": ALL} if more else query
        posted = await live.post(path, body, params=page)
        assert (posted.status, sorted(posted.json["entityMap"])) == (201, IDS)


async def test_distances_do_not_order_histories(live: Live) -> None:
    await filled(live)
    order = {"orderBy": "id;desc", "orderFrom": "[1,2]", "orderGeometry": "Point", "local": "true"}
    found = await live.get("/temporal/entities", type="Gauge", **order, **ALL)
    assert [one["id"] for one in found.json] == IDS[::-1]
    made = await live.get("/temporal/entityMaps", type="Gauge", **order, **ALL)
    assert (made.status, len(made.json["entityMap"])) == (201, 3)


async def test_one_history_is_told_with_its_map(live: Live) -> None:
    await filled(live)
    told = await live.get(f"/temporal/entities/{IDS[0]}", entityMap="true", entityMapLifetime="PT1H")
    assert told.status == 200
    kept = await live.get(f"/entityMaps/{told.headers['NGSILD-EntityMap'].rpartition('/')[2]}")
    assert list(kept.json["entityMap"]) == IDS[:1]


async def test_contexts_come_in_pages(live: Live) -> None:
    for number in range(3):
        body = {"@context": {"tempo": f"https://example.org/tempo{number}"}}
        assert (await live.post("/jsonldContexts", body)).status == 201
    page: dict[str, Any] = {"limit": 1, "count": "true", "kind": "Hosted"}
    seen = [await live.get("/jsonldContexts", offset=offset, **page) for offset in range(3)]
    assert [reply.headers["NGSILD-Results-Count"] for reply in seen] == ["3"] * 3
    assert len({reply.json[0] for reply in seen}) == 3
