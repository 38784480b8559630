"""Residents by their internal ids: states, doubles that were merged, the terms they are searched by."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from base.database import Connection
from personal.rules.residents import State
from personal.store.town import one, rows, value

_COLUMNS = """id, state, protected, merged_into, created, changed,
  EXISTS (SELECT 1 FROM self_registered WHERE self_registered.person = person.id)"""


@dataclass(frozen=True, slots=True)
class Person:
    """A resident; times in µs. unchecked: they registered themselves, and nobody has looked at who they are."""

    id: str
    state: State
    protected: bool
    merged_into: str | None
    created: int
    changed: int
    unchecked: bool


def add(connection: Connection, id: str, now: int) -> None:
    """Write a new resident."""
    connection.execute("INSERT INTO person VALUES (?, ?, NULL, 0, ?, ?)", (id, State.HERE, now, now))


def leave_unchecked(connection: Connection, id: str, now: int) -> None:
    """Note that a resident registered themselves: how they are read and when they were born is as they typed it."""
    connection.execute("INSERT OR REPLACE INTO self_registered VALUES (?, ?)", (id, now))


def check(connection: Connection, id: str) -> None:
    """Note that staff looked at who a resident is."""
    connection.execute("DELETE FROM self_registered WHERE person = ?", (id,))


def find(connection: Connection, id: str) -> Person | None:
    """Find a resident by id, as a double if they are one."""
    return _person(one(connection, f"SELECT {_COLUMNS} FROM person WHERE id = ?", id))  # noqa: S608  # constant


def current(connection: Connection, id: str) -> Person | None:
    """Find a resident by id; for a double, whom it was merged into."""
    person = find(connection, id)
    while person is not None and person.merged_into is not None:
        person = find(connection, person.merged_into)
    return person


def family(connection: Connection, id: str) -> list[str]:
    """List a resident's id and those of all doubles merged into it."""
    sql = """
WITH RECURSIVE part(id) AS (
  VALUES (?) UNION SELECT person.id FROM person JOIN part ON person.merged_into = part.id)
SELECT id FROM part"""
    return [id for (id,) in rows(connection, sql, id)]


def set_state(
    connection: Connection, id: str, state: State, now: int, merged_into: str | None = None
) -> None:
    """Change the state of a resident."""
    connection.execute(
        "UPDATE person SET state = ?, merged_into = ?, changed = ? WHERE id = ?",
        (state, merged_into, now, id),
    )


def protect(connection: Connection, id: str, protected: bool, now: int) -> None:
    """Set or lift the protection of a resident."""
    connection.execute("UPDATE person SET protected = ?, changed = ? WHERE id = ?", (int(protected), now, id))


def index(connection: Connection, id: str, terms: Iterable[tuple[str, bytes]]) -> None:
    """Replace the terms (field, keyed hash) by which a resident is searched."""
    connection.execute("DELETE FROM blind_index WHERE person = ?", (id,))
    connection.executemany(
        "INSERT INTO blind_index VALUES (?, ?, ?)", [(id, field, hash) for field, hash in terms]
    )


def terms(connection: Connection, id: str) -> list[tuple[str, bytes]]:
    """List the terms (field, keyed hash) by which a resident is searched."""
    return [
        (field, hash)
        for field, hash in rows(
            connection, "SELECT field, hash FROM blind_index WHERE person = ? ORDER BY field, hash", id
        )
    ]


def matching(connection: Connection, field: str, hash: bytes, *, cleared: bool, most: int) -> list[Person]:
    """Find residents by a term, at most so many and one more; protected ones only for who is cleared."""
    found: dict[str, Person] = {}
    for (id,) in connection.execute(
        "SELECT person FROM blind_index WHERE field = ? AND hash = ?", (field, hash)
    ):
        person = current(connection, id)
        if person is not None and (cleared or not person.protected):
            found[person.id] = person
        if len(found) > most:
            break
    return sorted(found.values(), key=lambda person: (person.created, person.id))


def count_search(connection: Connection, staff: str, now: int, window: int) -> int:
    """Note a search of a member of staff; say how many there were within a time (µs)."""
    connection.execute("DELETE FROM search WHERE at <= ?", (now - window,))
    connection.execute("INSERT INTO search VALUES (?, ?)", (staff, now))
    return int(value(connection, "SELECT count(*) FROM search WHERE staff = ?", staff))


def searches(connection: Connection, staff: str, since: int) -> int:
    """Count the searches of a member of staff after a moment."""
    return int(value(connection, "SELECT count(*) FROM search WHERE staff = ? AND at > ?", staff, since))


def _person(row: tuple[Any, ...] | None) -> Person | None:
    if row is None:
        return None
    id, state, protected, merged_into, created, changed, unchecked = row
    return Person(id, State(state), bool(protected), merged_into, created, changed, bool(unchecked))
