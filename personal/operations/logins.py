"""Logins: who is logged in, logging out, and the demonstration login that is there only with made-up residents."""

from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import logging_in
from personal.operations.actors import Who
from personal.operations.blinding import Blinding, blinding
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.operations.logging_in import Login, unknown
from personal.operations.registering import Newcomer, enter_self
from personal.operations.residents import CARD, SEARCHED
from personal.rules.levels import Level
from personal.rules.residents import IdentifierKind, State
from personal.store import identifiers, people, sessions, staff
from personal.store.identifiers import Means

DEMO: Final[dict[str, Any]] = {
    "type": "object",
    "oneOf": [{"required": ["staff"]}, {"required": ["resident"]}, {"required": ["card"]}],
    "dependentRequired": {"card": ["nameKana", "birthDate"]},
    "properties": {
        "staff": {"type": "string", "maxLength": 255},
        "resident": {"type": "string", "maxLength": 255},
        "card": CARD,
        **SEARCHED,
        "browser": {"type": "string", "maxLength": 40},
        "level": {"enum": [level.value for level in Level if level is not Level.NONE]},
    },
    "additionalProperties": False,
}


async def demo_login(call: Call, module: Module) -> Answer:
    """Log in as anybody: staff or a resident by name, or with a card, by which who is new is registered."""
    if not module.settings.demo:
        raise ResourceNotFound("There is no such thing here.")
    body, level = call.body, Level(call.body.get("level", Level.CARD))
    kind = Who.STAFF if "staff" in body else Who.RESIDENT
    blind = await blinding(call.town)

    def work(db: Connection) -> tuple[str, tuple[str, ...]]:
        if kind is Who.STAFF:
            actor, roles = _staff(db, body["staff"])
        else:
            actor, roles = _resident(db, call, module, blind, level), ()
        means = None if kind is Who.STAFF else _means(call, blind)
        login = Login(kind, actor, level, logging_in.DEMO, roles, call.now, means=means)
        more = {"agent": body.get("browser", ""), "replaces": call.actor.session}
        return logging_in.begin(db, login, module.settings, call.now, **more), roles

    secret, roles = await call.town.store.write(work)
    life = int(module.settings.session_seconds)
    told = {"token": secret, "kind": kind, "roles": list(roles), "level": int(level), "expiresIn": life}
    return Answer(201, told)


def _means(call: Call, blind: Blinding) -> Means:
    if "card" in call.body:
        return Means(IdentifierKind.CARD, blind.card(**call.body["card"]))
    return Means(IdentifierKind.LOGIN, blind.identifier(IdentifierKind.LOGIN, call.body["resident"]))


def _resident(db: Connection, call: Call, module: Module, blind: Blinding, level: Level) -> str:
    if "card" not in call.body:
        return resident_of(
            db, IdentifierKind.LOGIN, blind.identifier(IdentifierKind.LOGIN, call.body["resident"])
        )
    hash = blind.card(**call.body["card"])
    if identifiers.holder(db, IdentifierKind.CARD, hash, cleared=True) is not None:
        return resident_of(db, IdentifierKind.CARD, hash)
    if level is not Level.CARD:
        raise unknown()
    terms = blind.terms((call.body["nameKana"],), call.body["birthDate"])
    return enter_self(db, Newcomer(((IdentifierKind.CARD, hash),), tuple(terms)), call.now, module.reactions)


def resident_of(db: Connection, kind: IdentifierKind, hash: bytes) -> str:
    """Find whose login or card it is; protected persons are found by their own. Unauthorized if nobody's."""
    holder = identifiers.holder(db, kind, hash, cleared=True)
    person = None if holder is None else people.current(db, holder)
    if person is None or person.state is State.DEAD:
        raise unknown()
    return person.id


async def show_session(call: Call, _: Module) -> Answer:
    """Say as what the caller is logged in."""
    actor = call.actor
    shown = {
        "kind": actor.who,
        "roles": sorted(actor.roles),
        "level": int(actor.level),
        "method": actor.method,
        "proven": clock.show(actor.proven) if actor.proven != logging_in.UNKNOWN else None,
        "desk": actor.device or None,
    }
    of_staff = actor.who in (Who.STAFF, Who.ENTRANT)
    member = call.town.store.read(lambda db: staff.find(db, actor.id)) if of_staff else None
    return Answer(body=shown if member is None else {**shown, "id": member.id, "name": member.name})


async def log_out(call: Call, _: Module) -> Answer:
    """End the login that the request comes with."""

    def work(db: Connection) -> None:
        sessions.end(db, call.actor.session)
        if call.actor.who in (Who.STAFF, Who.ENTRANT):
            log.append(db, Entry("logout", {"by": call.actor.id}), call.now)
        elif call.actor.who is Who.RESIDENT:
            log.append(db, Entry("logout", {}, {"subject": call.actor.id}), call.now)

    await call.town.store.write(work)
    return NO_CONTENT


def _staff(db: Connection, login: str) -> tuple[str, tuple[str, ...]]:
    member = staff.by_login(db, login)
    if member is None:
        raise unknown()
    return member.id, member.roles
