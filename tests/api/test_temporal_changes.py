"""Creating and changing Temporal Evolutions over HTTP. (5.6.11-5.6.16, 6.18-6.22)"""

from typing import Any

import pytest

from tests.live import Live, Reply

ID = "urn:ngsi-ld:River:1"
PATH = f"/temporal/entities/{ID}"
ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"


def at(hour: int) -> str:
    return f"2026-04-01T{hour:02}:00:00Z"


def level(*values: float, **more: Any) -> list[dict[str, Any]]:
    """Write instances of a Property, hour by hour."""
    return [
        {"type": "Property", "value": value, "observedAt": at(hour), **more}
        for hour, value in enumerate(values)
    ]


def river(**members: Any) -> dict[str, Any]:
    return {"id": ID, "type": "River", **members}


def held(reply: Reply, name: str = "level") -> list[Any]:
    return [one["value"] for one in reply.json.get(name, [])]


def error(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.json["type"].removeprefix(ERRORS)


async def test_creates_a_temporal_evolution_and_then_adds_to_it(live: Live) -> None:
    made = await live.post("/temporal/entities", river(level=level(1, 2)))
    assert (made.status, made.raw) == (201, b"")
    assert made.headers["Location"] == f"/ngsi-ld/v1{PATH}"
    later = {"type": "Property", "value": 3, "observedAt": at(5)}
    added = await live.post(
        "/temporal/entities", river(type=["River", "Canal"], level=[later], width=level(7))
    )
    assert (added.status, added.raw) == (204, b"")
    reply = await live.get(PATH)
    assert sorted(reply.json["type"]) == ["Canal", "River"]
    assert held(reply) == [1, 2, 3]
    assert held(reply, "width") == [7]
    assert (await live.get(f"/entities/{ID}")).status == 404


async def test_the_same_observation_again_corrects_the_first(live: Live) -> None:
    await live.post("/temporal/entities", river(level=level(1, 2)))
    first = (await live.get(PATH)).json["level"]
    await live.post("/temporal/entities", river(level=level(1.5)))
    again = (await live.get(PATH)).json["level"]
    assert [one["value"] for one in again] == [1.5, 2]
    assert [one["instanceId"] for one in again] == [one["instanceId"] for one in first]


async def test_takes_the_simplified_temporal_form(live: Live) -> None:
    body = river(
        level={"type": "Property", "values": [[1, at(0)], [2, at(1)]]},
        gate={"type": "Relationship", "objects": [["urn:ngsi-ld:Gate:1", at(0)]]},
        scope={"type": "Property", "values": [["/Yabu", at(0)]]},
    )
    assert (await live.post("/temporal/entities", body)).status == 201
    assert (await live.get(PATH, format="temporalValues")).json == body


async def test_adds_attributes(live: Live) -> None:
    assert error(await live.post(f"{PATH}/attrs", {"level": level(1)})) == (404, "ResourceNotFound")
    await live.post("/temporal/entities", river(level=level(1)))
    assert (await live.post(f"{PATH}/attrs", {"width": level(7, 8)})).status == 204
    assert held(await live.get(PATH), "width") == [7, 8]
    assert error(await live.post(f"{PATH}/attrs", {})) == (400, "BadRequestData")
    assert error(await live.post(f"{PATH}/attrs", {"id": "urn:x:y", "width": level(7)})) == (
        400,
        "BadRequestData",
    )
    assert error(await live.post("/temporal/entities/x/attrs", {"width": level(7)})) == (
        400,
        "BadRequestData",
    )


async def test_deletes_a_temporal_evolution(live: Live) -> None:
    await live.post("/temporal/entities", river(level=level(1)))
    assert (await live.ask("DELETE", PATH)).status == 204
    assert error(await live.get(PATH)) == (404, "ResourceNotFound")
    assert error(await live.ask("DELETE", PATH)) == (404, "ResourceNotFound")
    assert error(await live.ask("DELETE", "/temporal/entities/x")) == (400, "BadRequestData")


async def test_deletes_one_dataset_of_an_attribute_or_all(live: Live) -> None:
    dataset = "urn:ngsi-ld:Dataset:a"
    body = river(level=[*level(1, 2), *level(3, datasetId=dataset)], width=level(7))
    await live.post("/temporal/entities", body)
    assert (await live.ask("DELETE", f"{PATH}/attrs/level")).status == 204
    assert held(await live.get(PATH)) == [3]
    assert error(await live.ask("DELETE", f"{PATH}/attrs/level")) == (404, "ResourceNotFound")
    assert (await live.ask("DELETE", f"{PATH}/attrs/level", params={"datasetId": dataset})).status == 204
    await live.post("/temporal/entities", body)
    assert (await live.ask("DELETE", f"{PATH}/attrs/level", params={"deleteAll": "true"})).status == 204
    assert set((await live.get(PATH)).json) == {"id", "type", "width"}
    assert error(await live.ask("DELETE", f"{PATH}/attrs/depth")) == (404, "ResourceNotFound")
    assert error(await live.ask("DELETE", f"{PATH}/attrs/bad(name")) == (400, "BadRequestData")
    bad = await live.ask("DELETE", f"{PATH}/attrs/width", params={"datasetId": "x"})
    assert error(bad) == (400, "BadRequestData")


@pytest.mark.parametrize("wrapped", [False, True])
async def test_modifies_one_instance(live: Live, wrapped: bool) -> None:
    await live.post("/temporal/entities", river(level=level(1, 2)))
    before = (await live.get(PATH, options="sysAttrs")).json["level"][0]
    instance: Any = {"type": "Property", "value": 1.25, "observedAt": at(0), "unitCode": "MTR"}
    path = f"{PATH}/attrs/level/{before['instanceId']}"
    assert (await live.ask("PATCH", path, [instance] if wrapped else instance)).status == 204
    after = (await live.get(PATH, options="sysAttrs")).json["level"][0]
    assert (after["value"], after["unitCode"]) == (1.25, "MTR")
    assert (after["instanceId"], after["createdAt"]) == (before["instanceId"], before["createdAt"])
    assert after["modifiedAt"] > before["modifiedAt"]


async def test_deletes_one_instance(live: Live) -> None:
    await live.post("/temporal/entities", river(level=level(1, 2)))
    first = (await live.get(PATH)).json["level"][0]["instanceId"]
    assert (await live.ask("DELETE", f"{PATH}/attrs/level/{first}")).status == 204
    assert held(await live.get(PATH)) == [2]
    assert error(await live.ask("DELETE", f"{PATH}/attrs/level/{first}")) == (404, "ResourceNotFound")


async def test_says_what_of_an_instance_is_missing_or_wrong(live: Live) -> None:
    await live.post("/temporal/entities", river(level=level(1)))
    known = (await live.get(PATH)).json["level"][0]["instanceId"]
    good = {"type": "Property", "value": 5, "observedAt": at(0)}
    expected = {
        f"/temporal/entities/urn:ngsi-ld:River:9/attrs/level/{known}": 404,
        f"{PATH}/attrs/depth/{known}": 404,
        f"{PATH}/attrs/level/urn:ngsi-ld:Instance:none": 404,
        f"/temporal/entities/x/attrs/level/{known}": 400,
        f"{PATH}/attrs/bad(name/{known}": 400,
        f"{PATH}/attrs/level/x": 400,
    }
    for path, status in expected.items():
        assert (await live.ask("PATCH", path, good)).status == status, path
        assert (await live.ask("DELETE", path)).status == status, path
    for bad in ([good, good], {}, {"type": "Property", "value": 5, "observedAt": "2026-02-30T00:00:00Z"}):
        assert (await live.ask("PATCH", f"{PATH}/attrs/level/{known}", bad)).status == 400
    assert held(await live.get(PATH)) == [1]


@pytest.mark.parametrize(
    "instance",
    [
        {"type": "Property", "value": 1, "observedAt": "2026-02-29T00:00:00Z"},
        {"type": "Property", "value": 1, "observedAt": "1 April"},
        {"type": "Property", "value": 1, "observedAt": "2026-04-01T00:00:00+09:00"},
        {"type": "Property", "value": "urn:ngsi-ld:null", "deletedAt": "never"},
    ],
)
async def test_a_bad_date_is_refused_and_harms_no_later_query(live: Live, instance: dict[str, Any]) -> None:
    await live.post("/temporal/entities", river(level=level(1)))
    assert error(await live.post("/temporal/entities", river(level=[instance]))) == (400, "BadRequestData")
    assert error(await live.post(f"{PATH}/attrs", {"level": [instance]})) == (400, "BadRequestData")
    found = await live.get("/temporal/entities", type="River", timerel="after", timeAt=at(0))
    assert (found.status, len(found.json[0]["level"])) == (200, 1)


async def test_people_have_no_history_here(live: Live) -> None:
    reply = await live.post("/temporal/entities", {"id": "urn:x:1", "type": "Resident", "level": level(1)})
    assert error(reply) == (400, "BadRequestData")


async def test_methods_that_a_resource_lacks_are_named(live: Live) -> None:
    for path, method in (("/temporal/entities", "PUT"), (PATH, "PATCH"), (f"{PATH}/attrs", "GET")):
        reply = await live.ask(method, path)
        assert reply.status == 405
        assert reply.headers["Allow"]


async def test_a_deletion_lies_at_the_time_it_was_observed(live: Live) -> None:
    gone = {"type": "Property", "value": "urn:ngsi-ld:null", "observedAt": at(5)}
    await live.post("/temporal/entities", river(level=[*level(1, 2), gone]))
    for timeproperty, expected in (
        ("observedAt", [1, 2, "urn:ngsi-ld:null"]),
        ("deletedAt", ["urn:ngsi-ld:null"]),
    ):
        reply = await live.get(PATH, timerel="before", timeAt=at(9), timeproperty=timeproperty)
        assert held(reply) == expected
    assert (await live.get(PATH, timerel="before", timeAt=at(5), timeproperty="deletedAt")).status == 404
