"""Figures over the numbers of an attribute, period by period, without making instances of them. (4.5.19)"""

from bisect import bisect_right
from collections.abc import Sequence
from math import fsum
from typing import Any, Final

from broker.language.span import Span
from broker.store.evolution import Period, Sums
from broker.store.sqlite.history_reading import Reader, time_of
from broker.store.sqlite.history_rows import DELETION

MOST_QUERIES: Final = 2_000
_FIGURES: Final = (
    "count(*), count(value), total(value), min(value), max(value), total(value * 1.0 * value), "
    "count(*) FILTER (WHERE typeof(value) = 'real')"
)
_EXACT: Final = 1 << 53  # up to here a double is every integer


def measure(
    reader: Reader,
    key: int,
    attr: int,
    datasets: Sequence[int],
    span: Span,
    periods: Sequence[tuple[int, int]],
    extra: frozenset[str],
) -> list[Period]:
    """Measure the numbers of some datasets of an attribute in periods that follow one another."""
    if not datasets:
        return [Period(start, end) for start, end in periods]
    if time_of(span.property)[0] == "at" and len(periods) <= MOST_QUERIES:
        return [_by_query(reader, key, attr, datasets, span, period, extra) for period in periods]
    return _by_reading(reader, key, attr, datasets, span, periods)


def _by_query(
    reader: Reader,
    key: int,
    attr: int,
    datasets: Sequence[int],
    span: Span,
    period: tuple[int, int],
    extra: frozenset[str],
) -> Period:
    time, condition = time_of(span.property)
    marks = ", ".join("?" * len(datasets))
    rest = (
        f"FROM instance WHERE history = ? AND attr = ? AND dataset IN ({marks}) "
        f"AND {time} >= ? AND {time} < ? AND {condition} AND form < {DELETION}"
    )
    bindings = (key, attr, *datasets, *period)

    def one(figures: str, *more: float) -> Any:
        return reader.connection.execute(f"SELECT {figures} {rest}", (*more, *bindings)).fetchone()

    every, count, total, least, greatest, squares, reals = one(_FIGURES)
    distinct = one("count(DISTINCT value)")[0] if count and "distinct" in extra else 0
    deviation = 0.0
    if count and "deviation" in extra:
        mean = total / count
        deviation = one("total((value - ?) * (value - ?))", mean, mean)[0]
    if not reals:
        total, squares = _whole(count, least, greatest, total, squares)
    sums = Sums(count, every - count, total, least or 0, greatest or 0, squares, distinct, deviation)
    return Period(*period, sums)


def _whole(
    count: int, least: int | None, greatest: int | None, total: float, squares: float
) -> tuple[float, float]:
    """Give sum and sum of squares of integers as integers, as far as no addition can have rounded them."""
    most = max(abs(least or 0), abs(greatest or 0))
    return (
        int(total) if count * most < _EXACT else total,
        int(squares) if count * most * most < _EXACT else squares,
    )


def _by_reading(
    reader: Reader,
    key: int,
    attr: int,
    datasets: Sequence[int],
    span: Span,
    periods: Sequence[tuple[int, int]],
) -> list[Period]:
    """Read the numbers once and sort them into many periods, or by a time that is not the order they lie in."""
    time, condition = time_of(span.property)
    starts = [start for start, _ in periods]
    values: list[list[float]] = [[] for _ in periods]
    others = [0] * len(periods)
    marks = ", ".join("?" * len(datasets))
    rows = reader.connection.execute(
        f"SELECT {time}, value FROM instance WHERE history = ? AND attr = ? AND dataset IN ({marks}) "  # noqa: S608  # own text
        f"AND {time} >= ? AND {time} < ? AND {condition} AND form < {DELETION}",
        (key, attr, *datasets, starts[0], periods[-1][1]),
    )
    found: Any
    for found in rows:
        place = bisect_right(starts, found[0]) - 1
        if found[0] < periods[place][1]:
            if found[1] is None:
                others[place] += 1
            else:
                values[place].append(found[1])
    return [
        Period(start, end, _figures(numbers, rest))
        for (start, end), numbers, rest in zip(periods, values, others, strict=True)
    ]


def _figures(numbers: Sequence[float], others: int) -> Sums:
    if not numbers:
        return Sums(others=others)
    total, squares = fsum(numbers), fsum(one * one for one in numbers)
    mean = total / len(numbers)
    least, greatest = min(numbers), max(numbers)
    if all(type(one) is int for one in numbers):
        total, squares = _whole(len(numbers), int(least), int(greatest), total, squares)
    return Sums(
        len(numbers),
        others,
        total,
        least,
        greatest,
        squares,
        len(set(numbers)),
        fsum((one - mean) ** 2 for one in numbers),
    )
