"""The list of shredded keys: kept apart from the keys, so that no old back-up brings one back. (DESIGN 3)

It tells random identifiers only. Opening a database that is older than the list replays what it missed.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import orjson

from base.database import Connection, connect, migrate, transaction

FILE: Final = "shredded.db"
STEPS: Final = (
    """
CREATE TABLE shredded (
  position INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL CHECK (kind IN ('key', 'person')),
  id TEXT NOT NULL, successor BLOB, at INTEGER NOT NULL, UNIQUE (kind, id)
) STRICT;
""",
)


class Kind(StrEnum):
    """What was destroyed: a key, or all there is about a person."""

    KEY = "key"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Successor:
    """Where a record went whose key was shredded because it moved: its location, name, key and version there."""

    location: str
    name: str
    key: str
    version: int


@dataclass(frozen=True, slots=True)
class Shredded:
    """An entry of the list; `at` in µs."""

    kind: Kind
    id: str
    at: int
    successor: Successor | None = None


class ShredList:
    """The list of one municipality. What it took is on disk."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._connection = connect(self.path)
        self._lock = threading.Lock()  # writers of two databases ask it, each in its thread
        migrate(self._connection, STEPS)

    def add(self, entries: Iterable[Shredded]) -> None:
        """Write entries down; those it has stay as they are."""
        with self._lock, transaction(self._connection):
            insert(self._connection, entries)

    def since(self, position: int) -> tuple[int, list[Shredded]]:
        """Give the entries after a position, and the position of the last one."""
        with self._lock:
            rows = list(
                self._connection.execute(
                    "SELECT position, kind, id, at, successor FROM shredded WHERE position > ? ORDER BY position",
                    (position,),
                )
            )
        return (rows[-1][0] if rows else position), [_entry(*row[1:]) for row in rows]

    def __contains__(self, key: str) -> bool:
        with self._lock:
            found = self._connection.execute(
                "SELECT 1 FROM shredded WHERE kind = 'key' AND id = ?", (key,)
            ).get
        return found is not None

    def close(self) -> None:
        """Close it."""
        self._connection.close()


def insert(connection: Connection, entries: Iterable[Shredded]) -> None:
    """Write entries into a list within a transaction."""
    connection.executemany(
        "INSERT OR IGNORE INTO shredded (kind, id, successor, at) VALUES (?, ?, ?, ?)",
        [(entry.kind, entry.id, _dumped(entry.successor), entry.at) for entry in entries],
    )


def read(path: Path) -> Sequence[Shredded]:
    """Read the whole list of a file."""
    connection = connect(path, readonly=True)
    try:
        rows = list(connection.execute("SELECT kind, id, at, successor FROM shredded ORDER BY position"))
    finally:
        connection.close()
    return [_entry(*row) for row in rows]


def _entry(kind: str, id: str, at: int, successor: bytes | None) -> Shredded:
    return Shredded(Kind(kind), id, at, None if successor is None else Successor(**orjson.loads(successor)))


def _dumped(successor: Successor | None) -> bytes | None:
    return None if successor is None else orjson.dumps(successor)
