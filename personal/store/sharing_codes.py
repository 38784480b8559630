"""Sharing codes: what residents let a service see once. Only keyed hashes of the codes are kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from base.database import Connection
from personal.store import people
from personal.store.town import one, value


@dataclass(frozen=True, slots=True)
class SharingCode:
    """A code of a resident for some items; `service`: who may use it, None any; times in µs."""

    hash: bytes = field(repr=False)
    person: str
    service: str | None
    items: Sequence[str]
    made: int
    until: int


def add(connection: Connection, code: SharingCode) -> None:
    """Keep a new code, and forget those that were over for a day."""
    connection.execute("DELETE FROM sharing_code WHERE until <= ?", (code.made - 86_400_000_000,))
    connection.execute(
        "INSERT INTO sharing_code VALUES (?, ?, ?, ?, ?, ?, NULL)",
        (code.hash, code.person, code.service, " ".join(code.items), code.made, code.until),
    )


def count(connection: Connection, person: str, now: int) -> int:
    """Count the codes of a resident and their doubles that can be used."""
    sql = "SELECT count(*) FROM sharing_code WHERE person = ? AND used IS NULL AND until > ?"
    return sum(int(value(connection, sql, id, now)) for id in people.family(connection, person))


def spend(connection: Connection, hash: bytes, service: str, now: int) -> SharingCode | None:
    """Use a code up; None if this service cannot use it, for whatever reason."""
    row = one(
        connection,
        "UPDATE sharing_code SET used = ?1 WHERE hash = ?2 AND used IS NULL AND until > ?1"
        " AND (service IS NULL OR service = ?3) RETURNING hash, person, service, items, made, until",
        now,
        hash,
        service,
    )
    if row is None:
        return None
    found, person, only, items, made, until = row
    return SharingCode(found, person, only, items.split(), made, until)


def withdraw(connection: Connection, person: str, now: int) -> None:
    """Let no code of a resident and their doubles be used any more."""
    for id in people.family(connection, person):
        connection.execute("UPDATE sharing_code SET used = ? WHERE person = ? AND used IS NULL", (now, id))


def guesses(connection: Connection, service: str, since: int) -> int:
    """Count the codes that a service tried in vain since a moment; forget older ones."""
    connection.execute("DELETE FROM code_guess WHERE at < ?", (since,))
    return int(value(connection, "SELECT count(*) FROM code_guess WHERE service = ?", service))


def note_guess(connection: Connection, service: str, now: int) -> None:
    """Note that a service tried a code in vain."""
    connection.execute("INSERT INTO code_guess VALUES (?, ?)", (service, now))
