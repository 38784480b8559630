"""Orders to the agent inside LGWAN: queued here until it has answered; its keys, its alarms, bundles of files."""

from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from base.clock import SECOND
from base.database import Connection
from personal.rules.orders import Task
from personal.store.town import one, rows, value

_AGAIN: Final = 30 * SECOND
_LONGEST: Final = 3_600 * SECOND
_KEPT: Final = 35 * 86_400 * SECOND
FORMER: Final = 35 * 86_400 * SECOND
"""How long an agent is known by keys that others have followed: longer than any order lives."""
_NAMES: Final = "id, task, same, name, claims, text, content, digest, made, until, given, tries, answer"
_AT_ONCE: Final = "('release', 'note-consent')"
_ROW: Final = f"{_NAMES} FROM agent_order"


@dataclass(frozen=True, slots=True)
class Queued:
    """An order that waits, or was answered; `same`: equal for orders that want the same; times in µs.

    text: the envelope to the agent, empty until it is signed; content: that of the record it brings; claims: what
    is signed, when the agent fetches it, and again when its time is over; a release is signed at once, and once.
    """

    id: str
    task: Task
    same: str
    name: str
    claims: str | None = field(repr=False)
    text: str = field(repr=False)
    content: str | None = field(repr=False)
    digest: str
    made: int
    until: int
    given: int | None = None
    tries: int = 0
    answer: str | None = field(default=None, repr=False)


def add(db: Connection, order: Queued) -> None:
    """Queue an order."""
    row = (
        order.id,
        order.task,
        order.same,
        order.name,
        order.claims,
        order.text,
        order.content,
        order.digest,
    )
    db.execute(
        "INSERT INTO agent_order (id, task, same, name, claims, text, content, digest, made, until, tries)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (*row, order.made, order.until),
    )


def find(db: Connection, id: str) -> Queued | None:
    """Find an order."""
    return _order(one(db, f"SELECT {_ROW} WHERE id = ?", id))


def alike(db: Connection, same: str, now: int) -> Queued | None:
    """Find an order that wants the same and is not over."""
    sql = f"SELECT {_ROW} WHERE same = ? AND until > ? ORDER BY number DESC LIMIT 1"
    return _order(one(db, sql, same, now))


def stored(db: Connection, name: str) -> Queued | None:
    """Find the order that brings in a record."""
    sql = f"SELECT {_ROW} WHERE name = ? AND task = 'store'"
    return _order(one(db, sql, name))


def waiting(db: Connection, now: int, most: int, *, begin: bool) -> list[Queued]:
    """List orders to be given: new ones, and those given a while ago and not answered; all, if the agent begins."""
    sql = (
        f"SELECT {_ROW} WHERE answer IS NULL AND (task NOT IN {_AT_ONCE} OR until > ?)"
        " AND (? OR given IS NULL OR given + min(? << min(tries, 20), ?) < ?) ORDER BY number LIMIT ?"
    )
    found = rows(db, sql, now, begin, _AGAIN, _LONGEST, now, most)
    return [order for row in found if (order := _order(row)) is not None]


def give(db: Connection, id: str, now: int) -> None:
    """Note that an order was given."""
    db.execute("UPDATE agent_order SET given = ?, tries = tries + 1 WHERE id = ?", (now, id))


def renew(db: Connection, id: str, text: str, until: int) -> None:
    """Give an order another envelope and end."""
    db.execute("UPDATE agent_order SET text = ?, until = ? WHERE id = ?", (text, until, id))


def answer(db: Connection, id: str, answer: str) -> None:
    """Note the answer of an order; what it brought is not needed any more."""
    db.execute("UPDATE agent_order SET answer = ?, content = NULL, claims = NULL WHERE id = ?", (answer, id))


def drop(db: Connection, id: str) -> None:
    """Drop an order."""
    db.execute("DELETE FROM agent_order WHERE id = ?", (id,))


def purge(db: Connection, now: int) -> None:
    """Drop what was signed at once and is over, and other orders that are done."""
    db.execute(
        f"DELETE FROM agent_order WHERE until <= ? AND (task IN {_AT_ONCE} OR answer IS NOT NULL)",  # noqa: S608  # constant
        (now,),
    )


def count(db: Connection) -> int:
    """Count the orders that wait."""
    return int(value(db, "SELECT count(*) FROM agent_order WHERE answer IS NULL"))


def agent(db: Connection) -> dict[str, Any] | None:
    """Give the public keys of the agent: `signing` and `reading`."""
    found = value(db, "SELECT keys FROM agent ORDER BY number DESC LIMIT 1")
    return None if found is None else dict(orjson.loads(found))


def agents(db: Connection, now: int) -> list[dict[str, Any]]:
    """Give the public keys of the agent, the newest first; former ones while their successors are new."""
    found = rows(db, "SELECT keys, at FROM agent ORDER BY number DESC")
    return [
        orjson.loads(keys)
        for place, (keys, _) in enumerate(found)
        if not place or found[place - 1][1] > now - FORMER
    ]


def recipient(db: Connection, service: str) -> str | None:
    """Name the key to which the inside sends what a service gets; None: the gateway's."""
    found: str | None = value(db, "SELECT kid FROM agent_recipient WHERE service = ?", service)
    return found


def set_recipient(db: Connection, service: str, kid: str | None) -> None:
    """Have what a service gets sent to a key of its own, or to the gateway's."""
    db.execute("DELETE FROM agent_recipient WHERE service = ?", (service,))
    if kid is not None:
        db.execute("INSERT INTO agent_recipient VALUES (?, ?)", (service, kid))


def set_agent(db: Connection, keys: dict[str, Any], now: int) -> None:
    """Register the agent's keys."""
    db.execute("INSERT INTO agent (keys, at) VALUES (?, ?)", (orjson.dumps(keys).decode(), now))


def seen(db: Connection, now: int) -> None:
    """Note that the agent called."""
    db.execute("UPDATE agent SET seen = ? WHERE number = (SELECT max(number) FROM agent)", (now,))


def last_seen(db: Connection) -> int | None:
    """Say when the agent called last."""
    found: int | None = value(db, "SELECT seen FROM agent ORDER BY number DESC LIMIT 1")
    return found


def add_alarm(db: Connection, id: str, why: str, task: str, at: int) -> bool:
    """Note an alarm of the agent; False if it is noted."""
    db.execute("INSERT OR IGNORE INTO agent_alarm VALUES (?, ?, ?, ?)", (id, why, task, at))
    return bool(db.changes())


def alarms(db: Connection, most: int = 200) -> list[tuple[str, str, str, int]]:
    """List alarms of the agent, the newest first: id, why, task, moment."""
    found = rows(db, "SELECT id, why, task, at FROM agent_alarm ORDER BY at DESC LIMIT ?", most)
    return [(id, why, task, at) for id, why, task, at in found]


def bundle_used(db: Connection, id: str) -> bool:
    """Say whether a bundle was taken in."""
    return value(db, "SELECT 1 FROM agent_bundle WHERE id = ?", id) is not None


def use_bundle(db: Connection, id: str, now: int) -> None:
    """Note that a bundle was taken in."""
    db.execute("INSERT OR IGNORE INTO agent_bundle VALUES (?, ?)", (id, now))


def bring(db: Connection, ids: list[str], now: int) -> None:
    """Note what bundles brought, to be told inside by the next one."""
    db.execute("DELETE FROM agent_brought WHERE at < ?", (now - _KEPT,))
    db.executemany("INSERT OR IGNORE INTO agent_brought VALUES (?, ?)", [(id, now) for id in ids])


def brought(db: Connection) -> list[str]:
    """Name the answers and alarms that bundles brought lately."""
    return [id for (id,) in rows(db, "SELECT id FROM agent_brought ORDER BY at DESC LIMIT 10000")]


def _order(row: tuple[Any, ...] | None) -> Queued | None:
    return None if row is None else Queued(row[0], Task(row[1]), *row[2:])
