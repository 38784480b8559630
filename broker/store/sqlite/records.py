"""Subscriptions, @contexts, records of other kinds: JSON objects under a name, in the order of their creation."""

from typing import Any

import orjson

from base.database import Connection


def subscriptions(connection: Connection) -> list[dict[str, Any]]:
    """Read all subscriptions."""
    rows = connection.execute("SELECT body FROM subscription ORDER BY place")
    return [orjson.loads(body) for (body,) in rows]


def has_subscription(connection: Connection, id: str) -> bool:
    """Say whether a subscription is kept."""
    return bool(connection.execute("SELECT 1 FROM subscription WHERE id = ?", (id,)).get)


def add_subscription(connection: Connection, id: str, body: dict[str, Any]) -> None:
    """Keep a new subscription."""
    connection.execute("INSERT INTO subscription (id, body) VALUES (?, ?)", (id, orjson.dumps(body)))


def replace_subscription(connection: Connection, id: str, body: dict[str, Any]) -> None:
    """Replace a subscription where it still exists."""
    connection.execute("UPDATE subscription SET body = ? WHERE id = ?", (orjson.dumps(body), id))


def drop_subscription(connection: Connection, id: str) -> None:
    """Forget a subscription."""
    connection.execute("DELETE FROM subscription WHERE id = ?", (id,))


def contexts(connection: Connection) -> list[dict[str, Any]]:
    """Read all kept @contexts."""
    rows = connection.execute("SELECT body FROM context ORDER BY place")
    return [orjson.loads(body) for (body,) in rows]


def put_context(connection: Connection, url: str, row: dict[str, Any] | None) -> None:
    """Keep, replace or (None) forget an @context."""
    if row is None:
        connection.execute("DELETE FROM context WHERE url = ?", (url,))
    else:
        connection.execute(
            "INSERT INTO context (url, body) VALUES (?, ?) ON CONFLICT (url) DO UPDATE SET body = excluded.body",
            (url, orjson.dumps(row)),
        )


def of_kind(connection: Connection, kind: str) -> list[dict[str, Any]]:
    """Read all records of a kind, expired ones included."""
    rows = connection.execute("SELECT body FROM record WHERE kind = ? ORDER BY place", (kind,))
    return [orjson.loads(body) for (body,) in rows]


def find(connection: Connection, kind: str, id: str) -> dict[str, Any] | None:
    """Read one record."""
    body: Any = connection.execute("SELECT body FROM record WHERE kind = ? AND id = ?", (kind, id)).get
    return None if body is None else orjson.loads(body)


def add(connection: Connection, kind: str, id: str, body: dict[str, Any], expires: int | None) -> None:
    """Keep a new record."""
    connection.execute(
        "INSERT INTO record (kind, id, expires, body) VALUES (?, ?, ?, ?)",
        (kind, id, expires, orjson.dumps(body)),
    )


def replace(connection: Connection, kind: str, id: str, body: dict[str, Any], expires: int | None) -> None:
    """Replace a record where it still exists."""
    connection.execute(
        "UPDATE record SET body = ?, expires = ? WHERE kind = ? AND id = ?",
        (orjson.dumps(body), expires, kind, id),
    )


def drop(connection: Connection, kind: str, id: str) -> None:
    """Forget a record."""
    connection.execute("DELETE FROM record WHERE kind = ? AND id = ?", (kind, id))


def expired(connection: Connection, now: int) -> list[tuple[str, str]]:
    """Name the records (kind, id) whose time is over."""
    return list(connection.execute("SELECT kind, id FROM record WHERE expires <= ? ORDER BY place", (now,)))
