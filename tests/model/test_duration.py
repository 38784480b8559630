"""Durations and the periods they make, in calendar terms. (4.5.19.1)"""

from datetime import UTC
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base import clock
from base.errors import BadRequestData
from broker.model import duration
from broker.model.duration import Duration

TOKYO = ZoneInfo("Asia/Tokyo")
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> int:
    return clock.parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P3Y6M4DT12H30M5S", Duration(42, 4, 45_005_000_000)),
        ("P1Y2M", Duration(14, 0, 0)),
        ("P2W", Duration(0, 14, 0)),
        ("PT1H", Duration(0, 0, 3_600_000_000)),
        ("PT0.5S", Duration(0, 0, 500_000)),
        ("PT0,25S", Duration(0, 0, 250_000)),
        ("PT0S", Duration()),
        ("P0D", Duration()),
    ],
)
def test_reads_durations(text: str, expected: Duration) -> None:
    assert duration.parse(text) == expected
    assert bool(expected) == (text not in ("PT0S", "P0D"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "P1DT",
        "1D",
        "P1",
        "P-1D",
        "-P1D",
        "P1W1D",
        "P1D1W",
        "PT1D",
        "P1H",
        "P1.5D",
        "P0001-02-03",
        "P1D ",
        "p1d",
        "P1M1Y",
        "P١D",
    ],
)
def test_refuses_what_is_no_duration(text: str) -> None:
    with pytest.raises(BadRequestData, match="aggrPeriodDuration"):
        duration.parse(text)


@pytest.mark.parametrize(
    ("start", "text", "times", "zone", "expected"),
    [
        ("2026-01-31T00:00:00Z", "P1M", 1, UTC, "2026-02-28T00:00:00Z"),
        ("2026-01-31T00:00:00Z", "P1M", 2, UTC, "2026-03-31T00:00:00Z"),
        ("2024-01-31T00:00:00Z", "P1M", 1, UTC, "2024-02-29T00:00:00Z"),
        ("2024-02-29T00:00:00Z", "P1Y", 1, UTC, "2025-02-28T00:00:00Z"),
        ("2024-02-29T00:00:00Z", "P1Y", 4, UTC, "2028-02-29T00:00:00Z"),
        ("2026-12-15T08:00:00Z", "P1Y2M", 1, UTC, "2028-02-15T08:00:00Z"),
        ("2026-03-01T00:00:00Z", "P1W", 3, UTC, "2026-03-22T00:00:00Z"),
        ("2026-01-31T00:00:00Z", "P1M1D", 1, UTC, "2026-03-01T00:00:00Z"),
        # the first of each month in Japan is the last day of the month before in UTC
        ("2026-01-31T15:00:00Z", "P1M", 1, TOKYO, "2026-02-28T15:00:00Z"),
        ("2026-01-31T15:00:00Z", "P1M", 3, TOKYO, "2026-04-30T15:00:00Z"),
        ("2026-03-28T23:00:00Z", "P1D", 1, BERLIN, "2026-03-29T22:00:00Z"),
        ("2026-03-28T23:00:00Z", "PT24H", 1, BERLIN, "2026-03-29T23:00:00Z"),
        ("9999-01-01T00:00:00Z", "P9Y", 1, UTC, "9999-12-31T23:59:59.999999Z"),
        ("2026-01-01T00:00:00Z", "P999999999D", 999, UTC, "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_steps_through_the_calendar(start: str, text: str, times: int, zone: ZoneInfo, expected: str) -> None:
    assert clock.show(duration.later(at(start), duration.parse(text), times, zone)) == clock.show(
        at(expected)
    )


def test_cuts_the_last_period_at_the_end_of_the_range() -> None:
    start, end = at("2026-01-01T00:00:00Z"), at("2026-02-10T00:00:00Z")
    found = list(duration.periods(start, end, duration.parse("P1M"), UTC, start, end - 1))
    assert found == [(start, at("2026-02-01T00:00:00Z")), (at("2026-02-01T00:00:00Z"), end)]


def test_no_length_spans_the_whole_range() -> None:
    start, end = at("2026-01-01T00:00:00Z"), at("2026-02-10T00:00:00Z")
    assert list(duration.periods(start, end, Duration(), UTC, start + 5, start + 9)) == [(start, end)]


lengths = st.builds(
    Duration,
    st.integers(0, 14),
    st.integers(0, 40),
    st.one_of(st.just(0), st.integers(clock.SECOND, 10**11)),
).filter(bool)
moments = st.integers(at("1990-01-01T00:00:00Z"), at("2040-01-01T00:00:00Z"))


@settings(deadline=None, max_examples=200)
@given(lengths, moments, st.integers(0, 10**15), st.sampled_from([UTC, TOKYO, BERLIN]))
def test_every_moment_lies_in_the_period_with_its_number(
    length: Duration, start: int, distance: int, zone: ZoneInfo
) -> None:
    moment = start + distance
    number = duration.number(start, length, moment, zone)
    assert (
        duration.later(start, length, number, zone)
        <= moment
        < duration.later(start, length, number + 1, zone)
    )


@settings(deadline=None, max_examples=100)
@given(lengths, moments, st.integers(0, 10**13), st.integers(0, 10**14), st.sampled_from([UTC, TOKYO]))
def test_periods_follow_one_another_and_hold_first_and_last(
    length: Duration, start: int, first: int, further: int, zone: ZoneInfo
) -> None:
    first += start
    last = min(first + further, duration.later(first, length, 50, zone))
    found = list(duration.periods(start, None, length, zone, first, last))
    assert found[0][0] <= first < found[0][1]
    assert found[-1][0] <= last < found[-1][1]
    assert all(one[1] == other[0] for one, other in pairwise(found))
