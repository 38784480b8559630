"""Entities of several sources as one list in the order of their ids, as much of it as is needed. (4.3.6.7, 5.5.9)

Each source gives its list piece by piece. As far as the least advanced list reaches, all that is told of an entity is
known, and what comes first in the order is certain; a list without a known order must come to its end for that.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import merge
from time import perf_counter
from typing import Final

from base.errors import Problem, TooManyResults
from broker.federation.joining import Version, join
from broker.language.sources import Match
from broker.model.document import Document

Read = Callable[[], Document | None]
"""Reads one entity of a list, when it is needed; Problem if it is invalid."""
Judge = Callable[[Document], Document | None]
"""Gives what of a joined entity comes into the result; None: nothing."""

FEWEST: Final = 20
"""Entities asked of a source at once, at least."""
LONGEST_TURN: Final = 0.01
"""Seconds of reading and joining before others have their turn."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a list: its entities, how long it was as given, whether more follow, whether in the order of ids."""

    entities: Mapping[str, Read]
    length: int
    more: bool = False
    in_order: bool = False


Give = Callable[[int, int, bool], Awaitable[Piece]]
"""Gives a piece of a list: at most so many entities, after so many; or what is needed to count them."""


@dataclass(slots=True)
class Giver:
    """One list: what is known of it so far."""

    give: Give
    match: Match | None  # None: what is held here
    likely: Callable[[str], bool] | None = (
        None  # whether an entity would be shown, told without reading all of it
    )
    entities: dict[str, Read] = field(default_factory=dict)
    length: int = 0
    complete: bool = False
    reach: str = ""  # up to this id the list is known

    async def go_on(self, limit: int, *, counting: bool = False) -> None:
        """Take the next piece."""
        piece = await self.give(limit, self.length, counting and self.likely is not None)
        last = max(piece.entities, default="")
        in_order = piece.in_order and list(piece.entities) == sorted(piece.entities) and last >= self.reach
        for id, read in piece.entities.items():
            self.entities.setdefault(id, read)
        self.length += piece.length
        self.complete = not piece.more or not piece.length
        self.reach = last if in_order and piece.entities else ""


@dataclass(slots=True)
class Gathered:
    """Entities in the order of their ids, and of each which lists tell of it."""

    documents: list[Document]
    ends: bool  # whether there are no more


class Gathering:
    """One question put to several givers."""

    def __init__(
        self,
        givers: Sequence[Giver],
        proxied: Sequence[Match],
        now: int,
        most: int,
        unreadable: Callable[[Match, Problem], None],
        excessive: Callable[[Match], None],
        judge: Judge | None = None,
    ) -> None:
        """`unreadable` is told whose entity was left out and why, `excessive` whose list was, too long by itself.

        `judge`: what of the entities is wanted."""
        self._givers = list(givers)
        self._proxied, self._now, self._most = proxied, now, most
        self._unreadable, self._excessive, self._judge = unreadable, excessive, judge
        self._judged: dict[str, Document | None] = {}

    async def first(self, number: int) -> Gathered:
        """Give the first so many entities, and whether these are all."""
        size, turn = max(FEWEST, number + 1), perf_counter()
        while True:
            reach = self._reach()
            documents = []
            for id in self._ids(reach):
                if perf_counter() - turn > LONGEST_TURN:
                    await asyncio.sleep(0)  # others have their turn
                    turn = perf_counter()
                document = self._entity(id)
                if document is not None:
                    documents.append(document)
                    if len(documents) > number:
                        return Gathered(documents[:number], False)
            if reach is None:
                return Gathered(documents, True)
            await self._advance(reach, size)

    async def count(self) -> int:
        """Count all entities, the last thing asked of a gathering: not all of them may have been read."""
        counting = self._judge is None and not self._proxied
        while self._reach() is not None:
            await self._advance(None, self._most, counting=counting)
        return sum(map(self._counts, self._ids(None)))

    def _counts(self, id: str) -> bool:
        """Say whether an entity comes into the result; not all of it is read for that if it need not be."""
        if id not in self._judged and self._judge is None and not self._proxied:
            judging = [giver.likely for giver in self._givers if id in giver.entities]
            if all(judging):
                return any(likely(id) for likely in judging if likely is not None)
        return self._entity(id) is not None

    async def everything(self, *, judged: bool = False) -> dict[str, list[Giver]]:
        """Give all ids in their order, each with the lists that tell of it; unless `judged` nothing is read."""
        while self._reach() is not None:
            await self._advance(None, self._most)
        found: dict[str, list[Giver]] = {}
        for giver in self._givers:
            for id in giver.entities:
                found.setdefault(id, []).append(giver)
        ids = [id for id in sorted(found) if not judged or self._entity(id) is not None]
        return {id: found[id] for id in ids}

    def _reach(self) -> str | None:
        """Say up to which id all lists are known; None: all to their ends."""
        return min((giver.reach for giver in self._givers if not giver.complete), default=None)

    async def _advance(self, reach: str | None, size: int, *, counting: bool = False) -> None:
        """Take the next pieces of the least advanced lists, or of all that go on."""
        behind = [one for one in self._givers if not one.complete and (reach is None or one.reach <= reach)]
        await asyncio.gather(
            *[
                one.go_on(size if one.reach or not one.length else self._most, counting=counting)
                for one in behind
            ]
        )
        while sum(len(giver.entities) for giver in self._givers) > self._most:
            self._leave_out(max(self._givers, key=lambda giver: len(giver.entities)))

    def _leave_out(self, longest: Giver) -> None:
        """Leave out the list of a source that is too long by itself: what the others have is not lost for it."""
        if longest.match is None or len(longest.entities) <= self._most // 2:
            raise TooManyResults(
                f"There are more than {self._most} entities for this here and at sources; narrow the query."
            )
        longest.entities, longest.complete = {}, True
        self._excessive(longest.match)

    def _ids(self, reach: str | None) -> Iterator[str]:
        last = None
        for id in merge(*[sorted(giver.entities) for giver in self._givers]):
            if reach is not None and id > reach:
                return
            if id != last:
                yield id
            last = id

    def _entity(self, id: str) -> Document | None:
        """Join what all lists tell of an entity; None if it does not come into the result."""
        if id not in self._judged:
            joined = join(self._versions(id), self._proxied, self._now)
            if joined is not None and self._judge is not None:
                joined = self._judge(joined)
            self._judged[id] = joined
        return self._judged[id]

    def _versions(self, id: str) -> Iterator[Version]:
        for giver in self._givers:
            read = giver.entities.get(id)
            if read is None:
                continue
            try:
                document = read()
            except Problem as problem:
                assert giver.match
                self._unreadable(giver.match, problem)
                continue
            if document is not None:
                yield Version(document, giver.match.source if giver.match else None)
