"""The resources /entities and /entities/{entityId}. (5.6.1, 5.6.6, 5.6.17, 5.6.18, 5.7.1, 5.7.2)"""

from dataclasses import replace
from urllib.parse import quote

from base.errors import BadRequestData, InvalidRequest, ResourceNotFound
from broker.language import types
from broker.model import expand, merge, represent, validate
from broker.model.document import Document
from broker.operations import (
    asked,
    distributed,
    distributed_changes,
    distributed_entities,
    distributed_maps,
    entity_maps,
    paging,
    past,
    preferences,
    rendering,
)
from broker.operations.asked import Limits
from broker.operations.call import GEO_JSON, NO_CONTENT, Answer, Broker, Call
from broker.operations.changing import apply, refuse_people, selected
from broker.settings import BrokerSettings
from broker.store.contract import Page, TenantStore

ROOT = "/ngsi-ld/v1"
LONGEST_KEPT = 100  # entities on a page worth keeping


async def create_entity(call: Call, broker: Broker) -> Answer:
    """Create an entity. (5.6.1, 6.4.3.1)"""
    if not isinstance(call.body, dict):
        raise InvalidRequest("The body must be one entity; /entityOperations/create takes a list of them.")
    document = expand.entity(call.body, call.context.table, call.now)
    refuse_people(broker, document)
    id = document["id"]
    created = Answer(201, headers={"Location": f"{ROOT}/entities/{quote(id, safe=':')}"})

    async def here(new: Document) -> None:
        store = await broker.catalogue.create(call.tenant)
        await apply(broker, call, store, id, lambda current: merge.create(current, new))

    asking = distributed.asking(call, broker)
    if asking is None:
        await here(document)
        return created
    kind = distributed_changes.CREATE
    parts = await distributed_changes.change_entity(call, broker, asking, kind, document, here)
    return distributed_changes.as_batch(id, parts, created)


async def retrieve_entity(call: Call, broker: Broker) -> Answer:
    """Retrieve an entity. (5.7.1, 6.5.3.1)"""
    id = validate.uri(call.path["entityId"], "entityId")
    shape = asked.representation(call.params, call.context.table, call.accept == GEO_JSON)
    links = asked.links(call.params, shape)
    if past.asked_for(call):
        return await past.retrieve(call, broker, id, shape, links)
    asking = distributed.asking(call, broker)
    if asking and (answer := await distributed_entities.retrieve(call, broker, asking, id, shape, links)):
        return answer
    store = broker.catalogue.open(call.tenant)
    stamp = store.stamp(id, call.now)
    if stamp is None:
        raise absent(id)
    if shape.attrs is not None or shape.pick or shape.omit or shape.dataset_ids or "type" in call.params:
        _check_shown(call, store, id, shape)
    headers = await entity_maps.headers_of_one(call, broker, store, id)
    made = rendering.rendered(call, broker, store, [stamp], shape, links)
    if not made.bodies:
        raise absent(id)
    flat = links is not None and not links.inline
    body = rendering.page(call, made.bodies) if flat else rendering.one(call, made.bodies[0])
    return rendering.answer(call, body, altered=made.altered, headers=headers)


def _check_shown(call: Call, store: TenantStore, id: str, shape: represent.Representation) -> None:
    stored = store.document(id, call.now)
    if stored is None or not of_type(call, stored.document):
        raise absent(id)
    if represent.nothing_left(stored.document, shape):
        raise ResourceNotFound(f"Entity {id} has none of the attributes asked for.")


def of_type(call: Call, document: Document) -> bool:
    """Say whether the entity is of the types asked for by the parameter `type`. (4.17)"""
    if "type" not in call.params:
        return True
    return types.matches(types.parse(call.params["type"], call.context.table), document["type"])


def absent(id: str) -> ResourceNotFound:
    """Say that an entity is not there."""
    return ResourceNotFound(f"Entity {id} does not exist.")


def limits(settings: BrokerSettings) -> Limits:
    """Take the limits of a query from the settings."""
    return Limits(settings.page_default, settings.page_most, settings.query_terms)


async def query_entities(call: Call, broker: Broker) -> Answer:
    """Query entities. (5.7.2, 6.4.3.2)"""
    geojson = call.accept == GEO_JSON
    wanted = asked.from_params(call.params, call.context.table, geojson, limits(broker.settings))
    return await answer_query(call, broker, wanted)


async def answer_query(call: Call, broker: Broker, wanted: asked.Wanted) -> Answer:
    """Answer a query understood, a page of it. (5.7.2.4, 5.5.9)"""
    if not wanted.narrow_enough():
        raise BadRequestData("The query is too wide; give type, attrs, pick, q or georel, or local=true.")
    if past.asked_for(call):
        return await past.query(call, broker, wanted)
    by_map = entity_maps.asks_for_map(call, wanted)
    asking = distributed.asking(call, broker)
    if asking is not None:
        query = distributed_maps.query if by_map else distributed_entities.query
        if (answer := await query(call, broker, asking, wanted)) is not None:
            return answer
    store = broker.catalogue.open(call.tenant)
    if by_map:
        searching = entity_maps.in_current_state(call, store, wanted)
        use = await entity_maps.page_of_map(call, broker, store, wanted, searching)
        stamps, status, headers, links = use.page.found, use.status, use.headers, use.links(call, wanted)
    else:
        in_order = wanted.window.ordering is None and preferences.in_order(call)
        if in_order:
            wanted = replace(wanted, window=replace(wanted.window, by_id=True))
        found = await _page(call, broker, store, wanted)
        stamps, status = found.stamps, 200
        headers = {preferences.APPLIED: preferences.BY_ID} if in_order else {}
        if found.count is not None:
            headers["NGSILD-Results-Count"] = str(found.count)
        links = paging.page_links(call.target, wanted.window, found.more, call.accept)
    made = rendering.rendered(call, broker, store, stamps, wanted.representation, wanted.links)
    if links:
        headers["Link"] = ", ".join(links)
    body = rendering.page(call, made.bodies)
    return rendering.answer(call, body, altered=made.altered, status=status, headers=headers)


async def _page(call: Call, broker: Broker, store: TenantStore, wanted: asked.Wanted) -> Page:
    """Find a page; the one found before serves again while nothing has changed and nothing has expired."""
    key = (wanted.selection, wanted.window, call.tenant, call.rights)
    mark = store.mark()
    kept = broker.pages.get(key)
    if kept is not None and kept[0] == mark and (mark.until is None or call.now < mark.until):
        return kept[1]
    page = await store.query(wanted.selection, wanted.window, call.now)
    if wanted.window.limit <= LONGEST_KEPT and (mark.until is None or call.now < mark.until):
        broker.pages[key] = (mark, page)
    return page


async def replace_entity(call: Call, broker: Broker) -> Answer:
    """Replace an entity as a whole. (5.6.18, 6.5.3.3)"""
    id = validate.uri(call.path["entityId"], "entityId")
    store = broker.catalogue.open(call.tenant)
    body = same_id(call.body, id)
    document = expand.entity({**body, "id": id}, call.context.table, call.now)
    refuse_people(broker, document)

    async def here(new: Document) -> None:
        await apply(
            broker,
            call,
            store,
            id,
            lambda current: merge.replace(selected(call, id, current), new, call.now),
        )

    asking = distributed.asking(call, broker)
    if asking is None:
        await here(document)
        return NO_CONTENT
    parts = await distributed_changes.replace_entity(call, broker, asking, document, here)
    return distributed_changes.as_batch(id, parts)


async def merge_entity(call: Call, broker: Broker) -> Answer:
    """Merge a fragment into an entity. (5.6.17, 6.5.3.4)"""
    id = validate.uri(call.path["entityId"], "entityId")
    store = broker.catalogue.open(call.tenant)
    options = call.params.get("options", "").split(",")
    fragment = expand.fragment(
        same_id(call.body, id),
        call.context.table,
        call.now,
        nulls=True,
        merge=True,
        simplified=call.params.get("format") in ("simplified", "keyValues")
        or not {"keyValues", "simplified"}.isdisjoint(options),
        lang=call.params.get("lang"),
        observed_at=call.params.get("observedAt"),
    )
    refuse_people(broker, fragment)

    async def here(part: Document) -> None:
        await apply(
            broker,
            call,
            store,
            id,
            lambda current: merge.merge_patch(selected(call, id, current), part, call.now)[0],
        )

    asking = distributed.asking(call, broker)
    if asking is None:
        await here(fragment)
        return NO_CONTENT
    kind = distributed_changes.MERGE
    parts = await distributed_changes.change_entity(call, broker, asking, kind, fragment, here)
    return distributed_changes.as_batch(id, parts)


def same_id(body: object, id: str) -> dict[str, object]:
    """Refuse a fragment that names another entity than the URL does."""
    if not isinstance(body, dict):
        raise BadRequestData("The body must be a JSON object.")
    if "id" in body and body["id"] != id:
        raise BadRequestData(
            "The id in the body differs from the one in the URL; leave it out or make them equal."
        )
    return body


async def delete_entity(call: Call, broker: Broker) -> Answer:
    """Delete an entity. (5.6.6, 6.5.3.2)"""
    id = validate.uri(call.path["entityId"], "entityId")
    store = broker.catalogue.open(call.tenant)

    def rule(current: Document | None) -> None:
        selected(call, id, current)

    async def here(_: Document) -> None:
        await apply(broker, call, store, id, rule)

    asking = distributed.asking(call, broker)
    if asking is None:
        await here({})
        return NO_CONTENT
    parts = await distributed_changes.delete_entity(call, broker, asking, id, here)
    return distributed_changes.as_batch(id, parts)
