"""Rows of the table of operations: logins, those one has open, and the ways in which one logs in."""

from collections.abc import Mapping
from typing import Final

from personal.login import card_logins, city_cards, factors, mykey_logins, oidc
from personal.operations import logins, own_sessions, staff_proposals
from personal.operations.actors import Role, Who
from personal.operations.call import Operation
from personal.operations.tables import Kind, Ways
from personal.rules.levels import Level

RESIDENT: Final = frozenset({Who.RESIDENT})
STAFF: Final = frozenset({Who.STAFF})
LOGGED_IN: Final = RESIDENT | STAFF | {Who.ENTRANT}
OF_STAFF: Final = STAFF | {Who.ENTRANT}
ADMIN: Final = frozenset({Role.ADMIN})

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("GET", "/session", logins.show_session, LOGGED_IN),
    Operation("DELETE", "/session", logins.log_out, LOGGED_IN | {Who.SERVICE}),
    Operation(
        "GET", "/me/sessions", own_sessions.list_own, RESIDENT | STAFF, level=Level.CARD, reads="sessions"
    ),
    Operation("DELETE", "/me/sessions", own_sessions.end_others, RESIDENT | STAFF, level=Level.CITY_CARD),
    Operation("DELETE", "/me/sessions/{id}", own_sessions.end_own, RESIDENT | STAFF, level=Level.CITY_CARD),
    # second factors of staff
    Operation("GET", "/factors", factors.list_own, OF_STAFF),
    Operation("POST", "/factors/begin", factors.begin_making, OF_STAFF, schema=factors.BEGIN, fresh=True),
    Operation("POST", "/factors", factors.make, OF_STAFF, schema=factors.MAKE, fresh=True),
    Operation("DELETE", "/factors/{id}", factors.remove, STAFF, fresh=True),
    Operation("POST", "/factors/give/begin", factors.begin_giving, OF_STAFF),
    Operation("POST", "/factors/give", factors.give, OF_STAFF, schema=factors.GIVE),
    Operation("POST", "/staff/{id}/enrolment", factors.allow, STAFF, roles=ADMIN, fresh=True),
    Operation("GET", "/staff/{id}/sessions", own_sessions.list_of_member, STAFF, roles=ADMIN),
    Operation("DELETE", "/staff/{id}/sessions", own_sessions.end_of_member, STAFF, roles=ADMIN),
)

KINDS: Final[Mapping[str, Kind]] = {
    "staff-joins": staff_proposals.JOINS,
    "staff-roles": staff_proposals.FURTHER_ROLES,
    "staff-lost-factor": staff_proposals.LOST_FACTOR,
}

WAYS: Final[Ways] = (oidc.ways, card_logins.ways, city_cards.ways, mykey_logins.ways)
"""In which ways one can log in; of each part: which ways of its own there are with these settings."""
