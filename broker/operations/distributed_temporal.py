"""Temporal Evolutions of sources joined with those held here, and read like a store of histories. (5.7.3.4, 5.7.4.4)"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from base.errors import Problem, ResourceNotFound, TooComplexQuery, TooManyResults
from broker.federation import evolving
from broker.federation.asking import Asking
from broker.federation.evolving import Evolving
from broker.federation.inquiry import Inquiry
from broker.language import evaluation, scope
from broker.language.selection import EntitySelector, Selection, Window
from broker.language.sources import SourceSelection
from broker.language.span import Span
from broker.model.document import SCOPE, Document
from broker.model.temporal import is_deletion
from broker.operations import asked, distributed, distributed_reading, entity_maps, temporal_pages
from broker.operations.call import Broker, Call
from broker.operations.candidates import HERE, Origins
from broker.operations.distributed_reading import Asked as Concerned
from broker.operations.evolution_givers import Giver, Question, among
from broker.operations.temporal_asked import TemporalWanted
from broker.store.evolution import Asked, Evolution, Evolutions, Histories, History, Period, Series, Sums

MAKING: Final = "createEntityMapQueryTemporal"
_INSTANCE: Final = 100  # what an instance weighs
EXAMINED: Final = 50_000
"""Instances that are looked at to filter entities that may lie in parts at several brokers, or to aggregate."""


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

    @property
    def origins(self) -> Origins | None:
        """Say where the entities found are; None: all here."""
        return self.histories.origins if isinstance(self.histories, Joined) else None

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
    distributed_reading.refuse_ordering(wanted.wanted)
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
    store = broker.catalogue.open(call.tenant)
    asks = distributed_reading.inquiry(broker, asking, (selector,))
    joined = Joined(call, broker, asks, several, wanted)
    known = entity_maps.of_one(call, store, id)  # says where the entity is (5.7.3.4)
    having = [one for one in several if known is None or one.match.source.id in known]
    await joined.retrieve(id, having, entity_maps.linked_of_one(call, store))
    return Opened(joined, wanted, asks, having)


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
    attributes = asked.attributes_of(wanted.form.shape)
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
        self.asks = asks
        self.origins = Origins()
        self._given, self._split, self._several = wanted, split, several
        self._local = broker.catalogue.open(call.tenant).history
        self._seen = distributed_reading.seeing(call)
        self._proxied = distributed_reading.proxied(several)
        self._joined: dict[str, Evolving] = {}
        self._cuts: dict[str, int] = {}
        plain = Selection(wanted.selection.selectors)
        self._asked = _selecting(wanted, plain) if split else wanted
        self.wanted = wanted if split else _selecting(wanted, plain)
        most = broker.settings.temporal_instances
        self._most = max(most, EXAMINED) if split or wanted.aggregation else most
        self._entities = broker.settings.entity_map_entities
        filters = {} if split else distributed_reading.filters_of(wanted.wanted)
        self._question = Question(asks, wanted.query, filters, self._most)

    # reading, as from a store

    def history(self, id: str) -> History | None:
        """Give the frame of a history that was found."""
        found = self._joined.get(id)
        return None if found is None else found.history

    async def evolution(self, id: str, asked: Asked) -> Evolution:
        """Give the instances of an entity that was found."""
        found = self._joined.get(id)
        if found is None:
            return Evolution({}, self._cuts.get(id))
        beside = self.asks.federation.beside
        instances = await beside.run(_weight(found), evolving.chosen, found.instances, asked)
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
        if found is None:
            return []
        beside = self.asks.federation.beside
        return await beside.run(_weight(found), evolving.series, found.instances, attrs, span, dataset_ids)

    async def find(self, selection: Selection, span: Span | None, window: Window) -> Histories:
        """Find the histories that a query selects, in the order of their ids, and read those of the page."""
        return await self._page(await self._ask(self._several, {}), selection, span, window)

    async def every(self, most: int) -> Sequence[str]:
        """Find the ids of all entities, or of all candidates where entities may lie in parts.

        Nothing is read, but where something may be hidden."""
        givers = [Giver(self._question, one) for one in self._several]
        if self._seen is None:  # else no ids are told before it is known whether they may be
            await self._make_maps(givers)
        await asyncio.gather(*[giver.ask(self._entities) for giver in givers if giver.map is None])
        ids = await self._list(givers, self._given.selection)
        if self._seen is not None:
            await self._load(ids, givers)
            ids = [id for id in ids if id in self._joined]
        return ids[:most]

    async def _make_maps(self, givers: Sequence[Giver]) -> None:
        """Have sources make maps of what they find, those that are asked one question and offer it. (5.14.5.4)"""
        questions = Counter(giver.asked.match.source.id for giver in givers)
        lifetime = self._given.wanted.entity_map_lifetime
        sources = [(giver, giver.asked.match.source) for giver in givers]
        able = [giver for giver, one in sources if questions[one.id] == 1 and MAKING in one.operations]
        await asyncio.gather(*[giver.make_map(lifetime) for giver in able])

    async def fitting(
        self, some: Sequence[str], sources: Mapping[str, Sequence[str]], linked: Mapping[str, str]
    ) -> Sequence[str]:
        """Find those of some entities that a query selects, each only where a map says that it is. (5.5.14)

        `linked`: the maps that sources made of theirs.
        """
        selection = self._given.selection
        several = [
            piece
            for one in self._several
            for piece in among(one, [id for id in some if one.match.source.id in sources.get(id, ())])
        ]
        givers = await self._ask(several, linked)
        here = [id for id in some if HERE in sources.get(id, ())]
        chosen = replace(selection, selectors=_choosing(selection.selectors, here))
        window = Window(len(some))
        found = await self._page(givers, chosen, self._given.query.span, window, local=bool(here))
        return found.ids

    # asking

    async def retrieve(self, id: str, several: Sequence[Concerned], linked: Mapping[str, str]) -> None:
        """Ask some of the sources for one entity; `linked`: the maps that they made. (5.7.3.4)"""
        givers = [Giver(self._question, one, map=linked.get(one.match.source.id)) for one in several]
        await asyncio.gather(*[giver.retrieve(id) for giver in givers])
        here = [id] if self._local.history(id) is not None else []
        self._note(givers, here)
        await self._load([id], givers)

    async def _ask(self, several: Sequence[Concerned], linked: Mapping[str, str]) -> list[Giver]:
        """Ask sources which entities they have, by the maps they made."""
        givers = [Giver(self._question, one, map=linked.get(one.match.source.id)) for one in several]
        await asyncio.gather(*[giver.ask(self._entities) for giver in givers])
        return givers

    async def _list(
        self, givers: Sequence[Giver], selection: Selection, *, local: bool = True
    ) -> Sequence[str]:
        """Give the ids of what is found here and at sources."""
        here: Sequence[str] = ()
        if local:
            asked = Selection(selection.selectors) if self._split else selection
            found = await self._local.find(asked, self._given.query.span, Window(self._entities))
            if found.more:
                raise TooManyResults(
                    f"There are more than {self._entities} entities for this; narrow the query."
                )
            here = found.ids
        self._note(givers, here)
        return sorted(self.origins.at)

    def _note(self, givers: Sequence[Giver], here: Sequence[str]) -> None:
        """Note where each entity is. (5.2.39)"""
        at: dict[str, dict[str, None]] = {id: {HERE: None} for id in here}
        for giver in givers:
            for id in giver.known:
                at.setdefault(id, {})[giver.asked.match.source.id] = None
        linked = {giver.asked.match.source.id: giver.map for giver in givers if giver.map is not None}
        self.origins = Origins({id: tuple(names) for id, names in at.items()}, linked)

    async def _page(
        self,
        givers: Sequence[Giver],
        selection: Selection,
        span: Span | None,
        window: Window,
        *,
        local: bool = True,
    ) -> Histories:
        ids = await self._list(givers, selection, local=local)
        if self._split:
            await self._load(ids, givers)
            if any(id in self._cuts for id in ids):
                raise TooComplexQuery("Too many instances would have to be looked at; narrow the query.")
            rest = replace(selection, selectors=())
            ids = [id for id in ids if id in self._joined and _fits(rest, self._joined[id], span)]
        end = window.offset + window.limit
        page = ids[window.offset : end]
        if not self._split:
            await self._load(page, givers)
            page = [id for id in page if id in self._joined]
        return Histories(page, len(ids) if window.count else None, len(ids) > end)

    # joining

    async def _load(self, ids: Sequence[str], givers: Sequence[Giver]) -> None:
        """Join what is held here of some entities with what sources tell."""
        await asyncio.gather(*[giver.complete(ids) for giver in givers])
        here = [id for id in ids if HERE in self.origins.at.get(id, ())]
        pages = await temporal_pages.read(self._local, here, self._asked, self._most)
        for id in ids:
            several = [one for giver in givers for one in giver.told.get(id, ())]
            history, instances = self._local.history(id), pages.evolutions.get(id, {})
            if history is not None and (instances or self._given.query.span is None) and id in here:
                several.insert(0, Evolving(history, instances))
            weight = sum(map(_weight, several))
            joined = await self.asks.federation.beside.run(weight, self._made, several)
            if joined is None:
                continue
            self._joined[id] = joined
            cuts = [giver.cuts[id] for giver in givers if id in giver.cuts]
            cuts += [] if pages.cut is None or not instances else [pages.cut]
            if cuts:
                self._cuts[id] = min(cuts) if self._given.query.last_n is None else max(cuts)
        if self._given.aggregation and self._cuts:
            raise TooManyResults("There are too many instances to aggregate; ask for a shorter time.")

    def _made(self, several: Sequence[Evolving]) -> Evolving | None:
        seen = [one for given in several if (one := evolving.visible(given, self._seen)) is not None]
        return evolving.join(seen, self._proxied)


def _weight(found: Evolving) -> int:
    return _INSTANCE * sum(map(len, found.instances.values()))


def _choosing(selectors: Sequence[EntitySelector], ids: Sequence[str]) -> tuple[EntitySelector, ...]:
    """Narrow selectors to some entities."""
    plain = selectors or (EntitySelector(),)
    return tuple(replace(one, ids=tuple(ids)) for one in plain)


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
