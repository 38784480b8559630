"""Comparing a database with itself: every index row follows from a document, and the other way round.

Each row that a document wants is looked up; then as many rows as were wanted must be there.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import apsw
import orjson

from base.database import Connection, snapshot
from broker.model.document import Document
from broker.model.expiry import earliest
from broker.store.sqlite import geometry, history_check, tally, values
from broker.store.sqlite.entities import scopes

MOST_TOLD: Final = 100
# an R*Tree keeps 32-bit numbers, rounded so that the box still holds the geometry
_ROUNDING: Final = 1e-6


def faults(connection: Connection) -> list[str]:
    """Say what is wrong with a tenant's database, one sentence per fault, at most MOST_TOLD."""
    found: list[str] = []
    try:
        with snapshot(connection):
            found.extend(islice(_Check(connection).faults(), MOST_TOLD))
    except (apsw.Error, ValueError, LookupError) as error:
        found.append(f"The database cannot be read to its end: {error}.")
    return found


class _Check:
    """One pass over all entities."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._names: dict[str, int] = dict(self._pairs("SELECT iri, id FROM name"))
        self._indexed: dict[int, int | None] = dict(
            self._pairs("SELECT attr, reached FROM value_index WHERE reached IS NOT ?", values.DROPPING)
        )
        self._wanted: Counter[str] = Counter(dict.fromkeys(("entity_type", "entity_scope", "place"), 0))
        self._values: Counter[int] = Counter()

    def faults(self) -> Iterator[str]:
        """Name every fault."""
        for (line,) in self._connection.execute("PRAGMA integrity_check"):
            if line != "ok":
                yield f"The file is damaged: {line}"
        yield from self._of_entities()
        yield from self._of_numbers()
        yield from history_check.faults(self._connection)

    def _of_entities(self) -> Iterator[str]:
        counted: Counter[tally.Entry] = Counter()
        given_out = self._number("version")
        rows = self._connection.execute("SELECT key, id, version, expires, doc FROM entity")
        for key, id, version, expires, body in rows:
            document: Document = orjson.loads(body)
            counted.update(tally.entries(document))
            if document["id"] != id:
                yield f"The entity {id} holds a document of {document['id']}."
            if earliest(document) != expires:
                yield f"The time of expiry of {id} differs from its document."
            if version > given_out:
                yield f"The version of {id} was never given out."
            for what in self._differing(key, document):
                yield f"The {what} of {id} differ from its document."
        yield from self._of_counts(counted)

    def _differing(self, key: int, document: Document) -> Iterator[str]:
        if not all(self._has_type(key, iri) for iri in document["type"]):
            yield "types"
        if not all(self._has_scope(key, scope) for scope in scopes(document)):
            yield "scopes"
        if not all(
            self._has_place(key, ordinal, *place) for ordinal, place in enumerate(geometry.places(document))
        ):
            yield "places"
        if not all(self._has_values(key, iri, found) for iri, found in document["attrs"].items()):
            yield "indexed values"

    def _has_type(self, key: int, iri: str) -> bool:
        self._wanted["entity_type"] += 1
        sql = "SELECT 1 FROM entity_type WHERE type = ? AND entity = ?"
        return bool(self._connection.execute(sql, (self._names.get(iri), key)).get)

    def _has_scope(self, key: int, scope: str) -> bool:
        self._wanted["entity_scope"] += 1
        sql = "SELECT 1 FROM entity_scope WHERE scope = ? AND entity = ?"
        return bool(self._connection.execute(sql, (scope, key)).get)

    def _has_place(self, key: int, ordinal: int, iri: str, shape: Any) -> bool:
        self._wanted["place"] += 1
        row = self._connection.execute(
            "SELECT west, east, south, north, entity, attr FROM place WHERE id = ?",
            ((key << geometry.ORDINAL_BITS) + ordinal,),
        ).fetchone()
        if row is None or row[4:] != (key, self._names.get(iri)):
            return False
        return _holds(row[:4], geometry.box(shape))

    def _has_values(self, key: int, iri: str, instances: list[Any]) -> bool:
        attr = self._names.get(iri, 0)
        if attr not in self._indexed:
            return True
        reached = self._indexed[attr]
        if reached is not None and key > reached:
            return True
        wanted = values.rows(instances)
        self._values[attr] += len(wanted)
        found = self._pairs("SELECT kind, value FROM value WHERE attr = ? AND entity = ?", attr, key)
        return set(found) == wanted

    def _of_counts(self, counted: Counter[tally.Entry]) -> Iterator[str]:
        if counted != tally.read(self._connection):
            yield "The counters of types and attributes differ from the documents."
        for table, wanted in self._wanted.items():
            found = self._connection.execute(f"SELECT count(*) FROM {table}").get  # noqa: S608  # three constants
            if found != wanted:
                yield f"The table {table} has {found} rows, {wanted} follow from the documents."
        for attr, reached in self._indexed.items():
            found = self._connection.execute("SELECT count(*) FROM value WHERE attr = ?", (attr,)).get
            if reached is None and found != self._values[attr]:
                yield f"A value index has {found} rows, {self._values[attr]} follow from the documents."
        sql = "SELECT count(*) FROM value WHERE attr NOT IN (SELECT attr FROM value_index)"
        if self._connection.execute(sql).get:
            yield "There are value rows of an attribute that is not indexed."

    def _of_numbers(self) -> Iterator[str]:
        for table, column, name in (
            ("feed", "version", "version"),
            ("outbox", "seq", "message"),
            ("dead_letter", "seq", "message"),
        ):
            highest = self._connection.execute(f"SELECT max({column}) FROM {table}").get  # noqa: S608  # constants
            if highest is not None and highest > self._number(name):
                yield f"The table {table} holds a number that was never given out."

    def _number(self, name: str) -> int:
        return int(self._connection.execute("SELECT value FROM sequence WHERE name = ?", (name,)).get)

    def _pairs(self, sql: str, *bindings: object) -> Iterator[tuple[Any, Any]]:
        found: Any = self._connection.execute(sql, bindings)
        return iter(found)


def _holds(outer: tuple[Any, ...], inner: geometry.Box) -> bool:
    slack = [_ROUNDING * max(1.0, abs(edge)) for edge in inner]
    lows = all(inner[i] - slack[i] <= outer[i] <= inner[i] for i in (0, 2))
    highs = all(inner[i] <= outer[i] <= inner[i] + slack[i] for i in (1, 3))
    return lows and highs
