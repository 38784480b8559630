"""Entity types and attributes of several brokers, asked of one. (5.7.5–5.7.11)"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.access.town import town
from tests.federation.fakes import fake
from tests.federation.towns import register, registration, towns
from tests.live import Live, live_broker

CONTEXT = {"@context": {"Gate": "https://water.example/Gate", "level": "https://water.example/level"}}
ALL = ({"type": "Shelter"}, {"type": "School"}, {"type": "https://water.example/Gate"})
VOCAB = "https://uri.etsi.org/ngsi-ld/default-context/"


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[list[Live]]:
    async with towns(tmp_path, 2) as brokers:
        here, there = brokers
        await add(here, "Shelter:1", "Shelter", name="a")
        await add(there, "Shelter:2", "Shelter", capacity=3)
        await add(there, "School:1", "School", name="b")
        yield brokers


async def add(live: Live, local: str, kind: str, **values: Any) -> None:
    attributes = {attr: {"type": "Property", "value": value} for attr, value in values.items()}
    made = await live.post("/entities", {"id": f"urn:ngsi-ld:{local}", "type": kind, **attributes})
    assert made.status == 201, made.json


async def test_lists_the_types_of_a_source_among_its_own(two: list[Live]) -> None:
    here, there = two
    await register(here, there, *ALL)
    assert (await here.get("/types")).json["typeList"] == ["School", "Shelter"]
    assert (await here.get("/types", local="true")).json["typeList"] == ["Shelter"]


async def test_details_join_the_attributes_of_a_type(two: list[Live]) -> None:
    here, there = two
    await register(here, there, *ALL)
    listed = (await here.get("/types", details="true")).json
    names = {one["typeName"]: one["attributeNames"] for one in listed}
    assert names == {"Shelter": ["capacity", "name"], "School": ["name"]}
    assert listed[0]["id"] == VOCAB + "School"


async def test_adds_up_the_entities_of_a_type(two: list[Live]) -> None:
    here, there = two
    await register(here, there, *ALL)
    told = (await here.get("/types/Shelter")).json
    assert told["entityCount"] == 2
    details = {one["attributeName"]: one["attributeTypes"] for one in told["attributeDetails"]}
    assert details == {"name": ["Property"], "capacity": ["Property"]}
    assert (await here.get("/types/School")).json["entityCount"] == 1


async def test_lists_attributes_and_what_has_them(two: list[Live]) -> None:
    here, there = two
    await register(here, there, *ALL)
    assert (await here.get("/attributes")).json["attributeList"] == ["capacity", "name"]
    listed = (await here.get("/attributes", details="true")).json
    assert {one["attributeName"]: one["typeNames"] for one in listed} == {
        "name": ["School", "Shelter"],
        "capacity": ["Shelter"],
    }
    told = (await here.get("/attributes/name")).json
    assert told["attributeCount"] == 2
    assert told["attributeTypes"] == ["Property"]
    assert told["typeNames"] == ["School", "Shelter"]


async def test_a_source_tells_only_of_what_it_is_registered_for(two: list[Live]) -> None:
    here, there = two
    await register(here, there, {"type": "Shelter"}, attributes=["name"])
    assert (await here.get("/types")).json["typeList"] == ["Shelter"]
    assert (await here.get("/attributes")).json["attributeList"] == ["name"]
    told = (await here.get("/types/Shelter")).json
    assert [one["attributeName"] for one in told["attributeDetails"]] == ["name"]
    assert (await here.get("/types/School")).status == 404
    assert (await here.get("/attributes/capacity")).status == 404


async def test_types_count_that_a_source_lists_whose_registered_attributes_are_not_there_now(
    two: list[Live],
) -> None:
    here, there = two
    await register(here, there, {"type": "School"}, attributes=["floors"])
    assert (await here.get("/types")).json["typeList"] == ["School", "Shelter"]
    listed = (await here.get("/types", details="true")).json
    assert {one["typeName"]: one["attributeNames"] for one in listed}["School"] == []


async def test_what_nobody_knows_is_not_found(two: list[Live]) -> None:
    here, there = two
    await register(here, there, *ALL)
    missing = await here.get("/types/Library")
    assert missing.status == 404
    assert "NGSILD-Warning" not in missing.headers
    assert (await here.get("/attributes/books")).status == 404


async def test_a_source_registered_twice_counts_once(two: list[Live]) -> None:
    here, there = two
    await register(here, there, {"type": "Shelter"})
    await register(here, there, {"type": "School"})
    await register(here, there, {"type": "Shelter"}, attributes=["capacity"])
    assert (await here.get("/types/Shelter")).json["entityCount"] == 2
    assert (await here.get("/types")).json["typeList"] == ["School", "Shelter"]


async def test_an_entity_held_in_several_places_counts_once(two: list[Live]) -> None:
    here, there = two
    id = "urn:ngsi-ld:Shelter:both"
    for live in two:
        shared = {"id": id, "type": "Shelter", "name": {"type": "Property", "value": "x"}}
        assert (await live.ask("POST", "/entities", shared, params={"local": "true"})).status == 201
    await register(here, there, *ALL)
    assert (await here.get("/attributes/name")).json["attributeCount"] == 3
    assert (await here.get("/types/Shelter")).json["entityCount"] == 3
    assert (await there.get("/types/Shelter")).json["entityCount"] == 2


async def test_a_source_that_is_not_queried_adds_its_count(two: list[Live]) -> None:
    here, there = two
    await register(here, there, *ALL, operations=["retrieveEntityTypeInfo"])
    assert (await here.get("/types/Shelter")).json["entityCount"] == 2


async def test_many_entities_are_not_counted_one_by_one(two: list[Live]) -> None:
    here, _ = two
    info = {"id": VOCAB + "Shelter", "type": "EntityTypeInfo", "typeName": "Shelter"}
    async with fake({**info, "entityCount": 5_000, "attributeDetails": []}) as source:
        await register(here, source.url, {"type": "Shelter"})
        assert (await here.get("/types/Shelter")).json["entityCount"] == 5_001
        assert [one.path for one in source.seen] == ["/ngsi-ld/v1/types/Shelter"]


async def test_registrations_tell_of_sources_that_list_nothing(two: list[Live]) -> None:
    here, there = two
    await register(here, there, {"type": "Library"}, attributes=["books"], operations=["retrieveOps"])
    assert (await here.get("/types")).json["typeList"] == ["Library", "Shelter"]
    told = (await here.get("/types/Library")).json
    assert told["entityCount"] == 0
    assert told["attributeDetails"] == [
        {"id": VOCAB + "books", "type": "Attribute", "attributeName": "books", "attributeTypes": []}
    ]
    assert (await here.get("/attributes/books")).json["typeNames"] == ["Library"]


async def test_sources_that_cannot_be_read_add_no_types(two: list[Live]) -> None:
    here, there = two
    await register(here, there, {"type": "Library"}, operations=["createEntity"])
    assert (await here.get("/types")).json["typeList"] == ["Shelter"]


async def test_a_source_that_does_not_answer_is_named_in_a_warning(two: list[Live]) -> None:
    here, there = two
    await register(here, there, *ALL)
    id = await register(here, "http://127.0.0.1:9", {"type": "Library"})
    reply = await here.get("/types")
    assert reply.status == 200
    assert reply.json["typeList"] == ["School", "Shelter"]
    assert id in reply.headers["NGSILD-Warning"]
    missing = await here.get("/types/Library")
    assert missing.status == 404
    assert id in missing.headers["NGSILD-Warning"]


async def test_names_are_told_in_the_context_of_the_reader(two: list[Live]) -> None:
    here, there = two
    made = await there.post("/jsonldContexts", CONTEXT)
    url = there.url + made.headers["Location"]
    link = f'<{url}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
    gate = {
        "id": "urn:ngsi-ld:Gate:1",
        "type": "https://water.example/Gate",
        "https://water.example/level": {"type": "Property", "value": 1},
    }
    assert (await there.post("/entities", gate)).status == 201
    await register(here, there, *ALL)
    headers = {"Link": link}
    assert "Gate" in (await here.get("/types", headers=headers)).json["typeList"]
    assert "https://water.example/Gate" in (await here.get("/types")).json["typeList"]
    told = (await here.get("/types/Gate", headers=headers)).json
    assert told["id"] == "https://water.example/Gate"
    assert [one["attributeName"] for one in told["attributeDetails"]] == ["level"]


async def test_brokers_that_know_each_other_answer_once_each(two: list[Live]) -> None:
    here, there = two
    await register(here, there, *ALL, contextSourceAlias=there.broker.alias)
    await register(there, here, *ALL, contextSourceAlias=here.broker.alias)
    for _ in range(2):  # also when the request is known from before
        assert (await here.get("/types/Shelter")).json["entityCount"] == 2


async def test_a_caller_learns_of_no_more_types_than_the_policy_lets_them(tmp_path: Path) -> None:
    public = (
        '[[rule]]\nwho = "anonymous"\nmay = "read"\ntypes = ["Shelter"]\nattributes_except = ["contact"]\n'
    )
    async with town(tmp_path, public) as here, live_broker(tmp_path / "there") as there:
        body = registration(there, *ALL)
        assert (await here.ask("staff", "POST", "/csourceRegistrations", body)).status == 201
        await add(there, "Shelter:1", "Shelter", contact="090")
        await add(there, "Shelter:2", "Shelter", name="a")
        await add(there, "School:1", "School", name="b")
        assert (await here.get("", "/types")).json["typeList"] == ["Shelter"]
        assert (await here.get("", "/types/School")).status == 404
        [listed] = (await here.get("", "/types", details="true")).json
        assert listed["attributeNames"] == ["name"]
        assert (await here.get("", "/attributes/contact")).status == 404
        assert (await here.get("", "/attributes/name")).json["typeNames"] == ["Shelter"]
        assert (await here.get("staff", "/types")).json["typeList"] == ["School", "Shelter"]
