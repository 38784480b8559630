"""Entities over HTTP: create, retrieve, replace, merge, delete, purge, expire. (4.22, 5.6.1, 5.6.6, 5.6.17, 5.6.18, 5.6.21, 5.7.1)"""

from typing import Any

import pytest

from tests.live import Live

ID = "/entities/urn:ngsi-ld:Shelter:1"
ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"


async def test_gives_back_what_was_created(live: Live, shelter: dict[str, Any]) -> None:
    made = await live.post("/entities", shelter)
    assert made.status == 201
    assert made.headers["Location"] == "/ngsi-ld/v1/entities/urn:ngsi-ld:Shelter:1"
    assert made.raw == b""
    reply = await live.get(ID)
    assert reply.status == 200
    assert reply.json == shelter
    assert "ngsi-ld-core-context" in reply.headers["Link"]
    assert reply.headers["Content-Type"] == "application/json"


async def test_refuses_the_same_entity_twice(live: Live, shelter: dict[str, Any]) -> None:
    await live.post("/entities", shelter)
    again = await live.post("/entities", shelter)
    assert (again.status, again.json["type"]) == (409, ERRORS + "AlreadyExists")
    assert {"type", "title", "detail", "status"} <= again.json.keys()


async def test_takes_concise_input(live: Live) -> None:
    concise = {
        "id": "urn:ngsi-ld:Room:1",
        "type": "Room",
        "temperature": 21.5,
        "humidity": {"value": 40, "unitCode": "P1"},
        "isIn": {"object": "urn:ngsi-ld:House:1"},
        "location": {"type": "Point", "coordinates": [134.0, 35.0]},
        "label": {"languageMap": {"ja": "居間", "en": "living room"}},
    }
    assert (await live.post("/entities", concise)).status == 201
    shown = (await live.get("/entities/urn:ngsi-ld:Room:1")).json
    assert shown["temperature"] == {"type": "Property", "value": 21.5}
    assert shown["isIn"] == {"type": "Relationship", "object": "urn:ngsi-ld:House:1"}
    assert shown["location"]["type"] == "GeoProperty"
    assert shown["label"]["type"] == "LanguageProperty"
    again = (await live.get("/entities/urn:ngsi-ld:Room:1", format="concise")).json
    assert again == concise


async def test_simplified_shows_values_alone(live: Live, shelter: dict[str, Any]) -> None:
    await live.post("/entities", shelter)
    shown = (await live.get(ID, options="keyValues")).json
    assert shown == {
        "id": shelter["id"],
        "type": "Shelter",
        "name": "縁側小学校",
        "capacity": 120,
        "operatedBy": "urn:ngsi-ld:City:Engawa",
        "location": {"type": "Point", "coordinates": [134.7676, 35.4046]},
    }


async def test_geojson_is_a_feature(live: Live, shelter: dict[str, Any]) -> None:
    await live.post("/entities", shelter)
    reply = await live.get(ID, headers={"Accept": "application/geo+json"})
    assert reply.headers["Content-Type"] == "application/geo+json"
    assert reply.json["type"] == "Feature"
    assert reply.json["geometry"] == {"type": "Point", "coordinates": [134.7676, 35.4046]}
    assert reply.json["properties"]["type"] == "Shelter"
    assert "@context" in reply.json
    bare = await live.get(ID, headers={"Accept": "application/geo+json", "Prefer": "body=json"})
    assert "@context" not in bare.json
    assert "Link" in bare.headers


async def test_ld_json_holds_its_context(live: Live, shelter: dict[str, Any]) -> None:
    await live.post("/entities", shelter)
    reply = await live.get(ID, headers={"Accept": "application/ld+json"})
    assert reply.json["@context"] == "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld"
    assert "Link" not in reply.headers


async def test_names_are_those_of_the_context(live: Live, shelter: dict[str, Any]) -> None:
    context = {"Shelter": "https://example.org/Shelter", "capacity": "https://example.org/capacity"}
    await live.post("/entities", {**shelter, "@context": context})
    plain = (await live.get(ID)).json
    assert plain["type"] == "https://example.org/Shelter"
    assert plain["https://example.org/capacity"]["value"] == 120
    assert (await live.get("/entities", type="https://example.org/Shelter")).json[0]["id"] == shelter["id"]
    assert (await live.get("/entities", type="Shelter")).json == []


async def test_shows_system_attributes_when_asked(live: Live, shelter: dict[str, Any]) -> None:
    await live.post("/entities", shelter)
    assert "createdAt" not in (await live.get(ID)).json
    shown = (await live.get(ID, options="sysAttrs")).json
    assert shown["createdAt"].endswith("Z")
    assert shown["capacity"]["modifiedAt"] == shown["modifiedAt"]


@pytest.mark.parametrize(
    ("params", "members"),
    [
        ({"pick": "id,name"}, {"id", "name"}),
        ({"omit": "location,name"}, {"id", "type", "capacity", "operatedBy"}),
        ({"attrs": "capacity"}, {"id", "type", "capacity"}),
    ],
)
async def test_projects(
    live: Live, shelter: dict[str, Any], params: dict[str, str], members: set[str]
) -> None:
    await live.post("/entities", shelter)
    assert set((await live.get(ID, **params)).json) == members


async def test_attributes_that_are_not_there_are_not_found(live: Live, shelter: dict[str, Any]) -> None:
    await live.post("/entities", shelter)
    assert (await live.get(ID, attrs="height")).status == 404
    assert (await live.get(ID, type="Library")).status == 404
    assert (await live.get(ID, type="Library,Shelter")).status == 200


async def test_replaces_as_a_whole(live: Live, shelter: dict[str, Any]) -> None:
    await live.post("/entities", shelter)
    assert (await live.ask("PUT", ID, {"type": "Shelter", "name": "new"})).status == 204
    assert set((await live.get(ID)).json) == {"id", "type", "name"}
    assert (
        await live.ask("PUT", "/entities/urn:ngsi-ld:Shelter:2", shelter | {"id": "urn:ngsi-ld:Shelter:2"})
    ).status == 404
    assert (await live.ask("PUT", ID, {"id": "urn:ngsi-ld:Shelter:9", "type": "Shelter"})).status == 400


async def test_merges_deeply(live: Live, shelter: dict[str, Any]) -> None:
    shelter["address"] = {"type": "Property", "value": {"city": "縁側市", "street": "一丁目"}}
    await live.post("/entities", shelter)
    patch = {
        "address": {"value": {"street": "二丁目"}},
        "name": "urn:ngsi-ld:null",
        "capacity": {"value": 80},
    }
    assert (await live.ask("PATCH", ID, patch)).status == 204
    shown = (await live.get(ID)).json
    assert shown["address"]["value"] == {"city": "縁側市", "street": "二丁目"}
    assert "name" not in shown
    assert shown["capacity"]["value"] == 80
    assert shown["capacity"]["unitCode"] == "IE"


async def test_deletes(live: Live, shelter: dict[str, Any]) -> None:
    await live.post("/entities", shelter)
    gone = await live.ask("DELETE", ID)
    assert (gone.status, gone.raw) == (204, b"")
    assert "Content-Length" not in gone.headers
    assert (await live.get(ID)).status == 404
    assert (await live.ask("DELETE", ID)).status == 404


async def test_purges_what_a_query_selects(live: Live, shelter: dict[str, Any]) -> None:
    for number in range(3):
        await live.post("/entities", shelter | {"id": f"urn:ngsi-ld:Shelter:{number}", "capacity": number})
    assert (
        await live.ask("DELETE", "/entities", params={"type": "Shelter", "q": "capacity>0"})
    ).status == 204
    assert [e["id"] for e in (await live.get("/entities", type="Shelter")).json] == ["urn:ngsi-ld:Shelter:0"]
    assert (await live.ask("DELETE", "/entities", params={"type": "Shelter", "drop": "name"})).status == 204
    assert "name" not in (await live.get("/entities/urn:ngsi-ld:Shelter:0")).json


@pytest.mark.parametrize("params", [{}, {"idPattern": ".*"}, {"id": "urn:ngsi-ld:Shelter:1"}])
async def test_never_empties_a_tenant_by_a_pattern(
    live: Live, shelter: dict[str, Any], params: dict[str, str]
) -> None:
    await live.post("/entities", shelter)
    assert (await live.ask("DELETE", "/entities", params=params)).status == 400
    assert (await live.get(ID)).status == 200


@pytest.mark.parametrize(
    "attribute",
    [
        "urn:ngsi-ld:null",
        {"type": "Property", "value": "urn:ngsi-ld:null"},
        {"type": "Relationship", "object": "urn:ngsi-ld:null"},
        {"type": "LanguageProperty", "languageMap": {"@none": "urn:ngsi-ld:null"}},
        {"type": "Property", "value": None},
    ],
)
async def test_refuses_null_in_create(live: Live, attribute: Any) -> None:
    reply = await live.post("/entities", {"id": "urn:x:1", "type": "T", "a": attribute})
    assert (reply.status, reply.json["type"]) == (400, ERRORS + "BadRequestData")


@pytest.mark.parametrize(
    "type",
    [
        "Evacuee",
        "evacuee",
        "Ｐｅｒｓｏｎ",
        "https://x/%50erson",
        "https://x/Person?",
        "https://x/y#Person",
        "urn:x:Person",
    ],
)
async def test_refuses_types_that_describe_people(live: Live, type: str) -> None:
    reply = await live.post("/entities", {"id": "urn:x:1", "type": type, "room": 3})
    assert reply.status == 400
    assert "personal-data module" in reply.json["detail"] and "'person_types'" in reply.json["detail"]


async def test_transient_entities_go_at_their_time(live: Live, shelter: dict[str, Any]) -> None:
    assert (await live.post("/entities", shelter | {"expiresAt": "2020-01-01T00:00:00Z"})).status == 201
    assert (await live.get(ID)).status == 404
    soon = {"id": "urn:x:1", "type": "T", "expiresAt": "2999-01-01T00:00:00Z", "a": 1}
    assert (await live.post("/entities", soon)).status == 201
    assert (await live.get("/entities/urn:x:1", options="sysAttrs")).json[
        "expiresAt"
    ] == "2999-01-01T00:00:00Z"


async def test_leaving_out_everything_finds_nothing(live: Live, shelter: dict[str, Any]) -> None:
    await live.post("/entities", shelter)
    assert (await live.get(ID, omit="id,type,name,capacity,operatedBy,location")).status == 404
    assert (await live.get(ID, omit="type,name,capacity,operatedBy,location")).json == {"id": shelter["id"]}
