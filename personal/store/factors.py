"""Second factors of staff, codes with which they make the first one, and what went wrong lately at logins."""

from dataclasses import dataclass, field
from typing import Final

from base.database import Connection
from personal.store.town import one, rows, value

_COLUMNS: Final = "id, staff, kind, name, credential, sealed, count, added, used"


@dataclass(frozen=True, slots=True)
class Factor:
    """A passkey or a device that shows codes; what proves it is sealed. Times in µs.

    count: how often a passkey was used, as it says itself; or the step of the last code that was taken.
    """

    id: str
    staff: str
    kind: str
    name: str
    credential: bytes | None = field(repr=False)
    sealed: bytes = field(repr=False)
    count: int
    added: int
    used: int | None = None


def add(connection: Connection, factor: Factor) -> None:
    """Write a new factor."""
    connection.execute(
        "INSERT INTO factor VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            factor.id,
            factor.staff,
            factor.kind,
            factor.name,
            factor.credential,
            factor.sealed,
            factor.count,
            factor.added,
            factor.used,
        ),
    )


def of(connection: Connection, staff: str) -> list[Factor]:
    """List the factors of a member of staff, the first one first."""
    sql = f"SELECT {_COLUMNS} FROM factor WHERE staff = ? ORDER BY added, id"  # noqa: S608  # constant
    return [Factor(*row) for row in rows(connection, sql, staff)]


def by_credential(connection: Connection, credential: bytes) -> Factor | None:
    """Find a passkey by what it calls itself, whosever it is."""
    row = one(connection, f"SELECT {_COLUMNS} FROM factor WHERE credential = ?", credential)  # noqa: S608  # constant
    return None if row is None else Factor(*row)


def note_use(connection: Connection, id: str, count: int, now: int) -> None:
    """Note that a factor was used."""
    connection.execute("UPDATE factor SET count = ?, used = ? WHERE id = ?", (count, now, id))


def remove(connection: Connection, staff: str, id: str) -> bool:
    """Remove a factor of a member of staff; False if there is none."""
    connection.execute("DELETE FROM factor WHERE staff = ? AND id = ?", (staff, id))
    return connection.changes() == 1


def forget(connection: Connection, staff: str) -> int:
    """Remove all factors of a member of staff, and the code to make one; say how many factors there were."""
    connection.execute("DELETE FROM enrolment WHERE staff = ?", (staff,))
    connection.execute("DELETE FROM factor WHERE staff = ?", (staff,))
    return connection.changes()


def allow(connection: Connection, staff: str, hash: bytes, by: str, now: int, until: int) -> None:
    """Keep the code with which a member of staff makes their first factor, in place of any before."""
    connection.execute(
        "INSERT OR REPLACE INTO enrolment VALUES (?, ?, ?, ?, ?)", (staff, hash, now, by, until)
    )


def allowed(connection: Connection, staff: str, hash: bytes, now: int) -> bool:
    """Say whether a code is the one with which a member makes their first factor."""
    sql = "SELECT count(*) FROM enrolment WHERE staff = ? AND hash = ? AND until > ?"
    return bool(value(connection, sql, staff, hash, now))


def spend(connection: Connection, staff: str, hash: bytes, now: int) -> bool:
    """Use the code up; False if it is another one, or over."""
    connection.execute("DELETE FROM enrolment WHERE staff = ? AND hash = ? AND until > ?", (staff, hash, now))
    return connection.changes() == 1


def fail(connection: Connection, about: bytes, now: int, span: int) -> None:
    """Note that something went wrong; what is older than a span of time is forgotten."""
    connection.execute("DELETE FROM failure WHERE at <= ?", (now - span,))
    connection.execute("INSERT INTO failure VALUES (?, ?)", (about, now))


def failures(connection: Connection, about: bytes, since: int) -> int:
    """Count what went wrong since a moment."""
    return int(value(connection, "SELECT count(*) FROM failure WHERE about = ? AND at > ?", about, since))


def forgive(connection: Connection, about: bytes) -> None:
    """Forget what went wrong."""
    connection.execute("DELETE FROM failure WHERE about = ?", (about,))
