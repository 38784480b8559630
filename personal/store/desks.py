"""Desks: devices at counters and terminals, the browsers that stand on them, the tickets by which they came there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from base.database import Connection
from personal.store.town import one, rows, value


@dataclass(frozen=True, slots=True)
class DeskDevice:
    """One device: service: as which it asks who somebody is; keys: the JWKS that proves it. Times in µs."""

    id: str
    name: str
    place: str
    service: str | None
    keys: Mapping[str, Any] = field(repr=False)
    added: int
    added_by: str


def add(connection: Connection, desk: DeskDevice) -> None:
    """Write a new desk."""
    connection.execute(
        "INSERT INTO desk VALUES (?, ?, ?, ?, ?, ?, ?)",
        (desk.id, desk.name, desk.place, desk.service, orjson.dumps(dict(desk.keys)).decode(), desk.added,
         desk.added_by),
    )  # fmt: skip


def find(connection: Connection, id: str) -> DeskDevice | None:
    """Find a desk that may act."""
    row = one(connection, "SELECT id, name, place, service, keys, added, added_by FROM desk WHERE id = ?", id)
    return None if row is None else _desk(row)


def listed(connection: Connection) -> list[DeskDevice]:
    """List all desks."""
    sql = "SELECT id, name, place, service, keys, added, added_by FROM desk ORDER BY id"
    return [_desk(row) for row in rows(connection, sql)]


def remove(connection: Connection, id: str) -> int:
    """Forget a desk with its browser and tickets, and end the logins at it; say how many there were."""
    for sql in (
        "DELETE FROM desk_ticket WHERE desk = ?",
        "DELETE FROM desk_browser WHERE desk = ?",
        "DELETE FROM desk WHERE id = ?",
        "DELETE FROM session WHERE device = ?",
    ):
        connection.execute(sql, (id,))
    return connection.changes()


def keep_ticket(connection: Connection, hash: bytes, desk: str, until: int, now: int) -> None:
    """Keep a ticket by which one browser becomes a desk's; those that are over go, and the one before."""
    connection.execute("DELETE FROM desk_ticket WHERE until <= ? OR desk = ?", (now, desk))
    connection.execute("INSERT INTO desk_ticket VALUES (?, ?, ?)", (hash, desk, until))


def spend_ticket(connection: Connection, hash: bytes, now: int) -> str | None:
    """Give the desk of a ticket, this once; None if it is not good (any more)."""
    sql = "SELECT desk FROM desk_ticket WHERE hash = ? AND until > ?"
    desk: str | None = value(connection, sql, hash, now)
    connection.execute("DELETE FROM desk_ticket WHERE hash = ?", (hash,))
    return desk


def keep_browser(connection: Connection, hash: bytes, desk: str, until: int, now: int) -> None:
    """Let a browser be the one that stands on a desk: the one before is none any more."""
    connection.execute("DELETE FROM desk_browser WHERE until <= ? OR desk = ?", (now, desk))
    connection.execute("INSERT INTO desk_browser VALUES (?, ?, ?)", (hash, desk, until))


def of_browser(connection: Connection, hash: bytes, now: int) -> str | None:
    """Give the desk on which a browser stands; None if on none."""
    sql = "SELECT desk FROM desk_browser WHERE hash = ? AND until > ?"
    desk: str | None = value(connection, sql, hash, now)
    return desk


def _desk(row: tuple[Any, ...]) -> DeskDevice:
    id, name, place, service, keys, added, added_by = row
    return DeskDevice(id, name, place, service, orjson.loads(keys), added, added_by)
