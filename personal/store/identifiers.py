"""What residents are found by: keyed hashes of municipal ids, cards and subjects of logins.

Identifiers of protected persons are guarded: who is not cleared neither meets them nor is hindered by them.
"""

from dataclasses import dataclass

from base.database import Connection
from personal.rules.residents import IdentifierKind
from personal.store.town import one, rows


@dataclass(frozen=True, slots=True)
class Identifier:
    """One identifier of a resident, without what it says; times in µs."""

    number: int
    kind: IdentifierKind
    added: int
    ended: int | None


def holder(connection: Connection, kind: IdentifierKind, hash: bytes, *, cleared: bool) -> str | None:
    """Find whom an identifier stands for now; a protected person goes first, for who is cleared."""
    row = one(
        connection,
        "SELECT person FROM identifier WHERE kind = ? AND hash = ? AND ended IS NULL AND guarded <= ?"
        " ORDER BY guarded DESC",
        kind,
        hash,
        int(cleared),
    )
    return None if row is None else row[0]


def link(
    connection: Connection, kind: IdentifierKind, hash: bytes, person: str, guarded: bool, now: int
) -> None:
    """Let an identifier stand for a resident from now on."""
    connection.execute(
        "INSERT INTO identifier (kind, hash, guarded, person, added) VALUES (?, ?, ?, ?, ?)",
        (kind, hash, int(guarded), person, now),
    )


def listed(connection: Connection, person: str) -> list[Identifier]:
    """List the identifiers of a resident, ended ones too."""
    sql = "SELECT number, kind, added, ended FROM identifier WHERE person = ? ORDER BY number"
    return [
        Identifier(number, IdentifierKind(kind), added, ended)
        for number, kind, added, ended in rows(connection, sql, person)
    ]


def end(connection: Connection, person: str, number: int, now: int) -> bool:
    """End one identifier of a resident; False if there is none such."""
    connection.execute(
        "UPDATE identifier SET ended = ? WHERE number = ? AND person = ? AND ended IS NULL",
        (now, number, person),
    )
    return connection.changes() == 1


def end_by_hash(connection: Connection, kind: IdentifierKind, hash: bytes, person: str, now: int) -> bool:
    """End an identifier of a resident by what it says; False if it is not theirs."""
    connection.execute(
        "UPDATE identifier SET ended = ? WHERE kind = ? AND hash = ? AND person = ? AND ended IS NULL",
        (now, kind, hash, person),
    )
    return connection.changes() == 1


def end_all(connection: Connection, person: str, now: int) -> None:
    """End all identifiers of a resident."""
    connection.execute("UPDATE identifier SET ended = ? WHERE person = ? AND ended IS NULL", (now, person))


def guard(connection: Connection, person: str, guarded: bool) -> None:
    """Guard the identifiers of a resident, or let go of it."""
    connection.execute("UPDATE identifier SET guarded = ? WHERE person = ?", (int(guarded), person))
