"""Time as integer microseconds since 1970, UTC; ISO 8601 in and out. (4.6.3)"""

import re
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_SHAPE = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?(Z|[+-]\d{2}:\d{2})\Z", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = _EPOCH.replace(tzinfo=None)
_EPOCH_DAY = _EPOCH.toordinal()
_MICROSECOND = timedelta(microseconds=1)
_FIRST, _LAST = ((moment - _NAIVE_EPOCH) // _MICROSECOND for moment in (datetime.min, datetime.max))  # noqa: DTZ901  # naive UTC
SECOND = 1_000_000


def now() -> int:
    """Give the present time in µs; only the outermost layer calls it."""
    return time.time_ns() // 1000


@lru_cache(4096)
def parse(text: str) -> int:
    """Read a DateTime into µs; ValueError if it is none. (4.6.3)"""
    shape = _SHAPE.match(text)
    if not shape:
        raise ValueError(f"'{text[:40]}' is not a DateTime such as 2026-04-01T09:00:00Z")
    *_, fraction, zone = shape.groups()
    moment = datetime.fromisoformat(text[:19])
    hours = (moment.toordinal() - _EPOCH_DAY) * 24 + moment.hour
    micros = ((hours * 60 + moment.minute) * 60 + moment.second) * SECOND
    if fraction:
        micros += int(fraction.ljust(6, "0")[:6])
    if zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        if hours > 23 or minutes > 59:
            raise ValueError(f"'{zone}' is not a time zone offset")
        shift = (hours * 60 + minutes) * 60 * SECOND
        micros += shift if zone[0] == "-" else -shift
    if not _FIRST <= micros <= _LAST:
        raise ValueError(f"'{text}' lies outside the years 1 to 9999 in UTC")
    return micros


def show(micros: int) -> str:
    """Write µs as a DateTime in UTC with Z and milliseconds, or µs where there are any. (4.6.3)"""
    moment = _NAIVE_EPOCH + timedelta(microseconds=micros)
    return moment.isoformat(timespec="microseconds" if micros % 1000 else "milliseconds") + "Z"
