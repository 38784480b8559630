"""Temporal Evolutions of sources joined with those held here, and read like a store of histories. (5.7.3.4, 5.7.4.4)"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from base.errors import BadRequestData, Problem, ResourceNotFound, TooComplexQuery, TooManyResults
from broker.federation import evolution_requests, evolving, reading
from broker.federation.asking import Asking, Outcome, Request
from broker.federation.evolving import Evolving
from broker.federation.inquiry import LARGEST, Inquiry
from broker.language import evaluation, scope
from broker.language.selection import EntitySelector, Selection, Window
from broker.language.sources import SourceSelection
from broker.language.span import Span
from broker.model.document import SCOPE, Document
from broker.model.temporal import is_deletion, moment
from broker.operations import distributed, distributed_reading, temporal_pages
from broker.operations.call import Broker, Call
from broker.operations.distributed_reading import Asked as Concerned
from broker.operations.temporal_asked import TemporalWanted
from broker.store.evolution import Asked, Evolution, Evolutions, Histories, History, Period, Series, Sums

AT_ONCE: Final = 100
"""Entities asked of a source in one request."""
MOST_ROUNDS: Final = 50
"""Requests for one piece of a source's instances that it tells part by part."""
EXAMINED: Final = 50_000
"""Instances that are looked at to filter entities that may lie in parts at several brokers."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Where Temporal Evolutions are read, and what is left to ask of them there."""

    histories: Evolutions
    wanted: TemporalWanted
    asks: Inquiry | None = None
    several: Sequence[Concerned] = ()

    @property
    def warnings(self) -> dict[str, str]:
        """Give the header that tells of sources that failed. (6.3.17)"""
        return {} if self.asks is None else distributed_reading.warned(self.asks)

    def missing(self, problem: ResourceNotFound) -> Problem:
        """Say why nothing was found: what went wrong at the only source that has it, or 404. (6.3.17)"""
        if self.asks is None:
            return problem
        proxied = distributed_reading.proxied(self.several)
        told: Problem = problem
        if len({one.match.source.id for one in self.several}) == len(proxied) == len(self.asks.failures) == 1:
            [(_, failure)] = self.asks.failures.values()
            told = failure.problem
        told.headers.update(self.warnings)
        return told


def opened(call: Call, broker: Broker, wanted: TemporalWanted) -> Opened:
    """Open the histories that a query is about: those held here, and those of sources it concerns. (5.7.4.4)"""
    local = broker.catalogue.open(call.tenant).history
    asking = distributed.asking(call, broker)
    if asking is None or wanted.wanted.local:
        return Opened(local, wanted)
    seen = distributed_reading.seeing(call)
    split = seen is not None or distributed_reading.splits(broker, wanted.wanted)
    several = _concerned(broker, asking, wanted, wanted.selection.selectors, "queryTemporal", whole=split)
    if not several:
        return Opened(local, wanted)
    if wanted.window.ordering is not None:
        raise BadRequestData(
            "Entities of several sources come in the order of their ids; leave out orderBy, or give local=true."
        )
    asks = distributed_reading.inquiry(broker, asking, wanted.selection.selectors)
    joined = Joined(call, broker, asks, several, wanted, split=split)
    return Opened(joined, joined.wanted, asks, several)


async def opened_for_one(call: Call, broker: Broker, wanted: TemporalWanted, id: str) -> Opened:
    """Open the history of one entity. (5.7.3.4)"""
    local = broker.catalogue.open(call.tenant).history
    asking = distributed.asking(call, broker)
    if asking is None:
        return Opened(local, wanted)
    selector = EntitySelector((id,))
    seen = distributed_reading.seeing(call)
    several = _concerned(broker, asking, wanted, (selector,), "retrieveTemporal", whole=seen is not None)
    if not several:
        return Opened(local, wanted)
    asks = distributed_reading.inquiry(broker, asking, (selector,))
    joined = Joined(call, broker, asks, several, wanted)
    await joined.retrieve(id)
    return Opened(joined, wanted, asks, several)


def _concerned(
    broker: Broker,
    asking: Asking,
    wanted: TemporalWanted,
    selectors: tuple[EntitySelector, ...],
    operation: str,
    *,
    whole: bool,
) -> list[Concerned]:
    """Share a request out among the sources it concerns; `whole`: they are to tell all they have. (5.12, 5.2.9)"""
    attributes = (wanted.attrs or frozenset()) - {SCOPE}
    sources = SourceSelection(
        selectors,
        frozenset() if whole else attributes,
        frozenset() if whole else wanted.selection.dataset_ids,
        wanted.wanted.csf,
        wanted.selection.geo,
        wanted.selection.scope,
        wanted.query.span,
        evolving=True,
        lenient=True,
    )
    return distributed_reading.parts(broker, asking, sources, (operation,))


# --- sources -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Giver:
    """What one source told: which entities it has, and of those asked for whole what they are."""

    concerned: Concerned
    known: set[str] = field(default_factory=set)
    told: dict[str, list[Evolving]] = field(default_factory=dict)
    cuts: dict[str, int] = field(default_factory=dict)
    size: int = 0  # instances held


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some entities of a source, how many there were in the answer; `cut`: instances beyond that time are missing."""

    told: Sequence[Evolving]
    length: int
    more: bool
    cut: int | None


class Joined:
    """The Temporal Evolutions that a request finds here and at sources; `wanted`: what is left to ask of them."""

    def __init__(
        self,
        call: Call,
        broker: Broker,
        asks: Inquiry,
        several: Sequence[Concerned],
        wanted: TemporalWanted,
        *,
        split: bool = False,
    ) -> None:
        self._call, self._broker, self._asks, self._given, self._split = call, broker, asks, wanted, split
        self._local = broker.catalogue.open(call.tenant).history
        self._several = several
        self._seen = distributed_reading.seeing(call)
        self._proxied = distributed_reading.proxied(several)
        self._joined: dict[str, Evolving] = {}
        self._cuts: dict[str, int] = {}
        plain = Selection(wanted.selection.selectors)
        self._asked = _selecting(wanted, plain) if split else wanted
        self.wanted = wanted if split else _selecting(wanted, plain)
        most = broker.settings.temporal_instances
        self._most = max(most, EXAMINED) if split else most

    # reading, as from a store

    def history(self, id: str) -> History | None:
        """Give the frame of a history that was found."""
        found = self._joined.get(id)
        return None if found is None else found.history

    async def evolution(self, id: str, asked: Asked) -> Evolution:
        """Give the instances of an entity that was found."""
        found = self._joined.get(id)
        instances = {} if found is None else evolving.chosen(found.instances, asked)
        return Evolution(instances, self._cuts.get(id))

    async def sums(
        self,
        id: str,
        attr: str,
        periods: Sequence[tuple[int, int]],
        *,
        span: Span,
        dataset_ids: frozenset[str] | None = None,
        extra: frozenset[str] = frozenset(),
    ) -> list[Period]:
        """Leave it to the caller to look at the instances."""
        return [Period(start, end, Sums(others=1)) for start, end in periods]

    async def series(
        self,
        id: str,
        attrs: frozenset[str] | None,
        span: Span,
        *,
        dataset_ids: frozenset[str] | None = None,
    ) -> list[Series]:
        """List the series of an entity that was found."""
        found = self._joined.get(id)
        return [] if found is None else list(evolving.series(found.instances, attrs, span, dataset_ids))

    async def find(self, selection: Selection, span: Span | None, window: Window) -> Histories:
        """Find the histories that a query selects, in the order of their ids, and read those of the page."""
        givers = await self._ask(selection)
        ids = sorted({id for giver in givers for id in giver.known} | set(await self._here(selection)))
        if self._split:
            await self._load(ids, givers)
            if any(id in self._cuts for id in ids):
                raise TooComplexQuery("Too many instances would have to be looked at; narrow the query.")
            ids = [id for id in ids if id in self._joined and _fits(selection, self._joined[id], span)]
        end = window.offset + window.limit
        page = ids[window.offset : end]
        if not self._split:
            await self._load(page, givers)
            page = [id for id in page if id in self._joined]
        return Histories(page, len(ids) if window.count else None, len(ids) > end)

    # asking

    async def retrieve(self, id: str) -> None:
        """Ask all sources for one entity."""
        givers = [_Giver(one) for one in self._several]
        await asyncio.gather(*[self._retrieve(giver, id) for giver in givers])
        await self._load([id], givers)

    async def _retrieve(self, giver: _Giver, id: str) -> None:
        part, table = giver.concerned.part, self._call.context.table

        def request(span: Span | None) -> Request:
            return evolution_requests.retrieving(part, table, span, self._given.query.last_n)

        def answered(outcome: Outcome) -> Sequence[dict[str, Any]] | None:
            return reading.one(outcome, id)

        _keep(giver, await self._piece(giver, request, answered))

    async def _ask(self, selection: Selection) -> list[_Giver]:
        """Ask all sources which entities they have; they tell what these are as long as it is not too much."""
        several = self._several
        if selection != self._given.selection:  # some of the entities only
            ids = tuple(dict.fromkeys(id for selector in selection.selectors for id in selector.ids))
            several = [piece for one in several for piece in _among(one, ids)]
        givers = [_Giver(one) for one in several]
        await asyncio.gather(*[self._list(giver) for giver in givers])
        return givers

    async def _list(self, giver: _Giver) -> None:
        most = self._broker.settings.entity_map_entities
        offset, more = 0, True
        while more:
            lean = giver.size > self._most
            piece = await self._some(giver, {"limit": str(LARGEST if lean else AT_ONCE)}, offset, lean=lean)
            _keep(giver, piece, lean=lean)
            offset += piece.length
            more = piece.more and bool(piece.length)
            if len(giver.known) > most:
                raise TooManyResults(f"A source has more than {most} entities for this; narrow the query.")

    async def _some(
        self, giver: _Giver, page: Mapping[str, str], offset: int = 0, *, lean: bool = False
    ) -> _Piece:
        part, table, asked = giver.concerned.part, self._call.context.table, self._asked
        filters = {} if self._split else distributed_reading.filters_of(asked.wanted)
        paging = {**page, "offset": str(offset)} if offset else page

        def request(span: Span | None) -> Request:
            last = 1 if lean else asked.query.last_n
            return evolution_requests.querying(part, table, span, last, filters, paging)

        piece = await self._piece(giver, request, reading.items, lean=lean)
        return replace(piece, more=piece.more or piece.length >= int(page["limit"]))

    async def _piece(
        self,
        giver: _Giver,
        request: Callable[[Span | None], Request],
        answered: Callable[[Outcome], Sequence[dict[str, Any]] | None],
        *,
        lean: bool = False,
    ) -> _Piece:
        """Ask for a piece, and go on in time where the source tells only a part of it. (6.3.10)"""
        span, cut = self._given.query.span, None
        found: list[Evolving] = []
        length, more, size = 0, False, 0
        for number in range(MOST_ROUNDS):
            outcome = await self._asks.put(giver.concerned.part, request(span))
            told = await self._read(giver, outcome, answered)
            if told is None:
                return _Piece(found, length, False, cut)
            found += told
            if not number:
                length, more = len(outcome.body or ()), reading.goes_on(outcome)
            reached = self._reached(told) if outcome.status == 206 and not lean else None
            size += sum(len(held) for one in told for held in one.instances.values())
            if reached is None:
                return _Piece(found, length, more, None)
            stands = reached == cut
            cut = reached
            if size > self._most:
                break
            span = self._beyond(span, cut, stands)
        return _Piece(found, length, more, cut)

    def _reached(self, told: Iterable[Evolving]) -> int | None:
        """Say up to which time a part of an answer goes. (6.3.10)"""
        query = self._given.query
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

    def _beyond(self, span: Span | None, cut: int, stands: bool) -> Span:
        """Give the time that is left to ask for, from the cut on; what is told twice counts once."""
        span = span or Span()
        if self._given.query.last_n is None:
            return replace(span, start=cut + stands)
        return replace(span, end=cut + 1 - stands)

    async def _read(
        self,
        giver: _Giver,
        outcome: Outcome,
        answered: Callable[[Outcome], Sequence[dict[str, Any]] | None],
    ) -> list[Evolving] | None:
        """Read an answer; None: there is none that can be used."""
        if reading.failure(outcome) is not None:
            return None
        asks, source = self._asks, giver.concerned.match.source
        bodies = answered(outcome)
        names = self._call.context.table
        if bodies is None:
            asks.failed(source, reading.invalid())
            return None
        told = []
        for body in bodies:
            await asyncio.sleep(0)  # others have their turn between two entities
            try:
                one = evolving.read(
                    body, names, giver.concerned.match, asks.selectors, self._given.query.span, self._call.now
                )
            except Problem:
                asks.unreadable(giver.concerned.match)
                continue
            if one is not None:
                told.append(one)
        return told

    async def _here(self, selection: Selection) -> Sequence[str]:
        """Give the ids of what is found here."""
        most = self._broker.settings.entity_map_entities
        asked = Selection(selection.selectors) if self._split else selection
        found = await self._local.find(asked, self._given.query.span, Window(most))
        if found.more:
            raise TooManyResults(f"There are more than {most} entities for this; narrow the query.")
        return found.ids

    # joining

    async def _load(self, ids: Sequence[str], givers: Sequence[_Giver]) -> None:
        """Join what is held here of some entities with what sources tell."""
        await asyncio.gather(*[self._complete(giver, ids) for giver in givers])
        pages = await temporal_pages.read(self._local, ids, self._asked, self._most)
        for id in ids:
            several = [one for giver in givers for one in giver.told.get(id, ())]
            history, instances = self._local.history(id), pages.evolutions[id]
            if history is not None and (instances or self._given.query.span is None):
                several.insert(0, Evolving(history, instances))
            joined = evolving.join(several, self._proxied)
            joined = joined and evolving.visible(joined, self._seen)
            if joined is None:
                continue
            self._joined[id] = joined
            cuts = [giver.cuts[id] for giver in givers if id in giver.cuts]
            cuts += [] if pages.cut is None or not instances else [pages.cut]
            if cuts:
                self._cuts[id] = min(cuts) if self._given.query.last_n is None else max(cuts)

    async def _complete(self, giver: _Giver, ids: Sequence[str]) -> None:
        """Ask a source for those of its entities that were too much at first."""
        missing = [id for id in ids if id in giver.known and id not in giver.told]
        for one in _among(giver.concerned, missing):
            narrowed = _Giver(one)
            _keep(narrowed, await self._some(narrowed, {"limit": str(AT_ONCE)}))
            giver.told |= narrowed.told
            giver.cuts |= narrowed.cuts


def _keep(giver: _Giver, piece: _Piece, *, lean: bool = False) -> None:
    for one in piece.told:
        id = one.history.id
        giver.known.add(id)
        if lean:
            continue
        giver.told.setdefault(id, []).append(one)
        giver.size += sum(map(len, one.instances.values()))
        if piece.cut is not None:
            giver.cuts[id] = piece.cut


def _among(one: Concerned, ids: Sequence[str]) -> Iterator[Concerned]:
    """Ask for some entities only."""
    selector = one.part.selector
    some = [id for id in ids if id in selector.ids] if selector.ids else ids
    for start in range(0, len(some), AT_ONCE):
        chosen = EntitySelector(tuple(some[start : start + AT_ONCE]), None, selector.types)
        yield replace(one, part=replace(one.part, selector=chosen))


def _selecting(wanted: TemporalWanted, selection: Selection) -> TemporalWanted:
    return replace(wanted, wanted=replace(wanted.wanted, selection=selection))


def _fits(selection: Selection, found: Evolving, span: Span | None) -> bool:
    """Say whether a joined evolution meets the filters of a query. (5.7.4.4)"""
    instances = evolving.chosen(found.instances, Asked(span=span))
    held = {iri: some for iri, some in instances.items() if iri != SCOPE}
    document: Document = {**found.document, "attrs": held}
    plain = replace(selection, selectors=(), scope=None)
    return evaluation.matches(plain, document, _nothing) and (
        selection.scope is None
        or any(
            scope.matches(selection.scope, one["value"])
            for one in found.instances.get(SCOPE, ())
            if not is_deletion(one)
        )
    )


def _nothing(_: str) -> Document | None:
    return None
