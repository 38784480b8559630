"""GeoJSON geometries: every type of RFC 7946 but GeometryCollection. (4.6.3, 4.7)"""

from collections.abc import Callable
from math import isfinite
from typing import Any, Final

from base.errors import BadRequestData


def _position(given: Any) -> bool:
    """Longitude and latitude in degrees, perhaps an altitude. (RFC 7946 3.1.1)"""
    if type(given) is not list or not 2 <= len(given) <= 4:
        return False
    for number in given:
        kind = type(number)
        if kind is not float and kind is not int:
            return False
    return -180 <= given[0] <= 180 and -90 <= given[1] <= 90 and all(map(isfinite, given[2:]))


def _positions(given: Any) -> bool:
    return type(given) is list and len(given) > 0 and all(map(_position, given))


def _line(given: Any) -> bool:
    return _positions(given) and len(given) > 1


def _lines(given: Any) -> bool:
    return type(given) is list and len(given) > 0 and all(map(_line, given))


def _ring(given: Any) -> bool:
    """At least four positions, the last one equal to the first. (RFC 7946 3.1.6)"""
    return _positions(given) and len(given) > 3 and given[0] == given[-1]


def _polygon(given: Any) -> bool:
    return type(given) is list and len(given) > 0 and all(map(_ring, given))


def _polygons(given: Any) -> bool:
    return type(given) is list and len(given) > 0 and all(map(_polygon, given))


GEOMETRIES: Final[dict[str, Callable[[Any], bool]]] = {
    "Point": _position,
    "MultiPoint": _positions,
    "LineString": _line,
    "MultiLineString": _lines,
    "Polygon": _polygon,
    "MultiPolygon": _polygons,
}

_RULES: Final = {
    "Point": "[longitude, latitude]",
    "MultiPoint": "an array of positions",
    "LineString": "an array of two or more positions",
    "MultiLineString": "an array of lines",
    "Polygon": "an array of rings of four or more positions, each ring closed by its first position",
    "MultiPolygon": "an array of polygons, each an array of closed rings",
}


def looks_like_geometry(value: Any) -> bool:
    """Say whether a value resolves to a GeoJSON geometry, so that GeoProperty is meant. (4.5.2.3, 4.7.3)"""
    if type(value) is not dict or "coordinates" not in value:
        return False
    kind = value.get("type")
    return type(kind) is str and kind in GEOMETRIES


def check(value: Any, name: str) -> dict[str, Any]:
    """Take a geometry; refuse anything else. (4.7.1, RFC 7946)"""
    kind: Any = value.get("type") if type(value) is dict else None
    valid = GEOMETRIES.get(kind) if type(kind) is str else None
    if valid is None:
        raise BadRequestData(
            f"The value of attribute '{name}' is not a GeoJSON geometry; its type must be "
            f"one of {', '.join(GEOMETRIES)} (4.7.1)"
        )
    if not valid(value.get("coordinates")):
        raise BadRequestData(
            f"The value of attribute '{name}' is a {kind} whose coordinates must be {_RULES[kind]}, "
            "with longitudes from -180 to 180 and latitudes from -90 to 90 (4.7.1)"
        )
    return value  # type: ignore[no-any-return]  # a dict, as the kind was found in it
