"""What services still have to be told of logins that ended: an outbox. (OpenID Connect Back-Channel Logout)"""

from dataclasses import dataclass, field

from base.database import Connection
from personal.store.town import rows, value


@dataclass(frozen=True, slots=True)
class Logout:
    """A service is to be told that a login there is over; times in µs."""

    number: int
    service: str
    sid: str
    subject: str = field(repr=False)
    made: int
    tries: int


def anything(connection: Connection, now: int) -> bool:
    """Say whether there is anything to end or to forget."""
    sql = """SELECT EXISTS (SELECT 1 FROM ended_session)
OR EXISTS (SELECT 1 FROM service_login WHERE until <= ?1)
OR EXISTS (SELECT 1 FROM service_login WHERE redeemed IS NULL AND code_until <= ?1)
OR EXISTS (SELECT 1 FROM session JOIN service_login ON session = session.id WHERE session.until <= ?1 AND NOT offline)
OR EXISTS (SELECT 1 FROM service_token WHERE until <= ?1)"""
    return bool(value(connection, sql, now))


def ended(connection: Connection, now: int) -> list[tuple[str, bool]]:
    """List logins here that were ended since this was asked last, and whether that happened before their time.

    Those of desks that others use, too, count as ended when their time is over. A login that only got another secret
    is there still.
    """
    connection.execute(
        "DELETE FROM session WHERE device <> '' AND until <= ? AND id IN (SELECT session FROM service_login)",
        (now,),
    )
    sql = """SELECT id, until > ? OR desk FROM ended_session
WHERE NOT EXISTS (SELECT 1 FROM session WHERE session.id = ended_session.id AND session.id <> '')"""
    found = rows(connection, sql, now)
    connection.execute("DELETE FROM ended_session")
    return [(id, bool(early)) for id, early in found]


def add(connection: Connection, service: str, sid: str, subject: str, now: int) -> None:
    """Put into the outbox that a service has to hear of the end of a login, unless it stands there."""
    known = value(connection, "SELECT 1 FROM logout_notice WHERE service = ? AND sid = ?", service, sid)
    if known is None:
        connection.execute(
            "INSERT INTO logout_notice (service, sid, subject, made, due, tries) VALUES (?, ?, ?, ?, ?, 0)",
            (service, sid, subject, now, now),
        )


def due(connection: Connection, now: int, most: int) -> list[Logout]:
    """List what can be told now: what was tried least comes first, so that no service keeps others waiting."""
    sql = (
        "SELECT number, service, sid, subject, made, tries FROM logout_notice WHERE due <= ?"
        " ORDER BY tries, number LIMIT ?"
    )
    return [Logout(*row) for row in rows(connection, sql, now, most)]


def done(connection: Connection, number: int) -> None:
    """Forget what was told, or need not be any more."""
    connection.execute("DELETE FROM logout_notice WHERE number = ?", (number,))


def later(connection: Connection, number: int, due: int) -> None:
    """Try again at a moment."""
    connection.execute("UPDATE logout_notice SET tries = tries + 1, due = ? WHERE number = ?", (due, number))
