"""Parameters on subscriptions, registrations, entity maps, and of single attributes. (6.3.11, 6.7 to 6.13, 6.34)"""

from typing import Any

from conformance.case import case
from conformance.cases.temporal_changes import ALL, DAY, known, speeds
from conformance.entity import lang, point, prop, vehicle
from conformance.subject import Subject

FEATURE = "Parameters of resources"
REGISTRATIONS = ("registrations",)
MAPS = ("entity maps",)
TEMPORAL_MAPS = ("temporal", "temporal entity maps")


async def system_times(broker: Subject, path: str) -> None:
    """Demand that sysAttrs shows the system's times of a resource, alone and in its list."""
    shown = (await broker.get(path, options="sysAttrs")).status(200)
    shown.body.at("createdAt").is_time()
    shown.body.at("modifiedAt").is_time()
    (await broker.get(path)).status(200).body.lacks("createdAt", "modifiedAt")


@case(
    "6.3.11, 6.11.3.1",
    "sysAttrs shows the system's times of a subscription",
    feature=FEATURE,
    needs=("subscriptions",),
)
async def subscription_times(broker: Subject) -> None:
    path = await broker.subscribe(broker.dead_end(), entities=[{"type": broker.type("Vehicle")}])
    await system_times(broker, path)
    listed = (await broker.get("/subscriptions", options="sysAttrs", limit=1)).status(200)
    listed.body.at(0, "createdAt").is_time()


@case(
    "6.3.11, 6.9.3.1",
    "sysAttrs shows the system's times of a registration",
    feature=FEATURE,
    needs=REGISTRATIONS,
)
async def registration_times(broker: Subject) -> None:
    kind = broker.type("Vehicle")
    await system_times(broker, await broker.register(broker.dead_end(), {"entities": [{"type": kind}]}))
    listed = (await broker.get("/csourceRegistrations", type=kind, options="sysAttrs")).status(200)
    listed.body.at(0, "createdAt").is_time()


@case(
    "6.3.11, 6.13.3.1",
    "sysAttrs shows the system's times of a subscription to registrations",
    feature=FEATURE,
    needs=("registration subscriptions",),
)
async def registration_subscription_times(broker: Subject) -> None:
    body = {
        "id": broker.id("Subscription"),
        "type": "Subscription",
        "entities": [{"type": broker.type("Vehicle")}],
        "notification": {"endpoint": {"uri": broker.dead_end()}},
    }
    (await broker.post("/csourceSubscriptions", body)).status(201)
    await system_times(broker, f"/csourceSubscriptions/{body['id']}")
    listed = (await broker.get("/csourceSubscriptions", options="sysAttrs", limit=1, offset=0)).status(200)
    listed.body.at(0, "createdAt").is_time()


async def found(broker: Subject, kind: str, expected: list[str], **params: Any) -> None:
    """Demand that exactly these registrations of a type are found."""
    answer = await broker.send("GET", "/csourceRegistrations", params={"type": kind, **params})
    answer.status(200).body.ids(*(path.rpartition("/")[2] for path in expected))


@case(
    "5.10.2.4",
    "idPattern and id choose registrations by the entities they have",
    feature=FEATURE,
    needs=REGISTRATIONS,
)
async def registrations_by_id(broker: Subject) -> None:
    kind, red = broker.type("Vehicle"), broker.id("Vehicle")
    one = await broker.register(broker.dead_end(), {"entities": [{"type": kind, "id": red}]})
    two = await broker.register(broker.dead_end(), {"entities": [{"type": kind, "id": broker.id("Vehicle")}]})
    await found(broker, kind, [one, two])
    await found(broker, kind, [one], id=red)
    await found(broker, kind, [one], idPattern=f"{red}$")


@case(
    "5.10.2.4, 4.11",
    "a temporal query finds registrations with an interval that fits",
    feature=FEATURE,
    needs=REGISTRATIONS,
)
async def registrations_by_time(broker: Subject) -> None:
    kind, times = broker.type("Vehicle"), {"startAt": DAY.format(1), "endAt": DAY.format(10)}
    here = {"entities": [{"type": kind}]}
    latest = await broker.register(broker.dead_end(), here)
    observed = await broker.register(broker.dead_end(), here, observationInterval=times)
    managed = await broker.register(broker.dead_end(), here, managementInterval=times)
    between = {"timerel": "between", "timeAt": DAY.format(9), "endTimeAt": DAY.format(20)}
    await found(broker, kind, [latest])
    await found(broker, kind, [observed], **between)
    await found(broker, kind, [managed], **between, timeproperty="modifiedAt")
    await found(broker, kind, [], timerel="before", timeAt="2020-01-01T00:00:00Z")


@case("5.10.2.4, 4.10", "geoproperty names the place of a registration", feature=FEATURE, needs=REGISTRATIONS)
async def registrations_by_place(broker: Subject) -> None:
    kind = broker.type("Vehicle")
    here = {"entities": [{"type": kind}]}
    place = {"type": "Point", "coordinates": [1, 1]}
    one = await broker.register(broker.dead_end(), here, operationSpace=place)
    await broker.register(broker.dead_end(), here, location=place)
    near = {"georel": "near;maxDistance==1000", "geometry": "Point", "coordinates": "[1,1]"}
    await found(broker, kind, [one], geoproperty="operationSpace", **near)


async def mapped(broker: Subject, resource: str, expected: list[str], **params: Any) -> None:
    """Demand an entity map of exactly these entities."""
    answer = (await broker.send("GET", resource, params=params)).status(201)
    answer.body.at("entityMap").equals({identifier: ["@none"] for identifier in expected})


@case("5.14.4.4, 6.34.3.1", "a map is of what a query would find", feature=FEATURE, needs=MAPS)
async def maps_by_query(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1, scope="/a/b", location=point(1, 1)))
    two = await broker.have(vehicle(speed=2, scope="/c", location=point(9, 9), base=point(1, 1), doors=4))
    near = {"georel": "near;maxDistance==1000", "geometry": "Point", "coordinates": "[1,1]"}
    for chosen, params in (
        (one, {"q": "speed==1"}),
        (one, {"id": one.id}),
        (two, {"idPattern": f"{two.id}$"}),
        (one, {"scopeQ": "/a/#"}),
        (one, near),
        (two, {**near, "geoproperty": "base"}),
        (two, {"attrs": "doors"}),
        (two, {"q": "doors", "local": True}),
    ):
        await mapped(broker, "/entityMaps", [chosen.id], type=one.type, **params)


@case("5.14.4.4, 4.5.25", "a map lives as long as it is asked to", feature=FEATURE, needs=MAPS)
async def map_lifetime(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=1))
    short = (await broker.get("/entityMaps", type=made.type, entityMapLifetime="PT1H")).status(201)
    long = (await broker.get("/entityMaps", type=made.type, entityMapLifetime="PT2H")).status(201)
    ends = [answer.body.at("expiresAt").is_time().value for answer in (short, long)]
    long.body.holds(ends[0] <= ends[1], "ends after the one that was asked to live an hour", str(ends))


@case(
    "5.14.5.4, 6.35.3.1",
    "a temporal map is of what a temporal query would find",
    feature=FEATURE,
    needs=TEMPORAL_MAPS,
)
async def temporal_maps(broker: Subject) -> None:
    one = await known(broker, speed=speeds(1, 2), scope="/a/b")
    two = await known(broker, speed=speeds(8, 9), scope="/c", doors=speeds(4))
    for chosen, params in (
        (two, {"q": "speed>5"}),
        (one, {"id": one.id}),
        (two, {"idPattern": f"{two.id}$"}),
        (one, {"scopeQ": "/a/#"}),
        (two, {"attrs": "doors"}),
    ):
        await mapped(broker, "/temporal/entityMaps", [chosen.id], **ALL, type=one.type, **params)
    never = {"timerel": "between", "timeAt": DAY.format(20), "endTimeAt": DAY.format(21)}
    await mapped(broker, "/temporal/entityMaps", [], type=one.type, **never)


@case(
    "6.7",
    "one attribute has instances, languages, forms and times",
    feature=FEATURE,
    needs=("attribute retrieval",),
    profile="full",
)
async def attribute(broker: Subject) -> None:
    gps = "urn:ngsi-ld:dataset:gps"
    made = await broker.have(
        vehicle(speed=[prop(55), prop(54, datasetId=gps)], label=lang({"en": "car", "ja": "車"}))
    )
    speed, label = f"{made.path}/attrs/speed", f"{made.path}/attrs/label"
    (await broker.get(speed, datasetId=gps)).status(200).body.has(value=54)
    (await broker.get(label, lang="ja")).status(200).body.has(value="車")
    (await broker.get(label, options="sysAttrs")).status(200).body.at("createdAt").is_time()
    (await broker.get(label, type=made.type, local=True)).status(200).body.has(type="LanguageProperty")
    (await broker.get(label, type=broker.type("Boat"))).refused(404, "ResourceNotFound")


@case(
    "6.7",
    "one value is read and set in a dataset, with its time",
    feature=FEATURE,
    needs=("attribute value",),
    profile="full",
)
async def value(broker: Subject) -> None:
    gps = "urn:ngsi-ld:dataset:gps"
    made = await broker.have(vehicle(speed=[prop(55), prop(54, datasetId=gps)]))
    place = f"{made.path}/attrs/speed/value"
    (await broker.get(place, datasetId=gps)).status(200).body.equals(54)
    (await broker.get(place, type=broker.type("Boat"))).refused(404, "ResourceNotFound")
    (await broker.put(place, 60, datasetId=gps, observedAt=DAY.format(1), type=made.type)).status(204)
    (await broker.get(f"{made.path}/attrs/speed", datasetId=gps)).body.has(value=60, observedAt=DAY.format(1))
    (await broker.get(place, datasetId="@none", local=True)).status(200).body.equals(55)


@case("5.10.2.4", "attributes in q choose registrations", feature=FEATURE, needs=REGISTRATIONS)
async def registrations_by_q(broker: Subject) -> None:
    kind = broker.type("Vehicle")
    here = {"entities": [{"type": kind}]}
    speed = await broker.register(broker.dead_end(), {**here, "propertyNames": ["speed"]})
    doors = await broker.register(broker.dead_end(), {**here, "propertyNames": ["doors"]})
    await found(broker, kind, [speed, doors])
    await found(broker, kind, [speed], q="speed>5")
    await found(broker, kind, [doors], q="doors==4")
