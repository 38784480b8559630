"""The resources /entityMaps and /entityMaps/{entityMapId}, and queries that make or use a map. (5.14, 6.32, 6.34)"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final
from urllib.parse import quote, unquote

from base import clock
from base.errors import BadRequestData, ResourceNotFound, TooManyResults
from broker.language.selection import Selection, Window
from broker.language.span import Span
from broker.model import validate
from broker.operations import asked, candidates, paging, rendering
from broker.operations.asked import Wanted
from broker.operations.call import NO_CONTENT, Answer, Broker, Call
from broker.operations.candidates import EntityMap, Fit, Found, Origins, Walk
from broker.store.contract import Stamp, TenantStore

HEADER: Final = "NGSILD-EntityMap"
ROOT: Final = "/ngsi-ld/v1/entityMaps"
_MEMBERS: Final = frozenset({"id", "type", "expiresAt", "entityMap", "linkedMaps", "@context"})


@dataclass(frozen=True, slots=True)
class MapUse:
    """What was found with the help of a map, and what the answer says of the map. (6.4.3.2)"""

    page: Found
    made: bool
    location: str

    @property
    def status(self) -> int:
        """Give the status of an answer that is complete."""
        return 201 if self.made else 200

    @property
    def headers(self) -> dict[str, str]:
        """Give the headers of the answer."""
        count = self.page.count
        return {HEADER: self.location} | ({} if count is None else {"NGSILD-Results-Count": str(count)})

    def links(self, call: Call, wanted: Wanted) -> list[str]:
        """Write the links to the pages before and after. (6.3.10)"""
        limit = wanted.window.limit
        return paging.links_to(call.target, limit, self.page.previous, self.page.following, call.accept)


@dataclass(frozen=True, slots=True)
class Searching:
    """How the entities of a query are found: all that are candidates (up to a number), and those that still fit.

    `span`: the time a temporal query speaks of; None: it is about the current state. `origins` tells where those found
    by `every` are from, `within` makes what finds those of a map that still fit, `sure` says whether all could be seen.
    """

    every: Callable[[int], Awaitable[Sequence[str]]]
    within: Callable[[EntityMap], Fit]
    span: Span | None = None
    origins: Callable[[], Origins] = Origins
    sure: Callable[[], bool] = lambda: True


# --- the resources -----------------------------------------------------------------------------------------------


async def created(call: Call, store: TenantStore, made: EntityMap) -> Answer:
    """Answer with a map just made. (6.34.3.1)"""
    answer = rendering.listing(call, await _shown(store, made), {HEADER: location(made)})
    return replace(answer, status=201)


async def retrieve_entity_map(call: Call, broker: Broker) -> Answer:
    """Retrieve an entity map. (5.14.1, 6.32.3.1)"""
    store = broker.catalogue.open(call.tenant)
    kept = _there(call, store)
    return rendering.listing(call, await _shown(store, kept))


async def update_entity_map(call: Call, broker: Broker) -> Answer:
    """Set when an entity map expires; what only the broker writes is ignored. (5.14.2, 6.32.3.2)"""
    store = broker.catalogue.open(call.tenant)
    kept = _there(call, store)
    body = call.body
    if not isinstance(body, dict) or not body.keys() <= _MEMBERS:
        raise BadRequestData("An entity map can be updated in expiresAt only; send an object with it.")
    if body.get("type", "EntityMap") != "EntityMap" or body.get("id", kept.id) != kept.id:
        raise BadRequestData("id and type of an entity map cannot be changed; leave them out.")
    if "expiresAt" in body:
        wanted = clock.parse(validate.date_time(body["expiresAt"], "expiresAt"))
        expires = candidates.bounded(wanted, call.now, broker.settings.entity_map_seconds)
        await candidates.extend(store, kept, expires)
    return NO_CONTENT


async def delete_entity_map(call: Call, broker: Broker) -> Answer:
    """Delete an entity map. (5.14.3, 6.32.3.3)"""
    store = broker.catalogue.open(call.tenant)
    await candidates.remove(store, _there(call, store).id)
    return NO_CONTENT


def location(kept: EntityMap) -> str:
    """Name the resource of a map."""
    return f"{ROOT}/{quote(kept.id, safe=':')}"


def named(call: Call) -> str | None:
    """Read which map a request refers to: its id, or the last part of its location. (6.4.3.2)"""
    text = call.headers.get(HEADER)
    return unquote(text.strip().rpartition("/")[2]) if text else None


def _there(call: Call, store: TenantStore) -> EntityMap:
    id = validate.uri(call.path["entityMapId"], "entityMapId")
    kept = candidates.find(store, id, call.now)
    if kept is None:
        raise ResourceNotFound(f"There is no entity map {id}; it may have expired.")
    return kept


async def _shown(store: TenantStore, kept: EntityMap) -> dict[str, Any]:
    """Give a map as its reader sees it. (5.2.39)"""
    entities: dict[str, list[str]] = {}
    listed = candidates.listed(store, kept)
    while some := list(islice(listed, candidates.PART)):
        entities.update(some)
        await asyncio.sleep(0)  # others have their turn between two parts
    return {
        "id": kept.id,
        "type": "EntityMap",
        "expiresAt": clock.show(kept.expires),
        "entityMap": entities,
        "linkedMaps": dict(kept.linked),
    }


# --- queries with a map ------------------------------------------------------------------------------------------


def asks_for_map(call: Call, wanted: Wanted) -> bool:
    """Say whether a query makes or uses a map."""
    return wanted.entity_map or call.headers.get(HEADER) is not None


async def page_of_map(
    call: Call, broker: Broker, store: TenantStore, wanted: Wanted, searching: Searching
) -> MapUse:
    """Find a page by the map the request names; make one if there is none (any more). (5.5.14, 5.5.9.3)"""
    id = named(call)
    kept = candidates.find(store, id, call.now) if id else None
    made = kept is None
    if kept is None:
        kept = await make(call, broker, store, wanted, searching)
    usual = _usable(kept, wanted, searching)
    walk = Walk(
        store,
        kept,
        searching.within(kept),
        wanted=_ids(wanted.selection),
        settle=lambda: usual and searching.sure(),
    )
    window = wanted.window
    return MapUse(await walk.page(window.offset, window.limit, window.count), made, location(kept))


def in_current_state(call: Call, store: TenantStore, wanted: Wanted) -> Searching:
    """Find entities in the current state. (5.14.4)"""

    async def every(most: int) -> Sequence[str]:
        window = Window(most, 0, False, wanted.window.ordering)
        return [stamp.id for stamp in (await store.query(wanted.selection, window, call.now)).stamps]

    async def fit(some: Sequence[str]) -> Mapping[str, Stamp]:
        selection = candidates.among(wanted.selection, some)
        if not selection.selectors:
            return {}
        page = await store.query(selection, Window(len(some)), call.now)
        return {stamp.id: stamp for stamp in page.stamps}

    return Searching(every, lambda _: fit)


async def headers_of_one(
    call: Call, broker: Broker, store: TenantStore, id: str, origins: Origins | None = None
) -> dict[str, str]:
    """Give the headers that tell of the map of a request for one entity. (6.5.3.1)"""
    location = await map_of_one(call, broker, store, id, origins)
    return {HEADER: location} if location else {}


def of_one(call: Call, store: TenantStore, id: str) -> frozenset[str] | None:
    """Give the sources of an entity by the map that a request names; None: there is none, or without it. (5.7.1.4)"""
    given = named(call)
    kept = candidates.find(store, given, call.now) if given else None
    return None if kept is None else _known(candidates.sources_of(store, kept, {id}).get(id))


def linked_of_one(call: Call, store: TenantStore) -> Mapping[str, str]:
    """Give the maps that sources made for the map that a request names. (5.7.1.4)"""
    given = named(call)
    kept = candidates.find(store, given, call.now) if given else None
    return {} if kept is None else kept.linked


def _known(sources: Sequence[str] | None) -> frozenset[str] | None:
    return None if sources is None else frozenset(sources)


async def map_of_one(
    call: Call, broker: Broker, store: TenantStore, id: str, origins: Origins | None = None
) -> str | None:
    """Name the map of a request for one entity, made if asked for and absent. (6.5.3.1)"""
    given = named(call)
    if given is None and not asked.flag(call.params, "entityMap"):
        return None
    kept = candidates.find(store, given, call.now) if given else None
    if kept is None:
        expires = candidates.expiry(
            call.params.get("entityMapLifetime"), call.now, broker.settings.entity_map_seconds
        )
        mark = candidates.fingerprint("one entity", id)
        kept = await candidates.keep(store, [id], expires, mark, mark, call.now, origins)
    return location(kept)


async def make(
    call: Call, broker: Broker, store: TenantStore, wanted: Wanted, searching: Searching
) -> EntityMap:
    """Make a map of what a query finds. (5.14.4.4, 5.14.5.4)"""
    most = broker.settings.entity_map_entities
    found = await searching.every(most + 1)
    if len(found) > most:
        raise TooManyResults(f"An entity map holds at most {most} entities here; narrow the query.")
    expires = candidates.expiry(wanted.entity_map_lifetime, call.now, broker.settings.entity_map_seconds)
    query, whole = _marks(wanted, searching)
    return await candidates.keep(store, found, expires, query, whole, call.now, searching.origins())


def _marks(wanted: Wanted, searching: Searching) -> tuple[str, str]:
    """Stand for a query without what a request that uses its map may change, and with it. (5.5.14)"""
    selection, ordering = wanted.selection, wanted.window.ordering
    temporal = searching.span is not None
    return (
        candidates.fingerprint(temporal, candidates.without_ids(selection), ordering),
        candidates.fingerprint(selection, ordering, searching.span),
    )


def _usable(kept: EntityMap, wanted: Wanted, searching: Searching) -> bool:
    """Say whether what does not fit may leave the map: the very query that made it. Refuse another query. (5.5.14)"""
    query, whole = _marks(wanted, searching)
    if kept.query != query:
        raise BadRequestData(
            "The entity map belongs to another query; repeat its parameters, or leave out NGSILD-EntityMap."
        )
    return kept.whole == whole


def _ids(selection: Selection) -> frozenset[str]:
    """Name the entities a query is limited to; none: it is not."""
    if not selection.selectors or not all(selector.ids for selector in selection.selectors):
        return frozenset()
    return frozenset(id for selector in selection.selectors for id in selector.ids)
