"""Copies that no record points to, and records that have to move: what is still to be done, durably."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import orjson

from base.clock import SECOND
from base.database import Connection
from personal.store.records import Record
from personal.store.town import rows
from personal.vault.shredded import Successor

_COLUMNS: Final = "name, person, item, version, location, key, kind, shred, successor, due, tries"


class Why(StrEnum):
    """Why no record points to a copy."""

    NOTED = "noted"  # it is about to be written; a record will point to it, or it goes
    REPLACED = "replaced"  # there is a younger version
    ERASED = "erased"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Leftover:
    """A copy to be removed when it is due; `shred`: with its key; `successor`: where its record went."""

    name: str
    person: str
    item: str
    version: int
    location: str
    key: str
    why: Why
    due: int
    shred: bool = False
    successor: Successor | None = None
    tries: int = 0


def of(
    record: Record, why: Why, due: int, *, shred: bool = False, successor: Successor | None = None
) -> Leftover:
    """Make a leftover of the copy that a record pointed to."""
    return Leftover(
        record.name, record.person, record.item, record.version, record.location, record.key, why, due,
        shred, successor,
    )  # fmt: skip


def went(record: Record) -> Successor:
    """Say where a record went."""
    return Successor(record.location, record.name, record.key, record.version)


def pause(tries: int) -> int:
    """Say how long to wait before the next try (µs)."""
    return min(30 << min(tries, 10), 3_600) * SECOND


def add(connection: Connection, leftovers: Iterable[Leftover]) -> None:
    """Write leftovers down."""
    connection.executemany(
        f"INSERT INTO leftover ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  # constant
        [
            (
                one.name, one.person, one.item, one.version, one.location, one.key, one.why, int(one.shred),
                None if one.successor is None else orjson.dumps(one.successor), one.due, one.tries,
            )
            for one in leftovers
        ],
    )  # fmt: skip


def adopt(connection: Connection, name: str) -> bool:
    """Take a noted copy off the list because a record points to it now; False if its removal has begun."""
    connection.execute("DELETE FROM leftover WHERE name = ? AND kind = 'noted' AND claimed = 0", (name,))
    return connection.changes() == 1


def claim(connection: Connection, now: int, most: int, names: Iterable[str] | None = None) -> list[Leftover]:
    """Begin the removal of what is due, or of named copies: from now on no record can point to them."""
    if names is None:
        found = rows(
            connection,
            f"SELECT {_COLUMNS} FROM leftover WHERE due <= ? ORDER BY due LIMIT ?",  # noqa: S608  # constant
            now,
            most,
        )
    else:
        found = [
            row
            for name in names
            for row in rows(connection, f"SELECT {_COLUMNS} FROM leftover WHERE name = ?", name)  # noqa: S608  # constant
        ]
    connection.executemany("UPDATE leftover SET claimed = 1 WHERE name = ?", [(row[0],) for row in found])
    return [_read(*row) for row in found]


def drop(connection: Connection, names: Iterable[str]) -> None:
    """Take copies off the list that are removed."""
    connection.executemany("DELETE FROM leftover WHERE name = ?", [(name,) for name in names])


def put_off(connection: Connection, name: str, due: int) -> None:
    """Try again later."""
    connection.execute("UPDATE leftover SET due = ?, tries = tries + 1 WHERE name = ?", (due, name))


def wake(connection: Connection) -> None:
    """Make everything due whose time does not depend on the clock: nothing is under way when a process starts."""
    connection.execute("UPDATE leftover SET due = 0 WHERE kind <> 'replaced'")
    connection.execute("UPDATE move SET due = 0")


@dataclass(frozen=True, slots=True)
class Move:
    """A record that has to move."""

    person: str
    item: str
    target: str
    tries: int = 0


def order_move(connection: Connection, person: str, item: str, target: str, now: int) -> None:
    """Have a record of a person move; the last order counts."""
    connection.execute(
        "INSERT OR REPLACE INTO move VALUES (?, ?, ?, ?, ?, 0)", (person, item, target, now, now)
    )


def order_all(connection: Connection, item: str, now: int) -> int:
    """Have every record of an item move that does not live where it is to live; say how many there are."""
    before = connection.total_changes()
    connection.execute(
        """
INSERT OR REPLACE INTO move
SELECT person, item, target, ?2, ?2, 0 FROM (
  SELECT record.person, record.item, record.location,
    CASE WHEN own.location IS NOT NULL AND instr(' ' || city.offered || ' ', ' ' || own.location || ' ')
      THEN own.location ELSE coalesce(city.location, 'local') END AS target
  FROM record LEFT JOIN item_location AS city ON city.item = record.item
  LEFT JOIN own_location AS own ON own.person = record.person AND own.item = record.item
  WHERE record.item = ?1)
WHERE target <> location""",
        (item, now),
    )
    return connection.total_changes() - before


def due_moves(connection: Connection, now: int, most: int) -> list[Move]:
    """List moves to be made now."""
    found = rows(
        connection,
        "SELECT person, item, target, tries FROM move WHERE due <= ? ORDER BY due, since LIMIT ?",
        now,
        most,
    )
    return [Move(*row) for row in found]


def end_moves(connection: Connection, moves: Iterable[Move]) -> None:
    """Take moves off the list, unless another target was ordered meanwhile."""
    connection.executemany(
        "DELETE FROM move WHERE person = ? AND item = ? AND target = ?",
        [(move.person, move.item, move.target) for move in moves],
    )


def put_off_move(connection: Connection, move: Move, due: int) -> None:
    """Try a move again later."""
    connection.execute(
        "UPDATE move SET due = ?, tries = tries + 1 WHERE person = ? AND item = ?",
        (due, move.person, move.item),
    )


def forget(connection: Connection, persons: Iterable[str]) -> None:
    """Have all keys of people destroyed."""
    connection.executemany("INSERT OR IGNORE INTO forgotten VALUES (?)", [(person,) for person in persons])


def forgotten(connection: Connection) -> list[str]:
    """List whose keys have to be destroyed."""
    return [person for (person,) in rows(connection, "SELECT person FROM forgotten")]


def end_forgetting(connection: Connection, persons: Iterable[str]) -> None:
    """Take people off the list whose keys are destroyed."""
    connection.executemany("DELETE FROM forgotten WHERE person = ?", [(person,) for person in persons])


def waiting(connection: Connection) -> dict[str, int]:
    """Count what is still to be done."""
    found = rows(
        connection,
        "SELECT kind, count(*) FROM leftover GROUP BY kind UNION ALL SELECT 'moves', count(*) FROM move "
        "UNION ALL SELECT 'forgotten', count(*) FROM forgotten",
    )
    return {what: count for what, count in found if count}


def _read(*row: object) -> Leftover:
    name, person, item, version, location, key, kind, shred, successor, due, tries = row
    went = None if successor is None else Successor(**orjson.loads(successor))  # type: ignore[arg-type]  # a BLOB
    return Leftover(name, person, item, version, location, key, Why(kind), due, bool(shred), went, tries)  # type: ignore[arg-type]  # columns are typed by STRICT
