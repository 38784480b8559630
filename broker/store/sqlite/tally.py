"""How many entities have which types and attributes: counters kept with every change. (5.7.5 to 5.7.10)"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, KeysView, Sequence

from base.database import Connection
from broker.model.document import Document
from broker.store.contract import TypeInfo
from broker.store.sqlite.names import ANY, Names

Entry = tuple[str, str, str]
Shape = tuple[tuple[str, ...], tuple[tuple[str, str], ...]]


class Tally:
    """The counters a transaction changes, written together before its commit."""

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._names = names
        self._changes: defaultdict[Entry, int] = defaultdict(int)
        self._made: defaultdict[Shape, int] = defaultdict(int)  # entities that are alike are counted together

    def begin(self) -> None:
        """Forget what an undone transaction counted."""
        self._changes.clear()
        self._made.clear()

    def count(self, before: Document | None, after: Document | None) -> None:
        """Count what a change adds and takes away."""
        if before is None and after is not None:
            kinds = tuple((name, one["type"]) for name, held in after["attrs"].items() for one in held)
            self._made[tuple(after["type"]), kinds] += 1
            return
        if before and after and before["type"] == after["type"] and _kinds(before) == _kinds(after):
            return
        old, new = entries(before), entries(after)
        for entry in new:
            if entry not in old:
                self._changes[entry] += 1
        for entry in old:
            if entry not in new:
                self._changes[entry] -= 1

    def flush(self) -> None:
        """Write the counters that changed."""
        for (types, kinds), times in self._made.items():
            for entry in _entries(types, kinds):
                self._changes[entry] += times
        rows = [
            (self._number(type_), self._number(attr), kind, change)
            for (type_, attr, kind), change in self._changes.items()
            if change
        ]
        if not rows:
            return
        self._connection.executemany(
            "INSERT INTO tally VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET entities = entities + excluded.entities",
            rows,
        )
        gone = [row[:3] for row in rows if row[3] < 0]
        if gone:
            self._connection.executemany(
                "DELETE FROM tally WHERE type = ? AND attr = ? AND kind = ? AND entities = 0", gone
            )

    def _number(self, iri: str) -> int:
        return self._names.number(iri) if iri else ANY


def entries(document: Document | None) -> KeysView[Entry]:
    """List the counters an entity stands in: (type, '', ''), (type, attribute, kind) and ('', attribute, '').

    In the order of the document: names get their numbers in it, and histories their order by the numbers.
    """
    if document is None:
        return dict[Entry, None]().keys()
    kinds = [(name, one["type"]) for name, held in document["attrs"].items() for one in held]
    return _entries(document["type"], kinds)


def _entries(types: Iterable[str], kinds: Sequence[tuple[str, str]]) -> KeysView[Entry]:
    found: dict[Entry, None] = dict.fromkeys(("", name, "") for name, _ in kinds)
    for type_ in types:
        found[type_, "", ""] = None
        found |= dict.fromkeys((type_, name, kind) for name, kind in kinds)
    return found.keys()


def _kinds(document: Document) -> dict[str, set[str]]:
    return {name: {one["type"] for one in held} for name, held in document["attrs"].items()}


def read(connection: Connection) -> dict[Entry, int]:
    """Read all counters by name."""
    rows = connection.execute(
        "SELECT coalesce(t.iri, ''), coalesce(a.iri, ''), y.kind, y.entities FROM tally y "
        "LEFT JOIN name t ON t.id = y.type LEFT JOIN name a ON a.id = y.attr"
    )
    return {(type_, attr, kind): count for type_, attr, kind, count in rows}


def types(counters: dict[Entry, int]) -> list[TypeInfo]:
    """Tell of each type how many entities it has, and its attributes with their kinds. (5.7.5)"""
    return _told(((t, a, k, n) for (t, a, k), n in counters.items() if t))


def attributes(counters: dict[Entry, int]) -> list[TypeInfo]:
    """Tell of each attribute how many entities have it, and the types that have it with the kinds. (5.7.8)"""
    return _told(((a, t, k, n) for (t, a, k), n in counters.items() if a))


def _told(rows: Iterator[tuple[str, str, str, int]]) -> list[TypeInfo]:
    counts: dict[str, int] = {}
    related: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name, other, kind, count in rows:
        if count > 0:
            if kind:
                related[name][other].add(kind)
            else:
                counts[name] = count
    return [
        TypeInfo(name, counts[name], {other: frozenset(kinds) for other, kinds in related[name].items()})
        for name in sorted(counts)
    ]
