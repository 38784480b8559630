"""The items of personal data that a municipality knows: the built-in ones, and those it added itself."""

from collections.abc import Mapping

import orjson

from base.database import Connection
from personal.store.town import one, rows
from schemas.personal import catalogue
from schemas.personal.catalogue import Item


def find(connection: Connection, code: str) -> Item | None:
    """Find an item by its code, as its newest version describes it."""
    built_in = catalogue.items().get(code)
    if built_in is not None:
        return built_in
    row = one(connection, "SELECT description FROM item WHERE code = ? ORDER BY version DESC", code)
    return None if row is None else catalogue.read_text(row[0])


def listed(connection: Connection) -> Mapping[str, Item]:
    """Give all items by their codes, each as its newest version describes it."""
    own = {
        code: catalogue.read_text(description)
        for code, description in rows(connection, "SELECT code, description FROM item ORDER BY code, version")
    }
    return {**own, **catalogue.items()}


def put(connection: Connection, item: Item, now: int) -> None:
    """Write a version of an item."""
    connection.execute(
        "INSERT INTO item VALUES (?, ?, ?, ?)",
        (item.code, item.version, orjson.dumps(dict(item.schema)).decode(), now),
    )
