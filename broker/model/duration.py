"""Durations of ISO 8601, and the periods that stepping through the calendar by one of them makes. (4.5.19.1)"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from base import clock
from base.errors import BadRequestData

LAST: Final = clock.parse("9999-12-31T23:59:59.999999Z")
"""The latest moment that can be written; periods end there."""

_SHAPE = re.compile(
    r"P(?:(?P<W>\d{1,9})W"
    r"|(?=.)(?:(?P<Y>\d{1,9})Y)?(?:(?P<M>\d{1,9})M)?(?:(?P<D>\d{1,9})D)?"
    r"(?:T(?=\d)(?:(?P<h>\d{1,9})H)?(?:(?P<m>\d{1,9})M)?(?:(?P<s>\d{1,9})(?:[.,](?P<f>\d{1,6}))?S)?)?)\Z",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MONTHS_A_YEAR = 12
_DAYS_A_WEEK = 7
_DAY = 86_400 * clock.SECOND
_SHORTEST_MONTH, _LONGEST_MONTH = 28 * _DAY, 31 * _DAY
_SLACK = 2 * _DAY  # more than a time zone ever shifts


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time; months and days are the calendar's, micros are exact. (4.5.19.1)"""

    months: int = 0
    days: int = 0
    micros: int = 0

    def __bool__(self) -> bool:
        """Say whether it has any length; none stands for the whole time range."""
        return bool(self.months or self.days or self.micros)


def parse(text: str, what: str = "aggrPeriodDuration") -> Duration:
    """Read P[n]Y[n]M[n]DT[n]H[n]M[n]S or P[n]W. (4.5.19.1)"""
    shape = _SHAPE.match(text)
    if shape is None:
        raise BadRequestData(
            f"{what} must be a duration of ISO 8601 such as PT1H, P1D, P1M or P2W; PT0S spans the whole time range."
        )
    given = {name: int(digits or 0) for name, digits in shape.groupdict().items() if name != "f"}
    seconds = (given["h"] * 60 + given["m"]) * 60 + given["s"]
    return Duration(
        given["Y"] * _MONTHS_A_YEAR + given["M"],
        given["W"] * _DAYS_A_WEEK + given["D"],
        seconds * clock.SECOND + int((shape["f"] or "0").ljust(6, "0")),
    )


def later(start: int, duration: Duration, times: int, zone: tzinfo) -> int:
    """Give the moment some durations after a start: months and days on the zone's calendar, month ends kept."""
    exact = duration.micros * times
    if not (duration.months or duration.days):
        return min(start + exact, LAST)
    try:
        local = (_EPOCH + timedelta(microseconds=start)).astimezone(zone).replace(tzinfo=None)
        year, month = divmod(
            local.year * _MONTHS_A_YEAR + local.month - 1 + duration.months * times, _MONTHS_A_YEAR
        )
        day = min(local.day, monthrange(year, month + 1)[1])
        local = local.replace(year=year, month=month + 1, day=day) + timedelta(days=duration.days * times)
        moment = local.replace(tzinfo=zone).astimezone(UTC)
    except (OverflowError, ValueError):  # beyond the year 9999
        return LAST
    return min((moment - _EPOCH) // _MICROSECOND + exact, LAST)


def number(start: int, duration: Duration, moment: int, zone: tzinfo) -> int:
    """Say in which period a moment lies: 0 for the one that begins at the start."""
    shortest = duration.months * _SHORTEST_MONTH + duration.days * _DAY + duration.micros
    longest = duration.months * _LONGEST_MONTH + duration.days * _DAY + duration.micros
    low = max(0, (moment - start - _SLACK) // longest)
    high = max(0, (moment - start + _SLACK) // shortest) + 1
    while high - low > 1:
        middle = (low + high) // 2
        if later(start, duration, middle, zone) <= moment:
            low = middle
        else:
            high = middle
    return low


def periods(
    start: int, end: int | None, duration: Duration, zone: tzinfo, first: int, last: int
) -> Iterator[tuple[int, int]]:
    """Give the periods from the one that holds `first` to the one that holds `last`, cut at the end of the range.

    They step from the start of the range; each is half-open.
    """
    limit = LAST if end is None else end
    if not duration:
        yield start, limit
        return
    count = number(start, duration, first, zone)
    low = later(start, duration, count, zone)
    while low <= last:
        count += 1
        high = min(later(start, duration, count, zone), limit)
        if high <= low:
            return
        yield low, high
        low = high
