"""Which subscriptions want a change. (5.8.6)

Interests lie under every pair of (id, type or None; watched attribute or None) that a change must touch to concern
them, so a change looks only at those it may concern. The store's writer thread reads while the event loop writes:
entries are tuples, replaced as a whole.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from broker.language import evaluation
from broker.language.selection import EntitySelector
from broker.model.difference import Differences
from broker.model.document import Document
from broker.notify.interest import Interest
from broker.store.contract import Change

Resolve = Callable[[str], Document | None]
Key = tuple[str | None, str | None]


class Index:
    """The interests of one tenant by what they watch."""

    def __init__(self) -> None:
        self._entries: dict[Key, tuple[Interest, ...]] = {}
        self._keys: dict[str, frozenset[Key]] = {}

    def __bool__(self) -> bool:
        return bool(self._entries)

    def put(self, interest: Interest) -> None:
        """Add an interest, or replace the one with its id; periodic and paused ones never want a change."""
        keys = frozenset() if interest.interval or not interest.active else frozenset(_keys(interest))
        before = self._keys.pop(interest.id, frozenset())
        for key in keys:
            others = (one for one in self._entries.get(key, ()) if one.id != interest.id)
            self._entries[key] = (*others, interest)
        self._remove(interest.id, before - keys)
        if keys:
            self._keys[interest.id] = keys

    def drop(self, id: str) -> None:
        """Forget an interest."""
        self._remove(id, self._keys.pop(id, frozenset()))

    def _remove(self, id: str, keys: Iterable[Key]) -> None:
        for key in keys:
            left = tuple(one for one in self._entries[key] if one.id != id)
            if left:
                self._entries[key] = left
            else:
                del self._entries[key]

    def candidates(self, change: Change, differences: Differences) -> Iterator[Interest]:
        """Give the interests that a change may concern, each once."""
        document = told_of(change)
        seen: set[str] = set()
        touched = (None, *differences.attributes)
        for first in (None, change.id, *document["type"]):
            for second in touched:
                for interest in self._entries.get((first, second), ()):
                    if interest.id not in seen:
                        seen.add(interest.id)
                        yield interest

    def touching(self, change: Change) -> Iterator[Interest]:
        """Give the interests that a part of a change may concern, whichever part somebody sees of it, each once."""
        firsts: dict[str | None, None] = {None: None, change.id: None}
        seconds: dict[str | None, None] = {None: None}
        for document in (change.before, change.after):
            if document is not None:
                firsts |= dict.fromkeys(document["type"])
                seconds |= dict.fromkeys(document["attrs"])
        seen: set[str] = set()
        for first in firsts:
            for second in seconds:
                for interest in self._entries.get((first, second), ()):
                    if interest.id not in seen:
                        seen.add(interest.id)
                        yield interest


def told_of(change: Change) -> Document:
    """Give the state by which a change is judged: what is, or what was if nothing is left. (5.8.6)"""
    document = change.before if change.after is None else change.after
    assert document is not None
    return document


def wants(interest: Interest, change: Change, differences: Differences, resolve: Resolve) -> bool:
    """Say whether an active subscription wants a change. (5.8.6)"""
    if interest.expires is not None and interest.expires <= change.at:
        return False
    document = told_of(change)
    return triggered(interest, change, differences, document) and evaluation.matches(
        interest.selection, document, resolve
    )


def triggered(interest: Interest, change: Change, differences: Differences, document: Document) -> bool:
    """Say whether the kind of change is one the subscription names, on a watched attribute. (5.2.12)"""
    triggers, watched = interest.triggers, interest.watched
    if "entityCreated" in triggers and change.before is None and _has_any(document, watched):
        return True
    if "entityDeleted" in triggers and change.after is None and _has_any(document, watched):
        return True
    return (
        ("attributeCreated" in triggers and _meets(differences.created, watched))
        or ("attributeUpdated" in triggers and _meets(differences.updated, watched))
        or ("attributeDeleted" in triggers and _meets(differences.deleted, watched))
    )


def _has_any(document: Document, watched: frozenset[str] | None) -> bool:
    return watched is None or not watched.isdisjoint(document["attrs"])


def _meets(changed: Any, watched: frozenset[str] | None) -> bool:
    return bool(changed) if watched is None else not watched.isdisjoint(changed)


def _keys(interest: Interest) -> Iterator[Key]:
    attributes: Iterable[str | None] = (None,) if interest.watched is None else interest.watched
    for attribute in attributes:
        for first in _firsts(interest.selection.selectors):
            yield first, attribute


def _firsts(selectors: tuple[EntitySelector, ...]) -> Iterator[str | None]:
    """Name ids or types of which a change must have one; None where it may have any."""
    for selector in selectors or (EntitySelector(),):
        if selector.ids:
            yield from selector.ids
        elif selector.types is not None:
            yield from (names[0] for names in selector.types.alternatives)
        else:
            yield None
