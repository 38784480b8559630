"""What residents are found by: keyed hashes of municipal ids, cards and subjects of logins.

Identifiers of protected persons are guarded: who is not cleared neither meets them nor is hindered by them.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from base.database import Connection
from personal.rules.residents import IdentifierKind
from personal.store.town import one, rows, value


class Why(StrEnum):
    """Why an identifier ended."""

    ENDED = "ended"
    RENEWED = "renewed"
    DEATH = "death"
    DOUBLE = "double"  # it stands for the person that a double was merged into


@dataclass(frozen=True, slots=True)
class Identifier:
    """One identifier of a resident, without what it says; times in µs.

    used: when somebody logged in with it last; until, medium: as Means has them. None or empty: it is not known.
    """

    number: int
    kind: IdentifierKind
    added: int
    ended: int | None
    used: int | None = None
    until: int | None = None
    medium: str = ""


@dataclass(frozen=True, slots=True)
class Means:
    """With what somebody logs in: until when it is good (µs), on what it is or at which provider, as far as known."""

    kind: IdentifierKind
    hash: bytes = field(repr=False)
    until: int | None = None
    medium: str = ""


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


def guarded(connection: Connection, kind: IdentifierKind, hash: bytes) -> bool:
    """Say whether an identifier that stands for somebody is one of a protected person."""
    sql = "SELECT max(guarded) FROM identifier WHERE kind = ? AND hash = ? AND ended IS NULL"
    return bool(value(connection, sql, kind, hash))


def was_known(connection: Connection, kind: IdentifierKind, hash: bytes) -> bool:
    """Say whether an identifier stood for somebody and ended, as of a card that was lost."""
    sql = "SELECT 1 FROM identifier WHERE kind = ? AND hash = ? AND ended IS NOT NULL LIMIT 1"
    return one(connection, sql, kind, hash) is not None


def was_known_of_others(connection: Connection, kind: IdentifierKind, hash: bytes) -> bool:
    """Say whether an identifier that ended stood for somebody who is not protected."""
    sql = "SELECT 1 FROM identifier WHERE kind = ? AND hash = ? AND ended IS NOT NULL AND guarded = 0 LIMIT 1"
    return one(connection, sql, kind, hash) is not None


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
    sql = (
        "SELECT number, kind, added, ended, used, until, coalesce(medium, '') FROM identifier"
        " WHERE person = ? ORDER BY number"
    )
    return [
        Identifier(number, IdentifierKind(kind), *more)
        for number, kind, *more in rows(connection, sql, person)
    ]


def use(connection: Connection, means: Means, now: int) -> int:
    """Note that somebody logged in with an identifier, and what is known of it now; give its number, 0 if none."""
    sql = "SELECT number FROM identifier WHERE kind = ? AND hash = ? AND ended IS NULL ORDER BY guarded DESC LIMIT 1"
    number: int | None = value(connection, sql, means.kind, means.hash)
    connection.execute(
        "UPDATE identifier SET used = ?, until = coalesce(?, until), medium = coalesce(nullif(?, ''), medium)"
        " WHERE number = ?",
        (now, means.until, means.medium, number),
    )
    return number or 0


def newest(connection: Connection) -> int:
    """Give the number of the newest identifier, 0 if there is none."""
    return int(value(connection, "SELECT coalesce(max(number), 0) FROM identifier"))


def end(connection: Connection, person: str, number: int, now: int) -> bool:
    """End one identifier of a resident; False if there is none such."""
    connection.execute(
        "UPDATE identifier SET ended = ?, why = ? WHERE number = ? AND person = ? AND ended IS NULL",
        (now, Why.ENDED, number, person),
    )
    return connection.changes() == 1


def renew(connection: Connection, kind: IdentifierKind, hash: bytes, person: str, now: int) -> bool:
    """End an identifier of a resident by what it says, as another takes its place; False if it is not theirs."""
    connection.execute(
        "UPDATE identifier SET ended = ?, why = ? WHERE kind = ? AND hash = ? AND person = ? AND ended IS NULL",
        (now, Why.RENEWED, kind, hash, person),
    )
    return connection.changes() == 1


def end_dead(connection: Connection, person: str, now: int) -> None:
    """End the cards and logins of a resident who died; the municipality still finds them by its own number."""
    connection.execute(
        "UPDATE identifier SET ended = ?, why = ? WHERE person = ? AND ended IS NULL AND kind <> ?",
        (now, Why.DEATH, person, IdentifierKind.MUNICIPAL),
    )


def end_shared(connection: Connection, person: str, other: str, now: int) -> None:
    """End those identifiers of a resident that stand for another one, too."""
    connection.execute(
        """
UPDATE identifier SET ended = ?, why = ? WHERE person = ? AND ended IS NULL AND EXISTS (
  SELECT 1 FROM identifier AS same WHERE same.person = ? AND same.ended IS NULL
  AND same.kind = identifier.kind AND same.hash = identifier.hash)""",
        (now, Why.DOUBLE, person, other),
    )


def reopen(connection: Connection, person: str, why: Why, since: int) -> None:
    """Let identifiers that ended for a reason stand for a resident again, unless they stand for another by now."""
    connection.execute(
        """
UPDATE identifier SET ended = NULL, why = NULL WHERE person = ? AND why = ? AND ended >= ? AND NOT EXISTS (
  SELECT 1 FROM identifier AS taken WHERE taken.ended IS NULL AND taken.guarded = identifier.guarded
  AND taken.kind = identifier.kind AND taken.hash = identifier.hash)""",
        (person, why, since),
    )


def hand_over(connection: Connection, person: str, other: str, after: int) -> None:
    """Give the identifiers that a resident got after one of them to another resident."""
    connection.execute(
        "UPDATE identifier SET person = ? WHERE person = ? AND number > ?", (other, person, after)
    )


def guard(connection: Connection, person: str, guarded: bool) -> bool:
    """Guard the identifiers of a resident, or let go of it; False if one was given to somebody else meanwhile."""
    taken = value(
        connection,
        """
SELECT count(*) FROM identifier AS own JOIN identifier AS same USING (kind, hash)
WHERE own.person = ? AND own.ended IS NULL AND own.guarded <> ? AND same.ended IS NULL AND same.guarded = ?""",
        person,
        int(guarded),
        int(guarded),
    )
    if taken:
        return False
    connection.execute("UPDATE identifier SET guarded = ? WHERE person = ?", (int(guarded), person))
    return True
