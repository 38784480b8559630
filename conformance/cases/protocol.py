"""The HTTP binding: methods, media types, contexts, errors, parameters, tenants. (5.5.2 to 5.5.4, 6.3)"""

from conformance.case import case
from conformance.demand import demand
from conformance.entity import prop, vehicle
from conformance.subject import GEO_JSON, JSON, LD_JSON, Subject

FEATURE = "HTTP binding"
TENANTS = "Tenants"
CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context"


@case("6.3.4", "a method a resource does not have is 405 with Allow", feature=FEATURE)
async def unknown_method(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    answer = (await broker.post(entity.path, {"speed": prop(1)})).status(405).header("Allow")
    demand("GET" in answer.headers["Allow"], "Allow names GET", answer.headers["Allow"])


@case("6.3.4", "a media type that cannot be given is 406 and the body lists what can", feature=FEATURE)
async def not_acceptable(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    answer = (await broker.get(entity.path, headers={"Accept": "image/png"})).status(406)
    demand(
        JSON in answer.text and LD_JSON in answer.text, "the available media types are listed", answer.text
    )


@case("6.3.4", "a media type that is not understood is 415", feature=FEATURE)
async def unsupported_media(broker: Subject) -> None:
    text = {"Content-Type": "text/plain"}
    (await broker.post("/entities", '{"id":"urn:a:b","type":"T"}', headers=text)).status(415)


@case("6.3.4", "without Accept JSON is given", feature=FEATURE)
async def no_accept(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    (await broker.get(entity.path, headers={"Accept": None})).status(200).media(JSON)
    (await broker.get(entity.path, headers={"Accept": "*/*"})).status(200).media(JSON)


@case("6.3.4", "of equals JSON is given before JSON-LD, JSON-LD before GeoJSON", feature=FEATURE)
async def accept_order(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    (await broker.get(entity.path, headers={"Accept": f"{GEO_JSON},{LD_JSON},{JSON}"})).status(200).media(
        JSON
    )
    (await broker.get(entity.path, headers={"Accept": f"{GEO_JSON},{LD_JSON}"})).status(200).media(LD_JSON)


@case("6.3.4", "weights decide on the media type", feature=FEATURE)
async def accept_weights(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    (await broker.get(entity.path, headers={"Accept": f"{JSON};q=0.1,{LD_JSON};q=0.9"})).status(200).media(
        LD_JSON
    )
    (await broker.get(entity.path, headers={"Accept": f"{JSON};q=0,{LD_JSON}"})).status(200).media(LD_JSON)


@case("6.3.4, 5.5.2", "GeoJSON is not to be had for subscriptions", feature=FEATURE, needs=("subscriptions",))
async def geo_json_elsewhere(broker: Subject) -> None:
    (await broker.get("/subscriptions", headers={"Accept": GEO_JSON})).status(406)


@case("6.3.2, 5.5.3", "a body that is no JSON is InvalidRequest", feature=FEATURE)
async def no_json(broker: Subject) -> None:
    answer = await broker.post("/entities", "{not json", headers={"Content-Type": JSON})
    answer.refused(400, "InvalidRequest")


@case("6.3.3, 5.5.3", "errors are application/json even when JSON-LD is asked for", feature=FEATURE)
async def error_media(broker: Subject) -> None:
    path = f"/entities/{broker.id('Vehicle')}"
    answer = await broker.get(path, headers={"Accept": LD_JSON})
    answer.refused(404, "ResourceNotFound").body.lacks("@context")


@case("6.3.20", "an unknown parameter is InvalidRequest", feature=FEATURE)
async def unknown_parameter(broker: Subject) -> None:
    (await broker.get("/entities", type=broker.type("Vehicle"), colour="red")).refused(400, "InvalidRequest")
    entity = await broker.have(vehicle(speed=1))
    (await broker.get(entity.path, colour="red")).refused(400, "InvalidRequest")


@case("6.3.20", "an unknown option is InvalidRequest", feature=FEATURE)
async def unknown_option(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    (await broker.get(entity.path, options="sideways")).status(400)


@case("6.3.5", "JSON with an @context in the body is refused", feature=FEATURE)
async def context_in_json(broker: Subject) -> None:
    entity = broker.own(vehicle(speed=1))
    body = {**entity, "@context": f"{CORE}-v1.8.jsonld"}
    (await broker.post("/entities", body, headers={"Content-Type": JSON})).refused(400, "BadRequestData")


@case("6.3.5", "JSON-LD without @context is refused", feature=FEATURE)
async def no_context_in_json_ld(broker: Subject) -> None:
    entity = broker.own(vehicle(speed=1))
    (await broker.post("/entities", entity, headers={"Content-Type": LD_JSON})).refused(400, "BadRequestData")


@case("6.3.5", "JSON-LD with a Link to an @context is refused", feature=FEATURE)
async def two_contexts(broker: Subject) -> None:
    server = await broker.context_server({"tempo": "https://example.org/tempo"})
    body = {**broker.own(vehicle(speed=1)), "@context": server.url}
    (await broker.post("/entities", body, context=server.url)).refused(400, "BadRequestData")


@case("5.5.7, 6.3.5", "terms are those of the @context: written with one, read with another", feature=FEATURE)
async def two_readers(broker: Subject) -> None:
    german = await broker.context_server({"tempo": "https://example.org/speed"})
    english = await broker.context_server({"speed": "https://example.org/speed"})
    entity = await broker.have(vehicle(tempo=55), context=german.url)
    (await broker.get(entity.path, context=german.url)).status(200).body.has(tempo=prop(55)).lacks("speed")
    (await broker.get(entity.path, context=english.url)).status(200).body.has(speed=prop(55)).lacks("tempo")
    (await broker.get(entity.path)).status(200).body.has({"https://example.org/speed": prop(55)})


@case("5.5.7", "q, attrs and pick use the terms of the @context", feature=FEATURE)
async def terms_in_parameters(broker: Subject) -> None:
    server = await broker.context_server({"tempo": "https://example.org/speed"})
    entity = await broker.have(vehicle(tempo=55, colour="red"), context=server.url)
    for params in ({"q": "tempo>50"}, {"attrs": "tempo"}, {"pick": "id,tempo"}):
        answer = await broker.send(
            "GET", "/entities", params={"type": entity.type, **params}, context=server.url
        )
        answer.status(200).body.ids(entity)
    (await broker.get("/entities", type=entity.type, q="tempo>50")).status(200).body.ids()


@case("4.4, 5.5.7", "an inline @context is understood", feature=FEATURE)
async def inline_context(broker: Subject) -> None:
    entity = broker.own(vehicle(tempo=55))
    body = {**entity, "@context": {"tempo": "https://example.org/speed"}}
    (await broker.post("/entities", body)).status(201)
    (await broker.get(entity.path)).status(200).body.has({"https://example.org/speed": prop(55)})


@case("4.4", "the core @context cannot be redefined", feature=FEATURE)
async def core_protected(broker: Subject) -> None:
    entity = broker.own(vehicle(speed=1))
    body = {
        **entity,
        "@context": {"value": "https://example.org/value", "speed": "https://example.org/speed"},
    }
    answer = (await broker.post("/entities", body)).status(201, 400)
    if answer.code == 201:
        found = (await broker.get(entity.path)).status(200).body
        found.at("https://example.org/speed").has(type="Property", value=1)


@case("5.5.2, 6.3.2", "an @context that cannot be fetched is 504 LdContextNotAvailable", feature=FEATURE)
async def context_unavailable(broker: Subject) -> None:
    body = {**broker.own(vehicle(speed=1)), "@context": broker.dead_end()}
    (await broker.post("/entities", body)).refused(504, "LdContextNotAvailable")


@case("6.3.5", "the Link of an answer names the @context of the request", feature=FEATURE)
async def context_link(broker: Subject) -> None:
    server = await broker.context_server({"tempo": "https://example.org/speed"})
    entity = await broker.have(vehicle(tempo=55), context=server.url)
    answer = (await broker.get(entity.path, context=server.url)).status(200)
    links = answer.links("http://www.w3.org/ns/json-ld#context")
    demand(links == [server.url], f"the Link is {server.url}", links)


@case("6.3.4", "204 comes without body and Content-Type", feature=FEATURE)
async def no_content(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    answer = await broker.patch(f"{entity.path}/attrs", {"speed": prop(2)})
    answer.status(204).empty().no_header("Content-Length")


@case("6.3.2", "an unknown resource is 404", feature=FEATURE)
async def unknown_resource(broker: Subject) -> None:
    (await broker.get("/thingummies")).status(404)


@case("6.2", "identifiers with percent-encoded characters are understood", feature=FEATURE)
async def encoded_id(broker: Subject) -> None:
    entity = await broker.have(vehicle(id=f"urn:ngsi-ld:Vehicle:養父-{broker.mark}", speed=1))
    (await broker.get(entity.path)).status(200).body.has(id=entity.id)


@case("4.14, 6.3.14", "tenants hold their own entities", feature=TENANTS, needs=("tenants",))
async def tenants_apart(broker: Subject) -> None:
    one, two = await broker.tenant(), await broker.tenant()
    entity = broker.own(vehicle(speed=1))
    (await broker.post("/entities", entity, tenant=one)).status(201)
    (await broker.post("/entities", entity.of(speed=2), tenant=two)).status(201)
    (await broker.get(entity.path, tenant=one)).status(200).body.has(speed=prop(1))
    (await broker.get(entity.path, tenant=two)).status(200).body.has(speed=prop(2))
    (await broker.get(entity.path, tenant="")).refused(404, "ResourceNotFound")


@case("6.3.14", "the tenant is told in the answer", feature=TENANTS, needs=("tenants",))
async def tenant_echoed(broker: Subject) -> None:
    tenant = await broker.tenant()
    entity = await broker.have(vehicle(speed=1), tenant=tenant)
    (await broker.get(entity.path, tenant=tenant)).status(200).header("NGSILD-Tenant", tenant)
    (await broker.get("/entities", type=entity.type, tenant=tenant)).header("NGSILD-Tenant", tenant)


@case("5.5.10, 6.3.14", "an unknown tenant is 404 NonexistentTenant", feature=TENANTS, needs=("tenants",))
async def unknown_tenant(broker: Subject) -> None:
    answer = await broker.get("/entities", type=broker.type("Vehicle"), tenant=broker.unknown_tenant())
    answer.refused(404, "NonexistentTenant")


@case("6.3.14", "a query in one tenant finds nothing of another", feature=TENANTS, needs=("tenants",))
async def query_in_tenant(broker: Subject) -> None:
    tenant = await broker.tenant()
    inside = await broker.have(vehicle(speed=1), tenant=tenant)
    outside = await broker.have(vehicle(speed=1))
    (await broker.get("/entities", type=inside.type, tenant=tenant)).status(200).body.ids(inside)
    (await broker.get("/entities", type=outside.type)).status(200).body.ids(outside)


@case("6.3.14", "a tenant's name of forbidden characters is refused", feature=TENANTS, needs=("tenants",))
async def bad_tenant(broker: Subject) -> None:
    answer = await broker.get("/entities", type=broker.type("Vehicle"), tenant="a/b c")
    answer.status(400, 404)
