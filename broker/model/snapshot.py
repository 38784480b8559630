"""The data type Snapshot: members checked one by one, nothing unknown kept, and how a reader sees it. (5.2.41)

Kept beside the members of the specification, and never shown: "@context", in which the names in the queries are read;
"original", the snapshot that one not yet prepared is to be copied from. Times are µs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from base import clock
from base.clock import SECOND
from base.errors import BadRequestData
from broker.model import duration
from broker.model.checks import elements, text, uri
from broker.model.document import NULL

Body = dict[str, Any]

DEFAULT_PRIORITY: Final = 5
HIGHEST_PRIORITY: Final = 10
MOST_QUERIES: Final = 100
DEFAULT_LIFETIME: Final = 86_400 * SECOND
QUERIES: Final = ("snapshotQueries", "snapshotTemporalQueries")
DETAILS: Final = ("snapshotQueriesDetails", "snapshotTemporalQueriesDetails")
TIMES: Final = ("createdAt", "modifiedAt", "expiresAt", "lastUsedAt")
OUTPUT_ONLY: Final = frozenset({"snapshotStatus", *DETAILS, *TIMES})
CHANGEABLE: Final = frozenset({"snapshotLifetime", "snapshotPriority", "endpoint", "receiverInfo"})
MEMBERS: Final = frozenset({"id", "type", *QUERIES, *CHANGEABLE, *OUTPUT_ONLY})
ORIGINAL: Final = "original"
PREPARING: Final = "preparing"


@dataclass(frozen=True, slots=True)
class Given:
    """In what surroundings a snapshot arrives: the time, the @context of its names, the longest life allowed."""

    now: int
    context: Any
    longest: float


def create(body: Any, id: str, given: Given) -> Body:
    """Give a new snapshot, to be prepared. (5.16.1.4)"""
    result = _new(body, id, given)
    result |= {name: _queries(body[name], name) for name in QUERIES if name in body}
    if not any(name in result for name in QUERIES):
        raise BadRequestData("A snapshot needs snapshotQueries or snapshotTemporalQueries.")
    return result


def clone(body: Any, id: str, original: Mapping[str, Any], given: Given) -> Body:
    """Give a new snapshot, to be copied from another one. (5.16.2.4)"""
    result = _new(body, id, given)
    if any(name in body for name in QUERIES):
        raise BadRequestData("A clone has the content of its original; leave out the queries.")
    kept = {name: original[name] for name in (*QUERIES, *DETAILS) if name in original}
    return {**result, **kept, ORIGINAL: original["id"], "@context": original["@context"]}


def update(current: Body, body: Any, given: Given) -> Body:
    """Give the snapshot with a fragment applied; null takes a member back to its default. (5.16.4.4, 5.5.8)"""
    fragment = _fragment(body)
    if fragment.get("id", current["id"]) != current["id"]:
        raise BadRequestData("id of a snapshot cannot be changed; leave it out.")
    if any(name in fragment for name in QUERIES):
        raise BadRequestData("The queries of a snapshot cannot be changed; create another snapshot.")
    changes = _changeable(fragment)
    result = {name: value for name, value in current.items() if changes.get(name, value) is not None}
    result |= {name: value for name, value in changes.items() if value is not None}
    result.setdefault("snapshotPriority", DEFAULT_PRIORITY)
    if "snapshotLifetime" in changes:
        result["expiresAt"] = _expiry(changes["snapshotLifetime"], given)
    return {**result, "modifiedAt": given.now}


def status(details: Mapping[str, Sequence[Body]]) -> str:
    """Say what became of a snapshot whose queries ended so. (5.16.1.4)"""
    results = {one["resultStatus"] for some in details.values() for one in some}
    if results == {"success"}:
        return "success"
    return next(
        (word for sign, word in (("success", "partial"), ("empty", "empty")) if sign in results), "failure"
    )


def shown(body: Mapping[str, Any]) -> Body:
    """Give a snapshot as its reader sees it. (5.2.41)"""
    members = {name: value for name, value in body.items() if name in MEMBERS}
    return {"id": body["id"], "type": "Snapshot", **members} | {
        name: clock.show(body[name]) for name in TIMES
    }


def _new(body: Any, id: str, given: Given) -> Body:
    members = _changeable(_fragment(body))
    if "type" not in body:
        raise BadRequestData('type of a snapshot must be "Snapshot".')
    if None in members.values():
        raise BadRequestData("NGSI-LD Null removes members in updates; a new snapshot has none to remove.")
    return {
        "id": body.get("id", id),
        "snapshotPriority": DEFAULT_PRIORITY,
        **members,
        "snapshotStatus": PREPARING,
        "createdAt": given.now,
        "modifiedAt": given.now,
        "lastUsedAt": given.now,
        "expiresAt": _expiry(members.get("snapshotLifetime"), given),
        "@context": given.context,
    }


def _fragment(body: Any) -> Body:
    if not isinstance(body, dict):
        raise BadRequestData("A snapshot must be a JSON object.")
    unknown = body.keys() - MEMBERS - {"@context"}
    if unknown:
        raise BadRequestData(f"A snapshot has no member {sorted(unknown)[0][:40]}.")
    if body.get("type", "Snapshot") != "Snapshot":
        raise BadRequestData('type of a snapshot must be "Snapshot".')
    if "id" in body:
        uri(body["id"], "id of a snapshot")
    return body


def _changeable(fragment: Body) -> Body:
    """Check the members that may change; None where null removes one. What only the broker writes is left out."""
    result: Body = {}
    for name in CHANGEABLE & fragment.keys():
        value = fragment[name]
        result[name] = None if value == NULL else _CHECKS[name](value)
    return result


def _lifetime(value: Any) -> str:
    if not duration.parse(text(value, "snapshotLifetime"), "snapshotLifetime"):
        raise BadRequestData("snapshotLifetime must be longer than nothing.")
    return str(value)


def _priority(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= HIGHEST_PRIORITY:
        raise BadRequestData(f"snapshotPriority must be a whole number from 1 to {HIGHEST_PRIORITY}.")
    return value


def _pairs(value: Any) -> list[Body]:
    for pair in elements(value, "receiverInfo"):
        if not isinstance(pair, dict) or pair.keys() != {"key", "value"}:
            raise BadRequestData("receiverInfo of a snapshot must be a list of objects with key and value.")
    return list(value)


_CHECKS: Final[Mapping[str, Any]] = {
    "snapshotLifetime": _lifetime,
    "snapshotPriority": _priority,
    "endpoint": lambda value: uri(value, "endpoint"),
    "receiverInfo": _pairs,
}


def _queries(value: Any, name: str) -> list[Body]:
    temporal = name == "snapshotTemporalQueries"
    queries = elements(value, name)
    if len(queries) > MOST_QUERIES:
        raise BadRequestData(f"{name} may hold {MOST_QUERIES} queries; create several snapshots.")
    for query in queries:
        if not isinstance(query, dict) or query.get("type") != "Query":
            raise BadRequestData(f'Each element of {name} must be an object of type "Query".')
        if ("temporalQ" in query) is not temporal:
            raise BadRequestData(
                "A Query with temporalQ belongs in snapshotTemporalQueries, one without it in snapshotQueries."
            )
    return list(value)


def _expiry(lifetime: str | None, given: Given) -> int:
    until = given.now + DEFAULT_LIFETIME
    if lifetime is not None:
        until = duration.later(given.now, duration.parse(lifetime, "snapshotLifetime"), 1, UTC)
    return min(until, given.now + int(given.longest * SECOND))
