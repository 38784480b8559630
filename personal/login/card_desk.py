"""What desks do with cards: take a transaction, answer it, ask who a card belongs to. (card.md 5, 6)"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from cryptography import x509

from base import clock
from base.database import Connection
from base.errors import BadRequestData, NotPermitted, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.login import cards
from personal.login.cards import State, Transaction, Wants
from personal.operations.blinding import Blinding, blinding
from personal.operations.call import Answer, Call, Module
from personal.operations.card_validity import checked, fault_of, told
from personal.operations.naming import deriving_of
from personal.rules import card_profiles, decisions, evidence
from personal.rules.certificate_status import Status
from personal.rules.evidence import LONGEST, EvidenceKind
from personal.rules.login_certificates import Fault
from personal.rules.residents import IdentifierKind
from personal.rules.residents import State as Standing
from personal.store import attempts, desks, identifiers, people, pseudonyms
from personal.store.pseudonyms import Deriving

FAILED: Final = ("cancelled", "pin-wrong", "pin-locked", "foreign-card", "torn", "no-reader")
"""What a desk says when no card answered."""
_NAME: Final = {"type": "string", "minLength": 20, "maxLength": 100}
_DER: Final = {"type": "string", "minLength": 1, "maxLength": LONGEST}
_CHAIN: Final = {"type": "array", "maxItems": 2, "items": _DER}
_LINE: Final = {"type": "string", "maxLength": 200}
CLAIM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["transaction"],
    "properties": {"transaction": _NAME},
    "additionalProperties": False,
}
ANSWER: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["transaction"],
    "oneOf": [{"required": ["certificate"]}, {"required": ["failed"]}],
    "properties": {
        "transaction": _NAME,
        "certificate": _DER,
        "chain": _CHAIN,
        "signature": _DER,
        "token": {"enum": list(card_profiles.TOKENS)},
        "basics": {
            "type": "object",
            "properties": dict.fromkeys(("name", "address", "birthDate", "sex"), _LINE),
            "additionalProperties": False,
        },
        "failed": {"enum": list(FAILED)},
        "tries": {"type": "integer", "minimum": 0, "maximum": 10},
    },
    "additionalProperties": False,
}
LOOKUP: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["certificate"],
    "properties": {"certificate": _DER, "chain": _CHAIN},
    "additionalProperties": False,
}
GONE: Final = "This transaction is over, or another desk's: begin again in the browser."
NOT_LINKED: Final = "not-linked"
ENDED: Final = "ended"


async def claim(call: Call, _: Module) -> Answer:
    """Give a desk what a browser wants of a card, before another desk has it."""
    key, name = await call.town.keys.named(attempts.KEY), call.body["transaction"]

    def work(db: Connection) -> Transaction:
        _alive(db, call)
        found = cards.claim(db, key, name, call.actor.id, call.now)
        if found is None:
            raise ResourceNotFound(GONE)
        return found

    found = await call.town.store.write(work)
    return Answer(
        body={
            "document": found.document,
            "says": found.says,
            "wants": found.wants,
            "basics": found.wants == Wants.PIN and not found.prepared,
            "expires": clock.show(found.until),
        }
    )


async def answer(call: Call, module: Module) -> Answer:
    """Take what a card answered, and say what becomes of it; sent again it is told the same again."""
    key, name = await call.town.keys.named(attempts.KEY), call.body["transaction"]
    found = call.town.store.read(lambda db: cards.of_desk(db, key, name, call.actor.id, call.now))
    if found is None or found.state == State.OPEN:
        raise ResourceNotFound(GONE)
    if found.state in cards.ANSWERED:
        return _told(found)
    judged = await _judged(call, module, found)

    def work(db: Connection) -> Transaction:
        _alive(db, call)
        now = cards.of_desk(db, key, name, call.actor.id, call.now)
        if now is None or now.state == State.OPEN:
            raise ResourceNotFound(GONE)
        if now.state in cards.ANSWERED:
            return now
        settled = _settled(db, judged)
        cards.keep(db, key, name, settled)
        if settled.state == State.REFUSED:
            facts = {"method": _method(settled), "desk": call.actor.id, "reason": settled.reason}
            log.append(db, Entry("login-refused", facts), call.now)
        return settled

    return _told(await call.town.store.write(work))


async def look_up(call: Call, module: Module) -> Answer:
    """Tell a desk by which name its service knows whom a card belongs to, and whether the card is valid. (かざし)"""
    given = {name: call.body[name] for name in ("certificate", "chain") if name in call.body}
    path = evidence.card_path(given, call.now, module.anchors)
    known, blind, deriving = await checked(module, path, call.now), *await _keys(call)
    hash = blind.card(*evidence.card_of(path[0]))

    def work(db: Connection) -> str | None:
        desk = desks.find(db, call.actor.id)
        if desk is None or desk.service is None:
            raise NotPermitted("This desk asks as no service: name one when the desk is added.")
        holder = None if known.status is Status.REVOKED else _seen(db, hash)
        facts = {"desk": desk.id, "service": desk.service, "known": holder is not None}
        people_of = {} if holder is None else {"subject": holder}
        log.append(db, Entry("card-lookup", {**facts, "validity": known.status}, people_of), call.now)
        return None if holder is None else pseudonyms.given(db, deriving, desk.service, holder, call.now)

    subject = await call.town.store.write(work)
    more = {} if subject is None else {"subject": subject}
    return Answer(body={"known": subject is not None, **more, "validity": told(known)})


async def _keys(call: Call) -> tuple[Blinding, Deriving]:
    return await blinding(call.town), await deriving_of(call.town)


def _alive(db: Connection, call: Call) -> None:
    """Refuse a desk that was removed while it asked."""
    if desks.find(db, call.actor.id) is None:
        raise NotPermitted("This desk may not act here (any more).")


async def _judged(call: Call, module: Module, found: Transaction) -> Transaction:
    """Verify what a card answered; refused, or with the card as what it is known by."""
    body = call.body
    if "failed" in body:
        return cards.answered(found, State.REFUSED, body["failed"], tries=body.get("tries", -1))
    given = {name: body[name] for name in ("certificate", "chain", "signature") if name in body}
    given["kind"] = EvidenceKind.CARD
    try:
        path = _proven(given, found, call.now, module)
    except NotPermitted as problem:
        return cards.answered(found, State.REFUSED, str(problem.more.get("fault", Fault.UNPROVEN)))
    known = await checked(module, path, call.now)
    fault = fault_of(known)
    if fault is not None:
        return cards.answered(found, State.REFUSED, fault)
    if known.answer:
        given["ocsp"] = decisions.shown(known.answer)
    blind = await blinding(call.town)
    issuer, serial = evidence.card_of(path[0])
    former = [blind.card(issuer, one).hex() for one in known.former]
    return replace(
        found,
        card=blind.card(issuer, serial).hex(),
        former=" ".join(former),
        token=body.get("token", card_profiles.TOKENS[0]),
        good=int(path[0].not_valid_after_utc.timestamp()) * clock.SECOND,
        evidence=given if found.prepared else {},
        basics=body.get("basics", {}),
    )


def _proven(given: Mapping[str, Any], found: Transaction, now: int, module: Module) -> list[x509.Certificate]:
    """Verify a card's certificate and, unless it is only shown, its signature over the document."""
    path = evidence.card_path(given, now, module.anchors)
    if found.wants == Wants.PIN:
        if "signature" not in given:
            raise BadRequestData("The card has to sign this: send its signature.")
        evidence.check_card_signature(path[0], given["signature"], decisions.digest(found.document))
    return path


def _settled(db: Connection, judged: Transaction) -> Transaction:
    """Say what becomes of a card that proved itself: whose it is, whether it may be registered."""
    if judged.state == State.REFUSED:
        return judged
    if judged.prepared:
        return cards.answered(judged, State.DONE)
    hash = bytes.fromhex(judged.card)
    holder = identifiers.holder(db, IdentifierKind.CARD, hash, cleared=True)
    if holder is not None:
        person = people.current(db, holder)
        alive = person is not None and person.state is not Standing.DEAD
        return _done(judged) if alive else cards.answered(judged, State.REFUSED, ENDED)
    if identifiers.was_known(db, IdentifierKind.CARD, hash):
        return cards.answered(judged, State.REFUSED, ENDED)
    if judged.wants == Wants.CONTACTLESS and not judged.staff:
        return cards.answered(judged, State.REFUSED, NOT_LINKED)
    if any(
        identifiers.holder(db, IdentifierKind.CARD, bytes.fromhex(one), cleared=True)
        for one in judged.former.split()
    ):
        return _done(judged)
    return cards.answered(judged, State.REGISTER)


def _done(judged: Transaction) -> Transaction:
    """Finish with a card that is known; what the desk read of its holder is not needed, and not kept.

    Staff get it in any case: the card of somebody protected is to them like one that nobody has.
    """
    return cards.answered(judged, State.DONE, basics=judged.basics if judged.staff else {})


def _seen(db: Connection, hash: bytes) -> str | None:
    """Find whose card it is, as services may know: a protected person is like nobody."""
    holder = identifiers.holder(db, IdentifierKind.CARD, hash, cleared=False)
    person = None if holder is None else people.current(db, holder)
    if person is None or person.state is Standing.DEAD or person.protected:
        return None
    return person.id


def _method(found: Transaction) -> str:
    return "contactless" if found.wants == Wants.CONTACTLESS else "card"


def _told(found: Transaction) -> Answer:
    """Tell the desk what came of it; whether a card is known it does not learn from what staff asked for."""
    if found.staff and (found.state == State.REGISTER or found.reason == ENDED):
        found = replace(found, state=State.DONE, reason="")
    reason = {"reason": found.reason} if found.reason else {}
    return Answer(body={"state": found.state, **reason, "code": found.code})
