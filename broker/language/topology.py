"""What a geoquery asks of stored geometries, decided on shapes; loads the libraries that make them. (4.10)"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import shapely
from shapely.errors import ShapelyError

from broker.language import figures, shapes, sphere
from broker.language.geometry import Position, point
from broker.language.shapes import Shape
from broker.language.spatial import Relation, Spatial
from broker.language.sphere import Box


def condition(query: Spatial) -> Callable[[Any], bool]:
    """Make a function that says whether one stored GeoJSON geometry meets the query."""
    return _safe(_near(query) if query.relation is Relation.NEAR else _related(query))


def bounds(query: Spatial) -> Box:
    """Give west, south, east, north of the geometry of a query."""
    west, south, east, north = _shape(query).bounds
    return west, south, east, north


def distance(geometry: str, coordinates: tuple[Any, ...]) -> Callable[[Any], float | None]:
    """Make a function that measures how far a stored geometry is, in metres; None if it is no geometry. (4.23.1)"""
    shape = shapes.built(geometry, coordinates)
    shapely.prepare(shape)
    figure = figures.figure(shape)
    centre: Position | None = coordinates if geometry == "Point" else None

    def measure(value: Any) -> float | None:
        position = point(value) if centre else None
        if centre and position:
            return sphere.between(centre, position)
        other = shapes.stored(value)
        if other is None:
            return None
        return 0.0 if shapely.intersects(shape, other) else figures.apart(figure, figures.figure(other))

    return measure


def distances(geometry: str, coordinates: tuple[Any, ...]) -> Callable[[Sequence[Any]], list[float | None]]:
    """Make a function that measures how far many stored geometries are, points together. (4.23.1)"""
    measure = distance(geometry, coordinates)
    if geometry == "Point":
        return lambda values: [measure(value) for value in values]
    shape = shapes.built(geometry, coordinates)
    shapely.prepare(shape)
    figure = figures.figure(shape)

    def measured(values: Sequence[Any]) -> list[float | None]:
        positions = [point(value) for value in values]
        places = np.array([position for position in positions if position], dtype=np.float64)
        metres: Iterator[float] = iter(())
        if len(places):
            apart = figures.apart_each(figure, places)
            apart[shapely.intersects_xy(shape, places[:, 0], places[:, 1])] = 0.0
            metres = iter(apart.tolist())
        return [
            next(metres) if position else measure(value)
            for value, position in zip(values, positions, strict=True)
        ]

    return measured


def _shape(query: Spatial) -> Shape:
    return shapes.built(query.geometry, query.coordinates)


def _near(query: Spatial) -> Callable[[Any], bool]:
    farthest = query.max_distance
    if farthest is not None:
        reached = _reached(query, farthest)
        return lambda value: reached(value) is True
    reached = _reached(query, query.min_distance or 0.0)
    return lambda value: reached(value) is False


def _reached(query: Spatial, metres: float) -> Callable[[Any], bool | None]:
    """Make a function that says whether a stored geometry is at most so far away; None if it is no geometry."""
    shape = _shape(query)
    shapely.prepare(shape)
    figure = figures.figure(shape)
    centre: Position | None = query.coordinates if query.geometry == "Point" else None
    boxes = sphere.reach(shape.bounds, metres)

    def reached(value: Any) -> bool | None:
        other = shapes.stored(value)
        if other is None:
            return None
        if not _touches(other.bounds, boxes):
            return False
        if shapely.intersects(shape, other):
            return True
        if centre and sphere.between(centre, tuple(shapely.get_coordinates(other)[0])) <= metres:
            return True
        return figures.within(figure, figures.figure(other), metres)

    return reached


def _touches(bounds: Box, boxes: tuple[Box, ...]) -> bool:
    west, south, east, north = bounds
    return any(west <= e and east >= w and south <= n and north >= s for w, s, e, n in boxes)


def _related(query: Spatial) -> Callable[[Any], bool]:
    shape = _shape(query)
    shapely.prepare(shape)
    relate = _RELATIONS[query.relation]
    position: Callable[[Shape, float, float], Any] | None = _ON_POINTS.get(query.relation)
    wanted = query.relation is not Relation.DISJOINT

    def meets(value: Any) -> bool:
        place = point(value) if position else None
        if position and place:
            return bool(position(shape, *place)) is wanted
        other = shapes.stored(value)
        return other is not None and bool(relate(shape, other)) is wanted

    return meets


def _safe(meets: Callable[[Any], bool]) -> Callable[[Any], bool]:
    def safe(value: Any) -> bool:
        try:
            return meets(value)
        except ShapelyError:
            return False

    return safe


_RELATIONS: dict[Relation, Callable[[Shape, Shape], Any]] = {
    Relation.WITHIN: shapely.contains,
    Relation.CONTAINS: shapely.within,
    Relation.INTERSECTS: shapely.intersects,
    Relation.EQUALS: shapely.equals,
    Relation.DISJOINT: shapely.intersects,
    Relation.OVERLAPS: shapely.overlaps,
}
"""What to ask of (reference, stored), in this order because the reference is prepared."""

_ON_POINTS: dict[Relation, Callable[[Shape, float, float], Any]] = {
    Relation.WITHIN: shapely.contains_xy,
    Relation.INTERSECTS: shapely.intersects_xy,
    Relation.DISJOINT: shapely.intersects_xy,
}
