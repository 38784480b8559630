"""The table of operations of the personal-data module: what is served where, to whom, by which function."""

from typing import Final

from personal.operations import access_history, audit_log, tokens
from personal.operations.actors import Role, Who
from personal.operations.call import FORM, Operation

ANYBODY: Final = frozenset({Who.NOBODY})
RESIDENT: Final = frozenset({Who.RESIDENT})
STAFF: Final = frozenset({Who.STAFF})

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("POST", "/token", tokens.issue_token, ANYBODY, schema=tokens.SCHEMA, media_type=FORM),
    # the audit log
    Operation("GET", "/keys", audit_log.keys, ANYBODY),
    Operation("GET", "/audit/head", audit_log.head, ANYBODY),
    Operation(
        "GET", "/audit/inclusion", audit_log.inclusion, ANYBODY, params=frozenset({"position", "size"})
    ),
    Operation(
        "GET", "/audit/consistency", audit_log.consistency, ANYBODY, params=frozenset({"first", "second"})
    ),
    Operation(
        "GET",
        "/audit/entries",
        audit_log.entries,
        STAFF,
        roles=frozenset({Role.AUDITOR}),
        params=frozenset({"from", "limit"}),
    ),
    # who has looked
    Operation(
        "GET", "/me/accesses", access_history.accesses, RESIDENT, params=frozenset({"before", "limit"})
    ),
    Operation("GET", "/me/accesses/{position}/proof", access_history.proof, RESIDENT),
    Operation(
        "GET",
        "/usage/v2/findUsage",
        access_history.find_usage,
        RESIDENT,
        params=frozenset({"userCode", "periodStart", "periodEnd", "offset", "limit"}),
    ),
    Operation("GET", "/usage/v2/usagePeriod", access_history.usage_period, ANYBODY),
    Operation("GET", "/usage/v2/heartbeat", access_history.heartbeat, ANYBODY),
)
