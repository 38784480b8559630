"""Entities: reading the current state, and the one place where the rows of a change are written. (DESIGN 2.3, 2.4)"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson

from base.database import Connection
from base.errors import AlreadyExists, Problem
from broker.model.document import Document
from broker.model.expiry import earliest, living
from broker.store.contract import Change, EntityChange, Message, Outcome, React, Stamp, Stored
from broker.store.sqlite import geometry
from broker.store.sqlite.history_recording import Recorder
from broker.store.sqlite.journal import Journal
from broker.store.sqlite.values import ValueIndexes


class Row(NamedTuple):
    """An entity as it lies on disk, expired parts included."""

    key: int
    version: int
    expires: int | None
    document: Document

    def expired(self, now: int) -> bool:
        """Say whether any part has expired."""
        return self.expires is not None and self.expires <= now

    def living(self, now: int) -> Document | None:
        """Give the document without expired parts."""
        return living(self.document, now) if self.expired(now) else self.document


def find(connection: Connection, id: str) -> Row | None:
    """Read an entity by its id."""
    row = connection.execute("SELECT key, version, expires, doc FROM entity WHERE id = ?", (id,)).fetchone()
    return _row(row) if row else None


def stamp(connection: Connection, id: str, now: int) -> Stamp | None:
    """Say which version of an entity is current."""
    row = connection.execute("SELECT version, expires, key FROM entity WHERE id = ?", (id,)).fetchone()
    if row is None:
        return None
    version, expires, key = row
    if expires is not None and expires <= now and document(connection, id, now) is None:
        return None
    return Stamp(id, version, expires, key)


def document(connection: Connection, id: str, now: int) -> Stored | None:
    """Give an entity without its expired parts."""
    row = find(connection, id)
    return _stored(id, row, now) if row else None


def documents(connection: Connection, stamps: Sequence[Stamp], now: int) -> list[Stored]:
    """Give the entities of a page, without those that have gone meanwhile."""
    found = []
    for each in stamps:
        row = connection.execute(
            "SELECT key, version, expires, doc FROM entity WHERE key = ? AND id = ?", (each.key, each.id)
        ).fetchone()
        stored = _stored(each.id, _row(row), now) if row else None
        if stored:
            found.append(stored)
    return found


def _row(columns: Sequence[Any]) -> Row:
    key, version, expires, body = columns
    return Row(key, version, expires, orjson.loads(body))


def _stored(id: str, row: Row, now: int) -> Stored | None:
    alive = row.living(now)
    if alive is None:
        return None
    if alive is row.document:
        return Stored(id, row.version, row.expires, alive)
    return Stored(id, row.version, earliest(alive), alive)


def scopes(document: Document | None) -> set[str]:
    """Give the scopes of an entity, each with its leading slash. (4.18)"""
    return {"/" + scope.removeprefix("/") for scope in document.get("scope", ())} if document else set()


def differing(before: Document | None, after: Document | None) -> tuple[Document | None, Document | None]:
    """Leave out the attributes that a rule passed on untouched, where the two have the same types."""
    if before is None or after is None or before["type"] != after["type"]:
        return before, after
    old, new = before["attrs"], after["attrs"]
    touched = [name for name, held in new.items() if old.get(name) is not held]
    touched += [name for name in old if name not in new]
    if any(
        one["type"] == "GeoProperty" for name in touched for held in (old, new) for one in held.get(name, ())
    ):
        return before, after  # the places of an entity are numbered together
    return (
        {**before, "attrs": {name: old[name] for name in touched if name in old}},
        {**after, "attrs": {name: new[name] for name in touched if name in new}},
    )


class Changes:
    """Applies rules to entities inside the writer's transaction."""

    def __init__(
        self, connection: Connection, journal: Journal, values: ValueIndexes, history: Recorder
    ) -> None:
        self._connection = connection
        self._journal = journal
        self._values = values
        self._history = history
        self.check: Callable[[Document], None] | None = None
        """Refuses an entity that is about to be stored."""

    def apply(self, change: EntityChange, now: int, react: React | None, posted: list[Message]) -> Outcome:
        """Apply one rule to the current document; messages that follow from it are added to `posted`."""
        row = find(self._connection, change.id)
        if row and row.expired(now):
            row = self._remove_expired(row, now, react, posted)
        before = row.document if row else None
        try:
            after = change.rule(before)
            if self.check is not None and after is not None and after is not before:
                self.check(after)
        except Problem as problem:
            return Outcome(problem=problem)
        if after is before:
            return Outcome()
        happened = Change(change.id, before, after, now)
        self._record(row, happened)
        self._notify(happened, react, posted)
        return Outcome(happened)

    def expire(self, id: str, now: int, react: React | None, posted: list[Message]) -> bool:
        """Remove what has expired of an entity; say whether there was anything."""
        row = find(self._connection, id)
        if row is None or not row.expired(now):
            return False
        self._remove_expired(row, now, react, posted)
        return True

    def _remove_expired(self, row: Row, now: int, react: React | None, posted: list[Message]) -> Row | None:
        happened = Change(row.document["id"], row.document, living(row.document, now), now)
        self._record(row, happened)
        self._notify(happened, react, posted)
        return find(self._connection, happened.id)

    def _notify(self, change: Change, react: React | None, posted: list[Message]) -> None:
        if react:
            posted.extend(self._journal.post(react(change, lambda id: self._read(id, change.at))))

    def _read(self, id: str, now: int) -> Document | None:
        row = find(self._connection, id)
        return row.living(now) if row else None

    def restore(self, document: Document, *, replace: bool, write: bool) -> bool:
        """Put an entity back as it was, without history or notifications; say whether that is anything new."""
        row = find(self._connection, document["id"])
        if row and row.document == document:
            return False
        if row and not replace:
            raise AlreadyExists(
                f"Entity {document['id']} is there already and differs; --replace takes that of the file."
            )
        if write:
            before = row.document if row else None
            change = Change(document["id"], before, document, document["modifiedAt"])
            self._write(row, change, self._history.key_of(document["id"]), orjson.dumps(document))
        return True

    def _record(self, row: Row | None, change: Change) -> None:
        """Write all rows of a change."""
        known = self._history.key_of(change.id) if row is None else None
        body = None if change.after is None else orjson.dumps(change.after)
        key = self._write(row, change, known, body)
        self._history.record(key, change, body, known=known is not None)

    def _write(self, row: Row | None, change: Change, known: int | None, body: bytes | None) -> int:
        version = self._journal.next_version(change.id)
        key = row.key if row else known or version
        self._write_document(key, row is None, change, version, body)
        before, after = change.before, change.after
        self._write_types(key, before, after)
        self._write_scopes(key, before, after)
        old, new = differing(before, after)
        self._write_places(key, old, new)
        self._values.write(key, before, after)
        self._journal.tally.count(old, new)
        return key

    def _write_document(self, key: int, new: bool, change: Change, version: int, body: bytes | None) -> None:
        execute = self._connection.execute
        if body is None:
            if new:
                raise AssertionError("only an entity that is there can be deleted")
            execute("DELETE FROM entity WHERE key = ?", (key,))
            return
        expires = earliest(change.after) if change.after and b'"expiresAt"' in body else None
        if new:
            execute("INSERT INTO entity VALUES (?, ?, ?, ?, ?)", (key, change.id, version, expires, body))
        else:
            execute(
                "UPDATE entity SET version = ?, expires = ?, doc = ? WHERE key = ?",
                (version, expires, body, key),
            )

    def _write_types(self, key: int, before: Document | None, after: Document | None) -> None:
        old = before["type"] if before else ()
        new = after["type"] if after else ()
        if old == new:
            return
        number = self._journal.names.number
        for type_ in dict.fromkeys(old):
            if type_ not in new:
                self._connection.execute(
                    "DELETE FROM entity_type WHERE type = ? AND entity = ?", (number(type_), key)
                )
        for type_ in dict.fromkeys(new):
            if type_ not in old:
                self._connection.execute("INSERT INTO entity_type VALUES (?, ?)", (number(type_), key))

    def _write_scopes(self, key: int, before: Document | None, after: Document | None) -> None:
        if before and after and before.get("scope") == after.get("scope"):
            return
        old, new = scopes(before), scopes(after)
        for scope in old - new:
            self._connection.execute("DELETE FROM entity_scope WHERE scope = ? AND entity = ?", (scope, key))
        for scope in new - old:
            self._connection.execute("INSERT INTO entity_scope VALUES (?, ?)", (scope, key))

    def _write_places(self, key: int, before: Document | None, after: Document | None) -> None:
        old = geometry.places(before) if before else []
        new = geometry.places(after) if after else []
        if old == new:
            return
        first = key << geometry.ORDINAL_BITS
        for ordinal in range(len(old)):
            self._connection.execute("DELETE FROM place WHERE id = ?", (first + ordinal,))
        for ordinal, (attr, shape) in enumerate(new):
            self._connection.execute(
                "INSERT INTO place VALUES (?, ?, ?, ?, ?, ?, ?)",
                (first + ordinal, *geometry.box(shape), key, self._journal.names.number(attr)),
            )
