"""One source asked for Temporal Evolutions: page by page, and each page as far in time as it goes. (5.7.4.4, 6.3.10)"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from base.errors import Problem
from broker.federation import evolution_requests, evolving, reading
from broker.federation.asking import Outcome, Request
from broker.federation.evolving import Evolving
from broker.federation.inquiry import LARGEST, Inquiry
from broker.language.selection import EntitySelector
from broker.language.span import Span
from broker.language.timerel import TemporalQuery
from broker.model.document import SCOPE
from broker.model.temporal import moment
from broker.operations.distributed_reading import Asked

AT_ONE_GO: Final = 16
"""Entities read before others have their turn."""
AT_ONCE: Final = 100
"""Entities asked of a source in one request."""
MOST_FRUITLESS: Final = 10
"""Pages of a source, one after the other, that tell of no further entity."""
MOST_ROUNDS: Final = 50
"""Requests for one page of a source that tells it part by part."""

Asking = Callable[[Span | None, str | None], Request]
"""Writes a request for a part of time, by the map that the source made or (None) without."""
Answered = Callable[[Outcome], Sequence[dict[str, Any]] | None]


@dataclass(frozen=True, slots=True)
class Question:
    """What is the same for all sources; `filters`: parameters by which they filter, `most`: instances to keep."""

    asks: Inquiry
    query: TemporalQuery
    filters: Mapping[str, str]
    most: int


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some entities of a source, how many there were in the answer; `cut`: instances beyond that time are missing."""

    told: Sequence[Evolving]
    length: int
    more: bool
    cut: int | None


@dataclass(slots=True)
class Giver:
    """A source and what it told: which entities it has, and as far as that is not too much, what they are."""

    question: Question
    asked: Asked
    known: set[str] = field(default_factory=set)
    told: dict[str, list[Evolving]] = field(default_factory=dict)
    cuts: dict[str, int] = field(default_factory=dict)
    map: str | None = None  # the id of the map that the source made of its entities
    _size: int = 0  # instances held

    async def ask(self, most: int) -> None:
        """Ask which entities there are; what they are is kept as long as it is not too much."""
        offset, more, lean, fruitless = 0, True, False, 0
        while more:
            known = len(self.known)
            piece = await self._some(LARGEST if lean else AT_ONCE, offset, lean=lean)
            lean = lean or piece.cut is not None
            self._keep(piece, lean=lean)
            lean = lean or self._size > self.question.most
            offset += piece.length
            more = piece.more and bool(piece.length)
            fruitless = fruitless + 1 if len(self.known) == known else 0
            if len(self.known) > most:
                self.known, self.told = set(), {}  # what others have is not lost for it
                self.question.asks.excessive(self.asked.match)
                return
            if fruitless == MOST_FRUITLESS:
                self.question.asks.failed(
                    self.asked.part.source,
                    reading.invalid("The context source goes on without telling more."),
                )
                return

    async def make_map(self, lifetime: str | None) -> None:
        """Have the source make a map of its entities; without one they are asked for. (5.14.5.4)"""
        asks, query = self.question.asks, self.question.query
        request = evolution_requests.mapping(
            self.asked.part, asks.asking.context.table, query.span, self.question.filters, lifetime
        )
        made = await asks.made(self.asked.part, self.asked.match, request)
        if made is not None:
            self.map = made[0]
            self.known.update(made[1])

    async def retrieve(self, id: str) -> None:
        """Ask for one entity."""
        part, table = self.asked.part, self.question.asks.asking.context.table

        def request(span: Span | None, by_map: str | None) -> Request:
            return evolution_requests.retrieving(part, table, span, self.question.query.last_n, by_map)

        self._keep(await self._piece(request, lambda outcome: reading.one(outcome, id)))

    async def complete(self, ids: Iterable[str]) -> None:
        """Ask what those entities are that were too much at first."""
        missing = [id for id in ids if id in self.known and id not in self.told]
        for one in among(self.asked, missing):
            narrowed = Giver(self.question, one)
            narrowed._keep(await narrowed._some(AT_ONCE))
            self.told |= narrowed.told
            self.cuts |= narrowed.cuts

    def _keep(self, piece: _Piece, *, lean: bool = False) -> None:
        for one in piece.told:
            id = one.history.id
            self.known.add(id)
            if lean:
                continue
            self.told.setdefault(id, []).append(one)
            self._size += _count(one)
            if piece.cut is not None:
                self.cuts[id] = piece.cut

    async def _some(self, limit: int, offset: int = 0, *, lean: bool = False) -> _Piece:
        """Ask for a page; `lean`: only to know which entities there are."""
        part, asks = self.asked.part, self.question.asks
        paging = {"limit": str(limit)} | ({"offset": str(offset)} if offset else {})

        def request(span: Span | None, by_map: str | None) -> Request:
            last = 1 if lean else self.question.query.last_n
            table = asks.asking.context.table
            filters = self.question.filters
            return evolution_requests.querying(part, table, span, last, filters, paging, by_map)

        piece = await self._piece(request, reading.items, lean=lean)
        return replace(piece, more=piece.more or piece.length >= limit)

    async def _piece(self, request: Asking, answered: Answered, *, lean: bool = False) -> _Piece:
        """Ask for a page, and go on in time where the source tells only a part of it. (6.3.10)"""
        span, cut = self.question.query.span, None
        found: list[Evolving] = []
        length, more, size = 0, False, 0
        for number in range(MOST_ROUNDS):
            maps = [None] if self.map is None else [self.map, None]
            outcome = await self.question.asks.put(self.asked.part, *[request(span, map) for map in maps])
            told = await self._read(outcome, answered)
            if told is None:
                return _Piece(found, length, False, cut)
            found += told
            if not number:
                length, more = len(outcome.body or ()), reading.goes_on(outcome)
            reached = None
            if outcome.status == 206 and not lean:
                reached = await self.question.asks.federation.beside.run(outcome.weight, self._reached, told)
            if reached is None:
                return _Piece(found, length, more, None)
            span = self._beyond(span, reached, stands=reached == cut)
            cut = reached
            size += sum(map(_count, told))
            if size > self.question.most:
                break
        return _Piece(found, length, more, cut)

    def _reached(self, told: Iterable[Evolving]) -> int | None:
        """Say up to which time a part of an answer goes. (6.3.10)"""
        query = self.question.query
        name = "observedAt" if query.span is None else query.span.property
        times = [
            moment(instance, name)
            for one in told
            for iri, held in one.instances.items()
            if iri != SCOPE
            for instance in held
        ]
        if not times:
            return None
        return max(times) if query.last_n is None else min(times)

    def _beyond(self, span: Span | None, cut: int, *, stands: bool) -> Span:
        """Give the time that is left to ask for, from the cut on; what is told twice counts once."""
        span = span or Span()
        if self.question.query.last_n is None:
            return replace(span, start=cut + stands)
        return replace(span, end=cut + 1 - stands)

    async def _read(self, outcome: Outcome, answered: Answered) -> list[Evolving] | None:
        """Read an answer; None: there is none that can be used."""
        if reading.failure(outcome) is not None:
            return None
        asks, match, span = self.question.asks, self.asked.match, self.question.query.span
        bodies = answered(outcome)
        if bodies is None:
            asks.misled(match.source, reading.invalid())
            return None
        table, now, told = asks.asking.context.table, asks.asking.now, []

        def read(some: Sequence[dict[str, Any]]) -> tuple[list[Evolving], list[Problem]]:
            found, problems = [], []
            for body in some:
                try:
                    one = evolving.read(body, table, match, asks.selectors, span, now)
                except Problem as problem:
                    problems.append(problem)
                    continue
                if one is not None:
                    found.append(one)
            return found, problems

        for start in range(0, len(bodies), AT_ONE_GO):
            await asyncio.sleep(0)  # others have their turn
            some = bodies[start : start + AT_ONE_GO]
            found, problems = await asks.federation.beside.run(outcome.weight, read, some)
            told += found
            for problem in problems:
                asks.unreadable(match, problem)
        return told


def _count(one: Evolving) -> int:
    return sum(map(len, one.instances.values()))


def among(asked: Asked, ids: Sequence[str]) -> Iterator[Asked]:
    """Ask for some entities only."""
    selector = asked.part.selector
    some = [id for id in ids if id in selector.ids] if selector.ids else ids
    for start in range(0, len(some), AT_ONCE):
        chosen = EntitySelector(tuple(some[start : start + AT_ONCE]), None, selector.types)
        yield replace(asked, part=replace(asked.part, selector=chosen))
