"""The database of one municipality: one writer that commits in groups, one connection for reading."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from base.database import Connection, Writer, connect, empty_log, migrate, snapshot
from personal.store import schema

T = TypeVar("T")
FILE: Final = "personal.db"


class TownStore:
    """What a municipality keeps, except keys. Work is a function of a connection; it may run more than once."""

    def __init__(self, folder: Path) -> None:
        """Open the database of a folder, made or brought up to date if need be."""
        self.path = folder / FILE
        self._write = connect(self.path)
        self._write.pragma("secure_delete", True)
        migrate(self._write, schema.STEPS)
        self._read = connect(self.path, readonly=True)
        self._writer = Writer(self._write)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Do work in a transaction; its result is on disk when it returns. Raise inside to undo it."""
        return await self._writer.run(lambda: work(self._write))

    def read(self, work: Callable[[Connection], T]) -> T:
        """Do work on one state of the database; short work only, it runs on the event loop."""
        with snapshot(self._read):
            return work(self._read)

    async def empty_log(self) -> None:
        """See to it that what was deleted stands nowhere in the files any more; ServiceUnavailable if it still may."""
        await asyncio.to_thread(empty_log, self.path)

    def ping(self) -> None:
        """Say by not failing that the database answers."""
        self._read.execute("SELECT 1 FROM person LIMIT 1").fetchall()

    async def close(self) -> None:
        """Finish what waits and close."""
        await self._writer.close()
        self._read.close()
        self._write.close()


def faults(folder: Path) -> list[str]:
    """Compare the database of a folder with itself; one sentence per fault, none if it is not made yet."""
    file = folder / FILE
    if not file.exists():
        return []
    connection = connect(file, readonly=True)
    try:
        return [text for (text,) in connection.execute("PRAGMA quick_check(10)") if text != "ok"]
    finally:
        connection.close()


def one(connection: Connection, sql: str, *bindings: Any) -> tuple[Any, ...] | None:
    """Give the first row of a query, or None."""
    row: tuple[Any, ...] | None = next(iter(connection.execute(sql, bindings)), None)
    return row


def rows(connection: Connection, sql: str, *bindings: Any) -> list[tuple[Any, ...]]:
    """Give all rows of a query."""
    return list(connection.execute(sql, bindings))


def value(connection: Connection, sql: str, *bindings: Any) -> Any:
    """Give the first column of the first row, or None."""
    return connection.execute(sql, bindings).get
