"""The way through the tables to the entities that a condition may mean, in the order of their keys."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

from base.database import Connection
from broker.store.contract import Stamp
from broker.store.sqlite.conditions import KEY, Bindings, Condition
from broker.store.sqlite.reading import Found, read_together

FEW: Final = 200
_COLUMNS: Final = "e.key, e.id, e.version, e.expires"
_FIRST_CHUNK: Final = 24
_LARGEST_CHUNK: Final = 256
_CHUNK_BYTES: Final = 400_000
_OF_TYPE: Final = "t.entity"
_IN_ORDER: Final = "SELECT json_group_array(key) FROM (SELECT DISTINCT key FROM found ORDER BY key)"
_PAGE_OF_TYPE: Final = (
    f"SELECT {_COLUMNS} FROM entity e WHERE e.key IN "  # noqa: S608  # own text
    "(SELECT entity FROM entity_type WHERE type = ? ORDER BY entity LIMIT ? OFFSET ?) ORDER BY e.key"
)
_OF_KEYS: Final = "entity e WHERE e.key IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class Way:
    """A way to the entities of a condition; `exact`: to no others."""

    connection: Connection
    condition: Condition | None
    exact: bool
    enough: int | None  # how many are looked for; None: all

    def stamps(self, limit: int, offset: int) -> list[Stamp]:
        """Give those entities that may be meant, in the order of their keys."""
        if self._only_type():
            sql, bindings = _PAGE_OF_TYPE, self.condition.bindings if self.condition else ()
        else:
            sql, bindings = self._page()
        rows: Any = self.connection.execute(sql, (*bindings, limit, offset))
        return [Stamp(id, version, expires, key) for key, id, version, expires in rows]

    def _page(self) -> tuple[str, Bindings]:
        source, order, bindings = self._source()
        sql = f"SELECT {_COLUMNS} FROM {source} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608  # own text, bound values
        return sql, bindings

    def stamps_by_id(self, limit: int, offset: int) -> list[Stamp]:
        """Give those entities that may be meant, in the order of their ids."""
        condition, order = self.condition, "e.id"
        if condition is None:
            source, bindings = "entity e WHERE true", ()
        elif condition.estimate <= FEW or condition.estimate**2 <= (offset + limit) * self._entities():
            source, bindings, order = (
                f"entity e WHERE {KEY} IN ({condition.keys})",
                condition.bindings,
                "+e.id",
            )
        else:  # along the index of ids
            source, bindings = f"entity e WHERE {condition.test}", condition.bindings
        sql = f"SELECT {_COLUMNS} FROM {source} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608  # own text, bound values
        rows: Any = self.connection.execute(sql, (*bindings, limit, offset))
        return [Stamp(id, version, expires, key) for key, id, version, expires in rows]

    def _entities(self) -> int:
        """Say about how many entities there are."""
        return int(self.connection.execute("SELECT max(key) FROM entity").get or 0)

    def count(self) -> int:
        """Count them."""
        condition = self.condition
        if condition is None:
            return int(self.connection.execute("SELECT count(*) FROM entity").get)
        if self._only_type():
            return condition.estimate
        sql = f"WITH found (key) AS ({condition.keys}) SELECT count(DISTINCT key) FROM found"  # noqa: S608  # own text
        return int(self.connection.execute(sql, condition.bindings).get)

    def documents(self, parts: tuple[str, ...] | None) -> Iterator[Found]:
        """Run through them, in the order of their keys, with (parts of) their documents; not far ahead."""
        if self._sparse():
            yield from self._documents_of_keys(parts)
            return
        source, order, bindings = self._source()
        size, last = _FIRST_CHUNK, -1
        while True:
            rows = f"{source} AND {order} > ? ORDER BY {order} LIMIT ?"
            chunk, length = read_together(self.connection, rows, (*bindings, last, size), parts)
            yield from chunk
            if len(chunk) < size:
                return
            last, size = chunk[-1][0], _next_size(len(chunk), length)

    def _documents_of_keys(self, parts: tuple[str, ...] | None) -> Iterator[Found]:
        condition = self.condition
        assert condition
        sql = f"WITH found (key) AS ({condition.keys}) {_IN_ORDER}"
        keys: list[int] = orjson.loads(str(self.connection.execute(sql, condition.bindings).get))
        size = _FIRST_CHUNK
        while keys:
            wanted, keys = keys[:size], keys[size:]
            chunk, length = read_together(self.connection, _OF_KEYS, (orjson.dumps(wanted).decode(),), parts)
            yield from chunk
            size = _next_size(len(chunk), length)

    def _only_type(self) -> bool:
        """Say whether the condition is being of one type, and nothing else."""
        condition = self.condition
        return condition is not None and condition.type is not None and not condition.beside_type[0]

    def _sparse(self) -> bool:
        """Say whether to collect the keys of all costs less than to walk until enough are found."""
        condition = self.condition
        if condition is None or self._only_type():
            return False
        if condition.at_once:
            return True
        if condition.type is not None and condition.estimate >= condition.of_type:
            return False
        if self.enough is None or condition.estimate <= FEW:
            return True
        walked = condition.of_type or self._entities()
        return condition.estimate**2 <= self.enough * walked

    def _source(self) -> tuple[str, str, Bindings]:
        """Give what follows FROM, the column of the order, and the bindings."""
        condition = self.condition
        if condition is None:
            return "entity e WHERE true", KEY, ()
        if self._sparse():
            return f"entity e WHERE {KEY} IN ({condition.keys})", KEY, condition.bindings
        if condition.type is None:
            return f"entity e WHERE {condition.test}", KEY, condition.bindings
        # tests of the type's rows come before the entity is looked up
        test, bindings = condition.beside_type
        rest = f" AND {test.replace(KEY, _OF_TYPE)}" if test else ""
        source = f"entity_type t CROSS JOIN entity e ON {KEY} = {_OF_TYPE} WHERE t.type = ?{rest}"
        return source, _OF_TYPE, (condition.type, *bindings)


def _next_size(count: int, length: int) -> int:
    return max(1, min(_LARGEST_CHUNK, 4 * count, _CHUNK_BYTES * count // max(length, 1)))
