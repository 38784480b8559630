"""Days that a municipality set itself, by what they are for."""

from base.database import Connection
from personal.store.town import value


def days(connection: Connection, name: str, otherwise: int) -> int:
    """Give the days that were set for something, or those that hold otherwise."""
    found = value(connection, "SELECT days FROM deadline WHERE name = ?", name)
    return otherwise if found is None else int(found)


def set_days(connection: Connection, name: str, days: int) -> None:
    """Set the days for something."""
    connection.execute("INSERT OR REPLACE INTO deadline VALUES (?, ?)", (name, days))
