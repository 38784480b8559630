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
from broker.operations import asked, preferences, rendering
from broker.operations.asked import Links, Wanted
from broker.operations.call import Answer, Broker, Call
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
        operation = next((one for one in operations if one in match.source.operations), None)
        if operation is not None:
            pieces = narrowing.narrow(match, wanted.selectors, wanted.attributes, wanted.dataset_ids)
            found += [Asked(part, match, operation) for part in pieces]
    return found


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
    asks = inquiry(broker, asking, (selector,))
    document = await entity(call, broker, asks, several, id)
    headers = warned(asks)
    store = broker.catalogue.open(call.tenant)
    if document is None or represent.nothing_left(document, shape):
        raise _missing(asks, several, id, headers)
    made = shown(call, store, [document], shape, links)
    flat = links is not None and not links.inline
    body = rendering.page(call, made.bodies) if flat else rendering.one(call, made.bodies[0])
    return rendering.answer(call, body, altered=made.altered, headers=headers)


async def entity(
    call: Call, broker: Broker, asks: Inquiry, several: Sequence[Asked], id: str
) -> Document | None:
    """Join what is held here of an entity with what sources answer. (4.5.5)"""
    answers = await asyncio.gather(*[_told(call, asks, one, id) for one in several])
    versions = [version for answer in answers for version in answer]
    stored = broker.catalogue.open(call.tenant).document(id, call.now)
    if stored is not None and any(evaluation.chosen(one, stored.document) for one in asks.selectors):
        versions.insert(0, Version(stored.document))
    joined = join(versions, proxied(several), call.now)
    return None if joined is None else visible(joined, seeing(call))


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
    if wanted.window.ordering is not None:
        raise BadRequestData(
            "Entities of several sources come in the order of their ids; leave out orderBy, or give local=true."
        )
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


def concerned(
    broker: Broker, asking: Asking, wanted: Wanted, operations: Sequence[str], seen: Visibility | None = None
) -> list[Asked]:
    """Share a query out among the sources it concerns. (5.12)"""
    selection = wanted.selection
    split = splits(broker, wanted, seen)
    sources = SourceSelection(
        selection.selectors,
        frozenset() if split else selection.attrs,
        frozenset() if split else selection.dataset_ids,
        wanted.csf,
    )
    return parts(broker, asking, sources, operations)


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
    seen = seeing(call)
    split = splits(broker, wanted, seen)
    filters = {} if split else filters_of(wanted)
    selection = wanted.selection
    store = broker.catalogue.open(call.tenant)
    givers = [
        asks.giver(one.part, one.match, filters, batch=one.operation == "queryBatch") for one in several
    ]
    local = Selection(selection.selectors) if split else selection
    return Gathering(
        [held_here(store, local, call.now), *givers],
        proxied(several),
        call.now,
        broker.settings.entity_map_entities,
        asks.unreadable,
        partial(_judged, selection if split else None, seen, rendering.reading(store, call.now)),
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
