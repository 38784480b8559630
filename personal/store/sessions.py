"""Logins and access tokens: found by the hash of their secret. (RFC 6749 5.1, personal-data.md 8)"""

import hashlib
from dataclasses import dataclass

from base.database import Connection
from personal.rules import clocks
from personal.store.town import one


@dataclass(frozen=True, slots=True)
class Session:
    """A login or a service's token; times in µs."""

    kind: str
    actor: str
    subject: str | None
    roles: tuple[str, ...]
    level: int
    made: int
    used: int
    until: int


def digest(secret: str) -> bytes:
    """Hash a secret of 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def keep(connection: Connection, secret: str, session: Session) -> None:
    """Write a new session; those that are over go."""
    connection.execute("DELETE FROM session WHERE until <= ?", (session.made,))
    connection.execute(
        "INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            digest(secret),
            session.kind,
            session.actor,
            session.subject,
            " ".join(session.roles),
            session.level,
            session.made,
            session.used,
            session.until,
        ),
    )


def find(connection: Connection, secret: str, now: int) -> Session | None:
    """Find the session of a secret that is not over, nor made by a clock that was ahead: it would last too long."""
    row = one(
        connection,
        "SELECT kind, actor, subject, roles, level, made, used, until FROM session WHERE hash = ? AND until > ?",
        digest(secret),
        now,
    )
    if row is None:
        return None
    kind, actor, subject, roles, level, made, used, until = row
    if clocks.behind(now, made):
        return None
    return Session(kind, actor, subject, tuple(roles.split()), level, made, used, until)


def touch(connection: Connection, hash: bytes, now: int, until: int) -> None:
    """Note that a login is used, and until when it lasts without being used again."""
    connection.execute("UPDATE session SET used = ?, until = ? WHERE hash = ?", (now, until, hash))


def act_for(connection: Connection, hash: bytes, subject: str) -> None:
    """Let a login be about somebody's data from now on."""
    connection.execute("UPDATE session SET subject = ? WHERE hash = ?", (subject, hash))


def end(connection: Connection, hash: bytes) -> None:
    """End a session."""
    connection.execute("DELETE FROM session WHERE hash = ?", (hash,))


def end_all(connection: Connection, kind: str, actor: str) -> int:
    """End all sessions of an actor; say how many there were."""
    before = connection.total_changes()
    connection.execute("DELETE FROM session WHERE kind = ? AND actor = ?", (kind, actor))
    return connection.total_changes() - before


def end_about(connection: Connection, person: str) -> None:
    """End the logins of a resident, and of everybody who acts for them."""
    connection.execute(
        "DELETE FROM session WHERE kind = 'resident' AND (actor = ? OR subject = ?)", (person, person)
    )


def spend(connection: Connection, id: bytes, until: int, now: int) -> bool:
    """Note that a client assertion was used; False if it was before. (RFC 7523 3)"""
    connection.execute("DELETE FROM assertion WHERE until <= ?", (now,))
    connection.execute("INSERT OR IGNORE INTO assertion VALUES (?, ?)", (id, until))
    return connection.changes() == 1
