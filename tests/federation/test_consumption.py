"""Reading entities that several brokers hold. (4.3.6, 4.5.5, 5.7.1.4, 5.7.2.4, 6.3.17)"""

from pathlib import Path

from aiohttp import web

from tests.federation.shared_towns import ids, registered, shelter, source, towns


async def test_a_query_finds_what_all_towns_hold_in_the_order_of_the_ids(tmp_path: Path) -> None:
    async with towns(tmp_path) as three:
        await three.put(0, shelter("b", seats=1), shelter("e", seats=2))
        await three.put(1, shelter("d", seats=3), shelter("a", seats=4))
        await three.put(2, shelter("c", seats=5))
        await three.register()
        reply = await three.here.get("/entities", type="Shelter")
        assert reply.status == 200
        assert ids(reply) == ["a", "b", "c", "d", "e"]
        assert "NGSILD-Warning" not in reply.headers
        local = await three.here.get("/entities", type="Shelter", local="true")
        assert ids(local) == ["b", "e"]


async def test_an_entity_is_retrieved_from_where_it_is(tmp_path: Path) -> None:
    async with towns(tmp_path) as three:
        await three.put(2, shelter("a", seats=4))
        await three.register()
        reply = await three.here.get("/entities/urn:ngsi-ld:Shelter:a", format="simplified")
        assert reply.status == 200
        assert reply.json["seats"] == 4
        absent = await three.here.get("/entities/urn:ngsi-ld:Shelter:z")
        assert absent.status == 404


async def test_parts_of_an_entity_are_joined(tmp_path: Path) -> None:
    async with towns(tmp_path) as three:
        id = "urn:ngsi-ld:Shelter:a"
        await three.here.post("/entities", shelter("a", seats=4))
        await three.others[0].post("/entities", shelter("a", open=True, seats=5))
        await three.others[1].post("/entities", shelter("a", beds=7))
        await three.register()
        reply = await three.here.get(f"/entities/{id}", format="simplified")
        assert reply.json == {"id": id, "type": "Shelter", "seats": 5, "open": True, "beds": 7}
        [found] = (await three.here.get("/entities", type="Shelter", format="simplified")).json
        assert found == reply.json


async def test_an_ordering_is_refused_only_when_sources_are_asked(tmp_path: Path) -> None:
    async with towns(tmp_path, 1) as two:
        await registered(two.here, two.others[0].url)
        refused = await two.here.get("/entities", type="Shelter", orderBy="seats")
        assert refused.status == 400
        for ok in ({"type": "Shelter", "local": "true"}, {"type": "School"}):
            assert (await two.here.get("/entities", orderBy="seats", **ok)).status == 200


async def test_a_source_that_is_not_there_is_warned_of(tmp_path: Path) -> None:
    async with towns(tmp_path, 1) as two:
        await two.put(1, shelter("a", seats=4))
        await two.register()
        await registered(two.here, "http://127.0.0.1:9", contextSourceName="gone")
        reply = await two.here.get("/entities", type="Shelter")
        assert ids(reply) == ["a"]
        assert "NGSILD-Warning" in reply.headers
        missing = await two.here.get("/entities/urn:ngsi-ld:Shelter:z")
        assert missing.status == 404
        assert "NGSILD-Warning" in missing.headers


async def test_linked_entities_come_from_where_they_are(tmp_path: Path) -> None:
    async with towns(tmp_path) as three:
        link = {"type": "Relationship", "object": "urn:ngsi-ld:Shelter:far", "objectType": "Shelter"}
        plain = {"type": "Relationship", "object": "urn:ngsi-ld:Shelter:far2"}
        await three.put(0, shelter("near", next=link, other=plain))
        await three.put(1, shelter("far", next={**link, "object": "urn:ngsi-ld:Shelter:farther"}))
        await three.put(2, shelter("farther", seats=9), shelter("far2", seats=8))
        await three.register()
        path = "/entities/urn:ngsi-ld:Shelter:near"
        near = await three.here.get(path, join="inline", joinLevel=2, format="simplified")
        assert near.json["next"]["next"]["seats"] == 9
        assert near.json["other"] == "urn:ngsi-ld:Shelter:far2"  # of no known type: looked for here alone
        flat = await three.here.get(path, join="flat", joinLevel=1)
        assert ids(flat) == ["near", "far"]
        query = await three.here.get("/entities", type="Shelter", q="seats==8", join="flat", joinLevel=1)
        assert ids(query) == ["far2"]


async def test_queries_reach_linked_entities_of_other_towns(tmp_path: Path) -> None:
    async with towns(tmp_path) as three:
        link = {"type": "Relationship", "object": "urn:ngsi-ld:Shelter:big", "objectType": "Shelter"}
        await three.put(
            0, shelter("a", next=link), shelter("b", next={**link, "object": "urn:ngsi-ld:Shelter:s"})
        )
        await three.put(1, shelter("big", seats=900), shelter("s", seats=3))
        await three.put(2, shelter("c", next=link))
        await three.register()
        given = {"type": "Shelter", "q": "next{seats}>100", "join": "flat", "joinLevel": 1, "count": "true"}
        assert ids(await three.whole.get("/entities", orderBy="id", **given)) == ["a", "c", "big"]
        reply = await three.here.get("/entities", **given)
        assert ids(reply) == ["a", "c", "big"]
        assert reply.headers["NGSILD-Results-Count"] == "2"
        assert ids(await three.here.get("/entities", entityMap="true", **given)) == ["a", "c", "big"]


async def test_forms_are_those_of_one_broker(tmp_path: Path) -> None:
    async with towns(tmp_path, 1) as two:
        name = {"type": "LanguageProperty", "languageMap": {"ja": "体育館", "en": "Gym"}}
        place = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [134.8, 35.4]}}
        several = [
            {"type": "Property", "value": 1},
            {"type": "Property", "value": 2, "datasetId": "urn:ngsi-ld:d:2"},
        ]
        await two.put(1, shelter("a", name=name, location=place, seats=several, scope="/Town"))
        await two.register()
        for params, headers in (
            ({}, {}),
            ({"format": "concise"}, {}),
            ({"format": "simplified", "lang": "en"}, {}),
            ({"pick": "name,seats"}, {}),
            ({"omit": "name"}, {}),
            ({"attrs": "name"}, {}),
            ({"datasetId": "urn:ngsi-ld:d:2"}, {}),
            ({}, {"Accept": "application/geo+json"}),
            ({}, {"Accept": "application/ld+json"}),
            ({}, {"Prefer": "ngsi-ld=1.3"}),
        ):
            for path, more in (("/entities", {"type": "Shelter"}), ("/entities/urn:ngsi-ld:Shelter:a", {})):
                here = await two.here.get(path, headers=headers, **params, **more)
                there = await two.whole.get(path, headers=headers, **params, **more)
                assert (here.status, here.raw) == (there.status, there.raw)
                for header in ("Content-Type", "Link", "Preference-Applied"):
                    assert here.headers.get(header) == there.headers.get(header)


async def test_post_queries_ask_sources_as_well(tmp_path: Path) -> None:
    async with towns(tmp_path) as three:
        await three.put(1, shelter("a", seats=1), shelter("b", seats=2))
        await three.put(2, shelter("c", seats=3))
        await registered(three.here, three.others[0].url, operations=["queryBatch"])
        await registered(three.here, three.others[1].url, operations=["queryEntity"])
        body = {"type": "Query", "entities": [{"type": "Shelter"}], "q": "seats>1"}
        reply = await three.here.post("/entityOperations/query", body)
        assert ids(reply) == ["b", "c"]
        assert (await three.here.get("/entities/urn:ngsi-ld:Shelter:a")).status == 200


LIES: list[object] = [
    {"id": "urn:ngsi-ld:Shelter:ok", "type": "Shelter", "seats": {"type": "Property", "value": 1}},
    {"id": "urn:ngsi-ld:School:1", "type": "School", "seats": {"type": "Property", "value": 1}},
    {"id": "urn:ngsi-ld:Shelter:bare", "type": "Shelter", "mayor": {"type": "Property", "value": "me"}},
    {
        "id": "urn:ngsi-ld:Shelter:more",
        "type": ["Shelter", "Palace"],
        "seats": {"type": "Property", "value": 2},
        "mayor": {"type": "Property", "value": "me"},
    },
    {
        "id": "urn:ngsi-ld:Shelter:over",
        "type": "Shelter",
        "expiresAt": "2001-01-01T00:00:00Z",
        "seats": {"type": "Property", "value": 1},
    },
    {"id": "urn:ngsi-ld:Shelter:bad", "type": "Shelter", "seats": {"type": "Property"}},
    {"id": "no uri", "type": "Shelter", "seats": {"type": "Property", "value": 1}},
    {"type": "Shelter"},
    17,
    None,
]


async def test_a_lying_source_brings_in_nothing_it_did_not_register(tmp_path: Path) -> None:
    async def lies(request: web.Request) -> web.Response:
        if request.path.endswith("/entities"):
            return web.json_response(LIES)
        wanted = request.path.rpartition("/")[2]
        return web.json_response({**LIES[0], "id": wanted[:-1]})  # type: ignore[dict-item]  # the first is an object

    async with towns(tmp_path, 1) as two, source(lies) as url:
        await two.put(1, shelter("fine", seats=3))
        await registered(two.here, two.others[0].url)
        information = [{"entities": [{"type": "Shelter"}], "attributeNames": ["seats"]}]
        await registered(two.here, url, information=information)
        reply = await two.here.get("/entities", type="Shelter", format="simplified", count="true")
        assert reply.json == [
            {"id": "urn:ngsi-ld:Shelter:fine", "type": "Shelter", "seats": 3},
            {"id": "urn:ngsi-ld:Shelter:more", "type": ["Shelter", "Palace"], "seats": 2},
            {"id": "urn:ngsi-ld:Shelter:ok", "type": "Shelter", "seats": 1},
        ]
        assert reply.headers["NGSILD-Results-Count"] == "3"
        assert reply.headers["NGSILD-Warning"].startswith("111 ")
        another = await two.here.get("/entities/urn:ngsi-ld:Shelter:ok")
        assert another.status == 404
        named = await two.here.get("/entities", type="Shelter", id="urn:ngsi-ld:Shelter:fine")
        assert ids(named) == ["fine"]


async def test_the_only_source_of_an_entity_answers_for_it(tmp_path: Path) -> None:
    async def silent(request: web.Request) -> web.Response:
        return web.Response(status=int(request.path.rpartition(":")[2]))

    async with towns(tmp_path, 1) as two, source(silent) as url:
        await registered(two.here, url, mode="redirect")
        for said, status in (("403", 502), ("404", 404), ("504", 504), ("508", 508)):
            reply = await two.here.get(f"/entities/urn:ngsi-ld:Shelter:{said}")
            assert reply.status == status, reply.json
        assert "NGSILD-Warning" not in (await two.here.get("/entities/urn:ngsi-ld:Shelter:404")).headers


async def test_brokers_that_know_each_other_do_not_ask_in_circles(tmp_path: Path) -> None:
    async with towns(tmp_path) as three:
        await three.put(0, shelter("a"))
        await three.put(1, shelter("b"))
        await three.put(2, shelter("c"))
        lives = (three.here, *three.others)
        for one in lives:
            for other in lives:
                if one is not other:
                    await registered(one, other.url, contextSourceAlias=other.broker.alias)
        for one in lives:
            reply = await one.get("/entities", type="Shelter")
            assert ids(reply) == ["a", "b", "c"]
            assert "NGSILD-Warning" not in reply.headers, reply.headers.get("NGSILD-Warning")
            assert (await one.get("/entities/urn:ngsi-ld:Shelter:c")).status == 200
