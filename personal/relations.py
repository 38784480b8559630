"""Rows of the table of operations: guardians and proxies, emergencies, exchange between municipalities, rights."""

from typing import Final

from personal.operations import delegations, representing, residents
from personal.operations.actors import Level, Role, Who
from personal.operations.call import Operation

RESIDENT: Final = frozenset({Who.RESIDENT})
STAFF: Final = frozenset({Who.STAFF})
COUNTER: Final = frozenset({Role.COUNTER, Role.PROTECTION})

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

OPERATIONS: Final = GUARDIANS
