"""What a query asks for, as frozen trees; parsed once, then evaluated here or translated by a store. (5.7.2)"""

from dataclasses import dataclass

from broker.language.geo import GeoQuery
from broker.language.ordering import Ordering
from broker.language.q import Query
from broker.language.scope import ScopeQuery
from broker.language.types import TypeSelection
from broker.language.visibility import Visibility


@dataclass(frozen=True, slots=True)
class EntitySelector:
    """One element of `entities`: ids, a pattern of ids, types; all given ones must hold. (5.2.33)"""

    ids: tuple[str, ...] = ()
    id_pattern: str | None = None
    types: TypeSelection | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """The entities wanted: any of the selectors, any of the attributes, and every filter. (5.7.2.4)

    With a visibility all of it speaks of what is visible, as if there were nothing else. (docs/access.md)"""

    selectors: tuple[EntitySelector, ...] = ()
    attrs: frozenset[str] = frozenset()
    q: Query | None = None
    geo: GeoQuery | None = None
    scope: ScopeQuery | None = None
    dataset_ids: frozenset[str] = frozenset()
    visibility: Visibility | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the result wanted, and in which order; without one, a stable order. (5.5.9, 4.23)"""

    limit: int = 20
    offset: int = 0
    count: bool = False
    ordering: Ordering | None = None
    by_id: bool = False  # in the order of the ids, as text of code points
