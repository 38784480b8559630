"""The logins one has open, and ending them: one's own, and those of members of staff by administrators."""

from typing import Any

from base import clock
from base.database import Connection
from base.errors import ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations.actors import Actor, Who
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.store import sessions, staff
from personal.store.sessions import Session


async def list_own(call: Call, _: Module) -> Answer:
    """List the logins one has open: how and when each began, in which browser, when it was used last."""
    found = await call.town.store.write(lambda db: _listed(db, call))
    return Answer(body={"sessions": [shown(one, call.actor) for one in found]})


async def end_own(call: Call, _: Module) -> Answer:
    """End one of the logins one has open."""

    def work(db: Connection) -> None:
        if not sessions.end_named(db, call.actor.who, call.actor.id, call.path["id"]):
            raise ResourceNotFound("There is no such login (any more).")
        _note(db, call, "session-ended", {"sessions": 1})

    await call.town.store.write(work)
    return NO_CONTENT


async def end_others(call: Call, _: Module) -> Answer:
    """End all logins one has open, except the one that asks."""

    def work(db: Connection) -> int:
        ended = sessions.end_others(db, call.actor.who, call.actor.id, call.actor.session)
        _note(db, call, "session-ended", {"sessions": ended})
        return ended

    return Answer(body={"ended": await call.town.store.write(work)})


async def list_of_member(call: Call, _: Module) -> Answer:
    """List the logins a member of staff has open."""
    found = call.town.store.read(lambda db: _of_member(db, call))
    return Answer(body={"sessions": [shown(one, call.actor) for one in found]})


async def end_of_member(call: Call, _: Module) -> Answer:
    """End all logins of a member of staff."""

    def work(db: Connection) -> int:
        _of_member(db, call)
        ended = sessions.end_all(db, Who.STAFF, call.path["id"])
        facts = {"by": call.actor.id, "member": call.path["id"], "sessions": ended}
        log.append(db, Entry("staff-sessions-ended", facts), call.now)
        return ended

    return Answer(body={"ended": await call.town.store.write(work)})


def shown(session: Session, actor: Actor) -> dict[str, Any]:
    """Show an open login to whose it is."""
    return {
        "id": session.id,
        "method": session.method,
        "level": session.level,
        "began": clock.show(session.made),
        "used": clock.show(session.used),
        "ends": clock.show(session.until),
        "browser": session.agent,
        "desk": session.device or None,
        "present": session.id == actor.login,
    }


def _listed(db: Connection, call: Call) -> list[Session]:
    _note(db, call, "own-sessions-listed", {})
    return sessions.of_actor(db, call.actor.who, call.actor.id, call.now)


def _note(db: Connection, call: Call, kind: str, facts: dict[str, Any]) -> None:
    if call.actor.who is Who.RESIDENT:
        log.append(db, Entry(kind, {**facts, "by": "resident"}, {"subject": call.actor.id}), call.now)
    else:
        log.append(db, Entry(kind, {**facts, "by": call.actor.id}), call.now)


def _of_member(db: Connection, call: Call) -> list[Session]:
    if staff.find(db, call.path["id"]) is None:
        raise ResourceNotFound("There is no such member of staff.")
    return sessions.of_actor(db, Who.STAFF, call.path["id"], call.now)
