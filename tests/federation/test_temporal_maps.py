"""Entity maps of histories that several brokers hold. (5.14.5, 6.35)"""

from pathlib import Path

from tests.federation.fakes import fake
from tests.federation.rivers import EVER, OPERATIONS, RIVER, ROOT, add, at, levels, name
from tests.federation.towns import register, towns
from tests.live import Live, live_broker

MAP = "NGSILD-EntityMap"


async def test_entity_maps_hold_the_entities_of_all_brokers(two: list[Live]) -> None:
    here, there = two
    await add(here, 1, 1)
    await add(there, 2, 2)
    made = await here.get(ROOT, type="River", entityMap="true", **EVER)
    assert made.status == 201
    assert [one["id"] for one in made.json] == [name(1), name(2)]
    await add(there, 3, 3)
    headers = {"NGSILD-EntityMap": made.headers["NGSILD-EntityMap"]}
    again = await here.get(ROOT, headers=headers, type="River", **EVER)
    assert [one["id"] for one in again.json] == [name(1), name(2)]
    await there.ask("DELETE", f"{ROOT}/{name(2)}")
    left = await here.get(ROOT, headers=headers, type="River", **EVER)
    assert [one["id"] for one in left.json] == [name(1)]


async def test_entity_maps_tell_where_the_entities_are(tmp_path: Path) -> None:
    async with towns(tmp_path, 3) as (here, one, other):
        first = await register(here, one, RIVER, operations=OPERATIONS)
        second = await register(here, other, RIVER, operations=OPERATIONS)
        await add(here, 1, 1)
        await add(one, 1, 2)
        await add(other, 2, 3)
        made = await here.get("/temporal/entityMaps", type="River", **EVER)
        assert made.status == 201
        assert {id: set(at) for id, at in made.json["entityMap"].items()} == {
            name(1): {"@none", first},
            name(2): {second},
        }
        await add(other, 1, 4)
        headers = {"NGSILD-EntityMap": made.headers["NGSILD-EntityMap"]}
        page = (await here.get(ROOT, headers=headers, type="River", limit=1, **EVER)).json
        assert levels(page[0]) == [1, 2]
        single = await here.get(f"{ROOT}/{name(1)}", headers=headers)
        assert levels(single.json) == [1, 2]
        assert levels((await here.get(f"{ROOT}/{name(1)}")).json) == [1, 2, 4]


async def test_sources_make_maps_of_their_own_and_are_asked_by_them(tmp_path: Path) -> None:
    async with towns(tmp_path, 2) as (here, there):
        source = await register(here, there, RIVER, operations=[*OPERATIONS, "createEntityMapQueryTemporal"])
        await add(here, 1, 1)
        await add(there, 2, 2)
        made = await here.get("/temporal/entityMaps", type="River", q="level>0", **EVER)
        assert made.json["entityMap"] == {name(1): ["@none"], name(2): [source]}
        further = made.json["linkedMaps"][source].rpartition("/")[2]
        assert (await there.get(f"/entityMaps/{further}")).json["entityMap"] == {name(2): ["@none"]}
        headers = {"NGSILD-EntityMap": made.headers["NGSILD-EntityMap"]}
        await add(there, 3, 3)
        page = await here.get(ROOT, headers=headers, type="River", q="level>0", **EVER)
        assert [one["id"] for one in page.json] == [name(1), name(2)]
        assert "NGSILD-Warning" not in page.headers


async def test_a_source_is_told_of_the_map_it_made_of_histories(tmp_path: Path) -> None:
    """Also where one history is retrieved; who knows the map no more is asked without it. (5.7.3.4, 5.5.14)"""
    map = {"id": "urn:ngsi-ld:EntityMap:there", "type": "EntityMap", "entityMap": {name(1): ["@none"]}}
    level = [{"type": "Property", "value": 1, "observedAt": at(1)}]
    river = {"id": name(1), "type": "River", "level": level}
    operations = [*OPERATIONS, "createEntityMapQueryTemporal"]
    async with live_broker(tmp_path) as live, fake(map) as source, fake(river) as other:
        await register(live, source.url, RIVER, operations=operations)
        await register(live, other.url, RIVER, operations=["retrieveTemporal"])
        made = await live.get("/temporal/entityMaps", type="River", **EVER)
        assert list(made.json["linkedMaps"].values()) == [map["id"]]
        named = {MAP: f"/ngsi-ld/v1/entityMaps/{made.json['id']}"}
        for path, params, body in (
            (f"{ROOT}/{name(1)}", {}, river),
            (ROOT, {"type": "River"} | EVER, [river]),
        ):
            source.body, source.status = body, 200
            reply = await live.get(path, headers=named, **params)
            assert (reply.status, "NGSILD-Warning" in reply.headers) == (200, False)
            assert source.last.headers[MAP] == f"/ngsi-ld/v1/entityMaps/{map['id']}"
            source.status = 400
            await live.get(path, headers=named, **params)
            assert [MAP in one.headers for one in source.seen[-2:]] == [True, False]
        assert not other.seen  # the map says where the entity is
        source.status = 200
        await live.get(f"{ROOT}/{name(1)}")
        assert MAP not in source.last.headers


async def test_a_part_that_another_source_claims_for_itself_is_not_shown_by_a_map_of_histories(
    tmp_path: Path,
) -> None:
    """Also where that source has nothing of the entity, and the map does not name it. (4.3.6.3, 5.5.14)"""
    async with towns(tmp_path, 3) as (here, one, other):
        only = {**RIVER, "id": name(1)}
        claimed = {"mode": "exclusive", "attributes": ["level"], "operations": OPERATIONS}
        await register(here, one, only, **claimed)
        await register(here, other, RIVER, operations=OPERATIONS)
        await add(other, 1, 1, depth={"type": "Property", "value": 2, "observedAt": at(1)})
        made = await here.get("/temporal/entityMaps", type="River", **EVER)
        named = {MAP: f"/ngsi-ld/v1/entityMaps/{made.json['id']}"}
        for headers in ({}, named):
            told = (await here.get(f"{ROOT}/{name(1)}", headers=headers)).json
            assert "depth" in told
            assert "level" not in told
