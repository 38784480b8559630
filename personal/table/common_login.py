"""Rows of the table of operations: the services at which residents log in by the common login. (共通認証)"""

from typing import Final

from personal.operations import connecting
from personal.operations.actors import Who
from personal.operations.call import Operation
from personal.rules.levels import Level

RESIDENT: Final = frozenset({Who.RESIDENT})

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("GET", "/me/connections", connecting.list_own, RESIDENT, level=Level.CARD, reads="sessions"),
    Operation("DELETE", "/me/connections/{service}", connecting.end_own, RESIDENT, level=Level.CITY_CARD),
)
