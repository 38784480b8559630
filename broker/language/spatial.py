"""A spatial condition as it was asked, apart from how it is decided. (4.10)"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from broker.model.document import LOCATION


class Relation(StrEnum):
    """The spatial relationships; the stored geometry is the subject: it is within the reference. (4.10)"""

    NEAR = "near"
    WITHIN = "within"
    CONTAINS = "contains"
    INTERSECTS = "intersects"
    EQUALS = "equals"
    DISJOINT = "disjoint"
    OVERLAPS = "overlaps"


@dataclass(frozen=True, slots=True)
class Spatial:
    """A condition on one GeoProperty (IRI) of an entity. (4.10)

    `coordinates` are nested tuples in GeoJSON's order (longitude, latitude). NEAR has exactly one of the two distances
    (metres): at most `max_distance`, or more than `min_distance`.
    """

    relation: Relation
    geometry: str
    coordinates: tuple[Any, ...]
    geoproperty: str = LOCATION
    max_distance: float | None = None
    min_distance: float | None = None
