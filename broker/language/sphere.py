"""Distances on the sphere of R = 6,371,008.8 m. (4.10, DESIGN 2.3)

Between points: the haversine formula, exact to rounding. Anything longer is cut into pieces of at most 0.05°, so that a
line straight in longitude and latitude and the great circles through its pieces lie within 0.3 m of each other; from
there the distance to each great-circle piece is exact. Two shapes that touch in the plane are 0 m apart.
"""

from dataclasses import dataclass
from math import asin, cos, degrees, radians, sin, sqrt
from typing import Final

import numpy as np
import numpy.typing as npt
import shapely

from broker.language.geometry import Position, Shape

RADIUS: Final = 6_371_008.8
Vectors = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]

WORLD: Final[Box] = (-180.0, -90.0, 180.0, 90.0)
MARGIN: Final = 1e-4
_SLACK = 1.0
_PIECE = 0.05
_MOST_PIECES = 50_000
_CELLS = 500_000
_POINT, _POLYGON = 0, 3


def between(one: Position, other: Position) -> float:
    """Measure the great circle between two positions, in metres."""
    north, other_north = radians(one[1]), radians(other[1])
    rise, turn = sin((other_north - north) / 2), sin(radians(other[0] - one[0]) / 2)
    return 2 * RADIUS * asin(min(1.0, sqrt(rise * rise + cos(north) * cos(other_north) * turn * turn)))


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A shape on the sphere: unit vectors of its points, and the pieces of its lines from `starts` to `ends`."""

    points: Vectors
    starts: Vectors
    ends: Vectors


def figure(shape: Shape) -> Figure:
    """Lay a shape on the sphere."""
    parts = _plain(shape)
    lines = [part for part in parts if shapely.get_type_id(part) != _POINT]
    loose = [part for part in parts if shapely.get_type_id(part) == _POINT]
    piece = max(_PIECE, sum(float(line.length) for line in lines) / _MOST_PIECES)
    rows = [_vectors(shapely.get_coordinates(shapely.segmentize(line, piece))) for line in lines]
    empty = np.empty((0, 3))
    return Figure(
        np.concatenate([empty, *rows, *(_vectors(shapely.get_coordinates(part)) for part in loose)]),
        np.concatenate([empty, *(row[:-1] for row in rows)]),
        np.concatenate([empty, *(row[1:] for row in rows)]),
    )


def distance(one: Figure, other: Figure) -> float:
    """Measure the shortest way between two figures that do not touch, in metres."""
    return RADIUS * min(_nearest(one.points, other), _nearest(other.points, one))


def reach(bounds: Box, metres: float) -> tuple[Box, ...]:
    """Give boxes that hold every place within a distance of some bounds, split at the antimeridian; a little wider."""
    west, south, east, north = bounds
    angle = (metres + _SLACK) / RADIUS
    wide = degrees(angle) + MARGIN
    south, north = south - wide, north + wide
    if angle >= np.pi / 2 or south <= -90 or north >= 90:
        return ((-180.0, max(south, -90.0), 180.0, min(north, 90.0)),)
    steepest = radians(max(abs(bounds[1]), abs(bounds[3])))
    turn = degrees(asin(min(1.0, sin(angle) / cos(steepest)))) + MARGIN
    return _split(west - turn, south, east + turn, north)


def _split(west: float, south: float, east: float, north: float) -> tuple[Box, ...]:
    if east - west >= 360:
        return ((-180.0, south, 180.0, north),)
    if west < -180:
        return ((-180.0, south, east, north), (west + 360, south, 180.0, north))
    if east > 180:
        return ((west, south, 180.0, north), (-180.0, south, east - 360, north))
    return ((west, south, east, north),)


def _plain(shape: Shape) -> list[Shape]:
    """Take a shape to points, lines and the rings of polygons: what is inside a polygon touches it."""
    kind = shapely.get_type_id(shape)
    if kind == _POLYGON:
        return list(shapely.get_rings(shape))
    return [shape] if kind < _POLYGON else [p for part in shapely.get_parts(shape) for p in _plain(part)]


def _vectors(degrees_: npt.NDArray[np.float64]) -> Vectors:
    longitude, latitude = np.radians(degrees_[:, 0]), np.radians(degrees_[:, 1])
    level = np.cos(latitude)
    return np.column_stack((level * np.cos(longitude), level * np.sin(longitude), np.sin(latitude)))


def _nearest(points: Vectors, other: Figure) -> float:
    """Give the smallest angle between points and a figure: to its points, and to its pieces where they lie abreast."""
    best = float(np.pi)
    chunk = max(1, _CELLS // len(other.points))
    normals = np.cross(other.starts - other.ends, other.starts + other.ends)
    lengths = np.linalg.norm(normals, axis=1)
    real = lengths > 1e-15
    normals = normals[real] / lengths[real, None]
    after, before = np.cross(normals, other.starts[real]), np.cross(normals, other.ends[real])
    for at in range(0, len(points), chunk):
        some = points[at : at + chunk]
        near = some @ other.points.T
        row, column = np.unravel_index(int(near.argmax()), near.shape)
        chord = float(np.linalg.norm(some[row] - other.points[column]))
        best = min(best, 2 * asin(min(1.0, chord / 2)))
        abreast = (some @ after.T >= 0) & (some @ before.T <= 0)
        if abreast.any():
            best = min(best, asin(min(1.0, float(np.abs(some @ normals.T)[abreast].min()))))
    return best
