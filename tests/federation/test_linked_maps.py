"""An entity retrieved by a map: the source that made a part of the map is told so. (5.7.1.4, 5.2.39)"""

from pathlib import Path

from tests.federation.fakes import ENTITY, fake
from tests.federation.shared_towns import registered
from tests.federation.towns import register, towns
from tests.live import live_broker

MAP = "NGSILD-EntityMap"


async def test_a_source_is_told_of_the_map_it_made(tmp_path: Path) -> None:
    map = {"id": "urn:ngsi-ld:EntityMap:there", "type": "EntityMap", "entityMap": {ENTITY["id"]: ["@none"]}}
    operations = ["retrieveEntity", "queryEntity", "createEntityMapQueryEntity"]
    async with live_broker(tmp_path) as live, fake(map) as source, fake(ENTITY) as other:
        await registered(live, source.url, operations=operations)
        await registered(live, other.url, operations=["retrieveEntity"])
        made = await live.get("/entityMaps", type="Shelter")
        assert list(made.json["linkedMaps"].values()) == [map["id"]]
        source.body = ENTITY
        named = {MAP: f"/ngsi-ld/v1/entityMaps/{made.json['id']}"}
        reply = await live.get(f"/entities/{ENTITY['id']}", headers=named)
        assert reply.status == 200
        assert source.last.headers[MAP] == f"/ngsi-ld/v1/entityMaps/{map['id']}"
        assert not other.seen  # the map says where the entity is
        assert (await live.get(f"/entities/{ENTITY['id']}")).status == 200
        assert MAP not in source.last.headers
        source.status = 400  # it knows the map no more, and is asked without it
        await live.get(f"/entities/{ENTITY['id']}", headers=named)
        assert [MAP in one.headers for one in source.seen[-2:]] == [True, False]


async def test_a_part_that_another_source_claims_for_itself_is_not_shown_by_a_map(tmp_path: Path) -> None:
    """Also where that source has nothing of the entity, and the map does not name it. (4.3.6.3, 5.5.14)"""
    place = {"id": "urn:x:1", "type": "Place", "a": {"type": "Property", "value": 1}}
    async with towns(tmp_path, 3) as (yabu, toyooka, asago):
        only = {"id": "urn:x:1", "type": "Place"}
        await register(yabu, toyooka, only, attributes=["a"], mode="exclusive")
        await register(yabu, asago, {"type": "Place"})
        assert (await asago.post("/entities", place)).status == 201
        asked = {"type": "Place", "pick": "id,type,a", "splitEntities": "true"}
        plain = await yabu.get("/entities", **asked)
        by_map = await yabu.get("/entities", entityMap="true", **asked)
        assert plain.json == by_map.json == [{"id": "urn:x:1", "type": "Place"}]
        named = {MAP: by_map.headers[MAP]}
        for headers in ({}, named):
            one = await yabu.get("/entities/urn:x:1", headers=headers)
            assert one.json == {"id": "urn:x:1", "type": "Place"}
