"""Acting for somebody else: whom one represents, switching to them and back, taking it back. (personal-data.md 3.4)"""

from dataclasses import replace
from typing import Any, Final

from base.database import Connection
from base.errors import NotPermitted
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import acting, handles, records
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.operations.delegations import finish, missing, protected, shown
from personal.rules.delegation import REVOCABLE, Delegation
from personal.store import delegations, sessions

BASIC_FOUR: Final = "basic-four"
LISTED: Final = "own-delegations-listed"
ACT_FOR: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident"],
    "properties": {"resident": {"anyOf": [handles.SCHEMA, {"type": "null"}]}},
    "additionalProperties": False,
}


async def represented(call: Call, _: Module) -> Answer:
    """List for whom one may act, for what, until when; and for whom one acts in this login."""
    names = await handles.handles(call.town, call.actor)
    key = await call.town.keys.named(delegations.KEY)

    def work(db: Connection) -> list[Delegation]:
        log.append(db, Entry(LISTED, {"by": str(call.actor.who)}, {"subject": call.actor.id}), call.now)
        return delegations.by_guardian(db, key, call.actor.id, call.now)

    found = await call.town.store.write(work)
    told = [{**shown(one), "resident": names.show(one.subject)} for one in found]
    now = names.show(call.actor.subject or "") if acting.for_another(call.actor) else None
    return Answer(body={"represented": told, "actingFor": now})


async def name_of(call: Call, module: Module) -> Answer:
    """Name somebody for whom one may act, before one does: read, and on record, as their basic four items are."""
    key = await call.town.keys.named(delegations.KEY)
    mine = call.town.store.read(lambda db: delegations.by_guardian(db, key, call.actor.id, call.now))
    asking = replace(call.actor, subject=_own(call, mine).subject)
    answer = await records.read_own(replace(call, actor=asking, path={"item": BASIC_FOUR}), module)
    value = answer.body["value"]
    return Answer(body={"name": value["name"], "nameKana": value.get("nameKana")})


async def act_for(call: Call, _: Module) -> Answer:
    """Act for somebody else in this login from now on; null: for oneself again."""
    names = await handles.handles(call.town, call.actor)
    key = await call.town.keys.named(delegations.KEY)
    wanted = call.body["resident"]
    asked = None if wanted is None else names.read(wanted)

    def work(db: Connection) -> dict[str, Any]:
        if asked is None:
            sessions.act_for(db, call.actor.session, call.actor.id)
            return {"actingFor": None}
        found = delegations.active(db, key, call.actor.id, asked, call.now)
        if found is None:
            raise handles.not_found()
        facts = {"by": str(call.actor.who), "delegation": found.id}
        log.append(
            db, Entry("acting-for", facts, {"subject": found.subject, "guardian": call.actor.id}), call.now
        )
        sessions.act_for(db, call.actor.session, found.subject)
        return {**shown(found), "actingFor": names.show(found.subject)}

    return Answer(body=await call.town.store.write(work))


async def guardians(call: Call, _: Module) -> Answer:
    """List who may act for oneself, and whether one can take it back alone."""
    names = await handles.handles(call.town, call.actor)
    key = await call.town.keys.named(delegations.KEY)

    def work(db: Connection) -> list[dict[str, Any]]:
        log.append(db, Entry(LISTED, {"by": str(call.actor.who)}, {"subject": call.actor.id}), call.now)
        found = delegations.by_subject(db, key, call.actor.id, call.now)
        return [
            {**shown(one), "guardian": names.show(one.guardian), "revocable": one.relation in REVOCABLE}
            for one in found
            if not protected(db, one.guardian)
        ]

    return Answer(body={"guardians": await call.town.store.write(work)})


async def revoke(call: Call, _: Module) -> Answer:
    """Take back, as the one who is acted for, what one gave oneself."""
    key = await call.town.keys.named(delegations.KEY)

    def work(db: Connection) -> None:
        found = _own(call, delegations.by_subject(db, key, call.actor.id, call.now))
        if protected(db, found.guardian):
            raise missing()
        if found.relation not in REVOCABLE:
            raise NotPermitted("A law or a court set this guardian: the municipality ends it; ask there.")
        finish(db, call, found, "subject")

    await call.town.store.write(work)
    return NO_CONTENT


async def give_up(call: Call, _: Module) -> Answer:
    """Give up, as the one who acts, to act for somebody."""
    key = await call.town.keys.named(delegations.KEY)

    def work(db: Connection) -> None:
        finish(db, call, _own(call, delegations.by_guardian(db, key, call.actor.id, call.now)), "guardian")

    await call.town.store.write(work)
    return NO_CONTENT


def _own(call: Call, found: list[Delegation]) -> Delegation:
    for one in found:
        if one.id == call.path["id"]:
            return one
    raise missing()
