"""One request's questions to its sources: what they answer as versions of entities, who failed. (4.3.6.7, 6.3.17)"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from base import clock
from base.errors import Problem
from broker.federation import entity_requests, narrowing, reading
from broker.federation.asking import Asking, Directed, Failure, Outcome, Request
from broker.federation.federation import Federation
from broker.federation.gathering import Giver, Piece, Read
from broker.federation.joining import Version
from broker.federation.narrowing import Part
from broker.language.selection import EntitySelector
from broker.language.sources import Match, Source
from broker.model import validate

LARGEST: Final = 1_000
"""Entities asked of a source at once, at most."""
COMMON: Final = 100
"""Entities that every broker gives at once."""
_REFUSING: Final = (400, 403, 404)
_STALE: Final = 110


@dataclass(slots=True)
class Inquiry:
    """The questions of one request. `failures` tells whom nothing (more) could be had of, and why."""

    federation: Federation
    asking: Asking
    selectors: Sequence[EntitySelector] = ()
    failures: dict[str, tuple[Source, Failure]] = field(default_factory=dict)
    stale: dict[str, Source] = field(default_factory=dict)
    heard: dict[str, None] = field(default_factory=dict)  # warnings that came with answers
    weights: dict[str, int] = field(default_factory=dict)  # what each source's pages take

    @property
    def warnings(self) -> list[str]:
        """Write the warnings the answer has to carry. (6.3.17)"""
        told = [failure.warning(source) for source, failure in self.failures.values()]
        return [*[_stale(source) for source in self.stale.values()], *told, *self.heard]

    def failed(self, source: Source, failure: Failure) -> None:
        """Note why a source gave nothing, or not all."""
        self.failures.setdefault(source.id, (source, failure))

    def misled(self, source: Source, failure: Failure) -> None:
        """Note that what a source answered cannot all be used, here and with its registration. (5.2.9)"""
        if source.id not in self.failures and source.id not in self.stale:
            self.federation.blame(self.asking, source)
        self.failed(source, failure)

    def unreadable(self, match: Match, problem: Problem) -> None:
        """Note that an entity of a source was left out, and why."""
        self.misled(match.source, reading.left_out(problem))

    def excessive(self, match: Match) -> None:
        """Note that the list of a source was left out, for its length alone."""
        detail = "The context source tells of more entities than can be gathered; narrow the query."
        self.failed(match.source, reading.invalid(detail))

    async def put(self, part: Part, *requests: Request) -> Outcome:
        """Ask one source, with the next request where it refuses one; note its failure."""
        outcome, _ = await self._first_taken(part, iter([(request, 1) for request in requests]))
        self._judged(part, outcome)
        return outcome

    async def _ask(self, part: Part, request: Request, began: int | None = None) -> Outcome:
        """Ask one source, unless it left an earlier request unanswered: who asks waits for it only once. (5.2.34)"""
        source = part.source
        if source.id in self.failures and (failure := self.failures[source.id][1]).silent:
            return Outcome(source, failure=failure)
        [outcome] = await self.federation.ask(self.asking, [Directed(source, request, began)])
        if outcome.failure is not None and outcome.failure.silent:
            self.failed(source, outcome.failure)
        return outcome

    def _judged(self, part: Part, outcome: Outcome) -> Failure | None:
        failure = reading.failure(outcome)
        if failure is not None:
            self.failed(part.source, failure)
        elif outcome.stale:
            self.stale[part.source.id] = part.source
        self.heard |= dict.fromkeys(reading.warned(outcome))
        return failure

    async def mapped(
        self, part: Part, match: Match, filters: Mapping[str, str], lifetime: str | None
    ) -> tuple[str, list[str]] | None:
        """Have a source make a map: its id, and those of its entities; None: it makes none. (5.14.4.4)"""
        request = entity_requests.mapping(part, self.asking.context.table, filters, lifetime)
        return await self.made(part, match, request)

    async def made(self, part: Part, match: Match, request: Request) -> tuple[str, list[str]] | None:
        """Read the map that a source makes when asked to: its id, and those of its entities. (5.14.4.4, 5.14.5.4)"""
        outcome = await self._ask(part, request)
        told = reading.mapped(outcome)
        if told is None or not self._light(part.source, outcome):
            return None
        kept = await self.federation.beside.run(outcome.weight, _held, match, told[1])
        if len(kept) < len(told[1]):
            self.unreadable(match, reading.unasked())
        return told[0], kept

    def giver(
        self,
        part: Part,
        match: Match,
        filters: Mapping[str, str],
        *,
        batch: bool,
        by_map: str | None = None,
    ) -> Giver:
        """Make the list of the entities that a part of a question finds at its source."""

        told: dict[str, Any] = {}
        table = self.asking.context.table

        def asked(limit: int, offset: int, by_map: str | None = None) -> Request:
            return entity_requests.querying(part, table, filters, limit, offset, batch=batch, by_map=by_map)

        def attempts(limit: int, offset: int, counting: bool) -> Iterator[tuple[Request, int]]:
            if counting and not batch:
                yield entity_requests.counting(asked(limit, offset)), limit
            elif by_map is not None:
                yield asked(limit, offset, by_map), limit
            yield asked(limit, offset), limit
            if limit > COMMON:
                yield asked(COMMON, offset), COMMON

        async def give(limit: int, offset: int, counting: bool) -> Piece:
            outcome, limit = await self._first_taken(part, attempts(min(limit, LARGEST), offset, counting))
            known = len(told)
            answered = await self.federation.beside.run(outcome.weight, _noted, outcome, told)
            piece = await self._piece(part, match, outcome, answered, limit)
            if piece.more and len(told) == known:
                self.misled(part.source, reading.invalid("The context source gives the same page for ever."))
                return Piece({}, 0)
            return piece

        def likely(id: str) -> None:
            if not reading.likely(told[id], self.asking.context.table, match, self.selectors):
                raise reading.unasked()

        return Giver(give, match, None if part.attributes or part.dataset_ids else likely)

    async def _first_taken(self, part: Part, attempts: Iterator[tuple[Request, int]]) -> tuple[Outcome, int]:
        """Ask a source for a page, more simply where it refuses; give how many entities were asked for, too.

        All attempts together take no longer than one may."""
        request, limit = next(attempts)
        began = clock.now()
        outcome = await self._ask(part, request)
        for request, limit_then in attempts:
            if outcome.status not in _REFUSING:
                break
            outcome, limit = await self._ask(part, request, began), limit_then
        return outcome, limit

    async def _piece(
        self,
        part: Part,
        match: Match,
        outcome: Outcome,
        answered: Sequence[dict[str, Any]] | None,
        limit: int,
    ) -> Piece:
        if self._judged(part, outcome) is not None:
            return Piece({}, 0)
        if answered is None:
            self.misled(part.source, reading.invalid())
            return Piece({}, 0)
        if not self._light(part.source, outcome):
            return Piece({}, 0)
        length = len(outcome.body or ())
        if len(answered) < length:
            self.misled(match.source, reading.invalid("The context source gave what is no entity."))
        reads = await self.federation.beside.run(outcome.weight, self._reads, answered, match)
        return Piece(
            reads,
            length,
            length >= limit or reading.goes_on(outcome),
            reading.in_order(outcome, entity_requests.IN_ORDER),
            outcome.weight,
        )

    def _reads(self, answered: Sequence[dict[str, Any]], match: Match) -> dict[str, Read]:
        """Say how each entity of a page is read when it is needed."""
        table = self.asking.context.table
        return {one["id"]: partial(reading.document, one, table, match, self.selectors) for one in answered}

    @property
    def weight(self) -> int:
        """Say about how many bytes of memory all that sources told takes."""
        return sum(self.weights.values())

    def _light(self, source: Source, outcome: Outcome) -> bool:
        """Say whether a page can be held beside those of the same source before it."""
        held = self.weights[source.id] = self.weights.get(source.id, 0) + outcome.weight
        light = held <= self.federation.heaviest
        if not light:
            self.failed(
                source, reading.invalid("The context source answers with too much; ask for less of it.")
            )
        return light

    async def retrieve(self, part: Part, match: Match, id: str, *requests: Request) -> list[Version]:
        """Ask one source for one entity, with the next request where it refuses one."""
        outcome, _ = await self._first_taken(part, iter([(request, 1) for request in requests]))
        if self._judged(part, outcome) is not None:
            return []
        answered = reading.one(outcome, id)
        if answered is None:
            self.misled(part.source, reading.invalid())
            return []
        self._light(part.source, outcome)
        told, problems = await self.federation.beside.run(outcome.weight, self._versions, answered, match)
        for problem in problems:
            self.unreadable(match, problem)
        return told

    def _versions(
        self, answered: Sequence[dict[str, Any]], match: Match
    ) -> tuple[list[Version], list[Problem]]:
        """Read entities of an answer, no more of them than their source registered; say what is wrong with others."""
        found, problems = [], []
        for one in answered:
            try:
                document = reading.document(one, self.asking.context.table, match, self.selectors)
            except Problem as problem:
                problems.append(problem)
                continue
            if document is not None:
                found.append(Version(document, match.source))
        return found, problems


def _noted(outcome: Outcome, told: dict[str, Any]) -> Sequence[dict[str, Any]] | None:
    """Give the entities of an answer, and add them to all that are told of."""
    answered = reading.items(outcome)
    told.update((one["id"], one) for one in answered or ())
    return answered


def _held(match: Match, ids: Sequence[str]) -> list[str]:
    """Keep the ids of entities that a source may hold."""
    return [id for id in ids if validate.is_uri(id) and narrowing.may_hold(match, id)]


def _stale(source: Source) -> str:
    agent = source.body.get("contextSourceAlias") or source.id
    return f'{_STALE} {agent} "The answer of the context source is one that was kept."'
