"""Entities queried: selectors, the query language, places, scopes, pages. (4.9, 4.10, 4.17, 4.19, 5.5.9, 5.7.2)"""

from typing import Any

from conformance.case import case
from conformance.demand import demand
from conformance.entity import Entity, geo, lang, point, prop, rel, vehicle, vocab
from conformance.subject import Subject

FEATURE = "Queries"


async def found(broker: Subject, made: list[Entity], expected: list[int], **params: Any) -> None:
    """Demand that a query among these entities finds those of these indexes."""
    answer = await broker.get("/entities", **{"type": made[0].type, **params})
    answer.status(200).body.ids(*(made[n] for n in expected))


async def q(broker: Subject, values: list[Any], query: str, expected: list[int], **params: Any) -> None:
    """Demand that q finds the vehicles with the speeds of these indexes."""
    made = await broker.have_all(*(vehicle(speed=value) for value in values))
    await found(broker, made, expected, q=query, **params)


@case("4.9", "== compares numbers", feature=FEATURE)
async def equal_number(broker: Subject) -> None:
    await q(broker, [1, 2, 2.0, "2"], "speed==2", [1, 2])


@case("4.9", "== compares texts in quotes", feature=FEATURE)
async def equal_text(broker: Subject) -> None:
    await q(broker, ["red", "Red", "blue"], 'speed=="red"', [0])


@case("4.9", "== compares true and false", feature=FEATURE)
async def equal_boolean(broker: Subject) -> None:
    await q(broker, [True, False, "true"], "speed==true", [0])


@case("4.9", "!= finds others of any type", feature=FEATURE)
async def unequal(broker: Subject) -> None:
    await q(broker, [1, 2, "x"], "speed!=1", [1, 2])


@case("4.9", ">, >=, <, <= compare numbers", feature=FEATURE)
async def inequalities(broker: Subject) -> None:
    made = await broker.have_all(*(vehicle(speed=n) for n in (1, 2, 3)))
    for query, expected in (("speed>2", [2]), ("speed>=2", [1, 2]), ("speed<2", [0]), ("speed<=2", [0, 1])):
        await found(broker, made, expected, q=query)


@case("4.9", "a comparison of other types is false", feature=FEATURE)
async def other_types(broker: Subject) -> None:
    await q(broker, [60, "60", True], "speed>50", [0])


@case("4.9", "a list of values takes any of them", feature=FEATURE)
async def value_list(broker: Subject) -> None:
    await q(broker, [1, 2, 3, 4], "speed==1,3", [0, 2])


@case("4.9", "a range takes its ends too", feature=FEATURE)
async def value_range(broker: Subject) -> None:
    await q(broker, [9, 10, 15, 20, 21], "speed==10..20", [1, 2, 3])


@case("4.9", "a list of texts takes any of them", feature=FEATURE)
async def text_list(broker: Subject) -> None:
    await q(broker, ["red", "blue", "green"], 'speed=="red","green"', [0, 2])


@case("4.9", "~= matches a pattern", feature=FEATURE)
async def pattern(broker: Subject) -> None:
    await q(broker, ["Yabu", "Yoka", "Asago"], "speed~=^Y", [0, 1])


@case("4.9", "!~= takes what a pattern does not match", feature=FEATURE)
async def no_pattern(broker: Subject) -> None:
    await q(broker, ["Yabu", "Yoka", "Asago"], "speed!~=^Y", [2])


@case("4.9", "a name alone asks whether the attribute is there", feature=FEATURE)
async def existence(broker: Subject) -> None:
    made = await broker.have_all(vehicle(speed=1), vehicle(colour="red"))
    await found(broker, made, [0], q="speed")


@case("4.9", "; is and, | is or, and binds closer", feature=FEATURE)
async def logic(broker: Subject) -> None:
    made = await broker.have_all(
        vehicle(speed=1, colour="red"), vehicle(speed=9, colour="red"), vehicle(speed=9, colour="blue")
    )
    await found(broker, made, [1], q='speed>5;colour=="red"')
    await found(broker, made, [0, 1, 2], q='speed>5|colour=="red"')
    await found(broker, made, [0, 1], q='colour=="red"|speed>5;colour=="red"')


@case("4.9", "parentheses group", feature=FEATURE)
async def parentheses(broker: Subject) -> None:
    made = await broker.have_all(
        vehicle(speed=1, colour="red"), vehicle(speed=9, colour="red"), vehicle(speed=9, colour="blue")
    )
    await found(broker, made, [1], q='(speed>5|speed<0);colour=="red"')


@case("4.9", "a member of a value is reached with brackets", feature=FEATURE)
async def member(broker: Subject) -> None:
    await q(broker, [{"a": {"b": 1}}, {"a": {"b": 2}}, 1], "speed[a.b]==1", [0])


@case("4.9", "a sub-attribute is reached with a dot", feature=FEATURE)
async def sub_attribute(broker: Subject) -> None:
    await q(broker, [prop(1, accuracy=5), prop(1, accuracy=1), prop(1)], "speed.accuracy>2", [0])


@case("4.9, 4.8", "observedAt is compared as an instant", feature=FEATURE)
async def observed_at(broker: Subject) -> None:
    times = ["2026-03-01T00:00:00Z", "2026-03-01T00:00:00.5Z", "2026-03-01T00:00:01Z"]
    values = [prop(1, observedAt=time) for time in times]
    await q(broker, values, "speed.observedAt>2026-03-01T00:00:00.25Z", [1, 2])


@case("4.9, 4.8", "system times can be asked for", feature=FEATURE)
async def modified_at(broker: Subject) -> None:
    made = await broker.have_all(vehicle(speed=1))
    await found(broker, made, [0], q=f"modifiedAt>{broker.moment(-3600)}")
    await found(broker, made, [], q=f"modifiedAt>{broker.moment(3600)}")


@case("4.9", "DateTimes in values are compared as instants", feature=FEATURE)
async def times_in_values(broker: Subject) -> None:
    values = [prop({"@type": "DateTime", "@value": f"2026-03-0{n}T00:00:00Z"}) for n in (1, 2, 3)]
    await q(broker, values, "speed>2026-03-01T12:00:00Z", [1, 2])


@case("4.9", "a Relationship is compared with a URI", feature=FEATURE)
async def relationship(broker: Subject) -> None:
    made = await broker.have_all(vehicle(owner=rel("urn:ngsi-ld:C:1")), vehicle(owner=rel("urn:ngsi-ld:C:2")))
    await found(broker, made, [0], q="owner==urn:ngsi-ld:C:1")


@case("4.9", "a language is reached with brackets", feature=FEATURE)
async def language(broker: Subject) -> None:
    made = await broker.have_all(
        vehicle(label=lang({"en": "car", "ja": "車"})), vehicle(label=lang({"de": "car"}))
    )
    await found(broker, made, [0], q='label[en]=="car"')
    await found(broker, made, [0, 1], q='label[*]=="car"')


@case("4.9, 6.4.3.2", "expandValues compares vocabulary terms as IRIs", feature=FEATURE)
async def expand_values(broker: Subject) -> None:
    made = await broker.have_all(vehicle(state=vocab("Open")), vehicle(state=vocab("Closed")))
    await found(broker, made, [0], q='state=="Open"', expandValues="state")


@case("4.9, 4.5.5", "any instance of an attribute may meet the query", feature=FEATURE)
async def any_instance(broker: Subject) -> None:
    gps = prop(99, datasetId="urn:ngsi-ld:gps")
    made = await broker.have_all(vehicle(speed=[prop(1), gps]), vehicle(speed=2))
    await found(broker, made, [0], q="speed>50")


@case("4.9", "a q that is none is refused", feature=FEATURE)
async def bad(broker: Subject) -> None:
    for query in ("speed>>1", "speed==", "(speed==1", "==1", "speed==1;"):
        (await broker.get("/entities", type=broker.type("Vehicle"), q=query)).refused(400, "BadRequestData")


@case("5.7.2.4", "several types with a comma", feature=FEATURE)
async def types(broker: Subject) -> None:
    one, two = await broker.have(vehicle(speed=1)), await broker.have({"type": "Bus"})
    await broker.have({"type": "Ship"})
    (await broker.get("/entities", type=f"{one.type},{two.type}")).status(200).body.ids(one, two)


@case("4.17", "types joined with ; must all be there", feature=FEATURE)
async def all_types(broker: Subject) -> None:
    both = broker.own({"type": ["Vehicle", "Bus"]})
    (await broker.post("/entities", both)).status(201)
    await broker.have(vehicle(speed=1))
    kinds = f"({broker.type('Vehicle')};{broker.type('Bus')})"
    (await broker.get("/entities", type=kinds)).status(200).body.ids(both)


@case("5.7.2.4", "id chooses entities", feature=FEATURE)
async def by_id(broker: Subject) -> None:
    made = await broker.have_all(vehicle(speed=1), vehicle(speed=2), vehicle(speed=3))
    await found(broker, made, [0, 2], id=f"{made[0].id},{made[2].id}")


@case("5.7.2.4", "idPattern chooses entities", feature=FEATURE)
async def by_pattern(broker: Subject) -> None:
    made = await broker.have_all(vehicle(speed=1), vehicle(speed=2))
    await found(broker, made, [1], idPattern=f".*{made[1].id[-4:]}$")


@case("5.7.2.4", "attrs chooses entities that have one of them", feature=FEATURE)
async def by_attrs(broker: Subject) -> None:
    made = await broker.have_all(vehicle(speed=1), vehicle(colour="red"), vehicle(weight=1))
    await found(broker, made, [0, 1], attrs="speed,colour")


@case("5.7.2.4", "a query that names nothing is too wide", feature=FEATURE)
async def too_wide(broker: Subject) -> None:
    (await broker.get("/entities")).refused(400, "BadRequestData")


@case("5.7.2.4", "local=true alone is enough", feature=FEATURE)
async def local(broker: Subject) -> None:
    (await broker.get("/entities", local=True, limit=1)).status(200).body.is_a(list)


@case("5.7.2.4", "type=* takes every entity held here", feature=FEATURE, needs=("tenants",))
async def any_type(broker: Subject) -> None:
    tenant = await broker.tenant()
    one = await broker.have(vehicle(speed=1), tenant=tenant)
    two = await broker.have({"type": "Bus"}, tenant=tenant)
    (await broker.get("/entities", type="*", tenant=tenant)).status(200).body.ids(one, two)


@case("5.7.2.4", "an invalid id is refused", feature=FEATURE)
async def bad_id(broker: Subject) -> None:
    (await broker.get("/entities", type=broker.type("Vehicle"), id="no uri")).refused(400, "BadRequestData")


async def places(broker: Subject) -> list[Entity]:
    """Make three vehicles: in Yabu, 1.1 km east of there, and far away."""
    return await broker.have_all(*(vehicle(location=point(x, 35.4)) for x in (134.77, 134.782, 140.0)))


async def near(broker: Subject, georel: str, expected: list[int], **params: Any) -> None:
    """Demand what a geo-query around Yabu finds."""
    asked = {"georel": georel, "geometry": "Point", "coordinates": "[134.77,35.4]", **params}
    await found(broker, await places(broker), expected, **asked)


SQUARE = "[[[134,35],[135,35],[135,36],[134,36],[134,35]]]"


@case("4.10", "near with maxDistance", feature=FEATURE)
async def near_most(broker: Subject) -> None:
    await near(broker, "near;maxDistance==500", [0])


@case("4.10", "near with minDistance", feature=FEATURE)
async def near_least(broker: Subject) -> None:
    await near(broker, "near;minDistance==500", [1, 2])


@case("4.10", "within a polygon", feature=FEATURE)
async def within(broker: Subject) -> None:
    await near(broker, "within", [0, 1], geometry="Polygon", coordinates=SQUARE)


@case("4.10", "disjoint from a polygon", feature=FEATURE)
async def disjoint(broker: Subject) -> None:
    await near(broker, "disjoint", [2], geometry="Polygon", coordinates=SQUARE)


@case("4.10", "intersects a polygon", feature=FEATURE)
async def intersects(broker: Subject) -> None:
    await near(broker, "intersects", [0, 1], geometry="Polygon", coordinates=SQUARE)


@case("4.10", "equals a point", feature=FEATURE)
async def same_place(broker: Subject) -> None:
    await near(broker, "equals", [0])


@case("4.10", "an area contains a point", feature=FEATURE)
async def contains(broker: Subject) -> None:
    area = geo("Polygon", [[[134, 35], [135, 35], [135, 36], [134, 36], [134, 35]]])
    made = await broker.have_all(vehicle(location=area), vehicle(location=point(0, 0)))
    await found(broker, made, [0], georel="contains", geometry="Point", coordinates="[134.5,35.5]")


@case("4.10", "an area overlaps another", feature=FEATURE)
async def overlaps(broker: Subject) -> None:
    area = geo("Polygon", [[[134.5, 35], [135.5, 35], [135.5, 36], [134.5, 36], [134.5, 35]]])
    apart = geo("Polygon", [[[10, 10], [11, 10], [11, 11], [10, 10]]])
    made = await broker.have_all(vehicle(location=area), vehicle(location=apart))
    await found(broker, made, [0], georel="overlaps", geometry="Polygon", coordinates=SQUARE)


@case("4.10", "geoproperty names another GeoProperty", feature=FEATURE)
async def other_place(broker: Subject) -> None:
    made = await broker.have_all(
        vehicle(location=point(0, 0), garage=point(134.77, 35.4)), vehicle(location=point(134.77, 35.4))
    )
    params = {"georel": "near;maxDistance==500", "geometry": "Point", "coordinates": "[134.77,35.4]"}
    await found(broker, made, [0], geoproperty="garage", **params)


@case("4.10", "a geo-query that lacks a part or has a bad one is refused", feature=FEATURE)
async def bad_place(broker: Subject) -> None:
    kind = broker.type("Vehicle")
    for params in (
        {"georel": "near;maxDistance==500"},
        {"georel": "beside", "geometry": "Point", "coordinates": "[1,2]"},
        {"georel": "near;maxDistance==far", "geometry": "Point", "coordinates": "[1,2]"},
        {"georel": "within", "geometry": "Polygon", "coordinates": "[1,2]"},
        {"georel": "within", "geometry": "Blob", "coordinates": "[1,2]"},
    ):
        answer = await broker.send("GET", "/entities", params={"type": kind, **params})
        answer.refused(400, "BadRequestData")


async def scoped(broker: Subject, query: str, expected: list[int]) -> None:
    """Demand what a scope query finds among four scopes."""
    scopes = ("/Yabu", "/Yabu/Yoka", "/Yabu/Yoka/Tenman", "/Asago")
    await found(broker, await broker.have_all(*(vehicle(scope=s) for s in scopes)), expected, scopeQ=query)


@case("4.19", "a scope itself", feature=FEATURE)
async def scope(broker: Subject) -> None:
    await scoped(broker, "/Yabu", [0])


@case("4.19", "# takes a scope and all below it", feature=FEATURE)
async def scopes_below(broker: Subject) -> None:
    await scoped(broker, "/Yabu/#", [0, 1, 2])


@case("4.19", "+ takes any one level", feature=FEATURE)
async def scopes_one_below(broker: Subject) -> None:
    await scoped(broker, "/Yabu/+", [1])


@case("4.19", "a comma takes either", feature=FEATURE)
async def scopes_either(broker: Subject) -> None:
    await scoped(broker, "/Asago,/Yabu", [0, 3])


@case("5.5.9, 6.3.10", "pages lose and repeat nothing, next and prev lead through", feature=FEATURE)
async def pages(broker: Subject) -> None:
    made = await broker.have_all(*(vehicle(speed=n) for n in range(5)))
    first = (await broker.get("/entities", type=made[0].type, limit=2)).status(200)
    demand(
        len(first.links("next")) == 1 and not first.links("prev"),
        "the first page has a next alone",
        str(first.headers),
    )
    middle = (await broker.get("/entities", type=made[0].type, limit=2, offset=2)).status(200)
    demand(
        len(middle.links("next")) == len(middle.links("prev")) == 1,
        "the middle has both",
        str(middle.headers),
    )
    last = (await broker.get("/entities", type=made[0].type, limit=2, offset=4)).status(200)
    demand(
        not last.links("next") and len(last.links("prev")) == 1,
        "the last has a prev alone",
        str(last.headers),
    )
    seen = sorted(e["id"] for page in (first, middle, last) for e in page.json)
    demand(seen == sorted(e.id for e in made), "each entity comes once", seen)


@case("6.3.13", "count=true counts all", feature=FEATURE)
async def count(broker: Subject) -> None:
    made = await broker.have_all(*(vehicle(speed=n) for n in range(3)))
    answer = await broker.get("/entities", type=made[0].type, limit=1, count=True)
    answer.status(200).header("NGSILD-Results-Count", "3").body.counts(1)
    (await broker.get("/entities", type=made[0].type)).no_header("NGSILD-Results-Count")


@case("6.3.10, 6.3.13", "limit=0 with count gives the number alone", feature=FEATURE)
async def count_alone(broker: Subject) -> None:
    made = await broker.have_all(vehicle(speed=1), vehicle(speed=2))
    answer = await broker.get("/entities", type=made[0].type, limit=0, count=True)
    answer.status(200).header("NGSILD-Results-Count", "2").body.equals([])


@case("6.3.10", "limit=0 without count is refused", feature=FEATURE)
async def limit_zero(broker: Subject) -> None:
    (await broker.get("/entities", type=broker.type("Vehicle"), limit=0)).refused(400, "BadRequestData")


@case("6.3.10", "a limit or offset that is no number from 0 is refused", feature=FEATURE)
async def bad_limit(broker: Subject) -> None:
    for params in ({"limit": "-1"}, {"limit": "many"}, {"offset": "-1"}):
        answer = await broker.send("GET", "/entities", params={"type": broker.type("Vehicle"), **params})
        answer.refused(400, "BadRequestData")
