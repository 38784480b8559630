"""Preparing a decision and submitting it: what is agreed to is one signed document, used once. (issue 5)"""

from collections.abc import Mapping
from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import BadRequestData, Conflict, NotPermitted, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import inside, seeing
from personal.operations.blinding import Blinding
from personal.operations.call import Call, Module
from personal.operations.deciding import (
    EVIDENCE,
    LOGIN,
    Act,
    GivenBy,
    Settled,
    Shown,
    bases,
    locations,
    settle,
    standing,
)
from personal.rules import catalogue, consent, consent_words, decisions, evidence
from personal.rules.consent import Kind
from personal.rules.decisions import Choice
from personal.rules.evidence import Credential, CredentialKind
from personal.rules.identifiers import fresh
from personal.rules.residents import IdentifierKind, State
from personal.store import consents, identifiers, items, people, services
from personal.store.services import Service
from personal.vault import signing

PREPARED: Final = "engawa-prepared-consent+jwt"
TOKEN: Final = {"type": "string", "pattern": "^[a-z][a-z0-9-]*$", "maxLength": 64}
ITEMS: Final = {"type": "array", "maxItems": 50, "uniqueItems": True, "items": TOKEN}
PREPARE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["service", "purpose", "agree"],
    "properties": {
        "kind": {"enum": list(Kind)},
        "service": TOKEN,
        "purpose": TOKEN,
        "agree": ITEMS,
        "refuse": ITEMS,
        "until": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    },
    "additionalProperties": False,
}
SUBMIT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["prepared"],
    "properties": {"prepared": {"type": "string", "maxLength": 16_384}, "evidence": evidence.SCHEMA},
    "additionalProperties": False,
}


def chosen(body: Mapping[str, Any], days: int, now: int) -> Choice:
    """Read what somebody wants to decide."""
    agree, refuse = tuple(body["agree"]), tuple(body.get("refuse", ()))
    if not agree and not refuse:
        raise BadRequestData("Name at least one item to agree to or to refuse.")
    until = decisions.ending(now, days, body.get("until")) if agree else None
    return Choice(Kind(body.get("kind", Kind.SHARE)), body["service"], body["purpose"], agree, refuse, until)


def prepare(db: Connection, call: Call, module: Module, act: Act, choice: Choice) -> dict[str, Any]:
    """Write down what is to be decided, signed by the municipality; nothing of it is stored."""
    service, choice = _checked(db, act.person, choice, call.now)
    facts = {**act.told, "service": choice.service, "purpose": choice.purpose, "consent": choice.kind}
    log.append(db, Entry("consent-prepared", facts, act.people), call.now)
    subject, actor = log.name_of(act.person), log.name_of(act.actor)
    nonce = fresh()
    document = decisions.document(choice, call.town.id, service.version, subject, actor, nonce, call.now)
    places = locations(db, act.person, choice.agree)
    paper = act.given_by is GivenBy.PAPER
    enough = evidence.acceptable(places, module.anchors, paper=paper) if choice.agree else set()
    return {
        "prepared": call.town.signer.sign(document, PREPARED),
        "document": document,
        "digest": decisions.shown(decisions.digest(document)),
        "until": document["until"],
        "expires": clock.show(call.now + decisions.LIFE),
        "evidence": sorted(enough),
        **_difference(db, call, act.person, service, choice),
    }


async def submitted(call: Call) -> dict[str, Any]:
    """Open a prepared decision that comes back; Conflict if it is too old."""
    document = signing.opened(call.body["prepared"], call.town.signer.public(), PREPARED)
    if document["municipality"] != call.town.id:
        raise BadRequestData("This was prepared by another municipality.")
    at = decisions.prepared_at(document)
    if not at <= call.now < at + decisions.LIFE:
        raise Conflict("This was prepared too long ago: prepare it again.")
    return document


async def evidence_key(call: Call, person: str) -> bytes:
    """Give the key under which the evidence of a person is sealed."""
    return await call.town.keys.personal(person, EVIDENCE) if "evidence" in call.body else b""


def submit(
    db: Connection,
    call: Call,
    module: Module,
    act: Act,
    document: dict[str, Any],
    blinding: Blinding,
    key: bytes,
) -> Settled:
    """Let a prepared decision take effect, once, if its evidence holds and nothing changed meanwhile."""
    names = log.name_of(act.person), log.name_of(act.actor)
    if names != (document["subject"], document["actor"]):
        raise NotPermitted("This was prepared for somebody else: prepare it again.")
    if consents.spent(db, decisions.digest(document)):
        raise Conflict("This was submitted already.")
    wanted = decisions.choice_of(document)
    service, choice = _checked(db, act.person, wanted, call.now)
    if service.version != document["version"] or choice != wanted:
        raise Conflict("The service or what you agreed to changed meanwhile: prepare it again.")
    shown = _shown(db, call, module, act, document, blinding, key) if choice.agree else LOGIN
    if choice.agree:
        inside.told_agreed(db, call.town, act.person, document, call.body["evidence"], call.now)
    return settle(db, module, call.town, act, document, shown, call.now)


def _checked(db: Connection, person: str, choice: Choice, now: int) -> tuple[Service, Choice]:
    """Refuse what cannot be decided; what ends with a refused item is added to the choice."""
    found = people.current(db, person)
    if found is None or found.state is State.DEAD:
        raise Conflict("Nothing is agreed to for somebody who is dead.")
    service = services.find(db, choice.service)
    purpose = None if service is None else catalogue.purpose_of(service.description, choice.purpose)
    if service is None or purpose is None or not service.active:
        raise ResourceNotFound("There is no such service (any more), or it has no such purpose.")
    have = standing(db, person, (choice.kind, choice.service, choice.purpose))
    agreed = {item for item, one in have.items() if consent.holds(one, now, service.least)}
    given = {item for item, one in have.items() if one.state in consent.HOLDING}
    decisions.check(choice, purpose, bases(db), agreed, given)
    if choice.agree:
        return service, choice
    swept = decisions.swept(choice.refuse, purpose, given)
    refuse = tuple(sorted(set(choice.refuse) | swept))
    return service, Choice(choice.kind, choice.service, choice.purpose, (), refuse, choice.until)


def _difference(db: Connection, call: Call, person: str, service: Service, choice: Choice) -> dict[str, Any]:
    """Say in words what would change, and what the service does otherwise than in the version agreed to before."""
    unseen = seeing.unseen(db, call.actor, person)
    found = standing(db, person, (choice.kind, choice.service, choice.purpose))
    have = {item: one for item, one in found.items() if consents.about(one) not in unseen}
    agreed = frozenset(item for item, one in have.items() if consent.holds(one, call.now, service.least))
    labels = {code: item.label for code, item in items.listed(db).items()}
    told = consent_words.decided(choice.agree, choice.refuse, agreed, labels)
    before = max((one.version for one in have.values()), default=0)
    return {"changes": told, "serviceChanges": service_changes(db, service, before, choice.purpose, labels)}


def service_changes(
    db: Connection, service: Service, before: int, purpose: str, labels: consent_words.Labels
) -> list[dict[str, Any]]:
    """Say in words what a service does otherwise for a purpose than in a version before."""
    old = services.version(db, service.id, before) if before < service.version else None
    if old is None:
        return []
    found = catalogue.differences(old.description, service.description)
    return consent_words.changes((one for one in found if one.purpose in ("", purpose)), labels)


def _shown(
    db: Connection,
    call: Call,
    module: Module,
    act: Act,
    document: Mapping[str, Any],
    blinding: Blinding,
    key: bytes,
) -> Shown:
    given = call.body.get("evidence")
    places = locations(db, act.person, document["agree"])
    paper = act.given_by is GivenBy.PAPER
    enough = evidence.acceptable(places, module.anchors, paper=paper)
    if given is None or given["kind"] not in enough:
        raise NotPermitted(
            "This needs evidence that it was agreed to, of one of these kinds: "
            + (", ".join(sorted(enough)) or "none is set up here"),
            evidence=sorted(enough),
        )
    family = people.family(db, act.actor)
    at = decisions.prepared_at(document)
    kind = evidence.verified(
        given,
        decisions.digest(document),
        at,
        module.anchors,
        lambda credential: _holder(db, blinding, credential) in family,
    )
    return Shown(kind, evidence.lasting(given, module.anchors), key)


def _holder(db: Connection, blinding: Blinding, credential: Credential) -> str | None:
    if credential.kind is CredentialKind.CARD:
        hash = blinding.card(credential.issuer, credential.id)
        return identifiers.holder(db, IdentifierKind.CARD, hash, cleared=True)
    login = evidence.login_of(credential.issuer, credential.id)
    hash = blinding.identifier(IdentifierKind.LOGIN, login)
    return identifiers.holder(db, IdentifierKind.LOGIN, hash, cleared=True)
