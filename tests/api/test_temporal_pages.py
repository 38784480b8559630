"""Pages of time: 206 and Content-Range, forwards and backwards, nothing lost and nothing twice. (6.3.10)"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import Live, Reply, live_broker

QUERY = "/temporal/entities"
MOST = 7
EARLY, LATE = "2026-04-01T00:00:00Z", "2026-04-02T00:00:00Z"


def at(minute: int) -> str:
    return f"2026-04-01T{minute // 60:02}:{minute % 60:02}:00Z"


def series(minutes: range, **more: Any) -> list[dict[str, Any]]:
    return [{"type": "Property", "value": minute, "observedAt": at(minute), **more} for minute in minutes]


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_broker(tmp_path / "data", temporal_instances=MOST) as broker:
        for number, attributes in enumerate(
            [
                {"level": series(range(0, 20, 2)), "width": series(range(1, 20, 2))},
                {"level": series(range(5, 9)), "flow": series(range(30, 40))},
                {"flow": series(range(100, 104))},
            ]
        ):
            body = {"id": f"urn:ngsi-ld:River:{number}", "type": "River", **attributes}
            assert (await broker.post(QUERY, body)).status == 201
        yield broker


def told(reply: Reply) -> dict[tuple[str, str], list[int]]:
    bodies = reply.json if isinstance(reply.json, list) else [reply.json]
    return {
        (body["id"], name): [one["value"] for one in held]
        for body in bodies
        for name, held in body.items()
        if isinstance(held, list)
    }


def content_range(reply: Reply) -> tuple[str, str, str]:
    unit, _, rest = reply.headers["Content-Range"].partition(" ")
    assert unit == "DateTime"
    span, _, size = rest.partition("/")
    start, _, end = span.partition("Z-")
    return start + "Z", end, size


async def test_what_fits_is_told_at_once(live: Live) -> None:
    reply = await live.get(f"{QUERY}/urn:ngsi-ld:River:2")
    assert reply.status == 200
    assert "Content-Range" not in reply.headers


async def test_forwards_the_page_ends_where_it_is_full(live: Live) -> None:
    reply = await live.get(f"{QUERY}/urn:ngsi-ld:River:0", timerel="after", timeAt=EARLY)
    assert reply.status == 206
    assert told(reply) == {
        ("urn:ngsi-ld:River:0", "level"): [0, 2, 4, 6],
        ("urn:ngsi-ld:River:0", "width"): [1, 3, 5],
    }
    assert content_range(reply) == (EARLY, at(6), "*")


async def test_backwards_the_latest_come_first(live: Live) -> None:
    reply = await live.get(
        f"{QUERY}/urn:ngsi-ld:River:0", timerel="between", timeAt=EARLY, endTimeAt=LATE, lastN=8
    )
    assert reply.status == 206
    assert told(reply) == {
        ("urn:ngsi-ld:River:0", "level"): [14, 16, 18],
        ("urn:ngsi-ld:River:0", "width"): [13, 15, 17, 19],
    }
    assert content_range(reply) == (LATE, at(13), "8")


@pytest.mark.parametrize(
    ("params", "start"),
    [
        ({}, at(0)),
        ({"timerel": "before", "timeAt": LATE}, at(0)),
        ({"timerel": "after", "timeAt": EARLY}, EARLY),
        ({"timerel": "between", "timeAt": EARLY, "endTimeAt": LATE}, EARLY),
        ({"lastN": "20"}, at(19)),
        ({"lastN": "20", "timerel": "after", "timeAt": EARLY}, at(19)),
        ({"lastN": "20", "timerel": "before", "timeAt": LATE}, LATE),
        ({"lastN": "20", "timerel": "between", "timeAt": EARLY, "endTimeAt": LATE}, LATE),
    ],
)
async def test_the_range_starts_where_the_clause_says(live: Live, params: dict[str, str], start: str) -> None:
    for form in ("normalized", "temporalValues"):
        reply = await live.get(f"{QUERY}/urn:ngsi-ld:River:0", format=form, **params)
        assert reply.status == 206
        assert content_range(reply)[0] == start
        assert content_range(reply)[2] == params.get("lastN", "*")


async def test_attributes_on_other_pages_are_named(live: Live) -> None:
    reply = await live.get(f"{QUERY}/urn:ngsi-ld:River:1")
    assert reply.status == 206
    assert reply.json["flow"] != [] and len(reply.json["level"]) == 4
    only_late = await live.get(f"{QUERY}/urn:ngsi-ld:River:1", lastN=9)
    assert only_late.json["level"] == []
    pairs = await live.get(f"{QUERY}/urn:ngsi-ld:River:1", lastN=9, format="temporalValues")
    assert pairs.json["level"] == {"type": "Property", "values": []}


@pytest.mark.parametrize("by_body", [False, True])
async def test_going_on_from_each_page_tells_everything_once(live: Live, by_body: bool) -> None:
    """A client goes on after the end of the range: forwards from the moment after it."""
    every: dict[tuple[str, str], list[int]] = {}
    since, steps = EARLY, 0
    while True:
        asked = {"timerel": "between", "timeAt": since, "endTimeAt": LATE}
        if by_body:
            body = {"type": "Query", "entities": [{"type": "River"}], "temporalQ": asked}
            reply = await live.post("/temporal/entityOperations/query", body)
        else:
            reply = await live.get(QUERY, type="River", **asked)
        for key, values in told(reply).items():
            every[key] = every.get(key, []) + values
        steps += 1
        if reply.status == 200:
            break
        assert sum(map(len, told(reply).values())) <= MOST
        since = content_range(reply)[1].replace("Z", ".000001Z")
    assert steps > 4
    assert every == {
        ("urn:ngsi-ld:River:0", "level"): list(range(0, 20, 2)),
        ("urn:ngsi-ld:River:0", "width"): list(range(1, 20, 2)),
        ("urn:ngsi-ld:River:1", "level"): list(range(5, 9)),
        ("urn:ngsi-ld:River:1", "flow"): list(range(30, 40)),
        ("urn:ngsi-ld:River:2", "flow"): list(range(100, 104)),
    }


async def test_backwards_the_end_of_the_range_begins_the_next_page(live: Live) -> None:
    every: list[int] = []
    until = LATE
    while True:
        reply = await live.get(
            QUERY, q="width", timerel="between", timeAt=EARLY, endTimeAt=until, lastN=100, attrs="level,width"
        )
        page = [value for values in told(reply).values() for value in values]
        assert len(page) == len(set(page)) and not set(page) & set(every)
        every += page
        if reply.status == 200:
            break
        until = content_range(reply)[1]
    assert sorted(every) == list(range(20))


async def test_instances_of_one_moment_stay_together(live: Live) -> None:
    body = {"id": "urn:ngsi-ld:River:7", "type": "River", **{f"a{n}": series(range(2)) for n in range(10)}}
    await live.post(QUERY, body)
    reply = await live.get(f"{QUERY}/urn:ngsi-ld:River:7")
    assert (reply.status, {minute for values in told(reply).values() for minute in values}) == (206, {0})
    assert content_range(reply) == (at(0), at(0), "*")
