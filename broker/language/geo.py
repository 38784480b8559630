"""The Geoquery Language: text to GeoQuery, GeoQuery against a document. (4.10)"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from base.errors import BadRequestData, TooComplexQuery
from broker.language import geometry as geometries
from broker.language import literals, sphere
from broker.language.geometry import GeometryError
from broker.language.spatial import Relation, Spatial
from broker.language.sphere import Box
from broker.language.types import Names
from broker.model.document import LOCATION, Document

MOST_POSITIONS = 10_000
_DISTANCE = re.compile(r"\s*;\s*(maxDistance|minDistance)\s*==\s*(\S+)\s*\Z")


@dataclass(frozen=True, slots=True)
class GeoQuery(Spatial):
    """A spatial condition, and how it is met. (4.10)"""

    meets: Callable[[Any], bool] = field(init=False, repr=False, compare=False)
    """Say whether one stored GeoJSON geometry meets the condition. (4.10)"""

    def __post_init__(self) -> None:
        near_place = self.relation is Relation.NEAR and self.geometry == "Point"
        object.__setattr__(self, "meets", _near_place(self) if near_place else _condition(self))

    def box(self) -> tuple[Box, ...] | None:
        """Give boxes (west, south, east, north) that together touch every hit; None where hits may lie anywhere."""
        if self.relation is Relation.DISJOINT or self.min_distance is not None:
            return None
        return sphere.reach(_bounds(self), self.max_distance or 0.0)


def parse(
    georel: str,
    geometry: str,
    coordinates: Any,
    geoproperty: str | None,
    table: Names,
) -> GeoQuery:
    """Read a geoquery, coordinates as JSON text or parsed; BadRequestData says what is wrong. (4.10)"""
    relation, farthest, nearest = _georel(georel)
    if isinstance(coordinates, str | bytes):
        try:
            coordinates = orjson.loads(coordinates)
        except ValueError:
            raise BadRequestData(
                "The coordinates of the geoquery are not JSON; write them as in GeoJSON."
            ) from None
    try:
        positions = geometries.checked(geometry, coordinates)
        if _count(positions) > MOST_POSITIONS:
            raise TooComplexQuery(
                f"The geoquery has more than {MOST_POSITIONS} positions; simplify its geometry."
            )
        name = table.iri(geoproperty) if geoproperty else LOCATION
        return GeoQuery(relation, geometry, positions, name, farthest, nearest)
    except GeometryError as error:
        raise BadRequestData(f"The geometry of the geoquery is wrong: {error}.") from None


def matches(query: GeoQuery, document: Document) -> bool:
    """Say whether any instance of the GeoProperty meets the query. (4.10, 5.7.2.4)"""
    return any(
        instance["type"] == "GeoProperty" and query.meets(instance["value"])
        for instance in document["attrs"].get(query.geoproperty, ())
    )


def _near_place(query: GeoQuery) -> Callable[[Any], bool]:
    """Decide on places by the sphere alone; other shapes near a place need the libraries."""
    centre, farthest = query.coordinates, query.max_distance
    shaped: Callable[[Any], bool] | None = None

    def meets(value: Any) -> bool:
        nonlocal shaped
        position = geometries.point(value)
        if position:
            metres = sphere.between(centre, position)
            return metres <= farthest if farthest is not None else metres > (query.min_distance or 0.0)
        shaped = shaped or _condition(query)
        return shaped(value)

    return meets


def _condition(query: GeoQuery) -> Callable[[Any], bool]:
    # loaded when first needed: the libraries of shapes take memory and time that many brokers never need
    from broker.language import topology

    return topology.condition(query)


def _bounds(query: GeoQuery) -> Box:
    if query.geometry == "Point":
        return (*query.coordinates[:2], *query.coordinates[:2])
    from broker.language import topology

    return topology.bounds(query)


def _georel(text: str) -> tuple[Relation, float | None, float | None]:
    name, semicolon, _ = text.partition(";")
    name = name.strip()
    if name not in Relation.__members__.values():
        raise BadRequestData(f"georel must be one of {', '.join(Relation)}, not '{name[:40]}'.")
    relation = Relation(name)
    if relation is not Relation.NEAR:
        if semicolon:
            raise BadRequestData(f"georel={name} takes nothing after it; only near has a distance.")
        return relation, None, None
    shape = _DISTANCE.match(text, text.index(semicolon)) if semicolon else None
    metres = literals.number(shape[2]) if shape else None
    if shape is None or metres is None or metres <= 0:
        raise BadRequestData(
            "georel=near needs one distance, a positive number of metres: near;maxDistance==2000."
        )
    return (relation, float(metres), None) if shape[1] == "maxDistance" else (relation, None, float(metres))


def _count(coordinates: tuple[Any, ...]) -> int:
    return sum(map(_count, coordinates)) if isinstance(coordinates[0], tuple) else 1
