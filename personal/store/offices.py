"""Which office of the municipality takes requests about personal data, and where that is."""

from dataclasses import dataclass

from base.database import Connection
from personal.store.town import one


@dataclass(frozen=True, slots=True)
class Office:
    """An office with its address, and since when it is named here (µs; None: since before that was written down)."""

    name: str
    address: str
    since: int | None = None


def find(connection: Connection) -> Office | None:
    """Find the office that was named last."""
    row = one(connection, "SELECT name, address, since FROM office")
    return None if row is None else Office(*row)


def put(connection: Connection, office: Office) -> None:
    """Name an office instead of the one before."""
    connection.execute(
        "INSERT OR REPLACE INTO office VALUES (1, ?, ?, ?)", (office.name, office.address, office.since)
    )
