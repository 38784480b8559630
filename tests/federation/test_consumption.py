"""Reading entities that several brokers hold. (4.3.6, 4.5.5, 5.7.1.4, 5.7.2.4, 6.3.17)"""

from pathlib import Path

from tests.federation.shared_towns import ids, registered, shelter, towns


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
