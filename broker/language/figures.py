"""Distances between shapes on the sphere. (4.10, DESIGN 2.3)

Anything longer than a point is cut into pieces of at most 0.05°, so that a line straight in longitude and latitude and
the great circles through its pieces lie within 0.3 m of each other; from there the distance to each great-circle piece
is exact. Two shapes that touch in the plane are 0 m apart.
"""

from dataclasses import dataclass
from math import pi, sin
from typing import Final

import numpy as np
import numpy.typing as npt
import shapely

from broker.language.shapes import Shape
from broker.language.sphere import RADIUS

Vectors = npt.NDArray[np.float64]

BLOCK: Final = 32
_PIECE = 0.05
_MOST_PIECES = 50_000
_SHORTEST = 1e-15
_POINT, _POLYGON = 0, 3
_NOT_ABREAST = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A shape on the sphere: the ends of its pieces as unit vectors, a point being a piece without length.

    Pieces that follow each other form blocks of up to BLOCK, each inside a ball around `centres`.
    """

    starts: Vectors
    ends: Vectors
    centres: Vectors
    radii: Vectors


def figure(shape: Shape) -> Figure:
    """Lay a shape on the sphere."""
    parts = _plain(shape)
    piece = max(_PIECE, sum(float(part.length) for part in parts) / _MOST_PIECES)
    rows = [_vectors(shapely.get_coordinates(_cut(part, piece))) for part in parts]
    starts = np.concatenate([row[:-1] if len(row) > 1 else row for row in rows])
    ends = np.concatenate([row[1:] if len(row) > 1 else row for row in rows])
    at = np.arange(0, len(starts), BLOCK)
    sizes = np.diff(at, append=len(starts))
    centres = np.add.reduceat(starts + ends, at) / (2 * sizes[:, None])
    owner = np.repeat(np.arange(len(at)), sizes)
    far = np.maximum(*(np.linalg.norm(side - centres[owner], axis=1) for side in (starts, ends)))
    far += np.linalg.norm(ends - starts, axis=1) / 2
    return Figure(starts, ends, centres, np.maximum.reduceat(far, at))


def within(one: Figure, other: Figure, metres: float) -> bool:
    """Say whether two figures that do not touch are at most so far apart."""
    angle = min(metres / RADIUS, pi)
    chord = 2 * sin(angle / 2)
    apart = np.linalg.norm(one.centres[:, None] - other.centres[None], axis=2)
    reach_ = one.radii[:, None] + other.radii[None]
    if bool((apart + reach_ <= chord).any()):
        return True
    least = apart - reach_
    rows, columns = np.nonzero(least <= chord + 1e-12)
    for k in np.argsort(least[rows, columns]):
        some, others = _block(one, int(rows[k])), _block(other, int(columns[k]))
        if min(_nearest(*some, *others), _nearest(*others, *some)) <= angle:
            return True
    return False


def apart(one: Figure, other: Figure) -> float:
    """Measure how far apart two figures are that do not touch, in metres."""
    least = np.linalg.norm(one.centres[:, None] - other.centres[None], axis=2)
    least -= one.radii[:, None] + other.radii[None]
    best = pi
    for place in np.argsort(least, axis=None):
        row, column = np.unravel_index(int(place), least.shape)
        if least[row, column] > 2 * sin(best / 2) + 1e-12:
            break  # the other blocks are farther away
        some, others = _block(one, int(row)), _block(other, int(column))
        best = min(best, _nearest(*some, *others), _nearest(*others, *some))
    return best * RADIUS


def apart_each(one: Figure, positions: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Measure how far each of many positions (longitude, latitude) is from a figure it does not touch, in metres."""
    points = _vectors(positions)
    centres = np.linalg.norm(points[:, None] - one.centres[None], axis=2)
    farthest = (centres + one.radii).min(axis=1) + 1e-12
    best = np.full(len(points), pi)
    for number in range(len(one.centres)):
        near = np.flatnonzero(centres[:, number] - one.radii[number] <= farthest)
        if len(near):
            best[near] = np.minimum(best[near], _nearest_each(points[near], *_block(one, number)))
    return best * RADIUS


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


def _cut(part: Shape, piece: float) -> Shape:
    return part if shapely.get_type_id(part) == _POINT else shapely.segmentize(part, piece)


def _block(figure_: Figure, number: int) -> tuple[Vectors, Vectors]:
    place = slice(number * BLOCK, (number + 1) * BLOCK)
    return figure_.starts[place], figure_.ends[place]


def _nearest(starts: Vectors, ends: Vectors, others: Vectors, other_ends: Vectors) -> float:
    """Give the smallest angle from the ends of pieces to other pieces."""
    return float(_nearest_each(np.concatenate((starts, ends)), others, other_ends).min())


def _nearest_each(points: Vectors, starts: Vectors, ends: Vectors) -> npt.NDArray[np.float64]:
    """Give each point's smallest angle to pieces: to their ends, or to where the point lies abreast of one."""
    corners = np.concatenate((starts, ends))
    nearest = corners[_dots(points, corners).argmax(axis=1)]
    best: npt.NDArray[np.float64] = 2 * np.arcsin(
        np.minimum(1.0, np.linalg.norm(points - nearest, axis=1) / 2)
    )
    normals = np.cross(starts - ends, starts + ends)
    lengths = np.linalg.norm(normals, axis=1)
    real = lengths > _SHORTEST
    if not real.any():
        return best
    normals = normals[real] / lengths[real, None]
    after, before = np.cross(normals, starts[real]), np.cross(normals, ends[real])
    abreast = (_dots(points, after) >= 0) & (_dots(points, before) <= 0)
    sines = np.where(abreast, np.abs(_dots(points, normals)), _NOT_ABREAST).min(axis=1)
    some = sines <= 1.0
    best[some] = np.minimum(best[some], np.arcsin(sines[some]))
    return best


def _dots(one: Vectors, other: Vectors) -> Vectors:
    """Multiply each vector with each; not by the matrix product, whose threads wait for each other on busy machines."""
    found: Vectors = np.einsum("ij,kj->ik", one, other)
    return found
