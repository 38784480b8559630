"""What a decision on consents does: events, entry of the log, evidence, receipt, all in one transaction. (issue 5)"""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import orjson

from base.database import Connection
from base.errors import Conflict
from personal.audit import heads, log, reading
from personal.audit.log import Entry
from personal.operations.call import Module
from personal.operations.tables import ConsentChange, ConsentReaction
from personal.operations.town import Town
from personal.rules import catalogue, consent, decisions, receipts
from personal.rules.consent import Consent, Event, Kind
from personal.rules.decisions import Choice
from personal.rules.evidence import EvidenceKind
from personal.rules.identifiers import framed, fresh
from personal.rules.receipts import Given, Terms
from personal.store import consents, items, records, services
from personal.store.consents import Decision, Happened, Key
from personal.vault import envelope
from schemas.personal.catalogue import ItemClass

EVIDENCE: Final = "consent-evidence"
"""Where, as the key store sees it, evidence is kept: under a key of its own for each person."""
WITHDRAW: Final = "/personal/v1/me/consents/withdraw"
_LEAVES: Final = {
    Event.GIVE: "consent-given",
    Event.WITHDRAW: "consent-withdrawn",
    Event.REFUSE: "consent-refused",
}
Group = tuple[str, str, str]
"""Kind, service, purpose: what one decision is about."""


class GivenBy(StrEnum):
    """Who decides for whom."""

    RESIDENT = "resident"
    GUARDIAN = "guardian"
    PAPER = "staff-paper"


@dataclass(frozen=True, slots=True)
class Act:
    """Who decides about whose data: `actor` is a resident or, for a form on paper, a member of staff."""

    person: str
    actor: str
    given_by: GivenBy

    @property
    def told(self) -> dict[str, str]:
        """Name for the log who acts; residents have no name there."""
        return {"by": self.actor if self.given_by is GivenBy.PAPER else str(self.given_by)}

    @property
    def people(self) -> dict[str, str]:
        """Name for the log whom it is about."""
        guardian = {"guardian": self.actor} if self.given_by is GivenBy.GUARDIAN else {}
        return {"subject": self.person, **guardian}


@dataclass(frozen=True, slots=True)
class Shown:
    """By what it is shown that a decision was made; the evidence itself is sealed before it is kept."""

    kind: EvidenceKind
    given: Mapping[str, Any] = field(default_factory=dict, repr=False)
    key: bytes = field(default=b"", repr=False)


LOGIN: Final = Shown(EvidenceKind.LOGIN)
"""Enough to refuse and to withdraw: as easy as giving. (GDPR 7(3))"""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a decision did."""

    receipt: str
    happened: Mapping[str, Consent]


def settle(
    db: Connection, module: Module, town: Town, act: Act, document: Mapping[str, Any], shown: Shown, now: int
) -> Settled:
    """Let a decision that was checked take effect."""
    choice = decisions.choice_of(document)
    before = standing(db, act.person, (choice.kind, choice.service, choice.purpose))
    events = _events(choice, document["version"], before, now)
    if not events:
        raise Conflict("All of it is as decided already.")
    id, digest = fresh("c_"), decisions.digest(document)
    told = {one.value: sorted(item for item, (event, _) in events.items() if event is one) for one in _LEAVES}
    facts = {
        **act.told,
        "service": choice.service,
        "purpose": choice.purpose,
        "consent": choice.kind,
        "items": sorted(events),
        "events": {event: changed for event, changed in told.items() if changed},
        "evidence": shown.kind,
        "digest": decisions.shown(digest),
    }
    kind = next(leaf for event, leaf in _LEAVES.items() if told[event])
    leaf = log.append(db, Entry(kind, facts, act.people), now)
    after = {item: changed for item, (_, changed) in events.items()}
    terms = terms_of(db, module, town, choice.service, document["version"], act.person, after)
    proof = {"position": leaf, **_proof(db, town, leaf, now)}
    written = receipts.receipt(
        id, now, terms, list(after.values()), Given(act.given_by, shown.kind), document, proof
    )
    consents.keep(
        db,
        Decision(
            id, act.person, act.actor, act.given_by, digest, document, shown.kind, leaf, now,
            _sealed(town, act.person, id, shown), act.person, _signed(town, written),
        ),
    )  # fmt: skip
    for event, changed in events.values():
        consents.write(db, act.person, Happened(event, changed, leaf, id))
    tell(db, module.consent_reactions, act.person, before, {**before, **after}, kind, now)
    return Settled(id, after)


def standing(db: Connection, person: str, group: Group) -> dict[str, Consent]:
    """Give the consents of a person to one purpose as they stand, by item."""
    found = consents.of(db, person)
    return {key[3]: one for key, one in found.items() if key[:3] == group}


def tell(
    db: Connection,
    follow: Iterable[ConsentReaction],
    person: str,
    before: Mapping[Any, Consent],
    after: Mapping[Any, Consent],
    why: str,
    now: int,
) -> None:
    """Let follow what follows where items begin or end to be shared or stored.

    What ends is what was agreed to and is not any more, even where a newer version or its time held it back before:
    who has it has to hear of it.
    """
    began = holding(db, after.values(), now) - holding(db, before.values(), now)
    ended = _agreed(before) - _agreed(after)
    for group in sorted({key[:3] for key in began | ended}):
        begin = tuple(sorted(key[3] for key in began if key[:3] == group))
        end = tuple(sorted(key[3] for key in ended if key[:3] == group))
        kind, service, purpose = group
        change = ConsentChange(Kind(kind), person, service, purpose, begin, end, why)
        for react in follow:
            react(db, change, now)


def terms_of(
    db: Connection,
    module: Module,
    town: Town,
    service: str,
    version: int,
    person: str | None,
    wanted: Iterable[str],
) -> Terms:
    """Gather what a receipt tells of a version of a service; with a person: where their items live."""
    described = services.version(db, service, version)
    if described is None:
        raise Conflict("The service has no such version.")
    known = items.listed(db)
    return Terms(
        (town.code, town.name),
        service,
        version,
        described.description,
        {item: known[item].label for item in wanted if item in known},
        frozenset(
            item for item in wanted if item in known and known[item].item_class is ItemClass.SPECIAL_CARE
        ),
        {} if person is None else {item: place(db, person, item) for item in wanted},
        module.address() + WITHDRAW,
    )


def place(db: Connection, person: str, item: str) -> str:
    """Say where an item of a person lives; of one that is not held: where it will."""
    record = records.find(db, person, item)
    return records.place_of(db, person, item) if record is None else record.location


def locations(db: Connection, person: str, wanted: Iterable[str]) -> set[str]:
    """Say where items of a person live now, or will."""
    found: set[str] = set()
    for item in wanted:
        found.add(records.place_of(db, person, item))
        found |= {record.location for record in records.held(db, person, item)}
    return found


def bases(db: Connection) -> dict[str, str]:
    """Say on what each item of the catalogue rests."""
    return {code: item.basis for code, item in items.listed(db).items()}


def purpose_at(db: Connection, service: str, version: int, purpose: str) -> Mapping[str, Any] | None:
    """Find a purpose as a version of a service described it."""
    described = services.version(db, service, version)
    return None if described is None else catalogue.purpose_of(described.description, purpose)


def opened(town: Town, decision: Decision) -> dict[str, Any] | None:
    """Open the evidence of a decision; None if there is none; ResourceNotFound if it was erased."""
    if decision.evidence is None:
        return None
    key = town.keys.must(decision.sealed_for, EVIDENCE)
    plain = envelope.unseal(key, decision.evidence, _bound(town, decision.sealed_for, decision.id))
    evidence: dict[str, Any] = orjson.loads(plain)
    return evidence


def receipt_of(decision: Decision) -> bytes:
    """Give the receipt of a decision, as JSON-LD."""
    return zlib.decompress(decision.receipt)


def sign(town: Town, receipt: Mapping[str, Any]) -> dict[str, Any]:
    """Sign a receipt."""
    signature = town.signer.sign_bytes(receipts.canonical(receipt), receipts.TYP)
    return receipts.signed(receipt, signature)


def _events(
    choice: Choice, version: int, before: Mapping[str, Consent], now: int
) -> dict[str, tuple[Event, Consent]]:
    """Say what happens to each item on which there is something to decide."""
    found: dict[str, tuple[Event, Consent]] = {}
    for item in (*choice.agree, *choice.refuse):
        old = before.get(item)
        event = consent.wanted(old, agree=item in choice.agree)
        if event is None:
            continue
        until = choice.until if event is Event.GIVE else None
        new = (
            consent.begun(
                choice.kind, choice.service, choice.purpose, item, event, now, version=version, until=until
            )
            if old is None
            else consent.happened(old, event, now, version=version, until=until)
        )
        found[item] = (event, new)
    return found


def holding(db: Connection, found: Iterable[Consent], now: int) -> set[Key]:
    """Name what holds at a moment, of consents as they stand."""
    holding: set[Key] = set()
    for one in found:
        service = services.find(db, one.service)
        if consent.holds(one, now, 0 if service is None else service.least):
            holding.add(consents.about(one))
    return holding


def _agreed(found: Mapping[Any, Consent]) -> set[Key]:
    return {consents.about(one) for one in found.values() if one.state in consent.HOLDING}


def _proof(db: Connection, town: Town, leaf: int, now: int) -> dict[str, Any]:
    head = heads.current(db, town.signer, town.id, now)
    return {
        "entry": reading.entry(db, leaf).body.decode(),
        "proof": reading.inclusion(db, leaf, head.size),
        "head": head.signed,
    }


def _signed(town: Town, receipt: Mapping[str, Any]) -> bytes:
    return zlib.compress(orjson.dumps(sign(town, receipt)))


def _sealed(town: Town, person: str, id: str, shown: Shown) -> bytes | None:
    if not shown.key:
        return None
    return envelope.seal(shown.key, orjson.dumps(dict(shown.given)), _bound(town, person, id))


def _bound(town: Town, person: str, id: str) -> bytes:
    return framed("evidence", town.id, person, id)
