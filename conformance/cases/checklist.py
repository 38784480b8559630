"""What green runs of other suites passed over, and answers that few operations give. (4.3.6.8, 4.6.3, 4.9, 5.2, 6.3)"""

from typing import Any

from conformance.case import case
from conformance.cases.temporal_changes import ALL, DAY, instances, known, speeds
from conformance.demand import demand
from conformance.entity import Entity, json_property, list_property, list_rel, point, prop, vehicle, vocab
from conformance.subject import Subject

FEATURE = "Checklist"
TEMPORAL = ("temporal",)
NOTIFIED = ("subscriptions", "callbacks")
OLDER: dict[str, str | None] = {"Prefer": "ngsi-ld=1.7"}
NEAR = {"georel": "near;maxDistance==1000", "geometry": "Point", "coordinates": "[1,1]"}


@case(
    "5.2.23, 6.23.3.1",
    "a POSTed Query with entityMap makes a map and answers 201",
    feature=FEATURE,
    needs=("entity maps",),
)
async def posted_with_map(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1))
    body = {"type": "Query", "entities": [{"type": one.type}], "entityMap": True, "entityMapLifetime": "PT1H"}
    answer = await broker.post("/entityOperations/query", body)
    answer.status(201).header("NGSILD-EntityMap").body.ids(one)


@case(
    "5.2.23, 6.24.3.1",
    "a POSTed temporal Query with entityMap makes a map and answers 201",
    feature=FEATURE,
    needs=("temporal", "temporal entity maps"),
)
async def temporal_posted_with_map(broker: Subject) -> None:
    one = await known(broker, speed=speeds(1))
    body = {"type": "Query", "entities": [{"type": one.type}], "temporalQ": ALL, "entityMap": True}
    answer = await broker.post("/temporal/entityOperations/query", body)
    answer.status(201).header("NGSILD-EntityMap").body.ids(one)


@case(
    "4.3.6.8, 6.23.3.1",
    "a POSTed query is amended to an earlier version",
    feature=FEATURE,
    needs=("versions",),
)
async def posted_older(broker: Subject) -> None:
    one = await broker.have(vehicle(raw=json_property({"a": 1})))
    body = {"type": "Query", "entities": [{"type": one.type}]}
    answer = (await broker.post("/entityOperations/query", body, headers=OLDER)).status(203)
    answer.body.at(0, "raw").has(type="Property", value={"a": 1})


@case(
    "4.3.6.8, 6.18.3.2, 6.19.3.1",
    "histories are amended to an earlier version",
    feature=FEATURE,
    needs=("versions", *TEMPORAL),
)
async def temporal_older(broker: Subject) -> None:
    one = await known(broker, raw=[json_property({"a": 1}, observedAt=DAY.format(1))])
    alone = (await broker.get(one.temporal, **ALL, headers=OLDER)).status(203)
    found = alone.json["raw"]
    demand((found[0] if isinstance(found, list) else found)["type"] == "Property", "raw is a Property", found)
    asked = {**ALL, "type": one.type}
    (await broker.send("GET", "/temporal/entities", params=asked, headers=OLDER)).status(203).body.ids(one)


@case("4.3.6.8", "below 1.4 scope goes", feature=FEATURE, needs=("versions",))
async def scope_in_1_3(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1, scope="/a/b"))
    (await broker.get(one.path, headers={"Prefer": "ngsi-ld=1.3"})).status(203).body.lacks("scope")


@case("5.6.21.4, 4.9", "purging takes q on JSON and on vocabularies", feature=FEATURE, needs=("purge",))
async def purge_values(broker: Subject) -> None:
    one, two = await broker.have_all(
        vehicle(data=json_property({"a": "x"})), vehicle(data=json_property({"a": "y"}))
    )
    asked = {"type": one.type, "q": 'data[a]=="x"'}
    (await broker.send("DELETE", "/entities", params=asked)).status(204)
    (await broker.get("/entities", type=one.type)).status(200).body.ids(two)


@case(
    "6.3.14, 6.36.3.2",
    "Snapshots of an unknown tenant are not purged",
    feature=FEATURE,
    needs=("snapshots", "tenants"),
)
async def snapshots_of_nobody(broker: Subject) -> None:
    answer = await broker.delete("/snapshots", q="snapshotPriority==1", tenant=broker.unknown_tenant())
    answer.refused(404, "NonexistentTenant")


@case("6.3.20, 6.30.3.1", "details of an @context is true or false", feature=FEATURE, needs=("contexts",))
async def context_details(broker: Subject) -> None:
    made = await broker.post("/jsonldContexts", {"@context": {"tempo": "https://example.org/tempo"}})
    (await broker.get(made.status(201).location, details="perhaps")).status(400)


@case(
    "6.7",
    "one attribute and its value need proper names",
    feature=FEATURE,
    needs=("attribute value",),
    profile="full",
)
async def values_of_nothing(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=1))
    for rest in ("attrs/speed", "attrs/speed/value"):
        (await broker.get(f"/entities/nouri/{rest}")).refused(400, "BadRequestData")
        (await broker.get(f"/entities/{broker.id('Vehicle')}/{rest}")).refused(404, "ResourceNotFound")
    (await broker.put("/entities/nouri/attrs/speed/value", 5)).status(400, 405)
    (await broker.put(f"{made.path}/attrs/doors/value", 5)).status(404, 405)


async def changed(broker: Subject, before: Any, after: Any, **members: Any) -> None:
    """Demand that showChanges tells what an attribute was before."""
    receiver = await broker.receiver()
    made = await broker.have(vehicle(thing=before))
    notification = {"showChanges": True, "format": "normalized"}
    await broker.subscribe(receiver.url, entities=[{"type": made.type}], notification=notification)
    (await broker.patch(f"{made.path}/attrs", {"thing": after})).status(204)
    (await receiver.next()).data.at(0, "thing").has(members)


@case("5.2.14, 5.2.7", "showChanges adds the previous place", feature=FEATURE, needs=NOTIFIED)
async def previous_place(broker: Subject) -> None:
    before = point(1, 1)
    await changed(broker, before, point(2, 2), previousValue=before["value"])


@case("5.2.14, 5.2.35", "showChanges adds the previous vocab", feature=FEATURE, needs=NOTIFIED)
async def previous_vocab(broker: Subject) -> None:
    await changed(broker, vocab("Open"), vocab("Shut"), previousVocab="Open")


@case("5.2.14, 5.2.38", "showChanges adds the previous json", feature=FEATURE, needs=NOTIFIED)
async def previous_json(broker: Subject) -> None:
    await changed(broker, json_property({"a": 1}), json_property({"a": 2}), previousJson={"a": 1})


@case("5.2.14, 5.2.36", "showChanges adds the previous valueList", feature=FEATURE, needs=NOTIFIED)
async def previous_list(broker: Subject) -> None:
    await changed(broker, list_property([1, 2]), list_property([3]), previousValueList=[1, 2])


@case("5.2.14, 5.2.37", "showChanges adds the previous objectList", feature=FEATURE, needs=NOTIFIED)
async def previous_objects(broker: Subject) -> None:
    one, two = "urn:ngsi-ld:Company:1", "urn:ngsi-ld:Company:2"
    receiver = await broker.receiver()
    made = await broker.have(vehicle(thing=list_rel([one, two])))
    await broker.subscribe(receiver.url, entities=[{"type": made.type}], notification={"showChanges": True})
    (await broker.patch(f"{made.path}/attrs", {"thing": list_rel([two])})).status(204)
    told = (await receiver.next()).data.at(0, "thing", "previousObjectList")
    told.holds(one in str(told.value) and two in str(told.value), "names both", str(told.value))


@case("4.6.3, 4.9", "Times are kept, and compared", feature=FEATURE)
async def times(broker: Subject) -> None:
    values = [prop({"@type": "Time", "@value": f"{hour}:00:00Z"}) for hour in ("09", "15")]
    early, late = await broker.have_all(*(vehicle(opens=value) for value in values))
    (await broker.get(early.path)).status(200).body.has(opens=values[0])
    (await broker.get("/entities", type=early.type, q="opens>12:00:00Z")).status(200).body.ids(late)


@case("4.6.2, 5.5.7", "a name with a prefix is that of the @context", feature=FEATURE, needs=("callbacks",))
async def prefix(broker: Subject) -> None:
    server = await broker.context_server({"ex": "https://example.org/terms/"})
    made = await broker.have(Entity({"type": "Vehicle", "ex:speed": prop(5)}), context=server.url)
    (await broker.get(made.path)).status(200).body.has({"https://example.org/terms/speed": prop(5)})
    (await broker.get(made.path, context=server.url)).status(200).body.has({"ex:speed": prop(5)})


@case(
    "6.3.16, 5.13.1",
    "a cached @context is fetched again when its time is over",
    feature=FEATURE,
    needs=("callbacks",),
    waits=True,
)
async def cache_expires(broker: Subject) -> None:
    server = await broker.context_server({"tempo": "https://example.org/tempo"})
    server.headers["Cache-Control"] = "max-age=1"
    made = await broker.have(vehicle(tempo=1), context=server.url)
    before = server.fetched
    await broker.pause(2.5)
    (await broker.get(made.path, context=server.url)).status(200).body.has(tempo=prop(1))
    demand(
        server.fetched > before, "the @context is fetched again after its max-age", f"{server.fetched} times"
    )


@case(
    "5.2.9, 5.2.34, 5.2.22",
    "members for distributed operations are kept in a registration",
    feature=FEATURE,
    needs=("registrations",),
)
async def registration_members(broker: Subject) -> None:
    members: dict[str, Any] = {
        "mode": "inclusive",
        "operations": ["retrieveOps", "updateEntity"],
        "contextSourceInfo": [
            {"key": "X-Region", "value": "abc"},
            {"key": "accept", "value": "application/json"},
        ],
        "management": {"localOnly": True, "cacheDuration": "PT1M", "timeout": 500, "cooldown": 2000},
        "refreshRate": "PT5M",
    }
    kind = broker.type("Vehicle")
    path = await broker.register(broker.dead_end(), {"entities": [{"type": kind}]}, **members)
    (await broker.get(path)).status(200).body.has(members)


@case(
    "5.2.12, 5.2.15",
    "members for sources and endpoints are kept in a subscription",
    feature=FEATURE,
    needs=("subscriptions",),
)
async def subscription_members(broker: Subject) -> None:
    info = [{"key": "X-Key", "value": "abc"}]
    endpoint: dict[str, Any] = {
        "uri": broker.dead_end(),
        "cooldown": 2000,
        "timeout": 500,
        "receiverInfo": info,
    }
    members: dict[str, Any] = {
        "csf": 'registrationName=="one"',
        "splitEntities": False,
        "localOnly": True,
        "q": "speed>5",
    }
    kind = broker.type("Vehicle")
    path = await broker.subscribe(
        endpoint["uri"], entities=[{"type": kind}], notification={"endpoint": endpoint}, **members
    )
    (await broker.get(path)).status(200).body.has({**members, "notification": {"endpoint": endpoint}})


@case("4.6.3, 4.22", "an expiresAt with an offset is refused, or is that instant", feature=FEATURE)
async def offset(broker: Subject) -> None:
    later = broker.moment(3600)[:19] + "-11:00"  # as an instant twelve hours from now; as text one
    sooner = broker.moment(3600)[:19] + "+11:00"  # as an instant ten hours ago; as text to come
    kept, gone = (broker.own(vehicle(speed=1, expiresAt=time)) for time in (later, sooner))
    if (await broker.post("/entities", kept)).status(201, 400).code == 201:
        (await broker.get(kept.path)).status(200)
    if (await broker.post("/entities", gone)).status(201, 400).code == 201:
        (await broker.get(gone.path)).status(404)


@case("4.8, 5.6.11.4", "a date that was refused spoils no later query", feature=FEATURE, needs=TEMPORAL)
async def bad_date(broker: Subject) -> None:
    good = await known(broker, speed=speeds(1, 2))
    for wrong in ("2026-13-01T00:00:00Z", "0000-00-00T00:00:00Z", "yesterday", "2026-03-01"):
        spoiled = broker.own(vehicle(speed=[prop(3, observedAt=wrong)]))
        await broker.post("/temporal/entities", spoiled)
        await broker.post(f"{good.temporal}/attrs", {"speed": [prop(3, observedAt=wrong)]})
    asked = {**ALL, "type": good.type}
    (await broker.send("GET", "/temporal/entities", params=asked)).status(200).body.ids(good)
    found = await instances(broker, good)
    demand([i["value"] for i in found] == [1, 2], "only the good instances are there", found)


@case(
    "4.5.6, 5.6.6",
    "the history of a deleted entity ends with its deletion, and stays or goes whole",
    feature=FEATURE,
    needs=TEMPORAL,
)
async def deleted(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=prop(1, observedAt=DAY.format(1))))
    (await broker.delete(made.path)).status(204)
    asked = {**ALL, "timeproperty": "createdAt"}
    answer = (await broker.get(made.temporal, **asked)).status(200, 404)
    if answer.code == 200:
        demand(1 in _values(answer.json.get("speed")), "the value that was is told", answer.json)


def _values(found: Any) -> list[Any]:
    return [i.get("value") for i in (found if isinstance(found, list) else [found]) if isinstance(i, dict)]


@case("4.10, 4.19, 5.5.9", "pages of a geo-query and of a scope query hold what they should", feature=FEATURE)
async def pages(broker: Subject) -> None:
    made = await broker.have_all(*(vehicle(scope="/a/b", location=point(1, 1)) for _ in range(5)))
    for chosen in (NEAR, {"scopeQ": "/a/#"}):
        seen: list[str] = []
        for start in (0, 2, 4):
            asked = {"type": made[0].type, "limit": 2, "offset": start, "count": True, **chosen}
            answer = (await broker.send("GET", "/entities", params=asked)).status(200)
            answer.header("NGSILD-Results-Count", "5").body.counts(min(2, 5 - start))
            seen += [found["id"] for found in answer.json]
        demand(sorted(seen) == sorted(e.id for e in made), "each entity comes once", seen)


@case("4.23, 4.6.3", "fractions of seconds are in their order", feature=FEATURE, needs=("ordering",))
async def fractions(broker: Subject) -> None:
    ends = ("00Z", "00.05Z", "00.5Z", "00.50001Z", "01Z")
    made = await broker.have_all(
        *(vehicle(speed=prop(1, observedAt=f"2026-03-01T00:00:{end}")) for end in ends)
    )
    asked = {"type": made[0].type, "local": True}
    for order, expected in (("speed.observedAt", made), ("speed.observedAt;desc", made[::-1])):
        answer = await broker.send("GET", "/entities", params={**asked, "orderBy": order})
        answer.status(200).body.ids(*expected, ordered=True)
