"""Rows of the table of operations: desks that read cards, and what they do with cards."""

from typing import Final

from personal.login import card_desk, desks
from personal.operations.actors import Role, Who
from personal.operations.call import Operation

DESK: Final = frozenset({Who.DESK})
STAFF: Final = frozenset({Who.STAFF})
ADMIN: Final = frozenset({Role.ADMIN})

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("GET", "/desks", desks.list_desks, STAFF, roles=ADMIN),
    Operation("POST", "/desks", desks.add_desk, STAFF, roles=ADMIN, schema=desks.ADD),
    Operation("DELETE", "/desks/{id}", desks.remove_desk, STAFF, roles=ADMIN),
    Operation("GET", "/desks/own", desks.show_own, DESK),
    Operation("POST", "/desks/tickets", desks.give_ticket, DESK),
    Operation("POST", "/card/transactions/claim", card_desk.claim, DESK, schema=card_desk.CLAIM),
    Operation("POST", "/card/transactions/answer", card_desk.answer, DESK, schema=card_desk.ANSWER),
    Operation("POST", "/card/lookups", card_desk.look_up, DESK, schema=card_desk.LOOKUP),
)
