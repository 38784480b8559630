"""GeoJSON geometries, checked; altitudes take no part. (4.7, RFC 7946 §3.1)"""

from math import isfinite
from typing import Any, Final, TypeAlias

Position: TypeAlias = tuple[float, float]

DEPTHS: Final = {
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}
_LINES = ("LineString", "MultiLineString")
_POLYGONS = ("Polygon", "MultiPolygon")
# far below any survey, far above the numbers whose products underflow
_DIGITS = 12


class GeometryError(ValueError):
    """A geometry that is none; the text says why."""


def checked(kind: Any, coordinates: Any) -> tuple[Any, ...]:
    """Give coordinates as nested tuples of longitude and latitude; GeometryError says what is wrong. (RFC 7946 §3.1)"""
    if kind not in DEPTHS:
        raise GeometryError(f"the geometry must be one of {', '.join(DEPTHS)}")
    return _nested(kind, coordinates, DEPTHS[kind])


def _nested(kind: str, coordinates: Any, depth: int) -> tuple[Any, ...]:
    if not isinstance(coordinates, list | tuple):
        raise GeometryError(f"the coordinates of a {kind} must be arrays, {DEPTHS[kind] + 1} deep")
    if depth == 0:
        return _position(coordinates)
    if not coordinates:
        raise GeometryError(f"the coordinates of a {kind} must not hold an empty array")
    parts = tuple(_nested(kind, part, depth - 1) for part in coordinates)
    if depth == 1 and kind in _LINES and len(parts) < 2:
        raise GeometryError("a line needs two positions")
    if depth == 1 and kind in _POLYGONS:
        if len(parts) < 4:
            raise GeometryError("a ring of a polygon needs four positions, the last equal to the first")
        if parts[0] != parts[-1]:
            raise GeometryError(
                "a ring of a polygon must be closed: repeat its first position as the last one"
            )
    return parts


def _position(numbers: Any) -> Position:
    if len(numbers) < 2 or not all(type(n) in (int, float) and isfinite(n) for n in numbers):
        raise GeometryError("a position is [longitude, latitude] in numbers")
    longitude, latitude = float(numbers[0]), float(numbers[1])
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise GeometryError(
            "a position has a longitude from -180 to 180 and a latitude from -90 to 90, in this order"
        )
    return round(longitude, _DIGITS), round(latitude, _DIGITS)


def point(geometry: Any) -> Position | None:
    """Give the position of a stored Point; None for any other geometry and for a Point that is none."""
    if type(geometry) is not dict or geometry.get("type") != "Point":
        return None
    try:
        return _position(geometry["coordinates"])
    except (GeometryError, KeyError, TypeError):
        return None
