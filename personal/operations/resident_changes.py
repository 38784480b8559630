"""What changes about residents: cards and other identifiers, moving away, death, protection. (issue 5)"""

from typing import Any, Final

from base.database import Connection
from base.errors import AlreadyExists, Conflict, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import handles, identified
from personal.operations.blinding import Blinding, blinding
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.operations.handles import cleared
from personal.operations.merging import protect
from personal.operations.registering import tell
from personal.operations.residents import CARD, IDENTIFYING, SEARCHED, meeting, numbered, refuse_searching
from personal.operations.tables import Reaction
from personal.rules.residents import Event, Happening, IdentifierKind, State, moved_on
from personal.store import attempts, identifiers, people, sessions
from personal.store.identifiers import Why
from personal.store.people import Person

LINK: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident"],
    "properties": {
        "resident": handles.SCHEMA,
        "card": CARD,
        "replaces": CARD,
        "municipalId": IDENTIFYING["municipalId"],
        "login": IDENTIFYING["login"],
        "identified": identified.SCHEMA,
    },
    "oneOf": [
        {"required": ["card"]},
        {"required": ["municipalId"]},
        {"required": ["login"]},
        {"required": ["identified"]},
    ],
    "dependentRequired": {"replaces": ["card"]},
    "additionalProperties": False,
}
END: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident", "identifier"],
    "properties": {"resident": handles.SCHEMA, "identifier": handles.SCHEMA},
    "additionalProperties": False,
}
NOTE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident", "event"],
    "properties": {"resident": handles.SCHEMA, "event": {"enum": [Event.MOVED, Event.DIED, Event.RETURNED]}},
    "additionalProperties": False,
}
PROTECT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident", "protected"],
    "properties": {"resident": handles.SCHEMA, "protected": {"type": "boolean"}},
    "additionalProperties": False,
}
TERMS: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident", "nameKana", "birthDate"],
    "properties": {"resident": handles.SCHEMA, **SEARCHED},
    "additionalProperties": False,
}


async def link(call: Call, module: Module) -> Answer:
    """Link a card, a municipal id or a login to a resident; a card may take the place of an older one."""
    blind, key = await blinding(call.town), await call.town.keys.named(attempts.KEY)
    given = None if "identified" in call.body else _identifier(blind, call.body)
    replaced = blind.card(**call.body["replaces"]) if "replaces" in call.body else None
    names = await handles.handles(call.town, call.actor)
    asked = names.read(call.body["resident"])

    def work(db: Connection) -> None:
        refuse_searching(db, call, module)
        person = handles.visible(db, asked, call.actor)
        if person.state is State.DEAD:
            raise Conflict("This resident is dead: nothing is linked to them any more.")
        family = people.family(db, person.id)
        if replaced is not None and not any(
            identifiers.renew(db, IdentifierKind.CARD, replaced, id, call.now) for id in family
        ):
            raise Conflict("The card to replace is not one of this resident.")
        if replaced is not None:
            sessions.end_about(db, person.id)
        kind, hash = given or identified.take(db, key, call.body["identified"], call)
        link_to(db, person, kind, hash, may=cleared(call.actor), now=call.now)
        facts = {"by": call.actor.id, "identifier": kind, "renewed": replaced is not None}
        log.append(db, Entry("resident-linked", facts, {"subject": person.id}), call.now)

    await meeting(call, work)
    return NO_CONTENT


def link_to(
    db: Connection, person: Person, kind: IdentifierKind, hash: bytes, *, may: bool, now: int
) -> None:
    """Let an identifier stand for a resident; AlreadyExists if it stands for somebody whom one may know of."""
    if identifiers.holder(db, kind, hash, cleared=may or person.protected) is not None:
        raise AlreadyExists(f"The {kind} identifier stands for somebody already: search by it.")
    identifiers.link(db, kind, hash, person.id, person.protected, now)


async def end(call: Call, _: Module) -> Answer:
    """End an identifier of a resident, as of a card that was lost."""
    names = await handles.handles(call.town, call.actor)
    asked = names.read(call.body["resident"])
    number = numbered(names.read(call.body["identifier"]))

    def work(db: Connection) -> None:
        person = handles.visible(db, asked, call.actor)
        family = people.family(db, person.id)
        if not any(identifiers.end(db, id, number, call.now) for id in family):
            raise ResourceNotFound("This resident has no such identifier (any more).")
        sessions.end_about(db, person.id)
        log.append(db, Entry("resident-unlinked", {"by": call.actor.id}, {"subject": person.id}), call.now)

    await call.town.store.write(work)
    return NO_CONTENT


async def note(call: Call, module: Module) -> Answer:
    """Note that a resident moved away, died, or is here again, with all that follows from it."""
    names = await handles.handles(call.town, call.actor)
    asked, event = names.read(call.body["resident"]), Event(call.body["event"])

    def work(db: Connection) -> None:
        person = handles.visible(db, asked, call.actor)
        log.append(db, Entry(f"resident-{event}", {"by": call.actor.id}, {"subject": person.id}), call.now)
        happen(db, person, event, call.now, module.reactions)

    await call.town.store.write(work)
    return NO_CONTENT


def happen(db: Connection, person: Person, event: Event, now: int, reactions: tuple[Reaction, ...]) -> None:
    """Change the state of a resident, with all that follows from it."""
    people.set_state(db, person.id, moved_on(person.state, event), now)
    for id in people.family(db, person.id):
        if event is Event.DIED:
            identifiers.end_dead(db, id, now)
            sessions.end_about(db, id)
        elif person.state is State.DEAD:
            identifiers.reopen(db, id, Why.DEATH, 0)
    tell(db, Happening(event, person.id), now, reactions)


async def set_protected(call: Call, module: Module) -> Answer:
    """Protect a resident, or lift it: to everybody not cleared they are as if nothing were held. (DV等支援措置)"""
    names = await handles.handles(call.town, call.actor)
    asked, wanted = names.read(call.body["resident"]), call.body["protected"]

    def work(db: Connection) -> None:
        person = handles.visible(db, asked, call.actor)
        if person.protected is wanted:
            raise Conflict(f"This resident is {'' if wanted else 'not '}protected already.")
        event = Event.PROTECTED if wanted else Event.UNPROTECTED
        log.append(db, Entry(f"resident-{event}", {"by": call.actor.id}, {"subject": person.id}), call.now)
        protect(db, person.id, wanted, call.now)
        for id in people.family(db, person.id):
            sessions.end_about(db, id)
        tell(db, Happening(event, person.id), call.now, module.reactions)

    await call.town.store.write(work)
    return NO_CONTENT


async def search_by(call: Call, _: Module) -> Answer:
    """Change by which readings and birth date a resident is searched."""
    blind = await blinding(call.town)
    names = await handles.handles(call.town, call.actor)
    asked, body = names.read(call.body["resident"]), call.body
    terms = blind.terms((body["nameKana"], *body.get("otherReadings", ())), body["birthDate"])

    def work(db: Connection) -> None:
        person = handles.visible(db, asked, call.actor)
        people.index(db, person.id, terms)
        people.check(db, person.id)
        facts = {"by": call.actor.id}
        log.append(db, Entry("resident-search-terms", facts, {"subject": person.id}), call.now)

    await call.town.store.write(work)
    return NO_CONTENT


async def check(call: Call, _: Module) -> Answer:
    """Note that one looked at the papers of a resident who registered themselves, and that they are who they say."""
    names = await handles.handles(call.town, call.actor)
    asked = names.read(call.body["resident"])

    def work(db: Connection) -> None:
        person = handles.visible(db, asked, call.actor)
        people.check(db, person.id)
        log.append(db, Entry("resident-checked", {"by": call.actor.id}, {"subject": person.id}), call.now)

    await call.town.store.write(work)
    return NO_CONTENT


def _identifier(blind: Blinding, body: dict[str, Any]) -> tuple[IdentifierKind, bytes]:
    if "card" in body:
        return IdentifierKind.CARD, blind.card(**body["card"])
    kind, text = (
        (IdentifierKind.MUNICIPAL, body["municipalId"])
        if "municipalId" in body
        else (IdentifierKind.LOGIN, body["login"])
    )
    return kind, blind.identifier(kind, text)
