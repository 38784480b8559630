"""Whether a place may hold locations that a geoquery wants. (5.10.2.4, 4.10)"""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from broker.language.geo import GeoQuery
from broker.language.spatial import Relation


def may_meet(query: GeoQuery, geometry: dict[str, Any]) -> bool:
    """Say whether a geometry meets the query, or has a part that does. (5.10.2.4)"""
    if query.meets(geometry):
        return True
    if geometry["type"] == "Point":
        return False
    if query.min_distance is not None:
        return any(
            query.meets({"type": "Point", "coordinates": c}) for c in _positions(geometry["coordinates"])
        )
    if query.relation is Relation.DISJOINT:
        return not _related(query, Relation.WITHIN).meets(geometry)
    related = _WITH_A_PART.get(query.relation)
    return related is not None and _related(query, related).meets(geometry)


_WITH_A_PART = {
    Relation.WITHIN: Relation.INTERSECTS,
    Relation.OVERLAPS: Relation.INTERSECTS,
    Relation.EQUALS: Relation.CONTAINS,
}


@lru_cache(256)
def _related(query: GeoQuery, relation: Relation) -> GeoQuery:
    return replace(query, relation=relation)


def _positions(coordinates: Any) -> Iterator[Any]:
    if isinstance(coordinates[0], int | float):
        yield coordinates
        return
    for part in coordinates:
        yield from _positions(part)
