"""Guardians and proxies: written down by staff, used and ended by residents; wider only with four eyes. (issue 5)"""

import base64
from dataclasses import replace
from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import BadRequestData, Conflict, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import handles, proposals
from personal.operations.actors import Actor, Role
from personal.operations.blinding import Blinding, blinding
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.operations.handles import cleared
from personal.operations.tables import Decision, Kind
from personal.rules.delegation import OF_CHILDREN, Act, Delegation, Relation, Scope, ends, of_age, runs, wider
from personal.rules.identifiers import fresh
from personal.rules.residents import Event, Field, Happening, State
from personal.store import delegations, people
from personal.store.delegations import Granted

WIDER: Final = "delegation"
_TOKENS: Final[dict[str, Any]] = {
    "type": "array",
    "maxItems": 200,
    "uniqueItems": True,
    "items": {"type": "string", "pattern": "^[a-z][a-z0-9-]*$", "maxLength": 64},
}
_SCOPE: Final[dict[str, Any]] = {
    "acts": {
        "type": "array",
        "minItems": 1,
        "uniqueItems": True,
        "items": {"enum": [act.value for act in Act]},
    },
    "services": {"anyOf": [_TOKENS, {"type": "null"}]},
    "items": {"anyOf": [_TOKENS, {"type": "null"}]},
    "until": {"type": "string", "maxLength": 40},
    "birthDate": {"type": "string", "format": "date"},
    "evidence": {"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[!-~]+$"},
}
GRANT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["guardian", "resident", "relation", "acts", "evidence"],
    "properties": {
        "guardian": handles.SCHEMA,
        "resident": handles.SCHEMA,
        "relation": {"enum": [relation.value for relation in Relation]},
        **_SCOPE,
    },
    "additionalProperties": False,
}
CHANGE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["acts", "evidence"],
    "properties": _SCOPE,
    "additionalProperties": False,
}


async def grant(call: Call, module: Module) -> Answer:
    """Let a resident act for another; a second member of staff has to approve more than they had before."""
    names, blind = await handles.handles(call.town, call.actor), await blinding(call.town)
    key = await call.town.keys.named(delegations.KEY)
    body = call.body
    one, other = names.read(body["guardian"]), names.read(body["resident"])

    def work(db: Connection) -> Answer:
        guardian, subject = handles.visible(db, one, call.actor), handles.visible(db, other, call.actor)
        if guardian.id == subject.id:
            raise BadRequestData("Nobody is their own guardian.")
        if State.DEAD in (guardian.state, subject.state):
            raise Conflict("One of the two is dead: nobody acts for them any more.")
        if subject.protected:
            raise Conflict("Nobody acts for a resident who is protected; staff who are cleared help them.")
        old = delegations.latest(db, key, guardian.id, subject.id)
        if old is not None and runs(old, call.now):
            raise Conflict("This resident acts for the other already: change that.", delegation=old.id)
        relation = Relation(body["relation"])
        until = _until(db, call, module, blind, relation, subject.id)
        made = Delegation(fresh("g_"), guardian.id, subject.id, relation, _scope(body), call.now, until)
        return _settle(db, key, call, old, made)

    return await call.town.store.write(work)


async def change(call: Call, module: Module) -> Answer:
    """Change for what somebody acts for another, and until when; more of it needs a second member of staff."""
    blind = await blinding(call.town)
    key = await call.town.keys.named(delegations.KEY)

    def work(db: Connection) -> Answer:
        old = _found(db, key, call)
        if not runs(old, call.now):
            raise Conflict("This delegation is over: write a new one.")
        until = _until(db, call, module, blind, old.relation, old.subject)
        made = replace(old, id=fresh("g_"), scope=_scope(call.body), since=call.now, until=until)
        return _settle(db, key, call, old, made)

    return await call.town.store.write(work)


async def show(call: Call, _: Module) -> Answer:
    """Show a delegation to staff."""
    names = await handles.handles(call.town, call.actor)
    key = await call.town.keys.named(delegations.KEY)

    def work(db: Connection) -> dict[str, Any]:
        found = _found(db, key, call)
        _note(db, call, "delegation-read", found)
        told = {**shown(found), "running": runs(found, call.now)}
        return {**told, "guardian": names.show(found.guardian), "resident": names.show(found.subject)}

    return Answer(body=await call.town.store.write(work))


async def find(call: Call, _: Module) -> Answer:
    """List for staff who acts for a resident, and for whom the resident acts."""
    names = await handles.handles(call.town, call.actor)
    key = await call.town.keys.named(delegations.KEY)
    asked = names.read(call.body["resident"])

    def work(db: Connection) -> dict[str, Any]:
        person = handles.visible(db, asked, call.actor)
        log.append(db, Entry("delegations-listed", {"by": call.actor.id}, {"subject": person.id}), call.now)
        acting = delegations.by_guardian(db, key, person.id, call.now)
        acted_for = delegations.by_subject(db, key, person.id, call.now)
        return {
            "represented": [{**shown(one), "resident": names.show(one.subject)} for one in acting],
            "guardians": [
                {**shown(one), "guardian": names.show(one.guardian)}
                for one in acted_for
                if cleared(call.actor) or not protected(db, one.guardian)
            ],
        }

    return Answer(body=await call.town.store.write(work))


async def end(call: Call, _: Module) -> Answer:
    """End that somebody acts for another, at once."""
    key = await call.town.keys.named(delegations.KEY)

    def work(db: Connection) -> None:
        found = _found(db, key, call)
        if not runs(found, call.now):
            raise Conflict("This delegation is over already.")
        finish(db, call, found, "staff")

    await call.town.store.write(work)
    return NO_CONTENT


def react(db: Connection, happening: Happening, now: int) -> None:
    """Let end what cannot go on when somebody dies or is protected; follow those who were parted."""
    person = happening.person
    if happening.event is Event.DIED:
        delegations.end_all(db, person, now, "death")
        delegations.end_acting(db, person, now, "death")
    elif happening.event is Event.PROTECTED or (happening.event is Event.MERGED and protected(db, person)):
        delegations.end_all(db, person, now, "ended")
    elif happening.event is Event.PARTED and happening.to_other:
        delegations.hand_over(db, person, happening.other, happening.since)


def missing() -> ResourceNotFound:
    """Say that there is no such delegation, the same for whatever reason."""
    return ResourceNotFound("There is no such delegation (any more).")


def shown(one: Delegation) -> dict[str, Any]:
    """Show a delegation without whom it is between."""
    until = {} if one.until is None else {"until": clock.show(one.until)}
    told = {"delegation": one.id, "relation": one.relation, **_scope_shown(one.scope)}
    return {**told, "since": clock.show(one.since), **until}


def finish(db: Connection, call: Call, found: Delegation, why: str) -> None:
    """End a delegation and write it down."""
    delegations.end(db, found.id, call.now, why)
    _note(db, call, "delegation-ended", found, why=why)


def _settle(db: Connection, key: bytes, call: Call, old: Delegation | None, made: Delegation) -> Answer:
    """Write a delegation at once, or propose it where it is more than there was."""
    granted = Granted(call.actor.id, call.body["evidence"])
    more = old is not None and (wider(old, made.scope, made.until) or old.relation is not made.relation)
    if old is not None and more:
        body = {
            "delegation": old.id,
            "new": made.id,
            "relation": made.relation,
            "scope": _scope_shown(made.scope),
            "until": call.body.get("until"),
            "sealed": base64.b64encode(delegations.sealed(key, made.id, made.until)).decode(),
            "evidence": granted.evidence,
        }
        _note(db, call, "delegation-proposed", old)
        return Answer(202, {"proposal": proposals.make(db, WIDER, KIND, body, call.actor.id, call.now)})
    if old is not None and old.ended is None:
        delegations.end(db, old.id, call.now, "replaced")
    delegations.add(db, key, made, granted)
    _note(db, call, "delegation-granted", made, relation=made.relation, evidence=granted.evidence)
    return Answer(201, shown(made))


def _until(
    db: Connection, call: Call, module: Module, blind: Blinding, relation: Relation, subject: str
) -> int | None:
    """Say when it ends; a child's birth date must be the one that the child is registered with."""
    body = call.body
    until = None if "until" not in body else _moment(body["until"])
    if relation is Relation.PROXY and until is None:
        raise BadRequestData("Say until when a proxy acts for the resident.")
    adult = None
    if relation in OF_CHILDREN and "birthDate" in body:
        term = (Field.BIRTH.value, blind.term("", body["birthDate"])[1])
        if not any(term in people.terms(db, id) for id in people.family(db, subject)):
            raise Conflict("The birth date is not the one that the child is registered with.")
        adult = of_age(body["birthDate"], module.settings.guardian_age)
    end = ends(relation, until, adult)
    if end is not None and end <= call.now:
        raise Conflict("This would be over already: the moment has passed, or the child is of age.")
    return end


def _moment(text: str) -> int:
    try:
        return clock.parse(text)
    except ValueError:
        raise BadRequestData("until is no moment such as 2030-04-01T00:00:00Z.") from None


def _scope(body: dict[str, Any]) -> Scope:
    services, items = body.get("services"), body.get("items")
    return Scope(
        frozenset(map(Act, body["acts"])),
        None if services is None else frozenset(services),
        None if items is None else frozenset(items),
    )


def _scope_shown(scope: Scope) -> dict[str, Any]:
    return {
        "acts": sorted(scope.acts),
        "services": None if scope.services is None else sorted(scope.services),
        "items": None if scope.items is None else sorted(scope.items),
    }


def _found(db: Connection, key: bytes, call: Call) -> Delegation:
    """Find a delegation of residents whom the caller may know of."""
    found = delegations.find(db, key, call.path["id"])
    if found is None:
        raise missing()
    try:
        guardian = handles.visible(db, found.guardian, call.actor)
        subject = handles.visible(db, found.subject, call.actor)
    except ResourceNotFound:
        raise missing() from None
    return replace(found, guardian=guardian.id, subject=subject.id)


def _note(db: Connection, call: Call, kind: str, one: Delegation, **facts: Any) -> None:
    who = {"by": call.actor.id} if call.actor.roles else {"by": str(call.actor.who)}
    concerned = {"subject": one.subject, "guardian": one.guardian}
    log.append(db, Entry(kind, {**who, "delegation": one.id, **facts}, concerned), call.now)


def protected(db: Connection, person: str) -> bool:
    """Say whether a resident is protected."""
    found = people.current(db, person)
    return found is not None and found.protected


# -- what a second member of staff approves


def _check(_: Connection, __: Any, ___: int) -> Any:
    raise BadRequestData("This is proposed where the delegation is written: at /personal/v1/delegations.")


def _approve(db: Connection, body: dict[str, Any], decision: Decision) -> dict[str, Any]:
    pair = delegations.pair(db, body["delegation"])
    found = [] if pair is None else [people.current(db, id) for id in pair]
    if len(found) != 2 or any(one is None or one.state is State.DEAD for one in found):
        raise missing()
    guardian, subject = found
    if guardian is None or subject is None or subject.protected or guardian.id == subject.id:
        raise missing()
    if delegations.latest_id(db, guardian.id, subject.id) != body["delegation"]:
        raise missing()
    delegations.end(db, body["delegation"], decision.now, "replaced")
    told = body["scope"]
    made = Delegation(
        body["new"], guardian.id, subject.id, Relation(body["relation"]), _scope(told), decision.now
    )
    granted = Granted(decision.proposed_by, body["evidence"])
    delegations.add_sealed(db, made, base64.b64decode(body["sealed"]), granted)
    facts = {"by": decision.decided_by, "delegation": made.id, "evidence": granted.evidence}
    concerned = {"subject": subject.id, "guardian": guardian.id}
    log.append(db, Entry("delegation-granted", facts, concerned), decision.now)
    return {"delegation": made.id}


def _knows(db: Connection, actor: Actor, body: dict[str, Any]) -> bool:
    """Say whether somebody may know of both whom a proposal is about."""
    try:
        for one in delegations.pair(db, body["delegation"]) or ():
            handles.visible(db, one, actor)
    except ResourceNotFound:
        return False
    return True


KIND: Final = Kind(
    frozenset({Role.COUNTER, Role.PROTECTION}),
    {"type": "object"},
    _check,
    _approve,
    days=7,
    knows=_knows,
)
