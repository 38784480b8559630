"""The registrations of one tenant by what they are about, so that a question looks only at those it may concern. (5.12)

Not thread-safe: only the event loop reads and changes it.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from broker.language.selection import EntitySelector
from broker.language.sources import Source, SourceSelection

Key = tuple[str, str]
"""What a registration lies under: ("id", …) of an entity, ("type", …), ("open", type) for entities without an id,
("any", "") for entities of any type, ("attr", …), ("every", "") for any attribute."""


class Index:
    """The registrations by id, in the order of their creation, and by what they are about."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._sources: dict[str, Source] = {}
        self._under: dict[Key, dict[str, Source]] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._sources)

    def __iter__(self) -> Iterator[Source]:
        return iter(tuple(self._sources.values()))

    def get(self, id: str) -> Source | None:
        """Give the registration with an id."""
        return self._sources.get(id)

    def put(self, source: Source) -> None:
        """Add a registration, or replace the one with its id in its place."""
        before = self._sources.get(source.id)
        if before is None:
            self._last += 1
            self._places[source.id] = self._last
        else:
            self._leave(before)
        self._sources[source.id] = source
        for key in _keys(source):
            self._under.setdefault(key, {})[source.id] = source

    def drop(self, id: str) -> None:
        """Forget a registration."""
        self._leave(self._sources.pop(id))
        del self._places[id]

    def _leave(self, source: Source) -> None:
        for key in _keys(source):
            others = self._under[key]
            del others[source.id]
            if not others:
                del self._under[key]

    def candidates(self, wanted: SourceSelection) -> Iterable[Source]:
        """Give the registrations that may be wanted, each once, in the order of their creation."""
        narrow = bool(wanted.selectors) and all(one.ids or one.types for one in wanted.selectors)
        if not narrow and not wanted.attributes:
            return self
        found: dict[str, Source] = {}
        for key in _by_entity(wanted) if narrow else _by_attribute(wanted):
            found |= self._under.get(key, {})
        return sorted(found.values(), key=lambda source: self._places[source.id])


def _keys(source: Source) -> Iterator[Key]:
    keys: dict[Key, Any] = {}
    for info in source.information:
        for entity in info.entities:
            keys |= {("type", name): None for name in entity.types}
            if entity.id is None:
                keys |= {("open", name): None for name in entity.types} | {("open", ""): None}
            else:
                keys["id", entity.id] = None
        if not all(entity.types for entity in info.entities) or not info.entities:
            keys["any", ""] = None
        keys |= {("attr", name): None for name in info.attributes}
        if not info.attributes:
            keys["every", ""] = None
    return iter(keys)


def _by_attribute(wanted: SourceSelection) -> Iterator[Key]:
    """Name the keys of which a registration with wanted attributes lies under at least one."""
    yield "every", ""
    for name in wanted.attributes:
        yield "attr", name


def _by_entity(wanted: SourceSelection) -> Iterator[Key]:
    """Name the keys of which a registration about wanted entities lies under at least one."""
    yield "any", ""
    for selector in wanted.selectors:
        yield from _by_selector(selector)


def _by_selector(selector: EntitySelector) -> Iterator[Key]:
    types = selector.types.types if selector.types is not None else frozenset()
    if not selector.ids:
        yield from (("type", name) for name in types)
        return
    yield from (("id", id) for id in selector.ids)
    yield from (("open", name) for name in types or ("",))
