"""Entity maps of histories that several brokers hold. (5.14.5, 6.35)"""

from pathlib import Path

from tests.federation.rivers import EVER, OPERATIONS, RIVER, ROOT, add, levels, name
from tests.federation.towns import register, towns
from tests.live import Live


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
