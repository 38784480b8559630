"""Notices to services: an outbox that outlives the process, in the order in which each may be told."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from base.database import Connection
from personal.rules import notice
from personal.rules.identifiers import fresh
from personal.rules.notice import SPREAD, Event
from personal.store.town import one, rows, value

_COLUMNS: Final = "id, service, person, event, subject, facts, due, erase_by, handed, delivered, confirmed"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a service is told about a resident, by the name it knew them by then; times in µs.

    erase_by: by when it has to erase; handed: when it could first see it; delivered: when it took a push.
    """

    id: str
    service: str
    person: str
    event: Event
    subject: str
    facts: Mapping[str, Any]
    due: int
    erase_by: int | None = None
    handed: int | None = None
    delivered: int | None = None
    confirmed: int | None = None


def add(
    connection: Connection,
    service: str,
    person: str,
    event: Event,
    subject: str,
    facts: Mapping[str, Any],
    now: int,
    *,
    erase_days: int | None = None,
) -> None:
    """Put a notice in the outbox, after those about the same resident that wait there."""
    text = orjson.dumps(dict(facts), option=orjson.OPT_SORT_KEYS).decode()
    last = one(
        connection,
        "SELECT due, place, event, facts FROM notice WHERE service = ? AND person = ? AND handed IS NULL"
        " ORDER BY due DESC, place DESC",
        service,
        person,
    )
    if last is not None and last[2:] == (event, text) and erase_days is None:
        return  # it says the same already
    due = notice.moment(now, secrets.randbelow(SPREAD), last[0] if last else 0)
    floor = last[1] if last and last[0] == due else 0.0
    place = floor + (1.0 - floor) * secrets.randbits(52) / (1 << 52)
    erase_by = None if erase_days is None else notice.deadline(due, erase_days)
    connection.execute(
        f"INSERT INTO notice ({_COLUMNS}, place) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL, ?)",  # noqa: S608  # constant
        (fresh("n_"), service, person, event, subject, text, due, erase_by, place),
    )


def waiting(
    connection: Connection, service: str, now: int, most: int, *, pushed: bool = False
) -> list[Notice]:
    """List what a service may be told by now and has not confirmed; with `pushed` only what it was not sent yet."""
    sql = (
        f"SELECT {_COLUMNS} FROM notice WHERE service = ? AND due <= ? AND confirmed IS NULL"  # noqa: S608  # constant
        " AND (delivered IS NULL OR NOT ?) ORDER BY due, place, number LIMIT ?"
    )
    return [_notice(row) for row in rows(connection, sql, service, now, pushed, most)]


def find(connection: Connection, service: str, id: str) -> Notice | None:
    """Find a notice to a service."""
    row = one(connection, f"SELECT {_COLUMNS} FROM notice WHERE id = ? AND service = ?", id, service)  # noqa: S608  # constant
    return None if row is None else _notice(row)


def hand(connection: Connection, id: str, now: int) -> None:
    """Note that a service can see a notice from now on."""
    connection.execute("UPDATE notice SET handed = ? WHERE id = ? AND handed IS NULL", (now, id))


def deliver(connection: Connection, id: str, now: int) -> None:
    """Note that a service took a notice."""
    connection.execute("UPDATE notice SET delivered = ? WHERE id = ? AND delivered IS NULL", (now, id))


def confirm(connection: Connection, id: str, now: int) -> None:
    """Note that a service did what a notice asks for."""
    connection.execute("UPDATE notice SET confirmed = ? WHERE id = ? AND confirmed IS NULL", (now, id))


def overdue(connection: Connection, now: int) -> list[Notice]:
    """List duties to erase whose day has passed unconfirmed."""
    sql = (
        f"SELECT {_COLUMNS} FROM notice WHERE erase_by <= ? AND confirmed IS NULL ORDER BY erase_by, service"  # noqa: S608  # constant
    )
    return [_notice(row) for row in rows(connection, sql, now)]


def addressees(connection: Connection, now: int) -> list[str]:
    """List the services that something can be sent to now."""
    sql = """
SELECT DISTINCT notice.service FROM notice INDEXED BY notice_unsent LEFT JOIN notice_pause USING (service)
WHERE due <= ?1 AND delivered IS NULL AND confirmed IS NULL AND coalesce(until, 0) <= ?1 ORDER BY 1"""
    return [service for (service,) in rows(connection, sql, now)]


def pauses(connection: Connection, service: str) -> int:
    """Count how often in a row a service could not be reached."""
    return int(value(connection, "SELECT tries FROM notice_pause WHERE service = ?", service) or 0)


def pause(connection: Connection, service: str, tries: int, until: int) -> None:
    """Let a service be until a moment."""
    connection.execute("INSERT OR REPLACE INTO notice_pause VALUES (?, ?, ?)", (service, tries, until))


def resume(connection: Connection, service: str) -> None:
    """Forget that a service could not be reached."""
    connection.execute("DELETE FROM notice_pause WHERE service = ?", (service,))


def marked(connection: Connection) -> int:
    """Give the moment up to which services were told of consents that ended before that became an event."""
    return int(value(connection, "SELECT at FROM notice_mark"))


def forget(connection: Connection, before: int) -> None:
    """Delete what was taken or confirmed before a moment and asks for nothing more."""
    connection.execute(
        "DELETE FROM notice WHERE confirmed <= ?1 OR (delivered <= ?1 AND erase_by IS NULL)", (before,)
    )


def _notice(row: tuple[Any, ...]) -> Notice:
    id, service, person, event, subject, facts, *times = row
    return Notice(id, service, person, Event(event), subject, orjson.loads(facts), *times)
