"""Additions of NGSI-LD 2.0 that agree with 1.9.1, and answers as RDF: absent in most brokers, and then not judged."""

from conformance.case import case
from conformance.demand import demand
from conformance.entity import lang, prop, rel, vehicle
from conformance.subject import JSON, Subject

FEATURE = "Extensions"


@case(
    "6.2", "HEAD answers with the head of GET and no body", feature=FEATURE, needs=("head",), profile="full"
)
async def head(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    answer = (await broker.head(entity.path)).status(200).empty()
    answer.header("Content-Type").header("Link")


@case("6.2", "HEAD of an unknown entity is 404", feature=FEATURE, needs=("head",), profile="full")
async def head_unknown(broker: Subject) -> None:
    (await broker.head(f"/entities/{broker.id('Vehicle')}")).status(404).empty()


@case("6.2, 6.3.10", "HEAD of a query counts", feature=FEATURE, needs=("head",), profile="full")
async def head_query(broker: Subject) -> None:
    one, _ = await broker.have_all(vehicle(speed=1), vehicle(speed=2))
    answer = await broker.head("/entities", type=one.type, count=True, limit=1)
    answer.status(200).empty().header("NGSILD-Results-Count", "2")


@case("6.2", "OPTIONS names the methods of a resource", feature=FEATURE, needs=("options",), profile="full")
async def options(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    answer = (await broker.options(entity.path)).status(200, 204).header("Allow")
    allowed = {method.strip() for method in answer.headers["Allow"].split(",")}
    demand(
        {"GET", "PUT", "PATCH", "DELETE"} <= allowed,
        "Allow names GET, PUT, PATCH and DELETE",
        sorted(allowed),
    )


@case("6.7", "one attribute is read", feature=FEATURE, needs=("attribute retrieval",), profile="full")
async def attribute(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=prop(55, unitCode="KMH"), colour="red"))
    (await broker.get(f"{entity.path}/attrs/speed")).status(200).body.has(value=55, unitCode="KMH")


@case(
    "6.7",
    "an attribute the entity lacks is not found",
    feature=FEATURE,
    needs=("attribute retrieval",),
    profile="full",
)
async def no_attribute(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55))
    (await broker.get(f"{entity.path}/attrs/weight")).refused(404, "ResourceNotFound")


@case(
    "6.7",
    "one attribute is read in the simplified form",
    feature=FEATURE,
    needs=("attribute retrieval",),
    profile="full",
)
async def attribute_simplified(broker: Subject) -> None:
    entity = await broker.have(vehicle(label=lang({"en": "car"}), owner=rel("urn:ngsi-ld:Company:1")))
    answer = await broker.get(f"{entity.path}/attrs/owner", format="simplified")
    demand("urn:ngsi-ld:Company:1" in answer.status(200).text, "the object is there", answer.text)


@case("6.7", "the value of an attribute is read", feature=FEATURE, needs=("attribute value",), profile="full")
async def value(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55))
    answer = (await broker.get(f"{entity.path}/attrs/speed/value", headers={"Accept": JSON})).status(200)
    answer.body.equals(55)


@case(
    "6.7",
    "the value of an attribute is set, and other members stay",
    feature=FEATURE,
    needs=("value replacement",),
    profile="full",
)
async def set_value(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=prop(55, unitCode="KMH")))
    (await broker.put(f"{entity.path}/attrs/speed/value", 60)).status(204).empty()
    (await broker.get(entity.path)).status(200).body.at("speed").has(value=60, unitCode="KMH")


@case("6.3.4", "an entity is to be had as Turtle", feature=FEATURE, needs=("turtle",), profile="full")
async def turtle(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55))
    answer = await broker.get(entity.path, headers={"Accept": "text/turtle"})
    answer.status(200).media("text/turtle")
    demand(
        entity.id in answer.text and "hasValue" in answer.text,
        "the entity and its value are told",
        answer.text,
    )


@case("6.3.4", "an entity is to be had as N-Triples", feature=FEATURE, needs=("turtle",), profile="full")
async def n_triples(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=55))
    answer = await broker.get(entity.path, headers={"Accept": "application/n-triples"})
    answer.status(200).media("application/n-triples")
    lines = [line.strip() for line in answer.text.splitlines() if line.strip()]
    demand(bool(lines) and all(line.endswith(".") for line in lines), "each line is a triple", answer.text)
