"""@contexts hosted, listed, served and deleted. (5.13, 6.29, 6.30)"""

from typing import Any

from conformance.answer import below_root
from conformance.case import case
from conformance.demand import demand
from conformance.entity import prop, vehicle
from conformance.subject import Subject

FEATURE = "Hosted @contexts"
NEEDS = ("contexts",)
ROOT = "/jsonldContexts"


async def rows(broker: Subject, **params: str) -> list[Any]:
    """Read the whole list of @contexts, page by page."""
    found: list[Any] = []
    path = ROOT
    while path:
        answer = (await broker.send("GET", path, params=params)).status(200)
        found += answer.json
        path = next((below_root(link) for link in answer.links("next")), "")
        params = {}
    return found


async def hosted(broker: Subject, **terms: str) -> str:
    """Host an @context, demanding 201; give its path."""
    return (
        (await broker.post(ROOT, {"@context": terms or {"tempo": "https://example.org/tempo"}}))
        .status(201)
        .location
    )


@case("5.13.2.4, 6.29.3.1", "an @context is hosted with 201 and its Location", feature=FEATURE, needs=NEEDS)
async def add(broker: Subject) -> None:
    answer = await broker.post(ROOT, {"@context": {"tempo": "https://example.org/tempo"}})
    answer.status(201).header("Location", pattern=".*/ngsi-ld/v1/jsonldContexts/.+")


@case("5.13.2.4", "a body without @context is refused", feature=FEATURE, needs=NEEDS)
async def add_without_context(broker: Subject) -> None:
    (await broker.post(ROOT, {"tempo": "https://example.org/tempo"})).status(400)


@case("5.13.4.4, 6.30.3.1", "a hosted @context is served as it was given", feature=FEATURE, needs=NEEDS)
async def serve(broker: Subject) -> None:
    path = await hosted(broker, tempo="https://example.org/tempo")
    body = (await broker.get(path)).status(200).body
    body.at("@context").holds(
        "https://example.org/tempo" in str(body.value), "has the term given", str(body.value)
    )


@case("5.13.4.4, 6.30.3.1", "details tell kind, URL and times", feature=FEATURE, needs=NEEDS)
async def details(broker: Subject) -> None:
    path = await hosted(broker)
    body = (await broker.get(path, details=True)).status(200).body.has(kind="Hosted")
    body.at("createdAt").is_time()
    body.at("URL").matches("https?://.+")


@case("5.13.4.4", "an unknown @context is not found", feature=FEATURE, needs=NEEDS)
async def serve_unknown(broker: Subject) -> None:
    (await broker.get(f"{ROOT}/{broker.id('Context')}")).refused(404, "ResourceNotFound")


@case("5.13.3.4, 6.29.3.2", "hosted @contexts are listed", feature=FEATURE, needs=NEEDS)
async def listed(broker: Subject) -> None:
    path = await hosted(broker)
    urls = await rows(broker, kind="Hosted")
    demand(any(path.rpartition("/")[2] in url for url in urls), "the hosted @context is listed", urls)


@case("5.13.3.4", "an unknown kind is refused", feature=FEATURE, needs=NEEDS)
async def bad_kind(broker: Subject) -> None:
    (await broker.get(ROOT, kind="Borrowed")).refused(400, "BadRequestData")


@case("5.13.5.4, 6.30.3.2", "a deleted @context is gone", feature=FEATURE, needs=NEEDS)
async def delete(broker: Subject) -> None:
    path = await hosted(broker)
    (await broker.delete(path)).status(204).empty()
    (await broker.get(path)).refused(404, "ResourceNotFound")
    (await broker.delete(path)).refused(404, "ResourceNotFound")


@case("5.13.5.4", "a hosted @context cannot be reloaded", feature=FEATURE, needs=NEEDS)
async def reload_hosted(broker: Subject) -> None:
    (await broker.delete(await hosted(broker), reload=True)).refused(400, "BadRequestData")


@case("5.13.1, 6.3.5", "a fetched @context is listed as Cached with its use", feature=FEATURE, needs=NEEDS)
async def cached(broker: Subject) -> None:
    server = await broker.context_server({"tempo": "https://example.org/tempo"})
    entity = await broker.have(vehicle(tempo=1), context=server.url)
    (await broker.get(entity.path, context=server.url)).status(200).body.has(tempo=prop(1))
    mine = [row for row in await rows(broker, kind="Cached", details="true") if row.get("URL") == server.url]
    demand(len(mine) == 1 and mine[0].get("numberOfHits", 0) >= 1, "it is listed with its hits", mine)


@case("5.13.1", "a cached @context is not fetched for each request", feature=FEATURE, needs=NEEDS)
async def fetched_once(broker: Subject) -> None:
    server = await broker.context_server({"tempo": "https://example.org/tempo"})
    entity = await broker.have(vehicle(tempo=1), context=server.url)
    for _ in range(5):
        (await broker.get(entity.path, context=server.url)).status(200)
    demand(server.fetched <= 2, "it is fetched once or twice", f"{server.fetched} times")


@case("5.13.4, 4.4", "a hosted @context serves requests", feature=FEATURE, needs=NEEDS)
async def used(broker: Subject) -> None:
    path = await hosted(broker, tempo="https://example.org/tempo")
    url = (await broker.get(path, details=True)).status(200).json["URL"]
    entity = await broker.have(vehicle(tempo=1), context=url)
    (await broker.get(entity.path)).status(200).body.has({"https://example.org/tempo": prop(1)})
