"""Entities of several sources as one list in the order of their ids, as much of it as is needed. (4.3.6.7, 5.5.9)

Each source gives its list piece by piece. As far as the least advanced list reaches, all that is told of an entity is
known, and what comes first in the order is certain; a list without a known order must come to its end for that.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import merge
from itertools import islice
from time import perf_counter
from typing import Final, TypeVar

from base.errors import Problem, TooManyResults
from broker.federation.beside import LIGHT, Beside
from broker.federation.joining import Version, join
from broker.language.sources import Match
from broker.language.visibility import Visibility
from broker.model.document import Document

Read = Callable[[], Document | None]
"""Reads one entity of a list, when it is needed; Problem if it is invalid."""
Judge = Callable[[Document], Document | None]
"""Gives what of a joined entity comes into the result; None: nothing."""

FEWEST: Final = 20
"""Entities asked of a source at once, at least."""
LONGEST_TURN: Final = 0.01
"""Seconds of reading and joining before others have their turn."""
AT_ONE_GO: Final = 64
"""Entities read and joined at one go, beside the event loop where sources told much."""
COUNTED: Final = 500
"""Entities counted at one go."""
_ENTRY: Final = 100  # what an id weighs

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a list: its entities, how long it was as given, whether more follow, whether in the order of ids.

    `weight`: about how many bytes of memory it takes."""

    entities: Mapping[str, Read]
    length: int
    more: bool = False
    in_order: bool = False
    weight: int = 0


Give = Callable[[int, int, bool], Awaitable[Piece]]
"""Gives a piece of a list: at most so many entities, after so many; or what is needed to count them."""


@dataclass(slots=True)
class Giver:
    """One list: what is known of it so far."""

    give: Give
    match: Match | None  # None: what is held here
    likely: Callable[[str], None] | None = (
        None  # raises a Problem if an entity would not be shown, told without reading all of it
    )
    entities: dict[str, Read] = field(default_factory=dict)
    length: int = 0
    complete: bool = False
    weight: int = 0
    reach: str = ""  # up to this id the list is known

    async def go_on(self, limit: int, beside: Beside, *, counting: bool = False) -> None:
        """Take the next piece."""
        piece = await self.give(limit, self.length, counting and self.likely is not None)
        await beside.run(piece.weight, self._take, piece)

    def _take(self, piece: Piece) -> None:
        last = max(piece.entities, default="")
        in_order = piece.in_order and list(piece.entities) == sorted(piece.entities) and last >= self.reach
        for id, read in piece.entities.items():
            self.entities.setdefault(id, read)
        self.length += piece.length
        self.weight += piece.weight
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
        beside: Beside,
        judge: Judge | None = None,
        seen: Visibility | None = None,
    ) -> None:
        """`unreadable` is told whose entity was left out and why, `excessive` whose list was, too long by itself.

        `judge`: what of the entities is wanted; `seen`: what of each part the caller may see."""
        self._givers = list(givers)
        self._proxied, self._now, self._most = proxied, now, most
        self._unreadable, self._excessive, self._judge = unreadable, excessive, judge
        self._beside, self._seen = beside, seen
        self._judged: dict[str, Document | None] = {}
        self._complaints: list[tuple[Match, Problem]] = []
        self._turn = perf_counter()

    async def first(self, number: int) -> Gathered:
        """Give the first so many entities, and whether these are all."""
        size = max(FEWEST, number + 1)
        while True:
            reach = self._reach()
            documents: list[Document] = []
            ids = self._ids(reach)
            while some := list(islice(ids, min(AT_ONE_GO, number + 1))):
                documents += await self._work(self._shown, some, some)
                if len(documents) > number:
                    return Gathered(documents[:number], False)
            if reach is None:
                return Gathered(documents, True)
            await self._advance(reach, size)

    async def count(self) -> int:
        """Count all entities, the last thing asked of a gathering: not all of them may have been read."""
        while self._reach() is not None:
            await self._advance(None, self._most, counting=self._plain)
        found, ids = 0, self._ids(None)
        while some := list(islice(ids, COUNTED)):
            found += await self._work(self._counted, some, [id for id in some if not self._tellable(id)])
        return found

    async def everything(self, *, judged: bool = False) -> dict[str, list[Giver]]:
        """Give all ids in their order, each with the lists that tell of it; unless `judged` nothing is read."""
        while self._reach() is not None:
            await self._advance(None, self._most, counting=not judged)
        number = sum(len(giver.entities) for giver in self._givers)
        found = await self._beside.run(_ENTRY * number, self._lists)
        if not judged:
            return found
        kept: dict[str, list[Giver]] = {}
        ids = iter(found)
        while some := list(islice(ids, AT_ONE_GO)):
            shown = await self._work(self._shown, some, some)
            kept |= {document["id"]: found[document["id"]] for document in shown}
        return kept

    # at one go, maybe in a thread

    async def _work(self, work: Callable[[Sequence[str]], T], some: Sequence[str], read: Iterable[str]) -> T:
        """Do work on some entities; what is held here of those to be `read` is read before, for no thread may."""
        if perf_counter() - self._turn > LONGEST_TURN:
            await asyncio.sleep(0)  # others have their turn
            self._turn = perf_counter()
        weight = sum(giver.weight for giver in self._givers)
        if weight > LIGHT:
            here = [giver.entities for giver in self._givers if giver.match is None]
            for id in read:
                for entities in here:
                    if id in entities:
                        entities[id]()
        try:
            return await self._beside.run(weight, work, some)
        finally:
            complaints, self._complaints = self._complaints, []
            for match, problem in complaints:
                self._unreadable(match, problem)

    def _shown(self, some: Sequence[str]) -> list[Document]:
        found = map(self._entity, some)
        return [document for document in found if document is not None]

    def _counted(self, some: Sequence[str]) -> int:
        return sum(map(self._counts, some))

    def _counts(self, id: str) -> bool:
        """Say whether an entity comes into the result; not all of it is read for that if it need not be."""
        if id in self._judged:
            return self._judged[id] is not None
        if self._tellable(id):
            told = [self._likely(giver, id) for giver in self._givers if id in giver.entities]
            return any(told)
        return self._made(id) is not None

    @property
    def _plain(self) -> bool:
        """Say whether every entity comes into the result that some source tells of."""
        return self._judge is None and self._seen is None and not self._proxied

    def _tellable(self, id: str) -> bool:
        """Say whether it can be told without reading an entity whether it comes into the result."""
        return self._plain and all(giver.likely for giver in self._givers if id in giver.entities)

    def _likely(self, giver: Giver, id: str) -> bool:
        try:
            if giver.likely is not None:
                giver.likely(id)
        except Problem as problem:
            self._complain(giver, problem)
            return False
        return True

    def _lists(self) -> dict[str, list[Giver]]:
        found: dict[str, list[Giver]] = {}
        for giver in self._givers:
            for id in giver.entities:
                found.setdefault(id, []).append(giver)
        return {id: found[id] for id in sorted(found)}

    # going on

    def _reach(self) -> str | None:
        """Say up to which id all lists are known; None: all to their ends."""
        return min((giver.reach for giver in self._givers if not giver.complete), default=None)

    async def _advance(self, reach: str | None, size: int, *, counting: bool = False) -> None:
        """Take the next pieces of the least advanced lists, or of all that go on."""
        behind = [one for one in self._givers if not one.complete and (reach is None or one.reach <= reach)]
        await asyncio.gather(
            *[
                one.go_on(
                    size if one.reach or not one.length else self._most, self._beside, counting=counting
                )
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
            self._judged[id] = self._made(id)
        return self._judged[id]

    def _made(self, id: str) -> Document | None:
        joined = join(self._versions(id), self._proxied, self._now, self._seen)
        return joined if joined is None or self._judge is None else self._judge(joined)

    def _versions(self, id: str) -> Iterator[Version]:
        for giver in self._givers:
            read = giver.entities.get(id)
            if read is None:
                continue
            try:
                document = read()
            except Problem as problem:
                self._complain(giver, problem)
                continue
            if document is not None:
                yield Version(document, giver.match.source if giver.match else None)

    def _complain(self, giver: Giver, problem: Problem) -> None:
        """Note that an entity of a source is left out; it is told when no thread is at work."""
        assert giver.match
        self._complaints.append((giver.match, problem))
