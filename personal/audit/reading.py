"""Reading the log: entries, proofs, and what the log tells about one person. (RFC 9162 2.1)"""

from dataclasses import dataclass
from typing import Any

import orjson

from base import merkle
from base.database import Connection
from base.errors import BadRequestData, ResourceNotFound
from personal.audit import log
from personal.store import people
from personal.store.town import one, rows


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry where it stands."""

    position: int
    at: int
    body: bytes

    def facts(self) -> dict[str, Any]:
        """Read the entry."""
        facts: dict[str, Any] = orjson.loads(self.body)
        return facts


def entry(connection: Connection, position: int) -> Kept:
    """Give an entry; ResourceNotFound if the log is shorter."""
    row = one(connection, "SELECT position, at, entry FROM leaf WHERE position = ?", position)
    if row is None:
        raise ResourceNotFound("The log has no such entry.")
    return Kept(*row)


def entries(connection: Connection, start: int, most: int) -> list[Kept]:
    """Give entries from a position on."""
    found = rows(
        connection,
        "SELECT position, at, entry FROM leaf WHERE position >= ? ORDER BY position LIMIT ?",
        start,
        most,
    )
    return [Kept(*row) for row in found]


def written(
    connection: Connection, since: int, until: int, after: tuple[int, int] | None, most: int
) -> list[Kept]:
    """Give entries of a span of time in the order of time, those after a moment and position; not that of the log
    where the clock was set back."""
    found = rows(
        connection,
        "SELECT position, at, entry FROM leaf WHERE (at, position) > (?, ?) AND at <= ? ORDER BY at, position LIMIT ?",
        *(after or (since, -1)),
        until,
        most,
    )
    return [Kept(*row) for row in found]


def whose(connection: Connection, position: int, role: str) -> str | None:
    """Say who has a role in an entry; None if nobody has, or if that was erased."""
    row = one(connection, "SELECT person FROM opening WHERE position = ? AND name = ?", position, role)
    return None if row is None else row[0]


def about(connection: Connection, person: str, role: str, before: int, most: int) -> list[Kept]:
    """Give the newest entries in which a person or a double of theirs has a role, those before a position."""
    found = rows(
        connection,
        "SELECT l.position, l.at, l.entry FROM opening o JOIN leaf l USING (position) "
        "WHERE o.person IN (SELECT value FROM json_each(?)) AND o.name = ? AND o.position < ? "
        "ORDER BY o.position DESC LIMIT ?",
        _family(connection, person),
        role,
        before,
        most,
    )
    return [Kept(*row) for row in found]


def opening(connection: Connection, position: int, role: str, person: str) -> tuple[str, bytes] | None:
    """Give what opens a commitment: to whom of a person and their doubles it is, and its salt.

    None if it is about another one, or erased.
    """
    row = one(
        connection,
        "SELECT person, salt FROM opening WHERE position = ? AND name = ? "
        "AND person IN (SELECT value FROM json_each(?))",
        position,
        role,
        _family(connection, person),
    )
    return None if row is None else (row[0], row[1])


def _family(connection: Connection, person: str) -> str:
    return orjson.dumps(people.family(connection, person)).decode()


def forget(connection: Connection, person: str) -> int:
    """Delete what opens a person's commitments: the log stays whole and tells nobody any more whom it is about."""
    before = connection.total_changes()
    connection.execute("DELETE FROM opening WHERE person = ?", (person,))
    return connection.total_changes() - before


def inclusion(connection: Connection, position: int, size: int) -> list[str]:
    """Prove that an entry is in the log of a size."""
    _within(connection, size)
    if not 0 <= position < size:
        raise BadRequestData("position must be below size.")
    return [step.hex() for step in merkle.inclusion(position, size, log.nodes(connection))]


def consistency(connection: Connection, old: int, new: int) -> list[str]:
    """Prove that the log of a size begins with the log of an older size."""
    _within(connection, new)
    if not 0 < old <= new:
        raise BadRequestData("first must be from 1 to second.")
    return [step.hex() for step in merkle.consistency(old, new, log.nodes(connection))]


def _within(connection: Connection, size: int) -> None:
    if not 0 < size <= log.size(connection):
        raise BadRequestData("The log is not as long as that.")
