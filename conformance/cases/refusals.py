"""What each resource refuses: bad identifiers, names and bodies, and what is unknown. (5.5.4, 5.6 to 5.16, 6.3.2)"""

from typing import Any
from urllib.parse import quote

from conformance.case import case
from conformance.cases.contexts import hosted, rows
from conformance.cases.snapshots import made as snapshot
from conformance.cases.temporal_changes import ALL, DAY, known, speeds
from conformance.demand import demand
from conformance.entity import prop, vehicle
from conformance.servers.context import ContextServer
from conformance.subject import Subject

FEATURE = "Refusals"
BAD_NAME = "sp%28eed"
CONTEXTS = ("contexts",)
SNAPSHOTS = ("snapshots",)
MAPS = ("entity maps",)
TEMPORAL = ("temporal",)
SOURCES = ("registrations",)
SOURCE_SUBSCRIPTIONS = ("registration subscriptions",)
FRAGMENT = {"speed": prop(1)}


async def bad(broker: Subject, method: str, path: str, body: Any = None, **params: Any) -> None:
    """Demand BadRequestData."""
    (await broker.send(method, path, body, params=params)).refused(400, "BadRequestData")


async def unknown(broker: Subject, method: str, path: str, body: Any = None, **params: Any) -> None:
    """Demand ResourceNotFound."""
    (await broker.send(method, path, body, params=params)).refused(404, "ResourceNotFound")


@case("5.6.6.4, 5.6.17.4, 5.6.18.4", "an entity's id must be a URI to change or delete it", feature=FEATURE)
async def entity_id(broker: Subject) -> None:
    await bad(broker, "DELETE", "/entities/nouri")
    await bad(broker, "PATCH", "/entities/nouri", FRAGMENT)
    await bad(broker, "PUT", "/entities/nouri", {"id": "nouri", "type": broker.type("Vehicle"), **FRAGMENT})


@case("5.6.3.4, 5.6.2.4", "an entity's id must be a URI to add or update attributes", feature=FEATURE)
async def attributes_id(broker: Subject) -> None:
    await bad(broker, "POST", "/entities/nouri/attrs", FRAGMENT)
    await bad(broker, "PATCH", "/entities/nouri/attrs", FRAGMENT)


@case("5.6.4.4, 5.6.5.4, 5.6.19.4", "an attribute's name must be one to change or delete it", feature=FEATURE)
async def attribute_name(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=1))
    place = f"{made.path}/attrs/{BAD_NAME}"
    await bad(broker, "PATCH", place, {"value": 1})
    await bad(broker, "PUT", place, prop(1))
    await bad(broker, "DELETE", place)


@case("5.5.4, 5.6.3.4", "a fragment with an attribute that is none is refused", feature=FEATURE)
async def fragments(broker: Subject) -> None:
    made = await broker.have(vehicle(speed=1))
    wrong = {"speed": {"type": "Relationship", "object": 5}}
    await bad(broker, "POST", f"{made.path}/attrs", wrong)
    await bad(broker, "PATCH", f"{made.path}/attrs", wrong)
    await bad(broker, "PATCH", made.path, wrong)
    (await broker.get(made.path)).status(200).body.has(FRAGMENT)


@case(
    "5.6.8.4, 5.6.9.4, 5.6.10.4, 5.6.20.4",
    "a batch that is no array is refused",
    feature=FEATURE,
    needs=("batch",),
)
async def batch_no_array(broker: Subject) -> None:
    for name in ("upsert", "update", "delete", "merge"):
        answer = await broker.post(f"/entityOperations/{name}", vehicle(id=broker.id("Vehicle"), speed=1))
        demand(answer.code == 400, f"{name} answers with status 400", f"status {answer.code}")


@case(
    "5.6.8.4, 5.2.16",
    "an upsert does the good and tells of the bad with 207",
    feature=FEATURE,
    needs=("batch",),
)
async def upsert_some(broker: Subject) -> None:
    good, wrong = (
        broker.own(vehicle(speed=1)),
        broker.own(vehicle(speed={"type": "Relationship", "object": 5})),
    )
    answer = (await broker.post("/entityOperations/upsert", [good, wrong])).status(207)
    answer.body.at("success").contains(good.id)
    answer.body.at("errors").counts(1).at(0, "entityId").equals(wrong.id)
    (await broker.get(good.path)).status(200)


@case(
    "5.6.20.4, 5.2.16", "a batch merge tells of unknown entities with 207", feature=FEATURE, needs=("batch",)
)
async def merge_some(broker: Subject) -> None:
    good = await broker.have(vehicle(speed=1))
    absent = broker.own(vehicle(speed=2))
    answer = (await broker.post("/entityOperations/merge", [good.of(speed=5), absent])).status(207)
    answer.body.at("success").contains(good.id)
    answer.body.at("errors").counts(1).at(0, "entityId").equals(absent.id)
    (await broker.get(good.path)).status(200).body.at("speed").has(value=5)


@case(
    "6.3.20, 6.25, 6.26, 6.27, 6.28",
    "discovery refuses unknown parameters",
    feature=FEATURE,
    needs=("discovery",),
)
async def discovery(broker: Subject) -> None:
    for path in ("/types", "/types/Vehicle", "/attributes", "/attributes/speed"):
        (await broker.get(path, colour="red")).refused(400, "InvalidRequest")


@case(
    "5.6.12.4, 5.6.13.4, 5.6.16.4, 5.7.3.4",
    "the entity's id of a history must be a URI to change it",
    feature=FEATURE,
    needs=TEMPORAL,
)
async def temporal_id(broker: Subject) -> None:
    await bad(broker, "POST", "/temporal/entities/nouri/attrs", {"speed": speeds(1)})
    await bad(broker, "DELETE", "/temporal/entities/nouri/attrs/speed")
    await bad(broker, "DELETE", "/temporal/entities/nouri")
    await bad(broker, "GET", "/temporal/entities/nouri", **ALL)


@case("5.6.14.4", "an instance is changed by a proper id and fragment only", feature=FEATURE, needs=TEMPORAL)
async def instance(broker: Subject) -> None:
    made = await known(broker, speed=speeds(1))
    fragment = {"speed": [prop(2, observedAt=DAY.format(1))]}
    await bad(broker, "PATCH", f"{made.temporal}/attrs/speed/nouri", fragment)
    found = (await broker.get(made.temporal, **ALL, options="sysAttrs")).status(200).json["speed"]
    one = (found[0] if isinstance(found, list) else found)["instanceId"]
    wrong = {"speed": [{"type": "Relationship", "object": 5}]}
    await bad(broker, "PATCH", f"{made.temporal}/attrs/speed/{one}", wrong)


@case(
    "5.7.4.4, 6.24.3.1",
    "a POSTed temporal query without its time is refused",
    feature=FEATURE,
    needs=TEMPORAL,
)
async def temporal_query(broker: Subject) -> None:
    body = {"type": "Query", "entities": [{"type": broker.type("Vehicle")}]}
    await bad(broker, "POST", "/temporal/entityOperations/query", body)


@case("5.8.2.4, 5.8.5.4", "a subscription's id must be a URI", feature=FEATURE, needs=("subscriptions",))
async def subscription_id(broker: Subject) -> None:
    await bad(broker, "PATCH", "/subscriptions/nouri", {"isActive": False})
    await bad(broker, "DELETE", "/subscriptions/nouri")


@case("5.9.3.4, 5.9.4.4", "a registration's id must be a URI", feature=FEATURE, needs=SOURCES)
async def registration_id(broker: Subject) -> None:
    await bad(broker, "PATCH", "/csourceRegistrations/nouri", {"endpoint": broker.dead_end()})
    await bad(broker, "DELETE", "/csourceRegistrations/nouri")


@case(
    "5.11.3.4, 5.11.4.4, 5.11.6.4",
    "a subscription to registrations is known by a URI",
    feature=FEATURE,
    needs=SOURCE_SUBSCRIPTIONS,
)
async def registration_subscription_id(broker: Subject) -> None:
    bad_place, absent = "/csourceSubscriptions/nouri", f"/csourceSubscriptions/{broker.id('Subscription')}"
    await bad(broker, "GET", bad_place)
    await bad(broker, "PATCH", bad_place, {"isActive": False})
    await bad(broker, "DELETE", bad_place)
    await unknown(broker, "PATCH", absent, {"isActive": False})


@case(
    "5.11.3.4, 5.2.12",
    "a patch that would break a subscription to registrations is refused",
    feature=FEATURE,
    needs=SOURCE_SUBSCRIPTIONS,
)
async def registration_subscription_patch(broker: Subject) -> None:
    body = {
        "id": broker.id("Subscription"),
        "type": "Subscription",
        "entities": [{"type": broker.type("Vehicle")}],
        "notification": {"endpoint": {"uri": broker.dead_end()}},
    }
    (await broker.post("/csourceSubscriptions", body)).status(201)
    await bad(broker, "PATCH", f"/csourceSubscriptions/{body['id']}", {"entities": []})


@case(
    "6.3.10, 6.12.3.2",
    "a list of subscriptions to registrations refuses limit=0 without count",
    feature=FEATURE,
    needs=SOURCE_SUBSCRIPTIONS,
)
async def registration_subscription_limit(broker: Subject) -> None:
    await bad(broker, "GET", "/csourceSubscriptions", limit=0)
    answer = await broker.get("/csourceSubscriptions", limit=0, count=True)
    answer.status(200).header("NGSILD-Results-Count").body.equals([])


@case("5.14.2.4, 5.14.3.4", "a map is changed and deleted by its id", feature=FEATURE, needs=MAPS)
async def map_id(broker: Subject) -> None:
    patch = {"expiresAt": broker.moment(600)}
    await unknown(broker, "PATCH", f"/entityMaps/{broker.id('EntityMap')}", patch)
    await bad(broker, "DELETE", "/entityMaps/nouri")


@case(
    "5.14.4.4, 6.34.3.2",
    "a POSTed Query for a map must be one, and narrow enough",
    feature=FEATURE,
    needs=MAPS,
)
async def map_query(broker: Subject) -> None:
    kind = broker.type("Vehicle")
    await bad(broker, "POST", "/entityMaps", {"type": "Query"})
    await bad(broker, "POST", "/entityMaps", {"type": "Query", "entities": [{"type": kind}], "q": "speed>>"})


@case(
    "5.14.5.4, 6.35.3.2",
    "a POSTed Query for a temporal map must have its time",
    feature=FEATURE,
    needs=("temporal", "temporal entity maps"),
)
async def temporal_map_query(broker: Subject) -> None:
    body = {"type": "Query", "entities": [{"type": broker.type("Vehicle")}]}
    await bad(broker, "POST", "/temporal/entityMaps", body)


@case("5.16.3.4, 5.16.4.4, 5.16.5.4", "a Snapshot is known by a URI", feature=FEATURE, needs=SNAPSHOTS)
async def snapshot_id(broker: Subject) -> None:
    absent = f"/snapshots/{broker.id('Snapshot')}"
    await bad(broker, "GET", "/snapshots/nouri")
    await bad(broker, "PATCH", "/snapshots/nouri", {"snapshotPriority": 3})
    await bad(broker, "DELETE", "/snapshots/nouri")
    await unknown(broker, "PATCH", absent, {"snapshotPriority": 3})
    await unknown(broker, "DELETE", absent)


@case("5.16.2.4, 5.16.4.4, 5.2.41", "a Snapshot's priority is from 1 to 10", feature=FEATURE, needs=SNAPSHOTS)
async def snapshot_priority(broker: Subject) -> None:
    path, _ = await snapshot(broker, (await broker.have(vehicle(speed=1))).type)
    await bad(broker, "PATCH", path, {"snapshotPriority": 11})
    await bad(broker, "POST", f"{path}/clone", {"type": "Snapshot", "snapshotPriority": 0})


@case("5.16.2.4, 6.38.3.1", "a clone does not take the id of a Snapshot", feature=FEATURE, needs=SNAPSHOTS)
async def clone_twice(broker: Subject) -> None:
    path, _ = await snapshot(broker, (await broker.have(vehicle(speed=1))).type)
    body = {"id": path.rpartition("/")[2], "type": "Snapshot"}
    (await broker.post(f"{path}/clone", body)).refused(409, "AlreadyExists")


@case("5.13.4.4, 6.30.3.1", "a cached @context is not served", feature=FEATURE, needs=CONTEXTS)
async def cached_context(broker: Subject) -> None:
    _, path = await cached(broker)
    (await broker.get(path)).refused(422, "OperationNotSupported")
    (await broker.get(path, details=True)).status(200).body.has(kind="Cached")


async def cached(broker: Subject) -> tuple[ContextServer, str]:
    """Let the broker fetch an @context; give its server and its path in the broker."""
    server = await broker.context_server({"tempo": "https://example.org/tempo"})
    await broker.have(vehicle(tempo=1), context=server.url)
    listed = await rows(broker, kind="Cached", details="true")
    mine = [row for row in listed if row.get("URL") == server.url]
    demand(len(mine) == 1, "the fetched @context is listed once", mine)
    return server, f"/jsonldContexts/{quote(str(mine[0].get('localId', server.url)), safe='')}"


@case("5.13.5.4, 6.30.3.2", "reload fetches a cached @context again", feature=FEATURE, needs=CONTEXTS)
async def reload(broker: Subject) -> None:
    server, path = await cached(broker)
    before = server.fetched
    (await broker.delete(path, reload=True)).status(204).empty()
    demand(server.fetched > before, "the @context is fetched again", f"{server.fetched} times in all")


@case(
    "5.13.5.4, 6.30.3.2",
    "a reload that fails is LdContextNotAvailable, and the @context stays",
    feature=FEATURE,
    needs=CONTEXTS,
)
async def reload_fails(broker: Subject) -> None:
    server, path = await cached(broker)
    server.status = 404
    (await broker.delete(path, reload=True)).refused(504, "LdContextNotAvailable")
    (await broker.get(path, details=True)).status(200).body.has(kind="Cached")


@case(
    "5.13.1, 6.29.3.2",
    "hosted @contexts are listed with their URLs, or with details",
    feature=FEATURE,
    needs=CONTEXTS,
)
async def context_rows(broker: Subject) -> None:
    place = (await hosted(broker)).rpartition("/")[2]
    urls = await rows(broker, kind="Hosted")
    demand(all(isinstance(url, str) for url in urls), "without details the list is of URLs", urls[:3])
    found = [row for row in await rows(broker, kind="Hosted", details="true") if place in str(row)]
    demand(len(found) == 1 and found[0].get("kind") == "Hosted", "with details the kind is told", found)


@case("6.3.4", "a body without Content-Length is 411, without a body", feature=FEATURE)
async def without_length(broker: Subject) -> None:
    entity = broker.own(vehicle(speed=1))
    (await broker.post("/entities", entity, headers={"Content-Length": None})).status(411).empty()
