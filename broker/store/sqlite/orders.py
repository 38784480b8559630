"""Orders computed for a page, kept for the pages after it while nothing changes. (4.23, 5.5.9)"""

from array import array
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import orjson

from base.database import Connection
from base.recent import Recent
from broker.language.ordering import Ordering
from broker.language.selection import Selection, Window
from broker.store.contract import Mark, Page, Stamp
from broker.store.sqlite import search
from broker.store.sqlite.names import Names
from broker.store.sqlite.search import Budget, Unfinished

MOST_KEPT: Final = 4
LONG_PAGE: Final = 1_000  # entities: a longer page is cut in a thread
LONGEST: Final = 100_000  # entities: a longer order is not kept

_OF_KEYS: Final = "SELECT key, id, version, expires FROM entity WHERE key IN (SELECT value FROM json_each(?))"


Work = Callable[[Connection, Names], Any]


class Orders:
    """The keys of entities in the orders that were asked for last."""

    def __init__(
        self, connection: Connection, in_thread: Callable[[Work], Awaitable[Any]], seconds: float
    ) -> None:
        self._connection, self._in_thread, self._seconds = connection, in_thread, seconds
        self._kept: Recent[tuple[Selection, Ordering], tuple[Mark, array[int]]] = Recent(MOST_KEPT)

    async def page(
        self, selection: Selection, window: Window, ordering: Ordering, mark: Callable[[], Mark], now: int
    ) -> Page:
        """Cut a page from an order; the whole of it is computed where it is not kept, and serves other pages too."""
        before = mark()
        kept = self._kept.get((selection, ordering))
        if kept is not None and kept[0] == before and (before.until is None or now < before.until):
            keys = kept[1]
        else:
            keys = await self._computed(selection, ordering, now)
            if mark() == before and len(keys) <= LONGEST:
                self._kept[selection, ordering] = before, keys
        if window.limit <= LONG_PAGE:
            return cut(self._connection, keys, window)
        page: Page = await self._in_thread(lambda connection, _: cut(connection, keys, window))
        return page

    async def _computed(self, selection: Selection, ordering: Ordering, now: int) -> "array[int]":
        budget = Budget(self._seconds)
        try:
            keys: array[int] = await self._in_thread(
                lambda connection, names: search.order(connection, names, selection, ordering, now, budget)
            )
        except Unfinished as error:
            raise search.too_complex(self._seconds) from error
        return keys


def cut(connection: Connection, keys: Sequence[int], window: Window) -> Page:
    """Cut a page from an order."""
    end = window.offset + window.limit
    wanted = list(keys[window.offset : end])
    rows: Any = connection.execute(_OF_KEYS, (orjson.dumps(wanted).decode(),))
    found = {key: Stamp(id, version, expires, key) for key, id, version, expires in rows}
    stamps = [found[key] for key in wanted if key in found]
    return Page(stamps, len(keys) if window.count else None, len(keys) > end)
