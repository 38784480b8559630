"""Temporal Evolutions of several brokers, asked of one. (5.7.3, 5.7.4, 6.18.3.2, 6.19.3.1, 6.24)"""

import asyncio
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.access.town import town
from tests.federation.rivers import EVER, OPERATIONS, RIVER, ROOT, add, at, levels, name
from tests.federation.towns import register, registration, towns
from tests.live import Live, live_broker

DAY: dict[str, Any] = {
    "timerel": "between",
    "timeAt": "2026-04-01T00:00:00Z",
    "endTimeAt": "2026-04-02T00:00:00Z",
}
SHAPES: list[dict[str, Any]] = [
    {},
    {"lastN": 3},
    {"format": "temporalValues"},
    {"format": "temporalValues", "lastN": 2, "attrs": "level"},
    {
        "format": "aggregatedValues",
        "pick": "level,depth",
        "aggrMethods": "avg,min,totalCount",
        "aggrPeriodDuration": "PT3H",
    },
    {"format": "aggregatedValues", "attrs": "level", "aggrMethods": "max,stddev,distinctCount"},
    {"format": "concise", "pick": "id,type,level"},
    {"omit": "depth"},
    {"datasetId": "urn:ngsi-ld:Dataset:a"},
    {"q": "level>8"},
    {"q": "level==2;depth<4", "limit": 2, "offset": 1},
    {"scopeQ": "/Yabu/#"},
    {"timerel": "between", "timeAt": at(3), "endTimeAt": at(7)},
    {"timerel": "before", "timeAt": at(2.5), "count": "true", "limit": 3},
    {"timerel": "after", "timeAt": at(9), "lastN": 1},
    {"georel": "near;maxDistance==1000", "geometry": "Point", "coordinates": "[134,35]"},
]


async def test_retrieves_what_a_source_alone_has(two: list[Live]) -> None:
    here, there = two
    await add(there, 1, 1, 2)
    reply = await here.get(f"{ROOT}/{name(1)}", **EVER)
    assert reply.status == 200
    assert reply.json["type"] == "River"
    assert levels(reply.json) == [1, 2]
    assert (await here.get(f"{ROOT}/{name(1)}", local="true")).status == 404


async def test_joins_the_instances_of_an_entity_in_the_order_of_time(two: list[Live]) -> None:
    here, there = two
    await add(here, 1, 1, 4)
    await add(there, 1, 2, 3, 5)
    assert levels((await here.get(f"{ROOT}/{name(1)}")).json) == [1, 2, 3, 4, 5]
    assert levels((await here.get(f"{ROOT}/{name(1)}", timerel="before", timeAt=at(4))).json) == [1, 2, 3]
    assert levels((await here.get(f"{ROOT}/{name(1)}", lastN=2, **EVER)).json) == [4, 5]


async def test_of_one_moment_the_instance_changed_last_counts(two: list[Live]) -> None:
    here, there = two
    await add(here, 1, 1)
    await add(there, 1, 1, offset=10)
    assert levels((await here.get(f"{ROOT}/{name(1)}")).json) == [11]
    await add(here, 1, 1, offset=20)
    assert levels((await here.get(f"{ROOT}/{name(1)}")).json) == [21]


async def test_datasets_stay_apart(two: list[Live]) -> None:
    here, there = two
    await add(here, 1, 1)
    other = {"type": "Property", "value": 7, "observedAt": at(1), "datasetId": "urn:ngsi-ld:Dataset:a"}
    made = await there.post(ROOT, {"id": name(1), "type": "River", "level": [other]})
    assert made.status == 201
    assert sorted(levels((await here.get(f"{ROOT}/{name(1)}")).json)) == [1, 7]
    only = await here.get(f"{ROOT}/{name(1)}", datasetId="urn:ngsi-ld:Dataset:a")
    assert levels(only.json) == [7]


async def test_tells_pairs_and_aggregated_values_of_the_joined_instances(two: list[Live]) -> None:
    here, there = two
    await add(here, 1, 1, 3)
    await add(there, 1, 2, 6)
    pairs = (await here.get(f"{ROOT}/{name(1)}", format="temporalValues", **EVER)).json["level"]
    assert pairs["values"] == [[1, at(1)], [2, at(2)], [3, at(3)], [6, at(6)]]
    shape: dict[str, Any] = {"format": "aggregatedValues", "aggrMethods": "avg,totalCount", **DAY}
    figures = (await here.get(f"{ROOT}/{name(1)}", **shape)).json["level"]
    assert [figures["avg"][0][0], figures["totalCount"][0][0]] == [3, 4]
    listed = (await here.get(ROOT, type="River", **shape)).json
    assert listed[0]["level"]["avg"][0][0] == 3


async def test_shows_the_times_and_identifiers_that_a_source_gave(two: list[Live]) -> None:
    here, there = two
    await add(there, 1, 1)
    told = (await there.get(f"{ROOT}/{name(1)}", options="sysAttrs")).json
    assert (await here.get(f"{ROOT}/{name(1)}", options="sysAttrs")).json == told
    assert "instanceId" in str(told)


async def test_queries_entities_of_all_brokers_in_pages(two: list[Live]) -> None:
    here, there = two
    for number in range(1, 8):
        await add((here, there)[number % 2], number, 1)
    await add(here, 1, 2)
    seen = []
    for offset in range(0, 8, 3):
        reply = await here.get(ROOT, type="River", limit=3, offset=offset, count="true", **EVER)
        assert reply.headers["NGSILD-Results-Count"] == "7"
        seen += [one["id"] for one in reply.json]
    assert seen == [name(number) for number in range(1, 8)]
    [first] = (await here.get(ROOT, type="River", limit=1, **EVER)).json
    assert levels(first) == [1, 2]


async def test_a_query_by_body_finds_the_same(two: list[Live]) -> None:
    here, there = two
    await add(here, 1, 1)
    await add(there, 2, 2)
    await add(there, 3, 9)
    query = {
        "type": "Query",
        "entities": [RIVER],
        "q": "level<5",
        "temporalQ": {"timerel": "after", "timeAt": "2020-01-01T00:00:00Z"},
    }
    posted = await here.post("/temporal/entityOperations/query", query)
    assert [one["id"] for one in posted.json] == [name(1), name(2)]
    assert posted.json == (await here.get(ROOT, type="River", q="level<5", **EVER)).json


async def test_sources_filter_by_values_scopes_and_patterns(two: list[Live]) -> None:
    here, there = two
    when = {"observedAt": at(0)}
    await add(there, 1, 1, scope=[{"type": "Property", "value": "/Yabu", **when}])
    await add(there, 2, 2, scope=[{"type": "Property", "value": "/Asago", **when}])

    async def found(**params: Any) -> list[str]:
        reply = await here.get(ROOT, type="River", **params, **EVER)
        assert reply.status == 200, reply.json
        return [one["id"] for one in reply.json]

    assert await found(q="level>1") == [name(2)]
    assert await found(scopeQ="/Yabu") == [name(1)]
    assert await found(idPattern=".*02$") == [name(2)]
    assert await found(attrs="depth") == []


async def test_entities_in_parts_are_filtered_when_they_are_joined(two: list[Live]) -> None:
    here, there = two
    await add(here, 1, 1)
    depth = {"type": "Property", "value": 5, "observedAt": at(2)}
    await there.post(ROOT, {"id": name(1), "type": "River", "depth": [depth]})
    asked: dict[str, Any] = {"type": "River", "q": "level==1;depth==5", **EVER}
    assert (await here.get(ROOT, **asked)).json == []
    [found] = (await here.get(ROOT, splitEntities="true", **asked)).json
    assert {"level", "depth"} <= found.keys()


async def test_asks_only_for_what_is_registered(tmp_path: Path) -> None:
    async with towns(tmp_path, 2) as (here, there):
        await register(here, there, RIVER, attributes=["level"], operations=OPERATIONS)
        depth = {"type": "Property", "value": 5, "observedAt": at(2)}
        await add(there, 1, 1, depth=[depth])
        reply = await here.get(f"{ROOT}/{name(1)}")
        assert levels(reply.json) == [1]
        assert "depth" not in reply.json
        assert (await here.get(ROOT, type="River", attrs="depth", **EVER)).json == []


async def test_a_source_is_asked_within_the_time_it_is_registered_for(tmp_path: Path) -> None:
    async with towns(tmp_path, 2) as (here, there):
        interval = {"startAt": at(2), "endAt": at(4)}
        await register(here, there, RIVER, operations=OPERATIONS, observationInterval=interval)
        await add(there, 1, 1, 2, 3, 4, 5)
        [found] = (await here.get(ROOT, type="River", **EVER)).json
        assert levels(found) == [2, 3, 4]
        assert (await here.get(ROOT, type="River", timerel="after", timeAt=at(5))).json == []
        assert (await here.get(ROOT, type="River", timeproperty="modifiedAt", **EVER)).json == []


async def test_sources_that_do_not_offer_it_are_not_asked(tmp_path: Path) -> None:
    async with towns(tmp_path, 2) as (here, there):
        await register(here, there, RIVER)
        await add(there, 1, 1)
        assert (await here.get(f"{ROOT}/{name(1)}")).status == 404
        assert (await here.get(ROOT, type="River", **EVER)).json == []


async def test_long_histories_are_told_in_pages_that_lose_and_repeat_nothing(tmp_path: Path) -> None:
    async with towns(tmp_path, 2, temporal_instances=10) as (here, there):
        await register(here, there, RIVER, operations=OPERATIONS)
        hours = [number / 4 for number in range(60)]
        await add(here, 1, *hours[::3])
        await add(there, 1, *hours[1::3])
        await add(there, 1, *hours[2::3])
        seen: list[float] = []
        start = at(0)
        for _ in range(20):
            reply = await here.get(f"{ROOT}/{name(1)}", timerel="after", timeAt=start)
            seen += [one for one in levels(reply.json) if one not in seen]
            if reply.status == 200:
                break
            assert reply.status == 206
            start = reply.headers["Content-Range"].rpartition("/")[0][-20:]
        assert seen == hours


async def test_a_source_that_does_not_answer_is_named_in_a_warning(two: list[Live]) -> None:
    here, _ = two
    await add(here, 1, 1)
    id = await register(here, "http://127.0.0.1:9", RIVER, operations=OPERATIONS)
    for reply in (await here.get(f"{ROOT}/{name(1)}"), await here.get(ROOT, type="River", **EVER)):
        assert reply.status == 200
        assert id in reply.headers["NGSILD-Warning"]
    missing = await here.get(f"{ROOT}/{name(2)}")
    assert missing.status == 404
    assert id in missing.headers["NGSILD-Warning"]


async def test_what_is_redirected_is_not_told_from_here(tmp_path: Path) -> None:
    async with towns(tmp_path, 2) as (here, there):
        await add(here, 1, 1)
        await here.ask("DELETE", f"{ROOT}/{name(1)}")
        await register(here, there, RIVER, mode="redirect", operations=OPERATIONS)
        await add(there, 1, 2)
        await here.post(ROOT, {"id": name(1), "type": "River", "level": []}, params={"local": "true"})
        assert levels((await here.get(f"{ROOT}/{name(1)}")).json) == [2]


async def test_an_order_across_brokers_is_refused(two: list[Live]) -> None:
    here, _ = two
    assert (await here.get(ROOT, type="River", orderBy="id", **EVER)).status == 400
    assert (await here.get(ROOT, type="River", orderBy="id", local="true", **EVER)).status == 200


async def test_many_entities_of_a_source_are_all_found(tmp_path: Path) -> None:
    async with towns(tmp_path, 2, temporal_instances=100) as (here, there):
        await register(here, there, RIVER, operations=OPERATIONS)
        await asyncio.gather(*[add(there, number, 1, 2) for number in range(230)])
        seen: list[str] = []
        for offset in range(0, 240, 40):
            reply = await here.get(ROOT, type="River", limit=40, offset=offset, count="true", **EVER)
            assert reply.headers["NGSILD-Results-Count"] == "230"
            assert all(levels(one) == [1, 2] for one in reply.json)
            seen += [one["id"] for one in reply.json]
        assert seen == sorted(map(name, range(230)))


async def test_what_was_deleted_at_a_source_is_told_as_deleted(two: list[Live]) -> None:
    here, there = two
    level = {"type": "Property", "value": 1, "observedAt": at(1)}
    await there.post("/entities", {"id": name(1), "type": "River", "level": level})
    await there.ask("DELETE", f"/entities/{name(1)}/attrs/level")
    told = (await there.get(f"{ROOT}/{name(1)}", timeproperty="deletedAt", options="sysAttrs", **EVER)).json
    reply = await here.get(f"{ROOT}/{name(1)}", timeproperty="deletedAt", options="sysAttrs", **EVER)
    assert reply.json == told
    assert "urn:ngsi-ld:null" in str(told)


async def test_what_a_source_answers_wrongly_leaves_the_others_part_as_it_is(two: list[Live]) -> None:
    here, there = two
    await add(there, 1, 1)
    await add(here, 1, 2)
    wrong = [
        {"id": name(1), "type": "River", "level": {"type": "Property", "value": 3, "observedAt": "soon"}},
        {"id": name(2), "type": "City", "level": {"type": "Property", "value": 3, "observedAt": at(3)}},
        {"id": "no uri", "type": "River"},
        {"type": "River"},
        5,
    ]

    async def lie(request: web.Request) -> web.Response:
        listed = request.path.endswith("/entities")
        return web.json_response(wrong if listed else wrong[0])

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", lie)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        id = await register(here, f"http://127.0.0.1:{port}", RIVER, operations=OPERATIONS)
        one = await here.get(f"{ROOT}/{name(1)}")
        several = await here.get(ROOT, type="River", **EVER)
        assert levels(one.json) == [1, 2]
        assert [levels(found) for found in several.json] == [[1, 2]]
        for reply in (one, several):
            assert reply.headers["NGSILD-Warning"].startswith(f"111 {id} ")
    finally:
        await runner.cleanup()


async def test_a_caller_sees_of_sources_what_the_policy_lets_them(tmp_path: Path) -> None:
    public = '[[rule]]\nwho = "anonymous"\nmay = "read"\ntypes = ["River"]\nscopes = ["/Yabu"]\nattributes = ["level"]\n'
    async with town(tmp_path, public) as here, live_broker(tmp_path / "there") as there:
        body = registration(there, RIVER, operations=OPERATIONS)
        assert (await here.ask("staff", "POST", "/csourceRegistrations", body)).status == 201
        depth = [{"type": "Property", "value": 5, "observedAt": at(2)}]
        await add(there, 1, 1, depth=depth, scope="/Yabu")
        await add(there, 2, 1, scope="/Asago")
        seen = await here.get("", f"{ROOT}/{name(1)}")
        assert levels(seen.json) == [1]
        assert "depth" not in seen.json
        assert (await here.get("", f"{ROOT}/{name(2)}")).status == 404
        listed = await here.get("", ROOT, type="River", count="true", attrs="level", **EVER)
        assert [one["id"] for one in listed.json] == [name(1)]
        assert listed.headers["NGSILD-Results-Count"] == "1"
        assert (await here.get("", ROOT, type="River", q="depth==5", **EVER)).json == []
        assert len((await here.get("staff", ROOT, type="River", **EVER)).json) == 2


async def test_several_brokers_answer_as_one_with_all_the_data(tmp_path: Path) -> None:
    async with towns(tmp_path, 4) as (whole, *parts):
        for part in parts[1:]:
            await register(parts[0], part, RIVER, operations=OPERATIONS)
        for number in range(6):
            for hour in range(10):
                await _spread(whole, parts, number, hour)
        for shape in SHAPES:
            for split in ("true",) if shape.keys() & {"q", "scopeQ", "georel"} else ("true", "false"):
                asked = {"type": "River", "splitEntities": split, **EVER, **shape}
                one, several = await whole.get(ROOT, **asked), await parts[0].get(ROOT, **asked)
                assert one.status == several.status == 200, (shape, several.json)
                assert _plain(several.json) == _plain(one.json), (shape, split)
                assert one.headers.get("NGSILD-Results-Count") == several.headers.get("NGSILD-Results-Count")


async def _spread(whole: Live, parts: list[Live], number: int, hour: int) -> None:
    """Put a measurement into the whole broker and into one of the parts."""
    observed = {"observedAt": at(hour)}
    body: dict[str, Any] = {
        "id": name(number),
        "type": "River",
        "level": [{"type": "Property", "value": (hour * 7 + number) % 11, **observed}],
    }
    if hour % 3 == 0:
        body["depth"] = [
            {"type": "Property", "value": hour / 2, "datasetId": "urn:ngsi-ld:Dataset:a", **observed}
        ]
    if hour == 0:
        body["scope"] = [
            {"type": "Property", "value": f"/Yabu/n{number}" if number % 2 else "/Asago", **observed}
        ]
        place = {"type": "Point", "coordinates": [134 + number / 1000, 35]}
        body["location"] = [{"type": "GeoProperty", "value": place, **observed}]
    for live in (whole, parts[(number + hour) % len(parts)]):
        made = await live.post(ROOT, body, params={"local": "true"})
        assert made.status in (201, 204), made.json


def _plain(answer: Any) -> Any:
    """Leave out what each broker makes by itself, and the order of attributes."""
    if isinstance(answer, dict):
        return {name: _plain(held) for name, held in sorted(answer.items()) if name != "instanceId"}
    if isinstance(answer, list):
        return [_plain(one) for one in answer]
    return round(answer, 9) if isinstance(answer, float) else answer
