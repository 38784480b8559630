"""Positions and boxes on the sphere of R = 6,371,008.8 m. (4.10, DESIGN 2.3)

Between points: the haversine formula, exact to rounding.
"""

from math import asin, cos, degrees, pi, radians, sin, sqrt
from typing import Final

from broker.language.geometry import Position

RADIUS: Final = 6_371_008.8
Box = tuple[float, float, float, float]

WORLD: Final[Box] = (-180.0, -90.0, 180.0, 90.0)
MARGIN: Final = 1e-4
_SLACK = 1.0


def between(one: Position, other: Position) -> float:
    """Measure the great circle between two positions, in metres."""
    north, other_north = radians(one[1]), radians(other[1])
    rise, turn = sin((other_north - north) / 2), sin(radians(other[0] - one[0]) / 2)
    return 2 * RADIUS * asin(min(1.0, sqrt(rise * rise + cos(north) * cos(other_north) * turn * turn)))


def reach(bounds: Box, metres: float) -> tuple[Box, ...]:
    """Give boxes that hold every place within a distance of some bounds, split at the antimeridian; a little wider."""
    west, south, east, north = bounds
    angle = (metres + _SLACK) / RADIUS
    wide = degrees(angle) + MARGIN
    south, north = south - wide, north + wide
    if angle >= pi / 2 or south <= -90 or north >= 90:
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
