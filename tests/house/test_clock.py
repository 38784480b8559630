"""DateTimes in and out. (4.6.3)"""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from base.clock import parse, show

zones = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29))  # noqa: DTZ001  # the zone comes later


@given(moments)
def test_shows_what_it_reads(moment: datetime) -> None:
    micros = (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert parse(show(micros)) == micros


@given(moments, zones)
def test_reads_any_zone_as_the_same_moment(moment: datetime, zone: timezone) -> None:
    there = moment.replace(tzinfo=UTC).astimezone(zone)
    assert parse(there.isoformat()) == parse(moment.isoformat() + "Z")


@given(moments, moments)
def test_keeps_the_order_of_moments_in_their_text(one: datetime, other: datetime) -> None:
    first, second = (show(parse(m.isoformat(timespec="milliseconds") + "Z")) for m in sorted((one, other)))
    assert first <= second


@example("0001-01-01T00:00:00+01:00")
@example("9999-12-31T23:59:59.999999999-00:01")
@given(st.from_regex(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}([.,]\d{1,9})?(Z|[+-]\d{2}:\d{2})", fullmatch=True))
def test_shows_whatever_it_reads(text: str) -> None:
    try:
        micros = parse(text)
    except ValueError:
        return
    assert parse(show(micros)) == micros


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-04-01T09:00:00Z", "2026-04-01T09:00:00.000Z"),
        ("2026-04-01T09:00:00.5+09:00", "2026-04-01T00:00:00.500Z"),
        ("2026-04-01T09:00:00,123456Z", "2026-04-01T09:00:00.123456Z"),
        ("2026-04-01T09:00:00.123456789Z", "2026-04-01T09:00:00.123456Z"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
    ],
)
def test_shows_milliseconds_and_microseconds_where_there_are_any(text: str, shown: str) -> None:
    assert show(parse(text)) == shown


@pytest.mark.parametrize(
    "text",
    ["", "2026-04-01", "2026-04-01T09:00:00",
     "2026-02-30T09:00:00Z", "2026-04-01T24:00:00Z", "2026-04-01T09:00:00+24:00",
     "２０２６-04-01T09:00:00Z", "2026-04-01T09:00:00Z\n", "2026-04-01 09:00:00Z", "2026-04-01T09:60:00Z",
     "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"],
)  # fmt: skip
def test_refuses_what_is_no_date_time(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)
