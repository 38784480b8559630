"""Writing histories in the writer's transaction: what every change leaves behind, what /temporal adds. (4.5.6)"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson

from base.clock import show
from base.database import Connection
from base.errors import ResourceNotFound
from broker.model.document import DEFAULT_DATASET, Document, Instance, dataset_of
from broker.model.retention import Policy
from broker.store.contract import Change
from broker.store.evolution import SCOPE, InstanceRule, Instances
from broker.store.sqlite.history_rows import COLUMNS, INSERT, UNOBSERVED, Row, Shapes, deletion, moment, row
from broker.store.sqlite.history_rows import instance as instance_of
from broker.store.sqlite.journal import Journal

MOST_KNOWN: Final = 50_000
DEFAULT: Final = 0
_OBSERVED: Final = (
    "SELECT at, id, coalesce(created, modified) FROM instance "  # noqa: S608  # a constant
    f"WHERE history = ? AND attr = ? AND dataset = ? AND at BETWEEN ? AND ? AND form < {UNOBSERVED}"
)
INSTANCE: Final = "urn:ngsi-ld:Instance:"


def origin(connection: Connection) -> str:
    """Give what the identifiers of all instances of this tenant begin with."""
    number: Any = connection.execute("SELECT value FROM sequence WHERE name = 'origin'").get
    return f"{INSTANCE}{number:08x}-"


class Recorder:
    """Gathers the rows that the changes of a transaction leave in histories, and writes them before its commit."""

    def __init__(self, connection: Connection, journal: Journal, policy: Policy) -> None:
        self._connection = connection
        self._journal = journal
        self.policy = policy
        self._shapes = Shapes(connection)
        self._origin = origin(connection)
        self._rows: list[Row] = []
        self._known: set[int] = set()
        self._last = self._first = 0

    # around each transaction

    def begin(self) -> None:
        """Start from what is committed."""
        committed: Any = self._connection.execute("SELECT value FROM sequence WHERE name = 'instance'").get
        if committed != self._last:
            self._known.clear()
            self._shapes.forget()
        self._first = self._last = committed
        self._rows.clear()

    def flush(self) -> None:
        """Write everything gathered."""
        self._write_rows()
        if self._last != self._first:
            self._connection.execute("UPDATE sequence SET value = ? WHERE name = 'instance'", (self._last,))

    def _write_rows(self) -> None:
        if self._rows:
            self._connection.executemany(INSERT, self._rows)
            self._rows.clear()

    # changes of the current state

    def key_of(self, id: str) -> int | None:
        """Give the key of a history that is there already."""
        found: Any = self._connection.execute("SELECT key FROM history WHERE id = ?", (id,)).get
        return None if found is None else int(found)

    def record(self, key: int, change: Change) -> None:
        """Leave in the history of an entity what a change did to it. (4.5.6)"""
        before, after, now = change.before, change.after, change.at
        current: Document = after or before or {}
        wanted = self.policy.records(current["type"])
        made = wanted and self._ensure(key, change.id, current.get("createdAt", now))
        lives = not made if before is None else after is None or before["type"] != after["type"]
        if lives and (wanted or self.key_of(change.id) is not None):
            self._live(key, before, after, now)
        if after is None and not self.policy.keep_deleted:
            self._write_rows()
            self._drop(key)
        elif wanted:
            self._record_attributes(key, before, after, now)
            self._record_scope(key, before, after, now)

    def _ensure(self, key: int, id: str, created: int) -> bool:
        """Make the history where there is none; say whether it was made."""
        if key in self._known:
            return False
        self._connection.execute(
            "INSERT OR IGNORE INTO history VALUES (?, ?, ?, ?, NULL)", (key, id, created, created)
        )
        made = bool(self._connection.changes())
        self._last += 1
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known.add(key)
        return made

    def _live(self, key: int, before: Document | None, after: Document | None, now: int) -> None:
        """Keep what the entity was until now, where it is made anew, deleted or of other types."""
        execute = self._connection.execute
        if before is None:
            deleted: Any = execute("SELECT deleted FROM history WHERE key = ?", (key,)).get
            if deleted is not None:
                execute("INSERT OR IGNORE INTO life VALUES (?, ?, NULL, NULL)", (key, now))
                execute("UPDATE history SET created = ?, deleted = NULL WHERE key = ?", (now, key))
            return
        types = orjson.dumps(before["type"]).decode()
        execute(
            "INSERT OR IGNORE INTO life VALUES (?, ?, ?, ?)", (key, now, before.get("createdAt", now), types)
        )
        self._add_types(key, before["type"])
        if after is None:
            execute("UPDATE history SET deleted = ?, modified = ? WHERE key = ?", (now, now, key))

    def _record_attributes(self, key: int, before: Document | None, after: Document | None, now: int) -> None:
        old: dict[str, list[Instance]] = before["attrs"] if before else {}
        new: dict[str, list[Instance]] = after["attrs"] if after else {}
        for iri, held in new.items():
            was = old.get(iri)
            if was is not held:
                self._put(key, iri, _changed(was or (), held, now), now)
        for iri, was in old.items():
            if iri not in new:
                self._put(key, iri, [deletion(one, now) for one in was], now)

    def _record_scope(self, key: int, before: Document | None, after: Document | None, now: int) -> None:
        old = before.get("scope") if before else None
        new = after.get("scope") if after else None
        if old == new:
            return
        held: Instance = {"type": "Property", "value": new, "createdAt": now, "modifiedAt": now}
        if new is None:
            held = deletion(held, now)
        else:
            held["observedAt"] = show(now)
        self._put(key, SCOPE, [held], now)

    def _put(self, key: int, iri: str, held: Sequence[Instance] | Iterator[Instance], now: int) -> None:
        number = self._journal.names.number
        attr = number(iri)
        for one in held:
            self._last += 1
            dataset = number(one["datasetId"]) if "datasetId" in one else DEFAULT
            self._rows.append(row((key, attr, dataset), self._last, one, now, self._shapes))

    # what /temporal adds, changes and removes

    def add(self, id: str, types: Sequence[str], instances: Instances, now: int, new: bool) -> bool:
        """Add instances and types to a history, made where it is absent; say whether it was made. (5.6.11, 5.6.12)"""
        self._write_rows()
        key = self.key_of(id)
        made = key is None
        if key is None:
            if not new:
                raise _no_history()
            found: Any = self._connection.execute("SELECT key FROM entity WHERE id = ?", (id,)).get
            key = int(found or self._journal.next_key())
            self._ensure(key, id, now)
        else:
            self._connection.execute("UPDATE history SET modified = ? WHERE key = ?", (now, key))
        self._add_types(key, types)
        for iri, held in instances.items():
            self._add_instances(key, iri, held, now)
        self._write_rows()
        return made

    def _add_instances(self, key: int, iri: str, held: Sequence[Instance], now: int) -> None:
        """Add instances of one attribute; one with the datasetId and observedAt of another takes its place."""
        by_dataset: dict[str, dict[tuple[int, int], Instance]] = {}
        for one in held:
            at, form = moment(one, now)
            several = by_dataset.setdefault(dataset_of(one), {})
            several[at, 0 if form < UNOBSERVED else 1 + len(several)] = one
        attr = self._journal.names.number(iri)
        for dataset, several in by_dataset.items():
            number = DEFAULT if dataset == DEFAULT_DATASET else self._journal.names.number(dataset)
            self._replace((key, attr, number), several, now)

    def _replace(
        self, place: tuple[int, int, int], several: dict[tuple[int, int], Instance], now: int
    ) -> None:
        observed = [at for at, apart in several if not apart]
        there: dict[int, tuple[int, int]] = {}
        if observed:
            rows: Any = self._connection.execute(_OBSERVED, (*place, min(observed), max(observed)))
            there = {at: (id, created) for at, id, created in rows}
        stamps = {"createdAt": now, "modifiedAt": now}
        for (at, apart), one in several.items():
            meant = {**stamps, **one}
            known = None if apart else there.get(at)
            if known:
                self._remove_row((*place, at, known[0]))
                meant["createdAt"] = known[1]
                id = known[0]
            else:
                self._last += 1
                id = self._last
            self._rows.append(row(place, id, meant, now, self._shapes))

    def _remove_row(self, place: tuple[int, int, int, int, int]) -> None:
        self._connection.execute(
            "DELETE FROM instance WHERE history = ? AND attr = ? AND dataset = ? AND at = ? AND id = ?", place
        )

    def _add_types(self, key: int, types: Sequence[str]) -> None:
        number = self._journal.names.number
        self._connection.executemany(
            "INSERT OR IGNORE INTO history_type VALUES (?, ?)", [(number(iri), key) for iri in types]
        )

    def delete(self, id: str) -> None:
        """Remove a history. (5.6.16)"""
        self._write_rows()
        self._drop(self._existing(id))

    def _drop(self, key: int) -> None:
        for sql in (
            "DELETE FROM instance WHERE history = ?",
            "DELETE FROM life WHERE history = ?",
            "DELETE FROM history_type WHERE history = ?",
            "DELETE FROM history WHERE key = ?",
        ):
            self._connection.execute(sql, (key,))
        self._known.discard(key)

    def delete_attribute(self, id: str, iri: str, dataset_id: str | None) -> None:
        """Remove the instances of an attribute, of one dataset or all. (5.6.13)"""
        self._write_rows()
        key = self._existing(id)
        where, bindings = "history = ? AND attr = ?", [key, self._attribute(key, iri)]
        if dataset_id is not None:
            where += " AND dataset = ?"
            bindings.append(self._dataset(dataset_id))
        self._connection.execute(f"DELETE FROM instance WHERE {where}", bindings)  # noqa: S608  # own text
        if not self._connection.changes():
            raise ResourceNotFound("The history has no instance of this attribute with this datasetId")

    def change_instance(self, id: str, iri: str, instance_id: str, rule: InstanceRule, now: int) -> None:
        """Replace one instance by what the rule makes of it. (5.6.14)"""
        found = self._instance(id, iri, instance_id)
        dataset = self._iri(found[2])
        current = instance_of(found, dataset, self._origin, self._shapes)
        changed = {**rule(current), "createdAt": current["createdAt"], "modifiedAt": now}
        self._remove_row(found[:5])
        place = (found[0], found[1], self._dataset_for(changed))
        self._rows.append(row(place, found[4], changed, now, self._shapes))
        self._connection.execute("UPDATE history SET modified = ? WHERE key = ?", (now, found[0]))
        self._write_rows()

    def delete_instance(self, id: str, iri: str, instance_id: str) -> None:
        """Remove one instance. (5.6.15)"""
        self._remove_row(self._instance(id, iri, instance_id)[:5])

    def _instance(self, id: str, iri: str, instance_id: str) -> Any:
        self._write_rows()
        key = self._existing(id)
        attr = self._attribute(key, iri)
        number = instance_id.removeprefix(self._origin)
        found = None
        if instance_id.startswith(self._origin) and number.isascii() and number.isdecimal():
            found = self._connection.execute(
                f"SELECT {COLUMNS} FROM instance WHERE history = ? AND attr = ? AND id = ?",  # noqa: S608  # a constant
                (key, attr, min(int(number[:19]), (1 << 63) - 1)),
            ).fetchone()
        if found is None:
            raise ResourceNotFound("The attribute has no instance with this instanceId")
        return found

    def _existing(self, id: str) -> int:
        key = self.key_of(id)
        if key is None:
            raise _no_history()
        return key

    def _attribute(self, key: int, iri: str) -> int:
        attr = self._journal.names.find(iri)
        has = "SELECT EXISTS (SELECT 1 FROM instance WHERE history = ? AND attr = ?)"
        if attr is None or not self._connection.execute(has, (key, attr)).get:
            raise ResourceNotFound("The history of this entity has no such attribute")
        return attr

    def _dataset(self, dataset_id: str) -> int:
        if dataset_id == DEFAULT_DATASET:
            return DEFAULT
        return self._journal.names.find(dataset_id) or -1

    def _dataset_for(self, held: Instance) -> int:
        return self._journal.names.number(held["datasetId"]) if "datasetId" in held else DEFAULT

    def _iri(self, number: int) -> str | None:
        found: Any = self._connection.execute("SELECT iri FROM name WHERE id = ?", (number,)).get
        return None if found is None else str(found)


def _changed(was: Sequence[Instance], held: Sequence[Instance], now: int) -> Iterator[Instance]:
    """Give the instances that are not the very same as before, and a deletion for each dataset that went."""
    if was:
        kept = {id(one) for one in was}
        yield from (one for one in held if id(one) not in kept)
        datasets = {dataset_of(one) for one in held}
        yield from (deletion(one, now) for one in was if dataset_of(one) not in datasets)
    else:
        yield from held


def _no_history() -> ResourceNotFound:
    return ResourceNotFound("There is no Temporal Evolution of an entity with this id in this tenant")
