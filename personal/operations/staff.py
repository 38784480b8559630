"""Members of staff: joiners, leavers, roles; only for administrators, who in turn never see residents' data."""

import re
from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import AlreadyExists, BadRequestData, Conflict, NotPermitted, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations.actors import Role, Who
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.rules.identifiers import fresh
from personal.store import sessions, staff
from personal.store.staff import Member

AT_MACHINE: Final = "admin-socket"
"""Who acts by a command at the machine itself."""
APART: Final = frozenset({Role.COUNTER, Role.PROTECTION, Role.PRIVACY, Role.EMERGENCY, Role.CATALOGUE})
"""Roles that reach residents' data, or decide who does: nobody has one of them who can let a second person in."""
_LOGIN: Final = re.compile(r"[!-~]{1,255}\Z")
_ROLES: Final = {
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
        "roles": _ROLES,
    },
    "additionalProperties": False,
}
CHANGE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["roles"],
    "properties": {"roles": _ROLES},
    "additionalProperties": False,
}


async def add_member(call: Call, _: Module) -> Answer:
    """Add a member of staff."""
    body = call.body
    made = await call.town.store.write(
        lambda db: join(db, body["login"], body["name"], body["roles"], by=call.actor.id, now=call.now)
    )
    return Answer(201, shown(made))


async def list_members(call: Call, _: Module) -> Answer:
    """List all members of staff, those who left last."""
    found = call.town.store.read(staff.listed)
    return Answer(body={"staff": [shown(member) for member in found]})


async def change_member(call: Call, _: Module) -> Answer:
    """Give a member other roles; they log in again."""
    member = await call.town.store.write(
        lambda db: give_roles(db, call.path["id"], call.body["roles"], by=call.actor.id, now=call.now)
    )
    return Answer(body=shown(member))


async def remove_member(call: Call, _: Module) -> Answer:
    """Let a member leave: their logins end at once."""
    await call.town.store.write(lambda db: leave(db, call.path["id"], by=call.actor.id, now=call.now))
    return NO_CONTENT


def join(db: Connection, login: str, name: str, roles: list[str], *, by: str, now: int) -> Member:
    """Write a new member of staff."""
    if not _LOGIN.match(login) or not name.strip() or not name.isprintable():
        raise BadRequestData("A member of staff needs a login without spaces, and a name.")
    given = _checked(roles)
    if staff.by_login(db, login) is not None:
        raise AlreadyExists("There is a member of staff with this login already.")
    member = Member(fresh("m_"), login, name, given, now, by)
    staff.add(db, member)
    log.append(db, Entry("staff-joined", {"by": by, "member": member.id, "roles": list(given)}), now)
    return member


def give_roles(db: Connection, id: str, roles: list[str], *, by: str, now: int) -> Member:
    """Replace the roles of a member and end their logins."""
    member, given = _present(db, id), _checked(roles)
    if member.id == by:
        raise NotPermitted("Nobody changes their own roles: ask another administrator.")
    if Role.ADMIN not in given:
        _keep_an_administrator(db, member)
    staff.give_roles(db, id, given)
    sessions.end_all(db, Who.STAFF, id)
    log.append(db, Entry("staff-roles", {"by": by, "member": id, "roles": list(given)}), now)
    return _present(db, id)


def leave(db: Connection, id: str, *, by: str, now: int) -> None:
    """Note that a member left and end their logins."""
    member = _present(db, id)
    _keep_an_administrator(db, member)
    staff.end(db, id, now)
    ended = sessions.end_all(db, Who.STAFF, id)
    log.append(db, Entry("staff-left", {"by": by, "member": id, "sessions": ended}), now)


def shown(member: Member) -> dict[str, Any]:
    """Show a member of staff to administrators."""
    told = {"id": member.id, "login": member.login, "name": member.name, "roles": list(member.roles)}
    left = {} if member.ended is None else {"left": clock.show(member.ended)}
    return {**told, "joined": clock.show(member.added), **left}


def _present(db: Connection, id: str) -> Member:
    member = staff.find(db, id)
    if member is None or member.ended is not None:
        raise ResourceNotFound("There is no such member of staff (any more).")
    return member


def _checked(roles: list[str]) -> tuple[str, ...]:
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


def _keep_an_administrator(db: Connection, member: Member) -> None:
    if Role.ADMIN in member.roles and staff.count_with(db, Role.ADMIN) == 1:
        raise Conflict("This is the last administrator: add another one first.")
