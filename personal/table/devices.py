"""Rows of the table of operations: desks that read cards, what they do with them, what residents log in with."""

from typing import Final

from personal.login import card_desk, city_cards, credentials, desks
from personal.operations.actors import Role, Who
from personal.operations.call import Operation
from personal.rules.levels import Level

RESIDENT: Final = frozenset({Who.RESIDENT})
DESK: Final = frozenset({Who.DESK})
ANYBODY: Final = frozenset({Who.NOBODY})
STAFF: Final = frozenset({Who.STAFF})
ADMIN: Final = frozenset({Role.ADMIN})
COUNTER: Final = frozenset({Role.COUNTER, Role.PROTECTION})

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("GET", "/desks", desks.list_desks, STAFF, roles=ADMIN),
    Operation("POST", "/desks", desks.add_desk, STAFF, roles=ADMIN, schema=desks.ADD, fresh=True),
    Operation("DELETE", "/desks/{id}", desks.remove_desk, STAFF, roles=ADMIN),
    Operation("GET", "/desks/own", desks.show_own, DESK),
    Operation("POST", "/desks/tickets", desks.give_ticket, DESK),
    Operation("POST", "/card/transactions/claim", card_desk.claim, DESK, schema=card_desk.CLAIM),
    Operation("POST", "/card/transactions/answer", card_desk.answer, DESK, schema=card_desk.ANSWER),
    # what residents log in with
    Operation("GET", "/me/credentials", credentials.list_own, RESIDENT, level=Level.CARD, reads="sessions"),
    Operation("POST", "/me/credentials/prepare", credentials.prepare_own, RESIDENT, level=Level.CARD),
    Operation(
        "POST", "/me/credentials", credentials.add_own, RESIDENT, level=Level.CARD, schema=credentials.ADD
    ),
    Operation("DELETE", "/me/credentials/{id}", credentials.end_own, RESIDENT, level=Level.CARD),
    # cards of the city
    Operation("GET", "/city-cards/keys", city_cards.keys, ANYBODY),
    Operation("POST", "/city-cards", city_cards.issue, STAFF, roles=COUNTER, schema=city_cards.ISSUE),
    Operation(
        "POST", "/city-cards/passcode", city_cards.set_passcode, STAFF, roles=COUNTER, schema=city_cards.SET
    ),
    Operation(
        "PUT",
        "/me/city-card/passcode",
        city_cards.set_own_passcode,
        RESIDENT,
        level=Level.CARD,
        schema=city_cards.SET_OWN,
    ),
    Operation("POST", "/card/lookups", card_desk.look_up, DESK, schema=card_desk.LOOKUP),
)
