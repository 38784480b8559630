"""The audit log of a municipality: entries without personal data, in a Merkle tree. (RFC 9162; personal-data.md 6)

Whom an entry is about stands in it as a commitment: a hash with a salt that is kept apart and deleted with the
person, after which nobody can tell any more whom it was about.
"""

import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from base import clock, merkle
from base.database import Connection
from base.errors import ServiceUnavailable
from personal.rules import clocks
from personal.rules.identifiers import fingerprint, framed
from personal.store import resident_notices
from personal.store.town import one, value

SALT_BYTES: Final = 16
ACCEPTED: Final = "clock-accepted"


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened: `facts` go into the log as they are, `people` (role → person) as commitments only."""

    kind: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)


class ClockBehind(ServiceUnavailable):
    """The clock is behind what the log knows: what has ended would hold again."""


def append(connection: Connection, entry: Entry, now: int) -> int:
    """Write an entry within the transaction that does what it tells of, and tell residents of it; give its position.

    ClockBehind, so that nothing is done, if the clock was set back: what has ended would hold again.
    """
    position, last = end(connection)
    if clocks.behind(now, last):
        raise ClockBehind(
            f"The clock of this server is behind its audit log, which ends at {clock.show(last)}: nothing is done"
            " until its operator has set the clock, or has said that it is right (engawa audit accept-clock)."
        )
    _write(connection, position, entry, now)
    resident_notices.follow(connection, entry.kind, entry.facts, entry.people, now)
    return position


def accept_clock(connection: Connection, by: str, now: int) -> int:
    """Go on with the clock as it is, although the log ends later; the log tells of it."""
    position, last = end(connection)
    _write(connection, position, Entry(ACCEPTED, {"by": by, "last": clock.show(last)}), now)
    return position


def end(connection: Connection) -> tuple[int, int]:
    """Give the position after the last entry, and when that one was written."""
    row = one(connection, "SELECT position, at FROM leaf ORDER BY position DESC LIMIT 1")
    return (0, 0) if row is None else (row[0] + 1, row[1])


def _write(connection: Connection, position: int, entry: Entry, now: int) -> None:
    salts = {role: os.urandom(SALT_BYTES) for role in entry.people}
    told = {
        "kind": entry.kind,
        "at": clock.show(now),
        **entry.facts,
        **{role: commitment(salts[role], role, person).hex() for role, person in entry.people.items()},
    }
    body = orjson.dumps(told, option=orjson.OPT_SORT_KEYS)
    connection.execute("INSERT INTO leaf VALUES (?, ?, ?)", (position, now, body))
    connection.executemany(
        "INSERT INTO opening VALUES (?, ?, ?, ?)",
        [(position, role, person, salts[role]) for role, person in entry.people.items()],
    )
    connection.executemany(
        "INSERT INTO node VALUES (?, ?, ?)",
        list(merkle.appended(position, merkle.leaf_hash(body), nodes(connection))),
    )


def size(connection: Connection) -> int:
    """Count the entries."""
    return int(value(connection, "SELECT coalesce(max(position) + 1, 0) FROM leaf"))


def nodes(connection: Connection) -> merkle.Nodes:
    """Give the hashes of the tree by level and place."""

    def get(level: int, place: int) -> bytes:
        found: bytes = value(connection, "SELECT hash FROM node WHERE level = ? AND place = ?", level, place)
        return found

    return get


def commitment(salt: bytes, role: str, person: str) -> bytes:
    """Commit to a person without telling who it is."""
    return hmac.digest(salt, framed("commitment", role, name_of(person)), "sha256")


def name_of(person: str) -> str:
    """Give the name a person has in the log: it tells nothing of the identifier it is made from."""
    return fingerprint(framed("audit", person))
