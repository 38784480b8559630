"""The geoquery language (clause 4.10): grammar, topology in the plane, distances on the sphere, boxes for an index."""

import itertools
import json
import math
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from base.errors import BadRequestData, Problem, TooComplexQuery
from broker.language import geo, sphere
from broker.language.geo import GeoQuery
from broker.model.document import LOCATION, Document
from tests.language.samples import entity, iri, table

SQUARE = [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]]
HOLED = [*SQUARE, [[4, 4], [6, 4], [6, 6], [4, 6], [4, 4]]]
BOW_TIE = [[[0, 0], [10, 10], [10, 0], [0, 10], [0, 0]]]


def query(georel: str, kind: str, coordinates: Any, geoproperty: str | None = None) -> GeoQuery:
    return geo.parse(georel, kind, coordinates, geoproperty, table())


def shape(kind: str, coordinates: Any) -> dict[str, Any]:
    return {"type": kind, "coordinates": coordinates}


def placed(kind: str, coordinates: Any, name: str = "location") -> Document:
    return entity(**{name: {"type": "GeoProperty", "value": shape(kind, coordinates)}})


def test_reads_the_examples_of_the_clause() -> None:
    first = query("near;maxDistance==2000", "Point", "[8,40]", "observationSpace")
    assert (first.relation, first.max_distance, first.coordinates) == ("near", 2000, (8, 40))
    assert first.geoproperty == iri("observationSpace")
    second = query(
        "within", "Polygon", "[[[100.0,0.0],[101.0,0.0],[101.0,1.0],[100.0,1.0],[100.0,0.0]]]", "location"
    )
    assert geo.matches(second, placed("Point", [100.5, 0.5]))
    assert not geo.matches(second, placed("Point", [101.5, 0.5]))
    third = query("near;maxDistance==2000", "Point", [8, 40])
    assert third.geoproperty == LOCATION
    assert geo.matches(third, placed("Point", [8.01, 40.01]))
    assert hash(third) == hash(query("near; maxDistance == 2e3", "Point", " [ 8.0, 40.0, 100 ] "))


@pytest.mark.parametrize(
    "georel",
    [
        *("", "touches", "near", "near;", "near;maxDistance", "near;maxDistance==", "near;maxDistance=5"),
        *("near;maxDistance==0", "near;maxDistance==-1", "near;maxDistance==inf", "near;maxDistance==1e400"),
        *(
            "near;maxDistance==5;minDistance==1",
            "near;distance==5",
            "within;maxDistance==5",
            "Within",
            "near;maxDistance==5m",
        ),
    ],
)
def test_refuses_relationships_that_are_none(georel: str) -> None:
    with pytest.raises(BadRequestData, match="georel"):
        query(georel, "Point", [8, 40])


@pytest.mark.parametrize(
    ("kind", "coordinates", "reason"),
    [
        ("Point", "[8", "JSON"),
        ("Point", "[NaN, 1]", "JSON"),
        ("Point", "8,40", "JSON"),
        ("Point", {}, "arrays"),
        ("Point", [8], "longitude"),
        ("Point", ["8", "40"], "numbers"),
        ("Point", [True, 1], "numbers"),
        ("Point", [181, 0], "-180 to 180"),
        ("Point", [0, 91], "-90 to 90"),
        ("Point", [float("nan"), 0], "numbers"),
        ("Point", [[8, 40]], "numbers"),
        ("LineString", [[0, 0]], "two positions"),
        ("LineString", [], "empty"),
        ("Polygon", [[0, 0], [1, 1]], "arrays"),
        ("Polygon", [[[0, 0], [1, 1], [0, 0]]], "four positions"),
        ("Polygon", [[[0, 0], [1, 0], [1, 1], [0, 1]]], "closed"),
        ("Polygon", [], "empty"),
        ("GeometryCollection", [], "one of"),
        ("Circle", [8, 40], "one of"),
    ],
)
def test_refuses_geometries_with_a_reason(kind: str, coordinates: Any, reason: str) -> None:
    with pytest.raises(BadRequestData, match=reason):
        query("intersects", kind, coordinates)


def test_refuses_references_of_too_many_positions() -> None:
    with pytest.raises(TooComplexQuery):
        query("intersects", "MultiPoint", [[0, 0]] * 10_001)


@pytest.mark.parametrize(
    ("georel", "reference", "stored", "expected"),
    [
        ("within", shape("Polygon", SQUARE), shape("Point", [5, 5]), True),
        ("within", shape("Polygon", HOLED), shape("Point", [5, 5]), False),
        ("within", shape("Polygon", HOLED), shape("Point", [2, 2]), True),
        ("within", shape("Polygon", SQUARE), shape("Point", [0, 5]), False),
        ("intersects", shape("Polygon", SQUARE), shape("Point", [0, 5]), True),
        ("within", shape("Point", [1, 2]), shape("Point", [1, 2]), True),
        ("contains", shape("Point", [5, 5]), shape("Polygon", SQUARE), True),
        ("contains", shape("Point", [5, 5]), shape("Polygon", HOLED), False),
        ("contains", shape("LineString", [[1, 1], [2, 2]]), shape("Polygon", SQUARE), True),
        ("contains", shape("Polygon", SQUARE), shape("Point", [5, 5]), False),
        ("intersects", shape("LineString", [[-1, 5], [11, 5]]), shape("Polygon", SQUARE), True),
        ("disjoint", shape("LineString", [[-1, 5], [11, 5]]), shape("Polygon", SQUARE), False),
        ("disjoint", shape("Polygon", HOLED), shape("Point", [5, 5]), True),
        ("disjoint", shape("Point", [1, 2]), shape("Point", [1, 2]), False),
        ("equals", shape("Point", [1, 2]), shape("Point", [1.0, 2.0, 30.0]), True),
        ("equals", shape("Polygon", SQUARE), shape("Polygon", [SQUARE[0][::-1]]), True),
        ("equals", shape("Polygon", SQUARE), shape("Polygon", HOLED), False),
        ("equals", shape("Polygon", BOW_TIE), shape("Polygon", BOW_TIE), True),
        ("overlaps", shape("Polygon", SQUARE), shape("Polygon", [[[5, 5], [15, 5], [15, 15], [5, 5]]]), True),
        ("overlaps", shape("Polygon", SQUARE), shape("Polygon", [[[1, 1], [2, 1], [2, 2], [1, 1]]]), False),
        ("overlaps", shape("Point", [5, 5]), shape("Polygon", SQUARE), False),
        ("within", shape("Polygon", BOW_TIE), shape("Point", [2, 4]), True),
        ("within", shape("Polygon", BOW_TIE), shape("Point", [5, 8]), False),
        (
            "within",
            shape("MultiPolygon", [SQUARE, [[[20, 0], [30, 0], [30, 9], [20, 0]]]]),
            shape("Point", [28, 2]),
            True,
        ),
        ("intersects", shape("MultiPoint", [[1, 1], [2, 2]]), shape("MultiPoint", [[2, 2], [3, 3]]), True),
        ("within", shape("MultiPoint", [[1, 1], [2, 2]]), shape("MultiPoint", [[2, 2], [1, 1]]), True),
        (
            "intersects",
            shape("MultiLineString", [[[0, 1], [2, 1]], [[5, 5], [6, 6]]]),
            shape("LineString", [[1, 0], [1, 2]]),
            True,
        ),
    ],
)
def test_relates_geometries_in_the_plane(
    georel: str, reference: dict[str, Any], stored: dict[str, Any], expected: bool
) -> None:
    asked = query(georel, reference["type"], json.dumps(reference["coordinates"]))
    assert asked.meets(stored) is expected
    assert geo.matches(asked, placed(stored["type"], stored["coordinates"])) is expected


@pytest.mark.parametrize(
    "georel", ["within", "disjoint", "equals", "near;maxDistance==5", "near;minDistance==5"]
)
@pytest.mark.parametrize("kind", ["Point", "Polygon"])
@pytest.mark.parametrize(
    "stored",
    [
        None,
        5,
        "x",
        [],
        {},
        {"type": "Point"},
        shape("Point", "x"),
        shape("Point", [200, 0]),
        shape("Polygon", [[[0, 0]]]),
    ],
)
def test_what_is_no_geometry_meets_nothing(georel: str, kind: str, stored: Any) -> None:
    assert query(georel, kind, SQUARE if kind == "Polygon" else [5, 5]).meets(stored) is False


def test_entities_without_the_geoproperty_do_not_match() -> None:
    assert not geo.matches(query("disjoint", "Point", [8, 40]), entity(name="縁側"))
    assert not geo.matches(query("disjoint", "Point", [8, 40], "observationSpace"), placed("Point", [1, 1]))


def test_any_instance_of_the_geoproperty_may_match() -> None:
    here, there = shape("Point", [8, 40]), shape("Point", [9, 41])
    both = entity(
        location=[
            {"type": "GeoProperty", "value": there},
            {"type": "GeoProperty", "value": here, "datasetId": "urn:ngsi-ld:Dataset:gps"},
        ]
    )
    assert geo.matches(query("near;maxDistance==10", "Point", [8, 40]), both)
    assert geo.matches(query("near;minDistance==10", "Point", [8, 40]), both)


longitudes = st.floats(-180, 180)
latitudes = st.floats(-90, 90)
positions = st.tuples(longitudes, latitudes)


def vector(position: tuple[float, float]) -> tuple[float, float, float]:
    longitude, latitude = map(math.radians, position)
    return (
        math.cos(latitude) * math.cos(longitude),
        math.cos(latitude) * math.sin(longitude),
        math.sin(latitude),
    )


def great_circle(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Measure by the angle between two vectors: another formula than the one under test."""
    a, b = vector(one), vector(other)
    cross = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
    return 6_371_008.8 * math.atan2(math.hypot(*cross), sum(x * y for x, y in zip(a, b, strict=True)))


@given(positions, positions)
def test_measures_between_points_on_great_circles(
    one: tuple[float, float], other: tuple[float, float]
) -> None:
    # the haversine formula loses half its digits towards the antipode
    assert sphere.between(one, other) == pytest.approx(great_circle(one, other), rel=1e-9, abs=0.2)


@given(
    positions, st.floats(0.1, 2e7), st.lists(positions, max_size=5), st.floats(0, 360), st.floats(0.5, 1.5)
)
def test_near_finds_what_a_count_on_great_circles_finds(
    centre: tuple[float, float],
    metres: float,
    places: list[tuple[float, float]],
    bearing: float,
    share: float,
) -> None:
    farthest = query(f"near;maxDistance=={metres!r}", "Point", list(centre))
    nearest = query(f"near;minDistance=={metres!r}", "Point", list(centre))
    for place in [*places, travelled(centre, bearing, metres * share)]:
        away = great_circle(centre, place)
        assume(abs(away - metres) > 0.2 + metres * 1e-9)
        point = shape("Point", list(place))
        assert farthest.meets(point) is (away <= metres)
        assert nearest.meets(point) is (away > metres)


def travelled(start: tuple[float, float], bearing: float, metres: float) -> tuple[float, float]:
    angle, turn, north = metres / 6_371_008.8, math.radians(bearing), math.radians(start[1])
    there = math.asin(
        max(
            -1, min(1, math.sin(north) * math.cos(angle) + math.cos(north) * math.sin(angle) * math.cos(turn))
        )
    )
    east = math.atan2(
        math.sin(turn) * math.sin(angle) * math.cos(north),
        math.cos(angle) - math.sin(north) * math.sin(there),
    )
    longitude = (start[0] + math.degrees(east) + 540) % 360 - 180
    return max(-180.0, min(180.0, longitude)), max(-90.0, min(90.0, math.degrees(there)))


def boxed(asked: GeoQuery, bounds: tuple[float, float, float, float]) -> bool:
    boxes = asked.box()
    assert boxes is not None
    west, south, east, north = bounds
    return any(w <= east and e >= west and s <= north and n >= south for w, s, e, n in boxes)


@given(positions, st.floats(0.1, 2e7), st.floats(0, 360), st.floats(0, 1))
def test_the_box_of_near_touches_every_hit(
    centre: tuple[float, float], metres: float, bearing: float, share: float
) -> None:
    asked = query(f"near;maxDistance=={metres!r}", "Point", list(centre))
    place = travelled(centre, bearing, metres * share)
    if asked.meets(shape("Point", list(place))):
        assert boxed(asked, (*place, *place))


small = st.floats(-0.05, 0.05)
lines = st.builds(
    lambda start, steps: [[start[0] + x, start[1] + y] for x, y in steps],
    st.tuples(st.floats(-179, 179), st.floats(-85, 85)),
    st.lists(st.tuples(small, small), min_size=2, max_size=4),
)


@given(lines, st.floats(1, 50_000), st.floats(0, 360), st.floats(0, 1.2))
def test_near_a_line_is_near_one_of_its_places(
    line: list[list[float]], metres: float, bearing: float, share: float
) -> None:
    place = travelled((line[0][0], line[0][1]), bearing, metres * share)
    away = min(
        great_circle(place, (a[0] + (b[0] - a[0]) * k / 400, a[1] + (b[1] - a[1]) * k / 400))
        for a, b in itertools.pairwise(line)
        for k in range(401)
    )
    assume(abs(away - metres) > 10)
    point, stretch = shape("Point", list(place)), shape("LineString", line)
    from_line = query(f"near;maxDistance=={metres!r}", "LineString", line)
    from_point = query(f"near;maxDistance=={metres!r}", "Point", list(place))
    assert from_line.meets(point) is from_point.meets(stretch) is (away < metres)
    if away < metres:
        assert boxed(from_line, (*place, *place))


@pytest.mark.parametrize(
    ("metres", "kind", "reference", "stored", "expected"),
    [
        (1_010, "LineString", [[0, 60], [10, 60]], shape("Point", [10, 60.009]), True),
        (1_000, "LineString", [[0, 60], [10, 60]], shape("Point", [5, 60.009]), False),
        (1_010, "LineString", [[0, 60], [10, 60]], shape("Point", [5, 60.009]), True),
        (2_000, "LineString", [[0, 61], [10, 61]], shape("Point", [10, 60.009]), False),
        (10_000, "Point", [0, 85], shape("LineString", [[0, 85.6], [1, 85]]), True),
        (5_000, "Point", [0, 85], shape("LineString", [[0, 85.6], [1, 85]]), False),
        (1, "Point", [5, 5], shape("Polygon", SQUARE), True),
        (1_000, "Point", [5, 5], shape("Polygon", HOLED), False),
        (112_000, "Point", [5, 5], shape("Polygon", HOLED), True),
        (1, "LineString", [[-1, 5], [11, 5]], shape("Polygon", SQUARE), True),
        (200_000, "Polygon", SQUARE, shape("MultiPolygon", [[[[11, 1], [12, 1], [12, 2], [11, 1]]]]), True),
        (100_000, "Polygon", SQUARE, shape("MultiPolygon", [[[[11, 1], [12, 1], [12, 2], [11, 1]]]]), False),
        (120_000, "MultiPoint", [[0, 0], [20, 20]], shape("MultiPoint", [[21, 20], [50, 50]]), True),
        (50_000, "Point", [179.9, 0], shape("Point", [-179.9, 0]), True),
        (50_000, "Point", [-179.9, 0], shape("LineString", [[179.8, 1], [179.8, -1]]), True),
        (50_000, "Point", [180, 0], shape("Point", [-180, 0]), True),
        (300_000, "Point", [10, 89], shape("Point", [-170, 89]), True),
        (100_000, "Point", [10, 90], shape("Point", [99, 89.5]), True),
        (1_000_000, "LineString", [[0, -89], [90, -89]], shape("Point", [-120, -85]), True),
    ],
)
def test_measures_longer_geometries_on_the_sphere(
    metres: int, kind: str, reference: Any, stored: dict[str, Any], expected: bool
) -> None:
    asked = query(f"near;maxDistance=={metres}", kind, reference)
    assert asked.meets(stored) is expected
    assert query(f"near;minDistance=={metres}", kind, reference).meets(stored) is not expected


corners = st.tuples(st.floats(-180, 180), st.floats(-90, 90))
shapes = st.one_of(
    corners.map(lambda place: shape("Point", list(place))),
    st.lists(corners, min_size=1, max_size=4).map(
        lambda found: shape("MultiPoint", [list(p) for p in found])
    ),
    st.lists(corners, min_size=2, max_size=4).map(
        lambda found: shape("LineString", [list(p) for p in found])
    ),
    st.lists(corners, min_size=3, max_size=6).map(
        lambda found: shape("Polygon", [[list(p) for p in [*found, found[0]]]])
    ),
)
relations = st.sampled_from(
    ["within", "contains", "intersects", "equals", "overlaps", "near;maxDistance==100000"]
)


def bounds_of(geometry: dict[str, Any]) -> tuple[float, float, float, float]:
    nested = geometry["coordinates"]
    while isinstance(nested[0][0] if isinstance(nested[0], list) else 0, list):
        nested = [place for part in nested for place in part]
    places = [nested] if geometry["type"] == "Point" else nested
    longitudes_, latitudes_ = zip(*places, strict=True)
    return min(longitudes_), min(latitudes_), max(longitudes_), max(latitudes_)


@given(relations, shapes, shapes)
def test_the_box_touches_every_hit_of_every_relationship(
    georel: str, reference: dict[str, Any], stored: dict[str, Any]
) -> None:
    asked = query(georel, reference["type"], reference["coordinates"])
    for geometry in (stored, reference):
        if asked.meets(geometry):
            assert boxed(asked, bounds_of(geometry))


@given(shapes, shapes)
def test_disjoint_is_the_complement_of_intersects(reference: dict[str, Any], stored: dict[str, Any]) -> None:
    intersects = query("intersects", reference["type"], reference["coordinates"])
    disjoint = query("disjoint", reference["type"], reference["coordinates"])
    assert disjoint.meets(stored) is not intersects.meets(stored)
    assert disjoint.box() is None


def test_boxes_are_split_at_the_antimeridian_and_open_at_the_poles() -> None:
    two = query("near;maxDistance==50000", "Point", [179.9, 10]).box()
    assert two is not None
    assert [(round(west), round(east)) for west, _, east, _ in two] == [(179, 180), (-180, -180)]
    (pole,) = query("near;maxDistance==50000", "Point", [10, 89.9]).box() or ()
    assert (pole[0], pole[2], pole[3]) == (-180, 180, 90)
    assert query("near;minDistance==50000", "Point", [10, 10]).box() is None


json_values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)


@given(
    st.text() | st.sampled_from(["near;maxDistance==1", "within", "equals"]),
    st.text() | st.sampled_from(["Point", "LineString", "Polygon", "MultiPolygon"]),
    st.text() | json_values,
    st.none() | st.text(),
)
def test_no_parameters_make_anything_but_a_problem(
    georel: str, kind: str, coordinates: Any, geoproperty: str | None
) -> None:
    try:
        query(georel, kind, coordinates, geoproperty).meets(shape("Point", [1, 1]))
    except Problem as problem:
        assert problem.status in (400, 403)


def test_places_near_a_place_need_no_libraries_of_shapes() -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys\n"
            "from broker.language import geo\n"
            "from broker.language.spatial import Relation\n"
            "near = geo.GeoQuery(Relation.NEAR, 'Point', (134.77, 35.4), max_distance=2000.0)\n"
            "place = {'type': 'Point', 'coordinates': [134.771, 35.4]}\n"
            "print(near.meets(place), near.box() is not None, 'shapely' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "True True False\n"
