"""What every change of an entity leaves behind: first one row in a log, later its instances where they belong. (4.5.6)

The instances of a new entity come after all others, and are written at once. Any other change costs one row at the
end of a table. When the writer rests, when many wait, and before anything reads or changes histories, the log is
settled: sorted into the instances. What lies in the log is as durable as the rest.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson

from base.clock import show
from base.database import Connection
from broker.model.document import SCOPE, Document, Instance, dataset_of
from broker.model.retention import Policy
from broker.store.contract import Change
from broker.store.sqlite.history_rows import INSERT, Row, Shapes, deletion, row
from broker.store.sqlite.journal import Journal

MOST_KNOWN: Final = 50_000
SETTLED_AT_ONCE: Final = 250
DEFAULT: Final = 0
INSTANCE: Final = "urn:ngsi-ld:Instance:"


def origin(connection: Connection) -> str:
    """Give what the identifiers of all instances of this tenant begin with."""
    number: Any = connection.execute("SELECT value FROM sequence WHERE name = 'origin'").get
    return f"{INSTANCE}{number:08x}-"


class Recorder:
    """Takes part in every transaction of a tenant's writer."""

    def __init__(self, connection: Connection, journal: Journal, policy: Policy) -> None:
        self.connection = connection
        self.names = journal.names
        self.shapes = Shapes(connection)
        self.policy = policy
        self.origin = origin(connection)
        self.waiting: int = connection.execute("SELECT count(*) FROM history_log").get
        """How many changes are in the log, about."""
        self._journal = journal
        self._log: list[tuple[int, int, bytes]] = []
        self._rows: list[Row] = []
        self._known: set[int] = set()
        self._last = self._first = 0

    # around each transaction

    def begin(self) -> None:
        """Start from what is committed."""
        committed: Any = self.connection.execute("SELECT value FROM sequence WHERE name = 'instance'").get
        if committed != self._last:
            self._known.clear()
        self.shapes.refresh()
        self._first = self._last = committed
        self._rows.clear()
        self._log.clear()

    def flush(self) -> None:
        """Write everything gathered."""
        self._write_log()
        self.write_rows()
        if self._last != self._first:
            self.connection.execute("UPDATE sequence SET value = ? WHERE name = 'instance'", (self._last,))

    def _write_log(self) -> None:
        if self._log:
            self.waiting += len(self._log)
            self.connection.executemany(
                "INSERT INTO history_log (history, at, body) VALUES (?, ?, ?)", self._log
            )
            self._log.clear()

    def write_rows(self) -> None:
        """Write the instances gathered, those of a series together."""
        if self._rows:
            self._rows.sort(key=_place)
            self.connection.executemany(INSERT, self._rows)
            self._rows.clear()

    # changes of the current state

    def key_of(self, id: str) -> int | None:
        """Give the key of a history that is there already."""
        found: Any = self.connection.execute("SELECT key FROM history WHERE id = ?", (id,)).get
        return None if found is None else int(found)

    def record(self, key: int, change: Change, body: bytes | None, *, known: bool) -> None:
        """Leave behind what a change did to an entity; `known`: its history was there when it was created. (4.5.6)"""
        before, after, now = change.before, change.after, change.at
        wanted = self.policy.records((after or before or {})["type"])
        if before is None:
            if known:
                self._revive(key, now)
            if wanted and after is not None and body is not None:
                if known:
                    self._log.append((key, now, body))
                else:
                    self._begin_history(key, change.id, after.get("createdAt", now), now)
                    self._put_all(key, after, now)
            return
        if after is None or before["type"] != after["type"]:
            if not wanted and not self._has_history(key, change.id):
                return
            self._end_life(key, change.id, before, after, now)
        if after is None and not self.policy.keep_deleted:
            self.drop(key)
        elif wanted:
            self._log.append((key, now, orjson.dumps(_difference(before, after, now))))

    def _has_history(self, key: int, id: str) -> bool:
        """Say whether an entity has a history, be it only in the log."""
        if self.key_of(id) is not None:
            return True
        self._write_log()
        in_log = "SELECT EXISTS (SELECT 1 FROM history_log WHERE history = ?)"
        return bool(self.connection.execute(in_log, (key,)).get)

    def _revive(self, key: int, now: int) -> None:
        """Begin another life of an entity that was deleted."""
        execute = self.connection.execute
        deleted: Any = execute("SELECT deleted FROM history WHERE key = ?", (key,)).get
        if deleted is not None:
            execute("INSERT OR IGNORE INTO life VALUES (?, ?, NULL, NULL)", (key, now))
            execute("UPDATE history SET created = ?, deleted = NULL WHERE key = ?", (now, key))

    def _end_life(self, key: int, id: str, before: Document, after: Document | None, now: int) -> None:
        """Keep what the entity was until now, where it is deleted or of other types."""
        created = before.get("createdAt", now)
        self.ensure(key, id, created)
        types = orjson.dumps(before["type"]).decode()
        self.connection.execute("INSERT OR IGNORE INTO life VALUES (?, ?, ?, ?)", (key, now, created, types))
        self.add_types(key, before["type"])
        if after is None:
            self.connection.execute(
                "UPDATE history SET deleted = ?, modified = ? WHERE key = ?", (now, now, key)
            )

    def ensure(self, key: int, id: str, created: int) -> None:
        """Make the history where there is none."""
        if key not in self._known:
            self._begin_history(key, id, created, created)

    def _begin_history(self, key: int, id: str, created: int, modified: int) -> None:
        self.connection.execute(
            "INSERT OR IGNORE INTO history VALUES (?, ?, ?, ?, NULL)", (key, id, created, modified)
        )
        self._remember(key)

    def _remember(self, key: int) -> None:
        self._last += 1
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known.add(key)

    def add_types(self, key: int, types: Sequence[str]) -> None:
        """Add types to a history."""
        number = self.names.number
        self.connection.executemany(
            "INSERT OR IGNORE INTO history_type VALUES (?, ?)", [(number(iri), key) for iri in types]
        )

    def drop(self, key: int) -> None:
        """Remove a history with all that belongs to it."""
        self._write_log()
        self.write_rows()
        for sql in (
            "DELETE FROM history_log WHERE history = ?",
            "DELETE FROM instance WHERE history = ?",
            "DELETE FROM life WHERE history = ?",
            "DELETE FROM history_type WHERE history = ?",
            "DELETE FROM history WHERE key = ?",
        ):
            self.connection.execute(sql, (key,))
        self._known.discard(key)

    # from the log to the instances

    def settle(self, most: int = -1) -> int:
        """Move so many changes of the log (-1: all) to where their instances belong; say how many."""
        self._write_log()
        self.write_rows()
        rows: Any = self.connection.execute(
            "SELECT seq, history, at, body FROM history_log ORDER BY seq LIMIT ?", (most,)
        ).fetchall()
        if not rows:
            self.waiting = 0
            return 0
        for _, key, at, body in rows:
            self._settle_change(key, at, orjson.loads(body))
        self.write_rows()
        self.connection.execute("DELETE FROM history_log WHERE seq <= ?", (rows[-1][0],))
        self.waiting = max(self.waiting - len(rows), 0)
        return len(rows)

    def _settle_change(self, key: int, at: int, left: dict[str, Any]) -> None:
        if key not in self._known:
            self.connection.execute(
                "INSERT OR IGNORE INTO history "
                "SELECT key, id, coalesce(json_extract(doc, '$.createdAt'), ?1), ?1, NULL FROM entity WHERE key = ?2",
                (at, key),
            )
            self._remember(key)
        self._put_all(key, left, at)

    def _put_all(self, key: int, left: dict[str, Any], at: int) -> None:
        for iri, held in left["attrs"].items():
            self._put(key, iri, held, at)
        if "scope" in left:
            self._put(key, SCOPE, [_scope(left["scope"], at)], at)

    def _put(self, key: int, iri: str, held: Sequence[Instance], now: int) -> None:
        number = self.names.number
        attr = number(iri)
        for one in held:
            dataset = number(one["datasetId"]) if "datasetId" in one else DEFAULT
            self.put((key, attr, dataset), self.next_id(), one, now)

    def next_id(self) -> int:
        """Give the number of a new instance."""
        self._last += 1
        return self._last

    def reach(self, id: int) -> None:
        """Give no number to a new instance that is not beyond this one."""
        self._last = max(self._last, id)

    def put(self, place: tuple[int, int, int], id: int, instance: Instance, now: int) -> None:
        """Take an instance at (history, attr, dataset) to those that are to be written."""
        self._rows.append(row(place, id, instance, now, self.shapes))

    def next_key(self) -> int:
        """Give a key that no entity and no history has had."""
        return self._journal.next_key()


def _place(row: Row) -> tuple[int, ...]:
    return row[:5]


def _difference(before: Document, after: Document | None, now: int) -> dict[str, Any]:
    """Give the instances that a change made or deleted, and the scope if it differs."""
    old: dict[str, list[Instance]] = before["attrs"]
    new: dict[str, list[Instance]] = after["attrs"] if after else {}
    attrs: dict[str, list[Instance]] = {}
    for iri, held in new.items():
        was = old.get(iri)
        if was is None:
            attrs[iri] = held
        elif was is not held:
            attrs[iri] = list(_changed(was, held, now))
    for iri, was in old.items():
        if iri not in new:
            attrs[iri] = [deletion(one, now) for one in was]
    scope = after.get("scope") if after else None
    if before.get("scope") == scope:
        return {"attrs": attrs}
    return {"attrs": attrs, "scope": scope}


def _changed(was: Sequence[Instance], held: Sequence[Instance], now: int) -> Iterator[Instance]:
    """Give the instances that are not the very same as before, and a deletion for each dataset that went."""
    kept = {id(one) for one in was}
    yield from (one for one in held if id(one) not in kept)
    datasets = {dataset_of(one) for one in held}
    yield from (deletion(one, now) for one in was if dataset_of(one) not in datasets)


def _scope(value: list[str] | None, now: int) -> Instance:
    """Make the instance of a scope; it was observed when it was modified. (4.5.6)"""
    held: Instance = {"type": "Property", "value": value, "createdAt": now, "modifiedAt": now}
    return deletion(held, now) if value is None else {**held, "observedAt": show(now)}
