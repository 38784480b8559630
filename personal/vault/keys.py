"""The key store of a municipality: wrapped keys in a database of their own, with a back-up of its own. (DESIGN 3)"""

from functools import partial
from pathlib import Path
from typing import Final

from base import clock
from base.database import Connection, Writer, connect, migrate
from base.errors import ResourceNotFound
from personal.rules.identifiers import framed
from personal.vault.envelope import new_key
from personal.vault.top import TopKey

FILE: Final = "keys.db"
STEPS: Final = (
    """
CREATE TABLE named (
  name TEXT NOT NULL, version INTEGER NOT NULL, wrapped BLOB NOT NULL, made INTEGER NOT NULL,
  PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE personal (
  person TEXT NOT NULL, location TEXT NOT NULL, wrapped BLOB NOT NULL, made INTEGER NOT NULL,
  PRIMARY KEY (person, location)
) STRICT, WITHOUT ROWID;
""",
)


class KeyStore:
    """Keys by name, for what the module does, and by person and location, for what it keeps."""

    def __init__(self, folder: Path, top: TopKey) -> None:
        self._top = top
        self._write = connect(folder / FILE)
        migrate(self._write, STEPS)
        self._writer = Writer(self._write)
        self._named: dict[str, bytes] = {}

    async def named(self, name: str) -> bytes:
        """Give the newest key of a name, made at the first time."""
        if name not in self._named:
            self._named[name] = await self._writer.run(partial(self._find_named, name))
        return self._named[name]

    async def personal(self, person: str, location: str) -> bytes:
        """Give the key of a person at a location, made at the first time and on disk when it is given."""
        found = self.held(person, location)
        if found is not None:
            return found
        return await self._writer.run(partial(self._make_personal, person, location))

    def held(self, person: str, location: str) -> bytes | None:
        """Give the key of a person at a location; None if there is none (any more)."""
        wrapped = self._write.execute(
            "SELECT wrapped FROM personal WHERE person = ? AND location = ?", (person, location)
        ).get
        return None if wrapped is None else self._top.unwrap(wrapped, _bound(person, location))

    async def shred(self, person: str, location: str) -> None:
        """Destroy a key: what was sealed under it is gone, in every copy."""
        await self._writer.run(partial(_delete, self._write, person, location))

    def must(self, person: str, location: str) -> bytes:
        """Give a key that is needed to open something; ResourceNotFound if it was destroyed."""
        key = self.held(person, location)
        if key is None:
            raise ResourceNotFound("What is asked for was erased.")
        return key

    async def close(self) -> None:
        """Finish what waits and close."""
        await self._writer.close()
        self._write.close()

    def _find_named(self, name: str) -> bytes:
        row = next(
            iter(
                self._write.execute(
                    "SELECT wrapped, version FROM named WHERE name = ? ORDER BY version DESC", (name,)
                )
            ),
            None,
        )
        if row is not None:
            return self._top.unwrap(row[0], _bound(name, str(row[1])))
        key = new_key()
        self._write.execute(
            "INSERT INTO named VALUES (?, 1, ?, ?)",
            (name, self._top.wrap(key, _bound(name, "1")), clock.now()),
        )
        return key

    def _make_personal(self, person: str, location: str) -> bytes:
        found = self.held(person, location)
        if found is not None:
            return found
        key = new_key()
        self._write.execute(
            "INSERT INTO personal VALUES (?, ?, ?, ?)",
            (person, location, self._top.wrap(key, _bound(person, location)), clock.now()),
        )
        return key


def _bound(*names: str) -> bytes:
    return framed("key", *names)


def _delete(connection: Connection, person: str, location: str) -> None:
    connection.execute("DELETE FROM personal WHERE person = ? AND location = ?", (person, location))
