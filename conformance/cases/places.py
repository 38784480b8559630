"""Places: geometries kept, and relations between them. (4.7, 4.10)"""

from typing import Any

from conformance.case import case
from conformance.entity import geo, point, vehicle
from conformance.subject import Subject

FEATURE = "Places"
RING = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]
SQUARE = [RING]
WITH_HOLE = [RING, [[1, 1], [1, 3], [3, 3], [3, 1], [1, 1]]]


async def relates(
    broker: Subject, shapes: list[Any], georel: str, geometry: str, coordinates: Any, expected: list[int]
) -> None:
    """Demand which shapes stand in a relation to a geometry, in a GET and in a POSTed query."""
    made = await broker.have_all(*(vehicle(location=shape) for shape in shapes))
    asked = {"georel": georel, "geometry": geometry}
    params = {"type": made[0].type, **asked, "coordinates": str(coordinates).replace(" ", "")}
    (await broker.send("GET", "/entities", params=params)).status(200).body.ids(*(made[n] for n in expected))
    body = {
        "type": "Query",
        "entities": [{"type": made[0].type}],
        "geoQ": {**asked, "coordinates": coordinates},
    }
    answer = await broker.post("/entityOperations/query", body)
    answer.status(200).body.ids(*(made[n] for n in expected))


@case("4.7.1", "every geometry of GeoJSON but collections is kept", feature=FEATURE)
async def geometries(broker: Subject) -> None:
    shapes = {
        "point": geo("Point", [134.7, 35.4]), "points": geo("MultiPoint", [[1, 2], [3, 4]]),
        "line": geo("LineString", [[1, 2], [3, 4]]),
        "lines": geo("MultiLineString", [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]),
        "area": geo("Polygon", WITH_HOLE),
        "areas": geo("MultiPolygon", [SQUARE, [[[9, 9], [10, 9], [10, 10], [9, 9]]]]),
    }  # fmt: skip
    made = await broker.have(vehicle(**shapes))
    (await broker.get(made.path)).status(200).body.has(shapes)


@case("4.7.1", "a height above the ellipsoid is kept", feature=FEATURE)
async def height(broker: Subject) -> None:
    made = await broker.have(vehicle(location=geo("Point", [134.7, 35.4, 120.5])))
    (await broker.get(made.path)).status(200).body.at("location").equals(made["location"])


@case("4.7.2", "a geometry written as text is understood", feature=FEATURE)
async def as_text(broker: Subject) -> None:
    text = {"type": "GeoProperty", "value": '{"type": "Point", "coordinates": [134.7, 35.4]}'}
    made = await broker.have(vehicle(location=text))
    near = {"georel": "near;maxDistance==10", "geometry": "Point", "coordinates": "[134.7,35.4]"}
    answer = await broker.send("GET", "/entities", params={"type": made.type, **near})
    answer.status(200).body.ids(made)


@case("4.7.2", "text that is no geometry is refused", feature=FEATURE)
async def bad_text(broker: Subject) -> None:
    for text in ("here", '{"type": "Point"}', "[1, 2]"):
        body = broker.own(vehicle(location={"type": "GeoProperty", "value": text}))
        (await broker.post("/entities", body)).refused(400, "BadRequestData")


@case("4.10", "near a line is near any point of it", feature=FEATURE)
async def near_line(broker: Subject) -> None:
    shapes = [point(2, 0.001), point(2, 1), point(0, 0)]
    await relates(broker, shapes, "near;maxDistance==500", "LineString", [[0, 0], [4, 0]], [0, 2])


@case("4.10", "near counts the distance to the nearest part of an area", feature=FEATURE)
async def near_area(broker: Subject) -> None:
    shapes = [geo("Polygon", SQUARE), point(9, 9)]
    await relates(broker, shapes, "near;maxDistance==1000", "Point", [2, 2], [0])


@case("4.10", "near crosses the line where a day begins", feature=FEATURE)
async def near_antimeridian(broker: Subject) -> None:
    shapes = [point(179.999, 0), point(-179.999, 0), point(0, 0)]
    await relates(broker, shapes, "near;maxDistance==500", "Point", [179.999, 0], [0, 1])


@case("4.10", "metres are metres far north too", feature=FEATURE)
async def near_north(broker: Subject) -> None:
    shapes = [point(0, 80), point(0.004, 80), point(0.01, 80)]  # 77 m and 193 m away
    await relates(broker, shapes, "near;maxDistance==100", "Point", [0, 80], [0, 1])


@case("4.10", "what is in a hole is not within", feature=FEATURE)
async def within_hole(broker: Subject) -> None:
    await relates(broker, [point(0.5, 0.5), point(2, 2)], "within", "Polygon", WITH_HOLE, [0])


@case("4.10", "within any of several areas", feature=FEATURE)
async def within_areas(broker: Subject) -> None:
    areas = [SQUARE, [[[8, 8], [9, 8], [9, 9], [8, 9], [8, 8]]]]
    await relates(
        broker, [point(1, 1), point(8.5, 8.5), point(6, 6)], "within", "MultiPolygon", areas, [0, 1]
    )


LINES = [geo("LineString", [[1, 1], [2, 2]]), geo("LineString", [[1, 1], [6, 6]])]


@case("4.10", "a line that leaves an area is not within it", feature=FEATURE)
async def line_within(broker: Subject) -> None:
    await relates(broker, LINES, "within", "Polygon", SQUARE, [0])


@case("4.10", "a line that leaves an area intersects it", feature=FEATURE)
async def line_intersects(broker: Subject) -> None:
    await relates(broker, LINES, "intersects", "Polygon", SQUARE, [0, 1])


BESIDE = geo("Polygon", [[[4, 0], [8, 0], [8, 4], [4, 4], [4, 0]]])
APART = geo("Polygon", [[[5, 0], [8, 0], [8, 4], [5, 4], [5, 0]]])


@case("4.10", "areas that touch intersect", feature=FEATURE)
async def touching(broker: Subject) -> None:
    await relates(broker, [BESIDE, APART], "intersects", "Polygon", SQUARE, [0])


@case("4.10", "areas that touch are not disjoint", feature=FEATURE)
async def not_touching(broker: Subject) -> None:
    await relates(broker, [BESIDE, APART], "disjoint", "Polygon", SQUARE, [1])


@case("4.10", "an area within another does not overlap it", feature=FEATURE)
async def inner(broker: Subject) -> None:
    inside = geo("Polygon", [[[1, 1], [2, 1], [2, 2], [1, 2], [1, 1]]])
    across = geo("Polygon", [[[2, 2], [6, 2], [6, 6], [2, 6], [2, 2]]])
    await relates(broker, [inside, across], "overlaps", "Polygon", SQUARE, [1])


@case("4.10", "contains asks the other way round than within", feature=FEATURE)
async def containing(broker: Subject) -> None:
    shapes = [geo("Polygon", SQUARE), point(1, 1)]
    await relates(broker, shapes, "contains", "Polygon", [[[1, 1], [2, 1], [2, 2], [1, 1]]], [0])


@case("4.10", "one area is equal wherever its ring begins", feature=FEATURE)
async def same_area(broker: Subject) -> None:
    turned = [[[4, 0], [4, 4], [0, 4], [0, 0], [4, 0]]]
    await relates(broker, [geo("Polygon", SQUARE), point(0, 0)], "equals", "Polygon", turned, [0])


@case("4.10", "an entity without the place matches nothing, not even disjoint", feature=FEATURE)
async def no_place(broker: Subject) -> None:
    made = await broker.have_all(vehicle(speed=1), vehicle(location=point(9, 9)))
    params = {"georel": "disjoint", "geometry": "Point", "coordinates": "[1,1]"}
    answer = await broker.send("GET", "/entities", params={"type": made[0].type, **params})
    answer.status(200).body.ids(made[1])


@case("5.7.2.4, 4.5.5", "any instance of the place may meet a geo-query", feature=FEATURE)
async def any_instance(broker: Subject) -> None:
    both = [point(9, 9), point(1, 1, datasetId="urn:ngsi-ld:gps")]
    await relates(broker, [both, point(9, 9)], "near;maxDistance==10", "Point", [1, 1], [0])


@case("4.10, 4.9", "a geo-query goes with q and scope: all must be met", feature=FEATURE)
async def with_others(broker: Subject) -> None:
    here = point(1, 1)
    made = await broker.have_all(
        vehicle(location=here, speed=9, scope="/a"),
        vehicle(location=here, speed=1, scope="/a"),
        vehicle(location=here, speed=9, scope="/b"),
        vehicle(location=point(9, 9), speed=9, scope="/a"),
    )
    params = {"georel": "near;maxDistance==10", "geometry": "Point", "coordinates": "[1,1]"}
    both = {"type": made[0].type, "q": "speed>5", "scopeQ": "/a", **params}
    (await broker.send("GET", "/entities", params=both)).status(200).body.ids(made[0])


@case("4.10", "a distance of zero, below zero or without its name is refused", feature=FEATURE)
async def bad_distance(broker: Subject) -> None:
    for georel in ("near;maxDistance==0", "near;maxDistance==-5", "near", "near;distance==5"):
        params = {
            "type": broker.type("Vehicle"),
            "georel": georel,
            "geometry": "Point",
            "coordinates": "[1,1]",
        }
        (await broker.send("GET", "/entities", params=params)).refused(400, "BadRequestData")


@case("4.10", "a moved entity is found at its new place alone", feature=FEATURE)
async def moved(broker: Subject) -> None:
    made = await broker.have(vehicle(location=point(1, 1)))
    (await broker.patch(f"{made.path}/attrs", {"location": point(5, 5)})).status(204)
    for coordinates, expected in (("[1,1]", []), ("[5,5]", [made])):
        params = {"georel": "near;maxDistance==10", "geometry": "Point", "coordinates": coordinates}
        answer = await broker.send("GET", "/entities", params={"type": made.type, **params})
        answer.status(200).body.ids(*expected)
