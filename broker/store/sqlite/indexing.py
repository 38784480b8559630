"""Making value indexes in the background when queries had to look at many entities. (DESIGN 2.3)"""

import asyncio
from collections import Counter, deque
from typing import Final

from base.database import Connection, Writer
from broker.language.selection import Selection
from broker.language.tree import Op
from broker.store.sqlite.values import DROPPING, ValueIndexes

CHUNK: Final = 256
PAUSE: Final = 0.002
_WEIGHT: Final = 200


class Indexing:
    """Decides which attributes are indexed, and does the work by chunks that let other changes pass."""

    def __init__(
        self, connection: Connection, writer: Writer, values: ValueIndexes, *, most: int, threshold: int
    ) -> None:
        self._writer = writer
        self._values = values
        self._most = most
        self._threshold = threshold
        self._scanned: Counter[str] = Counter()
        self._clock = 0
        self._used: dict[str, int] = {}
        self._wanted: deque[str] = deque()
        self._dropped: deque[int] = deque()
        self._task: asyncio.Task[None] | None = None
        self._recall(connection)

    def note(self, selection: Selection, scanned: int) -> None:
        """Learn from a query which attributes it compared and how many documents it had to read."""
        if not selection.q:
            return
        for iri in selection.q.attributes:
            if iri in self._values.tracked:
                self._clock += 1
                self._used[iri] = self._clock
            elif self._most:
                self._scanned[iri] += scanned
                if self._scanned[iri] >= self._threshold and _comparable(selection, iri):
                    self._want(iri)
        self.resume()

    def resume(self) -> None:
        """Work in the background on what is wanted."""
        if (self._wanted or self._dropped) and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def close(self) -> None:
        """Stop; what is unfinished goes on after the next start."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def done(self) -> None:
        """Wait until nothing is left to do."""
        if self._task:
            await self._task

    def _recall(self, connection: Connection) -> None:
        rows = connection.execute(
            "SELECT i.attr, n.iri, i.reached, i.used FROM value_index i JOIN name n ON n.id = i.attr ORDER BY i.used"
        )
        for attr, iri, reached, used in rows:
            self._clock = max(self._clock, used)
            if reached == DROPPING:
                self._dropped.append(attr)
            else:
                self._used[iri] = used
                if reached is not None:
                    self._wanted.append(iri)

    def _want(self, iri: str) -> None:
        if iri not in self._wanted:
            del self._scanned[iri]
            self._wanted.append(iri)

    async def _work(self) -> None:
        while self._wanted or self._dropped:
            while self._dropped:
                if await self._clear(self._dropped[0]):
                    self._dropped.popleft()
            if self._wanted:
                await self._build(self._wanted[0])
                self._wanted.popleft()

    async def _clear(self, attr: int) -> bool:
        return await self._writer.run(lambda: self._values.clear(attr, 8 * CHUNK), weight=_WEIGHT)

    async def _build(self, iri: str) -> None:
        if iri not in self._values.tracked:
            await self._make_room()
            self._clock += 1
            self._used[iri] = self._clock
            await self._writer.run(
                lambda: self._values.begin(iri, self._clock), after=lambda _: self._values.reload()
            )
        complete = False
        while not complete:
            await asyncio.sleep(PAUSE)
            complete = await self._writer.run(lambda: self._values.take_in(iri, CHUNK), weight=_WEIGHT)

    async def _make_room(self) -> None:
        while len(self._values.tracked) >= self._most:
            least = min(self._values.tracked, key=lambda iri: self._used.get(iri, 0))
            self._used.pop(least, None)
            self._dropped.append(self._values.tracked[least])
            await self._writer.run(
                lambda least=least: self._values.drop(least),  # type: ignore[misc]  # a default binds the loop's value
                after=lambda _: self._values.reload(),
            )


def _comparable(selection: Selection, iri: str) -> bool:
    """Say whether rows of values would help the query."""
    query = selection.q
    return query is not None and any(
        term.op is not Op.ABSENT
        and iri in (term.path.hops[0].names if term.path.hops else term.path.names)[:1]
        for term in query.terms()
    )
