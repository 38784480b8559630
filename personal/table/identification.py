"""Rows of the table of operations: who stands at the counter, by the card they bring."""

from typing import Final

from personal.login import identifying
from personal.operations.actors import Role, Who
from personal.operations.call import Operation

STAFF: Final = frozenset({Who.STAFF})
COUNTER: Final = frozenset({Role.COUNTER, Role.PROTECTION})

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "POST", "/residents/identify/begin", identifying.begin, STAFF, roles=COUNTER, schema=identifying.BEGIN
    ),
    Operation(
        "POST", "/residents/identify", identifying.finish, STAFF, roles=COUNTER, schema=identifying.FINISH
    ),
)
