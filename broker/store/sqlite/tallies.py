"""Counts of types and attributes among what is visible to some, kept while nothing changes. (5.7.5, 5.7.8)"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from base.database import Connection
from base.recent import Recent
from broker.language.visibility import Visibility
from broker.store.contract import Mark
from broker.store.sqlite import search, tally
from broker.store.sqlite.names import Names
from broker.store.sqlite.search import Budget, Unfinished

MOST_KEPT: Final = 16

Counters = dict[tally.Entry, int]
Work = Callable[[Connection, Names], Any]


class Tallies:
    """What was counted last for those who see the same."""

    def __init__(self, in_thread: Callable[[Work], Awaitable[Any]], seconds: float) -> None:
        self._in_thread, self._seconds = in_thread, seconds
        self._kept: Recent[Visibility, tuple[Mark, Counters]] = Recent(MOST_KEPT)

    async def counted(self, visibility: Visibility, mark: Callable[[], Mark], now: int) -> Counters:
        """Count what is visible, entity by entity: what one rule hides of it, another may show."""
        before, kept = mark(), self._kept.get(visibility)
        lasts = before.until is None or now < before.until
        if kept is not None and kept[0] == before and lasts:
            return kept[1]
        budget = Budget(self._seconds)
        try:
            counted: Counters = await self._in_thread(
                lambda connection, names: search.tallied(connection, names, visibility, now, budget)
            )
        except Unfinished as error:
            raise search.too_complex(self._seconds) from error
        if lasts and mark() == before:
            self._kept[visibility] = before, counted
        return counted
