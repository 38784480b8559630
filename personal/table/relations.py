"""Rows of the table of operations: guardians and proxies, emergencies, exchange between municipalities, rights."""

from collections.abc import Mapping
from typing import Final

from personal.operations import (
    break_glass,
    concerned,
    deadlines,
    delegations,
    emergencies,
    exchange,
    offices,
    peers,
    portability,
    reports,
    representing,
    residents,
    rights,
)
from personal.operations.actors import Role, Who
from personal.operations.call import Operation
from personal.operations.tables import Kind
from personal.rules.levels import Level

ANYBODY: Final = frozenset({Who.NOBODY})
RESIDENT: Final = frozenset({Who.RESIDENT})
STAFF: Final = frozenset({Who.STAFF})
COUNTER: Final = frozenset({Role.COUNTER, Role.PROTECTION})
EMERGENCY: Final = frozenset({Role.EMERGENCY})
PRIVACY: Final = frozenset({Role.PRIVACY})
ADMIN: Final = frozenset({Role.ADMIN})
CATALOGUE: Final = frozenset({Role.CATALOGUE})
SERVICE: Final = frozenset({Who.SERVICE})
PEER: Final = frozenset({Who.PEER})

GUARDIANS: Final[tuple[Operation, ...]] = (
    Operation("POST", "/delegations", delegations.grant, STAFF, roles=COUNTER, schema=delegations.GRANT),
    Operation("POST", "/delegations/find", delegations.find, STAFF, roles=COUNTER, schema=residents.ONE),
    Operation("GET", "/delegations/{id}", delegations.show, STAFF, roles=COUNTER),
    Operation(
        "PATCH", "/delegations/{id}", delegations.change, STAFF, roles=COUNTER, schema=delegations.CHANGE
    ),
    Operation("DELETE", "/delegations/{id}", delegations.end, STAFF, roles=COUNTER),
    Operation("GET", "/me/represented", representing.represented, RESIDENT, level=Level.CARD, reads="family"),
    Operation(
        "GET", "/me/represented/{id}/name", representing.name_of, RESIDENT, level=Level.CARD, reads="items"
    ),
    Operation("DELETE", "/me/represented/{id}", representing.give_up, RESIDENT, level=Level.CARD),
    Operation(
        "POST",
        "/me/acting-for",
        representing.act_for,
        RESIDENT,
        level=Level.CARD,
        schema=representing.ACT_FOR,
    ),
    Operation("GET", "/me/guardians", representing.guardians, RESIDENT, level=Level.CARD, reads="family"),
    Operation("DELETE", "/me/guardians/{id}", representing.revoke, RESIDENT, level=Level.CARD),
)

EMERGENCIES: Final[tuple[Operation, ...]] = (
    Operation("GET", "/emergencies", emergencies.list_public, ANYBODY),
    Operation(
        "POST", "/emergencies", emergencies.propose, STAFF, roles=EMERGENCY, schema=emergencies.DECLARE
    ),
    Operation("GET", "/me/emergencies", concerned.list_own, RESIDENT, level=Level.CARD, reads="accesses"),
    Operation(
        "POST", "/emergencies/find", concerned.find, STAFF, roles=COUNTER | PRIVACY, schema=residents.ONE
    ),
    Operation("GET", "/emergencies/all", emergencies.list_all, STAFF, roles=EMERGENCY | PRIVACY),
    Operation("GET", "/emergencies/{id}", emergencies.show, STAFF, roles=EMERGENCY | PRIVACY),
    Operation(
        "POST",
        "/emergencies/{id}/extension",
        emergencies.propose_longer,
        STAFF,
        roles=EMERGENCY,
        schema=emergencies.PROLONG,
    ),
    Operation("POST", "/emergencies/{id}/end", emergencies.end, STAFF, roles=EMERGENCY),
    Operation(
        "POST", "/residents/districts", emergencies.settle, STAFF, roles=COUNTER, schema=emergencies.SETTLE
    ),
    Operation(
        "POST",
        "/break-glass",
        break_glass.break_glass,
        STAFF,
        roles=EMERGENCY,
        schema=break_glass.BREAK,
        fresh=True,
    ),
    Operation("GET", "/break-glass", break_glass.list_looks, STAFF, roles=EMERGENCY | PRIVACY),
    Operation(
        "POST", "/break-glass/{id}/read", break_glass.read, STAFF, roles=EMERGENCY, schema=break_glass.READ
    ),
)

EXCHANGE: Final[tuple[Operation, ...]] = (
    Operation("POST", "/exchange/disclosures", exchange.disclose, SERVICE, schema=exchange.ASK),
    Operation("POST", "/exchange/answers", exchange.answer, PEER, schema=exchange.ANSWER_TO),
    Operation("GET", "/exchange/peers", peers.list_peers, ANYBODY),
    Operation("GET", "/exchange/peers/all", peers.list_all, STAFF, roles=CATALOGUE),
    Operation("POST", "/exchange/links", peers.begin, STAFF, roles=COUNTER, schema=peers.BEGIN_FOR),
    Operation("POST", "/exchange/links/finish", peers.finish, STAFF, roles=COUNTER, schema=peers.END_FOR),
    Operation("POST", "/exchange/links/claim", peers.claim, PEER, schema=peers.CLAIM),
    Operation("GET", "/me/exchange/links", peers.list_own, RESIDENT, level=Level.CARD),
    Operation("POST", "/me/exchange/links", peers.begin_own, RESIDENT, level=Level.CARD, schema=peers.BEGIN),
    Operation(
        "POST", "/me/exchange/links/finish", peers.finish_own, RESIDENT, level=Level.CARD, schema=peers.END
    ),
    Operation("DELETE", "/me/exchange/links/{peer}", peers.unlink, RESIDENT, level=Level.CARD),
)

RIGHTS: Final[tuple[Operation, ...]] = (
    Operation("POST", "/me/rights", rights.ask, RESIDENT, level=Level.CARD, schema=rights.ASK),
    Operation("GET", "/me/rights", rights.list_own, RESIDENT, level=Level.CARD, reads="requests"),
    Operation("DELETE", "/me/rights/{id}", rights.withdraw, RESIDENT, level=Level.CARD),
    Operation(
        "GET", "/me/export", portability.export, RESIDENT, level=Level.CARD, params=frozenset({"format"})
    ),
    Operation("POST", "/me/erase", portability.erase, RESIDENT, level=Level.CARD),
    Operation("POST", "/rights", rights.take, STAFF, roles=COUNTER | PRIVACY, schema=rights.TAKE),
    Operation("GET", "/rights", rights.list_all, STAFF, roles=PRIVACY, params=frozenset({"state"})),
    Operation("GET", "/rights/{id}", rights.show, STAFF, roles=PRIVACY),
    Operation("POST", "/rights/{id}/extension", rights.extend, STAFF, roles=PRIVACY, schema=rights.EXTEND),
    Operation("POST", "/rights/{id}/decision", rights.decide, STAFF, roles=PRIVACY, schema=rights.DECIDE),
    Operation("GET", "/deadlines", deadlines.list_deadlines, STAFF, roles=PRIVACY | CATALOGUE),
    Operation("GET", "/office", offices.show, ANYBODY),
    Operation("PUT", "/office", offices.describe, STAFF, roles=ADMIN, schema=offices.DESCRIBE, fresh=True),
    Operation("GET", "/reports/personal-files", reports.files, ANYBODY, params=frozenset({"format"})),
    Operation("POST", "/reports/affected", reports.affected, STAFF, roles=PRIVACY, schema=reports.AFFECTED),
)

OPERATIONS: Final = GUARDIANS + EMERGENCIES + EXCHANGE + RIGHTS
KINDS: Final[Mapping[str, Kind]] = {
    deadlines.DEADLINE: deadlines.KIND,
    delegations.WIDER: delegations.KIND,
    emergencies.DECLARED: emergencies.KIND,
    emergencies.LONGER: emergencies.LONGER_KIND,
    break_glass.REVIEW: break_glass.KIND,
    peers.PEER: peers.KIND,
}
