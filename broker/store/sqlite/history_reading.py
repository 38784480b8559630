"""Reading one history: its instances in order of time, figures over them, the entity at a time. (5.7.3, 4.5.19)"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import groupby, islice
from typing import Any, Final

import orjson

from base.database import Connection
from broker.language.span import Span
from broker.model.document import DEFAULT_DATASET, SCOPE, Document, Instance
from broker.model.expiry import living
from broker.store.evolution import Asked, Axis, Evolution, History, Series
from broker.store.sqlite.history_rows import COLUMNS, DELETION, OBSERVED_DELETION, UNOBSERVED, Shapes
from broker.store.sqlite.history_rows import instance as instance_of
from broker.store.sqlite.names import Names

Found = tuple[Any, ...]
"""The time of the Temporal Property asked for, then the columns of the row."""

ALWAYS: Final = Span()
FEW: Final = 256
"""Instances of a history that are read sooner than looked for."""
# the few deletions of a history are found by an index of their own, which SQLite would not choose
_DELETED: Final = "instance INDEXED BY instance_deleted"
# per Temporal Property: the column or expression of its time, and which rows have it
_TIMES: Final = {
    "observedAt": ("at", f"(form < {UNOBSERVED} OR form = {OBSERVED_DELETION})"),
    "deletedAt": ("at", f"form >= {DELETION}"),
    "modifiedAt": ("modified", "1"),
    "createdAt": ("coalesce(created, modified)", "1"),
}


# the types of a history: a JSON array of those of the current state (as one text), then the others
TYPES: Final = (
    "(SELECT json_group_array(iri) FROM (SELECT e.doc ->> '$.type' AS iri WHERE e.key NOT NULL "
    "UNION ALL SELECT * FROM (SELECT n.iri FROM history_type t JOIN name n ON n.id = t.type "
    "WHERE t.history = h.key ORDER BY t.type)))"
)
_FRAME: Final = (
    f"SELECT h.key, h.created, h.modified, h.deleted, {TYPES}, "  # noqa: S608  # a constant
    "json_extract(e.doc, '$.modifiedAt') FROM history h LEFT JOIN entity e ON e.key = h.key WHERE h.id = ?"
)
# a new entity whose history is still in the log
_UNSETTLED: Final = (
    "SELECT key, coalesce(doc ->> '$.createdAt', 0), coalesce(doc ->> '$.modifiedAt', 0), NULL, "
    "json_array(doc ->> '$.type'), NULL FROM entity e "
    "WHERE e.id = ? AND EXISTS (SELECT 1 FROM history_log WHERE history = e.key)"
)


class Reader:
    """Reads histories through one connection; the state it reads is the caller's snapshot."""

    def __init__(self, connection: Connection, names: Names, origin: str) -> None:
        self.connection = connection
        self._names = names
        self._origin = origin
        self._shapes = Shapes(connection)
        self._iris: dict[int, str] = {}

    def frame(self, id: str) -> tuple[int, History] | None:
        """Give the key and the frame of a history."""
        row = self.connection.execute(_FRAME, (id,)).fetchone()
        if row is None:
            row = self.connection.execute(_UNSETTLED, (id,)).fetchone()
        if row is None:
            return None
        key, created, modified, deleted, types, changed = row
        changed = max(modified, changed or modified)
        return key, History(id, types_in(types), created, changed, deleted)

    def attributes(self, key: int, wanted: Iterable[str] | None = None) -> Iterator[int]:
        """Give the attributes that a history has instances of."""
        if wanted is None:
            return self._steps("attr", "history = ?", key)
        numbers = sorted(filter(None, map(self._names.find, wanted)))
        has = "SELECT EXISTS (SELECT 1 FROM instance WHERE history = ? AND attr = ?)"
        return (number for number in numbers if self.connection.execute(has, (key, number)).get)

    def datasets(self, key: int, attr: int, wanted: frozenset[str] | None = None) -> Iterator[int]:
        """Give the datasets that an attribute has instances of; 0 is the default one."""
        if wanted is None:
            return self._steps("dataset", "history = ? AND attr = ?", key, attr)
        named = (0 if name == DEFAULT_DATASET else self._names.find(name) for name in sorted(wanted))
        return (number for number in named if number is not None)

    def _steps(self, column: str, where: str, *bindings: int) -> Iterator[int]:
        """Go from one value of a column to the next, without reading what lies between."""
        sql = f"SELECT min({column}) FROM instance WHERE {where} AND {column} > ?"  # noqa: S608  # own text
        last: Any = -1
        while (last := self.connection.execute(sql, (*bindings, last)).get) is not None:
            yield last

    def rows(
        self,
        series: tuple[int, int, int],
        span: Span | None,
        *,
        backwards: bool = False,
        most: int = -1,
        only: int | None = None,
        every: bool = False,
    ) -> Iterator[Found]:
        """Give the rows of (history, attr, dataset) in the order of time, or backwards; or those of one time only.

        every: rows without the Temporal Property count with the time they have.
        """
        time, condition = _TIMES[span.property] if span else ("at", "1")
        source = "instance"
        if every:
            condition = "1"
        elif span and span.property == "deletedAt":
            source = _DELETED
        bounds, bindings = bounded(time, span or ALWAYS)
        if only is not None:
            bounds, bindings = f" AND {time} = ?", [only]
        way = "DESC" if backwards else "ASC"
        order = f"{way}, at {way}, id {way}" if time != "at" else f"{way}, id {way}"
        return iter(
            self.connection.execute(
                f"SELECT {time}, {COLUMNS} FROM {source} WHERE history = ? AND attr = ? AND dataset = ? "  # noqa: S608  # own text
                f"AND {condition}{bounds} ORDER BY {time} {order} LIMIT ?",
                (*series, *bindings, most),
            )
        )

    def evolution(self, key: int, asked: Asked) -> Evolution:
        """Give the instances of a history that are wanted, in the order of time. (5.7.3.4)"""
        most = asked.most
        rows = list(islice(self._wanted(key, asked), None if most is None else most + 1))
        cut = None
        if most is not None and len(rows) > most:
            # the instances of one time stay together, so that the next page can begin after it
            end = rows[most][0]
            rows = [row for row in rows if row[0] != end]
            if not rows:
                rows = list(self._wanted(key, asked, only=end))
            cut = rows[-1][0]
        if asked.last is not None:
            rows.reverse()
        instances: dict[str, list[Instance]] = {}
        for row in rows:
            instances.setdefault(self.iri(row[2]), []).append(self.made(row))
        return Evolution(instances, cut)

    def _wanted(self, key: int, asked: Asked, only: int | None = None) -> Iterator[Found]:
        """Give the rows of all wanted series in the order of time, latest first where the last ones are asked for."""
        few = self._few(key, asked.span)
        if few is not None:
            return self._chosen(few, asked, only)
        backwards = asked.last is not None
        limits = [asked.last] if asked.last is not None else []
        if asked.most is not None and only is None:
            limits.append(asked.most + 1)
        streams = []
        for attr in self.attributes(key, asked.attrs):
            several = [
                self.rows(
                    (key, attr, dataset),
                    asked.span,
                    backwards=backwards,
                    most=min(limits, default=-1),
                    only=only,
                )
                for dataset in self.datasets(key, attr, asked.dataset_ids)
            ]
            streams.append(islice(merge(*several, key=_time, reverse=backwards), asked.last))
        return merge(*streams, key=_time, reverse=backwards)

    def _few(self, key: int, span: Span | None) -> list[Found] | None:
        """Give the rows of a history in a span, series by series, at one go; None: there are many."""
        time, condition = _TIMES[span.property] if span else ("at", "1")
        found: list[Found] = self.connection.execute(
            f"SELECT {time}, {COLUMNS}, {condition} FROM instance WHERE history = ? "  # noqa: S608  # own text
            "ORDER BY attr, dataset, at, id LIMIT ?",
            (key, FEW),
        ).fetchall()
        if len(found) == FEW:
            return None
        start, end = (span.start, span.end) if span else (None, None)
        return [
            row[:-1]
            for row in found
            if row[-1] and (start is None or row[0] >= start) and (end is None or row[0] < end)
        ]

    def _chosen(self, few: Iterable[Found], asked: Asked, only: int | None) -> Iterator[Found]:
        """Choose among few rows what is wanted, in the order of time, latest first where the last ones are."""
        attrs = None if asked.attrs is None else set(map(self._names.find, asked.attrs))
        datasets = asked.dataset_ids
        rows = [
            row
            for row in few
            if (attrs is None or row[2] in attrs)
            and (only is None or row[0] == only)
            and (datasets is None or (self.iri(row[3]) if row[3] else DEFAULT_DATASET) in datasets)
        ]
        if asked.last is None:
            return iter(sorted(rows, key=_time))
        rows.sort(key=_latest_first)
        kept = [row for _, part in groupby(rows, key=_attr) for row in islice(part, asked.last)]
        return iter(sorted(kept, key=_time, reverse=True))

    def different(
        self, key: int, attrs: Iterable[str], span: Span | None, most: int
    ) -> dict[str, list[Instance]]:
        """Give what differs among the instances in a span but for their times, deletions left out; at most so many."""
        time, condition = _TIMES[span.property] if span else ("at", "1")
        bounds, bindings = bounded(time, span or ALWAYS)
        instances: dict[str, list[Instance]] = {}
        for attr in self.attributes(key, attrs):
            for dataset in self.datasets(key, attr):
                rows = self.connection.execute(
                    "SELECT DISTINCT value, shape, body FROM instance WHERE history = ? AND attr = ? "  # noqa: S608  # own text
                    f"AND dataset = ? AND {condition} AND form < {DELETION}{bounds} LIMIT ?",
                    (key, attr, dataset, *bindings, most),
                )
                unlike = [(0, key, attr, dataset, 0, 0, UNOBSERVED, 0, None, *row) for row in rows]
                instances.setdefault(self.iri(attr), []).extend(map(self.made, unlike))
        return instances

    def made(self, found: Found) -> Instance:
        """Make the instance of a row."""
        return instance_of(found[1:], self.iri(found[3]) if found[3] else None, self._origin, self._shapes)

    def iri(self, number: int) -> str:
        """Give the name of a number."""
        iri = self._iris.get(number)
        if iri is None:
            found: Any = self.connection.execute("SELECT iri FROM name WHERE id = ?", (number,)).get
            iri = self._iris[number] = found
        return iri

    def holds(
        self,
        key: int,
        attrs: Iterable[str] | None,
        span: Span | None,
        dataset_ids: frozenset[str] | None = None,
    ) -> bool:
        """Say whether an instance of one of the attributes lies in a span. (5.7.4.4)"""
        time, condition = _TIMES[span.property] if span else ("at", "1")
        bounds, bindings = bounded(time, span or ALWAYS)
        source = _DELETED if span and span.property == "deletedAt" else "instance"
        has = (
            f"SELECT EXISTS (SELECT 1 FROM {source} WHERE history = ? AND attr = ? AND dataset = ? "  # noqa: S608  # own text
            f"AND {condition}{bounds})"
        )
        return any(
            self.connection.execute(has, (key, attr, dataset, *bindings)).get
            for attr in self.attributes(key, attrs)
            for dataset in self.datasets(key, attr, dataset_ids)
        )

    def series(
        self, key: int, attrs: Iterable[str] | None, span: Span, dataset_ids: frozenset[str] | None
    ) -> list[Series]:
        """List the series that have instances in a span, by attribute and dataset."""
        few = self._few(key, span)
        if few is None:
            found = list(self._ends(key, attrs, span, dataset_ids))
        else:
            wanted = None if attrs is None else frozenset(attrs)
            rows = sorted(self._chosen(few, Asked(wanted, dataset_ids=dataset_ids), None), key=_series)
            parts = (list(part) for _, part in groupby(rows, key=_series))
            found = [(part[0], part[-1]) for part in parts]
        listed = [self._listed(*ends) for ends in found]
        return sorted(listed, key=lambda one: (one.attr, one.dataset_id))

    def _ends(
        self, key: int, attrs: Iterable[str] | None, span: Span, dataset_ids: frozenset[str] | None
    ) -> Iterator[tuple[Found, Found]]:
        """Give the first and the last row of each series."""
        for attr in self.attributes(key, attrs):
            for dataset in self.datasets(key, attr, dataset_ids):
                place = (key, attr, dataset)
                first = next(self.rows(place, span, most=1), None)
                last = next(self.rows(place, span, backwards=True, most=1), None)
                if first and last:
                    yield first, last

    def _listed(self, first: Found, last: Found) -> Series:
        name = self.iri(last[3]) if last[3] else DEFAULT_DATASET
        return Series(self.iri(last[2]), name, self.made(last)["type"], first[0], last[0])

    # the entity at a time

    def as_of(self, id: str, at: int, by: Axis) -> Document | None:
        """Give an entity as it was at a time; None: it was not there."""
        found = self.frame(id)
        life = self._life(*found, at) if found else None
        if found is None or life is None:
            return None
        key, history = found
        latest = self._latest(key, at, by)
        created, types = life
        if created > at and not (latest and by == "observedAt"):
            return None
        attrs: dict[str, list[Instance]] = {}
        for row in latest:
            if row[6] < DELETION:
                made = self.made(row)
                del made["instanceId"]
                attrs.setdefault(self.iri(row[2]), []).append(made)
        modified = max([created, *(row[7] for row in latest if row[7] <= at)])
        document: Document = {
            "id": history.id,
            "type": list(types),
            "createdAt": created,
            "modifiedAt": modified,
            "attrs": attrs,
        }
        for instance in attrs.pop(SCOPE, ()):
            document["scope"] = instance["value"]
        return living(document, at)

    def _life(self, key: int, history: History, at: int) -> tuple[int, Sequence[str]] | None:
        """Give when the life of an entity at a time began, and the types it had; None: it had been deleted."""
        row = self.connection.execute(
            "SELECT created, types FROM life WHERE history = ? AND until > ? ORDER BY until LIMIT 1",
            (key, at),
        ).fetchone()
        if row:
            return None if row[1] is None else (row[0], orjson.loads(row[1]))
        if history.deleted is not None:
            return None
        current: Any = self.connection.execute(
            "SELECT json_extract(doc, '$.type') FROM entity WHERE key = ?", (key,)
        ).get
        return history.created, orjson.loads(current) if current else history.types

    def _latest(self, key: int, at: int, by: Axis) -> Iterable[Found]:
        """Give the latest row of each series until a time: at one go where there are few, else series by series."""
        time = "at" if by == "observedAt" else "modified"
        sql = f"SELECT {time}, {COLUMNS} FROM instance WHERE history = ? "  # noqa: S608  # own text
        few: Any = self.connection.execute(
            sql + "ORDER BY attr, dataset, at, id LIMIT ?", (key, FEW)
        ).fetchall()
        if len(few) < FEW:
            until = [row for row in few if row[0] <= at]
            until.sort(key=lambda row: (row[0], row[5]))
            return {row[2:4]: row for row in until}.values()
        sql += f"AND attr = ? AND dataset = ? AND {time} <= ? ORDER BY {time} DESC, id DESC LIMIT 1"
        return [
            row
            for attr in self.attributes(key)
            for dataset in self.datasets(key, attr)
            for row in self.connection.execute(sql, (key, attr, dataset, at))
        ]


def types_in(array: str) -> tuple[str, ...]:
    """Read the array that TYPES gives: every type once, those of the current state first."""
    found: list[str] = []
    for one in orjson.loads(array):
        found += orjson.loads(one) if one.startswith("[") else (one,)
    return tuple(dict.fromkeys(found))


def bounded(time: str, span: Span) -> tuple[str, list[int]]:
    """Say in SQL that a time lies in a span."""
    text, bindings = "", []
    if span.start is not None:
        text += f" AND {time} >= ?"
        bindings.append(span.start)
    if span.end is not None:
        text += f" AND {time} < ?"
        bindings.append(span.end)
    return text, bindings


def time_of(property: str) -> tuple[str, str]:
    """Give the expression of the time of a Temporal Property, and which rows have it."""
    return _TIMES[property]


def _time(row: Found) -> int:
    time: int = row[0]
    return time


def _attr(row: Found) -> int:
    attr: int = row[2]
    return attr


def _series(row: Found) -> tuple[int, int]:
    return row[2], row[3]


def _latest_first(row: Found) -> tuple[int, ...]:
    """Order rows by attribute, the latest first, and of one time by dataset."""
    time, _, attr, dataset, at, id, *_ = row
    return attr, -time, dataset, -at, -id
