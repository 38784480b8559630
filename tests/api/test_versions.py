"""Answers in an earlier version of NGSI-LD. (4.3.6.8, 6.3.6, 6.4.3.2, 6.5.3.1)"""

from typing import Any

import pytest
from multidict import CIMultiDict

from tests.live import Live

ID = "urn:ngsi-ld:Shelter:1"
PLAIN = "urn:ngsi-ld:Shelter:2"


@pytest.fixture
async def stocked(live: Live) -> Live:
    """Give a broker with an entity of today and one that was possible ever since."""
    new = {
        "id": ID,
        "type": "Shelter",
        "scope": "/Yabu",
        "name": {"type": "LanguageProperty", "languageMap": {"ja": "体育館"}},
        "state": {"type": "VocabProperty", "vocab": "open"},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [134.7, 35.4]}},
    }
    assert (await live.post("/entities", new)).status == 201
    old = {"id": PLAIN, "type": "Shelter", "capacity": {"type": "Property", "value": 5}}
    assert (await live.post("/entities", old)).status == 201
    return live


async def asked(live: Live, prefer: str, path: str = f"/entities/{ID}", **params: Any) -> Any:
    return await live.get(path, headers={"Prefer": prefer}, **params)


async def test_amends_an_entity_and_says_so(stocked: Live) -> None:
    reply = await asked(stocked, "ngsi-ld=1.5")
    assert reply.status == 203
    assert reply.headers["Preference-Applied"] == "ngsi-ld=1.5"
    assert reply.json["state"] == {"type": "Property", "value": "open"}
    assert reply.json["name"]["type"] == "LanguageProperty" and reply.json["scope"] == "/Yabu"
    older = await asked(stocked, "ngsi-ld=1.0")
    assert older.json["name"] == {"type": "Property", "value": {"ja": "体育館"}} and "scope" not in older.json


async def test_leaves_an_entity_that_conforms(stocked: Live) -> None:
    for prefer, applied in (("ngsi-ld=1.9", "1.9"), ("ngsi-ld=2.0", "1.9")):
        reply = await asked(stocked, prefer)
        assert reply.status == 200 and reply.json["state"]["type"] == "VocabProperty"
        assert reply.headers["Preference-Applied"] == f"ngsi-ld={applied}"
    reply = await asked(stocked, "ngsi-ld=1.0", f"/entities/{PLAIN}")
    assert reply.status == 200 and reply.headers["Preference-Applied"] == "ngsi-ld=1.0"


async def test_amends_the_result_of_a_query(stocked: Live) -> None:
    reply = await asked(stocked, "ngsi-ld=1.5", "/entities", type="Shelter")
    assert reply.status == 203
    assert {one["id"]: one.get("state", {}).get("type") for one in reply.json} == {
        ID: "Property",
        PLAIN: None,
    }
    assert (await asked(stocked, "ngsi-ld=1.5", "/entities", type="Shelter", id=PLAIN)).status == 200


async def test_amends_the_result_of_a_query_with_a_body(stocked: Live) -> None:
    query = {"type": "Query", "entities": [{"type": "Shelter"}]}
    reply = await stocked.post("/entityOperations/query", query, headers={"Prefer": "ngsi-ld=1.5"})
    assert reply.status == 203 and reply.headers["Preference-Applied"] == "ngsi-ld=1.5"


@pytest.mark.parametrize(
    ("params", "state"),
    [
        ({"format": "concise"}, "open"),
        ({"format": "simplified"}, "open"),
        ({}, {"type": "Property", "value": "open"}),
    ],
)
async def test_amends_every_representation(stocked: Live, params: dict[str, str], state: Any) -> None:
    reply = await asked(stocked, "ngsi-ld=1.5", **params)
    assert reply.status == 203 and reply.json["state"] == state


async def test_amends_features_and_takes_both_preferences(stocked: Live) -> None:
    headers = {"Accept": "application/geo+json", "Prefer": 'body="json", ngsi-ld=1.5'}
    reply = await stocked.get(f"/entities/{ID}", headers=headers)
    assert reply.status == 203 and "@context" not in reply.json and "Link" in reply.headers
    assert reply.json["properties"]["state"]["type"] == "Property"
    assert reply.json["geometry"]["type"] == "Point"


async def test_keeps_answers_of_different_versions_apart(stocked: Live) -> None:
    first = [(await asked(stocked, f"ngsi-ld=1.{minor}")).raw for minor in (9, 5, 0)]
    again = [(await asked(stocked, f"ngsi-ld=1.{minor}")).raw for minor in (9, 5, 0)]
    plain = await stocked.get(f"/entities/{ID}")
    assert first == again and len(set(first)) == 3
    assert plain.raw == first[0] and "Preference-Applied" not in plain.headers


@pytest.mark.parametrize(
    "prefer",
    [
        "NGSI-LD=1.5",
        'ngsi-ld="1.5"',
        "ngsi-ld=1.5;q=0.1",
        "respond-async, ngsi-ld=1.5",
        "wait=10 , ngsi-ld = 1.5, ngsi-ld=1.0",
    ],
)
async def test_reads_the_preference_as_rfc_7240_writes_it(stocked: Live, prefer: str) -> None:
    assert (await asked(stocked, prefer)).headers["Preference-Applied"] == "ngsi-ld=1.5"


async def test_reads_preferences_in_several_header_lines(stocked: Live) -> None:
    lines = CIMultiDict([("Prefer", "respond-async"), ("Prefer", "ngsi-ld=1.5"), ("Prefer", "wait=10")])
    for _ in range(2):
        async with stocked.session.get(f"{stocked.url}/ngsi-ld/v1/entities/{ID}", headers=lines) as reply:
            assert (reply.status, reply.headers["Preference-Applied"]) == (203, "ngsi-ld=1.5")


@pytest.mark.parametrize(
    "prefer", ["respond-async", "ngsi-ld", "ngsi-ld=new", 'x="ngsi-ld=1.5"', "ngsi-ld=1.5.1", ",", '"']
)
async def test_ignores_other_preferences(stocked: Live, prefer: str) -> None:
    reply = await asked(stocked, prefer)
    assert reply.status == 200 and "Preference-Applied" not in reply.headers


async def test_names_the_version_of_other_resources(stocked: Live) -> None:
    reply = await asked(stocked, "ngsi-ld=1.0", "/subscriptions")
    assert reply.status == 200 and reply.headers["Preference-Applied"] == "ngsi-ld=1.0"


async def test_does_not_name_a_version_of_errors(stocked: Live) -> None:
    reply = await asked(stocked, "ngsi-ld=1.0", "/entities/urn:x:none")
    assert reply.status == 404 and "Preference-Applied" not in reply.headers


async def test_amends_linked_entities_too(stocked: Live) -> None:
    body = {"id": "urn:ngsi-ld:Team:1", "type": "Team", "at": {"type": "Relationship", "object": ID}}
    assert (await stocked.post("/entities", body)).status == 201
    reply = await asked(stocked, "ngsi-ld=1.5", "/entities/urn:ngsi-ld:Team:1", join="inline")
    assert reply.status == 203
    assert reply.json["at"]["entity"]["state"] == {"type": "Property", "value": "open"}


async def test_amends_temporal_evolutions(stocked: Live) -> None:
    state = {"type": "VocabProperty", "vocab": "shut"}
    assert (await stocked.ask("PATCH", f"/entities/{ID}/attrs", {"state": state})).status == 204
    path = f"/temporal/entities/{ID}"
    plain = await stocked.get(path)
    reply = await asked(stocked, "ngsi-ld=1.5", path)
    assert (plain.status, reply.status) == (200, 203)
    assert reply.headers["Preference-Applied"] == "ngsi-ld=1.5"
    assert [one["value"] for one in reply.json["state"]] == [one["vocab"] for one in plain.json["state"]]
    assert {one["type"] for one in reply.json["state"]} == {"Property"}
    assert (await asked(stocked, "ngsi-ld=1.9", path)).status == 200
    found = await asked(
        stocked, "ngsi-ld=1.5", "/temporal/entities", type="Shelter", timerel="after",
        timeAt="2020-01-01T00:00:00Z", timeproperty="modifiedAt",
    )  # fmt: skip
    assert found.status == 203


async def test_amends_aggregated_values(stocked: Live) -> None:
    body = {
        "id": "urn:ngsi-ld:Shelter:3",
        "type": ["Shelter", "School"],
        "level": [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": "urn:x:1"}],
        "pairs": {"type": "Property", "value": 3, "datasetId": "urn:x:1"},
    }
    assert (await stocked.post("/entities", body)).status == 201
    path = f"/temporal/entities/{body['id']}"
    how = {"options": "aggregatedValues", "aggrMethods": "max", "timeproperty": "modifiedAt"}
    plain = await stocked.get(path, **how)
    assert plain.status == 200 and len(plain.json["level"]) == 2 and len(plain.json["type"]) == 2
    reply = await asked(stocked, "ngsi-ld=1.2", path, **how)
    assert (reply.status, reply.headers["Preference-Applied"]) == (203, "ngsi-ld=1.2")
    assert isinstance(reply.json["type"], str) and reply.json["level"]["max"][0][0] == 1
    assert "datasetId" not in reply.json["pairs"] and reply.json["pairs"]["max"][0][0] == 3
    found = await asked(stocked, "ngsi-ld=1.2", "/temporal/entities", type="School", timerel="after",
        timeAt="2020-01-01T00:00:00Z", **how)  # fmt: skip
    assert found.status == 203 and found.json[0]["type"] == reply.json["type"]
    kept = await asked(stocked, "ngsi-ld=1.3", path, **how)
    assert kept.status == 200 and kept.json == plain.json


async def test_a_map_holds_nothing_to_amend(stocked: Live) -> None:
    made = await asked(stocked, "ngsi-ld=1.0", "/entityMaps", type="Shelter")
    assert (made.status, made.headers["Preference-Applied"]) == (201, "ngsi-ld=1.0")


async def test_amends_one_attribute_on_its_own(stocked: Live) -> None:
    reply = await asked(stocked, "ngsi-ld=1.5", f"/entities/{ID}/attrs/state")
    assert reply.status == 203 and reply.headers["Preference-Applied"] == "ngsi-ld=1.5"
    assert reply.json == {"type": "Property", "value": "open"}
    assert (await asked(stocked, "ngsi-ld=1.8", f"/entities/{ID}/attrs/state")).status == 200
    assert (await stocked.get(f"/entities/{ID}/attrs/state")).json["type"] == "VocabProperty"
