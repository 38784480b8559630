"""Rows of the table of operations: what residents are told, and where."""

from typing import Final

from personal.operations import contact, resident_notices
from personal.operations.actors import Who
from personal.operations.call import Operation
from personal.rules.levels import Level

RESIDENT: Final = frozenset({Who.RESIDENT})

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "GET",
        "/me/notices",
        resident_notices.list_own,
        RESIDENT,
        level=Level.CARD,
        params=frozenset({"limit", "offset"}),
        reads="notices",
    ),
    Operation("POST", "/me/notices/{id}/read", resident_notices.read, RESIDENT, level=Level.CITY_CARD),
    Operation("GET", "/me/contact", contact.show, RESIDENT, level=Level.CARD),
    Operation("PUT", "/me/contact", contact.put, RESIDENT, level=Level.CARD, schema=contact.PUT),
    Operation(
        "POST", "/me/contact/confirm", contact.confirm, RESIDENT, level=Level.CARD, schema=contact.CONFIRM
    ),
    Operation(
        "PUT", "/me/contact/choices", contact.choose, RESIDENT, level=Level.CARD, schema=contact.CHOOSE
    ),
    Operation("DELETE", "/me/contact/{channel}", contact.remove, RESIDENT, level=Level.CARD),
    Operation("POST", "/contact/stop", contact.stop, frozenset({Who.NOBODY}), schema=contact.STOP),
)
