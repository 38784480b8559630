"""What /temporal adds to histories, changes in them and removes, in the writer's transaction. (5.6.11 to 5.6.16)"""

from collections.abc import Sequence
from typing import Any, Final

from base.database import Connection
from base.errors import ResourceNotFound
from broker.model.document import DEFAULT_DATASET, Instance, dataset_of
from broker.store.evolution import InstanceRule, Instances, no_history
from broker.store.sqlite.history_recording import DEFAULT, Recorder
from broker.store.sqlite.history_rows import COLUMNS, UNOBSERVED, moment
from broker.store.sqlite.history_rows import instance as instance_of
from broker.store.sqlite.names import Names

_OBSERVED: Final = (
    "SELECT at, id, coalesce(created, modified) FROM instance "  # noqa: S608  # a constant
    f"WHERE history = ? AND attr = ? AND dataset = ? AND at BETWEEN ? AND ? AND form < {UNOBSERVED} LIMIT ?"
)

PART: Final = 10_000
_SOME: Final = "SELECT 1 FROM instance WHERE history = ? LIMIT ?"
_PART: Final = (
    "DELETE FROM instance WHERE (history, attr, dataset, at, id) IN "
    "(SELECT history, attr, dataset, at, id FROM instance WHERE history = ? LIMIT ?)"
)


class Editor:
    """Edits histories directly; what waits in the log is settled before."""

    def __init__(self, connection: Connection, names: Names, recorder: Recorder) -> None:
        self._connection = connection
        self._names = names
        self._recorder = recorder

    def add(self, id: str, types: Sequence[str], instances: Instances, now: int, new: bool) -> bool:
        """Add instances and types to a history, made where it is absent; say whether it was made. (5.6.11, 5.6.12)"""
        self._recorder.settle()
        key = self._recorder.key_of(id)
        made = key is None
        if key is None:
            if not new:
                raise no_history()
            found: Any = self._connection.execute("SELECT key FROM entity WHERE id = ?", (id,)).get
            key = int(found or self._recorder.next_key())
            self._recorder.ensure(key, id, now)
        else:
            self._connection.execute("UPDATE history SET modified = ? WHERE key = ?", (now, key))
        self._recorder.add_types(key, types)
        for iri, held in instances.items():
            self._add_instances(key, iri, held, now)
        self._recorder.write_rows()
        return made

    def _add_instances(self, key: int, iri: str, held: Sequence[Instance], now: int) -> None:
        """Add instances of one attribute; one with the datasetId and observedAt of another takes its place."""
        by_dataset: dict[str, dict[tuple[int, int], Instance]] = {}
        for one in held:
            at, form = moment(one, now)
            several = by_dataset.setdefault(dataset_of(one), {})
            several[at, 0 if form < UNOBSERVED else 1 + len(several)] = one
        attr = self._names.number(iri)
        for dataset, several in by_dataset.items():
            number = DEFAULT if dataset == DEFAULT_DATASET else self._names.number(dataset)
            self._replace((key, attr, number), several, now)

    def _replace(
        self, place: tuple[int, int, int], several: dict[tuple[int, int], Instance], now: int
    ) -> None:
        there = self._observed(place, [at for at, apart in several if not apart])
        stamps = {"createdAt": now, "modifiedAt": now}
        for (at, apart), one in several.items():
            meant = {**stamps, **one}
            known = None if apart else there.get(at)
            if known:
                self._remove_row((*place, at, known[0]))
                meant["createdAt"] = known[1]
                id = known[0]
            else:
                id = self._recorder.next_id()
            self._recorder.put(place, id, meant, now)

    def _observed(self, place: tuple[int, int, int], times: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Give number and createdAt of the instances that were observed at these times."""
        if not times:
            return {}
        enough = 2 * len(times) + 100
        rows: list[Any] = list(self._connection.execute(_OBSERVED, (*place, min(times), max(times), enough)))
        if len(rows) == enough:  # many more lie between: look for each alone
            rows = [
                row for at in times for row in self._connection.execute(_OBSERVED, (*place, at, at, enough))
            ]
        return {at: (id, created) for at, id, created in rows}

    def _remove_row(self, place: tuple[int, int, int, int, int]) -> None:
        self._connection.execute(
            "DELETE FROM instance WHERE history = ? AND attr = ? AND dataset = ? AND at = ? AND id = ?", place
        )

    def shorten(self, id: str) -> bool:
        """Remove a part of a long history that is to be deleted; say whether it is still long."""
        self._recorder.settle()
        key = self._existing(id)
        if len(self._connection.execute(_SOME, (key, PART)).fetchall()) < PART:
            return False
        self._connection.execute(_PART, (key, PART))
        return True

    def delete(self, id: str) -> None:
        """Remove a history. (5.6.16)"""
        self._recorder.settle()
        self._recorder.drop(self._existing(id))

    def delete_attribute(self, id: str, iri: str, dataset_id: str | None) -> None:
        """Remove the instances of an attribute, of one dataset or all. (5.6.13)"""
        self._recorder.settle()
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
        current = instance_of(found, dataset, self._recorder.origin, self._recorder.shapes)
        changed = {**rule(current), "createdAt": current["createdAt"], "modifiedAt": now}
        self._remove_row(found[:5])
        place = (found[0], found[1], self._dataset_for(changed))
        self._recorder.put(place, found[4], changed, now)
        self._connection.execute("UPDATE history SET modified = ? WHERE key = ?", (now, found[0]))
        self._recorder.write_rows()

    def delete_instance(self, id: str, iri: str, instance_id: str) -> None:
        """Remove one instance. (5.6.15)"""
        self._remove_row(self._instance(id, iri, instance_id)[:5])

    def _instance(self, id: str, iri: str, instance_id: str) -> Any:
        self._recorder.settle()
        key = self._existing(id)
        attr = self._attribute(key, iri)
        number = instance_id.removeprefix(self._recorder.origin)
        found = None
        if instance_id.startswith(self._recorder.origin) and number.isascii() and number.isdecimal():
            found = self._connection.execute(
                f"SELECT {COLUMNS} FROM instance WHERE history = ? AND attr = ? AND id = ?",  # noqa: S608  # a constant
                (key, attr, min(int(number[:19]), (1 << 63) - 1)),
            ).fetchone()
        if found is None:
            raise ResourceNotFound("The attribute has no instance with this instanceId")
        return found

    def _existing(self, id: str) -> int:
        key = self._recorder.key_of(id)
        if key is None:
            raise no_history()
        return key

    def _attribute(self, key: int, iri: str) -> int:
        attr = self._names.find(iri)
        has = "SELECT EXISTS (SELECT 1 FROM instance WHERE history = ? AND attr = ?)"
        if attr is None or not self._connection.execute(has, (key, attr)).get:
            raise ResourceNotFound("The history of this entity has no such attribute")
        return attr

    def _dataset(self, dataset_id: str) -> int:
        if dataset_id == DEFAULT_DATASET:
            return DEFAULT
        return self._names.find(dataset_id) or -1

    def _dataset_for(self, held: Instance) -> int:
        return self._names.number(held["datasetId"]) if "datasetId" in held else DEFAULT

    def _iri(self, number: int) -> str | None:
        found: Any = self._connection.execute("SELECT iri FROM name WHERE id = ?", (number,)).get
        return None if found is None else str(found)
