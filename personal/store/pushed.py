"""Requests that services pushed before sending anybody here: each found once, by its service. (RFC 9126)"""

import secrets
from collections.abc import Mapping
from typing import Any

import orjson

from base.database import Connection
from personal.store.sessions import digest
from personal.store.town import one


def keep(connection: Connection, service: str, params: Mapping[str, str], now: int, until: int) -> str:
    """Keep a request and give its name; those that are over go."""
    connection.execute("DELETE FROM pushed_request WHERE until <= ?", (now,))
    name = secrets.token_urlsafe(32)
    connection.execute(
        "INSERT INTO pushed_request VALUES (?, ?, ?, ?)",
        (digest(name), service, orjson.dumps(dict(params)).decode(), until),
    )
    return name


def take(connection: Connection, service: str, name: str, now: int) -> dict[str, str] | None:
    """Give what a service pushed, this once; None if there is no such request of it (any more)."""
    sql = "SELECT params FROM pushed_request WHERE hash = ? AND service = ? AND until > ?"
    row = one(connection, sql, digest(name), service, now)
    if row is None:
        return None
    connection.execute("DELETE FROM pushed_request WHERE hash = ?", (digest(name),))
    found: dict[str, Any] = orjson.loads(row[0])
    return found
