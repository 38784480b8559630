"""Attributes over HTTP: append, update, partial update, replace, delete, datasetId. (5.6.2–5.6.5, 5.6.19)"""

from typing import Any

import pytest

from tests.live import Live

ID = "/entities/urn:ngsi-ld:Shelter:1"
ATTRS = ID + "/attrs"


@pytest.fixture
async def kept(live: Live, shelter: dict[str, Any]) -> Live:
    await live.post("/entities", shelter)
    return live


async def shown(live: Live) -> dict[str, Any]:
    body: dict[str, Any] = (await live.get(ID)).json
    return body


async def test_appends_and_overwrites(kept: Live) -> None:
    assert (await kept.post(ATTRS, {"rooms": 4, "capacity": {"type": "Property", "value": 99}})).status == 204
    body = await shown(kept)
    assert body["rooms"]["value"] == 4
    assert body["capacity"] == {"type": "Property", "value": 99}


async def test_tells_what_was_not_overwritten(kept: Live) -> None:
    reply = await kept.post(ATTRS, {"rooms": 4, "capacity": 99}, params={"options": "noOverwrite"})
    default = "https://uri.etsi.org/ngsi-ld/default-context/"
    assert reply.status == 207
    assert reply.json["updated"] == [default + "rooms"]
    assert reply.json["notUpdated"][0]["attributeName"] == default + "capacity"
    assert reply.headers["Content-Type"] == "application/json"
    assert (await shown(kept))["capacity"]["value"] == 120


async def test_updates_and_deletes_by_null(kept: Live) -> None:
    patch = {
        "capacity": {"type": "Property", "value": 99},
        "name": {"type": "Property", "value": "urn:ngsi-ld:null"},
    }
    assert (await kept.ask("PATCH", ATTRS, patch)).status == 204
    body = await shown(kept)
    assert body["capacity"] == {"type": "Property", "value": 99}
    assert "name" not in body


async def test_partial_update_leaves_the_rest(kept: Live) -> None:
    reply = await kept.ask("PATCH", ATTRS + "/capacity", {"value": 100, "observedAt": "2026-05-01T00:00:00Z"})
    assert reply.status == 204
    capacity = (await shown(kept))["capacity"]
    assert (capacity["value"], capacity["unitCode"], capacity["accuracy"]["value"]) == (100, "IE", 0.9)
    assert (await kept.ask("PATCH", ATTRS + "/height", {"value": 1})).status == 404
    assert (await kept.ask("PATCH", "/entities/urn:x:none/attrs/capacity", {"value": 1})).status == 404


async def test_replaces_an_attribute(kept: Live) -> None:
    assert (await kept.ask("PUT", ATTRS + "/capacity", {"type": "Property", "value": 5})).status == 204
    assert (await shown(kept))["capacity"] == {"type": "Property", "value": 5}
    assert (await kept.ask("PUT", ATTRS + "/height", {"type": "Property", "value": 5})).status == 404


async def test_keeps_instances_apart_by_dataset(kept: Live) -> None:
    winter = {"type": "Property", "value": 60, "datasetId": "urn:ngsi-ld:Dataset:winter"}
    assert (await kept.post(ATTRS, {"capacity": winter})).status == 204
    assert {i["value"] for i in (await shown(kept))["capacity"]} == {120, 60}
    only = (await kept.get(ID, datasetId="urn:ngsi-ld:Dataset:winter")).json
    assert only["capacity"] == winter
    patch = {"value": 61, "datasetId": "urn:ngsi-ld:Dataset:winter"}
    assert (await kept.ask("PATCH", ATTRS + "/capacity", patch)).status == 204
    assert {i["value"] for i in (await shown(kept))["capacity"]} == {120, 61}
    deleted = await kept.ask(
        "DELETE", ATTRS + "/capacity", params={"datasetId": "urn:ngsi-ld:Dataset:winter"}
    )
    assert deleted.status == 204
    assert (await shown(kept))["capacity"]["value"] == 120


async def test_deletes_one_or_all_instances(kept: Live) -> None:
    winter = {"type": "Property", "value": 60, "datasetId": "urn:ngsi-ld:Dataset:winter"}
    await kept.post(ATTRS, {"capacity": winter})
    assert (await kept.ask("DELETE", ATTRS + "/capacity")).status == 204
    assert (await shown(kept))["capacity"] == winter
    assert (await kept.ask("DELETE", ATTRS + "/capacity", params={"deleteAll": "true"})).status == 204
    assert "capacity" not in await shown(kept)
    assert (await kept.ask("DELETE", ATTRS + "/capacity")).status == 404


async def test_modified_at_moves_only_where_something_changed(kept: Live) -> None:
    before = (await kept.get(ID, options="sysAttrs")).json
    await kept.ask("PATCH", ATTRS + "/capacity", {"value": 1})
    after = (await kept.get(ID, options="sysAttrs")).json
    assert after["name"]["modifiedAt"] == before["name"]["modifiedAt"]
    assert after["capacity"]["modifiedAt"] > before["capacity"]["modifiedAt"]
    assert after["capacity"]["createdAt"] == before["capacity"]["createdAt"]
    assert after["modifiedAt"] == after["capacity"]["modifiedAt"]
    assert after["createdAt"] == before["createdAt"]


async def test_updates_a_scope_but_does_not_add_one(kept: Live) -> None:
    assert (await kept.ask("PATCH", ATTRS, {"scope": "/Engawa"})).status == 207
    assert (await kept.post(ATTRS, {"scope": "/Engawa"})).status == 204
    assert (await kept.ask("PATCH", ATTRS, {"scope": "/Engawa/north"})).status == 204
    assert (await shown(kept))["scope"] == "/Engawa/north"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"type": "Property", "value": "2026-04-01"}, "xsd:date"),
        ({"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1, 2]}}, "Point"),
        ({"type": "LanguageProperty", "languageMap": {"ja": "体育館"}}, "langString"),
        ({"type": "VocabProperty", "vocab": "open"}, "Status"),
        ({"type": "JsonProperty", "json": {"a": 1}}, "Raw"),
        ({"type": "ListProperty", "valueList": [1, 2]}, "xsd:integer"),
    ],
)
async def test_keeps_the_type_of_a_value(live: Live, body: dict[str, Any], kind: str) -> None:
    """4.5.2.2, 5.2.5 and its kin: valueType is a name in the @context."""
    context = {
        "xsd": "http://www.w3.org/2001/XMLSchema#",
        "Raw": "https://city.example/Raw",
    }
    given = {**body, "valueType": kind}
    entity = {"@context": context, "id": "urn:ngsi-ld:Shelter:9", "type": "Shelter", "a": given}
    assert (await live.post("/entities", entity)).status == 201
    query = {"@context": context, "type": "Query", "entities": [{"type": "Shelter"}]}
    for params in ({}, {"format": "concise"}):
        reply = await live.ask("POST", "/entityOperations/query", query, params=params)
        assert reply.json[0]["a"]["valueType"] == kind
    path = "/entities/urn:ngsi-ld:Shelter:9/attrs/a"
    later = {"@context": context, "valueType": "langString" if "languageMap" in body else "Raw"}
    assert (await live.ask("PATCH", path, later)).status == 204
    reply = await live.ask("POST", "/entityOperations/query", query)
    assert reply.json[0]["a"]["valueType"] == later["valueType"]
    assert (await live.ask("PATCH", path, {"valueType": "urn:ngsi-ld:null"})).status == 204
    assert "valueType" not in (await live.ask("POST", "/entityOperations/query", query)).json[0]["a"]


@pytest.mark.parametrize(
    "body",
    [
        {"type": "Relationship", "object": "urn:x:1", "valueType": "Raw"},
        {"type": "ListRelationship", "objectList": ["urn:x:1"], "valueType": "Raw"},
        {"type": "LanguageProperty", "languageMap": {"ja": "体育館"}, "valueType": "Raw"},
        {"type": "Property", "value": 1, "valueType": 5},
    ],
)
async def test_refuses_a_type_of_value_where_there_is_none(live: Live, body: dict[str, Any]) -> None:
    reply = await live.post("/entities", {"id": "urn:ngsi-ld:Shelter:9", "type": "Shelter", "a": body})
    assert reply.status == 400


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("a.valueType==Raw", 1),
        ('a.valueType=="Raw"', 1),
        ("a.valueType==https://city.example/Raw", 1),
        ("a.valueType!=Raw", 0),
        ("b.objectType==Raw,Other", 1),
        ("b.objectType==Other", 0),
        ("a.valueType", 1),
    ],
)
async def test_compares_types_of_values_by_name(live: Live, q: str, found: int) -> None:
    """4.9, 4.5.2.2."""
    context = {"Raw": "https://city.example/Raw"}
    entity = {
        "@context": context,
        "id": "urn:ngsi-ld:Shelter:9",
        "type": "Shelter",
        "a": {"type": "Property", "value": 1, "valueType": "Raw"},
        "b": {"type": "Relationship", "object": "urn:x:1", "objectType": "Raw"},
    }
    assert (await live.post("/entities", entity)).status == 201
    query = {"@context": context, "type": "Query", "entities": [{"type": "Shelter"}], "q": q}
    assert len((await live.ask("POST", "/entityOperations/query", query)).json) == found
