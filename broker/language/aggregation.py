"""Aggregation methods over the values an attribute had in a period, by their data type. (4.5.19.1)"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, Final

from base import clock
from base.errors import BadRequestData, InvalidRequest
from broker.language import literals
from broker.model import duration
from broker.model.document import Instance, value_of
from broker.model.duration import Duration
from broker.model.temporal import is_deletion

METHODS: Final = ("totalCount", "distinctCount", "sum", "avg", "min", "max", "stddev", "sumsq")
PARAMETERS: Final = frozenset({"aggrMethods", "aggrPeriodDuration"})

_COUNTS: Final = frozenset({"totalCount", "distinctCount"})
_EXTREMES: Final = _COUNTS | {"min", "max"}
_ALL: Final = frozenset(METHODS)
ELIGIBLE: Final[Mapping[str, frozenset[str]]] = {
    "number": _ALL,
    "boolean": _ALL,
    "string": _EXTREMES,
    "array": _EXTREMES | {"avg", "sum"},
    "object": _COUNTS,
    "DateTime": _EXTREMES,
    "Date": _EXTREMES,
    "Time": _EXTREMES | {"avg"},
    "URI": _COUNTS,
    "Relationship": _COUNTS,
}
"""The methods that each data type takes. (Tables 4.5.19.1-1 to 4.5.19.1-3)"""

_LIKE_NUMBERS: Final = frozenset({"number", "boolean"})
_URI_TYPES: Final = frozenset({"@id", "URI", "xsd:anyURI", "http://www.w3.org/2001/XMLSchema#anyURI"})
_DAY = 86_400 * clock.SECOND


@dataclass(frozen=True, slots=True)
class Aggregation:
    """Which methods over periods of which length. (4.5.19.1)"""

    methods: tuple[str, ...]
    period: Duration


def parse(given: Mapping[str, str]) -> Aggregation:
    """Read aggrMethods and aggrPeriodDuration. (5.2.44, 6.18.3.2)"""
    names = [name.strip() for name in given.get("aggrMethods", "").split(",")]
    if not all(name in METHODS for name in names):
        raise BadRequestData(f"aggrMethods must name one or more of {', '.join(METHODS)}.")
    return Aggregation(tuple(dict.fromkeys(names)), duration.parse(given.get("aggrPeriodDuration", "PT0S")))


class Tally:
    """What the values of one period come to, one value at a time."""

    __slots__ = (
        "_deviation",
        "_distinct",
        "_families",
        "_high",
        "_low",
        "_mean",
        "_methods",
        "_squares",
        "_sum",
        "count",
    )

    def __init__(self, methods: tuple[str, ...]) -> None:
        self._methods = methods
        self.count = 0
        self._distinct: set[Any] = set()
        self._families: set[str] = set()
        self._sum: int | float = 0
        self._squares: int | float = 0
        self._mean = self._deviation = 0.0
        self._low: tuple[Any, Any] | None = None
        self._high: tuple[Any, Any] | None = None

    def add(self, instance: Instance, name: str) -> None:
        """Take one instance of an attribute into account; a deletion has no value. (4.5.7, 4.5.19.1)"""
        if is_deletion(instance):
            return
        kind = data_type(instance)
        for method in self._methods:
            if method not in ELIGIBLE[kind]:
                raise refused(method, kind, name)
        value = value_of(instance)
        self.count += 1
        if "distinctCount" in self._methods:
            self._distinct |= _keys(kind, value)
        if not _COUNTS.issuperset(self._methods):
            self._measure(kind, literals.plain(value), name)

    def _measure(self, kind: str, value: Any, name: str) -> None:
        self._families.add("number" if kind in _LIKE_NUMBERS else kind)
        if len(self._families) > 1:
            raise InvalidRequest(
                f"The values of attribute {name} are of several data types "
                f"({', '.join(sorted(self._families))}); only totalCount and distinctCount are meaningful."
            )
        order, shown = _measured(kind, value)
        if self._low is None or order < self._low[0]:
            self._low = order, shown
        if self._high is None or order > self._high[0]:
            self._high = order, shown
        if type(order) in (int, float):
            self._sum += order
            self._squares += order * order
            distance = order - self._mean
            self._mean += distance / self.count
            self._deviation += distance * (order - self._mean)

    def result(self, method: str) -> Any:
        """Give what a method makes of the values, of which there is at least one. (4.5.19.1)"""
        if method == "totalCount":
            return self.count
        if method == "distinctCount":
            return len(self._distinct)
        if method in ("min", "max"):
            extreme = self._low if method == "min" else self._high
            return extreme[1] if extreme else None
        if method == "avg":
            return (
                _time(round(self._sum / self.count)) if "Time" in self._families else self._sum / self.count
            )
        if method == "stddev":
            return sqrt(max(self._deviation, 0.0) / self.count)
        return self._sum if method == "sum" else self._squares


def refused(method: str, kind: str, name: str) -> InvalidRequest:
    """Say that a method cannot be applied to an attribute. (5.7.4.4)"""
    return InvalidRequest(
        f"Attribute {name} has values of data type {kind}, for which {method} has no meaning (4.5.19.1); "
        "name the attributes to aggregate in pick, or choose other aggrMethods."
    )


def data_type(instance: Instance) -> str:
    """Name the data type of an instance's value as the tables do. (4.5.19.1)"""
    kind = instance["type"]
    if kind in ("Relationship", "ListRelationship"):
        return "Relationship"
    value = value_of(instance)
    if type(value) is list:
        return "array"
    if kind == "VocabProperty":
        return "URI"
    if kind == "Property" and type(value) is dict and "@value" in value:
        if value.get("@type") in _URI_TYPES:
            return "URI"
        value = value["@value"]
    return _json_type(value)


def _json_type(value: Any) -> str:
    if type(value) is str:
        if literals.instant(value) is not None:
            return "DateTime"
        if literals.day(value) is not None:
            return "Date"
        return "string" if literals.time_of_day(value) is None else "Time"
    if type(value) is bool:
        return "boolean"
    if type(value) in (int, float):
        return "number"
    return "array" if type(value) is list else "object"


def _measured(kind: str, value: Any) -> tuple[Any, Any]:
    """Give how a value is ordered and summed, and how it is shown. (4.5.19.1)"""
    if kind == "array":
        return len(value), len(value)
    if kind == "boolean":
        return int(value), int(value)
    if kind == "DateTime":
        return literals.instant(value), value
    if kind == "Time":
        return literals.time_of_day(value), value
    return value, value


def _time(micros: int) -> str:
    """Write µs since midnight as a Time. (4.6.3)"""
    return clock.show(micros % _DAY)[11:]


def _keys(kind: str, value: Any) -> set[Any]:
    """Give what makes a value distinct: each target of a Relationship, else the whole value."""
    if kind == "Relationship" and type(value) is list:
        return set(value)
    return {_key(value)}


def _key(value: Any) -> Any:
    if type(value) is dict:
        return "{", *sorted((name, _key(held)) for name, held in value.items())
    if type(value) is list:
        return "[", *map(_key, value)
    return ("?", value) if type(value) is bool else value
