"""Temporal reads of random histories against the same computed directly. (4.11, 4.5.19, 5.7.3.4, 6.3.10)"""

import math
import statistics
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from random import Random
from typing import Any

import pytest

from base import clock
from broker.model import duration
from tests.live import Live, live_broker

ID = "urn:ngsi-ld:River:1"
PATH = f"/temporal/entities/{ID}"
NAMES = ("level", "flow")
DATASETS = ("@none", "urn:ngsi-ld:Dataset:a")
FIRST = clock.parse("2026-01-01T00:00:00Z")
WIDTH = 90 * 86_400 * clock.SECOND
REQUESTS = 40

Point = tuple[str, str, int, float]
"""Attribute, dataset, time, value."""


def some_moment(random: Random) -> int:
    return FIRST + random.randrange(WIDTH // clock.SECOND) * clock.SECOND


def some_points(random: Random) -> list[Point]:
    points = {
        (random.choice(NAMES), random.choice(DATASETS), some_moment(random) // 10**10 * 10**10)
        for _ in range(random.randint(5, 120))
    }
    numbers: list[Callable[[], float]] = [
        lambda: random.randint(-50, 50),
        lambda: random.uniform(-1e6, 1e6),
        lambda: random.choice([0.1, 0.2, 1, 1.0]),
    ]
    return [(*point, random.choice(numbers)()) for point in sorted(points)]


def body(points: list[Point]) -> dict[str, Any]:
    attributes: dict[str, list[Any]] = {}
    for name, dataset, at, value in points:
        instance = {"type": "Property", "value": value, "observedAt": clock.show(at)}
        attributes.setdefault(name, []).append(
            instance if dataset == "@none" else {**instance, "datasetId": dataset}
        )
    return {"id": ID, "type": "River", **attributes}


def some_range(random: Random) -> tuple[dict[str, str], Callable[[int], bool]]:
    low, high = sorted((some_moment(random), some_moment(random) + 1))
    match random.choice(("", "before", "after", "between")):
        case "before":
            return {"timerel": "before", "timeAt": clock.show(high)}, lambda at: at < high
        case "after":
            return {"timerel": "after", "timeAt": clock.show(low)}, lambda at: at >= low
        case "between":
            between = {"timerel": "between", "timeAt": clock.show(low), "endTimeAt": clock.show(high)}
            return between, lambda at: low <= at < high
        case _:
            return {}, lambda at: True


async def history(live: Live, random: Random) -> list[Point]:
    await live.ask("DELETE", PATH)
    points = some_points(random)
    assert (await live.post("/temporal/entities", body(points))).status == 201
    return points


def told(reply: Any) -> list[Point]:
    return sorted(
        (name, one.get("datasetId", "@none"), clock.parse(one["observedAt"]), one["value"])
        for name in NAMES
        for one in reply.json.get(name, [])
    )


@pytest.mark.parametrize("seed", range(3))
async def test_any_range_names_and_number_tell_what_a_filter_tells(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    async with live_broker(tmp_path / "data") as live:
        points = await history(live, random)
        for _ in range(REQUESTS):
            params, inside = some_range(random)
            names = random.choice((NAMES, NAMES[:1], NAMES[1:]))
            dataset = random.choice((None, *DATASETS))
            wanted = [p for p in points if p[0] in names and inside(p[2]) and dataset in (None, p[1])]
            if random.random() < 0.5:
                last = random.randint(1, 9)
                params["lastN"] = str(last)
                wanted = [one for name in names for one in latest([p for p in wanted if p[0] == name], last)]
            extra = {} if dataset is None else {"datasetId": dataset}
            reply = await live.get(PATH, attrs=",".join(names), **params, **extra)
            if reply.status == 404 or not wanted:
                assert not wanted and (reply.status == 404 or told(reply) == [])
            else:
                found = told(reply)
                assert sorted((p[0], p[2]) for p in found) == sorted((p[0], p[2]) for p in wanted)
                assert set(found) <= set(points)


def latest(points: list[Point], last: int) -> list[Point]:
    """Take the last ones by time; which of those at one time is open, so only their times are compared."""
    return sorted(points, key=lambda point: point[2])[-last:]


@pytest.mark.parametrize("seed", range(3))
async def test_pages_of_any_size_tell_everything_once(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    most = random.randint(1, 30)
    async with live_broker(tmp_path / "data", temporal_instances=most) as live:
        points = await history(live, random)
        found: list[Point] = []
        since = FIRST
        while True:
            reply = await live.get(PATH, timerel="after", timeAt=clock.show(since))
            if reply.status == 404:
                break
            page = told(reply)
            at_once = max(sum(p[2] == one[2] for p in points) for one in page)
            assert len(page) <= max(most, at_once)
            found += page
            if reply.status == 200:
                break
            since = clock.parse("Z-".join(reply.headers["Content-Range"].split("/")[0].split("Z-")[1:])) + 1
        assert sorted(found) == sorted(points)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("seed", range(2))
async def test_pages_over_several_entities_tell_everything_once(
    tmp_path: Path, seed: int, backwards: bool
) -> None:
    random = Random(seed)
    most = random.randint(5, 40)
    async with live_broker(tmp_path / "data", temporal_instances=most) as live:
        expected = set()
        for number in range(8):
            points = some_points(random)
            written = {**body(points), "id": f"urn:ngsi-ld:River:{number}"}
            assert (await live.post("/temporal/entities", written)).status == 201
            expected |= {(number, *point[:3]) for point in points}
        low, high = FIRST, FIRST + WIDTH
        found: list[tuple[int, str, str, int]] = []
        extra = {"lastN": "1000"} if backwards else {}
        while True:
            between = {"timerel": "between", "timeAt": clock.show(low), "endTimeAt": clock.show(high)}
            reply = await live.get("/temporal/entities", type="River", **between, **extra)
            for entity in reply.json:
                found += [
                    (
                        int(entity["id"][-1]),
                        name,
                        one.get("datasetId", "@none"),
                        clock.parse(one["observedAt"]),
                    )
                    for name in NAMES
                    for one in entity.get(name, [])
                ]
            if reply.status == 200:
                break
            end = clock.parse("Z-".join(reply.headers["Content-Range"].split("/")[0].split("Z-")[1:]))
            low, high = (low, end) if backwards else (end + 1, high)
        assert len(found) == len(set(found))
        assert set(found) == expected


METHODS: dict[str, Callable[[list[float]], float]] = {
    "totalCount": len,
    "distinctCount": lambda values: len({(type(value) is bool, value) for value in values}),
    "sum": math.fsum,
    "avg": statistics.fmean,
    "min": lambda values: float(min(values)),
    "max": lambda values: float(max(values)),
    "stddev": statistics.pstdev,
    "sumsq": lambda values: math.fsum(value * value for value in values),
}


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("seed", range(2))
async def test_aggregates_are_what_a_direct_computation_gives(tmp_path: Path, seed: int, mixed: bool) -> None:
    """`mixed`: with truth values among the numbers, which are then looked at one by one."""
    random = Random(seed)
    async with live_broker(tmp_path / "data") as live:
        points = await history(live, random)
        if mixed:
            truth = {"type": "Property", "value": True, "observedAt": clock.show(FIRST + 1)}
            await live.post(f"{PATH}/attrs", {"level": truth})
            points.append(("level", "@none", FIRST + 1, True))
        for _ in range(REQUESTS // 2):
            params, inside = some_range(random)
            period = random.choice(["P1D", "P1W", "P1M", "PT7H", "P2M3D", "P1Y"])
            methods = random.sample(sorted(METHODS), random.randint(1, 8))
            chosen = [p for p in points if inside(p[2])]
            reply = await live.get(
                PATH,
                format="aggregatedValues",
                aggrMethods=",".join(methods),
                aggrPeriodDuration=period,
                **params,
            )
            assert reply.status == (200 if chosen else 404), reply.json
            if chosen:
                start = (
                    clock.parse(params["timeAt"])
                    if params.get("timerel") in ("after", "between")
                    else min(p[2] for p in chosen)
                )
                check(reply.json, chosen, methods, start, duration.parse(period))


def check(
    answer: Any, points: list[Point], methods: list[str], start: int, length: duration.Duration
) -> None:
    series: dict[tuple[str, str], dict[int, list[float]]] = {}
    for name, dataset, at, value in points:
        number = 0
        while duration.later(start, length, number + 1, UTC) <= at:
            number += 1
        low = duration.later(start, length, number, UTC)
        series.setdefault((name, dataset), {}).setdefault(low, []).append(value)
    found = {
        (name, part.get("datasetId", "@none")): part
        for name in NAMES
        for part in (answer.get(name, []) if isinstance(answer.get(name, []), list) else [answer[name]])
    }
    assert found.keys() == series.keys()
    for key, periods in series.items():
        for method in methods:
            told = {clock.parse(low): value for value, low, _ in found[key][method]}
            direct = {low: METHODS[method](values) for low, values in periods.items()}
            assert told == pytest.approx(direct, rel=1e-6, abs=1e-3), (key, method)
