"""What residents are told: notices in the portal, and what is still to be told. (issue 6)"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from base.database import Connection
from personal.rules import resident_notices as rules
from personal.rules.identifiers import fresh
from personal.rules.resident_notices import DAY, News
from personal.rules.residents import State
from personal.store import contacts, people
from personal.store.town import one, rows, value

_COLUMNS: Final = "id, person, kind, facts, at, read"
_HOLDING: Final = "state IN ('ConsentGiven', 'RenewedConsentGiven')"
_TABLES: Final = ("resident_notice", "contact", "contact_code", "contact_choice", "message", "known_login")


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a resident is told; times in µs."""

    id: str
    person: str
    kind: str
    facts: Mapping[str, Any]
    at: int
    read: int | None


def tell(connection: Connection, person: str, news: News, now: int) -> None:
    """Tell a resident something, in the transaction in which it happens; a double as whom it became, nobody dead."""
    found = people.current(connection, person)
    if found is None or found.state is State.DEAD:
        return
    if _write(connection, found.id, news, now):
        contacts.notify(connection, found.id, news.kind, now)


def follow(
    connection: Connection, kind: str, facts: Mapping[str, Any], concerned: Mapping[str, str], now: int
) -> None:
    """Tell whom it concerns what is just written into the audit log."""
    for person, news in rules.of_entry(kind, facts, concerned, now):
        tell(connection, person, news, now)


def of(connection: Connection, person: str) -> list[Notice]:
    """List what a resident was told, newest first."""
    found = [
        row
        for id in people.family(connection, person)
        for row in rows(
            connection,
            f"SELECT number, {_COLUMNS} FROM resident_notice WHERE person = ?",  # noqa: S608  # constant
            id,
        )
    ]
    return [_notice(row[1:]) for row in sorted(found, key=lambda row: (-row[5], -row[0]))]


def find(connection: Connection, person: str, id: str) -> Notice | None:
    """Find something a resident was told."""
    row = one(connection, f"SELECT {_COLUMNS} FROM resident_notice WHERE id = ?", id)  # noqa: S608  # constant
    return _notice(row) if row is not None and row[1] in people.family(connection, person) else None


def read(connection: Connection, id: str, now: int) -> None:
    """Note that a notice was read."""
    connection.execute("UPDATE resident_notice SET read = ? WHERE id = ? AND read IS NULL", (now, id))


def hand_over(connection: Connection, person: str, other: str, since: int) -> None:
    """Give what a resident was told since a moment to another one; where they heard of it goes: nobody knows whose."""
    connection.execute(
        "UPDATE OR REPLACE resident_notice SET person = ? WHERE person = ? AND at >= ?",
        (other, person, since),
    )
    connection.execute("DELETE FROM contact WHERE person = ? AND made >= ?", (person, since))
    connection.execute("DELETE FROM message WHERE person = ?", (person,))


def forget(connection: Connection, persons: Iterable[str]) -> None:
    """Delete everything that residents were told, and where."""
    for person in persons:
        for table in _TABLES:
            connection.execute(f"DELETE FROM {table} WHERE person = ?", (person,))  # noqa: S608  # constant


def clear(connection: Connection, before: int) -> None:
    """Delete notices from before a moment."""
    connection.execute("DELETE FROM resident_notice WHERE at < ?", (before,))


def first_seen(connection: Connection, person: str, hash: bytes, now: int) -> bool:
    """Note how a resident logs in; say whether they logged in before, but never so."""
    family = people.family(connection, person)
    known = {
        row[0]
        for id in family
        for row in rows(connection, "SELECT hash FROM known_login WHERE person = ?", id)
    }
    connection.execute("INSERT OR REPLACE INTO known_login VALUES (?, ?, ?)", (person, hash, now))
    return bool(known) and hash not in known


def announce(connection: Connection, kind: str, service: str, now: int) -> None:
    """Have everybody told who agrees to a service, some at a time."""
    connection.execute(
        "INSERT INTO announcement (kind, service, at, person) VALUES (?, ?, ?, '')", (kind, service, now)
    )


def announce_some(connection: Connection, most: int) -> bool:
    """Tell some of those who agree to a service; False if nothing is left to be announced."""
    waiting = one(connection, "SELECT number, kind, service, at, person FROM announcement ORDER BY number")
    if waiting is None:
        return False
    number, kind, service, at, last = waiting
    found = rows(
        connection,
        f"SELECT DISTINCT person FROM consent WHERE service = ? AND person > ? AND {_HOLDING}"  # noqa: S608  # constant
        " ORDER BY person LIMIT ?",
        service,
        last,
        most,
    )
    for (person,) in found:
        tell(connection, person, News(kind, {"service": service}, f"{kind}/{service}/{number}"), at)
    if len(found) < most:
        connection.execute("DELETE FROM announcement WHERE number = ?", (number,))
    else:
        connection.execute("UPDATE announcement SET person = ? WHERE number = ?", (found[-1][0], number))
    return True


def ending_soon(connection: Connection, days: int, now: int, most: int) -> bool:
    """Tell some of those a consent of whom ends within so many days; False if there are none (any more)."""
    mark = one(connection, "SELECT until, person, service, purpose FROM ending_mark WHERE days = ?", days)
    found = rows(
        connection,
        "SELECT DISTINCT until, person, service, purpose FROM consent INDEXED BY consent_lapsing"  # noqa: S608  # constant
        f" WHERE until > ? AND until <= ? AND until IS NOT NULL AND {_HOLDING}"
        " AND (until, person, service, purpose) > (?, ?, ?, ?) ORDER BY until, person, service, purpose LIMIT ?",
        max(now, mark[0] - 1 if mark else 0),
        now + days * DAY,
        *(mark or (0, "", "", "")),
        most,
    )
    for until, person, service, purpose in found:
        facts = {"service": service, "purpose": purpose, "days": days}
        tell(
            connection,
            person,
            News("consent-ends-soon", facts, f"ends/{days}/{service}/{purpose}/{until}"),
            now,
        )
    if found:
        connection.execute("INSERT OR REPLACE INTO ending_mark VALUES (?, ?, ?, ?, ?)", (days, *found[-1]))
    return len(found) == most


def waiting(connection: Connection, now: int) -> bool:
    """Say whether anybody is to be told of something that is announced, or that ends soon."""
    return one(connection, "SELECT 1 FROM announcement LIMIT 1") is not None or any(
        _soon(connection, days, now) for days in rules.SOON
    )


def _soon(connection: Connection, days: int, now: int) -> bool:
    mark = int(value(connection, "SELECT until FROM ending_mark WHERE days = ?", days) or 0)
    sql = (
        "SELECT max(until) FROM consent INDEXED BY consent_lapsing"  # noqa: S608  # constant
        f" WHERE until <= ? AND until IS NOT NULL AND {_HOLDING}"
    )
    latest = value(connection, sql, now + days * DAY)
    return latest is not None and latest > now and latest >= mark


def _write(connection: Connection, person: str, news: News, now: int) -> bool:
    """Write a notice, or join it with one that tells the same; say whether there is news in it."""
    before = None
    if news.same:
        sql = "SELECT id, facts FROM resident_notice WHERE person = ? AND same = ?"
        before = one(connection, sql, person, news.same)
    facts = dict(news.facts) if before is None else rules.joined(orjson.loads(before[1]), news.facts)
    text = orjson.dumps(facts, option=orjson.OPT_SORT_KEYS).decode()
    if before is None:
        connection.execute(
            "INSERT INTO resident_notice (id, person, kind, facts, same, at) VALUES (?, ?, ?, ?, ?, ?)",
            (fresh("n_"), person, news.kind, text, news.same, now),
        )
        return True
    if before[1] != text:
        sql = "UPDATE resident_notice SET facts = ?, at = ?, read = NULL WHERE id = ?"
        connection.execute(sql, (text, now, before[0]))
    return bool(before[1] != text)


def _notice(row: tuple[Any, ...]) -> Notice:
    id, person, kind, facts, at, read = row
    return Notice(id, person, kind, orjson.loads(facts), at, read)
