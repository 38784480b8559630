"""Notifications on their way: waiting, retried, given up, put back. (DESIGN 2.6)"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from base.database import Connection
from broker.store.contract import Message

_COLUMNS: Final = "seq, id, subscription, endpoint, body, headers, created, attempts, due, error"
_INSERT: Final = f"INSERT INTO outbox ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  # constants


def keep(connection: Connection, messages: Iterable[Message]) -> None:
    """Write new messages."""
    connection.executemany(_INSERT, [_row(message) for message in messages])


def numbered(message: Message, seq: int) -> Message:
    """Give the message its place in the outbox."""
    return Message(
        message.id,
        message.subscription,
        message.endpoint,
        message.body,
        message.headers,
        message.created,
        seq,
        message.attempts,
        message.due,
        message.error,
    )


def waiting(connection: Connection, endpoint: str | None, after: int, limit: int) -> list[Message]:
    """Read undelivered messages in order, of one endpoint or all."""
    if endpoint is None:
        return _read(connection, "outbox WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit))
    clause = "outbox WHERE endpoint = ? AND seq > ? ORDER BY seq LIMIT ?"
    return _read(connection, clause, (endpoint, after, limit))


def dead_letters(connection: Connection, after: int, limit: int) -> list[Message]:
    """Read messages that were given up."""
    return _read(connection, "dead_letter WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit))


def endpoints(connection: Connection) -> list[str]:
    """Name the endpoints with undelivered messages, one index step each."""
    rows = connection.execute(
        "WITH RECURSIVE each (endpoint) AS (SELECT min(endpoint) FROM outbox UNION ALL "
        "SELECT (SELECT min(endpoint) FROM outbox o WHERE o.endpoint > each.endpoint) FROM each "
        "WHERE each.endpoint IS NOT NULL) SELECT endpoint FROM each WHERE endpoint IS NOT NULL"
    )
    return [endpoint for (endpoint,) in rows]


def size(connection: Connection) -> int:
    """Count the undelivered messages."""
    return int(connection.execute("SELECT count(*) FROM outbox").get)


def dead_size(connection: Connection) -> int:
    """Count the dead letters."""
    return int(connection.execute("SELECT count(*) FROM dead_letter").get)


def drop(connection: Connection, seqs: Iterable[int]) -> int:
    """Forget delivered messages; say how many there were."""
    before = connection.total_changes()
    connection.executemany("DELETE FROM outbox WHERE seq = ?", [(seq,) for seq in seqs])
    return connection.total_changes() - before


def retry(connection: Connection, messages: Iterable[Message]) -> None:
    """Keep what a failed attempt changed."""
    connection.executemany(
        "UPDATE outbox SET attempts = ?, due = ?, error = ? WHERE seq = ?",
        [(message.attempts, message.due, message.error, message.seq) for message in messages],
    )


def bury(connection: Connection, messages: Sequence[Message], most: int) -> int:
    """Move messages to the dead letters, of which the newest `most` are kept; say how many moved."""
    retry(connection, messages)
    connection.executemany(
        f"INSERT OR REPLACE INTO dead_letter ({_COLUMNS}) SELECT {_COLUMNS} FROM outbox WHERE seq = ?",  # noqa: S608  # constants
        [(message.seq,) for message in messages],
    )
    connection.execute(
        "DELETE FROM dead_letter WHERE seq IN (SELECT seq FROM dead_letter ORDER BY seq DESC LIMIT -1 OFFSET ?)",
        (most,),
    )
    return drop(connection, [message.seq for message in messages])


def raise_dead(connection: Connection, seqs: Sequence[int] | None, now: int) -> list[Message]:
    """Put dead letters back as due now, with no attempts behind them."""
    if seqs is None:
        found = dead_letters(connection, 0, -1)
    else:
        found = [m for seq in seqs for m in _read(connection, "dead_letter WHERE seq = ?", (seq,))]
    raised = [
        Message(m.id, m.subscription, m.endpoint, m.body, m.headers, m.created, m.seq, due=now)
        for m in {m.seq: m for m in found}.values()
    ]
    keep(connection, raised)
    connection.executemany("DELETE FROM dead_letter WHERE seq = ?", [(m.seq,) for m in raised])
    return raised


def forget_subscription(connection: Connection, subscription: str) -> int:
    """Drop everything that waits for a subscription; say how many messages left the outbox."""
    connection.execute("DELETE FROM dead_letter WHERE subscription = ?", (subscription,))
    before = connection.total_changes()
    connection.execute(
        "DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox INDEXED BY outbox_endpoint WHERE subscription = ?)",
        (subscription,),
    )
    return connection.total_changes() - before


def shed(connection: Connection, excess: int) -> int:
    """Drop the oldest messages that already failed, then the oldest of all; say how many."""
    before = connection.total_changes()
    connection.execute(
        "DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox ORDER BY attempts = 0, seq LIMIT ?)",
        (excess,),
    )
    return connection.total_changes() - before


def _read(connection: Connection, clause: str, bindings: Sequence[Any]) -> list[Message]:
    rows = connection.execute(f"SELECT {_COLUMNS} FROM {clause}", bindings)  # noqa: S608  # constants
    return [_message(row) for row in rows]


def _message(row: Sequence[Any]) -> Message:
    seq, id, subscription, endpoint, body, headers, created, attempts, due, error = row
    return Message(
        id, subscription, endpoint, body, orjson.loads(headers), created, seq, attempts, due, error
    )


def _row(m: Message) -> tuple[Any, ...]:
    return (
        m.seq,
        m.id,
        m.subscription,
        m.endpoint,
        m.body,
        _headers(m.headers),
        m.created,
        m.attempts,
        m.due,
        m.error,
    )


def _headers(headers: Mapping[str, str]) -> str:
    return orjson.dumps(dict(headers)).decode()
