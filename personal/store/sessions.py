"""Logins and access tokens: found by the hash of their secret. (RFC 6749 5.1, personal-data.md 8)"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from base.database import Connection
from personal.rules import clocks
from personal.store.town import one, rows

_COLUMNS: Final = (
    "kind, actor, subject, roles, level, made, used, until,"
    " id, method, proven, factor, wanted, device, agent, last, identifier"
)


@dataclass(frozen=True, slots=True)
class Session:
    """A login or a service's token; times in µs.

    Of logins: `id` is its public name; `proven`, `factor`: when somebody proved who they are (0: nobody knows), and
    gave a second factor; `wanted`: what is missing before it is good; `device`: the desk it is for; `agent`: which
    browser; `last`: when it ends in any case; `identifier`: the number of what one logged in with, 0: it is not known.
    """

    kind: str
    actor: str
    subject: str | None
    roles: tuple[str, ...]
    level: int
    made: int
    used: int
    until: int
    id: str = ""
    method: str = ""
    proven: int = 0
    factor: int = 0
    wanted: str = ""
    device: str = ""
    agent: str = ""
    last: int = 0
    identifier: int = 0


@dataclass(frozen=True, slots=True)
class Outside:
    """What a provider calls itself, a login there and the person there: keyed hashes, the second if it said one."""

    issuer: bytes
    sid: bytes | None
    subject: bytes


def digest(secret: str) -> bytes:
    """Hash a secret of 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def keep(connection: Connection, secret: str, session: Session, outside: Outside | None = None) -> None:
    """Write a new session; those that are over go."""
    connection.execute("DELETE FROM session WHERE until <= ?", (session.made,))
    told = _row(secret, session, outside)
    names, places = ", ".join(told), ", ".join("?" * len(told))
    connection.execute(f"INSERT INTO session ({names}) VALUES ({places})", tuple(told.values()))  # noqa: S608  # fields


def find(connection: Connection, secret: str, now: int) -> Session | None:
    """Find the session of a secret that is not over, nor made by a clock that was ahead: it would last too long."""
    session = by_hash(connection, digest(secret), now)
    return None if session is None or clocks.behind(now, session.made) else session


def renew(
    connection: Connection, hash: bytes, secret: str, session: Session, outside: Outside | None
) -> None:
    """Let a new login take the place of a session; the former secret is good for nothing."""
    _update(connection, hash, _row(secret, session, outside))


def change(connection: Connection, hash: bytes, secret: str, session: Session) -> None:
    """Give a session another secret, since what it may do changes; the login it came from outside stays its own."""
    _update(connection, hash, _own(secret, session))


def _update(connection: Connection, hash: bytes, told: dict[str, Any]) -> None:
    names = ", ".join(f"{name} = ?" for name in told)
    connection.execute(f"UPDATE session SET {names} WHERE hash = ?", (*told.values(), hash))  # noqa: S608  # fields


def by_hash(connection: Connection, hash: bytes, now: int) -> Session | None:
    """Find a session that is not over by the hash of its secret."""
    row = one(connection, f"SELECT {_COLUMNS} FROM session WHERE hash = ? AND until > ?", hash, now)  # noqa: S608  # constant
    return None if row is None else _session(row)


def of_actor(connection: Connection, kind: str, actor: str, now: int) -> list[Session]:
    """List the logins of somebody that are not over, the last used first."""
    sql = f"SELECT {_COLUMNS} FROM session WHERE kind = ? AND actor = ? AND until > ? ORDER BY used DESC, id"  # noqa: S608  # constant
    return [_session(row) for row in rows(connection, sql, kind, actor, now)]


def end_named(connection: Connection, kind: str, actor: str, id: str) -> bool:
    """End a login of somebody by its public name; False if there is none."""
    connection.execute("DELETE FROM session WHERE kind = ? AND actor = ? AND id = ?", (kind, actor, id))
    return connection.changes() == 1


def end_others(connection: Connection, kind: str, actor: str, hash: bytes) -> int:
    """End all logins of somebody but one; say how many there were."""
    connection.execute("DELETE FROM session WHERE kind = ? AND actor = ? AND hash <> ?", (kind, actor, hash))
    return connection.changes()


def end_oldest(connection: Connection, kind: str, actor: str, but: int) -> None:
    """End the logins of somebody except so many that were used last."""
    connection.execute(
        "DELETE FROM session WHERE hash IN (SELECT hash FROM session WHERE kind = ? AND actor = ?"
        " ORDER BY used DESC LIMIT -1 OFFSET ?)",
        (kind, actor, but),
    )


def outside(connection: Connection, found: Outside, now: int) -> list[Session]:
    """List the logins that came from a login at a provider; without one: all that came from the person there.

    A login of the person that the provider did not name may be the one it names now.
    """
    sql = (
        f"SELECT {_COLUMNS} FROM session WHERE issuer = ?1 AND until > ?2"  # noqa: S608  # constant
        " AND (sid = ?3 OR (outsider = ?4 AND (?3 IS NULL OR sid IS NULL)))"
    )
    return [_session(row) for row in rows(connection, sql, found.issuer, now, found.sid, found.subject)]


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
    connection.execute("DELETE FROM session WHERE kind = ? AND actor = ?", (kind, actor))
    return connection.changes()


def end_about(connection: Connection, person: str) -> None:
    """End the logins of a resident, and of everybody who acts for them."""
    connection.execute(
        "DELETE FROM session WHERE kind = 'resident' AND (actor = ? OR subject = ?)", (person, person)
    )


def _row(secret: str, session: Session, outside: Outside | None) -> dict[str, Any]:
    issuer, sid, outsider = (None,) * 3 if outside is None else (outside.issuer, outside.sid, outside.subject)
    return {**_own(secret, session), "issuer": issuer, "sid": sid, "outsider": outsider}


def _own(secret: str, session: Session) -> dict[str, Any]:
    return {**asdict(session), "roles": " ".join(session.roles), "hash": digest(secret)}


def _session(row: Sequence[Any]) -> Session:
    kind, actor, subject, roles, *rest = row
    return Session(kind, actor, subject, tuple(roles.split()), *rest)


def spend(connection: Connection, id: bytes, until: int, now: int) -> bool:
    """Note that a client assertion was used; False if it was before. (RFC 7523 3)"""
    connection.execute("DELETE FROM assertion WHERE until <= ?", (now,))
    connection.execute("INSERT OR IGNORE INTO assertion VALUES (?, ?)", (id, until))
    return connection.changes() == 1
