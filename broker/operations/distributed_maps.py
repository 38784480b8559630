"""Entity maps of what several sources have: making one, and reading pages by it. (4.3.6.7, 5.5.14, 5.14.4)"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from base.errors import BadRequestData
from broker.federation import Asking
from broker.federation.gathering import Giver
from broker.model.document import Document
from broker.operations import (
    asked,
    asked_body,
    candidates,
    distributed,
    distributed_links,
    distributed_reading,
    entity_maps,
    rendering,
)
from broker.operations.asked import Limits, Wanted
from broker.operations.call import Answer, Broker, Call
from broker.operations.candidates import HERE, EntityMap, Fit, Origins
from broker.operations.distributed_reading import QUERYING, Asked
from broker.operations.entity_maps import Searching

MAKING: Final = "createEntityMapQueryEntity"
_ENTRY: Final = 100  # bytes of memory that an entity takes in a map


async def create_entity_map(call: Call, broker: Broker) -> Answer:
    """Make an entity map of what a query finds. (5.14.4, 6.34.3.1, 6.34.3.2)"""
    settings = broker.settings
    limits = Limits(settings.page_default, settings.page_most, settings.query_terms)
    if call.body is None:
        wanted = asked.from_params(call.params, call.context.table, False, limits)
    else:
        wanted = asked_body.from_query(call.body, call.params, call.context.table, False, limits)
    if not wanted.narrow_enough():
        raise BadRequestData("The query is too wide; give type, attrs, pick, q or georel, or local=true.")
    store = broker.catalogue.open(call.tenant)
    asking = distributed.asking(call, broker)
    search = among_sources(call, broker, asking, wanted) if asking else None
    searching = search.searching if search else entity_maps.in_current_state(call, store, wanted)
    made = await entity_maps.make(call, broker, store, wanted, searching)
    answer = await entity_maps.created(call, store, made)
    return replace(answer, headers={**answer.headers, **search.headers}) if search else answer


async def query(call: Call, broker: Broker, asking: Asking, wanted: Wanted) -> Answer | None:
    """Query entities here and at sources by a map; None: no registration matches. (5.7.2.4)"""
    search = among_sources(call, broker, asking, wanted)
    if search is None:
        return None
    store = broker.catalogue.open(call.tenant)
    use = await entity_maps.page_of_map(call, broker, store, wanted, search.searching)
    made = await distributed_links.shown(
        call, broker, search.asks, use.page.found, wanted.representation, wanted.links
    )
    headers = {**use.headers, **search.headers}
    if links := use.links(call, wanted):
        headers["Link"] = ", ".join(links)
    body = rendering.page(call, made.bodies)
    return rendering.answer(call, body, altered=made.altered, status=use.status, headers=headers)


def among_sources(call: Call, broker: Broker, asking: Asking, wanted: Wanted) -> "MapSearch | None":
    """Begin to find entities here and at sources; None: no registration matches."""
    seen = distributed_reading.seeing(call)
    several = distributed_reading.concerned(broker, asking, wanted, QUERYING, seen)
    if not several:
        return None
    distributed_reading.refuse_ordering(wanted)
    return MapSearch(call, broker, asking, wanted, several)


class MapSearch:
    """Finds the entities of a query at several sources, for a map or by one."""

    def __init__(
        self, call: Call, broker: Broker, asking: Asking, wanted: Wanted, several: Sequence[Asked]
    ) -> None:
        self._call, self._broker, self._wanted, self._several = call, broker, wanted, several
        self.asks = distributed_reading.inquiry(broker, asking, wanted.selection.selectors)
        self._origins = Origins()
        self.searching = Searching(
            self._every,
            origins=lambda: self._origins,
            within=self._within,
            sure=lambda: not self.asks.failures,
        )

    @property
    def headers(self) -> dict[str, str]:
        """Give the headers that tell of sources that failed."""
        return distributed_reading.warned(self.asks)

    async def _every(self, most: int) -> Sequence[str]:
        """Find all candidates: sources that make maps tell of theirs at once. (5.14.4.4)"""
        call, broker = self._call, self._broker
        wanted, _ = distributed_reading.apart(self._wanted)
        hiding = distributed_reading.seeing(call) is not None  # whose ids must not be told
        mapped = {} if hiding else await self._mapped()
        further = [one for one in self._several if one.match.source.id not in mapped]
        gathering = distributed_reading.gather(call, broker, self.asks, further, wanted)
        listed = await gathering.everything(judged=hiding)
        number = len(listed) + sum(len(ids) for _, ids in mapped.values())
        found = await broker.federation.beside.run(_ENTRY * number, _united, listed, mapped)
        self._origins = Origins(found, {source: map_id for source, (map_id, _) in mapped.items()})
        return list(found)

    async def _mapped(self) -> dict[str, tuple[str, list[str]]]:
        """Have sources make maps of what they find, those that are asked one question and offer it."""
        questions = Counter(one.match.source.id for one in self._several)
        able = [
            one
            for one in self._several
            if questions[one.match.source.id] == 1 and MAKING in one.match.source.operations
        ]
        split = distributed_reading.splits(self._broker, self._wanted)
        filters = {} if split else distributed_reading.filters_of(self._wanted)
        lifetime = self._wanted.entity_map_lifetime
        made = await asyncio.gather(
            *[self.asks.mapped(one.part, one.match, filters, lifetime) for one in able]
        )
        return {one.match.source.id: told for one, told in zip(able, made, strict=True) if told is not None}

    def _within(self, kept: EntityMap) -> Fit:
        store = self._broker.catalogue.open(self._call.tenant)

        async def fit(some: Sequence[str]) -> Mapping[str, Document]:
            sources = candidates.sources_of(store, kept, frozenset(some))
            call, broker, asks = self._call, self._broker, self.asks
            plain, linking = distributed_reading.apart(self._wanted)
            found = await distributed_reading.again(call, broker, asks, plain, some, sources, kept.linked)
            if linking is None:
                return found
            met = await distributed_links.meeting(call, broker, asks, list(found.values()), linking)
            return {document["id"]: document for document in met}

        return fit


def _united(
    listed: Mapping[str, Sequence[Giver]], mapped: Mapping[str, tuple[str, Sequence[str]]]
) -> dict[str, list[str]]:
    """Give the sources of each entity, in the order of the entities."""
    found = {id: list(_sources(givers)) for id, givers in listed.items()}
    for source, (_, ids) in mapped.items():
        for id in ids:
            found.setdefault(id, []).append(source)
    return {id: found[id] for id in sorted(found)}


def _sources(givers: Sequence[Giver]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(HERE if one.match is None else one.match.source.id for one in givers))
