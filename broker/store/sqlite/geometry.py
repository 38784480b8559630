"""The boxes around an entity's geometries, as the R*Tree holds them. (4.7)"""

from collections.abc import Iterator
from typing import Any, Final

from base.errors import BadRequestData
from broker.model.document import Document

Place = tuple[str, Any]
Box = tuple[float, float, float, float]

ORDINAL_BITS: Final = 16
MOST: Final = 1 << ORDINAL_BITS


def places(document: Document) -> list[Place]:
    """List the geometries of an entity with their attribute, in a fixed order."""
    found = [
        (name, instance["value"])
        for name, instances in document["attrs"].items()
        for instance in instances
        if instance["type"] == "GeoProperty"
    ]
    if len(found) > MOST:
        raise BadRequestData(f"An entity has at most {MOST} geometries; make several entities of it.")
    return found


def box(geometry: Any) -> Box:
    """Give west, east, south, north of a geometry."""
    if geometry["type"] == "Point":
        x, y = geometry["coordinates"][:2]
        return x, x, y, y
    points = list(_points(geometry))
    xs = [point[0] for point in points]
    ys = [point[1] for point in points]
    return min(xs), max(xs), min(ys), max(ys)


def _points(geometry: Any) -> Iterator[Any]:
    if geometry["type"] == "GeometryCollection":
        for part in geometry["geometries"]:
            yield from _points(part)
    else:
        yield from _positions(geometry["coordinates"])


def _positions(coordinates: Any) -> Iterator[Any]:
    if coordinates and not isinstance(coordinates[0], list):
        yield coordinates
    else:
        for inner in coordinates:
            yield from _positions(inner)
