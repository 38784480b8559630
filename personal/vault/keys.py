"""The key store of a municipality: wrapped keys in a database of their own, with a back-up of its own. (DESIGN 3)

Each item of a person has a key at each location: who moves or erases one item destroys one key. Destroying is
written into the list of shredded keys first, then the key is overwritten in the file.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from base import clock
from base.database import Connection, Writer, connect, empty_log, migrate, transaction
from base.errors import ResourceNotFound
from base.settings import SettingError
from personal.rules.identifiers import framed, fresh
from personal.vault.envelope import Unreadable, new_key
from personal.vault.shredded import Kind, Shredded, ShredList
from personal.vault.top import TopKey

FILE: Final = "keys.db"
STEPS: Final = (
    """
CREATE TABLE named (
  name TEXT NOT NULL, version INTEGER NOT NULL, wrapped BLOB NOT NULL, top TEXT NOT NULL, made INTEGER NOT NULL,
  PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE personal (
  id TEXT PRIMARY KEY, person TEXT NOT NULL, location TEXT NOT NULL, item TEXT NOT NULL, generation INTEGER NOT NULL,
  wrapped BLOB NOT NULL, top TEXT NOT NULL, made INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX personal_place ON personal (person, location, item, generation);
CREATE INDEX personal_top ON personal (top);
-- up to where the list of shredded keys was followed; before when a key is old and is renewed at the next write
CREATE TABLE mark (name TEXT PRIMARY KEY CHECK (name IN ('replayed', 'renewed')), value INTEGER NOT NULL) STRICT;
INSERT INTO mark VALUES ('replayed', 0), ('renewed', 0);
""",
)
REWRAPPED_AT_ONCE: Final = 500
WHOLE: Final = ""
"""Stands for the item of a key that is for a person as a whole."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a person's item at a location."""

    id: str
    secret: bytes = field(repr=False)


Slot = tuple[str, str, str]
"""Whose, where, which item."""


class KeyStore:
    """Keys by name, for what the module does, and by person, location and item, for what it keeps."""

    def __init__(self, folder: Path, top: TopKey) -> None:
        """Open the store of a folder; SettingError if the top key is not the one that wrapped its keys."""
        self.path = folder / FILE
        self._top = top
        self._write = connect(self.path)
        self._write.pragma("secure_delete", True)
        migrate(self._write, STEPS)
        _check_top(self._write, top)
        self.shredded = ShredList(folder)
        with transaction(self._write):
            replay(self._write, self.shredded)
        self._read = connect(self.path, readonly=True)
        self._writer = Writer(self._write)
        self._named: dict[str, bytes] = {}

    async def named(self, name: str) -> bytes:
        """Give the newest key of a name, made at the first time."""
        if name not in self._named:
            self._named[name] = await self._writer.run(partial(self._find_named, name))
        return self._named[name]

    def versions(self, name: str) -> list[tuple[int, bytes]]:
        """Give every key of a name that there is, the newest first."""
        found = self._read.execute(
            "SELECT version, wrapped, top FROM named WHERE name = ? ORDER BY version DESC", (name,)
        )
        return [
            (version, self._top.unwrap(wrapped, _bound(name, str(version)), top))
            for version, wrapped, top in list(found)
        ]

    def history(self, name: str) -> list[tuple[bytes, int]]:
        """Give every key of a name and when it was made (µs), the newest first."""
        made = dict(self._read.execute("SELECT version, made FROM named WHERE name = ?", (name,)))
        return [(key, made[version]) for version, key in self.versions(name)]

    async def renew(self, name: str) -> int:
        """Make a new version of a named key; the ones before stay readable. Gives its number."""
        key = new_key()
        version = await self._writer.run(partial(self._add_named, name, key))
        self._named[name] = key
        return version

    async def fresh(self, person: str, location: str, item: str) -> Key:
        """Make a new key of a person's item at a location, on disk when it is given."""
        return (await self.fresh_many([(person, location, item)]))[0]

    async def fresh_many(self, slots: Sequence[Slot]) -> list[Key]:
        """Make a new key for each slot, all in one transaction."""
        keys = [Key(fresh("k_"), new_key()) for _ in slots]
        now = clock.now()

        def work() -> None:
            for slot, key in zip(slots, keys, strict=True):
                self._insert(slot, key, now)

        await self._writer.run(work, weight=len(slots))
        return keys

    def opened(self, id: str) -> bytes:
        """Give a key by its identifier; ResourceNotFound if it was destroyed, Unreadable if it is missing."""
        row = next(
            iter(
                self._read.execute(
                    "SELECT person, location, item, generation, wrapped, top FROM personal WHERE id = ?",
                    (id,),
                )
            ),
            None,
        )
        if row is None and id in self.shredded:
            raise ResourceNotFound("What is asked for was erased.")
        if row is None:
            raise Unreadable("A key is missing: restore the key store from its back-up.")
        person, location, item, generation, wrapped, top = row
        return self._top.unwrap(wrapped, _slot_bound(id, (person, location, item), generation), top)

    def old(self, id: str) -> bool:
        """Say whether a key is to be replaced by a new one at the next write."""
        return bool(
            self._read.execute(
                "SELECT made < (SELECT value FROM mark WHERE name = 'renewed') FROM personal WHERE id = ?",
                (id,),
            ).get
        )

    async def renew_personal(self, now: int) -> None:
        """Have every key of a person that was made before this moment replaced at the next write under it."""
        await self._writer.run(
            lambda: self._write.execute(
                "UPDATE mark SET value = max(value, ?) WHERE name = 'renewed'", (now,)
            )
        )

    def of_person(self, person: str) -> list[str]:
        """Name every key of a person."""
        return [id for (id,) in self._read.execute("SELECT id FROM personal WHERE person = ?", (person,))]

    def superseded(self, before: int) -> list[tuple[str, Slot]]:
        """Name the keys that were made before a moment and have a younger one in their place, and that place."""
        found = self._read.execute(
            "SELECT id, person, location, item FROM personal AS old "
            "WHERE made < ? AND EXISTS (SELECT 1 FROM personal AS new "
            "WHERE (new.person, new.location, new.item) = (old.person, old.location, old.item) "
            "AND new.generation > old.generation)",
            (before,),
        )
        return [(id, (person, location, item)) for id, person, location, item in found]

    def upto(self, id: str) -> list[str]:
        """Name a key and the older ones in its place."""
        found = self._read.execute(
            "SELECT old.id FROM personal AS old JOIN personal AS new ON new.id = ? "
            "AND (new.person, new.location, new.item) = (old.person, old.location, old.item) "
            "AND old.generation <= new.generation",
            (id,),
        )
        return [old for (old,) in found]

    async def destroy(self, entries: Iterable[Shredded]) -> None:
        """Destroy keys: what was sealed under them is gone, in every copy. Done on disk when it returns."""
        self.shredded.add(entries)
        await self._writer.run(partial(replay, self._write, self.shredded))
        await asyncio.to_thread(empty_log, self.path)

    async def personal(self, person: str, location: str) -> bytes:
        """Give the key for a person as a whole at a location, made at the first time."""
        found = self.held(person, location)
        return (
            (await self._writer.run(partial(self._make_whole, person, location))) if found is None else found
        )

    def held(self, person: str, location: str) -> bytes | None:
        """Give the key for a person as a whole at a location; None if there is none (any more)."""
        id = _newest(self._read, (person, location, WHOLE))
        return None if id is None else self.opened(id)

    def must(self, person: str, location: str) -> bytes:
        """Give the key for a person as a whole; ResourceNotFound if it was destroyed."""
        key = self.held(person, location)
        if key is None:
            raise ResourceNotFound("What is asked for was erased.")
        return key

    async def forget(self, person: str) -> None:
        """Destroy every key of a person, and keep in mind that all about them is erased."""
        now = clock.now()
        keys = [Shredded(Kind.KEY, id, now) for id in self.of_person(person)]
        await self.destroy([*keys, Shredded(Kind.PERSON, person, now)])

    async def rotate_top(self, reached: Callable[[], None] = lambda: None) -> int:
        """Wrap every key under a new top key, and destroy the old one; goes on where it was ended.

        reached: called after each group of keys that is on disk.
        """
        if not self._top.changing:
            self._top.succeed()
        done = 0
        while count := await self._writer.run(
            partial(_rewrap, self._write, self._top), weight=REWRAPPED_AT_ONCE
        ):
            done += count
            reached()
        await asyncio.to_thread(empty_log, self.path)
        self._top.retire()
        return done

    def counted(self) -> tuple[list[tuple[str, int]], int]:
        """Count the versions of each named key, and the keys of people."""
        named = list(self._read.execute("SELECT name, max(version) FROM named GROUP BY name ORDER BY name"))
        return named, int(self._read.execute("SELECT count(*) FROM personal").get)

    @property
    def top(self) -> str:
        """Name the top key."""
        return self._top.id

    @property
    def top_changing(self) -> bool:
        """Say whether a change of the top key was begun and not ended."""
        return self._top.changing

    async def close(self) -> None:
        """Finish what waits and close."""
        await self._writer.close()
        self._read.close()
        self._write.close()
        self.shredded.close()

    def _find_named(self, name: str) -> bytes:
        found = self._write.execute(
            "SELECT version, wrapped, top FROM named WHERE name = ? ORDER BY version DESC LIMIT 1", (name,)
        )
        row = next(iter(list(found)), None)
        if row is not None:
            return self._top.unwrap(row[1], _bound(name, str(row[0])), row[2])
        key = new_key()
        self._add_named(name, key)
        return key

    def _add_named(self, name: str, key: bytes) -> int:
        version = 1 + int(
            self._write.execute("SELECT coalesce(max(version), 0) FROM named WHERE name = ?", (name,)).get
        )
        self._write.execute(
            "INSERT INTO named VALUES (?, ?, ?, ?, ?)",
            (name, version, self._top.wrap(key, _bound(name, str(version))), self._top.id, clock.now()),
        )
        return version

    def _make_whole(self, person: str, location: str) -> bytes:
        if _newest(self._write, (person, location, WHOLE)) is None:
            self._insert((person, location, WHOLE), Key(fresh("k_"), new_key()), clock.now())
        row = next(iter(list(self._write.execute(
            "SELECT id, generation, wrapped, top FROM personal WHERE person = ? AND location = ? AND item = ? "
            "ORDER BY generation DESC LIMIT 1", (person, location, WHOLE)))))  # fmt: skip
        return self._top.unwrap(row[2], _slot_bound(row[0], (person, location, WHOLE), row[1]), row[3])

    def _insert(self, slot: Slot, key: Key, now: int) -> None:
        generation = 1 + int(
            self._write.execute(
                "SELECT coalesce(max(generation), 0) FROM personal WHERE person = ? AND location = ? AND item = ?",
                slot,
            ).get
        )
        wrapped = self._top.wrap(key.secret, _slot_bound(key.id, slot, generation))
        self._write.execute(
            "INSERT INTO personal VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (key.id, *slot, generation, wrapped, self._top.id, now),
        )


def replay(connection: Connection, shredded: ShredList) -> None:
    """Delete from a store of keys what the list says is shredded, within a transaction."""
    position = int(connection.execute("SELECT value FROM mark WHERE name = 'replayed'").get)
    last, entries = shredded.since(position)
    connection.executemany(
        "DELETE FROM personal WHERE id = ?", [(entry.id,) for entry in entries if entry.kind is Kind.KEY]
    )
    connection.executemany(
        "DELETE FROM personal WHERE person = ?",
        [(entry.id,) for entry in entries if entry.kind is Kind.PERSON],
    )
    connection.execute("UPDATE mark SET value = ? WHERE name = 'replayed'", (last,))


def tops(connection: Connection) -> set[str]:
    """Name the top keys that wrapped what is in a store of keys."""
    return {top for (top,) in connection.execute("SELECT top FROM named UNION SELECT top FROM personal")}


def _check_top(connection: Connection, top: TopKey) -> None:
    strange = tops(connection) - top.known
    if strange:
        raise SettingError(
            f"the top key is not the one that wrapped the keys of this store ({', '.join(sorted(strange))}): "
            "restore that one from its shares or its back-up"
        )


def _newest(connection: Connection, slot: Slot) -> str | None:
    id: str | None = connection.execute(
        "SELECT id FROM personal WHERE person = ? AND location = ? AND item = ? ORDER BY generation DESC LIMIT 1",
        slot,
    ).get
    return id


def _rewrap(connection: Connection, top: TopKey) -> int:
    """Wrap a group of keys under the newest top key; say how many there were."""
    now = top.id
    named = list(connection.execute(
        "SELECT name, version, wrapped, top FROM named WHERE top <> ? LIMIT ?", (now, REWRAPPED_AT_ONCE)))  # fmt: skip
    for name, version, wrapped, old in named:
        bound = _bound(name, str(version))
        connection.execute(
            "UPDATE named SET wrapped = ?, top = ? WHERE name = ? AND version = ?",
            (top.wrap(top.unwrap(wrapped, bound, old), bound), now, name, version),
        )
    personal = list(connection.execute(
        "SELECT id, person, location, item, generation, wrapped, top FROM personal WHERE top <> ? LIMIT ?",
        (now, REWRAPPED_AT_ONCE)))  # fmt: skip
    for id, person, location, item, generation, wrapped, old in personal:
        bound = _slot_bound(id, (person, location, item), generation)
        connection.execute(
            "UPDATE personal SET wrapped = ?, top = ? WHERE id = ?",
            (top.wrap(top.unwrap(wrapped, bound, old), bound), now, id),
        )
    return len(named) + len(personal)


def _bound(name: str, version: str) -> bytes:
    return framed("key", name, version)


def _slot_bound(id: str, slot: Slot, generation: int) -> bytes:
    return framed("key of a person", id, *slot, str(generation))
