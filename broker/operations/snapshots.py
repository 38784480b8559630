"""The resources /snapshots, /snapshots/{snapshotId} and its clone. (5.16, 6.36–6.38, 6.3.22)"""

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from base import ids
from base.access import ANONYMOUS, Caller
from base.errors import BadRequestData, Conflict, NotPermitted, ResourceNotFound, TooManyResults
from broker.language import q
from broker.model import snapshot, tenancy, validate
from broker.model.document import Document
from broker.model.snapshot import MEMBERS, ORIGINAL, PREPARING, Body, Given
from broker.notify import snapshot_notification
from broker.operations import asked_body, rendering, snapshot_filling, temporal_asked
from broker.operations.admission import as_seen
from broker.operations.asked import Limits
from broker.operations.call import NO_CONTENT, Answer, Broker, Call, Operation, Params
from broker.operations.snapshot_filling import KIND
from broker.store.contract import TenantStore

HEADER: Final = "NGSILD-Snapshot"
PATH: Final = "/snapshots"
_ROOT: Final = "/ngsi-ld/v1/snapshots"
_ENTITY_MEMBERS: Final = frozenset({"id", "createdAt", "modifiedAt", "expiresAt"})


async def create_snapshot(call: Call, broker: Broker) -> Answer:
    """Create a snapshot; its queries run after the answer. (5.16.1, 6.36.3.1)"""
    body = snapshot.create(call.body, ids.urn("Snapshot"), _given(call, broker))
    snapshot_notification.check(body)
    _check_queries(call, broker, body)
    store = broker.catalogue.open(call.tenant)
    return await _keep(call, broker, store, body)


async def clone_snapshot(call: Call, broker: Broker) -> Answer:
    """Create a snapshot with the content of another one. (5.16.2, 6.38.3.1)"""
    store = broker.catalogue.open(call.tenant)
    original = _there(call, broker, store)
    body = snapshot.clone(call.body, ids.urn("Snapshot"), original, _given(call, broker))
    snapshot_notification.check(body)
    if original["snapshotStatus"] == PREPARING:
        raise Conflict("The snapshot is still being prepared; clone it when its status says so.")
    return await _keep(call, broker, store, body)


async def retrieve_snapshot(call: Call, broker: Broker) -> Answer:
    """Retrieve the status of a snapshot. (5.16.3, 6.37.3.1)"""
    body = _there(call, broker, broker.catalogue.open(call.tenant))
    return rendering.listing(call, snapshot.shown(body))


async def update_snapshot(call: Call, broker: Broker) -> Answer:
    """Update the status of a snapshot. (5.16.4, 6.37.3.2)"""
    id = _there(call, broker, broker.catalogue.open(call.tenant))["id"]

    def rule(current: Body) -> Body:
        changed = snapshot.update(current, call.body, _given(call, broker))
        snapshot_notification.check(changed)
        return changed

    body = await snapshot_filling.change(broker, call.tenant, id, rule, now=call.now)
    return rendering.listing(call, snapshot.shown(_with_use(broker, call.tenant, body)))


async def delete_snapshot(call: Call, broker: Broker) -> Answer:
    """Delete a snapshot. (5.16.5, 6.37.3.3)"""
    id = _there(call, broker, broker.catalogue.open(call.tenant))["id"]
    await snapshot_filling.remove(broker, call.tenant, id)
    return NO_CONTENT


async def purge_snapshots(call: Call, broker: Broker) -> Answer:
    """Delete the snapshots that a query over their members selects. (5.16.7, 6.36.3.2)"""
    if not call.local_caller:
        raise NotPermitted(
            "Purge needs a permission that anonymous callers do not have here; delete snapshots by id."
        )
    if "q" not in call.params:
        raise BadRequestData("A purge needs q, a query over members of snapshots.")
    query = q.parse(call.params["q"], call.context.table, most_terms=broker.settings.query_terms)
    known = {call.context.table.iri(name) for name in MEMBERS}
    for path in query.paths:
        if path.hops or not (path.member in _ENTITY_MEMBERS or set(path.names[:1]) & known):
            raise BadRequestData(
                f"A purge can select by members of snapshots only: {', '.join(sorted(MEMBERS))}."
            )
    for body in broker.catalogue.open(call.tenant).records(KIND):
        if body["expiresAt"] > call.now and q.matches(query, _document(call, broker, body), lambda _: None):
            await snapshot_filling.remove(broker, call.tenant, body["id"])
    return NO_CONTENT


def enter(broker: Broker, tenant: str, id: str, now: int, caller: Caller = ANONYMOUS) -> str:
    """Name the database of the snapshot that a request is about, and note its use. (6.3.22, 5.5.15)"""
    body = as_seen(broker, caller, tenant).catalogue.open(tenant).record(KIND, id)
    if body is None or body["expiresAt"] <= now:
        raise ResourceNotFound("The snapshot named by NGSILD-Snapshot does not exist; it may have expired.")
    if body["snapshotStatus"] == PREPARING:
        raise Conflict(
            "The snapshot named by NGSILD-Snapshot is still being prepared; wait until it is ready."
        )
    name = tenancy.database(tenant, id)
    broker.running.used[name] = now
    return name


def meant(operation: Operation) -> bool:
    """Say whether an operation can be one on a snapshot: what a tenant holds, but not its snapshots. (5.5.15)"""
    return not operation.tenantless and not operation.path.startswith(PATH)


def inside(operation: Operation, params: Params) -> Params:
    """Give the parameters of an operation on a snapshot: its scope is local, whatever they say. (5.5.13)"""
    return Params({**params, "local": "true"}) if "local" in operation.params else params


async def note_use(broker: Broker, tenant: str) -> None:
    """Bring to disk when the snapshots of a tenant were used last. (5.2.41)"""
    for name, at in list(broker.running.used.items()):
        owner, id = tenancy.parted(name)
        if owner == tenant:
            await snapshot_filling.change(broker, tenant, id, _used(at))
            if broker.running.used.get(name) == at:
                del broker.running.used[name]


def _used(at: int) -> Callable[[Body], Body]:
    return lambda body: {**body, "lastUsedAt": at}


async def _keep(call: Call, broker: Broker, store: TenantStore, body: Body) -> Answer:
    there = store.record(KIND, body["id"])
    if there is None:
        await _make_room(call, broker, store, body)
    elif there["expiresAt"] <= call.now:
        await snapshot_filling.remove(broker, call.tenant, body["id"])
    await snapshot_filling.keep(broker, call.tenant, body)
    return Answer(201, headers={"Location": f"{_ROOT}/{quote(body['id'], safe=':')}"})


async def _make_room(call: Call, broker: Broker, store: TenantStore, body: Body) -> None:
    """Remove the least important snapshot where there are too many, of equal ones that used longest ago. (5.5.15)"""
    kept = [_with_use(broker, call.tenant, one) for one in store.records(KIND)]
    if len(kept) < broker.settings.snapshots:
        broker.catalogue.check_room()
        return
    least = min(
        (one for one in kept if one["id"] != body.get(ORIGINAL)),
        key=lambda one: (one["snapshotPriority"], one["lastUsedAt"]),
        default=None,
    )
    if least is None or least["snapshotPriority"] > body["snapshotPriority"]:
        raise TooManyResults(
            f"This tenant has {len(kept)} snapshots, none of them less important; "
            "delete one, or raise snapshotPriority."
        )
    await snapshot_filling.remove(broker, call.tenant, least["id"], now=call.now)


def _given(call: Call, broker: Broker) -> Given:
    return Given(call.now, call.context.source, broker.settings.snapshot_seconds)


def _check_queries(call: Call, broker: Broker, body: Body) -> None:
    """Refuse queries that cannot be understood; those that cannot be answered are told of in the details. (5.2.41)"""
    settings = broker.settings
    limits = Limits(settings.page_default, settings.page_most, settings.query_terms)
    for query in body.get("snapshotQueries", ()):
        asked_body.from_query(query, Params({}), call.context.table, False, limits)
    for query in body.get("snapshotTemporalQueries", ()):
        temporal_asked.from_query(query, Params({}), call.context.table, limits)


def _there(call: Call, broker: Broker, store: TenantStore) -> Body:
    id = validate.uri(call.path["snapshotId"], "snapshotId")
    body = store.record(KIND, id)
    if body is None or body["expiresAt"] <= call.now:
        raise ResourceNotFound(f"There is no snapshot {id}; it may have expired.")
    return _with_use(broker, call.tenant, body)


def _with_use(broker: Broker, tenant: str, body: Body) -> Body:
    used = broker.running.used.get(tenancy.database(tenant, body["id"]), 0)
    return {**body, "lastUsedAt": max(body["lastUsedAt"], used)}


def _document(call: Call, broker: Broker, body: Body) -> Document:
    """Give a snapshot in the form that queries are asked of."""
    seen = snapshot.shown(_with_use(broker, call.tenant, body))
    attrs = {
        call.context.table.iri(name): [{"type": "Property", "value": value}]
        for name, value in seen.items()
        if name not in _ENTITY_MEMBERS
    }
    times = {name: body[name] for name in ("createdAt", "modifiedAt")}
    return {"id": seen["id"], "type": [], **times, "expiresAt": seen["expiresAt"], "attrs": attrs}
