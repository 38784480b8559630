"""The resource /temporal/entityMaps, and temporal queries that make or use a map. (5.14.5, 5.5.14, 6.35)"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from base.errors import BadRequestData
from broker.language.selection import Window
from broker.language.span import Span
from broker.operations import candidates, distributed_temporal, entity_maps, temporal_asked
from broker.operations.asked import Limits
from broker.operations.call import Answer, Broker, Call
from broker.operations.candidates import EntityMap, Fit
from broker.operations.distributed_temporal import Joined, Opened
from broker.operations.entity_maps import MapUse, Searching
from broker.operations.temporal_asked import TemporalWanted
from broker.store.contract import TenantStore


async def create_temporal_entity_map(call: Call, broker: Broker) -> Answer:
    """Make an entity map of what a temporal query finds. (5.14.5, 6.35.3.1, 6.35.3.2)"""
    settings = broker.settings
    limits = Limits(settings.page_default, settings.page_most, settings.query_terms)
    if call.body is None:
        wanted = temporal_asked.from_params(call.params, call.context.table, limits)
    else:
        wanted = temporal_asked.from_query(call.body, call.params, call.context.table, limits)
    check(wanted)
    store = broker.catalogue.open(call.tenant)
    opened = distributed_temporal.opened(call, broker, wanted)
    made = await entity_maps.make(call, broker, store, wanted.wanted, _searching(store, opened, wanted))
    answer = await entity_maps.created(call, store, made)
    return replace(answer, headers={**answer.headers, **opened.warnings})


def check(wanted: TemporalWanted) -> None:
    """Refuse a temporal query that is none, or too wide. (5.7.4.4, 5.14.5.4)"""
    if wanted.query.timerel is None:
        raise BadRequestData("The query lacks a temporal query; give timerel and timeAt.")
    if not wanted.wanted.narrow_enough():
        raise BadRequestData("The query is too wide; give type, attrs, pick, q or georel, or local=true.")


async def page_of_map(call: Call, broker: Broker, opened: Opened, wanted: TemporalWanted) -> MapUse:
    """Find a page of histories by the map the request names, or by one made now. (5.5.14, 5.5.9.3)"""
    store = broker.catalogue.open(call.tenant)
    return await entity_maps.page_of_map(
        call, broker, store, wanted.wanted, _searching(store, opened, wanted)
    )


def _searching(store: TenantStore, opened: Opened, wanted: TemporalWanted) -> Searching:
    """Find entities by their histories. (5.14.5)"""
    span = wanted.query.span
    histories = opened.histories
    if isinstance(histories, Joined):
        return _among_sources(store, histories, span or Span())

    async def every(most: int) -> Sequence[str]:
        window = Window(most, 0, False, wanted.window.ordering)
        return (await histories.find(wanted.selection, span, window)).ids

    async def fit(some: Sequence[str]) -> Mapping[str, str]:
        selection = candidates.among(wanted.selection, some)
        if not selection.selectors:
            return {}
        return {id: id for id in (await histories.find(selection, span, Window(len(some)))).ids}

    return Searching(every, lambda _: fit, span or Span())


def _among_sources(store: TenantStore, joined: Joined, span: Span) -> Searching:
    """Find entities by their histories here and at sources; a map says at which. (4.3.6.7)"""

    def within(kept: EntityMap) -> Fit:
        async def fit(some: Sequence[str]) -> Mapping[str, str]:
            sources = candidates.sources_of(store, kept, frozenset(some))
            return {id: id for id in await joined.fitting(some, sources, kept.linked)}

        return fit

    return Searching(
        joined.every, within, span, origins=lambda: joined.origins, sure=lambda: not joined.asks.failures
    )
