"""Logins: who is logged in, logging out, and the demonstration login that is there only with made-up residents."""

import secrets
from typing import Any, Final

from base.database import Connection
from base.errors import Problem, ResourceNotFound, Unauthorized
from personal.audit import log
from personal.audit.log import Entry
from personal.operations.actors import Level, Who
from personal.operations.blinding import blinding
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.rules.residents import IdentifierKind, State
from personal.store import identifiers, people, sessions, staff
from personal.store.sessions import Session

DEMO: Final[dict[str, Any]] = {
    "type": "object",
    "oneOf": [{"required": ["staff"]}, {"required": ["resident"]}],
    "properties": {
        "staff": {"type": "string", "maxLength": 255},
        "resident": {"type": "string", "maxLength": 255},
        "level": {"enum": [level.value for level in Level if level is not Level.NONE]},
    },
    "additionalProperties": False,
}


async def demo_login(call: Call, module: Module) -> Answer:
    """Log in as anybody: a member of staff by login, or a resident by the subject of theirs. For demonstrations."""
    if not module.settings.demo:
        raise ResourceNotFound("There is no such thing here.")
    kind, name = next((key, call.body[key]) for key in ("staff", "resident") if key in call.body)
    level = Level(call.body.get("level", Level.CARD))
    hash = (await blinding(call.town)).identifier(IdentifierKind.LOGIN, name)
    secret = f"{kind}_{secrets.token_urlsafe(32)}"
    life = int(module.settings.session_seconds * 1_000_000)

    def work(db: Connection) -> Session:
        actor, roles = _staff(db, name) if kind == "staff" else (resident_of(db, hash), ())
        subject = actor if kind == "resident" else None
        session = Session(kind, actor, subject, roles, level, call.now, call.now, call.now + life)
        sessions.keep(db, secret, session)
        facts = {"as": kind, "level": int(level), "demo": True}
        if kind == "staff":
            log.append(db, Entry("login", {**facts, "by": actor}), call.now)
        else:
            log.append(db, Entry("login", facts, {"subject": actor}), call.now)
        return session

    session = await call.town.store.write(work)
    return Answer(
        201,
        {
            "token": secret,
            "kind": kind,
            "roles": list(session.roles),
            "level": int(level),
            "expiresIn": life // 1_000_000,
        },
    )


def resident_of(db: Connection, hash: bytes) -> str:
    """Find whose login it is; protected persons are found by their own login. Unauthorized if nobody's."""
    holder = identifiers.holder(db, IdentifierKind.LOGIN, hash, cleared=True)
    person = None if holder is None else people.current(db, holder)
    if person is None or person.state is State.DEAD:
        raise unknown()
    return person.id


async def show_session(call: Call, _: Module) -> Answer:
    """Say as what the caller is logged in."""
    actor = call.actor
    shown = {"kind": actor.who, "roles": sorted(actor.roles), "level": int(actor.level)}
    member = call.town.store.read(lambda db: staff.find(db, actor.id)) if actor.who is Who.STAFF else None
    return Answer(body=shown if member is None else {**shown, "id": member.id, "name": member.name})


async def log_out(call: Call, _: Module) -> Answer:
    """End the login that the request comes with."""

    def work(db: Connection) -> None:
        sessions.end(db, call.actor.session)
        if call.actor.who is Who.STAFF:
            log.append(db, Entry("logout", {"by": call.actor.id}), call.now)
        elif call.actor.who is Who.RESIDENT:
            log.append(db, Entry("logout", {}, {"subject": call.actor.id}), call.now)

    await call.town.store.write(work)
    return NO_CONTENT


def unknown() -> Problem:
    """Refuse a login, the same for everybody who is not known here."""
    return Unauthorized("This login is not known here.")


def _staff(db: Connection, login: str) -> tuple[str, tuple[str, ...]]:
    member = staff.by_login(db, login)
    if member is None:
        raise unknown()
    return member.id, member.roles
