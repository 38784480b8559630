"""Pages, counts and maps over several brokers: none lost, none twice. (4.3.6.7, 5.5.9, 5.5.14, 5.14.4)"""

import random
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.federation.shared_towns import Towns, ids, registered, shelter, source, towns


async def fill(three: Towns, number: int) -> list[str]:
    """Put shelters into all towns, in no order; give their names in order."""
    names = [f"{at:03}" for at in range(number)]
    shuffled = random.Random(7).sample(names, number)
    for where in range(3):
        mine = [
            shelter(name, seats=int(name), location=_place(int(name)), scope=f"/Town{where}")
            for name in shuffled[where::3]
        ]
        await three.put(where, *mine)
    return names


def _place(at: int) -> dict[str, Any]:
    return {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [134.0 + at / 100, 35.0]}}


async def walked(live: Any, limit: int, headers: dict[str, str] | None = None, **params: Any) -> list[str]:
    """Follow the links to the end."""
    found, path = [], "/entities"
    reply = await live.get(path, headers=headers, limit=limit, **params)
    for _ in range(100):
        assert reply.status in (200, 201), reply.json
        assert len(reply.json) <= limit
        found += ids(reply)
        following = [one for one in reply.headers.get("Link", "").split(", ") if 'rel="next"' in one]
        if not following:
            return found
        target = following[0].partition(">")[0].removeprefix("</ngsi-ld/v1")
        reply = await live.ask("GET", target, headers=headers)
    raise AssertionError("the pages do not end")


async def test_pages_neither_lose_nor_repeat(tmp_path: Path) -> None:
    async with towns(tmp_path) as three:
        names = await fill(three, 60)
        await three.register()
        for limit in (1, 7, 25, 1000):
            assert await walked(three.here, limit, type="Shelter") == names
        assert await walked(three.whole, 25, type="Shelter", orderBy="id") == names


QUERIES: list[dict[str, str]] = [
    {"q": "seats>20"},
    {"q": "seats>20", "splitEntities": "true"},
    {"scopeQ": "/Town1"},
    {"georel": "near;maxDistance==20000", "geometry": "Point", "coordinates": "[134.4,35.0]"},
    {"idPattern": "5$"},
    {"id": "urn:ngsi-ld:Shelter:005,urn:ngsi-ld:Shelter:006,urn:ngsi-ld:Shelter:007"},
    {"attrs": "seats"},
    {"q": "seats==1000"},
]


async def test_several_brokers_find_what_one_with_everything_finds(tmp_path: Path) -> None:
    async with towns(tmp_path) as three:
        await fill(three, 75)
        await three.register()
        for query in QUERIES:
            given = {"type": "Shelter", "count": "true", "limit": 10, "format": "simplified", **query}
            for offset in (0, 10, 70):
                there = await three.whole.get("/entities", orderBy="id", offset=offset, **_unsplit(given))
                here = await three.here.get("/entities", offset=offset, **given)
                assert here.status == there.status == 200, here.json
                assert here.json == there.json
                assert here.headers["NGSILD-Results-Count"] == there.headers["NGSILD-Results-Count"]


def _unsplit(query: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if name != "splitEntities"}


async def test_counts_alone_are_exact_where_towns_hold_the_same(tmp_path: Path) -> None:
    async with towns(tmp_path) as three:
        same = [shelter(f"{at:02}", seats=at) for at in range(40)]
        for live in (three.here, *three.others):
            await live.post("/entityOperations/create", same)
        await three.here.post("/entities", shelter("more", seats=1))
        await three.register()
        reply = await three.here.get("/entities", type="Shelter", limit=0, count="true")
        assert reply.json == []
        assert reply.headers["NGSILD-Results-Count"] == "41"


async def test_a_source_without_an_order_is_read_to_its_end(tmp_path: Path) -> None:
    async with towns(tmp_path, 1) as two:
        names = [f"{at:03}" for at in range(90)]
        await two.put(1, *[shelter(name) for name in random.Random(3).sample(names, 90)])
        await two.put(0, shelter("0005"), shelter("zzz"))
        asked: list[str] = []

        async def in_order_of_creation(request: web.Request) -> web.Response:
            asked.append(request.query.get("offset", "0"))
            target = request.path_qs.removeprefix("/ngsi-ld/v1")
            reply = await two.others[0].ask("GET", target)
            kept = {name: reply.headers[name] for name in ("Link",) if name in reply.headers}
            return web.Response(body=reply.raw, content_type="application/json", headers=kept)

        async with source(in_order_of_creation) as url:
            await registered(two.here, url)
            first = await two.here.get("/entities", type="Shelter", limit=5)
            assert ids(first) == ["000", "0005", "001", "002", "003"]
            assert asked == ["0", "20"]
            assert await walked(two.here, 25, type="Shelter") == sorted([*names, "0005", "zzz"])


async def test_a_map_names_the_sources_and_fixes_the_entities(tmp_path: Path) -> None:
    async with towns(tmp_path) as three:
        names = await fill(three, 30)
        await three.register()
        made = await three.here.get("/entities", type="Shelter", entityMap="true", limit=4)
        assert made.status == 201
        location = made.headers["NGSILD-EntityMap"]
        body = (await three.here.get(location.removeprefix("/ngsi-ld/v1"))).json
        assert sorted(body["entityMap"]) == [f"urn:ngsi-ld:Shelter:{name}" for name in names]
        assert sum(sources == ["@none"] for sources in body["entityMap"].values()) == 10
        assert len(body["linkedMaps"]) == 2
        for other in three.others:
            [theirs] = [
                reply.json
                for id in body["linkedMaps"].values()
                if (reply := await other.get(f"/entityMaps/{id}")).status == 200
            ]
            assert len(theirs["entityMap"]) == 10
        await three.put(2, shelter("000a"))
        gone = "urn:ngsi-ld:Shelter:007"
        for live in (three.here, *three.others):
            await live.ask("DELETE", f"/entities/{gone}?local=true")
        headers = {"NGSILD-EntityMap": location}
        assert await walked(three.here, 4, headers, type="Shelter") == [n for n in names if n != "007"]
        after = (await three.here.get(location.removeprefix("/ngsi-ld/v1"))).json
        assert gone not in after["entityMap"]


async def test_a_map_keeps_entities_whose_source_is_silent(tmp_path: Path) -> None:
    async with towns(tmp_path, 1) as two:
        await two.put(1, shelter("a"), shelter("b"))
        await two.put(0, shelter("c"))
        id = await registered(two.here, two.others[0].url)
        made = await two.here.get("/entities", type="Shelter", entityMap="true")
        headers = {"NGSILD-EntityMap": made.headers["NGSILD-EntityMap"]}
        await two.here.ask("PATCH", f"/csourceRegistrations/{id}", {"endpoint": "http://127.0.0.1:9"})
        silent = await two.here.get("/entities", headers=headers, type="Shelter")
        assert ids(silent) == ["c"]
        assert "NGSILD-Warning" in silent.headers
        await two.here.ask(
            "PATCH",
            f"/csourceRegistrations/{id}",
            {"endpoint": two.others[0].url, "management": {"cooldown": 1}},
        )
        assert ids(await two.here.get("/entities", headers=headers, type="Shelter")) == ["a", "b", "c"]


async def test_a_map_outlives_those_that_sources_made(tmp_path: Path) -> None:
    async with towns(tmp_path) as three:
        names = await fill(three, 12)
        await three.register()
        made = await three.here.get("/entities", type="Shelter", entityMap="true", limit=2)
        location = made.headers["NGSILD-EntityMap"]
        linked = (await three.here.get(location.removeprefix("/ngsi-ld/v1"))).json["linkedMaps"]
        for id in linked.values():
            gone = [(await other.ask("DELETE", f"/entityMaps/{id}")).status for other in three.others]
            assert sorted(gone) == [204, 404]
        assert await walked(three.here, 5, {"NGSILD-EntityMap": location}, type="Shelter") == names


async def test_sources_that_make_no_maps_are_read(tmp_path: Path) -> None:
    async with towns(tmp_path) as three:
        names = await fill(three, 12)
        await three.register(operations=["retrieveOps"])
        made = await three.here.get("/entityMaps", type="Shelter")
        assert made.json["linkedMaps"] == {}
        assert [id.rpartition(":")[2] for id in made.json["entityMap"]] == names


async def test_another_query_may_not_use_a_map(tmp_path: Path) -> None:
    async with towns(tmp_path) as three:
        await fill(three, 6)
        await three.register()
        made = await three.here.get("/entities", type="Shelter", entityMap="true")
        headers = {"NGSILD-EntityMap": made.headers["NGSILD-EntityMap"]}
        assert (await three.here.get("/entities", headers=headers, type="Shelter", q="seats>1")).status == 400
        some = await three.here.get(
            "/entities", headers=headers, type="Shelter", id="urn:ngsi-ld:Shelter:001,urn:ngsi-ld:Shelter:003"
        )
        assert ids(some) == ["001", "003"]


async def test_a_map_of_one_entity_says_whom_to_ask(tmp_path: Path) -> None:
    async with towns(tmp_path) as three:
        await three.put(1, shelter("a", seats=1))
        await three.register()
        path = "/entities/urn:ngsi-ld:Shelter:a"
        made = await three.here.get(path, entityMap="true")
        headers = {"NGSILD-EntityMap": made.headers["NGSILD-EntityMap"]}
        await three.others[1].post("/entities", shelter("a", beds=1))
        assert "beds" not in (await three.here.get(path, headers=headers)).json
        assert "beds" in (await three.here.get(path)).json


async def test_a_map_is_made_without_reading_a_page(tmp_path: Path) -> None:
    async with towns(tmp_path) as three:
        names = await fill(three, 30)
        await three.register()
        made = await three.here.get("/entityMaps", type="Shelter", q="seats<10")
        assert made.status == 201
        assert sorted(made.json["entityMap"]) == [f"urn:ngsi-ld:Shelter:{name}" for name in names[:10]]
