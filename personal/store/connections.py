"""Services at which residents log in by the common login, as each agreed once."""

from dataclasses import dataclass
from typing import Any

from base.database import Connection
from personal.store.town import one, rows, value


@dataclass(frozen=True, slots=True)
class Connected:
    """A resident logs in at a service; offline: it may go on while they are not logged in. Times in µs."""

    service: str
    since: int
    used: int
    offline: bool


def find(connection: Connection, person: str, service: str) -> Connected | None:
    """Find whether a resident agreed to log in at a service."""
    sql = "SELECT service, since, used, offline FROM connection WHERE person = ? AND service = ?"
    row = one(connection, sql, person, service)
    return None if row is None else _connected(row)


def of(connection: Connection, person: str) -> list[Connected]:
    """List the services at which a resident logs in, the last used first."""
    sql = "SELECT service, since, used, offline FROM connection WHERE person = ? ORDER BY used DESC, service"
    return [_connected(row) for row in rows(connection, sql, person)]


def agree(connection: Connection, person: str, service: str, *, offline: bool, now: int) -> None:
    """Note that a resident agrees to log in at a service."""
    connection.execute(
        "INSERT INTO connection VALUES (?1, ?2, ?3, ?3, ?4)"
        " ON CONFLICT DO UPDATE SET offline = max(offline, excluded.offline)",
        (person, service, now, int(offline)),
    )


def use(connection: Connection, person: str, service: str, now: int) -> None:
    """Note that a resident logs in at a service now."""
    connection.execute(
        "UPDATE connection SET used = ? WHERE person = ? AND service = ?", (now, person, service)
    )


def end(connection: Connection, person: str, service: str) -> bool:
    """Forget that a resident logs in at a service; False if they did not."""
    connection.execute("DELETE FROM connection WHERE person = ? AND service = ?", (person, service))
    return connection.changes() == 1


def count(connection: Connection, service: str) -> int:
    """Count who logs in at a service by the common login."""
    return int(value(connection, "SELECT count(*) FROM connection WHERE service = ?", service))


def _connected(row: tuple[Any, ...]) -> Connected:
    service, since, used, offline = row
    return Connected(service, since, used, bool(offline))
