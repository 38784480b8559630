"""Retrieving and querying entities of registered sources beside those held here. (4.3.6.7, 5.7.1.4, 5.7.2.4)"""

import asyncio
from collections.abc import Mapping, Sequence

from base.errors import Problem, ResourceNotFound
from broker.federation import Asking, entity_requests
from broker.federation.gathering import Gathered
from broker.federation.inquiry import Inquiry
from broker.federation.joining import Version, join
from broker.language import evaluation
from broker.language.selection import EntitySelector
from broker.language.sources import SourceSelection
from broker.model import represent
from broker.model.document import Document
from broker.model.represent import Representation
from broker.operations import asked, distributed_links, entity_maps, paging, preferences, rendering
from broker.operations.asked import Links, Wanted
from broker.operations.call import Answer, Broker, Call
from broker.operations.candidates import HERE, Origins
from broker.operations.distributed_reading import (
    BATCH_QUERYING,
    NO_MAPS,
    PROXIED,
    QUERYING,
    RETRIEVING,
    Asked,
    apart,
    concerned,
    gather,
    inquiry,
    parts,
    proxied,
    refuse_ordering,
    seeing,
    warned,
)
from broker.store.contract import TenantStore


async def retrieve(
    call: Call, broker: Broker, asking: Asking, id: str, shape: Representation, links: Links | None
) -> Answer | None:
    """Retrieve an entity with what sources have of it and of those it links to; None: nothing of either. (5.7.1.4)"""
    kinds = asked.types_of(call.params, call.context.table)
    selector = EntitySelector((id,), None, kinds)
    concerned = SourceSelection((selector,), asked.attributes_of(shape), shape.dataset_ids)
    several = parts(broker, asking, concerned, RETRIEVING)
    if not several and links is None:
        return None
    store = broker.catalogue.open(call.tenant)
    kept = entity_maps.of_one(call, store, id)  # says where the entity is (5.7.1.4)
    having = [one for one in several if kept is None or one.match.source.id in kept]
    asks = inquiry(broker, asking, (selector,))
    versions = await told(call, store, asks, having, id, entity_maps.linked_of_one(call, store))
    document = await broker.federation.beside.run(asks.weight, joined, call, versions, several)
    if document is None or represent.nothing_left(document, shape):
        raise _missing(asks, having, id)
    origins = Origins({id: [HERE if one.source is None else one.source.id for one in versions]})
    headers = await entity_maps.headers_of_one(call, broker, store, id, origins)
    made = await distributed_links.shown(call, broker, asks, [document], shape, links)
    flat = links is not None and not links.inline
    body = rendering.page(call, made.bodies) if flat else rendering.one(call, made.bodies[0])
    return rendering.answer(call, body, altered=made.altered, headers=headers | warned(asks))


async def told(
    call: Call,
    store: TenantStore,
    asks: Inquiry,
    several: Sequence[Asked],
    id: str,
    linked: Mapping[str, str] = NO_MAPS,
) -> list[Version]:
    """Give what is held here of an entity and what sources answer; `linked`: the maps that sources made of theirs."""
    answers = await asyncio.gather(
        *[_told(call, asks, one, id, linked.get(one.match.source.id)) for one in several]
    )
    versions = [version for answer in answers for version in answer]
    stored = store.document(id, call.now)
    if stored is not None and any(evaluation.chosen(one, stored.document) for one in asks.selectors):
        versions.insert(0, Version(stored.document))
    return versions


def joined(call: Call, versions: Sequence[Version], several: Sequence[Asked]) -> Document | None:
    """Join what is told of an entity, as far as the caller may see it. (4.5.5)"""
    return join(versions, proxied(several), call.now, seeing(call))


async def _told(call: Call, asks: Inquiry, one: Asked, id: str, by_map: str | None) -> list[Version]:
    table = call.context.table
    if one.operation == "retrieveEntity":
        maps = [None] if by_map is None else [by_map, None]
        kinds = call.params.get("type")
        requests = [entity_requests.retrieving(one.part, table, kinds, map) for map in maps]
    else:
        batch = one.operation == "queryBatch"
        if one.part.selector.types is None and not one.part.attributes:
            return []  # no source answers a query for ids alone (5.7.2.4)
        requests = [entity_requests.querying(one.part, table, {}, 1, 0, batch=batch)]
    return await asks.retrieve(one.part, one.match, id, *requests)


def _missing(asks: Inquiry, several: Sequence[Asked], id: str) -> Problem:
    """Say why an entity cannot be had: what went wrong at the only source that would have it, or 404. (6.3.17)"""
    headers = warned(asks)
    sources = {one.match.source.id: one.match.source for one in several}
    if len(sources) == 1 and len(asks.failures) == 1:
        [(source, failure)] = asks.failures.values()
        if source.mode in PROXIED:
            failure.problem.headers.update(headers)
            return failure.problem
    return ResourceNotFound(f"Entity {id} does not exist here or at a registered source.", headers=headers)


async def query(call: Call, broker: Broker, asking: Asking, wanted: Wanted) -> Answer | None:
    """Query entities here and at sources, a page of them; None: no source has any, or what they link to. (5.7.2.4)"""
    operations = QUERYING if call.method == "GET" else BATCH_QUERYING
    several = concerned(broker, asking, wanted, operations, seeing(call))
    if not several and (wanted.links is None or wanted.window.ordering is not None):
        return None
    refuse_ordering(wanted)
    asks = inquiry(broker, asking, wanted.selection.selectors)
    found, count = await find(call, broker, asks, several, wanted)
    window = wanted.window
    headers = {preferences.APPLIED: preferences.BY_ID} if preferences.in_order(call) else {}
    if count is not None:
        headers["NGSILD-Results-Count"] = str(count)
    page = found.documents[window.offset :]
    made = await distributed_links.shown(call, broker, asks, page, wanted.representation, wanted.links)
    links = paging.page_links(call.target, window, not found.ends, call.accept)
    if links:
        headers["Link"] = ", ".join(links)
    headers |= warned(asks)
    return rendering.answer(call, rendering.page(call, made.bodies), altered=made.altered, headers=headers)


async def find(
    call: Call, broker: Broker, asks: Inquiry, several: Sequence[Asked], wanted: Wanted
) -> tuple[Gathered, int | None]:
    """Find the entities up to the end of a page, and how many there are if that was asked for."""
    window = wanted.window
    enough = window.offset + window.limit
    plain, linking = apart(wanted)
    gathering = gather(call, broker, asks, several, plain)
    if linking is None:
        return await gathering.first(enough), await gathering.count() if window.count else None
    every = await gathering.first(broker.settings.entity_map_entities)
    met = await distributed_links.meeting(call, broker, asks, every.documents, linking)
    return Gathered(met[:enough], len(met) <= enough), len(met) if window.count else None
