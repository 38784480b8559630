"""The literals of the query language, and when two values are of one data type. (4.6.3, 4.9)"""

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any

from base import clock
from broker.language.tree import Kind, Literal

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_TIME = re.compile(r"(\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,6}))?Z\Z", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?\Z", re.ASCII)
_LONGEST_NUMBER = 100
_EXACT = 1 << 63
_SHORTEST_INSTANT = len("2026-04-01T09:00:00Z")
_MINUTES = 60
_HOURS = 24


def number(text: str) -> int | float | None:
    """Read a JSON number; None if it is none, or not finite. (RFC 8259 §6)"""
    if len(text) > _LONGEST_NUMBER or not _NUMBER.match(text):
        return None
    if text.lstrip("-").isdigit() and -_EXACT <= (whole := int(text)) < 2 * _EXACT:
        return whole
    value = float(text)
    return value if abs(value) != float("inf") else None


@lru_cache(maxsize=65_536)
def instant(text: str) -> int | None:
    """Read a DateTime into µs since 1970; None if it is none. (4.6.3)"""
    if len(text) < _SHORTEST_INSTANT or text[10] != "T":
        return None
    try:
        return clock.parse(text)
    except ValueError:
        return None


def day(text: str) -> str | None:
    """Give back a Date; None if it is none. (4.6.3)"""
    if not _DATE.match(text):
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def time_of_day(text: str) -> int | None:
    """Read a Time into µs since midnight; None if it is none. (4.6.3)"""
    shape = _TIME.match(text)
    if not shape:
        return None
    hours, minutes, seconds = (int(part) for part in shape.groups()[:3])
    if hours >= _HOURS or minutes >= _MINUTES or seconds >= _MINUTES:
        return None
    fraction = int((shape[4] or "0").ljust(6, "0"))
    return ((hours * _MINUTES + minutes) * _MINUTES + seconds) * clock.SECOND + fraction


def unquoted(text: str) -> Literal | None:
    """Read a number, true, false, DateTime, Date or Time; None if the text is none of them. (4.9)"""
    if text in ("true", "false"):
        return Literal(Kind.BOOLEAN, text == "true")
    kinds: tuple[tuple[Kind, Callable[[str], Any]], ...] = (
        (Kind.NUMBER, number),
        (Kind.INSTANT, instant),
        (Kind.DATE, day),
        (Kind.TIME, time_of_day),
    )
    for kind, read in kinds:
        value = read(text)
        if value is not None:
            return Literal(kind, value)
    return None


def quoted(text: str) -> Literal:
    """Give the literal of a quoted string: a DateTime is an instant, anything else text. (4.9)"""
    micros = instant(text)
    return Literal(Kind.TEXT, text) if micros is None else Literal(Kind.INSTANT, micros)


def plain(value: Any) -> Any:
    """Take a value out of a JSON-LD value object. (4.6.3)"""
    return value["@value"] if type(value) is dict and "@value" in value else value


def _as_number(value: Any) -> Any:
    return value if type(value) in (int, float) else None


def _as_text(value: Any) -> Any:
    return value if type(value) is str else None


def _as_boolean(value: Any) -> Any:
    return value if type(value) is bool else None


def _as_instant(value: Any) -> Any:
    return instant(value) if type(value) is str else None


def _as_day(value: Any) -> Any:
    return day(value) if type(value) is str else None


def _as_time(value: Any) -> Any:
    return time_of_day(value) if type(value) is str else None


KEYS: dict[Kind, Callable[[Any], Any]] = {
    Kind.NUMBER: _as_number,
    Kind.TEXT: _as_text,
    Kind.URI: _as_text,
    Kind.BOOLEAN: _as_boolean,
    Kind.INSTANT: _as_instant,
    Kind.DATE: _as_day,
    Kind.TIME: _as_time,
}
"""How a stored value is read as one data type: to what literals of that kind are compared with, or None."""
