"""Logins of residents at services: a code each, then tokens; found by the hashes of their secrets. (RFC 6749)"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import orjson

from base.database import Connection
from personal.rules import clocks
from personal.store.sessions import digest
from personal.store.town import one, rows, value


class TokenKind(StrEnum):
    """What a token is for."""

    ACCESS = "access"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class ServiceLogin:
    """A login at a service and all tokens that came of it; times in µs.

    subject: the name by which the service knows the resident; session: the login here that it came from; asked: what
    of the request counts later; told: when the resident proved who they are, as the service is told (0: it is not
    known).
    """

    id: str
    sid: str
    service: str
    person: str = field(repr=False)
    subject: str = field(repr=False)
    session: str = field(repr=False)
    asked: Mapping[str, Any] = field(repr=False)
    level: int
    method: str
    told: int
    offline: bool
    made: int
    until: int
    code_until: int
    redeemed: int | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a login at a service; jkt: the key it is bound to.

    used: when a refresh token was spent, of those from before they had families.
    """

    login: str
    kind: TokenKind
    jkt: str
    made: int
    until: int
    used: int | None = None


_COLUMNS: Final = (
    "id, sid, service, person, subject, session, asked, level, method, told, offline, made, until, code_until,"
    " redeemed"
)


def add(connection: Connection, login: ServiceLogin, code: str) -> None:
    """Write a new login at a service, found by its code."""
    connection.execute(
        f"INSERT INTO service_login ({_COLUMNS}, code) VALUES ({', '.join('?' * 16)})",  # noqa: S608  # constant
        (
            login.id, login.sid, login.service, login.person, login.subject, login.session,
            orjson.dumps(dict(login.asked)).decode(), login.level, login.method, login.told, int(login.offline),
            login.made, login.until, login.code_until, login.redeemed, digest(code),
        ),
    )  # fmt: skip


def by_code(connection: Connection, code: str) -> ServiceLogin | None:
    """Find the login of a code, also of one that was redeemed or is too old."""
    return _login(one(connection, f"SELECT {_COLUMNS} FROM service_login WHERE code = ?", digest(code)))  # noqa: S608  # constant


def find(connection: Connection, id: str) -> ServiceLogin | None:
    """Find a login at a service."""
    return _login(one(connection, f"SELECT {_COLUMNS} FROM service_login WHERE id = ?", id))  # noqa: S608  # constant


def of_session(connection: Connection, session: str) -> list[ServiceLogin]:
    """List the logins at services that came from a login here."""
    sql = f"SELECT {_COLUMNS} FROM service_login WHERE session = ? ORDER BY made"  # noqa: S608  # constant
    return [login for row in rows(connection, sql, session) if (login := _login(row))]


def of_person(connection: Connection, person: str, service: str | None = None) -> list[ServiceLogin]:
    """List the logins of a resident, at one service or at all."""
    sql = f"SELECT {_COLUMNS} FROM service_login WHERE person = ?1 AND (?2 IS NULL OR service = ?2)"  # noqa: S608  # constant
    return [login for row in rows(connection, sql, person, service) if (login := _login(row))]


def lives(connection: Connection, login: ServiceLogin, now: int) -> bool:
    """Say whether a login at a service is within its time and, unless it may go on alone, the login here is, too."""
    if now >= login.until or clocks.behind(now, login.made):
        return False
    if login.offline:
        return True
    sql = "SELECT 1 FROM session WHERE id = ? AND id <> '' AND kind = 'resident' AND actor = ? AND until > ?"
    return value(connection, sql, login.session, login.person, now) is not None


def redeem(connection: Connection, id: str, now: int) -> None:
    """Note that the code of a login was used."""
    connection.execute("UPDATE service_login SET redeemed = ? WHERE id = ?", (now, id))


def end(connection: Connection, id: str) -> None:
    """End a login at a service with all its tokens."""
    connection.execute("DELETE FROM service_token WHERE login = ?", (id,))
    connection.execute("DELETE FROM service_login WHERE id = ?", (id,))


def end_over(connection: Connection, now: int) -> None:
    """Delete tokens and logins at services that are over by themselves, or with the time of the login here."""
    for sql in _OVER:
        for (id,) in rows(connection, sql, now):
            end(connection, id)
    connection.execute("DELETE FROM service_token WHERE until <= ?", (now,))


_OVER: Final = (
    "SELECT id FROM service_login WHERE until <= ?",
    "SELECT id FROM service_login WHERE redeemed IS NULL AND code_until <= ?",
    "SELECT service_login.id FROM session JOIN service_login ON session = session.id"
    " WHERE session.until <= ? AND NOT offline",
)


def keep(connection: Connection, secret: str, token: Token) -> None:
    """Write a new token."""
    connection.execute(
        "INSERT INTO service_token VALUES (?, ?, ?, ?, ?, ?, ?)",
        (digest(secret), token.login, token.kind, token.jkt, token.made, token.until, token.used),
    )


def token(connection: Connection, secret: str, now: int) -> Token | None:
    """Find a token that is not over, also a refresh token that was spent."""
    sql = "SELECT login, kind, jkt, made, until, used FROM service_token WHERE hash = ? AND until > ?"
    row = one(connection, sql, digest(secret), now)
    if row is None or clocks.behind(now, row[3]):
        return None
    return Token(row[0], TokenKind(row[1]), *row[2:])


def relative(connection: Connection, secret: str, now: int) -> ServiceLogin | None:
    """Find the login of which this was a refresh token once: it begins as they all do, and is none that is kept.

    Only who had one knows how they begin; so nothing has to be kept of those that were spent. (RFC 9700 4.14.2)
    """
    family, _, own = secret.partition(".")
    if not family or not own:
        return None
    sql = (
        f"SELECT {_COLUMNS} FROM service_login WHERE family = ? AND until > ?"  # noqa: S608  # constant
        " AND NOT EXISTS (SELECT 1 FROM service_token WHERE hash = ?)"
    )
    return _login(one(connection, sql, digest(family), now, digest(secret)))


def succeed(connection: Connection, secret: str, token: Token) -> str:
    """Give a refresh token that takes the place of another one (empty: of none), and begins as it does."""
    family, _, own = secret.partition(".")
    if not own:
        family = secrets.token_urlsafe(32)
        connection.execute("UPDATE service_login SET family = ? WHERE id = ?", (digest(family), token.login))
        connection.execute(
            "UPDATE service_token SET used = ? WHERE hash = ?", (token.made, digest(secret))
        )  # from before
    else:
        drop(connection, secret)
    made = f"{family}.{secrets.token_urlsafe(32)}"
    keep(connection, made, token)
    return made


def drop(connection: Connection, secret: str) -> None:
    """Delete a token."""
    connection.execute("DELETE FROM service_token WHERE hash = ?", (digest(secret),))


def _login(row: tuple[Any, ...] | None) -> ServiceLogin | None:
    if row is None:
        return None
    id, sid, service, person, subject, session, asked, level, method, told, offline, *times = row
    return ServiceLogin(
        id,
        sid,
        service,
        person,
        subject,
        session,
        orjson.loads(asked),
        level,
        method,
        told,
        bool(offline),
        *times,
    )
