"""What the agent keeps: records under its own keys, what officials entered, which orders it has seen, alarms."""

import itertools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson

from base.clock import SECOND
from base.database import Connection, Writer, connect, migrate, snapshot
from personal.agent.schema import STEPS
from personal.rules import limits
from personal.rules.release import Device, Purpose, Service
from personal.store.town import one, rows, value
from personal.vault import requests

T = TypeVar("T")
FILE: Final = "agent.db"
_DAY: Final = 86_400 * SECOND
FORMER: Final = 35 * _DAY
"""How long a key holds that another one has followed: longer than any order lives."""


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


def contents(db: Connection, box: str) -> list[tuple[str, str, int, int]]:
    """List the records of a box: name, item, version, since when."""
    sql = (
        "SELECT name, item, version, at FROM copy WHERE box = ? AND sealed IS NOT NULL ORDER BY item, version"
    )
    return [(name, item, version, at) for name, item, version, at in rows(db, sql, box)]


def boxes(db: Connection, holder: str) -> list[str]:
    """Name the boxes for which a credential, or whom decisions are about, was enrolled."""
    return [box for (box,) in rows(db, "SELECT box FROM holder WHERE holder = ? ORDER BY box", holder)]


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


def waiting_answers(db: Connection, most: int) -> list[tuple[str, int]]:
    """List orders whose answers the outside has not yet, the oldest first, and when they were taken."""
    sql = "SELECT id, at FROM taken WHERE answer IS NOT NULL ORDER BY at, id LIMIT ?"
    return [(id, at) for id, at in rows(db, sql, most)]


def acknowledge(db: Connection, ids: list[str]) -> None:
    """Note that the outside has the answers of orders."""
    db.executemany("UPDATE taken SET answer = NULL WHERE id = ?", [(id,) for id in ids])


def forget(db: Connection, now: int) -> None:
    """Forget orders that are over: presented again they are refused as expired."""
    db.execute("DELETE FROM taken WHERE answer IS NULL AND until < ?", (now - _DAY,))


# -- limits


def done(db: Connection, what: str, now: int) -> int:
    """Count what was done in the time of a limit (s)."""
    sql = "SELECT coalesce(sum(count), 0) FROM done WHERE what = ? AND at > ?"
    return int(value(db, sql, what, now - limits.span(what)))


def count(db: Connection, counted: dict[str, int], now: int) -> None:
    """Note what was done (s)."""
    db.execute(
        "DELETE FROM done WHERE at <= ? AND (what <> 'day' OR at <= ?)", (now - limits.HOUR, now - limits.DAY)
    )
    db.executemany("INSERT INTO done VALUES (?, ?, ?)", [(what, n, now) for what, n in counted.items()])


def own_limits(db: Connection) -> dict[str, int]:
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


def see(db: Connection, mark: str, now: int) -> None:
    """Note that evidence was seen, and held."""
    db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (mark, now))


def seen(db: Connection, mark: str) -> int | None:
    """Say when evidence was first seen here."""
    found: int | None = value(db, "SELECT at FROM seen WHERE mark = ?", mark)
    return found


def devices(db: Connection) -> dict[str, Device]:
    """Give the devices of officials, also those that ended, by name."""
    return {
        name: Device(staff, ended) for name, staff, ended in rows(db, "SELECT name, staff, ended FROM device")
    }


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


def outside(db: Connection, now: int) -> list[dict[str, Any]]:
    """Give the pinned keys under which the outside signs: the newest, and former ones while that is new."""
    found = rows(db, "SELECT key, at FROM outside WHERE ended IS NULL ORDER BY at DESC")
    return [
        _named(orjson.loads(key))
        for place, (key, _) in enumerate(found)
        if not place or found[place - 1][1] > now - FORMER
    ]


def _named(key: dict[str, Any]) -> dict[str, Any]:
    return {**key, "kid": requests.thumbprint(key)}


def adopted(db: Connection) -> dict[str, int]:
    """Say since when the outside addresses which of the agent's own keys."""
    return dict(rows(db, "SELECT kid, at FROM adopted"))


def restored(db: Connection) -> int:
    """Say when the store was last restored (s); 0 if it never was."""
    return int(value(db, "SELECT coalesce(max(at), 0) FROM restored"))


def untold_since(db: Connection) -> int | None:
    """Say when the store was restored (s) if the outside has not told again what ended; else None."""
    found: int | None = value(db, "SELECT max(at) FROM restored WHERE told IS NULL")
    return found


def told_again(db: Connection, made: int, now: int) -> None:
    """Note that the outside has told again what ended, by an order of a moment (s)."""
    db.execute("UPDATE restored SET told = ? WHERE told IS NULL AND at <= ?", (now, made))


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
