"""The HTTP binding, rule by rule: methods, media types, contexts, times, names, pages. (4.4, 4.6, 4.12, 5.5.7, 6.3)"""

from typing import Any

from conformance.answer import below_root
from conformance.case import case
from conformance.demand import demand
from conformance.entity import Entity, prop, rel, vehicle, vocab
from conformance.subject import GEO_JSON, JSON, LD_JSON, Subject

FEATURE = "Rules of the HTTP binding"
DEFAULT = "https://uri.etsi.org/ngsi-ld/default-context/"
SPEED = "https://example.org/speed"
BATCH = ("batch",)


async def refused(broker: Subject, body: Any, **more: Any) -> None:
    """Demand that an entity is refused as bad data."""
    (await broker.post("/entities", body, **more)).refused(400, "BadRequestData")


@case("6.3.2", "each resource says with 405 which methods it has", feature=FEATURE)
async def methods(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    for method, path, has in (
        ("PUT", "/entities", {"GET", "POST"}),
        ("POST", entity.path, {"GET", "PATCH", "PUT", "DELETE"}),
        ("PUT", f"{entity.path}/attrs", {"POST", "PATCH"}),
        ("POST", f"{entity.path}/attrs/speed", {"PATCH", "PUT", "DELETE"}),
    ):
        allow = (await broker.send(method, path, {"speed": prop(1)})).status(405).header("Allow").headers
        named = {name.strip() for name in allow["Allow"].split(",")}
        demand(has <= named and method not in named, f"Allow of {path} has {sorted(has)}", allow["Allow"])


@case("6.3.2", "batch operations are POSTed", feature=FEATURE, needs=BATCH)
async def batch_methods(broker: Subject) -> None:
    for operation in ("create", "upsert", "update", "delete", "query", "merge"):
        (await broker.get(f"/entityOperations/{operation}")).status(405).header("Allow", pattern=".*POST.*")


@case("6.3.4", "a media type that is not understood is 415 for each change", feature=FEATURE)
async def unsupported_media(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    text = {"Content-Type": "text/plain"}
    for method, path in (
        ("PATCH", entity.path),
        ("PUT", entity.path),
        ("POST", f"{entity.path}/attrs"),
        ("PATCH", f"{entity.path}/attrs/speed"),
    ):
        (await broker.send(method, path, '{"speed": 2}', headers=text)).status(415).empty()
    (await broker.get(entity.path)).status(200).body.equals(entity)


@case("6.3.4", "merge-patch+json is for PATCH alone", feature=FEATURE)
async def merge_patch_elsewhere(broker: Subject) -> None:
    body = broker.own(vehicle(speed=1))
    merge = {"Content-Type": "application/merge-patch+json"}
    (await broker.post("/entities", body, headers=merge)).status(415)


@case("6.3.4", "parameters of a media type do not hinder", feature=FEATURE)
async def media_parameters(broker: Subject) -> None:
    body = broker.own(vehicle(speed=1))
    json = {"Content-Type": "application/json; charset=utf-8"}
    (await broker.post("/entities", body, headers=json)).status(201)


@case("6.3.4", "application/* is JSON, and what is not understood is passed over", feature=FEATURE)
async def accept_ranges(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    for accept, media in (
        ("application/*", JSON),
        (f"text/html, {LD_JSON};q=0.5", LD_JSON),
        (f"{GEO_JSON};q=0.9, */*;q=0.1", GEO_JSON),
        ("text/html, */*;q=0.1", JSON),
    ):
        (await broker.get(entity.path, headers={"Accept": accept})).status(200).media(media)


@case("6.3.6", "errors and partial success come without a Link to an @context", feature=FEATURE, needs=BATCH)
async def no_link(broker: Subject) -> None:
    old = await broker.have(vehicle(speed=1))
    (await broker.post("/entityOperations/create", [old])).status(207).media(JSON).no_header("Link")
    (await broker.get(f"/entities/{broker.id('Vehicle')}")).status(404).no_header("Link")


@case("6.3.6, 5.5.7", "207 names attributes by their IRIs", feature=FEATURE)
async def iris_in_207(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    body = {"speed": prop(2), "colour": prop("red")}
    answer = await broker.post(f"{entity.path}/attrs", body, options="noOverwrite")
    answer.status(207).body.at("updated").equals([f"{DEFAULT}colour"])
    answer.body.at("notUpdated", 0, "attributeName").equals(f"{DEFAULT}speed")


@case("4.4", "@id and @type are taken for id and type, and never given back", feature=FEATURE)
async def aliases(broker: Subject) -> None:
    entity = broker.own(vehicle(speed=1))
    body = {"@id": entity.id, "@type": entity["type"], "speed": {"@type": "Property", "value": 1}}
    (await broker.post("/entities", body)).status(201)
    (await broker.get(entity.path)).status(200).body.equals(entity)


@case("4.4, 5.5.5", "a term no @context has is of the default vocabulary", feature=FEATURE)
async def default_vocabulary(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    iri = f"{DEFAULT}speed"
    (await broker.patch(f"{entity.path}/attrs", {iri: prop(2)})).status(204)
    (await broker.get(entity.path)).status(200).body.equals(entity.of(speed=2))


@case("5.5.7", "an IRI is an attribute's name in the path too", feature=FEATURE)
async def iri_in_path(broker: Subject) -> None:
    server = await broker.context_server({"tempo": SPEED})
    entity = await broker.have(vehicle(tempo=1, colour="red"), context=server.url)
    (await broker.patch(f"{entity.path}/attrs/https%3A%2F%2Fexample.org%2Fspeed", {"value": 2})).status(204)
    (await broker.get(entity.path, context=server.url)).status(200).body.has(tempo=prop(2))


@case("5.5.7", "the @context of a change says which attribute is meant", feature=FEATURE)
async def context_of_change(broker: Subject) -> None:
    server = await broker.context_server({"tempo": SPEED})
    entity = await broker.have(vehicle(tempo=1), context=server.url)
    (await broker.delete(f"{entity.path}/attrs/tempo")).refused(404, "ResourceNotFound")
    (await broker.delete(f"{entity.path}/attrs/tempo", context=server.url)).status(204)
    (await broker.get(entity.path)).status(200).body.lacks(SPEED)


@case("4.4, 5.5.7", "a list of @contexts is read in order, the later ones win", feature=FEATURE)
async def several_contexts(broker: Subject) -> None:
    server = await broker.context_server(
        {"tempo": "https://example.org/other", "farbe": "https://example.org/c"}
    )
    entity = broker.own(vehicle(tempo=1, farbe="rot"))
    (await broker.post("/entities", {**entity, "@context": [server.url, {"tempo": SPEED}]})).status(201)
    (await broker.get(entity.path)).status(200).body.has(
        {SPEED: prop(1), "https://example.org/c": prop("rot")}
    )


@case("5.5.7, 4.4", "a scoped @context is refused", feature=FEATURE)
async def scoped_context(broker: Subject) -> None:
    scoped = {"Vehicle": {"@id": "https://example.org/Vehicle", "@context": {"speed": SPEED}}}
    await refused(broker, {**broker.own(vehicle(speed=1)), "@context": scoped})


@case("4.5.1, 5.5.7", "an @context inside an attribute is refused", feature=FEATURE)
async def nested_context(broker: Subject) -> None:
    await refused(broker, broker.own(vehicle(speed={**prop(1), "@context": {"a": SPEED}})))


@case("5.5.6", "an @context that is no JSON-LD is refused", feature=FEATURE)
async def bad_context(broker: Subject) -> None:
    server = await broker.context_server(document={"@context": {"tempo": 5}})
    answer = await broker.post("/entities", {**broker.own(vehicle(speed=1)), "@context": server.url})
    answer.status(400, 504)
    (await broker.get(f"/entities/{broker.id('Vehicle')}", context=broker.dead_end())).status(504, 404)


@case("4.5.20, 5.5.7", "terms of a VocabProperty are compacted with the reader's @context", feature=FEATURE)
async def compacted_vocab(broker: Subject) -> None:
    german = await broker.context_server({"offen": "https://example.org/open"})
    english = await broker.context_server({"open": "https://example.org/open"})
    entity = await broker.have(vehicle(state=vocab("offen")), context=german.url)
    (await broker.get(entity.path, context=english.url)).status(200).body.at("state").equals(vocab("open"))


@case("4.5.1", "terms of the core that are no attributes are refused as names of attributes", feature=FEATURE)
async def core_names(broker: Subject) -> None:
    for name in ("datasetId", "instanceId", "unitCode", "observedAt"):
        await refused(broker, {**broker.own(vehicle(speed=1)), name: prop(1)})


@case("4.6.2", "names may be of any script, with digits and '_'", feature=FEATURE)
async def any_name(broker: Subject) -> None:
    entity = await broker.have(vehicle(**{"速度": 1, "größe_2": 2, "λ": 3}))
    (await broker.get(entity.path)).status(200).body.equals(entity)
    (await broker.get("/entities", type=entity.type, q="速度==1;λ>2")).status(200).body.ids(entity)


@case("4.6.3", "times that are none, or not in UTC, are refused", feature=FEATURE)
async def bad_times(broker: Subject) -> None:
    for time in (
        "2026-03-01T00:00:00+09:00", "2026-03-01", "2026-03-01T25:00:00Z", "2026-13-01T00:00:00Z", "now",
        "2026-03-01T00:00Z", "2026-02-29T00:00:00Z", "",
    ):  # fmt: skip
        await refused(broker, broker.own(vehicle(speed=prop(1, observedAt=time))))


@case("4.6.3", "the leap day and the last microsecond of a year are kept", feature=FEATURE)
async def odd_times(broker: Subject) -> None:
    for time in ("2024-02-29T12:00:00Z", "2025-12-31T23:59:59.999999Z", "1969-07-20T20:17:40Z"):
        entity = await broker.have(vehicle(speed=prop(1, observedAt=time)))
        (await broker.get(entity.path)).status(200).body.at("speed", "observedAt").equals(time)


@case("4.6.3, 5.2.4", "numbers that are large, small or fractions are kept", feature=FEATURE)
async def numbers(broker: Subject) -> None:
    for number in (9007199254740991, -9007199254740991, 0.1, 1e-7, 1.5e300, -0.5):
        entity = await broker.have(vehicle(speed=number))
        (await broker.get(entity.path)).status(200).body.at("speed", "value").equals(number)


async def walked(broker: Subject, path: str, rel_type: str, params: dict[str, Any]) -> list[list[str]]:
    """Follow the links of pages and give the ids of each page."""
    pages: list[list[str]] = []
    while path and len(pages) < 10:
        answer = (await broker.send("GET", path, params=params)).status(200)
        pages.append([e["id"] for e in answer.json])
        path = next((below_root(link) for link in answer.links(rel_type)), "")
        params = {}
    return pages


async def several(broker: Subject, number: int = 7) -> list[Entity]:
    """Make vehicles with speeds from 0."""
    return await broker.have_all(*(vehicle(speed=n, owner=rel("urn:a:b")) for n in range(number)))


@case("5.5.9.1, 6.3.10", "next leads through all pages with all parameters of the query", feature=FEATURE)
async def forward(broker: Subject) -> None:
    made = await several(broker)
    params = {"type": made[0].type, "q": "speed>=1;owner==urn:a:b", "limit": 2, "pick": "id,speed"}
    pages = await walked(broker, "/entities", "next", params)
    demand([len(page) for page in pages] == [2, 2, 2], "there are three pages of two", pages)
    demand(
        sorted(id for page in pages for id in page) == sorted(e.id for e in made[1:]),
        "each entity comes once",
        pages,
    )


@case("5.5.9.1, 6.3.10", "prev leads back to the first page", feature=FEATURE)
async def backward(broker: Subject) -> None:
    made = await several(broker)
    params = {"type": made[0].type, "limit": 2}
    there = await walked(broker, "/entities", "next", params)
    back = await walked(broker, "/entities", "prev", {**params, "offset": 6})
    demand(back == there[::-1], "the same pages come in reverse", {"next": there, "prev": back})


@case("6.3.10", "a link to a page names the media type asked for", feature=FEATURE)
async def media_of_links(broker: Subject) -> None:
    made = await several(broker, 3)
    for media in (JSON, LD_JSON, GEO_JSON):
        answer = await broker.get("/entities", type=made[0].type, limit=1, headers={"Accept": media})
        told = [one for one in answer.status(200).headers.getall("Link", ()) if "next" in one]
        demand(any(f'type="{media}"' in one for one in told), f'the link has type="{media}"', told)


@case("6.3.13, 6.3.10", "the count is of all that match, on every page", feature=FEATURE)
async def count_on_pages(broker: Subject) -> None:
    made = await several(broker, 5)
    for offset in (0, 2, 4):
        answer = await broker.get(
            "/entities", type=made[0].type, q="speed>0", limit=2, offset=offset, count=True
        )
        answer.status(200).header("NGSILD-Results-Count", "4")


@case(
    "6.3.10, 6.3.13",
    "pages of subscriptions are as those of entities",
    feature=FEATURE,
    needs=("subscriptions",),
)
async def pages_of_subscriptions(broker: Subject) -> None:
    for _ in range(2):
        await broker.subscribe(broker.dead_end(), entities=[{"type": broker.type("Vehicle")}])
    first = (
        (await broker.get("/subscriptions", limit=1, count=True)).status(200).header("NGSILD-Results-Count")
    )
    first.body.counts(1)
    demand(len(first.links("next")) == 1, "there is a next page", dict(first.headers))
    (await broker.get("/subscriptions", limit=0)).refused(400, "BadRequestData")


@case("6.3.20", "parameters of one operation are InvalidRequest for another", feature=FEATURE)
async def foreign_parameters(broker: Subject) -> None:
    entity = await broker.have(vehicle(speed=1))
    (await broker.get(entity.path, q="speed==1")).refused(400, "InvalidRequest")
    (await broker.get(entity.path, limit=1)).refused(400, "InvalidRequest")
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(2)}, deleteAll=True)).refused(
        400, "InvalidRequest"
    )


@case("6.3.14", "the tenant is told in refusals and empty answers too", feature=FEATURE, needs=("tenants",))
async def tenant_everywhere(broker: Subject) -> None:
    tenant = await broker.tenant()
    entity = await broker.have(vehicle(speed=1), tenant=tenant)
    (await broker.get(f"/entities/{broker.id('Vehicle')}", tenant=tenant)).status(404).header(
        "NGSILD-Tenant", tenant
    )
    answer = await broker.patch(f"{entity.path}/attrs", {"speed": prop(2)}, tenant=tenant)
    answer.status(204).header("NGSILD-Tenant", tenant)
    (await broker.get(entity.path, tenant=tenant)).no_header("NGSILD-Tenants")


@case(
    "5.5.10",
    "changes and lists of an unknown tenant are 404 NonexistentTenant",
    feature=FEATURE,
    needs=("tenants",),
)
async def changes_of_unknown_tenant(broker: Subject) -> None:
    tenant, path = broker.unknown_tenant(), f"/entities/{broker.id('Vehicle')}"
    (await broker.patch(f"{path}/attrs", {"speed": prop(1)}, tenant=tenant)).refused(404, "NonexistentTenant")
    (await broker.delete(path, tenant=tenant)).refused(404, "NonexistentTenant")
    (await broker.get("/types", tenant=tenant)).refused(404, "NonexistentTenant")


@case("6.3.5", "a POSTed query takes its @context from the body or the Link", feature=FEATURE, needs=BATCH)
async def context_of_query(broker: Subject) -> None:
    server = await broker.context_server({"tempo": SPEED})
    entity = await broker.have(vehicle(tempo=1), context=server.url)
    query = {"type": "Query", "entities": [{"type": entity.type}], "q": "tempo==1"}
    (await broker.post("/entityOperations/query", query, context=server.url)).status(200).body.ids(entity)
    answer = await broker.post("/entityOperations/query", {**query, "@context": server.url})
    answer.status(200).body.at(0).has(tempo=prop(1))
    (await broker.post("/entityOperations/query", query)).status(200).body.ids()
