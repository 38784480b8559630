"""Taking a tenant out of its file and putting one back. (broker/store/transfer.py)"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from base.database import Connection, Writer, connect
from base.errors import AlreadyExists, Problem
from broker.model.document import Document, Instance
from broker.store.sqlite import records
from broker.store.sqlite.entities import Changes
from broker.store.sqlite.history_recording import Recorder, origin
from broker.store.sqlite.history_restoring import Restorer
from broker.store.sqlite.history_rows import COLUMNS, Shapes
from broker.store.sqlite.history_rows import instance as instance_of
from broker.store.transfer import Held, Instances, Item, Life, Past, Place, Record, Restored, Subscription

ALONE: Final = 1 << 16  # more than a group of the writer weighs
VIEW_CACHE_KIB: Final = 2_048
_KEYS: Final = (
    "SELECT key FROM entity WHERE key > ? UNION SELECT key FROM history WHERE key > ? ORDER BY key LIMIT ?"
)
_INSTANCES: Final = (
    f"SELECT {COLUMNS} FROM instance WHERE history = ? AND (attr, dataset, at, id) > (?, ?, ?, ?) "  # noqa: S608  # a constant
    "ORDER BY attr, dataset, at, id LIMIT ?"
)


class SqliteView:
    """One moment of a tenant, read through a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path, readonly=True, cache_kib=VIEW_CACHE_KIB)
        self._connection.execute("BEGIN")
        self.origin = origin(self._connection)  # the first read fixes the moment
        self._shapes = Shapes(self._connection)
        self._iris: dict[int, str] = {}

    def held(self, after: int, limit: int) -> list[Held]:
        """Give the next entities and histories after a key."""
        keys: Any = self._connection.execute(_KEYS, (after, after, limit))
        return [Held(key, self._document(key), self._past(key)) for (key,) in keys]

    def _document(self, key: int) -> Document | None:
        body: Any = self._connection.execute("SELECT doc FROM entity WHERE key = ?", (key,)).get
        return None if body is None else orjson.loads(body)

    def _past(self, key: int) -> Past | None:
        return past(self._connection, key)

    def instances(self, key: int, after: Place, limit: int) -> tuple[list[tuple[str, Instance]], Place]:
        """Give the next instances of a history after a place, and the place reached."""
        found: list[Any] = list(self._connection.execute(_INSTANCES, (key, *after, limit)))
        several = [
            (
                self._iri(row[1]),
                instance_of(row, self._iri(row[2]) if row[2] else None, self.origin, self._shapes),
            )
            for row in found
        ]
        return several, (tuple(found[-1][1:5]) if found else after)

    def _iri(self, number: int) -> str:
        iri = self._iris.get(number)
        if iri is None:
            found: Any = self._connection.execute("SELECT iri FROM name WHERE id = ?", (number,)).get
            iri = self._iris[number] = str(found)
        return iri

    def subscriptions(self) -> list[dict[str, Any]]:
        """Give all subscriptions as they are kept."""
        return records.subscriptions(self._connection)

    def records(self, kinds: Sequence[str]) -> list[Record]:
        """Give the records of some kinds."""
        rows: Any = self._connection.execute("SELECT kind, id, body, expires FROM record ORDER BY place")
        return [
            Record(kind, id, orjson.loads(body), expires) for kind, id, body, expires in rows if kind in kinds
        ]

    def close(self) -> None:
        """End the view."""
        self._connection.close()


def past(connection: Connection, key: int) -> Past | None:
    """Read a history without its instances."""
    row: Any = connection.execute(
        "SELECT id, created, modified, deleted FROM history WHERE key = ?", (key,)
    ).fetchone()
    if row is None:
        return None
    types: Any = connection.execute(
        "SELECT n.iri FROM history_type t JOIN name n ON n.id = t.type WHERE t.history = ? ORDER BY t.type",
        (key,),
    )
    lives: Any = connection.execute(
        "SELECT until, created, types FROM life WHERE history = ? ORDER BY until", (key,)
    )
    id, created, modified, deleted = row
    return Past(
        id,
        tuple(iri for (iri,) in types),
        created,
        modified,
        deleted,
        tuple(
            Life(until, born, tuple(orjson.loads(names)) if names else None) for until, born, names in lives
        ),
    )


class SqliteTransfer:
    """Takes the tenant of one file out, puts things back into it."""

    def __init__(
        self,
        path: Path,
        connection: Connection,
        writer: Writer,
        parts: tuple[Changes, Recorder],
        after: Callable[[tuple[object, list[Any]]], None],
    ) -> None:
        self._path = path
        self._connection = connection
        self._writer = writer
        self._changes, self._recorder = parts
        self._restorer = Restorer(connection, self._recorder)
        self._after = after

    async def view(self) -> SqliteView:
        """Give a view of this moment; it must be closed."""
        views: list[SqliteView] = []
        # alone in its transaction, which settles the histories, and before the next one begins
        await self._writer.run(
            self._recorder.settle, weight=ALONE, after=lambda _: views.append(SqliteView(self._path))
        )
        return views[0]

    async def adopt(self, origin: str) -> bool:
        """Let instanceIds begin so from now on; False if this tenant has instances with others."""
        return await self._writer.run(lambda: self._restorer.adopt(origin))

    async def restore(self, items: Sequence[Item], *, replace: bool, write: bool) -> list[Restored]:
        """Put items back in one transaction, or (write=False) only say what would become of each."""

        def work() -> tuple[list[Restored], list[Any]]:
            return [self._restore(item, replace, write) for item in items], []

        done, _ = await self._writer.run(work, weight=len(items), after=self._after)
        return done

    def _restore(self, item: Item, replace: bool, write: bool) -> Restored:
        try:
            match item:
                case Past():
                    return self._restore_past(item, replace, write)
                case Instances():
                    return self._restorer.restore(item.id, item.several, write=write)
                case Record():
                    return self._restore_record(item, replace, write)
                case Subscription():
                    return self._restore_subscription(item, replace, write)
            return self._changes.restore(item, replace=replace, write=write)
        except Problem as problem:
            return problem

    def _restore_past(self, item: Past, replace: bool, write: bool) -> bool:
        key = self._recorder.key_of(item.id)
        there = None if key is None else past(self._connection, key)
        if there is not None and _same(there, item):
            return False
        if there is not None and not replace:
            raise _differs(f"The history of {item.id}")
        if write:
            self._restorer.restore_past(item)
        return True

    def _restore_record(self, item: Record, replace: bool, write: bool) -> bool:
        there = records.find(self._connection, item.kind, item.id)
        if there == item.body:
            return False
        if there is not None and not replace:
            raise _differs(f"The {item.kind} {item.id}")
        if write:
            put = records.add if there is None else records.replace
            put(self._connection, item.kind, item.id, item.body, item.expires)
        return True

    def _restore_subscription(self, item: Subscription, replace: bool, write: bool) -> bool:
        found: Any = self._connection.execute("SELECT body FROM subscription WHERE id = ?", (item.key,)).get
        there = None if found is None else orjson.loads(found)
        if there == item.body:
            return False
        if there is not None and not replace:
            raise _differs(f"The subscription {item.body['id']}")
        if write:
            put = records.add_subscription if there is None else records.replace_subscription
            put(self._connection, item.key, item.body)
        return True


def _same(there: Past, given: Past) -> bool:
    return (there.created, there.modified, there.deleted, there.lives) == (
        given.created,
        given.modified,
        given.deleted,
        given.lives,
    ) and set(there.types) >= set(given.types)


def _differs(what: str) -> AlreadyExists:
    return AlreadyExists(f"{what} is there already and differs; --replace takes that of the file.")
