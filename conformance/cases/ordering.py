"""Entities in an order. (4.23, 5.7.2.4)"""

from typing import Any

from conformance.case import case
from conformance.entity import Entity, lang, point, prop, rel, vehicle
from conformance.subject import Subject

FEATURE = "Ordering"
NEEDS = ("ordering",)


async def ordered(
    broker: Subject, entities: list[Entity], expected: list[int], order: str, **params: Any
) -> None:
    """Demand the entities in the order of these indexes."""
    answer = await broker.get("/entities", type=entities[0].type, local=True, orderBy=order, **params)
    answer.status(200).body.ids(*(entities[n] for n in expected), ordered=True)


@case("4.23.3", "ascending by default", feature=FEATURE, needs=NEEDS, profile="full")
async def ascending(broker: Subject) -> None:
    made = await broker.have_all(*(vehicle(speed=n) for n in (30, 4, 100)))
    await ordered(broker, made, [1, 0, 2], "speed")


@case("4.23.3", "descending", feature=FEATURE, needs=NEEDS, profile="full")
async def descending(broker: Subject) -> None:
    made = await broker.have_all(*(vehicle(speed=n) for n in (30, 4, 100)))
    await ordered(broker, made, [2, 0, 1], "speed;desc")


@case("4.23.3", "by one attribute, then by another", feature=FEATURE, needs=NEEDS, profile="full")
async def by_two(broker: Subject) -> None:
    made = await broker.have_all(
        vehicle(colour="red", speed=1), vehicle(colour="blue", speed=2), vehicle(colour="red", speed=3)
    )
    await ordered(broker, made, [1, 2, 0], "colour,speed;desc")


@case("4.23.3", "by id", feature=FEATURE, needs=NEEDS, profile="full")
async def by_id(broker: Subject) -> None:
    made = await broker.have_all(*(vehicle(speed=1) for _ in range(3)))
    await ordered(broker, made, [2, 1, 0], "id;desc")


@case(
    "4.23.2",
    "numbers stand before texts, and who lacks the attribute comes last",
    feature=FEATURE,
    needs=NEEDS,
    profile="full",
)
async def mixed(broker: Subject) -> None:
    made = await broker.have_all(vehicle(colour="x"), vehicle(speed="fast"), vehicle(speed=7))
    await ordered(broker, made, [2, 1, 0], "speed")


@case("4.23.3", "by a member of a value", feature=FEATURE, needs=NEEDS, profile="full")
async def by_member(broker: Subject) -> None:
    made = await broker.have_all(*(vehicle(address={"city": c}) for c in ("Toyooka", "Asago", "Yabu")))
    await ordered(broker, made, [1, 0, 2], "address[city]")


@case("4.23.3", "by a sub-attribute", feature=FEATURE, needs=NEEDS, profile="full")
async def by_sub_attribute(broker: Subject) -> None:
    made = await broker.have_all(*(vehicle(speed=prop(1, accuracy=n)) for n in (3, 1, 2)))
    await ordered(broker, made, [1, 2, 0], "speed.accuracy")


@case("4.23.3, 4.8", "by observedAt", feature=FEATURE, needs=NEEDS, profile="full")
async def by_time(broker: Subject) -> None:
    times = ["2026-03-02T00:00:00Z", "2026-03-01T00:00:00.5Z", "2026-03-01T00:00:00Z"]
    made = await broker.have_all(*(vehicle(speed=prop(1, observedAt=t)) for t in times))
    await ordered(broker, made, [2, 1, 0], "speed.observedAt")


@case("4.23.1", "by the object of a Relationship", feature=FEATURE, needs=NEEDS, profile="full")
async def by_object(broker: Subject) -> None:
    made = await broker.have_all(*(vehicle(owner=rel(f"urn:ngsi-ld:Company:{c}")) for c in "bca"))
    await ordered(broker, made, [2, 0, 1], "owner")


@case(
    "4.23.1",
    "texts by the root collation: accents beside their letters, case second",
    feature=FEATURE,
    needs=NEEDS,
    profile="full",
)
async def root_collation(broker: Subject) -> None:
    made = await broker.have_all(*(vehicle(name=n) for n in ("zebra", "Émile", "eric", "Dora")))
    await ordered(broker, made, [3, 1, 2, 0], "name")


@case("4.23.3", "a collation that is none is refused", feature=FEATURE, needs=NEEDS, profile="full")
async def bad_collation(broker: Subject) -> None:
    answer = await broker.get(
        "/entities", type=broker.type("Vehicle"), local=True, orderBy="name", collation="no such one!"
    )
    answer.refused(400, "BadRequestData")


@case("4.23.3", "by distance from a point", feature=FEATURE, needs=NEEDS, profile="full")
async def by_distance(broker: Subject) -> None:
    made = await broker.have_all(*(vehicle(location=point(134 + n, 35)) for n in (3, 1, 2)))
    await ordered(broker, made, [1, 2, 0], "location;dist-asc", orderFrom="[134,35]")
    await ordered(broker, made, [0, 2, 1], "location;dist-desc", orderFrom="[134,35]")


@case("4.23.3", "by distance from a line", feature=FEATURE, needs=NEEDS, profile="full")
async def by_distance_of_line(broker: Subject) -> None:
    made = await broker.have_all(*(vehicle(location=point(135, 35 + n)) for n in (3, 1, 2)))
    line = {"orderFrom": "[[134,35],[136,35]]", "orderGeometry": "LineString"}
    await ordered(broker, made, [1, 2, 0], "location;dist-asc", **line)


@case("4.23.3", "a distance without orderFrom is refused", feature=FEATURE, needs=NEEDS, profile="full")
async def distance_from_nowhere(broker: Subject) -> None:
    kind = broker.type("Vehicle")
    answer = await broker.get("/entities", type=kind, local=True, orderBy="location;dist-asc")
    answer.refused(400, "BadRequestData")


@case("4.23.3", "an unknown direction is refused", feature=FEATURE, needs=NEEDS, profile="full")
async def unknown_direction(broker: Subject) -> None:
    answer = await broker.get("/entities", type=broker.type("Vehicle"), local=True, orderBy="speed;sideways")
    answer.refused(400, "BadRequestData")


@case("4.23, 6.3.10", "pages keep the order and lose nothing", feature=FEATURE, needs=NEEDS, profile="full")
async def pages(broker: Subject) -> None:
    made = await broker.have_all(*(vehicle(speed=n) for n in (5, 1, 4, 2, 3)))
    seen: list[Any] = []
    for offset in (0, 2, 4):
        params: dict[str, Any] = {"orderBy": "speed", "limit": 2, "offset": offset}
        seen += (await broker.get("/entities", type=made[0].type, local=True, **params)).status(200).json
    last = (await broker.get("/entities", type=made[0].type, local=True, orderBy="speed")).status(200)
    last.body.ids(*(made[n] for n in (1, 3, 4, 2, 0)), ordered=True)
    last.body.holds([e["id"] for e in seen] == [e["id"] for e in last.json], "is what the pages gave")


@case(
    "4.23, 5.2.43, 6.23",
    "the order can be asked for in a POSTed Query",
    feature=FEATURE,
    needs=NEEDS,
    profile="full",
)
async def in_a_body(broker: Subject) -> None:
    made = await broker.have_all(*(vehicle(speed=n) for n in (5, 1, 4)))
    body = {"type": "Query", "entities": [{"type": made[0].type}], "ordering": {"orderBy": ["speed;desc"]}}
    answer = await broker.post("/entityOperations/query", body, local=True)
    answer.status(200).body.ids(made[0], made[2], made[1], ordered=True)


@case("4.23.1", "by a language of a LanguageProperty", feature=FEATURE, needs=NEEDS, profile="full")
async def by_language(broker: Subject) -> None:
    made = await broker.have_all(*(vehicle(label=lang({"en": w})) for w in ("b", "a")))
    await ordered(broker, made, [1, 0], "label[en]")
