"""What one logs in with: cards, phones, logins at providers; seeing them, linking and ending them. (card.md 5.1)

One resident has several of them, each with a number of its own.
"""

import secrets
from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import AlreadyExists, BadRequestData, Conflict, NotPermitted, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.login.cards import TYPE
from personal.login.proofs import LINK
from personal.operations import handles
from personal.operations.blinding import Blinding, blinding
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.operations.card_validity import vouched_for
from personal.operations.residents import IDENTIFIER, numbered
from personal.rules import decisions, evidence
from personal.rules.evidence import Credential, CredentialKind
from personal.rules.residents import IdentifierKind
from personal.store import identifiers, people, sessions
from personal.store.identifiers import Identifier
from personal.vault import signing

_SURE: Final = frozenset({IdentifierKind.CARD, IdentifierKind.LOGIN})
_SEEN: Final = _SURE | {IdentifierKind.CITY_CARD, IdentifierKind.MYKEY}
ADD: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["prepared", "evidence"],
    "properties": {"prepared": {"type": "string", "maxLength": 16_384}, "evidence": evidence.SCHEMA},
    "additionalProperties": False,
}


async def list_own(call: Call, module: Module) -> Answer:
    """List what one logs in with, without its numbers: which one it is, used when, good until when."""
    names = await handles.handles(call.town, call.actor)

    def work(db: Connection) -> tuple[list[Identifier], int]:
        log.append(db, Entry("credentials-listed", {"by": "resident"}, {"subject": call.actor.id}), call.now)
        session = sessions.by_hash(db, call.actor.session, call.now)
        return _living(db, call.actor.id), 0 if session is None else session.identifier

    (found, present), sure = await call.town.store.write(work), _sure(module)
    told = [
        {
            "id": names.show(f"{IDENTIFIER}{one.number}"),
            "kind": one.kind,
            "medium": one.medium or None,
            "since": clock.show(one.added),
            "used": None if one.used is None else clock.show(one.used),
            "until": None if one.until is None else clock.show(one.until),
            "over": one.until is not None and one.until <= call.now,
            "sure": one.kind in sure,
            "present": one.number == present,
        }
        for one in found
    ]
    return Answer(body={"credentials": told})


async def prepare_own(call: Call, _: Module) -> Answer:
    """Write down that a card or login shall be linked to oneself, for it to sign."""
    document = {
        "typ": TYPE,
        "municipality": call.town.id,
        "purpose": "link",
        "nonce": secrets.token_urlsafe(32),
        "subject": log.name_of(call.actor.id),
        "preparedAt": clock.show(call.now),
        "expires": clock.show(call.now + decisions.LIFE),
    }
    return Answer(
        body={
            "prepared": call.town.signer.sign(document, LINK),
            "document": document,
            "digest": decisions.shown(decisions.digest(document)),
            "expires": document["expires"],
        }
    )


async def add_own(call: Call, module: Module) -> Answer:
    """Link the card or login that signed what was prepared to oneself."""
    document = signing.opened(call.body["prepared"], call.town.signer.public(), LINK)
    at = decisions.prepared_at(document)
    if document["municipality"] != call.town.id or document["subject"] != log.name_of(call.actor.id):
        raise NotPermitted("This was prepared for somebody else: prepare it again.")
    if not at <= call.now < at + decisions.LIFE:
        raise Conflict("This was prepared too long ago: prepare it again.")
    given = await vouched_for(module, call.body["evidence"], call.now)
    found: list[Credential] = []

    def owns(credential: Credential) -> bool:
        found.append(credential)
        return True

    evidence.verified(given or {}, decisions.digest(document), at, module.anchors, owns)
    if not found:
        raise BadRequestData("Only a card, or a login at a provider, is linked.")
    kind, hash = _hashed(await blinding(call.town), found[0])
    await call.town.store.write(lambda db: _link(db, call, kind, hash))
    return Answer(201, {"kind": kind})


async def end_own(call: Call, module: Module) -> Answer:
    """End one of the things one logs in with, and all other logins; the last sure one stays."""
    names = await handles.handles(call.town, call.actor)
    number, sure = numbered(names.read(call.path["id"])), _sure(module)

    def work(db: Connection) -> None:
        living = _living(db, call.actor.id)
        one = next((one for one in living if one.number == number), None)
        if one is None:
            raise ResourceNotFound("You have no such card or login (any more).")
        if one.kind in sure and sum(other.kind in sure for other in living) == 1:
            raise Conflict("This is the last one you log in with: link another first, or go to the counter.")
        for id in people.family(db, call.actor.id):
            identifiers.end(db, id, number, call.now)
        sessions.end_others(db, call.actor.who, call.actor.id, call.actor.session)
        facts = {"by": "resident", "identifier": one.kind}
        log.append(db, Entry("resident-unlinked", facts, {"subject": call.actor.id}), call.now)

    await call.town.store.write(work)
    return NO_CONTENT


def _sure(module: Module) -> frozenset[IdentifierKind]:
    """Name with what one logs in surely enough for everything; one of them stays."""
    return _SURE | {IdentifierKind.MYKEY} if module.settings.mykey_pin else _SURE


def _link(db: Connection, call: Call, kind: IdentifierKind, hash: bytes) -> None:
    person = people.current(db, call.actor.id)
    if person is None:
        raise handles.not_found()
    holder = identifiers.holder(db, kind, hash, cleared=True)
    if holder is not None and holder in people.family(db, person.id):
        raise Conflict("This is linked to you already.")
    if holder is not None:
        raise AlreadyExists("This card or login is somebody's already: go to the counter.")
    if identifiers.was_known(db, kind, hash):
        raise Conflict("This card or login was ended here: go to the counter.")
    identifiers.link(db, kind, hash, person.id, person.protected, call.now)
    sessions.end_others(db, call.actor.who, call.actor.id, call.actor.session)
    facts = {"by": "resident", "identifier": kind, "renewed": False}
    log.append(db, Entry("resident-linked", facts, {"subject": person.id}), call.now)


def _living(db: Connection, person: str) -> list[Identifier]:
    found = [one for id in people.family(db, person) for one in identifiers.listed(db, id)]
    return [one for one in found if one.ended is None and one.kind in _SEEN]


def _hashed(blind: Blinding, found: Credential) -> tuple[IdentifierKind, bytes]:
    if found.kind is CredentialKind.CARD:
        return IdentifierKind.CARD, blind.card(found.issuer, found.id)
    return IdentifierKind.LOGIN, blind.identifier(
        IdentifierKind.LOGIN, evidence.login_of(found.issuer, found.id)
    )
