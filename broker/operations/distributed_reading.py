"""Entities of registered sources beside those held here, as answers to one request. (4.3.6.7, 5.7.1.4, 5.7.2.4)"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from base.errors import BadRequestData, ResourceNotFound
from broker.federation import Asking, entity_requests, joining, narrowing
from broker.federation.gathering import Gathering, Giver, Piece, Read
from broker.federation.inquiry import Inquiry
from broker.federation.joining import Version, join
from broker.federation.narrowing import Part
from broker.language import evaluation
from broker.language.selection import EntitySelector, Selection, Window
from broker.language.sources import Match, SourceSelection
from broker.language.visibility import Visibility, visible
from broker.model import represent
from broker.model.document import Document
from broker.model.represent import Representation
from broker.operations import asked, candidates, entity_maps, preferences, rendering
from broker.operations.asked import Links, Wanted
from broker.operations.call import Answer, Broker, Call
from broker.operations.candidates import HERE, Origins
from broker.operations.rendering import Rendered
from broker.store.contract import Stamp, TenantStore

PROXIED: Final = ("exclusive", "redirect")
WARNING: Final = "NGSILD-Warning"
RETRIEVING: Final = ("retrieveEntity", "queryEntity", "queryBatch")
QUERYING: Final = ("queryEntity", "queryBatch")
BATCH_QUERYING: Final = ("queryBatch", "queryEntity")


@dataclass(frozen=True, slots=True)
class Asked:
    """A part of a question, the registration it is asked for, and the operation its source offers for it."""

    part: Part
    match: Match
    operation: str


def inquiry(broker: Broker, asking: Asking, selectors: Sequence[EntitySelector]) -> Inquiry:
    """Begin the questions of one request."""
    return Inquiry(broker.federation, broker.contexts, asking, selectors)


def parts(broker: Broker, asking: Asking, wanted: SourceSelection, operations: Sequence[str]) -> list[Asked]:
    """Share a question out among the registrations that match and offer one of some operations. (5.12, 4.20)"""
    found = []
    for match in broker.federation.matches(asking, wanted):
        found += shared(match, wanted, operations)
    return found


def shared(match: Match, wanted: SourceSelection, operations: Sequence[str]) -> list[Asked]:
    """Give the parts of a question for one registration; none if it offers no operation for it. (4.20)"""
    operation = next((one for one in operations if one in match.source.operations), None)
    if operation is None:
        return []
    pieces = narrowing.narrow(match, wanted.selectors, wanted.attributes, wanted.dataset_ids)
    return [Asked(part, match, operation) for part in pieces]


def proxied(several: Sequence[Asked]) -> list[Match]:
    """Give the registrations whose sources alone have what they are registered for. (4.3.6.3)"""
    return list(
        {one.match.source.id: one.match for one in several if one.match.source.mode in PROXIED}.values()
    )


def seeing(call: Call) -> Visibility | None:
    """Say what the caller may see; None: everything. (docs/access.md)"""
    return None if call.rights is None else call.rights.reading


# --- one entity --------------------------------------------------------------------------------------------------


async def retrieve(
    call: Call, broker: Broker, asking: Asking, id: str, shape: Representation, links: Links | None
) -> Answer | None:
    """Retrieve an entity with what sources have of it; None: no registration matches. (5.7.1.4)"""
    kinds = asked.types_of(call.params, call.context.table)
    selector = EntitySelector((id,), None, kinds)
    concerned = SourceSelection((selector,), asked.attributes_of(shape), shape.dataset_ids)
    several = parts(broker, asking, concerned, RETRIEVING)
    if not several:
        return None
    store = broker.catalogue.open(call.tenant)
    kept = entity_maps.of_one(call, store, id)
    if kept is not None:  # it says where the entity is (5.7.1.4)
        several = [one for one in several if one.match.source.id in kept]
    asks = inquiry(broker, asking, (selector,))
    versions = await told(call, store, asks, several, id)
    document = joined(call, versions, several)
    headers = warned(asks)
    if document is None or represent.nothing_left(document, shape):
        raise _missing(asks, several, id, headers)
    origins = Origins({id: [HERE if one.source is None else one.source.id for one in versions]})
    headers |= await entity_maps.headers_of_one(call, broker, store, id, origins)
    made = shown(call, store, [document], shape, links)
    flat = links is not None and not links.inline
    body = rendering.page(call, made.bodies) if flat else rendering.one(call, made.bodies[0])
    return rendering.answer(call, body, altered=made.altered, headers=headers)


async def told(
    call: Call, store: TenantStore, asks: Inquiry, several: Sequence[Asked], id: str
) -> list[Version]:
    """Give what is held here of an entity and what sources answer."""
    answers = await asyncio.gather(*[_told(call, asks, one, id) for one in several])
    versions = [version for answer in answers for version in answer]
    stored = store.document(id, call.now)
    if stored is not None and any(evaluation.chosen(one, stored.document) for one in asks.selectors):
        versions.insert(0, Version(stored.document))
    return versions


def joined(call: Call, versions: Sequence[Version], several: Sequence[Asked]) -> Document | None:
    """Join what is told of an entity, as far as the caller may see it. (4.5.5)"""
    document = join(versions, proxied(several), call.now)
    return None if document is None else visible(document, seeing(call))


async def _told(call: Call, asks: Inquiry, one: Asked, id: str) -> list[Version]:
    table = call.context.table
    if one.operation == "retrieveEntity":
        request = entity_requests.retrieving(one.part, table, call.params.get("type"))
    else:
        batch = one.operation == "queryBatch"
        if one.part.selector.types is None and not one.part.attributes:
            return []  # no source answers a query for ids alone (5.7.2.4)
        request = entity_requests.querying(one.part, table, {}, 1, 0, batch=batch)
    return await asks.retrieve(one.part, one.match, id, request)


def _missing(asks: Inquiry, several: Sequence[Asked], id: str, headers: Mapping[str, str]) -> Exception:
    """Say why an entity cannot be had: what went wrong at the only source that would have it, or 404. (6.3.17)"""
    sources = {one.match.source.id: one.match.source for one in several}
    if len(sources) == 1 and len(asks.failures) == 1:
        [(source, failure)] = asks.failures.values()
        if source.mode in PROXIED:
            failure.problem.headers.update(headers)
            return failure.problem
    return ResourceNotFound(f"Entity {id} does not exist here or at a registered source.", headers=headers)


def shown(
    call: Call, store: TenantStore, documents: Sequence[Document], shape: Representation, links: Links | None
) -> Rendered:
    """Give the bytes of joined entities."""
    if shape.sys_attrs:
        documents = [joining.dated(document, call.now) for document in documents]
    return rendering.of_documents(call, documents, shape, links, rendering.reading(store, call.now))


def warned(asks: Inquiry) -> dict[str, str]:
    """Give the header that tells of sources that failed. (6.3.17)"""
    warnings = asks.warnings
    return {WARNING: ", ".join(warnings)} if warnings else {}


# --- many entities -----------------------------------------------------------------------------------------------


async def query(call: Call, broker: Broker, asking: Asking, wanted: Wanted) -> Answer | None:
    """Query entities here and at sources, a page of them; None: no registration matches. (5.7.2.4)"""
    operations = QUERYING if call.method == "GET" else BATCH_QUERYING
    several = concerned(broker, asking, wanted, operations, seeing(call))
    if not several:
        return None
    refuse_ordering(wanted)
    asks = inquiry(broker, asking, wanted.selection.selectors)
    gathering = gather(call, broker, asks, several, wanted)
    store = broker.catalogue.open(call.tenant)
    window = wanted.window
    found = await gathering.first(window.offset + window.limit)
    headers = {preferences.APPLIED: preferences.BY_ID} if preferences.in_order(call) else {}
    if window.count:
        headers["NGSILD-Results-Count"] = str(await gathering.count())
    page = found.documents[window.offset :]
    made = shown(call, store, page, wanted.representation, wanted.links)
    links = asked.page_links(call.target, window, not found.ends, call.accept)
    if links:
        headers["Link"] = ", ".join(links)
    headers |= warned(asks)
    return rendering.answer(call, rendering.page(call, made.bodies), altered=made.altered, headers=headers)


def refuse_ordering(wanted: Wanted) -> None:
    """Refuse an order that only one broker could give. (5.7.2.4)"""
    if wanted.window.ordering is not None:
        raise BadRequestData(
            "Entities of several sources come in the order of their ids; leave out orderBy, or give local=true."
        )


def concerned(
    broker: Broker, asking: Asking, wanted: Wanted, operations: Sequence[str], seen: Visibility | None = None
) -> list[Asked]:
    """Share a query out among the sources it concerns. (5.12)"""
    return parts(broker, asking, selecting(broker, wanted, seen), operations)


def selecting(broker: Broker, wanted: Wanted, seen: Visibility | None) -> SourceSelection:
    """Say which sources a query concerns. (5.12)"""
    selection = wanted.selection
    split = splits(broker, wanted, seen)
    return SourceSelection(
        selection.selectors,
        frozenset() if split else selection.attrs,
        frozenset() if split else selection.dataset_ids,
        wanted.csf,
    )


def splits(broker: Broker, wanted: Wanted, seen: Visibility | None = None) -> bool:
    """Say whether entities are filtered only when joined: their parts may be at several brokers. (4.3.6.7)

    Nor do sources filter by what the caller (`seen`) must not see.
    """
    if wanted.split if wanted.split is not None else broker.settings.split_entities:
        return True
    selection = wanted.selection
    if selection.q and selection.q.depth:  # what is linked may be at other brokers
        return True
    names = selection.attrs | (selection.q.attributes if selection.q else frozenset())
    names |= {selection.geo.geoproperty} if selection.geo else set()
    return seen is not None and not all(map(seen.always, names))


def filters_of(wanted: Wanted) -> dict[str, str]:
    """Give the parameters by which sources filter what they answer, as they were given. (5.7.2.4)"""
    filters = {name: wanted.texts[name] for name in entity_requests.FILTERS & wanted.texts.keys()}
    if "scopeQ" in filters:
        filters["scopeQ"] = filters["scopeQ"].replace(" ", "+")  # a plus sign that came as it is
    return filters


def gather(call: Call, broker: Broker, asks: Inquiry, several: Sequence[Asked], wanted: Wanted) -> Gathering:
    """Begin to gather what a query finds here and at sources."""
    return _gathering(call, broker, asks, several, wanted, wanted.selection)


async def again(
    call: Call,
    broker: Broker,
    asks: Inquiry,
    wanted: Wanted,
    some: Sequence[str],
    sources: Mapping[str, Sequence[str]],
) -> Mapping[str, Document]:
    """Find some entities of a query again, each only at the sources that a map names for it. (5.5.14)"""

    def of(source: str) -> Selection:
        return candidates.among(wanted.selection, [id for id in some if source in sources.get(id, ())])

    known = frozenset(one for several in sources.values() for one in several)
    narrowed = replace(wanted, selection=candidates.among(wanted.selection, some))
    several = []
    for one in broker.federation.matches(asks.asking, selecting(broker, narrowed, seeing(call))):
        selectors = of(one.source.id).selectors if one.source.id in known else ()
        if selectors:
            named = replace(narrowed, selection=replace(narrowed.selection, selectors=selectors))
            several += shared(one, selecting(broker, named, seeing(call)), QUERYING)
    asks = replace(asks, selectors=narrowed.selection.selectors)
    gathering = _gathering(call, broker, asks, several, wanted, of(HERE))
    found = await gathering.first(len(some))
    return {document["id"]: document for document in found.documents}


def _gathering(
    call: Call, broker: Broker, asks: Inquiry, several: Sequence[Asked], wanted: Wanted, local: Selection
) -> Gathering:
    seen = seeing(call)
    split = splits(broker, wanted, seen)
    filters = {} if split else filters_of(wanted)
    store = broker.catalogue.open(call.tenant)
    givers = [
        asks.giver(one.part, one.match, filters, batch=one.operation == "queryBatch") for one in several
    ]
    if local.selectors or not asks.selectors:
        givers.insert(0, held_here(store, Selection(local.selectors) if split else local, call.now))
    return Gathering(
        givers,
        proxied(several),
        call.now,
        broker.settings.entity_map_entities,
        asks.unreadable,
        partial(_judged, wanted.selection if split else None, seen, rendering.reading(store, call.now)),
    )


def held_here(store: TenantStore, selection: Selection, now: int) -> Giver:
    """Make the list of what a query finds here."""

    async def give(limit: int, offset: int) -> Piece:
        page = await store.query(selection, Window(limit, offset, by_id=True), now)
        reads: dict[str, Read] = {stamp.id: partial(_document, store, stamp, now) for stamp in page.stamps}
        return Piece(reads, len(page.stamps), page.more, in_order=True)

    return Giver(give, None)


def _document(store: TenantStore, stamp: Stamp, now: int) -> Document | None:
    found = store.documents([stamp], now)
    return found[0].document if found else None


def _judged(
    selection: Selection | None,
    seen: Visibility | None,
    resolve: Callable[[str], Document | None],
    document: Document,
) -> Document | None:
    """Give what the caller may see of a joined entity, if that meets what was not yet asked of its parts."""
    shown = visible(document, seen)
    if shown is None or selection is None:
        return shown
    return shown if evaluation.matches(replace(selection, selectors=()), shown, resolve) else None
