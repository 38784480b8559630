"""Members of staff: joiners, leavers, roles; only for administrators, who in turn never see residents' data."""

import re
from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import (
    AlreadyExists,
    BadRequestData,
    Conflict,
    InvalidRequest,
    NotPermitted,
    ResourceNotFound,
)
from personal.audit import log
from personal.audit.log import Entry
from personal.operations.actors import Role, Who
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.rules.identifiers import fresh
from personal.settings import PersonalSettings
from personal.store import factors, sessions, staff
from personal.store.staff import Member

AT_MACHINE: Final = "admin-socket"
"""Who acts by a command at the machine itself."""
APART: Final = frozenset({Role.COUNTER, Role.PROTECTION, Role.PRIVACY, Role.EMERGENCY, Role.CATALOGUE})
"""Roles that reach residents' data, or decide who does: nobody has one of them who can let a second person in."""
_LOGIN: Final = re.compile(r"[!-~]{1,255}\Z")
ROLES: Final = {
    "type": "array",
    "minItems": 1,
    "uniqueItems": True,
    "items": {"enum": [role.value for role in Role]},
}
ADD: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["login", "name", "roles"],
    "properties": {
        "login": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        "name": {"type": "string", "minLength": 1, "maxLength": 100},
        "roles": ROLES,
    },
    "additionalProperties": False,
}
MOMENT: Final = {"type": "string", "format": "date-time", "maxLength": 40}
CHANGE: Final[dict[str, Any]] = {
    "type": "object",
    "minProperties": 1,
    "properties": {
        "roles": ROLES,
        "until": {"anyOf": [MOMENT, {"type": "null"}]},
        "suspended": {"type": "boolean"},
    },
    "additionalProperties": False,
}
_DAY: Final = 86_400 * clock.SECOND


def two_persons(settings: PersonalSettings) -> bool:
    """Say whether a second administrator approves who joins and gets further roles."""
    return settings.staff_two_persons and not settings.demo


async def add_member(call: Call, module: Module) -> Answer:
    """Add a member of staff; where two persons are demanded, this is proposed instead."""
    _not_alone(call, module)
    body = call.body
    made = await call.town.store.write(
        lambda db: join(db, body["login"], body["name"], body["roles"], by=call.actor.id, now=call.now)
    )
    return Answer(201, shown(made))


async def list_members(call: Call, _: Module) -> Answer:
    """List all members of staff, those who left last; or those who did not log in for so many days."""
    unused = call.params.get("unused")
    if unused is not None and not (unused.isascii() and unused.isdigit() and len(unused) < 6):
        raise InvalidRequest("The parameter unused is a number of days.")
    found = call.town.store.read(staff.listed)
    if unused is not None:
        found = unused_for(found, int(unused), call.now)
    return Answer(body={"staff": [shown(member) for member in found]})


def unused_for(found: list[Member], days: int, now: int) -> list[Member]:
    """Give those who may log in still, and did not for so many days."""
    since = now - days * _DAY
    return [one for one in found if one.ended is None and (one.seen or one.added) <= since]


async def change_member(call: Call, module: Module) -> Answer:
    """Give a member other roles, a last day, or suspend them; their logins end.

    Where two persons are demanded, further roles are proposed instead.
    """
    id, body, by = call.path["id"], call.body, call.actor.id

    def work(db: Connection) -> Member:
        if "roles" in body:
            if set(body["roles"]) - set(_present(db, id).roles):
                _not_alone(call, module)
            give_roles(db, id, body["roles"], by=by, now=call.now)
        if "until" in body:
            end_on(db, id, body["until"], by=by, now=call.now)
        if "suspended" in body:
            suspend(db, id, suspended=body["suspended"], by=by, now=call.now)
        return _present(db, id)

    return Answer(body=shown(await call.town.store.write(work)))


async def remove_member(call: Call, _: Module) -> Answer:
    """Let a member leave: their logins end at once."""
    await call.town.store.write(lambda db: leave(db, call.path["id"], by=call.actor.id, now=call.now))
    return NO_CONTENT


def join(db: Connection, login: str, name: str, roles: list[str], *, by: str, now: int) -> Member:
    """Write a new member of staff."""
    if not _LOGIN.match(login) or not name.strip() or not name.isprintable():
        raise BadRequestData("A member of staff needs a login without spaces, and a name.")
    given = checked(roles)
    if staff.by_login(db, login) is not None:
        raise AlreadyExists("There is a member of staff with this login already.")
    member = Member(fresh("m_"), login, name, given, now, by)
    staff.add(db, member)
    log.append(db, Entry("staff-joined", {"by": by, "member": member.id, "roles": list(given)}), now)
    return member


def give_roles(db: Connection, id: str, roles: list[str], *, by: str, now: int) -> Member:
    """Replace the roles of a member and end their logins."""
    member, given = _present(db, id), checked(roles)
    if member.id == by:
        raise NotPermitted("Nobody changes their own roles: ask another administrator.")
    if Role.ADMIN not in given:
        _keep_an_administrator(db, member, now)
    staff.give_roles(db, id, given)
    sessions.end_all(db, Who.STAFF, id)
    log.append(db, Entry("staff-roles", {"by": by, "member": id, "roles": list(given)}), now)
    return _present(db, id)


def end_on(db: Connection, id: str, moment: str | None, *, by: str, now: int) -> None:
    """Set or take away the moment from which a member may not log in any more."""
    member, until = _present(db, id), None if moment is None else _moment(moment)
    if until is not None and until <= now:
        raise BadRequestData("The last day is in the past: let them leave instead.")
    if until is not None:
        _keep_an_administrator(db, member, now)
    staff.set_until(db, id, until)
    sessions.end_all(db, Who.STAFF, id)
    told = {} if until is None else {"until": clock.show(until)}
    log.append(db, Entry("staff-until", {"by": by, "member": id, **told}), now)


def suspend(db: Connection, id: str, *, suspended: bool, by: str, now: int) -> None:
    """Let a member not log in, or let them again; their logins end."""
    member = _present(db, id)
    if id == by:
        raise NotPermitted("Nobody suspends themselves: ask another administrator.")
    if suspended:
        _keep_an_administrator(db, member, now)
    staff.suspend(db, id, now if suspended else None)
    ended = sessions.end_all(db, Who.STAFF, id)
    facts = {"by": by, "member": id, "sessions": ended}
    log.append(db, Entry("staff-suspended" if suspended else "staff-back", facts), now)


def leave(db: Connection, id: str, *, by: str, now: int) -> None:
    """Note that a member left and end their logins."""
    member = _present(db, id)
    _keep_an_administrator(db, member, now)
    factors.forget(db, id)
    staff.end(db, id, now)
    ended = sessions.end_all(db, Who.STAFF, id)
    log.append(db, Entry("staff-left", {"by": by, "member": id, "sessions": ended}), now)


def shown(member: Member) -> dict[str, Any]:
    """Show a member of staff to administrators."""
    told = {"id": member.id, "login": member.login, "name": member.name, "roles": list(member.roles)}
    moments = {
        "left": member.ended,
        "until": member.until,
        "suspended": member.suspended,
        "lastLogin": member.seen,
    }
    known = {name: clock.show(moment) for name, moment in moments.items() if moment is not None}
    return {**told, "joined": clock.show(member.added), **known}


def _present(db: Connection, id: str) -> Member:
    member = staff.find(db, id)
    if member is None or member.ended is not None:
        raise ResourceNotFound("There is no such member of staff (any more).")
    return member


def _moment(text: str) -> int:
    try:
        return clock.parse(text)
    except ValueError as error:
        raise BadRequestData(f"until: {error}.") from None


def checked(roles: list[str]) -> tuple[str, ...]:
    """Give roles that one member can have together; BadRequestData if not."""
    try:
        given = frozenset(map(Role, roles))
    except ValueError:
        raise BadRequestData(f"The roles are {', '.join(role.value for role in Role)}.") from None
    if not given:
        raise BadRequestData("A member of staff needs a role.")
    if Role.ADMIN in given and given & APART:
        raise BadRequestData(
            f"An administrator has none of the roles {', '.join(sorted(APART))}:"
            " who gives roles sees no residents, and could be the second person, too."
        )
    return tuple(sorted(given))


def _keep_an_administrator(db: Connection, member: Member, now: int) -> None:
    """Refuse what would leave nobody who lets others in; who leaves on a known day is not counted."""
    counted = Role.ADMIN in member.roles and member.present(now) and member.until is None
    if counted and staff.count_with(db, Role.ADMIN, now) == 1:
        raise Conflict("This is the last administrator: add another one first.")


def _not_alone(call: Call, module: Module) -> None:
    if two_persons(module.settings):
        raise NotPermitted("A second administrator has to approve this: propose it.", needs="proposal")
