"""Members of staff: who they are, what they may do, when they joined and left."""

from dataclasses import dataclass
from typing import Any

from base.database import Connection
from personal.store.town import one, rows

_COLUMNS = "id, login, name, roles, added, added_by, ended, until, suspended, seen"


@dataclass(frozen=True, slots=True)
class Member:
    """A member of staff; times in µs.

    ended: when they left; until: when they will; suspended: since when they may not log in; seen: their last login.
    """

    id: str
    login: str
    name: str
    roles: tuple[str, ...]
    added: int
    added_by: str
    ended: int | None = None
    until: int | None = None
    suspended: int | None = None
    seen: int | None = None

    def present(self, now: int) -> bool:
        """Say whether they may log in."""
        return self.ended is None and self.suspended is None and (self.until is None or now < self.until)


def add(connection: Connection, member: Member) -> None:
    """Write a new member."""
    connection.execute(
        "INSERT INTO staff (id, login, name, roles, added, added_by, until) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            member.id,
            member.login,
            member.name,
            " ".join(member.roles),
            member.added,
            member.added_by,
            member.until,
        ),
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


def set_until(connection: Connection, id: str, until: int | None) -> None:
    """Set when a member leaves by itself; None: not by itself."""
    connection.execute("UPDATE staff SET until = ? WHERE id = ?", (until, id))


def suspend(connection: Connection, id: str, since: int | None) -> None:
    """Let a member not log in since a moment; None: let them again."""
    connection.execute("UPDATE staff SET suspended = ? WHERE id = ?", (since, id))


def note_login(connection: Connection, id: str, now: int) -> None:
    """Note that a member logged in."""
    connection.execute("UPDATE staff SET seen = ? WHERE id = ?", (now, id))


def end(connection: Connection, id: str, now: int) -> None:
    """Note that a member left."""
    connection.execute("UPDATE staff SET ended = ? WHERE id = ?", (now, id))


def count_with(connection: Connection, role: str, now: int) -> int:
    """Count the members who have a role and may log in, and not only for some time."""
    found = [one for one in listed(connection) if one.present(now) and one.until is None]
    return sum(role in one.roles for one in found)


def _member(row: tuple[Any, ...] | None) -> Member | None:
    if row is None:
        return None
    id, login, name, roles, *times = row
    return Member(id, login, name, tuple(roles.split()), *times)
