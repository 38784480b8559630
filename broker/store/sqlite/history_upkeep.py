"""Keeping histories small, step by step: one value per period after a time, none after another. (docs/history.md)"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from statistics import fmean
from typing import Any, Final

from base.clock import SECOND
from base.database import Connection, Writer
from broker.model.retention import Policy, Retention
from broker.store.sqlite.history_rows import UNOBSERVED

MOST_ROWS: Final = 4_000
"""Instances that one transaction may touch."""
MOST_HISTORIES: Final = 100
PAUSE: Final = 0.01
"""Seconds between transactions, in which others have their turn."""
_SERIES: Final = "history = ? AND attr = ? AND dataset = ?"
_TYPES: Final = (
    "SELECT j.value FROM entity e, json_each(e.doc, '$.type') j WHERE e.key = ? "
    "UNION SELECT n.iri FROM history_type t JOIN name n ON n.id = t.type WHERE t.history = ?"
)
_METHODS: Final[dict[str, Callable[[Sequence[float]], float]]] = {"avg": fmean, "min": min, "max": max}
_NEXT_ATTR: Final = "SELECT min(attr) FROM instance WHERE history = ? AND attr > ?"
_NEXT_DATASET: Final = "SELECT min(dataset) FROM instance WHERE history = ? AND attr = ? AND dataset > ?"


@dataclass(frozen=True, slots=True)
class Chore:
    """A series (history, attr, dataset), and the rule for it."""

    series: tuple[int, int, int]
    rule: Retention


class Upkeep:
    """Goes through the histories of a tenant and applies the rules of its policy."""

    def __init__(self, write: Connection, read: Connection, writer: Writer) -> None:
        self._write = write
        self._read = read
        self._writer = writer

    async def run(self, policy: Policy, now: int) -> int:
        """Apply the rules to all histories; say how many instances went."""
        gone = 0
        key: int | None = 0 if policy.rules else None
        while key is not None:
            found, key = chores(self._read, policy, key, MOST_HISTORIES)
            for chore in found:
                gone += await self._drop(chore, now) + await self._thin(chore, now)
            await asyncio.sleep(PAUSE)
        return gone

    async def _drop(self, chore: Chore, now: int) -> int:
        before = chore.rule.drops_before(now)
        gone = 0
        while before is not None and _has(self._read, chore, None, before):
            gone += await self._writer.run(lambda: drop(self._write, chore, before), weight=MOST_ROWS)
            await asyncio.sleep(PAUSE)
        return gone

    async def _thin(self, chore: Chore, now: int) -> int:
        before = chore.rule.thins_before(now)
        gone = 0
        after: int | None = None
        while before is not None and _has(self._read, chore, after, before):
            work = partial(thin, self._write, chore, after, before)
            went, after = await self._writer.run(work, weight=MOST_ROWS)
            gone += went
            if after is None:
                break
            await asyncio.sleep(PAUSE)
        return gone


def chores(connection: Connection, policy: Policy, after: int, most: int) -> tuple[list[Chore], int | None]:
    """Give what there is to do in so many histories after a key, and the last key looked at; None: that was all."""
    rows: Any = connection.execute(
        "SELECT key FROM history WHERE key > ? ORDER BY key LIMIT ?", (after, most)
    )
    keys = [key for (key,) in rows]
    found = [chore for key in keys for chore in _of_history(connection, policy, key)]
    return found, keys[-1] if len(keys) == most else None


def _of_history(connection: Connection, policy: Policy, key: int) -> Iterator[Chore]:
    types = [str(iri) for (iri,) in connection.execute(_TYPES, (key, key))]
    attr: Any = 0
    while (attr := connection.execute(_NEXT_ATTR, (key, attr)).get) is not None:
        iri: Any = connection.execute("SELECT iri FROM name WHERE id = ?", (attr,)).get
        rule = policy.rule_for(types, iri)
        dataset: Any = -1
        while rule and (dataset := connection.execute(_NEXT_DATASET, (key, attr, dataset)).get) is not None:
            yield Chore((key, attr, dataset), rule)


def _has(connection: Connection, chore: Chore, after: int | None, before: int) -> bool:
    sql = f"SELECT EXISTS (SELECT 1 FROM instance WHERE {_SERIES} AND at >= ? AND at < ?)"  # noqa: S608  # own text
    return bool(connection.execute(sql, (*chore.series, _start(after), before)).get)


def _start(after: int | None) -> int:
    return -(1 << 63) if after is None else after


def drop(connection: Connection, chore: Chore, before: int) -> int:
    """Remove instances from before a time, the oldest first; say how many."""
    connection.execute(
        f"DELETE FROM instance WHERE {_SERIES} AND (at, id) IN "  # noqa: S608  # own text
        f"(SELECT at, id FROM instance WHERE {_SERIES} AND at < ? ORDER BY at, id LIMIT ?)",
        (*chore.series, *chore.series, before, MOST_ROWS),
    )
    return connection.changes()


def thin(connection: Connection, chore: Chore, after: int | None, before: int) -> tuple[int, int | None]:
    """Leave one number per period in a part of a series; say how many instances went, and from when to go on.

    Only numbers with an observedAt are thinned, those of one shape together; others stay as they are.
    """
    step = chore.rule.period * SECOND
    rows: Sequence[Any] = connection.execute(
        f"SELECT at, id, shape, value FROM instance WHERE {_SERIES} AND at >= ? AND at < ? "  # noqa: S608  # own text
        f"AND value IS NOT NULL AND shape > 0 AND form < {UNOBSERVED} ORDER BY at, id LIMIT ?",
        (*chore.series, _start(after), before, MOST_ROWS),
    ).fetchall()
    goes_on = None
    if len(rows) == MOST_ROWS:
        goes_on = rows[-1][0] // step * step
        if rows[0][0] // step * step == goes_on:
            rows = connection.execute(
                f"SELECT at, id, shape, value FROM instance WHERE {_SERIES} AND at >= ? AND at < ? "  # noqa: S608  # own text
                f"AND value IS NOT NULL AND shape > 0 AND form < {UNOBSERVED} ORDER BY at, id",
                (*chore.series, goes_on, goes_on + step),
            ).fetchall()
            goes_on += step
        else:
            rows = [row for row in rows if row[0] < goes_on]
    gone = 0
    for (period, _), several in groupby(sorted(rows, key=_group(step)), key=_group(step)):
        gone += _reduce(connection, chore, period, list(several))
    return gone, goes_on


def _group(step: int) -> Any:
    return lambda row: (row[0] // step * step, row[2])


def _reduce(connection: Connection, chore: Chore, period: int, rows: list[Any]) -> int:
    """Put the value of a period into its last instance, at the start of the period; remove the others."""
    values = [row[3] for row in rows]
    at, id = rows[-1][:2]
    if len(rows) == 1:
        return 0
    method = chore.rule.method
    value = values[-1] if method == "last" else _METHODS[method](values)
    connection.executemany(
        f"DELETE FROM instance WHERE {_SERIES} AND at = ? AND id = ?",  # noqa: S608  # own text
        [(*chore.series, *row[:2]) for row in rows[:-1]],
    )
    connection.execute(
        f"UPDATE instance SET value = ?, at = ?, form = min(form, 6) WHERE {_SERIES} AND at = ? AND id = ?",  # noqa: S608  # own text
        (value, period, *chore.series, at, id),
    )
    return len(rows) - 1
