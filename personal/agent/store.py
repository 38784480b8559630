"""What the agent keeps: records under its own keys, what officials entered, which orders it has seen, alarms."""

import itertools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson

from base.clock import SECOND
from base.database import Connection, Writer, connect, migrate, snapshot
from personal.rules.release import Purpose, Service
from personal.store.schema import AUDIT
from personal.store.town import one, rows, value

T = TypeVar("T")
FILE: Final = "agent.db"
HOUR: Final = 3_600
_DAY: Final = 86_400 * SECOND
STEPS: Final = (
    AUDIT
    + """
-- a record: whose box, which item; digest: of the envelope it came in; without sealed: it was removed
CREATE TABLE copy (
  name TEXT PRIMARY KEY, box TEXT NOT NULL, item TEXT NOT NULL, version INTEGER NOT NULL, key TEXT NOT NULL,
  digest TEXT NOT NULL, sealed BLOB, at INTEGER NOT NULL
) STRICT;
CREATE INDEX copy_box ON copy (box);
-- keys that have to be destroyed, because what they sealed was removed
CREATE TABLE doomed (key TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
-- orders that were taken, and the answer until the outside has it; digest: of the claims
CREATE TABLE taken (
  id TEXT PRIMARY KEY, digest TEXT NOT NULL, answer TEXT, at INTEGER NOT NULL, until INTEGER NOT NULL
) STRICT;
CREATE TABLE nonce (nonce TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
-- what was done in the last hour, for the limits (s)
CREATE TABLE done (what TEXT NOT NULL, count INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE INDEX done_what ON done (what, at);
CREATE TABLE withdrawn (
  decision TEXT NOT NULL, item TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (decision, item)
) STRICT, WITHOUT ROWID;
CREATE TABLE alarm (
  id TEXT PRIMARY KEY, why TEXT NOT NULL, task TEXT NOT NULL, at INTEGER NOT NULL, told INTEGER
) STRICT;
CREATE INDEX alarm_untold ON alarm (at) WHERE told IS NULL;
-- entered inside, by officials
CREATE TABLE official (
  id TEXT PRIMARY KEY, key TEXT NOT NULL, added INTEGER NOT NULL, ended INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE wish (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL, by TEXT NOT NULL, at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE outside (key TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE TABLE service (id TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE anchor (id TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE limits (what TEXT PRIMARY KEY, most INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE holder (box TEXT NOT NULL, holder TEXT NOT NULL, PRIMARY KEY (box, holder)) STRICT, WITHOUT ROWID;
-- bundles of orders that were carried in and answers that were carried out, each once
CREATE TABLE bundle (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
""",
)


class AgentStore:
    """The database of an agent. What returns is on disk."""

    def __init__(self, folder: Path) -> None:
        self._write = connect(folder / FILE)
        self._write.pragma("secure_delete", True)
        migrate(self._write, STEPS)
        self._read = connect(folder / FILE, readonly=True)
        self._writer = Writer(self._write)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Do work in a transaction; its result is on disk when it returns. Raise inside to undo it."""
        return await self._writer.run(lambda: work(self._write))

    def read(self, work: Callable[[Connection], T]) -> T:
        """Do work on one state of the database."""
        with snapshot(self._read):
            return work(self._read)

    async def close(self) -> None:
        """Finish what waits and close."""
        await self._writer.close()
        self._read.close()
        self._write.close()


# -- records


def keep(db: Connection, name: str, box: str, item: str, row: tuple[int, str, str, bytes], now: int) -> None:
    """Keep a record: its version, key, the digest of its envelope, and itself sealed."""
    db.execute("INSERT INTO copy VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (name, box, item, *row, now))


def copy(db: Connection, name: str) -> tuple[str, str, int, str, str, bytes | None] | None:
    """Find a record: box, item, version, key, digest, sealed; without sealed it was removed."""
    found = one(db, "SELECT box, item, version, key, digest, sealed FROM copy WHERE name = ?", name)
    return None if found is None else (found[0], found[1], found[2], found[3], found[4], found[5])


def held(db: Connection, box: str) -> dict[str, str]:
    """Name the records of a box with their items."""
    return dict(rows(db, "SELECT name, item FROM copy WHERE box = ? AND sealed IS NOT NULL", box))


def remove(db: Connection, box: str, names: list[str]) -> None:
    """Remove records of a box; their names are not given again, and their keys have to be destroyed."""
    for name in names:
        db.execute(
            "INSERT OR IGNORE INTO doomed SELECT key FROM copy WHERE name = ? AND box = ?", (name, box)
        )
        db.execute("UPDATE copy SET sealed = NULL WHERE name = ? AND box = ?", (name, box))


def doomed(db: Connection) -> list[str]:
    """Name the keys that have to be destroyed."""
    return [key for (key,) in rows(db, "SELECT key FROM doomed")]


def destroyed(db: Connection, keys: list[str]) -> None:
    """Note that keys are destroyed."""
    db.executemany("DELETE FROM doomed WHERE key = ?", [(key,) for key in keys])


# -- orders


def taken(db: Connection, id: str) -> tuple[str, str | None] | None:
    """Find an order that was taken: the digest of what it said, and its answer while the outside has it not."""
    found = one(db, "SELECT digest, answer FROM taken WHERE id = ?", id)
    return None if found is None else (found[0], found[1])


def take(db: Connection, id: str, digest: str, answer: str, now: int, until: int) -> None:
    """Note that an order was taken, and its answer; `until`: how long it could be presented again (µs)."""
    db.execute("INSERT INTO taken VALUES (?, ?, ?, ?, ?)", (id, digest, answer, now, until))


def spend(db: Connection, nonce: str, now: int, until: int) -> bool:
    """Note that a nonce was used; False if it was before."""
    db.execute("DELETE FROM nonce WHERE until < ?", (now,))
    db.execute("INSERT OR IGNORE INTO nonce VALUES (?, ?)", (nonce, until))
    return bool(db.changes())


def unanswered(db: Connection, most: int) -> list[tuple[str, str]]:
    """List answers that the outside has not yet: of which order, and what."""
    found = rows(db, "SELECT id, answer FROM taken WHERE answer IS NOT NULL ORDER BY at, id LIMIT ?", most)
    return [(id, answer) for id, answer in found]


def acknowledge(db: Connection, ids: list[str]) -> None:
    """Note that the outside has the answers of orders."""
    db.executemany("UPDATE taken SET answer = NULL WHERE id = ?", [(id,) for id in ids])


def forget(db: Connection, now: int) -> None:
    """Forget orders that are over: presented again they are refused as expired."""
    db.execute("DELETE FROM taken WHERE answer IS NULL AND until < ?", (now - _DAY,))


# -- limits


def done(db: Connection, whats: list[str], now: int) -> dict[str, int]:
    """Count what was done in the last hour (s)."""
    sql = "SELECT coalesce(sum(count), 0) FROM done WHERE what = ? AND at > ?"
    return {what: int(value(db, sql, what, now - HOUR)) for what in whats}


def count(db: Connection, counted: dict[str, int], now: int) -> None:
    """Note what was done (s)."""
    db.execute("DELETE FROM done WHERE at <= ?", (now - HOUR,))
    db.executemany("INSERT INTO done VALUES (?, ?, ?)", [(what, n, now) for what, n in counted.items()])


def limits(db: Connection) -> dict[str, int]:
    """Give the limits that officials set."""
    return dict(rows(db, "SELECT what, most FROM limits"))


# -- consent


def withdraw(db: Connection, decisions: Iterable[str], items: Iterable[str], now: int) -> None:
    """Note that decisions were withdrawn for items."""
    pairs = [(decision, item, now) for decision, item in itertools.product(decisions, items)]
    db.executemany("INSERT OR IGNORE INTO withdrawn VALUES (?, ?, ?)", pairs)


def is_withdrawn(db: Connection, decision: str, item: str) -> bool:
    """Say whether a decision was withdrawn for an item."""
    return value(db, "SELECT 1 FROM withdrawn WHERE decision = ? AND item = ?", decision, item) is not None


def holders(db: Connection, box: str) -> frozenset[str]:
    """Name the credentials that were enrolled for a box."""
    return frozenset(name for (name,) in rows(db, "SELECT holder FROM holder WHERE box = ?", box))


def unenroll(db: Connection, box: str) -> None:
    """End the enrolment of all credentials for a box."""
    db.execute("DELETE FROM holder WHERE box = ?", (box,))


# -- alarms


def alarm(db: Connection, id: str, why: str, task: str, now: int) -> None:
    """Note an alarm."""
    db.execute("INSERT INTO alarm VALUES (?, ?, ?, ?, NULL)", (id, why, task, now))


def alarms(db: Connection, most: int = 200) -> list[tuple[str, str, str, int]]:
    """List alarms, the newest first: id, why, task, moment."""
    found = rows(db, "SELECT id, why, task, at FROM alarm ORDER BY at DESC LIMIT ?", most)
    return [(id, why, task, at) for id, why, task, at in found]


def untold(db: Connection, most: int = 50) -> list[tuple[str, str, str, int]]:
    """List alarms of which the outside has not been told."""
    sql = "SELECT id, why, task, at FROM alarm WHERE told IS NULL ORDER BY at LIMIT ?"
    return [(id, why, task, at) for id, why, task, at in rows(db, sql, most)]


def alarms_since(db: Connection, moment: int) -> int:
    """Count the alarms since a moment."""
    return int(value(db, "SELECT count(*) FROM alarm WHERE at > ?", moment))


def told(db: Connection, ids: list[str], now: int) -> None:
    """Note that the outside was told of alarms."""
    db.executemany("UPDATE alarm SET told = ? WHERE id = ?", [(now, id) for id in ids])


# -- bundles


def bundle_used(db: Connection, id: str) -> bool:
    """Say whether a bundle was taken in."""
    return value(db, "SELECT 1 FROM bundle WHERE id = ?", id) is not None


def use_bundle(db: Connection, id: str, now: int) -> None:
    """Note that a bundle was taken in."""
    db.execute("INSERT OR IGNORE INTO bundle VALUES (?, ?)", (id, now))


# -- what officials entered


def outside(db: Connection) -> dict[str, Any] | None:
    """Give the pinned key under which the outside signs its orders."""
    found = value(db, "SELECT key FROM outside ORDER BY at DESC LIMIT 1")
    return None if found is None else dict(orjson.loads(found))


def service(db: Connection, id: str) -> Service | None:
    """Find a service that was approved inside."""
    found = value(db, "SELECT document FROM service WHERE id = ?", id)
    return None if found is None else service_of(orjson.loads(found))


def service_of(document: dict[str, Any]) -> Service:
    """Read the document of a service."""
    purposes = {
        row["id"]: Purpose(row["basis"], frozenset(row["items"]), row.get("until"))
        for row in document["purposes"]
    }
    return Service(document["service"], document["recipient"], document["least"], purposes)


def services(db: Connection) -> list[dict[str, Any]]:
    """Give the documents of all services that were approved inside."""
    return [orjson.loads(found) for (found,) in rows(db, "SELECT document FROM service ORDER BY id")]


def anchors(db: Connection) -> list[dict[str, Any]]:
    """Give the documents of all authorities and providers that are trusted inside."""
    return [orjson.loads(found) for (found,) in rows(db, "SELECT document FROM anchor ORDER BY id")]
