"""Simplified and aggregated forms of Temporal Evolutions. (4.5.9, 4.5.19)"""

from typing import Any

from conformance.case import case
from conformance.cases.temporal_changes import ALL, DAY, known, speeds
from conformance.demand import Seen, demand
from conformance.entity import Entity, lang, list_property, prop, rel, vocab
from conformance.subject import Subject

FEATURE = "Temporal values and aggregates"
NEEDS = ("temporal",)
WEEK: dict[str, Any] = {"timerel": "between", "timeAt": DAY.format(1), "endTimeAt": DAY.format(8)}


async def aggregated(
    broker: Subject, entity: Entity, methods: str, period: str = "PT0S", **params: Any
) -> Seen:
    """Ask for aggregates over the first week of March."""
    answer = await broker.get(
        entity.temporal,
        **{**WEEK, **params},
        options="aggregatedValues",
        aggrMethods=methods,
        aggrPeriodDuration=period,
    )
    return answer.status(200).body


async def over_all(broker: Subject, values: list[Any], method: str, expected: Any) -> None:
    """Demand one aggregate over the whole time."""
    entity = await known(broker, speed=speeds(*values))
    found = (await aggregated(broker, entity, method)).at("speed", method, 0, 0)
    if isinstance(expected, float):
        found.close_to(expected)
    else:
        found.equals(expected)


@case("4.5.9", "temporalValues pairs values with their times", feature=FEATURE, needs=NEEDS)
async def temporal_values(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1, 2))
    body = (await broker.get(entity.temporal, **ALL, options="temporalValues")).status(200).body
    pairs = body.at("speed").has(type="Property").at("values")
    pairs.unordered([[1, DAY.format(1)], [2, DAY.format(2)]])


@case("4.5.9, 6.3.7", "format=temporalValues does the same", feature=FEATURE, needs=NEEDS)
async def temporal_values_by_format(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1))
    body = (await broker.get(entity.temporal, **ALL, format="temporalValues")).status(200).body
    body.at("speed").equals({"type": "Property", "values": [[1, DAY.format(1)]]})


@case("4.5.9", "Relationships have objects", feature=FEATURE, needs=NEEDS)
async def objects(broker: Subject) -> None:
    target = "urn:ngsi-ld:Company:1"
    entity = await known(broker, owner=[rel(target, observedAt=DAY.format(1))])
    body = (await broker.get(entity.temporal, **ALL, options="temporalValues")).status(200).body
    body.at("owner").equals({"type": "Relationship", "objects": [[target, DAY.format(1)]]})


@case("4.5.9", "LanguageProperties have languageMaps", feature=FEATURE, needs=NEEDS)
async def language_maps(broker: Subject) -> None:
    entity = await known(broker, label=[lang({"ja": "車"}, observedAt=DAY.format(1))])
    body = (await broker.get(entity.temporal, **ALL, options="temporalValues")).status(200).body
    expected = {"type": "LanguageProperty", "languageMaps": [[{"languageMap": {"ja": "車"}}, DAY.format(1)]]}
    body.at("label").equals(expected)


@case("4.5.9", "VocabProperties have vocabs", feature=FEATURE, needs=NEEDS)
async def vocabs(broker: Subject) -> None:
    entity = await known(broker, state=[vocab("Open", observedAt=DAY.format(1))])
    body = (await broker.get(entity.temporal, **ALL, options="temporalValues")).status(200).body
    body.at("state").equals({"type": "VocabProperty", "vocabs": [[{"vocab": "Open"}, DAY.format(1)]]})


@case("4.5.9", "ListProperties have valueLists", feature=FEATURE, needs=NEEDS)
async def value_lists(broker: Subject) -> None:
    entity = await known(broker, way=[list_property([1, 2], observedAt=DAY.format(1))])
    body = (await broker.get(entity.temporal, **ALL, options="temporalValues")).status(200).body
    body.at("way").equals({"type": "ListProperty", "valueLists": [[[1, 2], DAY.format(1)]]})


@case("4.5.19", "an aggregate comes with start and end of its period", feature=FEATURE, needs=NEEDS)
async def with_period(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1, 2, 3))
    found = (await aggregated(broker, entity, "sum")).at("speed").has(type="Property").at("sum", 0)
    found.counts(3).at(0).equals(6)
    found.at(1).is_time()
    found.at(2).is_time()


@case("4.5.19.1", "sum", feature=FEATURE, needs=NEEDS)
async def total(broker: Subject) -> None:
    await over_all(broker, [1, 2, 4], "sum", 7)


@case("4.5.19.1", "avg", feature=FEATURE, needs=NEEDS)
async def average(broker: Subject) -> None:
    await over_all(broker, [1, 2, 6], "avg", 3)


@case("4.5.19.1", "min", feature=FEATURE, needs=NEEDS)
async def least(broker: Subject) -> None:
    await over_all(broker, [5, -2, 6], "min", -2)


@case("4.5.19.1", "max", feature=FEATURE, needs=NEEDS)
async def most(broker: Subject) -> None:
    await over_all(broker, [5, -2, 6], "max", 6)


@case("4.5.19.1", "sumsq", feature=FEATURE, needs=NEEDS)
async def squares(broker: Subject) -> None:
    await over_all(broker, [1, 2, 3], "sumsq", 14)


@case("4.5.19.1", "totalCount", feature=FEATURE, needs=NEEDS)
async def count(broker: Subject) -> None:
    await over_all(broker, [1, 1, 2], "totalCount", 3)


@case("4.5.19.1", "distinctCount", feature=FEATURE, needs=NEEDS)
async def distinct(broker: Subject) -> None:
    await over_all(broker, [1, 1, 2], "distinctCount", 2)


@case("4.5.19.1", "stddev of equal values is 0", feature=FEATURE, needs=NEEDS)
async def deviation(broker: Subject) -> None:
    await over_all(broker, [4, 4, 4], "stddev", 0.0)


@case(
    "4.5.19.1", "stddev of 2 and 4 is that of the values or of a sample of them", feature=FEATURE, needs=NEEDS
)
async def deviation_of_two(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(2, 4))
    found = (await aggregated(broker, entity, "stddev")).at("speed", "stddev", 0, 0).value
    demand(min(abs(found - 1.0), abs(found - 2**0.5)) < 1e-6, "the deviation is 1 or √2", found)


@case("4.5.19.1", "min and max of texts go by their order", feature=FEATURE, needs=NEEDS)
async def texts(broker: Subject) -> None:
    entity = await known(broker, speed=speeds("b", "a", "c"))
    body = await aggregated(broker, entity, "min,max")
    body.at("speed", "min", 0, 0).equals("a")
    body.at("speed", "max", 0, 0).equals("c")


@case("4.5.19.1", "sum of booleans counts what is true", feature=FEATURE, needs=NEEDS)
async def booleans(broker: Subject) -> None:
    await over_all(broker, [True, False, True], "sum", 2)


@case("4.5.19.1", "sum of arrays adds their sizes", feature=FEATURE, needs=NEEDS)
async def arrays(broker: Subject) -> None:
    await over_all(broker, [[1, 2], [3], []], "sum", 3)


@case("4.5.19.1, 5.7.4.4", "avg of texts alone is refused", feature=FEATURE, needs=NEEDS)
async def average_of_texts(broker: Subject) -> None:
    entity = await known(broker, speed=speeds("a", "b"))
    answer = await broker.get(
        entity.temporal, **WEEK, options="aggregatedValues", aggrMethods="avg", aggrPeriodDuration="P1D"
    )
    answer.refused(400, "InvalidRequest")


@case("4.5.19.1", "Relationships are counted", feature=FEATURE, needs=NEEDS)
async def relationships(broker: Subject) -> None:
    targets = ["urn:ngsi-ld:Company:1", "urn:ngsi-ld:Company:1", "urn:ngsi-ld:Company:2"]
    entity = await known(broker, owner=[rel(t, observedAt=DAY.format(n)) for n, t in enumerate(targets, 1)])
    body = await aggregated(broker, entity, "totalCount,distinctCount")
    body.at("owner").has(type="Relationship").at("totalCount", 0, 0).equals(3)
    body.at("owner", "distinctCount", 0, 0).equals(2)


@case("4.5.19.1", "P1D makes a period of each day", feature=FEATURE, needs=NEEDS)
async def by_day(broker: Subject) -> None:
    half = [prop(n, observedAt=f"2026-03-0{1 + n // 2}T{12 * (n % 2):02d}:00:00Z") for n in range(6)]
    entity = await known(broker, speed=half)
    params = {"timeAt": DAY.format(1), "endTimeAt": DAY.format(4)}
    found = (await aggregated(broker, entity, "sum", "P1D", **params)).at("speed", "sum")
    found.equals(
        [
            [1, DAY.format(1), DAY.format(2)],
            [5, DAY.format(2), DAY.format(3)],
            [9, DAY.format(3), DAY.format(4)],
        ]
    )


@case("4.5.19.1", "P1M follows the calendar", feature=FEATURE, needs=NEEDS)
async def by_month(broker: Subject) -> None:
    months = [f"2026-{month:02d}-15T00:00:00Z" for month in (1, 2, 3)]
    entity = await known(broker, speed=[prop(1, observedAt=time) for time in months])
    first, last = "2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z"
    body = await aggregated(broker, entity, "totalCount", "P1M", timeAt=first, endTimeAt=last)
    starts = [row[1] for row in body.at("speed", "totalCount").value]
    demand(
        starts == [f"2026-{m:02d}-01T00:00:00Z" for m in (1, 2, 3)], "a period begins with each month", starts
    )


@case("4.5.19.1", "P1W lasts seven days", feature=FEATURE, needs=NEEDS)
async def by_week(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(*range(1, 15)))
    params = {"timeAt": DAY.format(1), "endTimeAt": DAY.format(15)}
    found = (await aggregated(broker, entity, "max", "P1W", **params)).at("speed", "max")
    demand([row[0] for row in found.value] == [7, 14], "the weeks' maxima are 7 and 14", found.value)


@case("4.5.19.1", "a duration that is none is refused", feature=FEATURE, needs=NEEDS)
async def bad_duration(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1))
    answer = await broker.get(
        entity.temporal, **WEEK, options="aggregatedValues", aggrMethods="sum", aggrPeriodDuration="a week"
    )
    answer.status(400)


@case("4.5.19.1", "an unknown method is refused", feature=FEATURE, needs=NEEDS)
async def bad_method(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1))
    answer = await broker.get(
        entity.temporal, **WEEK, options="aggregatedValues", aggrMethods="median", aggrPeriodDuration="P1D"
    )
    answer.status(400)


@case("4.5.19, 5.2.21", "aggregatedValues without aggrMethods is refused", feature=FEATURE, needs=NEEDS)
async def no_method(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1))
    (await broker.get(entity.temporal, **WEEK, options="aggregatedValues")).status(400)


@case("4.5.19, 6.24", "aggregates can be asked for in a POSTed query", feature=FEATURE, needs=NEEDS)
async def in_a_body(broker: Subject) -> None:
    entity = await known(broker, speed=speeds(1, 2, 3))
    asked = {**WEEK, "aggrMethods": "sum", "aggrPeriodDuration": "PT0S"}
    body = {"type": "Query", "entities": [{"type": entity.type}], "temporalQ": asked}
    answer = await broker.post("/temporal/entityOperations/query", body, options="aggregatedValues")
    answer.status(200).body.at(0, "speed", "sum", 0, 0).equals(6)
