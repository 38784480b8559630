"""The Temporal Query Language: timerel, timeAt, endTimeAt, timeproperty and lastN. (4.11, 5.2.21)"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from base import clock
from base.errors import BadRequestData
from broker.language.span import TIME_PROPERTIES, Span, TimeProperty
from broker.model import validate

RELATIONS: Final = ("before", "after", "between")
PARAMETERS: Final = frozenset({"timerel", "timeAt", "endTimeAt", "timeproperty", "lastN"})
_TIME_PROPERTY: Final[dict[str, TimeProperty]] = {name: name for name in TIME_PROPERTIES}
_LONGEST_NUMBER = 9


@dataclass(frozen=True, slots=True)
class TemporalQuery:
    """A temporal query understood. `span` is None where neither timerel nor timeproperty restrict anything. (4.11)"""

    timerel: str | None = None
    span: Span | None = None
    last_n: int | None = None


def parse(given: Mapping[str, str]) -> TemporalQuery:
    """Read a temporal query given as texts; other names are left alone. (4.11, 6.18.3.2)"""
    relation = given.get("timerel")
    if relation is None:
        misplaced = next((name for name in ("timeAt", "endTimeAt") if name in given), None)
        if misplaced:
            raise BadRequestData(f"{misplaced} needs a timerel: before, after or between.")
    elif relation not in RELATIONS:
        raise BadRequestData("timerel must be before, after or between.")
    return TemporalQuery(relation, _span(relation, given), _last_n(given.get("lastN")))


def parse_object(body: Any) -> TemporalQuery:
    """Read a TemporalQuery object, as Query, CSourceRegistration and Subscription carry it. (5.2.21)"""
    return parse(texts(body, PARAMETERS))


def texts(body: Any, members: frozenset[str], what: str = "temporalQ") -> dict[str, str]:
    """Give the members of an object as URL parameters would hold them. (5.2.21, 5.2.44)"""
    if not isinstance(body, dict):
        raise BadRequestData(f"{what} must be an object.")
    unknown = body.keys() - members
    if unknown:
        raise BadRequestData(f"{what} has no member {sorted(unknown)[0][:40]}.")
    return {name: _as_text(what, name, value) for name, value in body.items()}


def _as_text(what: str, name: str, value: Any) -> str:
    if name == "lastN" and type(value) is int:
        return str(value)
    if name == "aggrMethods" and isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ",".join(value)
    if not isinstance(value, str):
        raise BadRequestData(f"{name} of {what} has the wrong JSON type.")
    return value


def _span(relation: str | None, given: Mapping[str, str]) -> Span | None:
    name = _TIME_PROPERTY.get(given.get("timeproperty", "observedAt"))
    if name is None:
        raise BadRequestData(f"timeproperty must be one of {', '.join(TIME_PROPERTIES)}.")
    if relation is None:
        return Span(name) if "timeproperty" in given else None
    at = _moment(given, "timeAt")
    if relation == "before":
        return Span(name, None, at)
    return Span(name, at, _moment(given, "endTimeAt") if relation == "between" else None)


def _moment(given: Mapping[str, str], name: str) -> int:
    if name not in given:
        raise BadRequestData(f"timerel={given['timerel']} needs {name}, a DateTime.")
    return clock.parse(validate.date_time(given[name], name))


def _last_n(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER and int(text) > 0):
        raise BadRequestData("lastN must be a whole number from 1.")
    return int(text)
