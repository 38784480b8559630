"""Rows of the table of operations: guardians and proxies, emergencies, exchange between municipalities, rights."""

from collections.abc import Mapping
from typing import Final

from personal.operations import break_glass, delegations, emergencies, representing, residents
from personal.operations.actors import Level, Role, Who
from personal.operations.call import Operation
from personal.operations.tables import Kind

ANYBODY: Final = frozenset({Who.NOBODY})
RESIDENT: Final = frozenset({Who.RESIDENT})
STAFF: Final = frozenset({Who.STAFF})
COUNTER: Final = frozenset({Role.COUNTER, Role.PROTECTION})
EMERGENCY: Final = frozenset({Role.EMERGENCY})
PRIVACY: Final = frozenset({Role.PRIVACY})

GUARDIANS: Final[tuple[Operation, ...]] = (
    Operation("POST", "/delegations", delegations.grant, STAFF, roles=COUNTER, schema=delegations.GRANT),
    Operation("POST", "/delegations/find", delegations.find, STAFF, roles=COUNTER, schema=residents.ONE),
    Operation("GET", "/delegations/{id}", delegations.show, STAFF, roles=COUNTER),
    Operation(
        "PATCH", "/delegations/{id}", delegations.change, STAFF, roles=COUNTER, schema=delegations.CHANGE
    ),
    Operation("DELETE", "/delegations/{id}", delegations.end, STAFF, roles=COUNTER),
    Operation("GET", "/me/represented", representing.represented, RESIDENT, level=Level.CARD),
    Operation("DELETE", "/me/represented/{id}", representing.give_up, RESIDENT, level=Level.CARD),
    Operation(
        "POST",
        "/me/acting-for",
        representing.act_for,
        RESIDENT,
        level=Level.CARD,
        schema=representing.ACT_FOR,
    ),
    Operation("GET", "/me/guardians", representing.guardians, RESIDENT, level=Level.CARD),
    Operation("DELETE", "/me/guardians/{id}", representing.revoke, RESIDENT, level=Level.CARD),
)

EMERGENCIES: Final[tuple[Operation, ...]] = (
    Operation("GET", "/emergencies", emergencies.list_public, ANYBODY),
    Operation(
        "POST", "/emergencies", emergencies.propose, STAFF, roles=EMERGENCY, schema=emergencies.DECLARE
    ),
    Operation("GET", "/emergencies/all", emergencies.list_all, STAFF, roles=EMERGENCY | PRIVACY),
    Operation(
        "POST",
        "/emergencies/{id}/extension",
        emergencies.propose_longer,
        STAFF,
        roles=EMERGENCY,
        schema=emergencies.PROLONG,
    ),
    Operation("POST", "/emergencies/{id}/end", emergencies.end, STAFF, roles=EMERGENCY),
    Operation(
        "POST", "/residents/districts", emergencies.settle, STAFF, roles=COUNTER, schema=emergencies.SETTLE
    ),
    Operation(
        "POST", "/break-glass", break_glass.break_glass, STAFF, roles=EMERGENCY, schema=break_glass.BREAK
    ),
    Operation("GET", "/break-glass", break_glass.list_looks, STAFF, roles=EMERGENCY | PRIVACY),
    Operation(
        "POST", "/break-glass/{id}/read", break_glass.read, STAFF, roles=EMERGENCY, schema=break_glass.READ
    ),
)

OPERATIONS: Final = GUARDIANS + EMERGENCIES
KINDS: Final[Mapping[str, Kind]] = {
    delegations.WIDER: delegations.KIND,
    emergencies.DECLARED: emergencies.KIND,
    emergencies.LONGER: emergencies.LONGER_KIND,
    break_glass.REVIEW: break_glass.KIND,
}
