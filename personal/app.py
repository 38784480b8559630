"""The table of operations of the personal-data module: what is served where, to whom, by which function."""

from collections.abc import Mapping
from typing import Final

from personal.operations import (
    access_history,
    agent_line,
    audit_log,
    audit_search,
    connecting,
    consent_reactions,
    delegations,
    forgetting,
    inside,
    items,
    letting_go,
    logins,
    merging,
    notices,
    parting,
    peers,
    proposals,
    record_places,
    records,
    resident_changes,
    resident_notices,
    residents,
    rights,
    services,
    sharing_codes,
    staff,
    storing,
    tokens,
)
from personal.operations.actors import Role, Who
from personal.operations.call import FORM, Operation
from personal.operations.tables import ConsentReaction, Events, Kind, Reaction
from personal.rules.levels import Level
from personal.settings import PersonalSettings
from personal.store import emergencies
from personal.table import agreements, common_login, devices, identification, relations, releases, tellings
from personal.table import logins as login_rows

ANYBODY: Final = frozenset({Who.NOBODY})
RESIDENT: Final = frozenset({Who.RESIDENT})
AGENT: Final = frozenset({Who.AGENT})
SERVICE: Final = frozenset({Who.SERVICE})
STAFF: Final = frozenset({Who.STAFF})
ADMIN: Final = frozenset({Role.ADMIN})
PROTECTION: Final = frozenset({Role.PROTECTION})
CATALOGUE: Final = frozenset({Role.CATALOGUE})
PRIVACY: Final = frozenset({Role.PRIVACY})
COUNTER: Final = frozenset({Role.COUNTER, Role.PROTECTION})

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("POST", "/token", tokens.issue_token, ANYBODY, schema=tokens.SCHEMA, media_type=FORM),
    # the line of the agent inside LGWAN
    Operation("POST", "/agent/claim", agent_line.claim, AGENT, schema=agent_line.CLAIM),
    Operation("POST", "/agent/answers", agent_line.answer, AGENT, schema=agent_line.ANSWERS),
    Operation("GET", "/agent", agent_line.show, STAFF, roles=frozenset({Role.AUDITOR, Role.ADMIN})),
    Operation("POST", "/agent/enrolment", agent_line.enrolment, STAFF, roles=COUNTER, schema=residents.ONE),
    Operation("POST", "/agent/alarms", agent_line.alarm, AGENT, schema=agent_line.ALARMS),
    # the audit log
    Operation("GET", "/keys", audit_log.keys, ANYBODY),
    Operation("GET", "/audit/head", audit_log.head, ANYBODY),
    Operation(
        "GET", "/audit/inclusion", audit_log.inclusion, ANYBODY, params=frozenset({"position", "size"})
    ),
    Operation(
        "GET", "/audit/consistency", audit_log.consistency, ANYBODY, params=frozenset({"first", "second"})
    ),
    Operation(
        "GET",
        "/audit/entries",
        audit_log.entries,
        STAFF,
        roles=frozenset({Role.AUDITOR}),
        params=frozenset({"from", "limit"}),
    ),
    Operation(
        "GET",
        "/audit/search",
        audit_search.search,
        STAFF,
        roles=frozenset({Role.AUDITOR, Role.PRIVACY}),
        params=audit_search.PARAMETERS,
    ),
    # who has looked
    Operation(
        "GET",
        "/me/accesses",
        access_history.accesses,
        RESIDENT,
        level=Level.CARD,
        reads="accesses",
        params=access_history.PARAMETERS,
    ),
    Operation(
        "POST",
        "/accesses/find",
        access_history.find,
        STAFF,
        roles=COUNTER | PRIVACY,
        schema=access_history.FIND,
    ),
    Operation(
        "GET",
        "/me/accesses/{position}/proof",
        access_history.proof,
        RESIDENT,
        level=Level.CARD,
        reads="accesses",
    ),
    Operation(
        "GET",
        "/usage/v2/findUsage",
        access_history.find_usage,
        RESIDENT,
        level=Level.CARD,
        reads="accesses",
        params=frozenset({"userCode", "periodStart", "periodEnd", "offset", "limit"}),
    ),
    Operation("GET", "/usage/v2/usagePeriod", access_history.usage_period, ANYBODY),
    Operation("GET", "/usage/v2/heartbeat", access_history.heartbeat, ANYBODY),
    # staff
    Operation("GET", "/staff", staff.list_members, STAFF, roles=ADMIN, params=frozenset({"unused"})),
    Operation("POST", "/staff", staff.add_member, STAFF, roles=ADMIN, schema=staff.ADD, fresh=True),
    Operation(
        "PATCH", "/staff/{id}", staff.change_member, STAFF, roles=ADMIN, schema=staff.CHANGE, fresh=True
    ),
    Operation("DELETE", "/staff/{id}", staff.remove_member, STAFF, roles=ADMIN, fresh=True),
    # the catalogue
    Operation("GET", "/items", items.list_items, ANYBODY),
    Operation("GET", "/items/{item}", items.show_item, ANYBODY),
    Operation("GET", "/services", services.list_public, ANYBODY),
    Operation("GET", "/services/{id}", services.show_public, ANYBODY),
    Operation("GET", "/services/{id}/changes/{version}", services.show_changes, ANYBODY),
    Operation("GET", "/catalogue/services", services.list_all, STAFF, roles=CATALOGUE),
    Operation("GET", "/catalogue/services/{id}", services.show_all, STAFF, roles=CATALOGUE),
    Operation(
        "POST",
        "/catalogue/services/{id}/state",
        services.set_active,
        STAFF,
        roles=CATALOGUE,
        schema=services.SUSPEND,
    ),
    # four eyes
    Operation("POST", "/proposals", proposals.propose, STAFF, schema=proposals.PROPOSE),
    Operation("GET", "/proposals", proposals.list_proposals, STAFF, params=frozenset({"state"})),
    Operation("GET", "/proposals/{id}", proposals.show_proposal, STAFF),
    Operation("POST", "/proposals/{id}/approve", proposals.approve, STAFF, fresh=True),
    Operation("POST", "/proposals/{id}/refuse", proposals.refuse, STAFF, schema=proposals.REFUSE),
    Operation("POST", "/proposals/{id}/withdraw", proposals.withdraw, STAFF),
    # records, and where they live
    Operation("POST", "/records/write", records.write, STAFF, roles=COUNTER, schema=records.WRITE),
    Operation("POST", "/records", storing.store, SERVICE, schema=storing.STORE),
    Operation("POST", "/records/intake", storing.take_in, STAFF, roles=COUNTER, schema=storing.TAKE_IN),
    Operation("POST", "/records/read", records.read, STAFF, roles=COUNTER, schema=records.ONE),
    Operation("POST", "/records/find", records.locate, STAFF, roles=COUNTER | PRIVACY, schema=residents.ONE),
    Operation("POST", "/records/erase", records.erase, STAFF, roles=COUNTER | PRIVACY, schema=records.ONE),
    Operation("POST", "/records/forget", forgetting.forget, STAFF, roles=PRIVACY, schema=residents.ONE),
    Operation(
        "POST",
        "/records/place",
        record_places.choose_on_paper,
        STAFF,
        roles=COUNTER,
        schema=record_places.ON_PAPER,
    ),
    Operation("POST", "/records/hold", record_places.hold, STAFF, roles=PRIVACY, schema=record_places.HOLD),
    Operation("POST", "/records/lift", record_places.lift, STAFF, roles=PRIVACY, schema=record_places.LIFT),
    Operation("GET", "/locations", record_places.list_places, STAFF, roles=CATALOGUE | ADMIN),
    Operation("GET", "/me/items", records.locate_own, RESIDENT, level=Level.CARD, reads="items"),
    Operation("GET", "/me/items/{item}", records.read_own, RESIDENT, level=Level.CARD, reads="items"),
    Operation("PUT", "/me/items/{item}", records.write_own, RESIDENT, level=Level.CARD, schema=records.OWN),
    Operation("DELETE", "/me/items/{item}", records.erase_own, RESIDENT, level=Level.CARD),
    Operation(
        "PUT",
        "/me/items/{item}/location",
        record_places.choose_own,
        RESIDENT,
        level=Level.CARD,
        schema=record_places.OWN,
    ),
    # residents at the counter
    Operation("POST", "/residents", residents.register, STAFF, roles=COUNTER, schema=residents.REGISTER),
    Operation(
        "POST",
        "/residents/search",
        residents.search,
        STAFF,
        roles=COUNTER | {Role.EMERGENCY},
        schema=residents.SEARCH,
    ),
    Operation("POST", "/residents/read", residents.read, STAFF, roles=COUNTER, schema=residents.ONE),
    Operation(
        "POST",
        "/residents/identifiers",
        resident_changes.link,
        STAFF,
        roles=COUNTER,
        schema=resident_changes.LINK,
    ),
    Operation(
        "POST",
        "/residents/identifiers/end",
        resident_changes.end,
        STAFF,
        roles=COUNTER,
        schema=resident_changes.END,
    ),
    Operation(
        "POST", "/residents/checked", resident_changes.check, STAFF, roles=COUNTER, schema=residents.ONE
    ),
    Operation(
        "POST",
        "/residents/terms",
        resident_changes.search_by,
        STAFF,
        roles=COUNTER,
        schema=resident_changes.TERMS,
    ),
    Operation(
        "POST", "/residents/events", resident_changes.note, STAFF, roles=COUNTER, schema=resident_changes.NOTE
    ),
    Operation(
        "POST", "/residents/merge", merging.merge_residents, STAFF, roles=COUNTER, schema=merging.MERGE
    ),
    Operation("POST", "/residents/part", parting.part_residents, STAFF, roles=COUNTER, schema=parting.PART),
    Operation(
        "POST",
        "/residents/protection",
        resident_changes.set_protected,
        STAFF,
        roles=PROTECTION,
        schema=resident_changes.PROTECT,
        fresh=True,
    ),
)

DEMONSTRATION: Final[tuple[Operation, ...]] = (
    Operation("POST", "/demo/sessions", logins.demo_login, ANYBODY, schema=logins.DEMO),
)
"""What is there only where everybody is made up."""

KINDS: Final[Mapping[str, Kind]] = {
    "agent-keys": agent_line.AGENT_KEYS,
    "agent-recipient": inside.RECIPIENT,
    "service": services.DESCRIPTION,
    "service-keys": services.NEW_KEYS,
    "item": items.ITEM,
    "item-location": record_places.PLACE,
    **relations.KINDS,
    **login_rows.KINDS,
}
"""What one member of staff proposes and a second one approves."""

_SHARING: Final[tuple[ConsentReaction, ...]] = (notices.consent_changed, inside.told_inside)
CONSENT_REACTIONS: Final[tuple[ConsentReaction, ...]] = (*_SHARING, letting_go.reaction(_SHARING))
"""What follows when consents begin or end, in the same transaction."""

REACTIONS: Final[tuple[Reaction, ...]] = (
    delegations.react,
    peers.react,
    rights.react,
    notices.follow,
    sharing_codes.follow,
    connecting.follow,
    resident_notices.react,
    consent_reactions.reaction(CONSENT_REACTIONS),
)
"""What follows from what happens to a resident, in this order, in the same transaction."""

EVENTS: Final[Events] = emergencies.under
"""Which declared emergencies let services see more."""


def operations(settings: PersonalSettings) -> tuple[Operation, ...]:
    """Give what is served under these settings."""
    always = (
        OPERATIONS
        + login_rows.OPERATIONS
        + devices.OPERATIONS
        + identification.OPERATIONS
        + agreements.OPERATIONS
        + releases.OPERATIONS
        + relations.OPERATIONS
        + tellings.OPERATIONS
        + common_login.OPERATIONS
    )
    return always + DEMONSTRATION if settings.demo else always
