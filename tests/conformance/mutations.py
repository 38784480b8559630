"""The mutations: each changes one behaviour, and names the chapters of cases that must notice it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.conformance.proxy import Change, Forward, Reply, Request, through

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"


@dataclass(frozen=True)
class Mutation:
    """A change of behaviour and who must notice it."""

    name: str
    chapters: tuple[str, ...]
    change: Change


MUTATIONS: list[Mutation] = []


def mutation(*chapters: str) -> Callable[[Change], Change]:
    """Enter a change into the list."""

    def enter(change: Change) -> Change:
        MUTATIONS.append(Mutation(change.__name__, chapters, change))
        return change

    return enter


def on_reply(name: str, chapters: str, change: Callable[[Request, Reply], None]) -> None:
    """Enter a mutation that changes replies."""

    async def mutate(asked: Request, forward: Forward) -> Reply:
        reply = await forward(asked)
        change(asked, reply)
        return reply

    MUTATIONS.append(Mutation(name, tuple(chapters.split()), mutate))


def on_request(name: str, chapters: str, change: Callable[[Request], None]) -> None:
    """Enter a mutation that changes requests."""

    async def mutate(asked: Request, forward: Forward) -> Reply:
        change(asked)
        return await forward(asked)

    MUTATIONS.append(Mutation(name, tuple(chapters.split()), mutate))


def on_notification(name: str, chapters: str, change: Callable[[Any, Request], None]) -> None:
    """Enter a mutation that changes notifications on their way."""

    async def mutate(asked: Request, forward: Forward) -> Reply:
        if asked.path == "/notify":
            body = asked.json
            change(body, asked)
            asked.json = body
        else:
            through(asked)
        return await forward(asked)

    MUTATIONS.append(Mutation(name, tuple(chapters.split()), mutate))


def without_parameter(name: str, *chapters: str) -> None:
    """Enter a mutation that overlooks a parameter."""

    def change(asked: Request) -> None:
        asked.query = [(k, v) for k, v in asked.query if k != name]

    on_request(f"overlooks {name}", " ".join(chapters), change)


def without_header(name: str, *chapters: str) -> None:
    """Enter a mutation that overlooks a request header."""
    on_request(
        f"overlooks {name}", " ".join(chapters), lambda asked: asked.headers.popall(name, None) and None
    )


def without_reply_header(name: str, *chapters: str) -> None:
    """Enter a mutation that leaves out a response header."""

    def change(_: Request, reply: Reply) -> None:
        reply.headers.popall(name, None)

    on_reply(f"leaves out {name}", " ".join(chapters), change)


def status(name: str, chapters: str, method: str, before: int, after: int) -> None:
    """Enter a mutation that answers with another status."""

    def change(asked: Request, reply: Reply) -> None:
        if asked.method == method and reply.status == before:
            reply.status = after
            if before == 204:
                reply.body, reply.headers["Content-Type"] = b"{}", "application/json"

    on_reply(name, chapters, change)


def walked(value: Any, change: Callable[[dict[str, Any]], None]) -> Any:
    """Change each object within a value, outermost first."""
    if isinstance(value, dict):
        change(value)
        for inner in list(value.values()):
            walked(inner, change)
    elif isinstance(value, list):
        for inner in value:
            walked(inner, change)
    return value


def in_answers(name: str, chapters: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Enter a mutation that changes each object in the answers to reads."""

    def on(asked: Request, reply: Reply) -> None:
        if asked.method == "GET" and reply.status < 300 and reply.json is not None:
            reply.json = walked(reply.json, change)

    on_reply(name, chapters, on)


def drops(member: str, chapters: str) -> None:
    """Enter a mutation that leaves a member out of all answers."""
    in_answers(f"drops {member}", chapters, lambda found: found.pop(member, None) and None)


def not_taken(member: str, chapters: str, path: str = "/subscriptions") -> None:
    """Enter a mutation that overlooks a member of what is created."""

    def change(asked: Request) -> None:
        if asked.is_("POST", path) and isinstance(asked.json, dict):
            asked.json = {k: v for k, v in asked.json.items() if k != member}

    on_request(f"overlooks the member {member}", chapters, change)


def texts(name: str, chapters: str, pattern: str, into: str) -> None:
    """Enter a mutation that rewrites text in the answers to reads."""

    def change(asked: Request, reply: Reply) -> None:
        if asked.method == "GET" and reply.status < 300:
            reply.body = re.sub(pattern.encode(), into.encode(), reply.body)

    on_reply(name, chapters, change)


# ---- statuses and headers ----
status("creates with 200", "entities entity_creation", "POST", 201, 200)
status("deletes with 200", "entity_changes", "DELETE", 204, 200)
status("changes with 200", "entity_changes", "PATCH", 204, 200)
status("says 400 for what exists", "entities subscriptions", "POST", 409, 400)
status("says 404 for a wrong method", "protocol", "POST", 405, 404)
status("says 400 for a wrong media type", "protocol", "POST", 415, 400)
status("says 503 for a missing context", "protocol", "POST", 504, 503)
status("says 200 for a part of a batch", "batch", "POST", 207, 200)
status("says 200 for a map", "entity_maps", "GET", 201, 200)
status("says 200 for an amended answer", "versions", "GET", 203, 200)
without_reply_header("Location", "entities", "registrations")
without_reply_header("Allow", "protocol")
without_reply_header("NGSILD-Results-Count", "queries")
without_reply_header("NGSILD-Tenant", "protocol")
without_reply_header("NGSILD-EntityMap", "entity_maps")
without_reply_header("NGSILD-Snapshot", "snapshots")
without_reply_header("Preference-Applied", "versions")
without_reply_header("Link", "protocol", "forms", "queries")


def _wrong_location(_: Request, reply: Reply) -> None:
    if "Location" in reply.headers:
        reply.headers["Location"] += "x"


def _one_more(_: Request, reply: Reply) -> None:
    if "NGSILD-Results-Count" in reply.headers:
        reply.headers["NGSILD-Results-Count"] = str(int(reply.headers["NGSILD-Results-Count"]) + 1)


def _no_next(_: Request, reply: Reply) -> None:
    links = [link for link in reply.headers.popall("Link", []) if 'rel="next"' not in link]
    for link in links:
        reply.headers.add("Link", link)


def _as_text(_: Request, reply: Reply) -> None:
    if "Content-Type" in reply.headers:
        reply.headers["Content-Type"] = "text/plain"


def _errors_as_json_ld(_: Request, reply: Reply) -> None:
    if reply.status >= 400 and reply.body:
        reply.headers["Content-Type"] = "application/ld+json"


def _other_error(_: Request, reply: Reply) -> None:
    reply.body = reply.body.replace(b"errors/BadRequestData", b"errors/InvalidRequest")


def _bare_error(_: Request, reply: Reply) -> None:
    if reply.status >= 400 and isinstance(reply.json, dict):
        reply.json = {"type": reply.json.get("type")}


on_reply("gives a wrong Location", "entities", _wrong_location)
on_reply("counts one too many", "queries", _one_more)
on_reply("leaves out the next page", "queries", _no_next)
on_reply("calls JSON text", "entities protocol", _as_text)
on_reply("gives errors as JSON-LD", "protocol", _errors_as_json_ld)
on_reply("names another error", "entity_creation queries", _other_error)
on_reply("gives errors without title and detail", "protocol", _bare_error)

# ---- answers ----
drops("unitCode", "entity_creation")
drops("observedAt", "entity_creation")
drops("datasetId", "entity_creation")
drops("accuracy", "entity_creation")
drops("scope", "entity_creation")
drops("expiresAt", "transient entity_maps")
drops("ngsildproof", "proofs")
drops("valueType", "proofs")
drops("@context", "forms subscriptions")
drops("geometry", "forms")
drops("instanceId", "temporal_changes")
drops("status", "subscriptions")
drops("timesSent", "notifications")
drops("information", "registrations")
drops("contextSourceAlias", "registrations")
drops("snapshotStatus", "snapshots")
drops("createdAt", "entity_creation")
drops("attributeNames", "discovery")
drops("entityCount", "discovery")
in_answers(
    "adds a member of its own",
    "entity_creation",
    lambda found: found.update(_version=1) if "value" in found else None,
)
in_answers(
    "writes numbers as text",
    "entities concise",
    lambda found: found.update(
        {k: str(v) for k, v in found.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    ),
)
in_answers(
    "sorts lists",
    "entity_creation",
    lambda found: found.update({k: sorted(v, key=str) for k, v in found.items() if k == "valueList"}),
)
in_answers(
    "loses a language", "entity_creation", lambda found: found.get("languageMap", {}).pop("en", None) and None
)
in_answers(
    "loses nulls in JSON",
    "entity_creation",
    lambda found: (
        found.update({"json": {k: v for k, v in found["json"].items() if v is not None}})
        if isinstance(found.get("json"), dict)
        else None
    ),
)
in_answers(
    "shows one type of several",
    "entity_creation",
    lambda found: found.update(type=found["type"][0]) if isinstance(found.get("type"), list) else None,
)
in_answers(
    "keeps the type in the concise form",
    "concise",
    lambda found: found.update(type="Property") if "value" in found else None,
)
in_answers(
    "simplifies vocab to text",
    "forms",
    lambda found: found.update(
        {k: v["vocab"] for k, v in found.items() if isinstance(v, dict) and v.keys() == {"vocab"}}
    ),
)
in_answers(
    "adds one to averages",
    "temporal_values",
    lambda found: (
        found.update(avg=[[row[0] + 1, *row[1:]] for row in found["avg"]]) if "avg" in found else None
    ),
)
in_answers(
    "turns value and time around",
    "temporal_values",
    lambda found: found.update(
        {k: [row[::-1] for row in found[k]] for k in ("values", "objects") if k in found}
    ),
)
texts("writes times without Z", "entity_creation temporal_changes", r"(\d\d:\d\d:\d\d(?:\.\d+)?)Z", r"\1")
texts("cuts fractions of seconds", "entity_creation", r"(\d\d:\d\d:\d\d)\.\d+Z", r"\1Z")
texts("loses characters beyond the basic plane", "entity_creation", "𠮷", "?")
texts("moves the start of periods", "temporal_values", "2026-03-02T00:00:00Z", "2026-03-02T09:00:00Z")
texts("says paused instead of expired or active", "subscriptions", '"active"', '"paused"')
