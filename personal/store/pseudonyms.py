"""Pseudonyms: by which name each service knows each resident; the pair is stored at its first use. (OIDC Core 8.1)

A double keeps its own names, which stand for whom it was merged into; so parting is exact.
"""

from dataclasses import dataclass, field
from typing import Final

from base.database import Connection
from personal.rules.identifiers import ppid
from personal.store import people
from personal.store.people import Person
from personal.store.town import rows, value

GRACE: Final = 7 * 86_400_000_000
"""How long an old name still stands for a resident (µs), so that a service can take the new one over."""
_FAMILY: Final = """
WITH RECURSIVE part(id) AS (
  VALUES (?) UNION SELECT person.id FROM person JOIN part ON person.merged_into = part.id)
"""
# CROSS keeps SQLite from looking through all names of a service


@dataclass(frozen=True, slots=True)
class Deriving:
    """What new pseudonyms of a municipality are derived from."""

    municipality: str
    key: bytes = field(repr=False)


def resolve(connection: Connection, service: str, name: str, now: int) -> Person | None:
    """Find whom a service means; None for whatever name it was not given, whoever else was."""
    person = value(
        connection,
        "SELECT person FROM pseudonym WHERE service = ? AND ppid = ? AND (ended IS NULL OR ended > ?)",
        service,
        name,
        now,
    )
    return None if person is None else people.current(connection, person)


def living(connection: Connection, service: str, person: str) -> list[str]:
    """List by which names a service knows a resident now: the present one first, then those of their doubles."""
    sql = f"""{_FAMILY} SELECT ppid FROM part CROSS JOIN pseudonym ON pseudonym.person = part.id
WHERE service = ? AND ended IS NULL ORDER BY pseudonym.person <> ?, created, ppid"""  # noqa: S608  # constant
    return [name for (name,) in rows(connection, sql, person, service, person)]


def known(connection: Connection, service: str, person: str) -> str | None:
    """Give the name by which a service knows a resident; None if it was never given one."""
    return next(iter(living(connection, service, person)), None)


def services(connection: Connection, person: str) -> list[str]:
    """List the services that know a resident."""
    sql = f"""{_FAMILY} SELECT DISTINCT service FROM part CROSS JOIN pseudonym ON pseudonym.person = part.id
WHERE ended IS NULL ORDER BY service"""  # noqa: S608  # constant
    return [service for (service,) in rows(connection, sql, person)]


def given(connection: Connection, deriving: Deriving, service: str, person: str, now: int) -> str:
    """Give the name by which a service knows a resident; a new one if it does not yet."""
    return known(connection, service, person) or _add(connection, deriving, service, person, now, None)


def rotate(
    connection: Connection, deriving: Deriving, service: str, person: str, now: int
) -> tuple[list[str], str]:
    """Give a resident a new name at a service; the old ones stand for them some days longer. Both are given."""
    former = living(connection, service, person)
    connection.executemany(
        "UPDATE pseudonym SET ended = ? WHERE service = ? AND ppid = ?",
        [(now + GRACE, service, name) for name in former],
    )
    return former, _add(connection, deriving, service, person, now, next(iter(former), None))


def hand_over(connection: Connection, person: str, double: str, since: int) -> None:
    """Let names that were made for a resident after a moment stand for a double that is parted from them."""
    connection.execute(
        """UPDATE pseudonym SET person = ?1 WHERE person = ?2 AND created >= ?3 AND NOT EXISTS (
  SELECT 1 FROM pseudonym own WHERE own.person = ?1 AND own.service = pseudonym.service AND own.ended IS NULL)""",
        (double, person, since),
    )


def reopen(connection: Connection, person: str, since: int) -> None:
    """Let the names that a resident had at a moment be present ones again where they have no other."""
    connection.execute(
        """UPDATE pseudonym SET ended = NULL WHERE person = ?1 AND ended >= ?2 AND created < ?3 AND NOT EXISTS (
  SELECT 1 FROM pseudonym own WHERE own.person = ?1 AND own.service = pseudonym.service AND own.ended IS NULL)""",
        (person, since + GRACE, since),
    )


def _add(
    connection: Connection, deriving: Deriving, service: str, person: str, now: int, previous: str | None
) -> str:
    generation = 1
    while True:
        name = ppid(deriving.key, deriving.municipality, service, person, generation)
        sql = "SELECT 1 FROM pseudonym WHERE service = ? AND ppid = ?"
        if value(connection, sql, service, name) is None:
            break
        generation += 1
    connection.execute(
        "INSERT INTO pseudonym VALUES (?, ?, ?, ?, ?, NULL, ?)",
        (service, name, person, generation, now, previous),
    )
    return name
