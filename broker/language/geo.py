"""The Geoquery Language: text to GeoQuery, GeoQuery against a document. (4.10)"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Box = tuple[float, float, float, float]


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
class GeoQuery:
    """A spatial condition on one GeoProperty (IRI) of an entity. (4.10)

    `coordinates` are nested tuples in GeoJSON's order (longitude, latitude). NEAR has exactly one of the two distances
    (metres): at most `max_distance`, or more than `min_distance`.
    """

    relation: Relation
    geometry: str
    coordinates: tuple[Any, ...]
    geoproperty: str
    max_distance: float | None = None
    min_distance: float | None = None

    def box(self) -> tuple[Box, ...] | None:
        """Give boxes (west, south, east, north) that together touch every hit; None where hits may lie anywhere."""
        raise NotImplementedError

    def meets(self, geometry: Any) -> bool:
        """Say whether one stored GeoJSON geometry meets the condition. (4.10)"""
        raise NotImplementedError
