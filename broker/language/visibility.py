"""What of the entities a caller may reach: grants by type, scope and attribute, decided per entity. (docs/access.md)

A grant reaches an entity with any of its types and scopes. It covers one only with all of them, as a change demands:
who may write shelters may not write a school that is a shelter as well. Grants that apply to an entity add up.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from broker.language import scope
from broker.language.scope import ScopeQuery
from broker.model.document import Document


@dataclass(frozen=True, slots=True)
class Attributes:
    """Attributes (IRIs) that are allowed: the named ones, or (`others`) all but the named ones."""

    names: frozenset[str] = frozenset()
    others: bool = False

    def __contains__(self, iri: str) -> bool:
        return (iri in self.names) != self.others

    @property
    def every(self) -> bool:
        """Say whether no attribute is left out."""
        return self.others and not self.names

    def within(self, more: "Attributes") -> bool:
        """Say whether all that is allowed here is allowed there."""
        return self.joined(more) == more

    def joined(self, more: "Attributes") -> "Attributes":
        """Allow what either allows."""
        if self.others and more.others:
            return Attributes(self.names & more.names, True)
        if not self.others and not more.others:
            return Attributes(self.names | more.names)
        wide, narrow = (self, more) if self.others else (more, self)
        return Attributes(wide.names - narrow.names, True)

    def shared(self, more: "Attributes") -> "Attributes":
        """Allow what both allow."""
        left = Attributes(self.names, not self.others).joined(Attributes(more.names, not more.others))
        return Attributes(left.names, not left.others)


NO_ATTRIBUTES: Final = Attributes()
EVERY_ATTRIBUTE: Final = Attributes(others=True)


@dataclass(frozen=True, slots=True)
class Grant:
    """Entities of some types (None: any) in some scopes (None: in any or none), and the attributes allowed of them."""

    types: frozenset[str] | None = None
    scope: ScopeQuery | None = None
    attributes: Attributes = EVERY_ATTRIBUTE

    def reaches(self, document: Document) -> bool:
        """Say whether the entity has one of the types and is in one of the scopes."""
        return (self.types is None or not self.types.isdisjoint(document["type"])) and (
            self.scope is None or scope.matches(self.scope, document.get("scope"))
        )

    def covers(self, document: Document) -> bool:
        """Say whether the entity has none but the types and is in none but the scopes."""
        return (self.types is None or self.types.issuperset(document["type"])) and (
            self.scope is None or _all_in(self.scope, document.get("scope"))
        )


def _all_in(query: ScopeQuery, held: str | list[str] | None) -> bool:
    scopes = [held] if isinstance(held, str) else held or []
    return bool(scopes) and all(scope.matches(query, one) for one in scopes)


@dataclass(frozen=True, slots=True, eq=False)
class Visibility:
    """What a caller may reach; each is equal to itself alone, so that it can be part of a key at no cost."""

    grants: tuple[Grant, ...] = ()

    @property
    def limited(self) -> bool:
        """Say whether some attributes of some entities are left out."""
        return not all(grant.attributes.every for grant in self.grants)

    @property
    def everywhere(self) -> bool:
        """Say whether every entity is reached."""
        return any(grant.types is None and grant.scope is None for grant in self.grants)

    def always(self, iri: str) -> bool:
        """Say whether an attribute is allowed of every entity that is reached."""
        return all(iri in grant.attributes for grant in self.grants)

    def attributes(self, document: Document) -> Attributes | None:
        """Say which attributes of an entity are allowed; None: the entity is not reached at all."""
        return _joined(grant.attributes for grant in self.grants if grant.reaches(document))

    def covered(self, document: Document) -> Attributes | None:
        """Say which attributes of an entity may be changed; None: the entity may not."""
        return _joined(grant.attributes for grant in self.grants if grant.covers(document))

    def shown(self, document: Document) -> Document | None:
        """Give what is seen of an entity; None: nothing. Changes of what is left out do not show in modifiedAt."""
        allowed = self.attributes(document)
        return None if allowed is None else reduced(document, allowed)


def reduced(document: Document, allowed: Attributes) -> Document:
    """Leave out of an entity what is not allowed, and of its modifiedAt what that would tell."""
    if allowed.every:
        return document
    attrs = {iri: held for iri, held in document["attrs"].items() if iri in allowed}
    times = [one.get("modifiedAt", 0) for held in attrs.values() for one in held]
    return {**document, "attrs": attrs, "modifiedAt": max([document["createdAt"], *times])}


def _joined(several: Iterable[Attributes]) -> Attributes | None:
    result: Attributes | None = None
    for one in several:
        result = one if result is None else result.joined(one)
    return result


def visible(document: Document, visibility: Visibility | None) -> Document | None:
    """Give what a caller may see of an entity, wherever it came from; None: as if there were no such entity.

    Whatever is shown of an entity that another broker gave passes here, as what is held here does in the store.
    """
    return document if visibility is None else visibility.shown(document)
