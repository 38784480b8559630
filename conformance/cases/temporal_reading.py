"""Temporal Evolutions retrieved and queried. (4.11, 5.7.3, 5.7.4, 6.18 to 6.20)"""

from typing import Any

from conformance.case import case
from conformance.cases.temporal_changes import ALL, DAY, instances, known, speeds, values
from conformance.demand import demand
from conformance.entity import Entity, point, prop
from conformance.subject import GEO_JSON, LD_JSON, Subject

FEATURE = "Temporal reading"
NEEDS = ("temporal",)


async def week(broker: Subject, **more: Any) -> Entity:
    """Make a Temporal Evolution of seven days with the speeds 1 to 7."""
    return await known(broker, speed=speeds(1, 2, 3, 4, 5, 6, 7), **more)


async def seen(broker: Subject, entity: Entity, expected: list[Any], **params: Any) -> None:
    """Demand exactly these values of speed within the time asked for."""
    answer = (await broker.get(entity.temporal, **params)).status(200, 206)
    found = answer.json.get("speed", [])
    got = sorted(values(found if isinstance(found, list) else [found]))
    answer.body.at("id").holds(got == expected, f"comes with the speeds {expected}", str(got))


@case("4.11", "after includes its instant", feature=FEATURE, needs=NEEDS)
async def after(broker: Subject) -> None:
    await seen(broker, await week(broker), [5, 6, 7], timerel="after", timeAt=DAY.format(5))


@case("4.11", "before excludes its instant", feature=FEATURE, needs=NEEDS)
async def before(broker: Subject) -> None:
    await seen(broker, await week(broker), [1, 2], timerel="before", timeAt=DAY.format(3))


@case("4.11", "between includes its start and excludes its end", feature=FEATURE, needs=NEEDS)
async def between(broker: Subject) -> None:
    entity = await week(broker)
    await seen(broker, entity, [3, 4], timerel="between", timeAt=DAY.format(3), endTimeAt=DAY.format(5))


@case("4.11", "between without endTimeAt is refused", feature=FEATURE, needs=NEEDS)
async def between_without_end(broker: Subject) -> None:
    entity = await week(broker)
    answer = await broker.get(entity.temporal, timerel="between", timeAt=DAY.format(3))
    answer.refused(400, "BadRequestData")


@case("4.11", "a timeAt that is no DateTime is refused", feature=FEATURE, needs=NEEDS)
async def bad_time(broker: Subject) -> None:
    entity = await week(broker)
    (await broker.get(entity.temporal, timerel="after", timeAt="yesterday")).refused(400, "BadRequestData")


@case("4.11", "an unknown timerel is refused", feature=FEATURE, needs=NEEDS)
async def bad_relation(broker: Subject) -> None:
    entity = await week(broker)
    (await broker.get(entity.temporal, timerel="during", timeAt=DAY.format(1))).refused(400, "BadRequestData")


@case("4.11, 4.6.3", "instants with fractions are compared as instants", feature=FEATURE, needs=NEEDS)
async def fractions(broker: Subject) -> None:
    times = [
        "2026-03-01T00:00:00Z",
        "2026-03-01T00:00:00.5Z",
        "2026-03-01T00:00:00.25Z",
        "2026-03-01T00:00:01Z",
    ]
    entity = await known(broker, speed=[prop(n, observedAt=t) for n, t in enumerate(times)])
    await seen(broker, entity, [1, 3], timerel="after", timeAt="2026-03-01T00:00:00.3Z")


@case("4.11", "timeproperty=modifiedAt looks at the time of the change", feature=FEATURE, needs=NEEDS)
async def by_modified_at(broker: Subject) -> None:
    entity = await week(broker)
    ago, ahead = broker.moment(-3600), broker.moment(3600)
    await seen(broker, entity, [1, 2, 3, 4, 5, 6, 7], timerel="after", timeAt=ago, timeproperty="modifiedAt")
    answer = await broker.get(entity.temporal, timerel="after", timeAt=ahead, timeproperty="modifiedAt")
    if answer.code != 404:
        answer.status(200).body.lacks("speed")


@case("4.11", "timeproperty=createdAt looks at the time of creation", feature=FEATURE, needs=NEEDS)
async def by_created_at(broker: Subject) -> None:
    entity = await week(broker)
    ago = broker.moment(-3600)
    await seen(broker, entity, [1, 2, 3, 4, 5, 6, 7], timerel="after", timeAt=ago, timeproperty="createdAt")


@case("5.7.3.4, 6.19.3", "lastN gives the latest instances", feature=FEATURE, needs=NEEDS)
async def last(broker: Subject) -> None:
    await seen(broker, await week(broker), [6, 7], **ALL, lastN=2)


@case("5.7.3.4", "lastN counts within the time asked for", feature=FEATURE, needs=NEEDS)
async def last_before(broker: Subject) -> None:
    await seen(broker, await week(broker), [3, 4], timerel="before", timeAt=DAY.format(5), lastN=2)


@case("5.7.3.4", "lastN counts for each attribute", feature=FEATURE, needs=NEEDS)
async def last_of_each(broker: Subject) -> None:
    entity = await week(broker, colour=speeds("red", "green", "blue"))
    demand(
        values(await instances(broker, entity, "colour", lastN=2)) == ["green", "blue"],
        "two colours",
        "others",
    )
    demand(values(await instances(broker, entity, lastN=2)) == [6, 7], "two speeds", "others")


@case(
    "5.7.3.4, 6.3.10",
    "lastN=100 gives the latest hundred, or says that it gives a part",
    feature=FEATURE,
    needs=NEEDS,
)
async def last_hundred(broker: Subject) -> None:
    series = [prop(n, observedAt=f"2026-03-01T{n // 60:02d}:{n % 60:02d}:00Z") for n in range(150)]
    entity = await known(broker, speed=series)
    answer = (await broker.get(entity.temporal, **ALL, lastN=100)).status(200, 206)
    found = sorted(values(answer.json["speed"]))
    if answer.code == 206:
        answer.header("Content-Range")
    expected = list(range(50 if answer.code == 200 else 150 - len(found), 150))
    demand(found == expected, f"the speeds are {expected[0]} to 149", found)


@case("5.7.3.4", "a lastN of 0 is refused", feature=FEATURE, needs=NEEDS)
async def last_none(broker: Subject) -> None:
    entity = await week(broker)
    (await broker.get(entity.temporal, **ALL, lastN=0)).refused(400, "BadRequestData")


@case("5.7.3.4", "an unknown Temporal Evolution is not found", feature=FEATURE, needs=NEEDS)
async def unknown(broker: Subject) -> None:
    (await broker.get(f"/temporal/entities/{broker.id('Vehicle')}", **ALL)).refused(404, "ResourceNotFound")


@case("5.7.3.4, 4.21", "attrs limits the attributes", feature=FEATURE, needs=NEEDS)
async def attrs(broker: Subject) -> None:
    entity = await week(broker, colour=speeds("red"))
    (await broker.get(entity.temporal, **ALL, attrs="colour")).status(200).body.lacks("speed").at("colour")


@case("5.7.3.4, 4.21", "pick limits the members", feature=FEATURE, needs=NEEDS)
async def pick(broker: Subject) -> None:
    entity = await week(broker, colour=speeds("red"))
    body = (await broker.get(entity.temporal, **ALL, pick="id,colour")).status(200).body
    body.lacks("speed", "type").has(id=entity.id)


@case("5.7.3.4, 4.21", "omit leaves members out", feature=FEATURE, needs=NEEDS)
async def omit(broker: Subject) -> None:
    entity = await week(broker, colour=speeds("red"))
    (await broker.get(entity.temporal, **ALL, omit="speed")).status(200).body.lacks("speed").at("colour")


@case("5.7.3.4, 4.5.5", "datasetId chooses instances", feature=FEATURE, needs=NEEDS)
async def dataset(broker: Subject) -> None:
    named = prop(9, observedAt=DAY.format(9), datasetId="urn:ngsi-ld:gps")
    entity = await known(broker, speed=[*speeds(1, 2), named])
    await seen(broker, entity, [9], **ALL, datasetId="urn:ngsi-ld:gps")
    await seen(broker, entity, [1, 2], **ALL, datasetId="@none")


@case("6.3.4, 6.3.5", "in JSON-LD a Temporal Evolution carries its @context", feature=FEATURE, needs=NEEDS)
async def as_json_ld(broker: Subject) -> None:
    entity = await week(broker)
    answer = await broker.get(entity.temporal, **ALL, headers={"Accept": LD_JSON})
    answer.status(200).media(LD_JSON).body.at("@context")


@case("6.3.4", "GeoJSON is not to be had for Temporal Evolutions", feature=FEATURE, needs=NEEDS)
async def as_geo_json(broker: Subject) -> None:
    entity = await week(broker)
    (await broker.get(entity.temporal, **ALL, headers={"Accept": GEO_JSON})).status(406)


@case("6.3.11", "sysAttrs shows createdAt and modifiedAt of instances", feature=FEATURE, needs=NEEDS)
async def sys_attrs(broker: Subject) -> None:
    entity = await week(broker)
    for instance in await instances(broker, entity, options="sysAttrs"):
        demand(
            bool(instance.get("createdAt") and instance.get("modifiedAt")), "both times are there", instance
        )


@case("5.7.4.4", "a query by type finds its Temporal Evolutions", feature=FEATURE, needs=NEEDS)
async def query(broker: Subject) -> None:
    one, two = await week(broker), await week(broker)
    answer = await broker.get("/temporal/entities", **ALL, type=one.type)
    answer.status(200).body.ids(one, two)


@case("5.7.4.4", "a query without timerel is refused", feature=FEATURE, needs=NEEDS)
async def query_without_time(broker: Subject) -> None:
    entity = await week(broker)
    (await broker.get("/temporal/entities", type=entity.type)).refused(400, "BadRequestData")


@case("5.7.4.4", "a query that names nothing is too wide", feature=FEATURE, needs=NEEDS)
async def query_too_wide(broker: Subject) -> None:
    (await broker.get("/temporal/entities", **ALL)).refused(400, "BadRequestData")


@case("5.7.4.4", "entities without instances in the time are not found", feature=FEATURE, needs=NEEDS)
async def query_by_time(broker: Subject) -> None:
    old = await known(broker, speed=speeds(1))
    new = await known(broker, speed=[prop(2, observedAt="2026-04-01T00:00:00Z")])
    answer = await broker.get("/temporal/entities", type=old.type, timerel="after", timeAt=DAY.format(20))
    answer.status(200).body.ids(new)


@case("5.7.4.4, 4.9", "q looks at instances in the time", feature=FEATURE, needs=NEEDS)
async def query_by_q(broker: Subject) -> None:
    fast, slow = await known(broker, speed=speeds(1, 99)), await known(broker, speed=speeds(1, 2))
    answer = await broker.get("/temporal/entities", **ALL, type=slow.type, q="speed>50")
    answer.status(200).body.ids(fast)
    answer = await broker.get(
        "/temporal/entities", type=fast.type, q="speed>50", timerel="before", timeAt=DAY.format(2)
    )
    answer.status(200).body.ids()


@case("5.7.4.4, 4.10", "a geo-query looks at instances in the time", feature=FEATURE, needs=NEEDS)
async def query_by_place(broker: Subject) -> None:
    there = await known(broker, location=[point(134.77, 35.4, observedAt=DAY.format(1))])
    await known(broker, location=[point(0, 0, observedAt=DAY.format(1))])
    answer = await broker.get(
        "/temporal/entities",
        **ALL,
        type=there.type,
        georel="near;maxDistance==1000",
        geometry="Point",
        coordinates="[134.77,35.4]",
    )
    answer.status(200).body.ids(there)


@case("5.7.4.4, 6.3.10", "Temporal Evolutions come in pages", feature=FEATURE, needs=NEEDS)
async def query_in_pages(broker: Subject) -> None:
    made = [await known(broker, speed=speeds(1)) for _ in range(3)]
    first = await broker.get("/temporal/entities", **ALL, type=made[0].type, limit=2, count=True)
    first.status(200).header("NGSILD-Results-Count", "3").body.counts(2)
    second = await broker.get("/temporal/entities", **ALL, type=made[0].type, limit=2, offset=2)
    second.status(200).body.counts(1)
    found = sorted(e["id"] for e in [*first.json, *second.json])
    demand(found == sorted(e.id for e in made), "each comes once", found)


@case("5.7.4, 6.24", "the same query can be POSTed", feature=FEATURE, needs=NEEDS)
async def post_query(broker: Subject) -> None:
    one, two = await known(broker, speed=speeds(1, 99)), await known(broker, speed=speeds(1, 2))
    body = {
        "type": "Query",
        "entities": [{"type": two.type}],
        "q": "speed>50",
        "temporalQ": {"timerel": "after", "timeAt": "2020-01-01T00:00:00Z"},
    }
    answer = await broker.post("/temporal/entityOperations/query", body)
    answer.status(200).body.ids(one)


@case(
    "6.3.10",
    "an answer that is not whole is 206 with its range, and says so truly",
    feature=FEATURE,
    needs=NEEDS,
)
async def partial_content(broker: Subject) -> None:
    series = [
        prop(n, observedAt=f"2026-03-{1 + n // 1440:02d}T{n // 60 % 24:02d}:{n % 60:02d}:00Z")
        for n in range(5000)
    ]
    entity = await known(broker, speed=series)
    answer = (await broker.get(entity.temporal, **ALL)).status(200, 206)
    found = answer.json["speed"]
    if answer.code == 200:
        answer.body.at("speed").counts(len(series))
        return
    answer.header("Content-Range", pattern=r"(DateTime|date-time|datetime) .+Z-.+Z/\*")
    latest = max(instance["observedAt"] for instance in found)
    demand(
        answer.headers["Content-Range"].split("Z-")[1].startswith(latest[:19]),
        "range-end is the latest",
        latest,
    )
    rest = await broker.get(entity.temporal, timerel="after", timeAt=latest)
    rest.status(200, 206).body.at("speed")


@case("6.3.20", "an unknown parameter is refused", feature=FEATURE, needs=NEEDS)
async def unknown_parameter(broker: Subject) -> None:
    entity = await week(broker)
    (await broker.get(entity.temporal, **ALL, colour="red")).refused(400, "InvalidRequest")
