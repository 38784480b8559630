"""Rows of the table of operations: logins, those one has open, and the ways in which one logs in."""

from typing import Final

from personal.login import oidc
from personal.operations import logins, own_sessions
from personal.operations.actors import Level, Role, Who
from personal.operations.call import Operation
from personal.operations.tables import Ways

RESIDENT: Final = frozenset({Who.RESIDENT})
STAFF: Final = frozenset({Who.STAFF})
LOGGED_IN: Final = RESIDENT | STAFF | {Who.ENTRANT}
ADMIN: Final = frozenset({Role.ADMIN})

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("GET", "/session", logins.show_session, LOGGED_IN),
    Operation("DELETE", "/session", logins.log_out, LOGGED_IN | {Who.SERVICE}),
    Operation(
        "GET", "/me/sessions", own_sessions.list_own, RESIDENT | STAFF, level=Level.CARD, reads="sessions"
    ),
    Operation("DELETE", "/me/sessions", own_sessions.end_others, RESIDENT | STAFF, level=Level.CONTACTLESS),
    Operation("DELETE", "/me/sessions/{id}", own_sessions.end_own, RESIDENT | STAFF, level=Level.CONTACTLESS),
    Operation("GET", "/staff/{id}/sessions", own_sessions.list_of_member, STAFF, roles=ADMIN),
    Operation("DELETE", "/staff/{id}/sessions", own_sessions.end_of_member, STAFF, roles=ADMIN),
)

WAYS: Final[Ways] = (oidc.ways, card_logins.ways)
"""In which ways one can log in; of each part: which ways of its own there are with these settings."""
