"""Rows of the table of operations: consents of residents, on their own and on paper, and receipts."""

from typing import Final

from personal.operations import asking, consents, paper, preparing, previewing, residents, revoking
from personal.operations.actors import Role, Who
from personal.operations.call import Operation
from personal.rules.levels import Level

RESIDENT: Final = frozenset({Who.RESIDENT})
SERVICE: Final = frozenset({Who.SERVICE})
STAFF: Final = frozenset({Who.STAFF})
COUNTER: Final = frozenset({Role.COUNTER, Role.PROTECTION})

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("GET", "/me/consents", consents.list_own, RESIDENT, level=Level.CARD, reads="consents"),
    Operation(
        "GET", "/me/consents/events", consents.list_events, RESIDENT, level=Level.CARD, reads="consents"
    ),
    Operation(
        "POST",
        "/me/consents/prepare",
        consents.prepare_own,
        RESIDENT,
        level=Level.CITY_CARD,
        schema=preparing.PREPARE,
    ),
    Operation(
        "POST",
        "/me/consents/preview",
        previewing.preview,
        RESIDENT,
        level=Level.CARD,
        schema=previewing.PREVIEW,
    ),
    Operation(
        "POST", "/me/consents", consents.decide_own, RESIDENT, level=Level.CITY_CARD, schema=preparing.SUBMIT
    ),
    Operation(
        "POST",
        "/me/consents/withdraw",
        consents.withdraw_own,
        RESIDENT,
        level=Level.CITY_CARD,
        schema=consents.WITHDRAW,
    ),
    Operation(
        "POST", "/me/consents/defer", asking.defer, RESIDENT, level=Level.CITY_CARD, schema=asking.DEFER
    ),
    Operation("POST", "/consents/requests", asking.ask, SERVICE, schema=asking.ASK),
    Operation("POST", "/consents/agreed", asking.show_agreed, SERVICE, schema=asking.AGREED),
    Operation("GET", "/me/receipts", consents.list_receipts, RESIDENT, level=Level.CARD, reads="consents"),
    Operation(
        "GET", "/me/receipts/{id}", consents.show_receipt, RESIDENT, level=Level.CARD, reads="consents"
    ),
    Operation("POST", "/consents/find", paper.list_for, STAFF, roles=COUNTER, schema=residents.ONE),
    Operation(
        "POST",
        "/consents/paper/prepare",
        paper.prepare_paper,
        STAFF,
        roles=COUNTER,
        schema=paper.PREPARE_PAPER,
    ),
    Operation("POST", "/consents/paper", paper.decide_paper, STAFF, roles=COUNTER, schema=paper.SUBMIT_PAPER),
    Operation(
        "POST", "/consents/paper/receipt", paper.show_receipt, STAFF, roles=COUNTER, schema=paper.RECEIPT
    ),
    Operation(
        "POST", "/consents/paper/revoke", revoking.revoke_paper, STAFF, roles=COUNTER, schema=revoking.REVOKE
    ),
    Operation(
        "POST",
        "/consents/paper/withdraw",
        paper.withdraw_paper,
        STAFF,
        roles=COUNTER,
        schema=paper.WITHDRAW_PAPER,
    ),
)
