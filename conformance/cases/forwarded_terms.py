"""On which terms sources are asked: contextSourceInfo, management, validity, counters, conflicts. (4.3.6.5, 5.2.9)"""

import asyncio
from collections.abc import Mapping
from typing import Any

from conformance.case import case
from conformance.cases.forwarded_changes import names
from conformance.cases.forwarded_reads import FEATURE, NEEDS, information, joined
from conformance.demand import demand
from conformance.entity import Entity, json_property, prop, vehicle
from conformance.servers.source import Source
from conformance.subject import Subject
from conformance.verdict import NotApplicable

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
RETRIEVAL = ["retrieveEntity"]  # by id alone: no query of another case comes to the source
CREATION = ["createEntity", "retrieveOps"]


async def told_of(broker: Subject, **info: str) -> Source:
    """Register a source of whole vehicles that is to be told more."""
    source = (await broker.source()).answers("POST", "/entities", 201)
    pairs = [{"key": key, "value": value} for key, value in info.items()]
    await broker.register(source.url, information(broker), operations=CREATION, contextSourceInfo=pairs)
    return source


def refused(broker: Subject, url: str, about: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    """Write a registration that is to be refused."""
    return {"type": "ContextSourceRegistration", "information": [about], "endpoint": url, **members}


@case(
    "4.3.6.6",
    "jsonldContext writes what is passed on in the terms of the source",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def context(broker: Subject) -> None:
    vocabulary = "https://uri.etsi.org/ngsi-ld/default-context/"
    words = await broker.context_server({"hayasa": f"{vocabulary}speed"})
    source = await told_of(broker, jsonldContext=words.url)
    one = broker.own(vehicle(speed=5))
    (await broker.post("/entities", one)).status(201)
    forward = await source.next()
    forward.body.has(hayasa={"value": 5}).lacks("speed", "@context")
    media = forward.headers.get("Content-Type", "").partition(";")[0]
    demand(media == "application/json", "Content-Type: application/json", media)
    link = forward.headers.get("Link", "")
    demand(words.url in link, f"Link: <{words.url}>", link or "no Link")


@case(
    "4.3.6.6",
    "jsonldContext also writes the parameters of a query in the terms of the source",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def context_of_query(broker: Subject) -> None:
    words = await broker.context_server({"hayasa": "https://uri.etsi.org/ngsi-ld/default-context/speed"})
    source = await told_of(broker, jsonldContext=words.url)
    one = broker.own(vehicle(speed=5))
    source.answers("GET", "/entities", 200, [Entity({"id": one.id, "type": one.type, "hayasa": prop(5)})])
    params: Any = {"type": one.type, "q": "speed==5", "splitEntities": False}
    (await broker.get("/entities", **params)).status(200).body.ids(one).at(0).has(speed=prop(5))
    told = (await source.next()).params.get("q", "")
    demand("hayasa" in told, "q with hayasa", told or "no q")


@case(
    "4.3.6.6",
    "contentType says in what form a source is given entities",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def content_type(broker: Subject) -> None:
    source = await told_of(broker, contentType="application/ld+json")
    (await broker.post("/entities", broker.own(vehicle(speed=5)))).status(201)
    forward = await source.next()
    media = forward.headers.get("Content-Type", "").partition(";")[0]
    demand(media == "application/ld+json", "Content-Type: application/ld+json", media)
    forward.body.at("@context")


@case(
    "4.3.6.6",
    "accept says in what form a source is to answer",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def accept(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5))
    source = (await told_of(broker, accept="application/ld+json")).answers("GET", "/entities", 200, [one])
    (await broker.get("/entities", type=one.type)).status(200).media("application/json").body.ids(one)
    told = (await source.next()).headers.get("Accept", "")
    demand("application/ld+json" in told, "Accept: application/ld+json", told or "no Accept")


@case(
    "4.3.6.6, 4.3.6.8",
    "ngsildConformance amends what is passed on to an earlier version",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def conformance(broker: Subject) -> None:
    source = await told_of(broker, ngsildConformance="1.5")
    one = broker.own(vehicle(speed=5).of(freight=json_property({"kg": 3})))
    (await broker.post("/entities", one)).status(201)
    (await source.next()).body.has(freight={"type": "Property"})
    (await broker.get(one.path, local=True)).status(200).body.has(freight={"type": "JsonProperty"})


@case(
    "4.3.6.5",
    "contextSourceInfo overrides no tenant and no length",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def not_overridden(broker: Subject) -> None:
    pairs = {"NGSILD-Tenant": "other", "Content-Length": "7", "X-Key": "abc"}
    source = await told_of(broker, **pairs)
    one = broker.own(vehicle(speed=5))
    (await broker.post("/entities", one)).status(201)
    forward = await source.next()
    demand(forward.headers.get("X-Key") == "abc", "X-Key: abc", "another X-Key")
    demand("NGSILD-Tenant" not in forward.headers, "no tenant", forward.headers.get("NGSILD-Tenant", ""))
    forward.body.has(id=one.id)


@case(
    "5.9.2.4, 4.3.6.6",
    "contextSourceInfo of other forms is refused",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def bad_info(broker: Subject) -> None:
    url = broker.dead_end()
    for key, value in (("accept", "text/html"), ("contentType", "text/html"), ("ngsildConformance", "new")):
        info = [{"key": key, "value": value}]
        body = refused(broker, url, information(broker), contextSourceInfo=info)
        (await broker.post("/csourceRegistrations", body)).refused(400, "BadRequestData")


@case(
    "5.2.34, 6.3.17",
    "after a failure a source is left alone for its cooldown, and told of as silent",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def cooldown(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1))
    source = await joined(broker, operations=RETRIEVAL, management={"cooldown": 60_000, "timeout": 300})
    source.answers("GET", one.path, 200, one, delay=2.0)
    await _warned(broker, one)
    await source.next()
    await _warned(broker, one)
    if len(source.all) > 1:
        raise NotApplicable("the broker does not leave sources alone after failures")


async def _warned(broker: Subject, one: Entity) -> None:
    answer = (await broker.get(one.path)).status(200)
    answer.body.has(one)
    answer.header("NGSILD-Warning", pattern="199 .+")


@case(
    "5.2.34, 6.3.17",
    "what is fresh enough for cacheDuration is not asked for again, and told of with 110",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def cached(broker: Subject) -> None:
    one = broker.own(vehicle(speed=1))
    source = await joined(broker, operations=RETRIEVAL, management={"cacheDuration": "PT1M"})
    source.answers("GET", one.path, 200, one)
    (await broker.get(one.path)).status(200).no_header("NGSILD-Warning").body.has(one)
    await source.next()
    answer = (await broker.get(one.path)).status(200)
    answer.body.has(one)
    if len(source.all) > 1:
        raise NotApplicable("the broker caches nothing of sources")
    answer.header("NGSILD-Warning", pattern="110 .+")


@case(
    "5.2.9, 5.9.2.4",
    "a registration that has expired asks nobody",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
    waits=True,
)
async def expired(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1))
    source = await joined(broker, expiresAt=broker.moment(2.5))
    (await broker.get("/entities", type=one.type)).status(200)
    await source.next()
    await broker.pause(3)
    source.skip()
    (await broker.get("/entities", type=one.type)).status(200).body.ids(one)
    await source.none()


@case(
    "5.9.4.4, 5.9.3.4",
    "a registration that moves is asked at its new place, and once deleted nowhere",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
    waits=True,
)
async def moved(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1))
    old, new = await broker.source(), await broker.source()
    path = await broker.register(old.url, information(broker))
    (await broker.patch(path, {"endpoint": new.url})).status(204)
    (await broker.get("/entities", type=one.type)).status(200)
    await new.next()
    (await broker.delete(path)).status(204)
    new.skip()
    (await broker.get("/entities", type=one.type)).status(200).body.ids(one)
    await new.none()
    await old.none(0)


async def _counted(broker: Subject, path: str, **wanted: Any) -> dict[str, Any]:
    """Wait until a registration has some members: they may be counted after the answer."""
    for _ in range(50):
        found: dict[str, Any] = (await broker.get(path)).status(200).json
        if found.items() >= wanted.items():
            break
        await asyncio.sleep(0.1)
    return found


@case(
    "5.2.9",
    "a registration counts what was sent, and when it last went well",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def counted(broker: Subject) -> None:
    one = broker.own(vehicle(speed=1))
    source = (await broker.source()).answers("GET", one.path, 200, one)
    path = await broker.register(source.url, information(broker), operations=RETRIEVAL)
    (await broker.get(one.path)).status(200)
    found = await _counted(broker, path, timesSent=1, status="ok")
    told = {name: found.get(name) for name in ("timesSent", "status")}
    demand(told == {"timesSent": 1, "status": "ok"}, "timesSent 1, status ok", told)
    demand(not found.get("timesFailed"), "no failure", found.get("timesFailed"))
    demand("lastSuccess" in found, "lastSuccess", sorted(found))


@case(
    "5.2.9",
    "a registration counts what failed, and when it last did",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def failed(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1))
    source = (await broker.source()).answers("GET", one.path, 500)
    path = await broker.register(source.url, information(broker), operations=RETRIEVAL)
    (await broker.get(one.path)).status(200)
    wanted = {"timesSent": 1, "timesFailed": 1, "status": "failed"}
    found = await _counted(broker, path, **wanted)
    told = {name: found.get(name) for name in wanted}
    demand(told == wanted, "timesSent 1, timesFailed 1, status failed", told)
    demand("lastFailure" in found, "lastFailure", sorted(found))


@case(
    "5.9.2.4, 4.3.6.3",
    "no exclusive source of an attribute that is held here",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def exclusive_held(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1))
    url = (await broker.source()).url
    body = refused(broker, url, information(broker, "speed", id=one.id), mode="exclusive")
    (await broker.post("/csourceRegistrations", body)).refused(409, "Conflict")
    await broker.register(url, information(broker, "doors", id=one.id), mode="exclusive")


@case(
    "5.9.2.4, 4.3.6.3",
    "no redirect source of an entity that is held here",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def redirect_held(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1))
    url = (await broker.source()).url
    body = refused(broker, url, information(broker, id=one.id), mode="redirect")
    (await broker.post("/csourceRegistrations", body)).refused(409, "Conflict")
    await broker.register(url, information(broker, id=one.id), mode="inclusive")


@case(
    "5.9.2.4",
    "no exclusive source of what a redirect source has",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def exclusive_redirected(broker: Subject) -> None:
    one = broker.own(vehicle(speed=1))
    url = (await broker.source()).url
    await broker.register(url, information(broker), mode="redirect")
    body = refused(broker, url, information(broker, "speed", id=one.id), mode="exclusive")
    (await broker.post("/csourceRegistrations", body)).refused(409, "Conflict")


@case(
    "4.3.6.3",
    "an exclusive source names an entity and attributes",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def exclusive_wide(broker: Subject) -> None:
    url, one = (await broker.source()).url, broker.own(vehicle())
    for about in (information(broker, id=one.id), information(broker, "speed")):
        body = refused(broker, url, about, mode="exclusive")
        (await broker.post("/csourceRegistrations", body)).refused(400, "BadRequestData")
    await broker.register(url, information(broker, "speed", id=one.id), mode="exclusive")


@case(
    "5.9.2.4",
    "an auxiliary source offers reading alone",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def auxiliary_operations(broker: Subject) -> None:
    url = (await broker.source()).url
    for operations in (["redirectionOps"], ["retrieveEntity", "createEntity"]):
        body = refused(broker, url, information(broker), mode="auxiliary", operations=operations)
        (await broker.post("/csourceRegistrations", body)).refused(400, "BadRequestData")
    await broker.register(url, information(broker), mode="auxiliary", operations=["retrieveEntity"])


@case(
    "4.3.6.2, 5.6.1.4",
    "an exclusive source goes before a redirect one",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def precedence(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5, doors=4))
    owner = (await broker.source()).answers("POST", "/entities", 201)
    about = information(broker, "speed", id=one.id)
    await broker.register(owner.url, about, mode="exclusive", operations=CREATION)
    other = (await broker.source()).answers("POST", "/entities", 201)
    await broker.register(other.url, information(broker, "doors"), mode="redirect", operations=CREATION)
    (await broker.post("/entities", one)).status(201)
    first, second = names((await owner.next()).body.value), names((await other.next()).body.value)
    demand("speed" in first and "doors" not in first, "speed without doors", sorted(first))
    demand("doors" in second and "speed" not in second, "doors without speed", sorted(second))
    (await broker.get(one.path, local=True)).status(404)
