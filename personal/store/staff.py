"""Members of staff: who they are, what they may do, when they joined and left."""

from dataclasses import dataclass
from typing import Any

from base.database import Connection
from personal.store.town import one, rows, value

_COLUMNS = "id, login, name, roles, added, added_by, ended"


@dataclass(frozen=True, slots=True)
class Member:
    """A member of staff; times in µs, `ended` is when they left."""

    id: str
    login: str
    name: str
    roles: tuple[str, ...]
    added: int
    added_by: str
    ended: int | None = None


def add(connection: Connection, member: Member) -> None:
    """Write a new member."""
    connection.execute(
        "INSERT INTO staff VALUES (?, ?, ?, ?, ?, ?, NULL)",
        (member.id, member.login, member.name, " ".join(member.roles), member.added, member.added_by),
    )


def find(connection: Connection, id: str) -> Member | None:
    """Find a member by id, those who left too."""
    return _member(one(connection, f"SELECT {_COLUMNS} FROM staff WHERE id = ?", id))  # noqa: S608  # constant


def by_login(connection: Connection, login: str) -> Member | None:
    """Find a present member by the name they log in with."""
    sql = f"SELECT {_COLUMNS} FROM staff WHERE login = ? AND ended IS NULL"  # noqa: S608  # constant
    return _member(one(connection, sql, login))


def listed(connection: Connection) -> list[Member]:
    """List all members, those who left last."""
    sql = f"SELECT {_COLUMNS} FROM staff ORDER BY ended IS NOT NULL, login, id"  # noqa: S608  # constant
    return [member for row in rows(connection, sql) if (member := _member(row)) is not None]


def give_roles(connection: Connection, id: str, roles: tuple[str, ...]) -> None:
    """Replace the roles of a member."""
    connection.execute("UPDATE staff SET roles = ? WHERE id = ?", (" ".join(roles), id))


def end(connection: Connection, id: str, now: int) -> None:
    """Note that a member left."""
    connection.execute("UPDATE staff SET ended = ? WHERE id = ?", (now, id))


def count_with(connection: Connection, role: str) -> int:
    """Count the present members who have a role."""
    sql = "SELECT count(*) FROM staff WHERE ended IS NULL AND ' ' || roles || ' ' LIKE '% ' || ? || ' %'"
    return int(value(connection, sql, role))


def _member(row: tuple[Any, ...] | None) -> Member | None:
    if row is None:
        return None
    id, login, name, roles, *times = row
    return Member(id, login, name, tuple(roles.split()), *times)
