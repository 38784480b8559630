"""Aggregated values over HTTP, by period of the calendar. (4.5.19, 5.7.4.4, C.5.14)"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.live import Live, live_broker

ID = "urn:ngsi-ld:River:1"
PATH = f"/temporal/entities/{ID}"
YEAR = {"timerel": "between", "timeAt": "2026-01-01T00:00:00Z", "endTimeAt": "2027-01-01T00:00:00Z"}


def instance(value: Any, when: str, **more: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value, "observedAt": when, **more}


@pytest.fixture
async def river(live: Live) -> Live:
    body = {
        "id": ID,
        "type": "River",
        "level": [
            instance(10, "2026-01-05T00:00:00Z"),
            instance(20, "2026-01-31T23:59:59.999999Z"),
            instance(40, "2026-02-01T00:00:00Z"),
            instance(5, "2026-12-31T12:00:00Z"),
        ],
        "warning": [instance("high", "2026-02-03T00:00:00Z"), instance("low", "2026-02-04T00:00:00Z")],
        "feeds": [
            {
                "type": "Relationship",
                "object": "urn:ngsi-ld:River:2",
                "observedAt": f"2026-02-0{day}T00:00:00Z",
            }
            for day in (1, 2)
        ],
        "scope": [instance("/Yabu", "2026-01-01T00:00:00Z")],
    }
    assert (await live.post("/temporal/entities", body)).status == 201
    return live


async def aggregated(live: Live, methods: str, period: str | None = None, **more: str) -> Any:
    if period is not None:
        more["aggrPeriodDuration"] = period
    reply = await live.get(PATH, format="aggregatedValues", aggrMethods=methods, **more)
    return reply.json if reply.status == 200 else (reply.status, reply.json["type"].rpartition("/")[2])


async def test_periods_of_months_with_values_are_told(river: Live) -> None:
    assert await aggregated(river, "avg,totalCount", "P1M", attrs="level", **YEAR) == {
        "id": ID,
        "type": "River",
        "level": {
            "type": "Property",
            "avg": [
                [15.0, "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"],
                [40.0, "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"],
                [5.0, "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"],
            ],
            "totalCount": [
                [2, "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"],
                [1, "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"],
                [1, "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"],
            ],
        },
    }


async def test_every_method_over_the_whole_range(river: Live) -> None:
    methods = "totalCount,distinctCount,sum,avg,min,max,stddev,sumsq"
    level = (await aggregated(river, methods, "PT0S", attrs="level", **YEAR))["level"]
    ends = [YEAR["timeAt"], YEAR["endTimeAt"]]
    assert level.pop("stddev") == [[pytest.approx(13.405, abs=1e-3), *ends]]
    assert level == {
        "type": "Property",
        "totalCount": [[4, *ends]],
        "distinctCount": [[4, *ends]],
        "sum": [[75, *ends]],
        "avg": [[18.75, *ends]],
        "min": [[5, *ends]],
        "max": [[40, *ends]],
        "sumsq": [[2125, *ends]],
    }


@pytest.mark.parametrize("more", [YEAR, {"timeproperty": "modifiedAt"}, {**YEAR, "lastN": "9"}])
async def test_integers_add_up_to_an_integer(live: Live, more: dict[str, str]) -> None:
    days = [f"2026-01-0{day}T00:00:00Z" for day in range(1, 5)]
    whole, broken = (3, -1, 5, 1 << 20), (3, 0.5, 5.0, 7)
    levels = {
        "level": [instance(value, day) for value, day in zip(whole, days, strict=True)],
        "flow": [instance(value, day) for value, day in zip(broken, days, strict=True)],
        "great": [instance(1 << 52, day) for day in days],
    }
    assert (await live.post("/temporal/entities", {"id": ID, "type": "River", **levels})).status == 201
    body = await aggregated(live, "sum,sumsq,min,max", **more)

    def told(name: str) -> list[Any]:
        return [body[name][method][0][0] for method in ("sum", "sumsq", "min", "max")]

    assert told("level") == [7 + (1 << 20), 35 + (1 << 40), -1, 1 << 20]
    assert {type(value) for value in told("level")} == {int}
    assert told("flow") == [15.5, 83.25, 0.5, 7]
    assert body["great"]["sum"][0][0] == 1 << 54


async def test_without_a_range_periods_begin_with_the_first_instance(river: Live) -> None:
    body = await aggregated(river, "max", "P1W", pick="level")
    assert body["level"]["max"][:2] == [
        [10, "2026-01-05T00:00:00Z", "2026-01-12T00:00:00Z"],
        [40, "2026-01-26T00:00:00Z", "2026-02-02T00:00:00Z"],
    ]
    assert (await aggregated(river, "max", pick="level"))["level"] == {
        "type": "Property",
        "max": [[40, "2026-01-05T00:00:00Z", "2026-12-31T12:00:00Z"]],
    }


async def test_other_data_types_have_their_own_methods(river: Live) -> None:
    ends = [YEAR["timeAt"], YEAR["endTimeAt"]]
    body = await aggregated(river, "totalCount,distinctCount", **YEAR)
    assert body["feeds"] == {
        "type": "Relationship",
        "totalCount": [[2, *ends]],
        "distinctCount": [[1, *ends]],
    }
    assert set(body) == {"id", "type", "level", "warning", "feeds"}
    assert (await aggregated(river, "min,max", attrs="warning", **YEAR))["warning"] == {
        "type": "Property",
        "min": [["high", *ends]],
        "max": [["low", *ends]],
    }


@pytest.mark.parametrize("params", [{}, {"attrs": "warning"}, {"attrs": "level,feeds"}])
async def test_a_method_without_meaning_is_refused(river: Live, params: dict[str, str]) -> None:
    assert await aggregated(river, "max,avg", **YEAR, **params) == (400, "InvalidRequest")
    reply = await river.get(
        "/temporal/entities", type="River", format="aggregatedValues", aggrMethods="max,avg", **YEAR, **params
    )
    assert (reply.status, reply.json["type"].rpartition("/")[2]) == (400, "InvalidRequest")


async def test_datasets_are_aggregated_apart(live: Live) -> None:
    a = "urn:ngsi-ld:Dataset:a"
    values = [instance(value, f"2026-02-0{value}T00:00:00Z") for value in (1, 2)]
    other = [{**one, "value": one["value"] * 100, "datasetId": a} for one in values]
    await live.post("/temporal/entities", {"id": ID, "type": "River", "level": values + other})
    both = (await aggregated(live, "sum", **YEAR))["level"]
    assert {one.get("datasetId"): one["sum"][0][0] for one in both} == {None: 3, a: 300}
    only = (await aggregated(live, "sum", datasetId=a, **YEAR))["level"]
    assert (only["datasetId"], only["sum"][0][0]) == (a, 300)


async def test_the_last_values_alone_are_aggregated(river: Live) -> None:
    body = await aggregated(river, "sum", attrs="level", lastN="2", **YEAR)
    assert body["level"]["sum"][0][0] == 45


async def test_only_values_from_while_a_scope_was_valid_are_aggregated(river: Live) -> None:
    left = instance("/Toyooka", "2026-02-01T00:00:00Z")
    await river.post("/temporal/entities", {"id": ID, "type": "River", "scope": [left]})
    for scope, total in (("/Yabu", 30), ("/Toyooka", 45)):
        reply = await river.get(
            "/temporal/entities", type="River", attrs="level", scopeQ=scope, aggrMethods="sum", **YEAR
        )
        assert reply.json[0]["level"]["sum"][0][0] == total


async def test_numbers_too_large_for_json_are_no_fault(live: Live) -> None:
    large = [instance(2**62, f"2026-02-0{day}T00:00:00Z") for day in (1, 2, 3)]
    beyond = [instance(1e300, "2026-02-01T00:00:00Z"), instance(True, "2026-02-02T00:00:00Z")]
    await live.post("/temporal/entities", {"id": ID, "type": "River", "level": large, "flow": beyond})
    for more in ({}, {"lastN": "3"}):
        body = await aggregated(live, "sum,sumsq", attrs="level", **YEAR, **more)
        assert body["level"]["sum"][0][0] == 3 * 2**62
        assert body["level"]["sumsq"][0][0] == pytest.approx(3 * 2.0**124)
    assert await aggregated(live, "sumsq", attrs="flow", **YEAR) == (400, "InvalidRequest")


async def test_deletions_count_as_no_value(live: Live) -> None:
    gone = {"type": "Property", "value": "urn:ngsi-ld:null", "deletedAt": "2026-03-01T00:00:00Z"}
    body = {"id": ID, "type": "River", "level": [instance(1, "2026-02-01T00:00:00Z"), gone]}
    await live.post("/temporal/entities", body)
    assert (await aggregated(live, "totalCount", **YEAR))["level"]["totalCount"][0][0] == 1


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"aggrMethods": "median"}, 400),
        ({"aggrMethods": ""}, 400),
        ({"aggrMethods": "avg", "aggrPeriodDuration": "1 month"}, 400),
        ({"aggrMethods": "avg", "aggrPeriodDuration": "PT0.001S"}, 403),
    ],
)
async def test_refuses_wrong_parameters_and_too_many_periods(
    river: Live, params: dict[str, str], status: int
) -> None:
    reply = await river.get(PATH, format="aggregatedValues", pick="level", **YEAR, **params)
    assert reply.status == status


async def test_aggregation_as_a_body(river: Live) -> None:
    body = {"type": "Query", "entities": [{"type": "River"}], "attrs": ["level"], "temporalQ": YEAR}
    expected = {
        "id": ID,
        "type": "River",
        "level": {"type": "Property", "sum": [[75, *list(YEAR.values())[1:]]]},
    }
    parameters = {"aggrMethods": ["sum"]}
    for more in (
        {"aggrParams": parameters},
        {"temporalQ": {**YEAR, "aggrMethods": "sum", "aggrPeriodDuration": "PT0S"}},
    ):
        reply = await river.post("/temporal/entityOperations/query", {**body, **more})
        assert (reply.status, reply.json) == (200, [expected])


@pytest.fixture
async def japan(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_broker(tmp_path / "data", aggregation_zone=ZoneInfo("Asia/Tokyo")) as broker:
        yield broker


async def test_months_can_follow_the_calendar_of_a_time_zone(japan: Live) -> None:
    await japan.post(
        "/temporal/entities",
        {
            "id": ID,
            "type": "River",
            "level": [instance(7, "2026-03-31T14:59:59Z"), instance(9, "2026-03-31T15:00:00Z")],
        },
    )
    year = {"timerel": "after", "timeAt": "2025-12-31T15:00:00Z"}
    assert (await aggregated(japan, "sum", "P1M", **year))["level"]["sum"] == [
        [7, "2026-02-28T15:00:00Z", "2026-03-31T15:00:00Z"],
        [9, "2026-03-31T15:00:00Z", "2026-04-30T15:00:00Z"],
    ]


async def test_bounds_the_values_of_an_answer_altogether(tmp_path: Path) -> None:
    async with live_broker(tmp_path / "data", temporal_instances=10) as live:
        for n in range(11):
            minutes = [instance(minute, f"2026-01-01T00:{minute:02}:00Z") for minute in range(10)]
            body = {"id": f"urn:ngsi-ld:River:{n}", "type": "River", "level": minutes}
            assert (await live.post("/temporal/entities", body)).status == 201
        wanted = {"type": "River", "aggrPeriodDuration": "PT1M", "format": "aggregatedValues", **YEAR}
        fitting = await live.get("/temporal/entities", **wanted, aggrMethods="avg", limit=10)
        assert (fitting.status, len(fitting.json)) == (200, 10)
        for more in ({"aggrMethods": "avg", "limit": 11}, {"aggrMethods": "avg,sum", "limit": 10}):
            refused = await live.get("/temporal/entities", **wanted, **more)
            assert (refused.status, refused.json["type"][-14:]) == (403, "TooManyResults")
