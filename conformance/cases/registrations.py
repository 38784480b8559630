"""Context source registrations as resources, and the identity of the source. (5.2.9, 5.9, 5.10, 5.15)"""

from typing import Any

from conformance.case import case
from conformance.demand import demand
from conformance.entity import NULL
from conformance.subject import LD_JSON, Subject

FEATURE = "Registrations"
NEEDS = ("registrations",)


def of(broker: Subject, **members: Any) -> dict[str, Any]:
    """Write a registration of one type; None takes a member away."""
    body = {
        "id": broker.id("ContextSourceRegistration"),
        "type": "ContextSourceRegistration",
        "information": [{"entities": [{"type": broker.type("Vehicle")}]}],
        "endpoint": broker.dead_end(),
        **members,
    }
    return {name: value for name, value in body.items() if value is not None}


async def known(broker: Subject, **members: Any) -> dict[str, Any]:
    """Register a source, demanding 201."""
    body = of(broker, **members)
    (await broker.post("/csourceRegistrations", body)).status(201)
    return body


async def refused(broker: Subject, **members: Any) -> None:
    """Demand that a registration with these members is refused as bad data."""
    (await broker.post("/csourceRegistrations", of(broker, **members))).refused(400, "BadRequestData")


def path_of(body: dict[str, Any]) -> str:
    """Give the path of a registration."""
    return f"/csourceRegistrations/{body['id']}"


@case("5.9.2.4", "a new registration is answered with 201 and its Location", feature=FEATURE, needs=NEEDS)
async def create(broker: Subject) -> None:
    body = of(broker)
    answer = (await broker.post("/csourceRegistrations", body)).status(201).empty()
    answer.header("Location", pattern=f".*/ngsi-ld/v1/csourceRegistrations/{body['id']}")


@case("5.9.2.4", "a registration without id gets one", feature=FEATURE, needs=NEEDS)
async def create_without_id(broker: Subject) -> None:
    answer = (await broker.post("/csourceRegistrations", of(broker, id=None))).status(201)
    (await broker.get(answer.location)).status(200).body.at("id").matches(r"[A-Za-z][A-Za-z0-9+.-]*:.+")


@case("5.9.2.4", "a registration made twice is refused with AlreadyExists", feature=FEATURE, needs=NEEDS)
async def create_twice(broker: Subject) -> None:
    body = await known(broker)
    (await broker.post("/csourceRegistrations", body)).refused(409, "AlreadyExists")


@case("5.2.9", "information is needed", feature=FEATURE, needs=NEEDS)
async def without_information(broker: Subject) -> None:
    await refused(broker, information=None)


@case("5.2.9", "an empty information is refused", feature=FEATURE, needs=NEEDS)
async def empty_information(broker: Subject) -> None:
    await refused(broker, information=[])


@case("5.2.9", "an endpoint is needed", feature=FEATURE, needs=NEEDS)
async def without_endpoint(broker: Subject) -> None:
    await refused(broker, endpoint=None)


@case("5.2.9", "an unknown mode is refused", feature=FEATURE, needs=NEEDS)
async def unknown_mode(broker: Subject) -> None:
    await refused(broker, mode="sometimes")


@case("5.2.9, 4.20", "an unknown operation is refused", feature=FEATURE, needs=NEEDS)
async def unknown_operation(broker: Subject) -> None:
    await refused(broker, operations=["paintEntity"])


@case("5.2.9", "another type is refused", feature=FEATURE, needs=NEEDS)
async def unknown_type(broker: Subject) -> None:
    await refused(broker, type="Registration")


@case("5.2.8", "an entity info that names nothing is refused", feature=FEATURE, needs=NEEDS)
async def info_without_type(broker: Subject) -> None:
    await refused(broker, information=[{"entities": [{}]}])


@case("5.9.2.4", "an expiresAt in the past is refused", feature=FEATURE, needs=NEEDS)
async def expired_already(broker: Subject) -> None:
    await refused(broker, expiresAt="2001-01-01T00:00:00Z")


@case(
    "4.3.6.3, 5.9.2.4",
    "an exclusive registration must name entity and attributes",
    feature=FEATURE,
    needs=NEEDS,
)
async def exclusive_too_wide(broker: Subject) -> None:
    await refused(broker, mode="exclusive")


@case("5.10.1.4, 5.2.9", "a registration is read as it was written", feature=FEATURE, needs=NEEDS)
async def read(broker: Subject) -> None:
    body = await known(
        broker,
        registrationName="speeds",
        description="of vehicles",
        information=[{"entities": [{"type": broker.type("Vehicle")}], "propertyNames": ["speed"]}],
        operations=["retrieveEntity", "queryEntity"],
        location={"type": "Point", "coordinates": [134.7, 35.4]},
        contextSourceInfo=[{"key": "X-Purpose", "value": "drill"}],
        management={"timeout": 500},
    )
    answer = (await broker.get(path_of(body))).status(200).media("application/json")
    answer.body.has({name: value for name, value in body.items() if name not in ("endpoint", "operations")})
    answer.body.at("operations").unordered(body["operations"])
    answer.body.at("endpoint").holds(answer.json["endpoint"].rstrip("/") == body["endpoint"], "is as given")


@case("5.10.1.4", "an unknown registration is not found", feature=FEATURE, needs=NEEDS)
async def read_unknown(broker: Subject) -> None:
    (await broker.get(path_of(of(broker)))).refused(404, "ResourceNotFound")


@case("5.10.1.4", "a registration id that is no URI is refused", feature=FEATURE, needs=NEEDS)
async def read_bad_id(broker: Subject) -> None:
    (await broker.get("/csourceRegistrations/nouri")).refused(400, "BadRequestData")


@case("5.10.1, 6.3.5", "in JSON-LD a registration carries its @context", feature=FEATURE, needs=NEEDS)
async def read_in_json_ld(broker: Subject) -> None:
    body = await known(broker)
    answer = await broker.get(path_of(body), headers={"Accept": LD_JSON})
    answer.status(200).media(LD_JSON).body.at("@context")


@case("5.10.1, 5.5.7", "terms are compacted with the reader's @context", feature=FEATURE, needs=NEEDS)
async def read_in_another_context(broker: Subject) -> None:
    server = await broker.context_server({"tempo": "https://example.org/terms/tempo"})
    info = [{"entities": [{"type": broker.type("Vehicle")}], "propertyNames": ["tempo"]}]
    body = of(broker, information=info)
    (await broker.post("/csourceRegistrations", body, context=server.url)).status(201)
    answer = (await broker.get(path_of(body))).status(200)
    answer.body.at("information", 0, "propertyNames").equals(["https://example.org/terms/tempo"])
    answer = (await broker.get(path_of(body), context=server.url)).status(200)
    answer.body.at("information", 0, "propertyNames").equals(["tempo"])


@case("5.9.3.4", "a patched member is replaced and others stay", feature=FEATURE, needs=NEEDS)
async def patch(broker: Subject) -> None:
    body = await known(broker, registrationName="kept", description="old")
    (await broker.patch(path_of(body), {"description": "new"})).status(204).empty()
    (await broker.get(path_of(body))).status(200).body.has(description="new", registrationName="kept")


@case("5.9.3.4, 5.5.8", "an NGSI-LD Null takes a member away", feature=FEATURE, needs=NEEDS)
async def patch_null(broker: Subject) -> None:
    body = await known(broker, description="old")
    (await broker.patch(path_of(body), {"description": NULL})).status(204)
    (await broker.get(path_of(body))).status(200).body.lacks("description")


@case("5.9.3.4", "a patch that would break the registration is refused", feature=FEATURE, needs=NEEDS)
async def bad_patch(broker: Subject) -> None:
    body = await known(broker, description="old")
    (await broker.patch(path_of(body), {"mode": "sometimes"})).refused(400, "BadRequestData")
    (await broker.get(path_of(body))).status(200).body.has(description="old")


@case("5.9.3.4", "an unknown registration is not patched", feature=FEATURE, needs=NEEDS)
async def patch_unknown(broker: Subject) -> None:
    (await broker.patch(path_of(of(broker)), {"description": "new"})).refused(404, "ResourceNotFound")


@case("5.9.4.4", "a deleted registration is gone", feature=FEATURE, needs=NEEDS)
async def delete(broker: Subject) -> None:
    body = await known(broker)
    (await broker.delete(path_of(body))).status(204).empty()
    (await broker.get(path_of(body))).refused(404, "ResourceNotFound")
    (await broker.delete(path_of(body))).refused(404, "ResourceNotFound")


@case("5.9.2.4", "a registration past its expiresAt is gone", feature=FEATURE, needs=NEEDS, waits=True)
async def expires(broker: Subject) -> None:
    body = await known(broker, expiresAt=broker.moment(1.5))
    await broker.pause(4.0)
    (await broker.get(path_of(body))).refused(404, "ResourceNotFound")


@case("5.10.2.4", "registrations are found by type", feature=FEATURE, needs=NEEDS)
async def query_by_type(broker: Subject) -> None:
    body = await known(broker)
    await known(broker, information=[{"entities": [{"type": broker.type("Bicycle")}]}])
    (await broker.get("/csourceRegistrations", type=broker.type("Vehicle"))).status(200).body.ids(body)


@case("5.10.2.4", "registrations are found by the id of an entity", feature=FEATURE, needs=NEEDS)
async def query_by_id(broker: Subject) -> None:
    kind, id = broker.type("Vehicle"), broker.id("Vehicle")
    named = await known(broker, information=[{"entities": [{"type": kind, "id": id}]}])
    other = [{"entities": [{"type": kind, "id": broker.id("Vehicle")}]}]
    await known(broker, information=other)
    (await broker.get("/csourceRegistrations", type=kind, id=id)).status(200).body.ids(named)


@case(
    "5.10.2.4, 5.2.8", "an idPattern of a registration takes the ids it matches", feature=FEATURE, needs=NEEDS
)
async def query_pattern(broker: Subject) -> None:
    kind, id = broker.type("Vehicle"), broker.id("Vehicle")
    body = await known(broker, information=[{"entities": [{"type": kind, "idPattern": f"{id[:-1]}.*"}]}])
    (await broker.get("/csourceRegistrations", type=kind, id=id)).status(200).body.ids(body)
    (await broker.get("/csourceRegistrations", type=kind, id="urn:ngsi-ld:Other:1")).status(200).body.ids()


@case("5.10.2.4", "registrations are found by attribute", feature=FEATURE, needs=NEEDS)
async def query_by_attribute(broker: Subject) -> None:
    kind = broker.type("Vehicle")
    speed = await known(broker, information=[{"entities": [{"type": kind}], "propertyNames": ["speed"]}])
    await known(broker, information=[{"entities": [{"type": kind}], "propertyNames": ["weight"]}])
    (await broker.get("/csourceRegistrations", type=kind, attrs="speed")).status(200).body.ids(speed)


@case("5.10.2.4", "a registration without attributes has every attribute", feature=FEATURE, needs=NEEDS)
async def query_any_attribute(broker: Subject) -> None:
    body = await known(broker)
    answer = await broker.get("/csourceRegistrations", type=broker.type("Vehicle"), attrs="speed")
    answer.status(200).body.ids(body)


@case("5.10.2.4, 4.9", "csf looks at members of the registration", feature=FEATURE, needs=NEEDS)
async def query_by_csf(broker: Subject) -> None:
    kind = broker.type("Vehicle")
    yabu = await known(broker, registrationName="yabu")
    await known(broker, registrationName="asago")
    answer = await broker.get("/csourceRegistrations", type=kind, csf='registrationName=="yabu"')
    answer.status(200).body.ids(yabu)


@case("5.10.2.4", "a csf that is no query is refused", feature=FEATURE, needs=NEEDS)
async def bad_csf(broker: Subject) -> None:
    answer = await broker.get("/csourceRegistrations", type=broker.type("Vehicle"), csf="endpoint>>")
    answer.refused(400, "BadRequestData")


@case("5.10.2.4, 4.10", "a geo-query looks at the location of the source", feature=FEATURE, needs=NEEDS)
async def query_by_place(broker: Subject) -> None:
    there = await known(broker, location={"type": "Point", "coordinates": [134.77, 35.4]})
    await known(broker, location={"type": "Point", "coordinates": [0, 0]})
    answer = await broker.get(
        "/csourceRegistrations",
        type=broker.type("Vehicle"),
        georel="near;maxDistance==1000",
        geometry="Point",
        coordinates="[134.77,35.4]",
    )
    answer.status(200).body.ids(there)


@case("5.10.2.4, 4.19", "a scope query looks at the scope of the source", feature=FEATURE, needs=NEEDS)
async def query_by_scope(broker: Subject) -> None:
    inside = await known(broker, scope="/Yabu/Yoka")
    await known(broker, scope="/Asago")
    answer = await broker.get("/csourceRegistrations", type=broker.type("Vehicle"), scopeQ="/Yabu/#")
    answer.status(200).body.ids(inside)


@case("5.10.2.4, 5.2.11", "a temporal query looks at the observation interval", feature=FEATURE, needs=NEEDS)
async def query_by_time(broker: Subject) -> None:
    old = {"startAt": "2020-01-01T00:00:00Z", "endAt": "2020-12-31T00:00:00Z"}
    new = {"startAt": "2026-01-01T00:00:00Z"}
    await known(broker, observationInterval=old)
    recent = await known(broker, observationInterval=new)
    kind = broker.type("Vehicle")
    params: dict[str, Any] = {"timerel": "after", "timeAt": "2025-01-01T00:00:00Z"}
    (await broker.get("/csourceRegistrations", type=kind, **params)).status(200).body.ids(recent)


@case("5.10.2.4", "a query for registrations that names nothing is too wide", feature=FEATURE, needs=NEEDS)
async def query_too_wide(broker: Subject) -> None:
    (await broker.get("/csourceRegistrations")).refused(400, "BadRequestData")


@case("5.10.2, 6.3.10", "registrations come in pages", feature=FEATURE, needs=NEEDS)
async def query_in_pages(broker: Subject) -> None:
    made = [await known(broker) for _ in range(3)]
    kind = broker.type("Vehicle")
    first = await broker.get("/csourceRegistrations", type=kind, limit=2, count=True)
    first.status(200).header("NGSILD-Results-Count", "3").body.counts(2)
    second = (await broker.get("/csourceRegistrations", type=kind, limit=2, offset=2)).status(200)
    found = sorted(r["id"] for r in [*first.json, *second.json])
    demand(found == sorted(r["id"] for r in made), "each comes once", found)


@case("5.15.1.5, 5.2.40", "a context source tells its identity", feature=FEATURE, needs=("source identity",))
async def identity(broker: Subject) -> None:
    body = (await broker.get("/info/sourceIdentity")).status(200).body.has(type="ContextSourceIdentity")
    body.at("id").matches(r"[A-Za-z][A-Za-z0-9+.-]*:.+")
    body.at("contextSourceAlias").matches(r"\S+")
    body.at("contextSourceUptime").matches(
        r"P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(\d+H)?(\d+M)?(\d+([.,]\d+)?S)?)?"
    )
    body.at("contextSourceTimeAt").is_time()


@case("5.15.1.5, 4.14", "an alias tells tenants apart", feature=FEATURE, needs=("source identity", "tenants"))
async def identity_of_a_tenant(broker: Subject) -> None:
    tenant = await broker.tenant()
    await broker.have({"type": "Vehicle"}, tenant=tenant)
    own = (await broker.get("/info/sourceIdentity", tenant=tenant)).status(200).json["contextSourceAlias"]
    answer = await broker.get("/info/sourceIdentity", tenant="")
    answer.status(200).body.at("contextSourceAlias").differs(own)
