"""Parameters of queries for Temporal Evolutions, in the URL and in the body. (5.7.3, 5.7.4, 6.18.3.2, 6.24)"""

from typing import Any

from conformance.answer import Answer
from conformance.case import case
from conformance.cases.temporal_changes import ALL, DAY, known, speeds
from conformance.entity import Entity, lang, prop, vocab
from conformance.subject import Subject

FEATURE = "Parameters of temporal queries"
NEEDS = ("temporal",)
MAPS = ("temporal", "temporal entity maps")
LIST = "/temporal/entities"
QUERY = "/temporal/entityOperations/query"


async def asked(broker: Subject, entity: Entity, **params: Any) -> Answer:
    """Query the Temporal Evolutions of the entity's type over all times."""
    answer = await broker.send("GET", LIST, params={**ALL, "type": entity.type, **params})
    return answer.status(200)


async def two(broker: Subject, **attributes: Any) -> tuple[Entity, Entity]:
    """Make one Temporal Evolution with speeds 1 to 3, and one with what is given."""
    return await known(broker, speed=speeds(1, 2, 3)), await known(broker, **attributes)


@case("5.7.4.4", "id and idPattern choose Temporal Evolutions", feature=FEATURE, needs=NEEDS)
async def ids(broker: Subject) -> None:
    one, other = await two(broker, speed=speeds(9))
    (await asked(broker, one, id=other.id)).body.ids(other)
    (await asked(broker, one, idPattern=f"{one.id}$")).body.ids(one)


@case("5.7.4.4", "attrs chooses Temporal Evolutions and attributes", feature=FEATURE, needs=NEEDS)
async def attributes(broker: Subject) -> None:
    one, other = await two(broker, speed=speeds(9), doors=speeds(4))
    answer = await asked(broker, one, attrs="doors")
    answer.body.ids(other).at(0).lacks("speed").at("doors")


@case("4.21, 5.7.4.4", "pick and omit limit the members of each", feature=FEATURE, needs=NEEDS)
async def projection(broker: Subject) -> None:
    made = await known(broker, speed=speeds(9), doors=speeds(4))
    (await asked(broker, made, pick="id,doors")).body.at(0).lacks("speed", "type").has(id=made.id)
    (await asked(broker, made, omit="speed")).body.at(0).lacks("speed").has(id=made.id)


@case("4.5.5, 5.7.4.4", "datasetId chooses instances of each", feature=FEATURE, needs=NEEDS)
async def datasets(broker: Subject) -> None:
    gps = "urn:ngsi-ld:dataset:gps"
    given = [prop(1, observedAt=DAY.format(1)), prop(2, observedAt=DAY.format(1), datasetId=gps)]
    made = await known(broker, speed=given)
    answer = await asked(broker, made, datasetId=gps, options="temporalValues")
    answer.body.at(0, "speed", "values").equals([[2, DAY.format(1)]])


@case("4.11, 5.7.4.4", "lastN gives the latest instances of each", feature=FEATURE, needs=NEEDS)
async def last(broker: Subject) -> None:
    one, _ = await two(broker, speed=speeds(7, 8, 9))
    answer = await asked(broker, one, lastN=2, options="temporalValues")
    answer.body.counts(2).each(lambda e: e.at("speed", "values").counts(2))


@case("4.11, 5.7.4.4", "between takes instances of its time", feature=FEATURE, needs=NEEDS)
async def between(broker: Subject) -> None:
    made = await known(broker, speed=speeds(1, 2, 3, 4))
    time = {"timerel": "between", "timeAt": DAY.format(2), "endTimeAt": DAY.format(4)}
    answer = await asked(broker, made, **time, options="temporalValues")
    answer.body.at(0, "speed", "values").unordered([[2, DAY.format(2)], [3, DAY.format(3)]])


@case("4.11, 5.7.4.4", "timeproperty names which time is meant", feature=FEATURE, needs=NEEDS)
async def time_property(broker: Subject) -> None:
    made = await known(broker, speed=speeds(1))
    year = {"timeAt": "2000-01-01T00:00:00Z"}
    (await asked(broker, made, timerel="after", **year, timeproperty="modifiedAt")).body.ids(made)
    (await asked(broker, made, timerel="before", **year, timeproperty="modifiedAt")).body.ids()


@case("4.5.9, 5.7.4.4", "format and options ask for temporalValues", feature=FEATURE, needs=NEEDS)
async def temporal_values(broker: Subject) -> None:
    made = await known(broker, speed=speeds(1))
    for given in ({"format": "temporalValues"}, {"options": "temporalValues"}):
        answer = await asked(broker, made, **given)
        answer.body.at(0, "speed").has(type="Property", values=[[1, DAY.format(1)]])


@case("4.5.19, 5.7.4.4", "aggregates of each Temporal Evolution", feature=FEATURE, needs=NEEDS)
async def aggregates(broker: Subject) -> None:
    one, other = await two(broker, speed=speeds(10, 20))
    time = {"timerel": "between", "timeAt": DAY.format(1), "endTimeAt": DAY.format(8)}
    for given in ({"format": "aggregatedValues"}, {"options": "aggregatedValues"}):
        answer = await asked(broker, one, **time, **given, aggrMethods="max", aggrPeriodDuration="P7D")
        found = {entity["id"]: entity["speed"]["max"][0][0] for entity in answer.json}
        answer.body.holds(found == {one.id: 3, other.id: 20}, "has the greatest speed of each", str(found))


@case("4.15, 5.7.3.4", "lang chooses the language of instances", feature=FEATURE, needs=NEEDS)
async def language(broker: Subject) -> None:
    made = await known(broker, label=[lang({"en": "car", "ja": "車"}, observedAt=DAY.format(1))])
    answer = (await broker.send("GET", made.temporal, params={**ALL, "lang": "ja"})).status(200)
    answer.body.holds("車" in answer.text and "car" not in answer.text, "has one language", answer.text)
    answer = await asked(broker, made, lang="en")
    answer.body.holds("car" in answer.text and "車" not in answer.text, "has one language", answer.text)


@case("4.19, 5.7.4.4", "scopeQ chooses Temporal Evolutions", feature=FEATURE, needs=NEEDS)
async def scopes(broker: Subject) -> None:
    inside, _ = (
        await known(broker, scope="/a/b", speed=speeds(1)),
        await known(broker, scope="/c", speed=speeds(1)),
    )
    (await asked(broker, inside, scopeQ="/a/#")).body.ids(inside)


@case("4.23, 5.7.4.4", "Temporal Evolutions are ordered by id", feature=FEATURE, needs=NEEDS)
async def ordered(broker: Subject) -> None:
    made = [await known(broker, speed=speeds(1)) for _ in range(3)]
    (await asked(broker, made[0], orderBy="id")).body.ids(*made, ordered=True)
    (await asked(broker, made[0], orderBy="id;desc")).body.ids(*reversed(made), ordered=True)


@case("6.3.11, 6.18.3.2", "sysAttrs shows the times of the system", feature=FEATURE, needs=NEEDS)
async def system_times(broker: Subject) -> None:
    made = await known(broker, speed=speeds(1))
    (await asked(broker, made, options="sysAttrs")).body.at(0, "createdAt").is_time()


@case("4.9, 5.7.4.4", "expandValues expands what q compares", feature=FEATURE, needs=NEEDS)
async def expand_values(broker: Subject) -> None:
    context = await broker.context_server(
        {"diesel": "https://fuel.example/diesel", "fuel": "https://fuel.example/fuel"}
    )
    entity = broker.own({"type": "Vehicle", "fuel": [vocab("diesel", observedAt=DAY.format(1))]})
    (await broker.post(LIST, entity, context=context.url)).status(201)
    params = {**ALL, "type": entity.type, "q": 'fuel=="diesel"', "expandValues": "fuel"}
    answer = await broker.send("GET", LIST, params=params, context=context.url)
    answer.status(200).body.ids(entity)


@case("5.14.5, 5.7.4.4", "a temporal query makes an entity map where asked", feature=FEATURE, needs=MAPS)
async def with_map(broker: Subject) -> None:
    made = await known(broker, speed=speeds(1))
    params = {**ALL, "type": made.type, "entityMap": True, "entityMapLifetime": "PT1H"}
    answer = (await broker.send("GET", LIST, params=params)).status(201).header("NGSILD-EntityMap")
    answer.body.ids(made)


@case("6.3.18", "local=true is taken by all temporal operations", feature=FEATURE, needs=NEEDS)
async def local(broker: Subject) -> None:
    made = broker.own({"type": "Vehicle", "speed": speeds(1)})
    (await broker.post(LIST, made, local=True)).status(201)
    (await broker.post(f"{made.temporal}/attrs", {"doors": speeds(4)}, local=True)).status(204)
    answer = (await broker.send("GET", made.temporal, params={**ALL, "local": True})).status(200)
    found = answer.json["speed"]
    instance = (found[0] if isinstance(found, list) else found)["instanceId"]
    place = f"{made.temporal}/attrs/speed/{instance}"
    (await broker.patch(place, prop(2, observedAt=DAY.format(2)), local=True)).status(204)
    (await broker.delete(place, local=True)).status(204)
    (await asked(broker, made, local=True)).body.ids(made)
    query = {"type": "Query", "entities": [{"type": made.type}], "temporalQ": ALL}
    (await broker.post(QUERY, query, local=True)).status(200).body.ids(made)
    (await broker.delete(f"{made.temporal}/attrs/doors", local=True)).status(204)
    (await broker.delete(made.temporal, local=True)).status(204)


@case("6.24.3.1", "a POSTed temporal query has forms, pages and count", feature=FEATURE, needs=NEEDS)
async def posted(broker: Subject) -> None:
    one, _ = await two(broker, speed=speeds(9))
    query = {"type": "Query", "entities": [{"type": one.type}], "temporalQ": ALL}
    for given in ({"format": "temporalValues"}, {"options": "temporalValues"}):
        answer = (await broker.send("POST", QUERY, query, params=given)).status(200)
        answer.body.counts(2).each(lambda e: e.at("speed", "values").is_a(list))
    first = (await broker.post(QUERY, query, limit=1, count=True)).status(200)
    first.header("NGSILD-Results-Count", "2").body.counts(1)
    second = (await broker.post(QUERY, query, limit=1, offset=1)).status(200)
    second.body.counts(1).at(0, "id").differs(first.json[0]["id"])
    (await broker.post(QUERY, query, options="sysAttrs")).status(200).body.at(0, "createdAt").is_time()
