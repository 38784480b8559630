"""What browsers began and have not finished: logins under way, each for the browser that began it, and once."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from base import clock
from base.database import Connection
from personal.rules import clocks
from personal.rules.identifiers import framed
from personal.store.sessions import digest
from personal.store.town import one
from personal.vault.envelope import seal, unseal

KEY: Final = "attempt"
"""Which key of the municipality seals them."""
LONGEST: Final = 15 * 60 * clock.SECOND
MOST_OPEN: Final = 20
"""How many attempts of one browser are open; the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is kept: of which kind, for which browser (hash of its cookie), what, until when (µs)."""

    kind: str
    binding: bytes = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)
    until: int


def keep(connection: Connection, key: bytes, attempt: Attempt, now: int) -> str:
    """Keep an attempt for a while and give its name; those that are over go."""
    connection.execute("DELETE FROM attempt WHERE until <= ?", (now,))
    connection.execute(
        "DELETE FROM attempt WHERE hash IN"
        " (SELECT hash FROM attempt WHERE binding = ? ORDER BY made DESC LIMIT -1 OFFSET ?)",
        (attempt.binding, MOST_OPEN - 1),
    )
    id = secrets.token_urlsafe(32)
    hash, until = digest(id), min(attempt.until, now + LONGEST)
    row = (hash, attempt.kind, attempt.binding, _sealed(key, hash, attempt.kind, attempt.body), now, until)
    connection.execute("INSERT INTO attempt VALUES (?, ?, ?, ?, ?, ?)", row)
    return id


def peek(
    connection: Connection, key: bytes, id: str, kind: str, binding: bytes | None, now: int
) -> dict[str, Any] | None:
    """Look at an attempt; None if there is none (any more), or another browser began it.

    binding: None for who is no browser and is known otherwise, as a desk is; its caller checks who that is.
    """
    hash = digest(id)
    sql = "SELECT binding, body, made FROM attempt WHERE hash = ? AND kind = ? AND until > ?"
    row = one(connection, sql, hash, kind, now)
    if row is None or clocks.behind(now, row[2]) or (binding is not None and row[0] != binding):
        return None
    told: dict[str, Any] = orjson.loads(unseal(key, row[1], _bound(hash, kind)))
    return told


def take(
    connection: Connection, key: bytes, id: str, kind: str, binding: bytes | None, now: int
) -> dict[str, Any] | None:
    """Finish an attempt: give what was kept, this once; None as when looked at."""
    found = peek(connection, key, id, kind, binding, now)
    if found is not None:
        connection.execute("DELETE FROM attempt WHERE hash = ?", (digest(id),))
    return found


def change(connection: Connection, key: bytes, id: str, kind: str, body: Mapping[str, Any]) -> None:
    """Keep something else under the same name, as long as before; the caller has looked at it before."""
    hash = digest(id)
    sealed = _sealed(key, hash, kind, body)
    connection.execute("UPDATE attempt SET body = ? WHERE hash = ? AND kind = ?", (sealed, hash, kind))


def _sealed(key: bytes, hash: bytes, kind: str, body: Mapping[str, Any]) -> bytes:
    return seal(key, orjson.dumps(body), _bound(hash, kind))


def _bound(hash: bytes, kind: str) -> bytes:
    return framed("attempt", kind, hash.hex())
