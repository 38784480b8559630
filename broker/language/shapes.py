"""GeoJSON geometries as shapes in the plane of longitude and latitude. (4.7, RFC 7946 §3.1)

Lines between positions are straight in that plane, as RFC 7946 §3.1.1 says. Polygons that cross themselves are
repaired, not refused: what their rings enclose is kept.
"""

from functools import lru_cache
from typing import Any, TypeAlias

import orjson
import shapely
from shapely.errors import ShapelyError

from broker.language.geometry import GeometryError, checked

Shape: TypeAlias = Any
"""A shapely geometry; the library ships no types."""

_KEPT_BYTES = 32_768


def built(kind: str, coordinates: tuple[Any, ...]) -> Shape:
    """Make a shape of checked coordinates; GeometryError if that is impossible."""
    try:
        shape = shapely.from_geojson(orjson.dumps({"type": kind, "coordinates": coordinates}))
        return shape if shapely.is_valid(shape) else shapely.make_valid(shape)
    except ShapelyError as error:
        raise GeometryError(f"the geometry cannot be used: {str(error)[:100]}") from None


def stored(geometry: Any) -> Shape | None:
    """Give the shape of a stored geometry, recent ones from memory; None if it is no geometry."""
    if type(geometry) is dict:
        geometry = orjson.dumps(geometry, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    elif type(geometry) is str:
        geometry = geometry.encode("utf-8", "replace")
    else:
        return None
    return _kept(geometry) if len(geometry) <= _KEPT_BYTES else _read(geometry)


def _read(geometry: bytes) -> Shape | None:
    try:
        value = orjson.loads(geometry)
        return built(value["type"], checked(value["type"], value["coordinates"]))
    except (ValueError, TypeError, KeyError):
        return None


_kept = lru_cache(maxsize=512)(_read)
