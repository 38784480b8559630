"""Reading what registered sources hold: who is asked, for what, and what their answers make together. (4.3.6, 5.7)"""

from typing import Any

from conformance.case import case
from conformance.demand import demand
from conformance.entity import Entity, prop, vehicle
from conformance.servers.source import Forward, Source
from conformance.subject import Subject

FEATURE = "Distributed operations"
NEEDS = ("registrations", "federation")
VOCAB = "https://uri.etsi.org/ngsi-ld/default-context/"
EARLIER, LATER = "2024-01-01T00:00:00Z", "2024-06-01T00:00:00Z"


def information(broker: Subject, *attributes: str, **entity: str) -> dict[str, Any]:
    """Write what a source provides of this case's vehicles."""
    which = entity or {"idPattern": f".*{broker.mark}.*"}
    about: dict[str, Any] = {"entities": [{"type": broker.type("Vehicle"), **which}]}
    return {**about, "propertyNames": list(attributes)} if attributes else about


async def joined(broker: Subject, *attributes: str, **members: Any) -> Source:
    """Register a source of vehicles that answers as it is told to."""
    source = await broker.source()
    await broker.register(source.url, information(broker, *attributes), **members)
    return source


def short(text: str) -> str:
    """Write names of the default @context as terms."""
    return text.replace(VOCAB, "")


def asked_for(forward: Forward, name: str) -> set[str]:
    """Give the values of a list parameter of a forwarded request."""
    return set(short(forward.params.get(name, "")).split(","))


@case(
    "5.7.1.4",
    "an entity that only a source has is retrieved from it",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def retrieve(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5))
    source = (await joined(broker)).answers("GET", one.path, 200, one)
    (await broker.get(one.path)).status(200).body.has(one)
    demand((await source.next()).method == "GET", "a forwarded GET", "another method")


@case(
    "5.7.2.4",
    "entities of sources and of this broker stand in one list",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def query(broker: Subject) -> None:
    here = await broker.have(vehicle(speed=1))
    there, far = broker.own(vehicle(speed=2)), broker.own(vehicle(speed=3))
    (await joined(broker)).answers("GET", "/entities", 200, [there])
    (await joined(broker)).answers("GET", "/entities", 200, [far])
    (await broker.get("/entities", type=here.type)).status(200).body.ids(here, there, far)


@case(
    "4.5.5.3",
    "of two instances of an attribute the one observed last is given",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def newest_observed(broker: Subject) -> None:
    old = await broker.have(vehicle(speed=prop(1, observedAt=EARLIER), doors=4))
    new = Entity({**old, "speed": prop(2, observedAt=LATER)})
    (await joined(broker)).answers("GET", old.path, 200, new)
    (await broker.get(old.path)).status(200).body.has({"speed": {"value": 2}, "doors": {"value": 4}})


@case(
    "4.5.5.1",
    "instances of several datasets stand beside each other",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def datasets(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1))
    gps = Entity({"id": one.id, "type": one.type, "speed": prop(2, datasetId="urn:ngsi-ld:dataset:gps")})
    (await joined(broker)).answers("GET", one.path, 200, gps)
    speeds = (await broker.get(one.path)).status(200).body.at("speed").value
    found = sorted(each["value"] for each in speeds) if isinstance(speeds, list) else speeds
    demand(found == [1, 2], "both instances of speed", found)


@case(
    "4.3.6.2, 5.7.1.4",
    "an auxiliary source adds attributes and overrides none",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def auxiliary(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=prop(1, observedAt=EARLIER)))
    more = Entity({**one, "speed": prop(9, observedAt=LATER), "doors": prop(4)})
    source = await joined(broker, mode="auxiliary", operations=["retrieveOps"])
    source.answers("GET", one.path, 200, more)
    (await broker.get(one.path)).status(200).body.has({"speed": {"value": 1}, "doors": {"value": 4}})


@case(
    "5.5.13, 6.3.18",
    "local=true asks no source",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
    waits=True,
)
async def local(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1))
    source = await joined(broker)
    (await broker.get("/entities", type=one.type, local=True)).status(200).body.ids(one)
    (await broker.get(one.path, local=True)).status(200)
    await source.none()


@case(
    "5.12, 4.20",
    "a source is not asked for what it does not offer",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
    waits=True,
)
async def operations(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1))
    source = await joined(broker, operations=["retrieveEntity"])
    (await broker.get("/entities", type=one.type)).status(200).body.ids(one)
    await source.none()
    (await broker.get(one.path)).status(200)
    await source.next()


@case(
    "4.3.6.1",
    "a source is asked only for the attributes it registered",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def attributes(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5))
    source = (await joined(broker, "speed")).answers("GET", "/entities", 200, [one])
    (await broker.get("/entities", type=one.type)).status(200).body.ids(one)
    forward = await source.next()
    names = asked_for(forward, "attrs") | asked_for(forward, "pick")
    demand("speed" in names, "attrs or pick names speed alone", dict(forward.params))


@case(
    "4.3.6.1",
    "what a source did not register does not come from it",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def lying(broker: Subject) -> None:
    one = broker.own(vehicle(speed=5, owner="nobody"))
    other = broker.own(vehicle(speed=6).of(type="Tram"))
    (await joined(broker, "speed")).answers("GET", "/entities", 200, [one, other])
    found = (await broker.get("/entities", type=one.type)).status(200).body.ids(one)
    found.at(0).lacks("owner")


@case(
    "6.3.17",
    "a source that does not answer is told of, and the rest is given",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def dead(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1))
    await broker.register(broker.dead_end(), information(broker))
    answer = (await broker.get("/entities", type=one.type)).status(200)
    answer.body.ids(one)
    answer.header("NGSILD-Warning", pattern=r"199 .+")


@case(
    "6.3.17",
    "an answer that is no NGSI-LD is left out and told of with 111",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def garbage(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1))
    (await joined(broker)).answers("GET", "/entities", 200, {"no": "list"})
    answer = (await broker.get("/entities", type=one.type)).status(200)
    answer.body.ids(one)
    answer.header("NGSILD-Warning", pattern=r"111 .+")


@case(
    "6.3.17",
    "a source that refuses is told of with 299",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def refusing(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1))
    (await joined(broker)).answers("GET", one.path, 403, {"type": "about:blank", "title": "no"})
    answer = (await broker.get(one.path)).status(200)
    answer.header("NGSILD-Warning", pattern=r"299 .+")


@case(
    "6.3.17",
    "a source that does not know the entity is no reason for a warning",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def unknown_there(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1))
    source = await joined(broker)
    (await broker.get(one.path)).status(200).no_header("NGSILD-Warning")
    await source.next()


@case(
    "5.2.34, 6.3.17",
    "a source that is slower than its registration allows is told of",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def slow(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1))
    source = await joined(broker, management={"timeout": 300})
    source.answers("GET", one.path, 200, one, delay=2.0)
    answer = (await broker.get(one.path)).status(200)
    answer.header("NGSILD-Warning", pattern=r"199 .+")


@case(
    "4.3.6.4, 6.3.18",
    "a request passed on names the brokers it came through, this one last",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def via(broker: Subject) -> None:
    source = await joined(broker)
    await broker.get("/entities", type=broker.type("Vehicle"), headers={"Via": "1.1 first-broker"})
    told = (await source.next()).headers.get("Via", "")
    names = [part.split()[-1] for part in told.split(",") if part.split()]
    demand(len(names) == 2 and names[0] == "first-broker", "Via: 1.1 first-broker, 1.1 this one", told)


@case(
    "5.12, 4.3.6.4",
    "a source that a request came through is not asked again",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
    waits=True,
)
async def loop(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1))
    source = await joined(broker, contextSourceAlias="first-broker")
    found = await broker.get("/entities", type=one.type, headers={"Via": "1.1 first-broker"})
    found.status(200).body.ids(one)
    await source.none()


@case(
    "5.2.34",
    "localOnly in management asks the source for what it holds itself",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def local_only(broker: Subject) -> None:
    source = await joined(broker, management={"localOnly": True})
    await broker.get("/entities", type=broker.type("Vehicle"))
    forward = await source.next()
    demand(forward.params.get("local") == "true", "local=true", dict(forward.params))


@case(
    "4.14, 5.2.9",
    "a registration's tenant is the one that is asked",
    feature=FEATURE,
    profile="federation",
    needs=(*NEEDS, "tenants"),
)
async def tenant(broker: Subject) -> None:
    source = await broker.source()
    body = {
        "id": broker.id("ContextSourceRegistration"),
        "type": "ContextSourceRegistration",
        "information": [information(broker)],
        "endpoint": source.url,
        "tenant": "harbour",
    }
    (await broker.post("/csourceRegistrations", body)).status(201)
    await broker.get("/entities", type=broker.type("Vehicle"))
    told = (await source.next()).headers.get("NGSILD-Tenant")
    demand(told == "harbour", "NGSILD-Tenant: harbour", told)


@case(
    "4.3.6.5",
    "contextSourceInfo is told to the source, also what the request brought",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def extra_headers(broker: Subject) -> None:
    info = [{"key": "X-Key", "value": "abc"}, {"key": "X-Desk", "value": "urn:ngsi-ld:request"}]
    source = await joined(broker, contextSourceInfo=info)
    await broker.get("/entities", type=broker.type("Vehicle"), headers={"X-Desk": "7"})
    headers = (await source.next()).headers
    told = (headers.get("X-Key"), headers.get("X-Desk"))
    demand(told == ("abc", "7"), "X-Key: abc and X-Desk: 7", told)


@case(
    "5.5.9, 6.3.10",
    "pages over several sources neither lose nor repeat",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def pages(broker: Subject) -> None:
    here = await broker.have_all(vehicle(speed=1), vehicle(speed=2), vehicle(speed=3))
    there = [broker.own(vehicle(speed=4)), broker.own(vehicle(speed=5)), here[0]]
    (await joined(broker)).answers("GET", "/entities", 200, there)
    found: list[str] = []
    for offset in (0, 2, 4):
        answer = await broker.get("/entities", type=here[0].type, limit=2, offset=offset)
        found += [one["id"] for one in answer.status(200).json]
    wanted = sorted({one.id for one in (*here, *there)})
    demand(sorted(found) == wanted, f"each of {len(wanted)} entities once", found)


@case(
    "6.3.13, 5.7.2.4",
    "an entity that several hold is counted once",
    feature=FEATURE,
    profile="federation",
    needs=NEEDS,
)
async def counted_once(broker: Subject) -> None:
    one = await broker.have(vehicle(speed=1))
    (await joined(broker)).answers("GET", "/entities", 200, [one], NGSILD_Results_Count="1")
    answer = (await broker.get("/entities", type=one.type, count=True)).status(200)
    answer.header("NGSILD-Results-Count", "1")
