"""A tenant may demand that entities of a type satisfy a JSON Schema. (docs/schemas.md)"""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import schemas.catalogue as models
from base import admin
from broker.server import all_handlers
from engawa.command import cli
from tests.live import Live, live_broker

WEATHER = "https://smartdatamodels.org/dataModel.Weather/WeatherObserved"
TENANT = {"NGSILD-Tenant": "harbour"}
GOOD = {
    "@context": dict(models.context()),
    "id": "urn:x:weather",
    "type": "WeatherObserved",
    "location": {"type": "Point", "coordinates": [134.7, 35.4]},
    "relativeHumidity": 0.5,
}


async def call(live: Live, *words: str) -> Result:
    folder = live.broker.settings.data
    async with admin.serve(folder, all_handlers(live.broker)):
        return await asyncio.to_thread(
            CliRunner().invoke, cli, ["schema", *words, "--data", str(folder)], prog_name="engawa"
        )


@pytest.fixture
async def strict(live: Live) -> Live:
    """A tenant that demands WeatherObserved, with one entity."""
    done = await call(live, "require", "--tenant", "harbour", "--type", "WeatherObserved")
    assert done.exit_code == 0 and WEATHER in done.output
    assert (await live.post("/entities", GOOD, headers=TENANT)).status == 201
    return live


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


@pytest.mark.parametrize(
    ("body", "broken"),
    [
        (without("location"), ("location", "required")),
        (GOOD | {"relativeHumidity": 50}, ("relativeHumidity", "maximum: 1")),
        (GOOD | {"localGovernmentCode": "12"}, ("localGovernmentCode", 'pattern: "^[0-9]{6}$"')),
        (GOOD | {"temperature": "warm"}, ("temperature", 'type: "number"')),
        (
            GOOD
            | {
                "temperature": [
                    {"type": "Property", "value": 1},
                    {"type": "Property", "value": "warm", "datasetId": "urn:x:roof"},
                ]
            },
            ("temperature", 'type: "number"'),
        ),
        (GOOD | {"type": ["Other", "WeatherObserved"], "precipitation": -1}, ("precipitation", "minimum: 0")),
        (
            GOOD | {"location": {"type": "LineString", "coordinates": [[1, 2], [3, 4]]}},
            ("location", 'const: "Point"'),
        ),
    ],
)
async def test_names_the_attribute_and_the_rule(strict: Live, body: Any, broken: tuple[str, str]) -> None:
    reply = await strict.post("/entities", body | {"id": "urn:x:other"}, headers=TENANT)
    assert (reply.status, reply.json["type"].rpartition("/")[2]) == (400, "BadRequestData")
    assert {"attribute": broken[0], "rule": broken[1]} in reply.json["broken"]
    assert broken[0] in reply.json["detail"] and "warm" not in reply.json["detail"]
    assert (await strict.get("/entities/urn:x:other", headers=TENANT)).status == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "", GOOD | {"relativeHumidity": 2}),
        ("PATCH", "", {"relativeHumidity": 2}),
        ("PATCH", "", {"location": "urn:ngsi-ld:null"}),
        ("POST", "/attrs", {"relativeHumidity": 2}),
        ("PATCH", "/attrs", {"relativeHumidity": 2}),
        ("PATCH", "/attrs/relativeHumidity", {"value": 2}),
        ("PUT", "/attrs/relativeHumidity", {"value": 2}),
        ("PUT", "/attrs/relativeHumidity/value", 2),
        ("DELETE", "/attrs/location", None),
    ],
)
async def test_looks_at_what_would_be_stored_whatever_changes_it(
    strict: Live, method: str, path: str, body: Any
) -> None:
    context = await strict.post("/jsonldContexts", {"@context": GOOD["@context"]}, headers=TENANT)
    link = f'<{strict.url}{context.headers["Location"]}>; rel="http://www.w3.org/ns/json-ld#context"'
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name != "@context"}
    reply = await strict.ask(method, f"/entities/urn:x:weather{path}", body, headers={**TENANT, "Link": link})
    assert reply.status == 400 and reply.json["broken"], reply.json
    kept = await strict.get("/entities/urn:x:weather", headers=TENANT, format="simplified")
    assert 0.5 in kept.json.values() and "location" in kept.json


@pytest.mark.parametrize("kind", ["create", "upsert", "update", "merge"])
async def test_refuses_items_of_a_batch_one_by_one(strict: Live, kind: str) -> None:
    first, second = (f"urn:x:{number}" for number in range(2))
    if kind in ("update", "merge"):
        for id in (first, second):
            await strict.post("/entities", GOOD | {"id": id}, headers=TENANT)
    batch = [GOOD | {"id": first, "temperature": 3}, GOOD | {"id": second, "temperature": "warm"}]
    reply = await strict.post(f"/entityOperations/{kind}", batch, headers=TENANT)
    assert (reply.status, reply.json["success"]) == (207, [first])
    ((error,),) = ([error["error"] for error in reply.json["errors"]],)
    assert error["broken"] == [{"attribute": "temperature", "rule": 'type: "number"'}]


async def test_a_purge_of_what_is_required_leaves_the_entity(strict: Live) -> None:
    reply = await strict.ask(
        "DELETE", "/entities", params={"type": WEATHER, "drop": "location"}, headers=TENANT
    )
    assert (reply.status, reply.json["success"]) == (207, [])
    assert [error["entityId"] for error in reply.json["errors"]] == ["urn:x:weather"]
    kept = await strict.get("/entities/urn:x:weather", headers=TENANT)
    assert "location" in kept.json


async def test_other_types_and_other_tenants_are_free(strict: Live) -> None:
    free = {"id": "urn:x:free", "type": "WeatherObserved"}  # of the default vocabulary
    assert (await strict.post("/entities", free, headers=TENANT)).status == 201
    assert (await strict.post("/entities", without("location"))).status == 201
    assert (await strict.ask("DELETE", "/entities/urn:x:weather", headers=TENANT)).status == 204


async def test_a_demand_lasts_and_ends(tmp_path: Path) -> None:
    bad = without("location")
    async with live_broker(tmp_path / "data") as live:
        await call(live, "require", "--type", "WeatherObserved")
    async with live_broker(tmp_path / "data") as live:
        assert (await live.post("/entities", bad)).status == 400
        listed = await call(live, "list", "--json")
        assert WEATHER in listed.stdout
        assert (await call(live, "drop", "--type", WEATHER)).exit_code == 0
        assert (await live.post("/entities", bad)).status == 201
        assert (await call(live, "drop", "--type", WEATHER)).exit_code == 1


async def test_what_was_there_has_to_be_brought_in_order_by_the_next_change(live: Live) -> None:
    await live.post("/entities", without("location"))
    await call(live, "require", "--type", WEATHER, "--schema", "WeatherObserved")
    body = {"@context": GOOD["@context"], "temperature": 3}
    assert (await live.ask("PATCH", "/entities/urn:x:weather/attrs", body)).status == 400
    assert (
        await live.post("/entities/urn:x:weather/attrs", body | {"location": GOOD["location"]})
    ).status == 204


async def test_there_must_be_such_a_schema_and_type(live: Live) -> None:
    unknown = await call(live, "require", "--type", "Poem")
    assert unknown.exit_code == 1 and "WeatherObserved" in unknown.output
    nameless = await call(live, "require", "--type", "Poem", "--schema", "WeatherObserved")
    assert nameless.exit_code == 1 and "IRI" in nameless.output


async def test_a_choice_of_rules_names_what_is_missing(live: Live) -> None:
    await call(live, "require", "--type", "EvacuationShelter")
    shelter = {
        "@context": GOOD["@context"],
        "id": "urn:x:1",
        "type": "EvacuationShelter",
        "openingStatus": "open",
    }
    reply = await live.post("/entities", shelter)
    assert reply.status == 400 and reply.json["broken"][0]["rule"] == "required"
