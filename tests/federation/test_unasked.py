"""Sources that tell of what was not asked of them: it is left out, and said. (4.3.6.1, 5.2.9, 6.3.17)"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.federation.fakes import ENTITY, Fake, fake
from tests.federation.shared_towns import ids, registered, shelter
from tests.live import Live, live_broker

ASKED = ENTITY["id"]
INTERVAL = {"startAt": "2020-01-01T00:00:00Z"}
SINCE = {"timerel": "after", "timeAt": "2020-01-01T00:00:00Z"}
UNASKED: dict[str, dict[str, Any]] = {
    "of another type": {**ENTITY, "id": "urn:ngsi-ld:Shelter:2", "type": "School"},
    "with another id": {**ENTITY, "id": "urn:ngsi-ld:Tent:2"},
}


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_broker(tmp_path) as running:
        yield running


@pytest.fixture
async def odd() -> AsyncIterator[Fake]:
    async with fake() as there:
        yield there


async def told(live: Live, id: str) -> dict[str, Any]:
    return dict((await live.get(f"/csourceRegistrations/{id}")).json)


@pytest.mark.parametrize("beside", UNASKED.values(), ids=UNASKED)
@pytest.mark.parametrize("more", [{}, {"count": "true"}, {"limit": "1"}], ids=["page", "count", "short"])
async def test_an_entity_not_asked_for_is_left_out_with_a_warning(
    live: Live, odd: Fake, beside: dict[str, Any], more: dict[str, str]
) -> None:
    odd.body = [ENTITY, beside]
    information = [{"entities": [{"type": "Shelter", "idPattern": ".*:Shelter:.*"}]}]
    id = await registered(live, odd.url, contextSourceAlias="odd", information=information)
    reply = await live.get("/entities", type="Shelter", **more)
    assert ids(reply) == ["1"]
    assert reply.headers["NGSILD-Warning"].startswith("111 odd ")
    assert reply.headers["NGSILD-Warning"].count("odd") == 1
    kept = await told(live, id)
    assert (kept["status"], kept["timesFailed"]) == ("failed", 1)
    odd.body = [ENTITY]
    assert "NGSILD-Warning" not in (await live.get("/entities", type="Shelter", **more)).headers
    assert (await told(live, id))["status"] == "ok"


async def test_other_sources_and_this_broker_are_told_of_whole(live: Live, odd: Fake) -> None:
    assert (await live.post("/entities", shelter("here"))).status == 201
    async with fake([{**ENTITY, "id": "urn:ngsi-ld:Shelter:3"}]) as good:
        await registered(live, good.url, contextSourceAlias="good")
        await registered(live, odd.url, contextSourceAlias="odd")
        odd.body = [*UNASKED.values(), ENTITY][1:]
        reply = await live.get("/entities", type="Shelter", id=f"{ASKED},urn:ngsi-ld:Shelter:3")
    assert ids(reply) == ["1", "3"]
    assert "good" not in reply.headers["NGSILD-Warning"]


async def test_attributes_not_asked_for_are_left_out_without_a_word(live: Live, odd: Fake) -> None:
    information = [{"entities": [{"type": "Shelter"}], "attributeNames": ["name"]}]
    id = await registered(live, odd.url, information=information)
    odd.body = [shelter("1", name="Oya", mayor="me"), shelter("2", mayor="me")]
    reply = await live.get("/entities", type="Shelter", format="simplified")
    assert reply.json == [{"id": ASKED, "type": "Shelter", "name": "Oya"}]
    assert "NGSILD-Warning" not in reply.headers
    assert (await told(live, id))["status"] == "ok"


async def test_an_entity_of_another_type_than_asked_for_is_not_found(live: Live, odd: Fake) -> None:
    information = [{"entities": [{"type": "Shelter", "id": ASKED}]}]
    await registered(live, odd.url, mode="redirect", contextSourceAlias="odd", information=information)
    odd.body = {**ENTITY, "type": "School"}
    reply = await live.get(f"/entities/{ASKED}")
    assert reply.status == 404
    assert reply.headers["NGSILD-Warning"].startswith("111 odd ")


async def test_a_history_not_asked_for_is_left_out_with_a_warning(live: Live, odd: Fake) -> None:
    name = [{"type": "Property", "value": 1, "observedAt": "2026-01-01T00:00:00Z"}]
    id = await registered(
        live, odd.url, contextSourceAlias="odd", observationInterval=INTERVAL, operations=["queryTemporal"]
    )
    odd.body = [
        {"id": f"urn:ngsi-ld:Shelter:{at}", "type": kind, "name": name}
        for at, kind in enumerate(("Shelter", "School"))
    ]
    reply = await live.get("/temporal/entities", type="Shelter", **SINCE)
    assert ids(reply) == ["0"]
    assert reply.headers["NGSILD-Warning"].startswith("111 odd ")
    assert (await told(live, id))["status"] == "failed"


async def test_a_map_of_entities_not_asked_for_holds_the_others(live: Live, odd: Fake) -> None:
    information = [{"entities": [{"type": "Shelter", "idPattern": ".*:Shelter:.*"}]}]
    operations = ["queryEntity", "createEntityMapQueryEntity"]
    await registered(live, odd.url, contextSourceAlias="odd", information=information, operations=operations)
    map = {"id": "urn:ngsi-ld:EntityMap:1", "type": "EntityMap"}
    odd.body = {**map, "entityMap": {ASKED: ["@none"], "urn:ngsi-ld:Tent:1": ["@none"]}}
    reply = await live.get("/entityMaps", type="Shelter")
    assert list(reply.json["entityMap"]) == [ASKED]
    assert reply.headers["NGSILD-Warning"].startswith("111 odd ")
