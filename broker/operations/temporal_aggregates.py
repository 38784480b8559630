"""Aggregated values of Temporal Evolutions: numbers measured by the store, anything else value by value. (4.5.19)"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from math import inf, isfinite, sqrt
from typing import Any, Final

from base.errors import InvalidRequest, TooManyResults
from broker.language.aggregation import Aggregation, Tally
from broker.language.span import Span
from broker.model import duration
from broker.model.document import DEFAULT_DATASET, SCOPE, Instance
from broker.model.temporal import moment
from broker.operations import temporal_pages
from broker.operations.temporal_asked import TemporalWanted
from broker.operations.temporal_pages import text
from broker.store.evolution import Asked, Evolutions, Series, Sums

READ_AT_ONCE: Final = 2_000
AT_A_TIME: Final = 500  # periods or instances, before others have their turn
_MOST_INTEGER: Final = (1 << 63) - 1
_MOST_FLOAT: Final = 10**308
_RELATIONS: Final = ("Relationship", "ListRelationship")
_EXTRA: Final = {"distinctCount": "distinct", "stddev": "deviation"}

Bounds = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Measuring:
    """What is the same for all series of a request."""

    history: Evolutions
    wanted: TemporalWanted
    aggregation: Aggregation
    zone: tzinfo
    term: Callable[[str], str]
    most: int
    valid: tuple[Span, ...] | None = None  # when the entity was in a scope asked for; None: no matter

    @property
    def span(self) -> Span:
        """Give the range of time asked about."""
        return self.wanted.query.span or Span()


async def attributes(measuring: Measuring, id: str, most: int) -> dict[str, Any]:
    """Aggregate each attribute of an entity, by dataset; several datasets make a list. (4.5.19.0, 4.5.5)

    TooManyResults if there are more than `most` values.
    """
    shape = measuring.wanted.form.shape
    listed = await measuring.history.series(
        id, measuring.wanted.attrs, measuring.span, dataset_ids=shape.dataset_ids or None
    )
    series = [one for one in listed if one.attr != SCOPE]
    if not series:
        return {}
    scope = measuring.wanted.selection.scope
    if scope is not None:
        there = await temporal_pages.valid(measuring.history, id, measuring.span, scope)
        measuring = replace(measuring, valid=tuple(span for span, _ in there))
    start = measuring.span.start
    first = min(one.first for one in series) if start is None else start
    shown: dict[str, list[Any]] = {}
    for one in series:
        bounds = await _periods(measuring, one, first)
        values = await _values(measuring, id, one, bounds)
        most -= sum(map(len, values.values()))
        if most < 0:
            raise TooManyResults(
                "The aggregation makes too many values; choose a longer aggrPeriodDuration, fewer aggrMethods, "
                "fewer attributes, or a smaller limit."
            )
        if values:
            shown.setdefault(one.attr, []).append(_labelled(one, values))
    return {attr: parts[0] if len(parts) == 1 else parts for attr, parts in shown.items()}


def size(attributes: dict[str, Any]) -> int:
    """Count the values of aggregated attributes."""
    parts = [part for held in attributes.values() for part in (held if isinstance(held, list) else [held])]
    return sum(len(values) for part in parts for values in part.values() if isinstance(values, list))


def _labelled(series: Series, values: dict[str, Any]) -> dict[str, Any]:
    named = {} if series.dataset_id == DEFAULT_DATASET else {"datasetId": series.dataset_id}
    return {"type": "Relationship" if series.kind in _RELATIONS else "Property", **named, **values}


async def _periods(measuring: Measuring, series: Series, first: int) -> list[Bounds]:
    """Give the periods of a series; they step from the start of the range, or the entity's first instance."""
    bounds: list[Bounds] = []
    for one in duration.periods(
        first,
        measuring.span.end,
        measuring.aggregation.period,
        measuring.zone,
        series.first,
        series.last,
    ):
        bounds.append(one)
        if not len(bounds) % AT_A_TIME:
            await asyncio.sleep(0)
        if len(bounds) > measuring.most:
            raise TooManyResults(
                f"The aggregation makes more than {measuring.most} periods; "
                "choose a longer aggrPeriodDuration or a shorter range of time."
            )
    return bounds


async def _values(
    measuring: Measuring, id: str, series: Series, bounds: Sequence[Bounds]
) -> dict[str, list[Any]]:
    """Give [value, start, end] of each period that has values, by method. (4.5.19.0)"""
    measured = None
    whole = measuring.wanted.query.last_n is None and measuring.valid is None
    if whole and series.kind == "Property":
        measured = await _measured(measuring, id, series, bounds)
    if measured is None:
        measured = await _tallied(measuring, id, series, bounds)
    if not any(measured):
        return {}
    name = measuring.term(series.attr)
    shown: dict[str, list[Any]] = {method: [] for method in measuring.aggregation.methods}
    ends = _ends(bounds, series, measuring)
    for at, ((low, high), result) in enumerate(zip(ends, measured, strict=True)):
        if not at % AT_A_TIME:
            await asyncio.sleep(0)
        if result is not None:
            start, end = text(low), text(high)
            for method, values in shown.items():
                values.append([_number(result(method), method, name), start, end])
    return shown


def _number(value: Any, method: str, name: str) -> Any:
    """Give a value that JSON can hold; refuse one that it cannot."""
    if type(value) is int and not -_MOST_INTEGER <= value <= _MOST_INTEGER:
        value = float(value) if abs(value) < _MOST_FLOAT else inf
    if type(value) is float and not isfinite(value):
        raise InvalidRequest(f"{method} of attribute {name} is larger than a number in JSON can be.")
    return value


def _ends(bounds: Sequence[Bounds], series: Series, measuring: Measuring) -> list[Bounds]:
    """Write the one period of an open range up to the last instance. (4.5.19.1)"""
    if measuring.aggregation.period or measuring.span.end is not None:
        return list(bounds)
    return [(low, series.last) for low, _ in bounds]


Result = Callable[[str], Any]


async def _measured(
    measuring: Measuring, id: str, series: Series, bounds: Sequence[Bounds]
) -> list[Result | None] | None:
    """Let the store measure; None if there are values that are no numbers. (4.5.19.1)"""
    extra = {_EXTRA[method] for method in measuring.aggregation.methods if method in _EXTRA}
    found = await measuring.history.sums(
        id,
        series.attr,
        bounds,
        span=measuring.span,
        dataset_ids=frozenset({series.dataset_id}),
        extra=frozenset(extra),
    )
    if any(period.sums.others for period in found):
        return None
    by_start = {period.start: period.sums for period in found}
    return [_of_sums(by_start[low]) if low in by_start else None for low, _ in bounds]


def _of_sums(sums: Sums) -> Result | None:
    if not sums.count:
        return None

    def result(method: str) -> Any:
        match method:
            case "totalCount":
                return sums.count
            case "distinctCount":
                return sums.distinct
            case "avg":
                return sums.sum / sums.count
            case "stddev":
                return sqrt(max(sums.deviation, 0.0) / sums.count)
            case "sumsq":
                return sums.squares
            case _:
                return getattr(sums, method)

    return result


async def _tallied(
    measuring: Measuring, id: str, series: Series, bounds: Sequence[Bounds]
) -> list[Result | None]:
    """Look at each value; they come in the order of time. (4.5.19.1)"""
    name = measuring.term(series.attr)
    tallies: list[Tally | None] = [None] * len(bounds)
    place = 0
    looked_at = 0
    async for instance in _instances(measuring, id, series):
        looked_at += 1
        if not looked_at % AT_A_TIME:
            await asyncio.sleep(0)
        at = moment(instance, measuring.span.property)
        if measuring.valid is not None and not any(span.holds(at) for span in measuring.valid):
            continue
        while place < len(bounds) - 1 and at >= bounds[place][1]:
            place += 1
        tally = tallies[place]
        if tally is None:
            tally = tallies[place] = Tally(measuring.aggregation.methods)
        tally.add(instance, name)
    return [tally.result if tally and tally.count else None for tally in tallies]


async def _instances(measuring: Measuring, id: str, series: Series) -> AsyncIterator[Instance]:
    """Read a series in parts, so that memory stays bounded; the last n instances at once."""
    last = measuring.wanted.query.last_n
    span: Span | None = measuring.span
    while span is not None:
        asked = Asked(
            attrs=frozenset({series.attr}),
            span=span,
            last=last,
            dataset_ids=frozenset({series.dataset_id}),
            most=measuring.most if last else READ_AT_ONCE,
        )
        evolution = await measuring.history.evolution(id, asked)
        if last and evolution.cut is not None:
            raise TooManyResults(f"lastN may be at most {measuring.most} with aggregated values.")
        for instance in evolution.instances.get(series.attr, ()):
            yield instance
        span = None if evolution.cut is None else replace(span, start=evolution.cut + 1)
