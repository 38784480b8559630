"""Mutations of behaviour: parameters overlooked, changes lost, stale answers, notifications gone astray."""

import asyncio
from typing import Any

from tests.conformance.mutations import (
    MUTATIONS,
    Mutation,
    mutation,
    not_taken,
    on_notification,
    on_reply,
    on_request,
    walked,
    without_header,
    without_parameter,
)
from tests.conformance.proxy import Forward, Reply, Request, through

# ---- parameters and headers overlooked ----
without_parameter("q", "queries")
without_parameter("georel", "queries")
without_parameter("geoproperty", "queries")
without_parameter("scopeQ", "queries", "registrations")
without_parameter("idPattern", "queries")
without_parameter("id", "queries")
without_parameter("limit", "queries")
without_parameter("offset", "queries")
without_parameter("count", "queries")
without_parameter("expandValues", "queries")
without_parameter("attrs", "forms")
without_parameter("pick", "forms")
without_parameter("omit", "forms")
without_parameter("lang", "forms")
without_parameter("format", "forms", "concise")
without_parameter("options", "forms", "entity_creation")
without_parameter("join", "forms")
without_parameter("joinLevel", "forms")
without_parameter("containedBy", "forms")
without_parameter("geometryProperty", "forms")
without_parameter("orderBy", "ordering")
without_parameter("collation", "ordering")
without_parameter("orderFrom", "ordering")
without_parameter("orderGeometry", "ordering")
without_parameter("colour", "protocol")
without_parameter("deleteAll", "entity_changes", "temporal_changes")
without_parameter("datasetId", "entity_changes", "forms")
without_parameter("details", "discovery", "contexts")
without_parameter("kind", "contexts")
without_parameter("timerel", "temporal_reading")
without_parameter("endTimeAt", "temporal_reading")
without_parameter("timeproperty", "temporal_reading")
without_parameter("lastN", "temporal_reading")
without_parameter("aggrPeriodDuration", "temporal_values")
without_parameter("csf", "registrations")
without_parameter("entityMap", "entity_maps")
without_parameter("keep", "batch")
without_parameter("drop", "batch")
without_header("Accept", "protocol", "forms")
without_header("Link", "protocol")
without_header("NGSILD-Tenant", "protocol")
without_header("NGSILD-EntityMap", "entity_maps")
without_header("NGSILD-Snapshot", "snapshots")
without_header("Prefer", "versions")

# ---- members overlooked ----
not_taken("q", "subscriptions notifications")
not_taken("geoQ", "notifications")
not_taken("scopeQ", "notifications")
not_taken("watchedAttributes", "notifications")
not_taken("notificationTrigger", "notifications")
not_taken("throttling", "notifications")
not_taken("isActive", "notifications")
not_taken("expiresAt", "transient", "/entities")
not_taken("location", "registrations", "/csourceRegistrations")
not_taken("csf", "registration_subscriptions", "/csourceSubscriptions")
not_taken("snapshotPriority", "snapshots", "/snapshots")


# ---- input taken that must be refused ----
def _null_taken(asked: Request) -> None:
    if asked.is_("POST", "/entities"):
        asked.body = asked.body.replace(b"urn:ngsi-ld:null", b"urn:ngsi-ld:nil")


def _bad_date_taken(asked: Request) -> None:
    asked.body = asked.body.replace(b"2026-02-30T", b"2026-02-28T").replace(b"T25:", b"T23:")


def _bad_q_taken(asked: Request) -> None:
    asked.query = [(k, "id" if k == "q" and ">>" in v else v) for k, v in asked.query]


on_request("takes an NGSI-LD Null at creation", "entity_creation", _null_taken)
on_request("takes a day that is not", "entity_creation temporal_changes", _bad_date_taken)
on_request("takes a q that is none", "queries", _bad_q_taken)


# ---- changes that go astray ----
def lost(name: str, method: str, path: str, *chapters: str) -> None:
    """Enter a mutation that answers 204 without doing anything."""

    async def change(asked: Request, forward: Forward) -> Reply:
        if asked.is_(method, path):
            probe = Request("GET", asked.path.partition("/attrs")[0], [], asked.headers, b"")
            if (await forward(probe)).status == 200:
                return Reply(204)
        return await forward(asked)

    MUTATIONS.append(Mutation(name, chapters, change))


lost("loses merge patches", "PATCH", "/entities/", "entity_changes")
lost("loses replacements", "PUT", "/entities/", "entity_changes")
lost("loses deletions", "DELETE", "/entities/", "entity_changes")
lost("loses changes of subscriptions", "PATCH", "/subscriptions/", "subscriptions")
lost("loses deletions of subscriptions", "DELETE", "/subscriptions/", "subscriptions", "notifications")
lost("loses changes of registrations", "PATCH", "/csourceRegistrations/", "registrations")


@mutation("batch")
async def purges_nothing(asked: Request, forward: Forward) -> Reply:
    if asked.method == "DELETE" and asked.path == "/ngsi-ld/v1/entities" and asked.query:
        return Reply(204)
    return await forward(asked)


@mutation("entity_changes")
async def appends_over_what_is_there(asked: Request, forward: Forward) -> Reply:
    asked.query = [(k, v) for k, v in asked.query if v != "noOverwrite"]
    return await forward(asked)


@mutation("entity_changes", "concise")
async def replaces_instead_of_partly_updating(asked: Request, forward: Forward) -> Reply:
    body = asked.json
    if asked.method == "PATCH" and "/attrs/" in asked.path and isinstance(body, dict) and "value" in body:
        asked.method = "PUT"
    return await forward(asked)


@mutation("entity_changes")
async def overwrites_instead_of_merging(asked: Request, forward: Forward) -> Reply:
    if asked.is_("PATCH", "/entities/") and "/attrs" not in asked.path and not asked.query:
        asked.method, asked.path = "POST", f"{asked.path}/attrs"
    return await forward(asked)


@mutation("batch")
async def replaces_where_a_batch_should_update(asked: Request, forward: Forward) -> Reply:
    if asked.path.endswith("/entityOperations/upsert"):
        asked.query = []
    return await forward(asked)


@mutation("batch")
async def lists_nothing_after_a_batch(asked: Request, forward: Forward) -> Reply:
    reply = await forward(asked)
    if "/entityOperations/" in asked.path and reply.status == 201:
        reply.json = []
    return reply


@mutation("batch")
async def forgets_what_failed_in_a_batch(asked: Request, forward: Forward) -> Reply:
    reply = await forward(asked)
    if "/entityOperations/" in asked.path and reply.status == 207:
        reply.json = {**reply.json, "errors": []}
    return reply


# ---- answers that are wrong as a whole ----
def answers_from_memory() -> None:
    """Enter a mutation that gives the first answer to a read again and again."""
    memory: dict[Any, Reply] = {}

    @mutation("entity_changes", "subscriptions")
    async def answers_from_a_stale_cache(asked: Request, forward: Forward) -> Reply:
        if asked.method != "GET":
            return await forward(asked)
        key = (asked.path, tuple(asked.query), asked.headers.get("Accept"), asked.headers.get("Link"))
        if key not in memory:
            reply = await forward(asked)
            if reply.status != 200:
                return reply
            memory[key] = reply
        return memory[key]


answers_from_memory()


def _listed(asked: Request, reply: Reply) -> list[Any]:
    found = (
        reply.json
        if asked.method == "GET" and asked.is_("GET", "/entities") and reply.status == 200
        else None
    )
    return found if isinstance(found, list) else []


def _loses_one(asked: Request, reply: Reply) -> None:
    if found := _listed(asked, reply):
        reply.json = found[:-1]


def _gives_one_twice(asked: Request, reply: Reply) -> None:
    if found := _listed(asked, reply):
        reply.json = [*found, found[0]]


def _turns_around(asked: Request, reply: Reply) -> None:
    if found := _listed(asked, reply):
        reply.json = found[::-1]


def _shows_system_times(asked: Request, reply: Reply) -> None:
    if asked.is_("GET", "/entities") and isinstance(reply.json, dict) and reply.status == 200:
        reply.json = {**reply.json, "createdAt": "2026-01-01T00:00:00Z", "modifiedAt": "2026-01-01T00:00:00Z"}


def _context_in_json(asked: Request, reply: Reply) -> None:
    if (
        reply.headers.get("Content-Type") == "application/json"
        and isinstance(reply.json, dict)
        and reply.status == 200
    ):
        reply.json = {**reply.json, "@context": "https://example.org/context"}


on_reply("loses an entity of a query", "queries", _loses_one)
on_reply("gives an entity twice", "queries", _gives_one_twice)
on_reply("turns the order around", "ordering", _turns_around)
on_reply("always shows system times", "entity_creation", _shows_system_times)
on_reply("puts an @context into JSON", "forms subscriptions", _context_in_json)


@mutation("temporal_reading")
async def includes_the_end_of_between(asked: Request, forward: Forward) -> Reply:
    asked.query = [
        (k, v.replace("T00:00:00Z", "T00:00:01Z") if k == "endTimeAt" else v) for k, v in asked.query
    ]
    return await forward(asked)


@mutation("temporal_reading")
async def excludes_the_start_of_after(asked: Request, forward: Forward) -> Reply:
    asked.query = [(k, v.replace("T00:00:00Z", "T00:00:01Z") if k == "timeAt" else v) for k, v in asked.query]
    return await forward(asked)


@mutation("temporal_changes")
async def records_nothing(asked: Request, forward: Forward) -> Reply:
    reply = await forward(asked)
    if (
        asked.is_("GET", "/temporal/")
        and isinstance(reply.json, dict)
        and isinstance(reply.json.get("speed"), list)
    ):
        reply.json = {**reply.json, "speed": reply.json["speed"][-1]}
    return reply


@mutation("protocol", "entities")
async def hangs_up(asked: Request, forward: Forward) -> Reply:
    reply = await forward(asked)
    return Reply(502, reply.headers, b"") if asked.method == "GET" else reply


@mutation("extensions")
async def answers_head_with_404(asked: Request, forward: Forward) -> Reply:
    reply = await forward(asked)
    if asked.method == "HEAD" and "Probe" not in asked.path:
        reply.status = 404
    return reply


# ---- notifications ----


@mutation("notifications.shape", "notifications.after_merge", "mqtt")
async def loses_notifications(asked: Request, forward: Forward) -> Reply:
    if asked.path == "/notify":
        return Reply(200)
    through(asked)
    return await forward(asked)


@mutation("notifications.throttled", "notifications.order", "notifications.by_id")
async def notifies_twice(asked: Request, forward: Forward) -> Reply:
    if asked.path == "/notify":
        await forward(asked)
    else:
        through(asked)
    return await forward(asked)


@mutation("notifications.periodic", "notifications.dead_beside_living")
async def notifies_late(asked: Request, forward: Forward) -> Reply:
    if asked.path == "/notify":
        await asyncio.sleep(4)
    else:
        through(asked)
    return await forward(asked)


def _no_tenant(_: Any, asked: Request) -> None:
    asked.headers.popall("NGSILD-Tenant", None)


def _no_own_headers(_: Any, asked: Request) -> None:
    for name in ("X-Purpose", "Authorization"):
        asked.headers.popall(name, None)


def _set(member: str, value: Any) -> Any:
    return lambda body, _: body.__setitem__(member, value)


def _never(member: str) -> Any:
    return lambda body, _: walked(body, lambda found: found.pop(member, None) and None) and None


on_notification(
    "forgets subscriptionId", "notifications.shape", lambda body, _: body.pop("subscriptionId", None)
)
on_notification("forgets notifiedAt", "notifications.shape", lambda body, _: body.pop("notifiedAt", None))
on_notification("gives all notifications one id", "notifications.ids_differ", _set("id", "urn:ngsi-ld:N:1"))
on_notification("notifies no data", "notifications.shape", _set("data", []))
on_notification("forgets previous values", "notification_forms", _never("previousValue"))
on_notification("forgets deletedAt", "notifications.trigger_entity_deleted", _never("deletedAt"))
on_notification("forgets the language", "notification_forms.language", _never("lang"))
on_notification("forgets linked entities", "notification_forms.joined", _never("entity"))
on_notification("forgets receiverInfo", "notification_forms.receiver_info", _no_own_headers)
on_notification("forgets the tenant", "notifications.names_its_tenant", _no_tenant)
on_notification("gives another reason", "registration_subscriptions", _set("triggerReason", "updated"))
