"""Reading Temporal Evolutions: /temporal/entities and /temporal/entityOperations/query. (5.7.3, 5.7.4)"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any

from base.errors import ResourceNotFound
from base.jsonld import TermTable
from broker.language.span import Span
from broker.model import temporal_form, validate, versions
from broker.model.document import SCOPE, Document
from broker.model.temporal_form import TemporalForm
from broker.operations import (
    distributed_temporal,
    entity_maps,
    paging,
    preferences,
    temporal_aggregates,
    temporal_asked,
    temporal_maps,
    temporal_pages,
)
from broker.operations.call import LD_JSON, Answer, Broker, Call
from broker.operations.distributed_temporal import Opened
from broker.operations.entities import limits
from broker.operations.rendering import answer, dump, with_link
from broker.operations.temporal_aggregates import Measuring
from broker.operations.temporal_asked import TemporalWanted
from broker.operations.temporal_pages import Instances, Pages
from broker.store.evolution import Evolutions

PARTIAL_CONTENT = 206
LONG = 2_000  # instances worth a thread
AGGREGATED = 10  # times the instances of an answer, as aggregated values, which are smaller


async def retrieve_evolution(call: Call, broker: Broker) -> Answer:
    """Retrieve the Temporal Evolution of an entity. (5.7.3, 6.19.3.1)"""
    id = validate.uri(call.path["entityId"], "entityId")
    wanted = temporal_asked.from_params(call.params, call.context.table, limits(broker.settings))
    opened = await distributed_temporal.opened_for_one(call, broker, wanted, id)
    try:
        return await _retrieved(call, broker, opened, id)
    except ResourceNotFound as missing:
        raise opened.missing(missing) from None


async def _retrieved(call: Call, broker: Broker, opened: Opened, id: str) -> Answer:
    history, wanted = opened.histories, opened.wanted
    store = broker.catalogue.open(call.tenant)
    frame = _frame(history, id)
    if frame is None:
        raise absent(id)
    if wanted.aggregation:
        if not await history.series(id, wanted.attrs, wanted.query.span or Span()):
            raise ResourceNotFound(f"The Temporal Evolution of {id} holds nothing of what is asked for.")
        measured = await _aggregated(call, broker, history, [id], wanted)
        if not measured.bodies:  # deleted in between
            raise absent(id)
        headers = await entity_maps.headers_of_one(call, broker, store, id, opened.origins) | opened.warnings
        return answer(call, dump(measured.bodies[0]), altered=measured.altered, headers=headers)
    pages = await temporal_pages.read(history, [id], wanted, broker.settings.temporal_instances)
    instances = pages.evolutions[id]
    if wanted.query.span is not None and not any(instances.values()):
        raise ResourceNotFound(f"The Temporal Evolution of {id} holds nothing in the time asked for.")
    if temporal_form.nothing_left(frame, instances, wanted.form.shape):
        raise ResourceNotFound(f"The Temporal Evolution of {id} has none of the attributes asked for.")
    shown = await _shown(call, history, pages, wanted)
    if not shown.bodies:  # deleted in between
        raise absent(id)
    headers = await entity_maps.headers_of_one(call, broker, store, id, opened.origins) | opened.warnings
    return _finished(call, shown, shown.bodies[0], pages, wanted, headers)


async def query_evolutions(call: Call, broker: Broker) -> Answer:
    """Query Temporal Evolutions of entities. (5.7.4, 6.18.3.2)"""
    wanted = temporal_asked.from_params(call.params, call.context.table, limits(broker.settings))
    return await answer_query(call, broker, wanted)


async def query_evolutions_by_body(call: Call, broker: Broker) -> Answer:
    """Query Temporal Evolutions of entities with a Query as the body. (5.7.4, 6.24.3.1)"""
    wanted = temporal_asked.from_query(call.body, call.params, call.context.table, limits(broker.settings))
    return await answer_query(call, broker, wanted)


async def answer_query(call: Call, broker: Broker, wanted: TemporalWanted) -> Answer:
    """Answer a temporal query understood, a page of it. (5.7.4.4, 5.5.9)"""
    temporal_maps.check(wanted)
    opened = distributed_temporal.opened(call, broker, wanted)
    if not entity_maps.asks_for_map(call, wanted.wanted):
        found = await opened.histories.find(wanted.selection, wanted.query.span, wanted.window)
        headers = {} if found.count is None else {"NGSILD-Results-Count": str(found.count)}
        links = paging.page_links(call.target, wanted.window, found.more, call.accept)
        return await _page(call, broker, opened, found.ids, headers, links)
    use = await temporal_maps.page_of_map(call, broker, opened, wanted)
    links = use.links(call, wanted.wanted)
    made = await _page(call, broker, opened, use.page.found, use.headers, links)
    return replace(made, status=use.status) if made.status == 200 else made


async def _page(
    call: Call,
    broker: Broker,
    opened: Opened,
    ids: Sequence[str],
    headers: dict[str, str],
    links: list[str],
) -> Answer:
    """Answer with the Temporal Evolutions of a page of entities."""
    history, wanted = opened.histories, opened.wanted
    headers |= opened.warnings
    if links:
        headers["Link"] = ", ".join(links)
    if wanted.aggregation:
        measured = await _aggregated(call, broker, history, ids, wanted)
        return answer(call, dump(measured.bodies), altered=measured.altered, headers=headers)
    pages = await temporal_pages.read(history, ids, wanted, broker.settings.temporal_instances)
    shown = await _shown(call, history, pages, wanted)
    return _finished(call, shown, shown.bodies, pages, wanted, headers)


def absent(id: str) -> ResourceNotFound:
    """Say that there is no history."""
    return ResourceNotFound(f"There is no Temporal Evolution of {id}.")


def _frame(history: Evolutions, id: str) -> Document | None:
    held = history.history(id)
    if held is None:
        return None
    return {
        "id": held.id,
        "type": list(held.types),
        "createdAt": held.created,
        "modifiedAt": held.modified,
        **({} if held.deleted is None else {"deletedAt": held.deleted}),
    }


@dataclass(frozen=True, slots=True)
class _Shown:
    """Temporal Evolutions as they are told; whether an earlier version that is preferred made them others."""

    bodies: list[dict[str, Any]]
    altered: bool


def _finished(
    call: Call, shown: _Shown, body: Any, pages: Pages, wanted: TemporalWanted, headers: dict[str, str]
) -> Answer:
    """Answer 200, or 206 where instances are left out for a next request. (6.3.10)"""
    if pages.cut is None:
        return answer(call, dump(body), altered=shown.altered, headers=headers)
    headers["Content-Range"] = temporal_pages.content_range(pages, wanted)
    return with_link(call, Answer(PARTIAL_CONTENT, dump(body), call.accept, headers))


async def _shown(call: Call, history: Evolutions, pages: Pages, wanted: TemporalWanted) -> _Shown:
    bodies = []
    altered = False
    for id, held in pages.evolutions.items():
        await asyncio.sleep(0)  # others have their turn between two entities
        kept = _frame(history, id)
        if kept is None:  # deleted in between
            continue
        frame, instances = _amended(call, kept, held)
        altered = altered or frame != kept or instances != held
        body = await _told(frame, instances, call.context.table, wanted.form)
        if pages.cut is not None:
            await _name_others(call, history, frame, instances, wanted, body)
        bodies.append(_with_context(call, body))
    return _Shown(bodies, altered)


async def _told(
    frame: Document, instances: Instances, table: TermTable, form: TemporalForm
) -> dict[str, Any]:
    """Write one Temporal Evolution; a long one beside the event loop, so that others need not wait."""
    if sum(map(len, instances.values())) < LONG:
        return temporal_form.show(frame, instances, table, form)
    return await asyncio.to_thread(temporal_form.show, frame, instances, table, form)


def _amended(call: Call, frame: Document, instances: Instances) -> tuple[Document, Instances]:
    """Amend a Temporal Evolution to the version that is preferred. (4.3.6.8)"""
    version = preferences.version(call)
    if version is None or version >= versions.NEWEST:
        return frame, instances
    return versions.frame(frame, version), versions.evolution(instances, call.context.table, version)


def _amended_values(call: Call, frame: Document, held: dict[str, Any]) -> tuple[Document, dict[str, Any]]:
    """Amend aggregated values to the version that is preferred. (4.3.6.8)"""
    version = preferences.version(call)
    if version is None or version >= versions.NEWEST:
        return frame, held
    return versions.frame(frame, version), versions.aggregated(held, version)


async def _name_others(
    call: Call,
    history: Evolutions,
    frame: Document,
    instances: Instances,
    wanted: TemporalWanted,
    body: dict[str, Any],
) -> None:
    """Name the attributes whose instances all lie on other pages. (6.3.10)"""
    listed = await history.series(frame["id"], wanted.attrs, wanted.query.span or Span())
    others = {
        series.attr: temporal_form.empty(series.kind, series.dataset_id, wanted.form)
        for series in listed
        if series.attr not in instances and series.attr != SCOPE
    }
    if others:
        body.update(temporal_form.framed(frame, others, None, call.context.table, wanted.form))


async def _aggregated(
    call: Call, broker: Broker, history: Evolutions, ids: Any, wanted: TemporalWanted
) -> _Shown:
    assert wanted.aggregation is not None
    measuring = Measuring(
        history,
        wanted,
        wanted.aggregation,
        broker.settings.aggregation_zone or UTC,
        call.context.table.term,
        broker.settings.temporal_instances,
    )
    bodies = []
    altered = False
    left = AGGREGATED * measuring.most
    for id in ids:
        kept = _frame(history, id)
        if kept is None:
            continue
        await asyncio.sleep(0)  # others have their turn between two entities
        held = await temporal_aggregates.attributes(measuring, id, left)
        left -= temporal_aggregates.size(held)
        frame, attributes = _amended_values(call, kept, held)
        altered = altered or frame != kept or attributes != held
        body = temporal_form.framed(frame, attributes, None, call.context.table, wanted.form)
        bodies.append(_with_context(call, body))
    return _Shown(bodies, altered)


def _with_context(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    if call.accept == LD_JSON:
        body["@context"] = call.context.source
    return body
