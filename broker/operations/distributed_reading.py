"""Entities of registered sources beside those held here, as answers to one request. (4.3.6.7, 5.7.1.4, 5.7.2.4)"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Final

from base.errors import BadRequestData
from broker.federation import Asking, entity_requests, narrowing
from broker.federation.gathering import Gathering, Giver, Piece, Read
from broker.federation.inquiry import Inquiry
from broker.federation.narrowing import Part
from broker.language import evaluation
from broker.language.q import Query
from broker.language.selection import EntitySelector, Selection, Window
from broker.language.sources import Match, SourceSelection
from broker.language.visibility import Visibility
from broker.model.document import Document
from broker.operations import candidates
from broker.operations.asked import Wanted
from broker.operations.call import Broker, Call
from broker.operations.candidates import HERE
from broker.store.contract import Stamp, TenantStore

PROXIED: Final = ("exclusive", "redirect")
_READ_AT_ONCE: Final = 64
NO_MAPS: Final[Mapping[str, str]] = {}
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
    return Inquiry(broker.federation, asking, selectors)


def parts(broker: Broker, asking: Asking, wanted: SourceSelection, operations: Sequence[str]) -> list[Asked]:
    """Share a question out among the registrations that match and offer one of some operations. (5.12, 4.20)

    A source that the request came through does not match; one that alone has what it is registered for is missed.
    A request that came through here already asks nobody, and is warned of that. (6.3.17)
    """
    found = []
    for match in broker.federation.matches(asking, wanted):
        came_through = match.source.body.get("contextSourceAlias") in asking.via
        if match.source.mode in PROXIED or not came_through:
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


def warned(asks: Inquiry) -> dict[str, str]:
    """Give the header that tells of sources that failed. (6.3.17)"""
    warnings = asks.warnings
    return {WARNING: ", ".join(warnings)} if warnings else {}


# --- many entities -----------------------------------------------------------------------------------------------


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
        selection.geo,
        selection.scope,
        lenient=True,
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


def apart(wanted: Wanted) -> tuple[Wanted, Query | None]:
    """Take out of a query what asks for linked entities: those may have to be fetched first. (4.9, 4.5.23)"""
    q = wanted.selection.q
    if q is None or not q.depth:
        return wanted, None
    return replace(wanted, selection=replace(wanted.selection, q=None), split=True), q


async def again(
    call: Call,
    broker: Broker,
    asks: Inquiry,
    wanted: Wanted,
    some: Sequence[str],
    sources: Mapping[str, Sequence[str]],
    linked: Mapping[str, str],
) -> Mapping[str, Document]:
    """Find some entities of a query again, each only at the sources that a map names for it. (5.5.14)

    `linked`: the maps that sources made of theirs.
    """

    def of(source: str) -> Selection:
        return candidates.among(wanted.selection, [id for id in some if source in sources.get(id, ())])

    known = frozenset(one for several in sources.values() for one in several)
    narrowed = replace(wanted, selection=candidates.among(wanted.selection, some))
    several, every = [], []
    for one in broker.federation.matches(asks.asking, selecting(broker, narrowed, seeing(call))):
        every += shared(one, selecting(broker, narrowed, seeing(call)), QUERYING)
        selectors = of(one.source.id).selectors if one.source.id in known else ()
        if selectors:
            named = replace(narrowed, selection=replace(narrowed.selection, selectors=selectors))
            several += shared(one, selecting(broker, named, seeing(call)), QUERYING)
    asks = replace(asks, selectors=narrowed.selection.selectors)
    # a source that has nothing of an entity may still be the only one that might have it
    gathering = _gathering(call, broker, asks, several, wanted, of(HERE), linked, every)
    found = await gathering.first(len(some))
    return {document["id"]: document for document in found.documents}


def _gathering(
    call: Call,
    broker: Broker,
    asks: Inquiry,
    several: Sequence[Asked],
    wanted: Wanted,
    local: Selection,
    linked: Mapping[str, str] = NO_MAPS,
    claiming: Sequence[Asked] | None = None,
) -> Gathering:
    split = splits(broker, wanted, seeing(call))
    here = None
    if local.selectors or not asks.selectors:
        here = Selection(local.selectors) if split else local
    filters = {} if split else filters_of(wanted)
    rest = wanted.selection if split else None
    return gathering(call, broker, asks, several, here, filters, rest, linked, claiming=claiming)


def gathering(
    call: Call,
    broker: Broker,
    asks: Inquiry,
    several: Sequence[Asked],
    here: Selection | None,
    filters: Mapping[str, str],
    rest: Selection | None = None,
    linked: Mapping[str, str] = NO_MAPS,
    *,
    most: int | None = None,
    claiming: Sequence[Asked] | None = None,
) -> Gathering:
    """Begin to gather entities: `here` of this broker, by `filters` of sources, which meet the `rest` when joined.

    `claiming`: whose registrations may claim parts for their sources alone; none: of those that are asked. (4.3.6.3)
    """
    store, seen = broker.catalogue.open(call.tenant), seeing(call)
    judge = None if rest is None else partial(_judged, replace(rest, selectors=()))
    givers = [
        asks.giver(
            one.part,
            one.match,
            filters,
            batch=one.operation == "queryBatch",
            by_map=linked.get(one.match.source.id),
        )
        for one in several
    ]
    if here is not None:
        givers.insert(0, held_here(store, here, call.now))
    return Gathering(
        givers,
        proxied(several if claiming is None else claiming),
        call.now,
        most or broker.settings.entity_map_entities,
        asks.unreadable,
        asks.excessive,
        broker.federation.beside,
        judge,
        seen,
    )


def held_here(store: TenantStore, selection: Selection, now: int) -> Giver:
    """Make the list of what a query finds here."""

    async def give(limit: int, offset: int, _: bool) -> Piece:
        page = await store.query(selection, Window(limit, offset, by_id=True), now)
        entities: dict[str, Read] = {}
        for start in range(0, len(page.stamps), _READ_AT_ONCE):
            some = page.stamps[start : start + _READ_AT_ONCE]
            read = cache(partial(_documents, store, some, now))
            entities |= {stamp.id: partial(_one_of, read, stamp.id) for stamp in some}
        return Piece(entities, len(page.stamps), page.more, in_order=True)

    return Giver(give, None, likely=lambda _: None)


def _documents(store: TenantStore, stamps: Sequence[Stamp], now: int) -> Mapping[str, Document]:
    return {stored.id: stored.document for stored in store.documents(stamps, now)}


def _one_of(read: Callable[[], Mapping[str, Document]], id: str) -> Document | None:
    return read().get(id)


def _judged(selection: Selection, document: Document) -> Document | None:
    """Give a joined entity if it meets what was not yet asked of its parts."""
    return document if evaluation.matches(selection, document, _unlinked) else None


def _unlinked(_: str) -> None:
    """Read no linked entity: what a query asks of those is asked apart."""
