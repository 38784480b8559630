"""Entity maps as they are kept: the candidates of a query, in its order, at fixed places. (4.5.25, 5.5.9.3, 5.5.14)

A map is a head and parts of its candidates, so that a page of a large map reads and writes one part of it. A candidate
that no longer fits leaves its place empty: pages neither lose nor repeat the others.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC
from typing import Any, Final

from base import ids
from base.clock import SECOND
from base.errors import ResourceNotFound
from broker.language.selection import EntitySelector, Selection
from broker.model import duration
from broker.store.contract import TenantStore

KIND: Final = "entity map"
PART_KIND: Final = "entity map part"
HERE: Final = "@none"
"""Stands for this broker among the sources of an entity. (5.2.39)"""
PART: Final = 1_000
_WRITTEN: Final = 8  # parts written at one go
SUGGESTED: Final = 900 * SECOND  # lifetime of a map whose maker suggests none
_FEWEST: Final = 64  # candidates looked at in one step
MOST_MAPS: Final = 1_000  # of a tenant, or of a snapshot
MOST_CANDIDATES: Final = 2_000_000  # in all maps of a tenant, or of a snapshot
ABANDONED: Final = 3_600 * SECOND  # a map whose making was interrupted is removed then

Fit = Callable[[Sequence[str]], Awaitable[Mapping[str, Any]]]
"""Gives those of some candidates that still fit, each with what was found of it."""


@dataclass(frozen=True, slots=True)
class EntityMap:
    """The head of a map; `query` and `whole` stand for the query that made it, without and with its entity ids.

    `sources` are the registrations its candidates are from (HERE: this broker), `linked` the maps these made of theirs.
    """

    id: str
    expires: int
    size: int
    query: str
    whole: str
    complete: bool = True
    owner: str = ""  # who made it, where a policy asks (docs/access.md)
    sources: Sequence[str] = (HERE,)
    linked: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """Give the record to keep."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a map: what was found, and the places where the pages before and after it begin."""

    found: Sequence[Any]
    count: int | None
    previous: int | None
    following: int | None


@dataclass(frozen=True, slots=True)
class Origins:
    """From which sources the candidates of a map are; none: all are held here. (5.2.39)"""

    at: Mapping[str, Sequence[str]] = field(default_factory=dict)
    linked: Mapping[str, str] = field(default_factory=dict)


def fingerprint(*parts: Any) -> str:
    """Give the same text for the same query, in this run of the broker and in any other."""
    return hashlib.sha256(repr(_plain(parts)).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return (
            type(value).__name__,
            [_plain(getattr(value, one.name)) for one in fields(value) if one.compare],
        )
    if isinstance(value, frozenset):
        return sorted(map(_plain, value), key=repr)
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return value


def without_ids(selection: Selection) -> Selection:
    """Give a query without the ids it asks for: a request that uses a map may ask for some of its entities. (5.5.14)"""
    selectors = tuple(replace(selector, ids=()) for selector in selection.selectors)
    return replace(selection, selectors=tuple(s for s in selectors if s != EntitySelector()))


def among(selection: Selection, wanted: Sequence[str]) -> Selection:
    """Give a query for those of some entities that it selects."""
    selectors = []
    for selector in selection.selectors or (EntitySelector(),):
        some = [id for id in wanted if id in selector.ids] if selector.ids else wanted
        if some:
            selectors.append(replace(selector, ids=tuple(some)))
    return replace(selection, selectors=tuple(selectors))


def expiry(suggested: str | None, now: int, longest: float) -> int:
    """Say when a map made now expires. (6.4.3.2)"""
    until = now + SUGGESTED
    if suggested is not None:
        until = duration.later(now, duration.parse(suggested, "entityMapLifetime"), 1, UTC)
    return bounded(until, now, longest)


def bounded(until: int, now: int, longest: float) -> int:
    """Keep an expiry within the longest life allowed."""
    return min(until, now + int(longest * SECOND))


# --- keeping -----------------------------------------------------------------------------------------------------


def find(store: TenantStore, id: str, now: int) -> EntityMap | None:
    """Find a map that has not expired."""
    body = store.record(KIND, id)
    if body is None or not body["complete"] or body["expires"] <= now:
        return None
    return EntityMap(**body)


async def keep(
    store: TenantStore,
    candidates: Sequence[str],
    expires: int,
    query: str,
    whole: str,
    now: int,
    origins: Origins | None = None,
) -> EntityMap:
    """Keep a new map. Its head comes first, so that what an interruption leaves is found and removed."""
    await _make_room(store, len(candidates))
    origins = origins or Origins()
    sources = tuple(dict.fromkeys(one for several in origins.at.values() for one in several)) or (HERE,)
    made = EntityMap(
        ids.urn("EntityMap"),
        expires,
        len(candidates),
        query,
        whole,
        sources=sources,
        linked=dict(origins.linked),
    )
    numbers = {source: number for number, source in enumerate(sources)}
    await store.put_record(KIND, made.id, {**made.body, "complete": False}, new=True, expires=now + ABANDONED)
    parts = []
    for number, start in enumerate(range(0, len(candidates), PART)):
        some = list(candidates[start : start + PART])
        body: dict[str, Any] = {"ids": some}
        if origins.at:
            body["at"] = [[numbers[one] for one in origins.at[id]] for id in some]
        parts.append(store.put_record(PART_KIND, _part_id(made, number), body, new=True))
        if len(parts) == _WRITTEN:  # others have their turn meanwhile
            await asyncio.gather(*parts)
            parts = []
    await asyncio.gather(*parts)
    await store.put_record(KIND, made.id, made.body, expires=made.expires)
    return made


async def _make_room(store: TenantStore, size: int) -> None:
    """Remove maps while there are too many or they hold too much: what expires first goes first."""
    kept = sorted((one for one in store.records(KIND) if one["complete"]), key=lambda one: one["expires"])
    held = sum(one["size"] for one in kept)
    for at, one in enumerate(kept):
        if len(kept) - at < MOST_MAPS and held + size <= MOST_CANDIDATES:
            break
        with suppress(ResourceNotFound):  # deleted meanwhile
            await remove(store, one["id"])
        held -= one["size"]


async def extend(store: TenantStore, kept: EntityMap, expires: int) -> None:
    """Set another expiry. (5.14.2)"""
    changed = replace(kept, expires=expires)
    await store.put_record(KIND, kept.id, changed.body, expires=expires)


async def remove(store: TenantStore, id: str) -> None:
    """Remove a map with its parts, expired or not. (5.14.3)"""
    body = store.record(KIND, id)
    if body is None:
        raise ResourceNotFound(f"There is no entity map {id}.")
    kept = EntityMap(**body)
    parts = [
        store.put_record(PART_KIND, _part_id(kept, number), None) for number in range(-(-kept.size // PART))
    ]
    for problem in await asyncio.gather(*parts, return_exceptions=True):
        if problem is not None and not isinstance(problem, ResourceNotFound):
            raise problem
    await store.put_record(KIND, id, None)


def listed(store: TenantStore, kept: EntityMap) -> Iterator[tuple[str, list[str]]]:
    """Give the entities of a map in its order, each with its sources."""
    for number in range(-(-kept.size // PART)):
        body = store.record(PART_KIND, _part_id(kept, number)) or {"ids": []}
        at = body.get("at") or [[0]] * len(body["ids"])
        for id, numbers in zip(body["ids"], at, strict=True):
            if id is not None:
                yield id, [kept.sources[one] for one in numbers]


def sources_of(store: TenantStore, kept: EntityMap, wanted: Collection[str]) -> dict[str, list[str]]:
    """Give the sources of some entities of a map; those that it does not hold are left out."""
    found: dict[str, list[str]] = {}
    for id, sources in listed(store, kept):
        if id in wanted:
            found[id] = sources
            if len(found) == len(wanted):
                break
    return found


def _part_id(kept: EntityMap, number: int) -> str:
    return f"{kept.id}#{number}"


def _part(store: TenantStore, kept: EntityMap, number: int) -> list[str | None]:
    body = store.record(PART_KIND, _part_id(kept, number))
    return [] if body is None else body["ids"]


# --- pages -------------------------------------------------------------------------------------------------------


class Walk:
    """One walk over a map: takes candidates that still fit, and empties the places of those that do not."""

    def __init__(
        self,
        store: TenantStore,
        kept: EntityMap,
        fit: Fit,
        *,
        wanted: frozenset[str],
        settle: Callable[[], bool],
    ) -> None:
        """`wanted`: only these entities, none: all; `settle`: whether what does not fit leaves the map."""
        self._store, self._kept, self._fit = store, kept, fit
        self._wanted, self._settle = wanted, settle

    async def page(self, offset: int, limit: int, count: bool) -> Found:
        """Fill a page from the place `offset` on; count what fits in the whole map if asked to. (5.5.9.3)"""
        found: list[tuple[int, Any]] = []
        at = offset
        while limit and at < self._kept.size and len(found) <= limit:
            end = (at // PART + 1) * PART
            places = range(at, end if self._wanted else min(end, at + max(_FEWEST, limit + 1 - len(found))))
            found += await self._fitting(places)
            at = places.stop
        return Found(
            [one for _, one in found[:limit]],
            await self._count() if count else None,
            self._before(offset, limit) if offset and limit else None,
            found[limit][0] if len(found) > limit else None,
        )

    async def _count(self) -> int:
        starts = range(0, self._kept.size, PART)
        return sum([len(await self._fitting(range(start, start + PART))) for start in starts])

    async def _fitting(self, places: range) -> list[tuple[int, Any]]:
        """Take the candidates at some places of one part that fit; empty the places of the others."""
        await asyncio.sleep(0)  # others have their turn between two parts
        number, first = places.start // PART, places.start // PART * PART
        part = _part(self._store, self._kept, number)
        candidates = {
            id: first + at
            for at, id in enumerate(part)
            if id is not None and first + at in places and (not self._wanted or id in self._wanted)
        }
        fitting = await self._fit(tuple(candidates)) if candidates else {}
        if self._settle():
            await self._empty(number, [id for id in candidates if id not in fitting])
        return [(place, fitting[id]) for id, place in candidates.items() if id in fitting]

    async def _empty(self, number: int, gone: Sequence[str]) -> None:
        if gone:
            body = self._store.record(PART_KIND, _part_id(self._kept, number)) or {"ids": []}
            left = [None if id in gone else id for id in body["ids"]]
            with suppress(ResourceNotFound):  # the map was deleted meanwhile
                await self._store.put_record(PART_KIND, _part_id(self._kept, number), {**body, "ids": left})

    def _before(self, offset: int, limit: int) -> int:
        """Find the place from which on a page holds the candidates before a place."""
        at = min(offset, self._kept.size)
        while limit and at:
            first = (at - 1) // PART * PART
            part = _part(self._store, self._kept, first // PART)
            while limit and at > first:
                at -= 1
                limit -= at - first < len(part) and part[at - first] is not None
        return at
