"""An entity retrieved by a map: the source that made a part of the map is told so. (5.7.1.4, 5.2.39)"""

from pathlib import Path

from tests.federation.fakes import ENTITY, fake
from tests.federation.shared_towns import registered
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
