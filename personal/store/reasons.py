"""Why staff ended a consent: sealed, kept with the entry of the log that tells of it."""

from base.database import Connection
from personal.store import people
from personal.store.town import rows


def keep(connection: Connection, leaf: int, person: str, words: bytes) -> None:
    """Keep a reason."""
    connection.execute("INSERT INTO consent_reason VALUES (?, ?, ?)", (leaf, person, words))


def of(connection: Connection, person: str) -> dict[int, bytes]:
    """Give the reasons that a resident was told, by entries of the log."""
    return {
        leaf: words
        for id in people.family(connection, person)
        for leaf, words in rows(connection, "SELECT leaf, words FROM consent_reason WHERE person = ?", id)
    }


def hand_over(connection: Connection, person: str, other: str, since: int) -> None:
    """Give the reasons told since a moment to another one, with the events that they are about."""
    connection.execute(
        "UPDATE consent_reason SET person = ? WHERE person = ?"
        " AND leaf IN (SELECT position FROM leaf WHERE at >= ?)",
        (other, person, since),
    )
