"""How snapshots come to be and go: filled by their queries, copied, taken up again, dropped. (5.16, 4.3.7)

The record comes first and the database after it; both are on disk before anything is told. A record that still says
"preparing" at the start is filled anew, a database without a record is dropped.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import structlog

from base import clock
from base.errors import BadRequestData, NonexistentTenant, Problem, ResourceNotFound, TooManyResults
from broker.access.view import maker_of
from broker.federation import joining
from broker.language.selection import Window
from broker.model import linked, represent, snapshot, tenancy
from broker.model.document import Document, Instance, dataset_of
from broker.model.linked import Join
from broker.model.represent import Representation
from broker.model.snapshot import DETAILS, ORIGINAL, PREPARING, QUERIES, Body
from broker.notify import snapshot_notification
from broker.operations import (
    asked_body,
    distributed,
    distributed_links,
    distributed_reading,
    distributed_temporal,
    temporal_asked,
)
from broker.operations.admission import as_seen
from broker.operations.asked import Limits, Wanted
from broker.operations.call import JSON, Broker, Call, Params
from broker.store.contract import EntityChange, Rule, TenantStore

KIND: Final = "snapshot"
_READ: Final = 100  # entities in one step
_WRITTEN: Final = 500  # entities in one transaction
_UNRECORDED: Final = {"record": ["off"]}

Details = dict[str, list[Body]]
Run = Callable[[Body], Awaitable[bool]]

log = structlog.get_logger("engawa.broker")


async def resume(broker: Broker) -> None:
    """Take up at the start what an earlier run left unfinished."""
    known = set()
    for tenant in broker.catalogue.names():
        for body in broker.catalogue.open(tenant).records(KIND):
            name = tenancy.database(tenant, body["id"])
            known.add(name)
            if body["snapshotStatus"] == PREPARING:
                maker = as_seen(broker, maker_of(body), tenant)
                broker.running.begin(name, prepare(maker, tenant, body["id"]))
    for name in broker.catalogue.databases():
        if tenancy.is_snapshot(name) and name not in known:
            await drop_database(broker, name)


async def keep(broker: Broker, tenant: str, body: Body) -> None:
    """Keep the record of a new snapshot and begin to prepare it."""
    await broker.catalogue.open(tenant).put_record(
        KIND, body["id"], body, new=True, expires=body["expiresAt"]
    )
    broker.running.begin(tenancy.database(tenant, body["id"]), prepare(broker, tenant, body["id"]))


async def change(
    broker: Broker, tenant: str, id: str, rule: Callable[[Body], Body], *, now: int | None = None
) -> Body:
    """Apply a rule to the record of a snapshot; with `now`, tell its receiver in the same transaction. (5.16.6)"""
    store = broker.catalogue.open(tenant)
    async with broker.running.writing:
        body = store.record(KIND, id)
        if body is None:
            raise ResourceNotFound(f"There is no snapshot {id}.")
        body = rule(body)
        told = () if now is None else snapshot_notification.messages(tenant, body, now)
        await store.put_record(KIND, id, body, expires=body["expiresAt"], messages=told)
    return body


async def remove(broker: Broker, tenant: str, id: str, *, now: int | None = None) -> None:
    """Remove a snapshot; with `now`, tell its receiver that it is gone. (5.16.5, 5.3.4)"""
    name = tenancy.database(tenant, id)
    await broker.running.end(name)
    store = broker.catalogue.open(tenant)
    async with broker.running.writing:
        body = store.record(KIND, id)
        if body is None:
            raise ResourceNotFound(f"There is no snapshot {id}.")
        told = () if now is None else snapshot_notification.messages(tenant, body, now, deleted=True)
        await store.put_record(KIND, id, None, messages=told)
    await drop_database(broker, name)


async def drop_database(broker: Broker, name: str) -> None:
    """Drop the database of a snapshot with all that hangs on it."""
    broker.running.used.pop(name, None)
    try:
        await broker.catalogue.drop(name)
    except NonexistentTenant:  # ended before it was made
        return
    await broker.contexts.forget(name)
    broker.notifier.changed(name)


# --- preparing ---------------------------------------------------------------------------------------------------


async def prepare(broker: Broker, tenant: str, id: str) -> None:
    """Fill a snapshot, or copy it from its original, and tell how that went. (5.16.1.4, 5.16.2.4)"""
    body = broker.catalogue.open(tenant).record(KIND, id)
    if body is None:
        return
    name = tenancy.database(tenant, id)
    if broker.catalogue.exists(name):  # an interrupted run left it
        await drop_database(broker, name)
    details: Details = {}
    try:
        if ORIGINAL in body:
            await broker.catalogue.copy(tenancy.database(tenant, body[ORIGINAL]), name)
            status = "success"
        else:
            details = await _fill(broker, tenant, body, await broker.catalogue.make_snapshot(name))
            status = snapshot.status(details)
    except Exception:
        log.exception("a snapshot could not be prepared")
        status = "failure"
        if not broker.catalogue.exists(name):
            await broker.catalogue.make_snapshot(name)
    now = clock.now()

    def settled(current: Body) -> Body:
        kept = {member: value for member, value in current.items() if member != ORIGINAL}
        return {**kept, **details, "snapshotStatus": status, "modifiedAt": now}

    await change(broker, tenant, id, settled, now=now)


async def _fill(broker: Broker, tenant: str, body: Body, target: TenantStore) -> Details:
    """Run the queries one after another, each to its end; temporal ones first, before anything else is history."""
    context = await broker.contexts.resolve(body["@context"], tenant)
    rights = None if broker.policies is None else broker.policies.of(maker_of(body), tenant)
    call = Call("POST", "", {}, Params({}), tenant, context, JSON, None, clock.now(), rights=rights)
    filling = Filling(broker, call, target)
    details: Details = {}
    await target.history.set_policy(_UNRECORDED)
    for queries, name, run in (
        (QUERIES[1], DETAILS[1], filling.evolutions),
        (QUERIES[0], DETAILS[0], filling.entities),
    ):
        if queries in body:
            details[name] = [await _result(run, query) for query in body[queries]]
    await target.history.set_policy(None)
    return details


async def _result(run: Run, query: Body) -> Body:
    """Say how a query ended. (5.2.42)"""
    try:
        found = await run(query)
    except Problem as problem:
        return {"resultStatus": "failure", "problemDetails": problem.body()}
    return {"resultStatus": "success" if found else "empty"}


class Filling:
    """One filling of a snapshot's store from that of its tenant, and from the sources of the tenant."""

    def __init__(self, broker: Broker, call: Call, target: TenantStore) -> None:
        settings = broker.settings
        self._limits = Limits(settings.page_default, settings.page_most, settings.query_terms)
        self._most = settings.snapshot_entities
        self._broker, self._call, self._target = broker, call, target
        self._source = broker.catalogue.open(call.tenant)
        self._table, self._now = call.context.table, call.now

    async def entities(self, query: Body) -> bool:
        """Copy what a query finds, each entity with what the query asks of it; say whether there was anything."""
        wanted = asked_body.from_query(query, Params({}), self._table, False, self._limits)
        _check_width(wanted)
        joined = await self._joined(wanted)
        if joined is not None:
            self._check_count(len(joined))
            return await self._copy(wanted, len(joined), lambda start: joined[start : start + _READ])
        page = await self._source.query(wanted.selection, Window(self._most + 1), self._now)
        self._check_count(len(page.stamps))

        def read(start: int) -> Sequence[Document]:
            stored = self._source.documents(page.stamps[start : start + _READ], self._now)
            return [one.document for one in stored]

        return await self._copy(wanted, len(page.stamps), read)

    async def _joined(self, wanted: Wanted) -> Sequence[Document] | None:
        """Find what a query finds here and at sources; None: no source is concerned. (5.7.2.4)"""
        call, broker = self._call.at(clock.now()), self._broker
        asking = distributed.asking(call, broker)
        if asking is None:
            return None
        seen = distributed_reading.seeing(call)
        several = distributed_reading.concerned(broker, asking, wanted, distributed_reading.QUERYING, seen)
        if not several:
            return None
        distributed_reading.refuse_ordering(wanted)
        asks = distributed_reading.inquiry(broker, asking, wanted.selection.selectors)
        plain, linking = distributed_reading.apart(wanted)
        found = await distributed_reading.gather(call, broker, asks, several, plain).first(self._most + 1)
        documents: Sequence[Document] = found.documents
        if linking is not None:
            documents = await distributed_links.meeting(call, broker, asks, documents, linking)
        return [joining.dated(document, self._now) for document in documents]

    async def _copy(self, wanted: Wanted, count: int, read: Callable[[int], Sequence[Document]]) -> bool:
        """Keep entities, read some at a time, each with what the query asks of it."""
        changes: list[EntityChange] = []
        for start in range(0, count, _READ):
            documents = self._with_linked(read(start), wanted)
            changes += [EntityChange(one["id"], _joining(one)) for one in documents]
            if len(changes) >= _WRITTEN:
                await self._target.change(changes, self._now)
                changes = []
            await asyncio.sleep(0)  # requests go first
        await self._target.change(changes, self._now)
        return count > 0

    def _with_linked(self, documents: Sequence[Document], wanted: Wanted) -> Iterable[Document]:
        """Give entities reduced to what is asked for, and those they lead to if that is asked for. (4.5.23)"""
        shape, links = wanted.representation, wanted.links
        if links is None:
            return [reduced(one, shape) for one in documents]

        def read(id: str) -> Document | None:
            stored = self._source.document(id, self._now)
            return stored.document if stored else None

        join = Join(read, self._table, links.known)
        return [reduced(one, how) for one, how in linked.flat(documents, shape, links.level, join)]

    async def evolutions(self, query: Body) -> bool:
        """Copy the histories that a temporal query finds, within its span; say whether there were any."""
        wanted = temporal_asked.from_query(query, Params({}), self._table, self._limits)
        if wanted.query.timerel is None:
            raise BadRequestData("The query lacks a temporal query; give timerel and timeAt.")
        _check_width(wanted.wanted)
        opened = distributed_temporal.opened(self._call.at(clock.now()), self._broker, wanted)
        history = opened.histories
        found = await history.find(wanted.selection, wanted.query.span, Window(self._most + 1))
        self._check_count(len(found.ids))
        for id in found.ids:
            frame = history.history(id)
            if frame is not None:
                evolution = await history.evolution(id, opened.wanted.instances(None))
                if evolution.cut is not None:
                    raise TooManyResults(
                        "Sources have more instances than can be taken; narrow the query in time."
                    )
                await self._target.history.add(id, frame.types, evolution.instances, self._now)
        return bool(found.ids)

    def _check_count(self, count: int) -> None:
        if count > self._most:
            raise TooManyResults(f"A snapshot takes at most {self._most} entities from a query; narrow it.")


def _check_width(wanted: Wanted) -> None:
    if not wanted.narrow_enough():
        raise BadRequestData("The query is too wide; give types, attrs, pick, q or geoQ.")


def reduced(document: Document, how: Representation) -> Document:
    """Leave out of an entity what a query did not ask for. (4.21, 4.5.5)"""
    frame, attributes = represent.project({"scope": document.get("scope")}, document["attrs"], how)
    if how.dataset_ids:
        kept = {iri: _chosen(held, how.dataset_ids) for iri, held in attributes.items()}
        attributes = {iri: held for iri, held in kept.items() if held}
    left = {name: held for name, held in document.items() if name != "scope" or "scope" in frame}
    return {**left, "attrs": attributes}


def _chosen(instances: Sequence[Instance], datasets: frozenset[str]) -> list[Instance]:
    return [one for one in instances if dataset_of(one) in datasets]


def _joining(document: Document) -> Rule:
    """Make the rule that adds what one query found of an entity to what others found of it."""

    def rule(current: Document | None) -> Document:
        if current is None:
            return document
        return {**current, **document, "attrs": {**current["attrs"], **document["attrs"]}}

    return rule
