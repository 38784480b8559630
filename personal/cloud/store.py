"""What a vault keeps: sealed copies by client and random name. A copy never changes; a name is used once."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson

from base.clock import SECOND
from base.database import Connection, Writer, connect, migrate, snapshot
from base.errors import ENGAWA_ERRORS, AlreadyExists, Conflict, Problem, ResourceNotFound

T = TypeVar("T")
FILE: Final = "vault.db"
DAY: Final = 86_400 * SECOND
STEPS: Final = (
    """
CREATE TABLE client (
  id TEXT PRIMARY KEY, key TEXT NOT NULL, added INTEGER NOT NULL, bytes INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
-- without sealed: the copy was removed; its name is not given again while a request for it may still come
CREATE TABLE copy (
  number INTEGER PRIMARY KEY, client TEXT NOT NULL REFERENCES client, name TEXT NOT NULL, sealed BLOB,
  at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX copy_name ON copy (client, name);
CREATE INDEX copy_removed ON copy (at) WHERE sealed IS NULL;
""",
)


class VaultFull(Problem):
    """The client keeps as much as it may. (RFC 4918 11.5)"""

    status = 507
    title = "Vault full"
    namespace = ENGAWA_ERRORS


@dataclass(frozen=True, slots=True)
class Client:
    """A client: the key that proves its requests, and how much it keeps."""

    id: str
    key: dict[str, Any]
    added: int
    bytes: int


class VaultStore:
    """The database of a vault. What returns is on disk."""

    def __init__(self, folder: Path) -> None:
        self._write = connect(folder / FILE)
        self._write.pragma("secure_delete", True)
        migrate(self._write, STEPS)
        self._read = connect(folder / FILE, readonly=True)
        self._writer = Writer(self._write)

    async def put(self, client: str, name: str, sealed: bytes, most: int, now: int) -> bool:
        """Keep a copy; False if exactly this one is there already, Conflict if the name is or was another's."""
        return await self._do(lambda db: _put(db, client, name, sealed, most, now))

    def get(self, client: str, name: str) -> bytes | None:
        """Find a copy."""
        with snapshot(self._read):
            found: bytes | None = self._read.execute(
                "SELECT sealed FROM copy WHERE client = ? AND name = ?", (client, name)
            ).get
            return found

    async def remove(self, client: str, name: str, now: int) -> None:
        """Remove a copy; its name stays taken for a day."""
        await self._do(lambda db: _remove(db, client, name, now))

    def client(self, id: str) -> Client | None:
        """Find a client."""
        return next(iter(self._clients("WHERE id = ?", id)), None)

    def clients(self) -> list[Client]:
        """List the clients."""
        return self._clients("ORDER BY id")

    async def add_client(self, id: str, key: dict[str, Any], now: int) -> None:
        """Add a client."""

        def work(db: Connection) -> None:
            if db.execute("SELECT 1 FROM client WHERE id = ?", (id,)).get:
                raise AlreadyExists(f"There is a client {id} already.")
            told = orjson.dumps(key).decode()
            db.execute("INSERT INTO client (id, key, added) VALUES (?, ?, ?)", (id, told, now))

        await self._do(work)

    async def change_key(self, id: str, key: dict[str, Any]) -> None:
        """Give a client another key; the one before proves nothing any more."""

        def work(db: Connection) -> None:
            db.execute("UPDATE client SET key = ? WHERE id = ?", (orjson.dumps(key).decode(), id))
            if not db.changes():
                raise ResourceNotFound(f"There is no client {id}.")

        await self._do(work)

    async def remove_client(self, id: str, *, with_copies: bool) -> int:
        """Remove a client, and what it keeps if that is wanted; gives how many copies went."""

        def work(db: Connection) -> int:
            kept = int(
                db.execute("SELECT count(*) FROM copy WHERE client = ? AND sealed IS NOT NULL", (id,)).get
            )
            if kept and not with_copies:
                raise Conflict(f"The client {id} keeps {kept} copies here; they would be lost.")
            db.execute("DELETE FROM copy WHERE client = ?", (id,))
            db.execute("DELETE FROM client WHERE id = ?", (id,))
            if not db.changes():
                raise ResourceNotFound(f"There is no client {id}.")
            return kept

        return await self._do(work)

    def ping(self) -> None:
        """Say by not failing that the database answers."""
        self._read.execute("SELECT 1 FROM client LIMIT 1").fetchall()

    async def close(self) -> None:
        """Finish what waits and close."""
        await self._writer.close()
        self._read.close()
        self._write.close()

    def _clients(self, which: str, *bindings: str) -> list[Client]:
        found = self._read.execute(f"SELECT id, key, added, bytes FROM client {which}", bindings)  # noqa: S608  # constants
        return [Client(id, orjson.loads(key), added, kept) for id, key, added, kept in list(found)]

    async def _do(self, work: Callable[[Connection], T]) -> T:
        return await self._writer.run(lambda: work(self._write))


def _put(db: Connection, client: str, name: str, sealed: bytes, most: int, now: int) -> bool:
    row = next(iter(list(db.execute(
        "SELECT sealed FROM copy WHERE client = ? AND name = ?", (client, name)))), None)  # fmt: skip
    if row is not None:
        if row[0] != sealed:
            raise Conflict("Under this name another copy is or was kept; a name is used once.")
        return False
    kept = int(db.execute("SELECT bytes FROM client WHERE id = ?", (client,)).get)
    if kept + len(sealed) > most:
        raise VaultFull("The vault keeps as much for this client as it may; remove copies or ask for more.")
    db.execute("INSERT INTO copy (client, name, sealed, at) VALUES (?, ?, ?, ?)", (client, name, sealed, now))
    db.execute("UPDATE client SET bytes = bytes + ? WHERE id = ?", (len(sealed), client))
    return True


def _remove(db: Connection, client: str, name: str, now: int) -> None:
    db.execute("DELETE FROM copy WHERE sealed IS NULL AND at < ?", (now - DAY,))
    db.execute(
        "UPDATE client SET bytes = bytes - coalesce("
        "(SELECT length(sealed) FROM copy WHERE client = ?1 AND name = ?2), 0) WHERE id = ?1",
        (client, name),
    )
    db.execute(
        "INSERT INTO copy (client, name, sealed, at) VALUES (?, ?, NULL, ?) "
        "ON CONFLICT (client, name) DO UPDATE SET sealed = NULL, at = excluded.at",
        (client, name, now),
    )
