"""One attribute on its own, its bare value, core contexts by version: additions of NGSI-LD 2.0."""

from typing import Any

import pytest

from tests.live import Live

A = "/entities/urn:x:1/attrs/"
LD = {"Accept": "application/ld+json"}


@pytest.fixture
async def filled(live: Live) -> Live:
    entity = {
        "id": "urn:x:1",
        "type": "T",
        "level": [
            {"type": "Property", "value": 3, "unitCode": "MTR", "observedAt": "2026-04-01T09:00:00Z"},
            {"type": "Property", "value": 4, "datasetId": "urn:x:sonar"},
        ],
        "name": {"type": "LanguageProperty", "languageMap": {"ja": "縁側", "en": "veranda"}},
        "kind": {"type": "VocabProperty", "vocab": "Veranda"},
        "raw": {"type": "JsonProperty", "json": {"a": None}},
        "at": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [134.7, 35.4]}},
        "of": {"type": "Relationship", "object": "urn:x:house"},
        "parts": {"type": "ListRelationship", "objectList": ["urn:x:2", "urn:x:3"]},
        "steps": {"type": "ListProperty", "valueList": [1, "two"]},
        "note": {"type": "Property", "value": "板の間"},
    }
    assert (await live.post("/entities", entity)).status == 201
    return live


async def test_gives_one_attribute_in_every_representation(filled: Live) -> None:
    whole = (await filled.get(A + "level")).json
    assert [one["value"] for one in whole] == [3, 4] and whole[0]["type"] == "Property"
    assert (await filled.get(A + "level", datasetId="urn:x:sonar")).json["value"] == 4
    assert (await filled.get(A + "level", format="simplified")).json == {
        "dataset": {"@none": 3, "urn:x:sonar": 4}
    }
    assert (await filled.get(A + "of", options="concise")).json == {"object": "urn:x:house"}
    assert (await filled.get(A + "note", format="concise")).json == "板の間"
    assert "createdAt" in (await filled.get(A + "note", options="sysAttrs")).json
    spoken = (await filled.get(A + "name", lang="en")).json
    assert (spoken["type"], spoken["value"], spoken["lang"]) == ("Property", "veranda", "en")


@pytest.mark.parametrize("name", ["level", "name", "kind", "raw", "at", "of", "parts", "steps", "note"])
@pytest.mark.parametrize("form", ["normalized", "concise", "simplified"])
async def test_an_attribute_is_what_the_entity_shows_of_it(filled: Live, name: str, form: str) -> None:
    entity = (await filled.get("/entities/urn:x:1", format=form)).json
    reply = await filled.get(A + name, format=form)
    assert reply.json == entity[name] and "json-ld#context" in reply.headers["Link"]


async def test_an_attribute_as_json_ld_holds_its_context(filled: Live) -> None:
    reply = await filled.get(A + "note", headers=LD)
    assert reply.headers["Content-Type"] == "application/ld+json" and "@context" in reply.json
    assert all("@context" in one for one in (await filled.get(A + "level", headers=LD)).json)
    bare = await filled.get(A + "note", headers=LD, format="simplified")
    assert (bare.headers["Content-Type"], bare.json) == ("application/json", "板の間")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("level", 3),
        ("name", {"ja": "縁側", "en": "veranda"}),
        ("kind", "Veranda"),
        ("raw", {"a": None}),
        ("at", {"type": "Point", "coordinates": [134.7, 35.4]}),
        ("of", "urn:x:house"),
        ("parts", ["urn:x:2", "urn:x:3"]),
        ("steps", [1, "two"]),
        ("note", "板の間"),
    ],
)
async def test_a_bare_value_goes_out_and_comes_back(filled: Live, name: str, value: Any) -> None:
    reply = await filled.get(f"{A}{name}/value")
    assert (reply.status, reply.json) == (200, value)
    before = (await filled.get(A + name)).json
    assert (await filled.ask("PUT", f"{A}{name}/value", value)).status == 204
    assert (await filled.get(A + name)).json == before


async def test_a_value_can_be_spoken_in_one_language(filled: Live) -> None:
    assert (await filled.get(A + "name/value", lang="ja")).json == "縁側"
    assert (await filled.get(A + "name/value", lang="fr")).status == 200


async def test_a_value_can_be_text(filled: Live) -> None:
    async def text(name: str) -> tuple[str, bytes]:
        reply = await filled.session.get(
            f"{filled.url}/ngsi-ld/v1{A}{name}/value", headers={"Accept": "text/plain"}
        )
        return reply.headers["Content-Type"], await reply.read()

    assert await text("note") == ("text/plain; charset=utf-8", "板の間".encode())
    assert await text("level") == ("text/plain; charset=utf-8", b"3")
    assert (await text("steps"))[1] == b'[1,"two"]'
    url = f"{filled.url}/ngsi-ld/v1{A}note/value"
    async with filled.session.put(url, data="7\n", headers={"Content-Type": "text/plain"}) as reply:
        assert reply.status == 204
    assert (await filled.get(A + "note/value")).json == "7\n"
    async with filled.session.put(url, data=b"\xff", headers={"Content-Type": "text/plain"}) as reply:
        assert reply.status == 400
    assert (await filled.get(A + "note/value", headers=LD)).status == 406


async def test_setting_a_value_leaves_the_rest_of_the_attribute(filled: Live) -> None:
    reply = await filled.ask(
        "PUT", A + "level/value", 5, params={"datasetId": "urn:x:sonar", "observedAt": "2026-05-01T00:00:00Z"}
    )
    assert reply.status == 204
    default, sonar = (await filled.get(A + "level")).json
    assert (default["value"], default["unitCode"]) == (3, "MTR")
    assert (sonar["value"], sonar["observedAt"]) == (5, "2026-05-01T00:00:00Z")


@pytest.mark.parametrize(
    ("path", "params", "body", "status"),
    [
        ("none/value", {}, 1, 404),
        ("level/value", {"datasetId": "urn:x:none"}, 1, 404),
        ("level/value", {"datasetId": "sonar"}, 1, 400),
        ("level/value", {"observedAt": "yesterday"}, 1, 400),
        ("level/value", {"type": "Other"}, 1, 404),
        ("level/value", {}, "urn:ngsi-ld:null", 400),
        ("of/value", {}, "no uri", 400),
        ("name/value", {}, "text", 400),
        ("at/value", {}, {"type": "Point"}, 400),
        ("id/value", {}, 1, 400),
    ],
)
async def test_refuses_values_that_do_not_fit(
    filled: Live, path: str, params: dict[str, str], body: Any, status: int
) -> None:
    before = (await filled.get("/entities/urn:x:1")).json
    reply = await filled.ask("PUT", A + path, body, params=params)
    assert reply.status == status, reply.json
    assert (await filled.get("/entities/urn:x:1")).json == before


async def test_reads_what_is_not_there(filled: Live) -> None:
    for path in (A + "none", A + "none/value", "/entities/urn:x:2/attrs/level"):
        assert (await filled.get(path)).status == 404
    assert (await filled.get(A + "level", datasetId="urn:x:none")).status == 404
    assert (await filled.get(A + "level/value", datasetId="urn:x:none")).status == 404
    assert (await filled.get(A + "level", type="Other")).status == 404


async def test_json_null_is_no_value(filled: Live) -> None:
    url = f"{filled.url}/ngsi-ld/v1{A}note/value"
    async with filled.session.put(url, data=b"null", headers={"Content-Type": "application/json"}) as reply:
        assert reply.status == 400


async def test_serves_a_context_with_the_core_of_a_version(live: Live) -> None:
    core = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v{}.jsonld"
    own = {"level": "https://x.example/level"}
    made = await live.post("/jsonldContexts", {"@context": [own, core.format("1.9")]})
    path = "/jsonldContexts/" + made.headers["Location"].rpartition("/")[2]
    assert (await live.get(path, core="1.6")).json == {"@context": [own, core.format("1.6")]}
    assert (await live.get(path, core="0.9")).status == 400
    whole = await live.get("/jsonldContexts/" + core.format("1.9").replace("/", "%2F"), core="1.3")
    assert "JsonProperty" not in whole.json["@context"] and "Property" in whole.json["@context"]
