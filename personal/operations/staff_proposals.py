"""What two administrators decide about members of staff: who joins, further roles, a lost second factor."""

from collections.abc import Mapping
from typing import Any, Final

from base.database import Connection
from base.errors import AlreadyExists, BadRequestData, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations.actors import Role, Who
from personal.operations.staff import ADD, ROLES, checked, give_roles, join
from personal.operations.tables import Decision, Kind
from personal.store import factors, sessions, staff
from personal.store.staff import Member

_ADMIN: Final = frozenset({Role.ADMIN})
_ID: Final = {"type": "string", "minLength": 1, "maxLength": 64}


def _check_join(db: Connection, body: Any, _: int) -> Any:
    if staff.by_login(db, body["login"]) is not None:
        raise AlreadyExists("There is a member of staff with this login already.")
    return {**body, "roles": list(checked(body["roles"]))}


def _approve_join(db: Connection, body: Any, decision: Decision) -> Mapping[str, Any]:
    member = join(db, body["login"], body["name"], body["roles"], by=decision.decided_by, now=decision.now)
    return {"member": member.id}


def _check_roles(db: Connection, body: Any, now: int) -> Any:
    member = _present(db, body["member"], now)
    given = checked(body["roles"])
    if set(given) == set(member.roles):
        raise BadRequestData("The member has these roles already.")
    return {**body, "roles": list(given)}


def _approve_roles(db: Connection, body: Any, decision: Decision) -> Mapping[str, Any]:
    give_roles(db, body["member"], body["roles"], by=decision.decided_by, now=decision.now)
    return {"member": body["member"]}


def _check_lost(db: Connection, body: Any, now: int) -> Any:
    member = _present(db, body["member"], now)
    if not factors.of(db, member.id):
        raise BadRequestData("The member has no second factor: hand them a code to make one.")
    return body


def _approve_lost(db: Connection, body: Any, decision: Decision) -> Mapping[str, Any]:
    member = _present(db, body["member"], decision.now)
    return {
        "member": member.id,
        "factors": take_away(db, member.id, by=decision.decided_by, now=decision.now),
    }


def take_away(db: Connection, id: str, *, by: str, now: int) -> int:
    """Take all second factors of a member away, who lost them; their logins end."""
    removed = factors.forget(db, id)
    ended = sessions.end_all(db, Who.STAFF, id)
    told = {"by": by, "member": id, "factors": removed, "sessions": ended}
    log.append(db, Entry("factors-taken-away", told), now)
    return removed


def _shown(db: Connection, body: Any) -> Mapping[str, Any]:
    member = staff.find(db, body["member"])
    if member is None:
        return {}
    return {"member": {"login": member.login, "name": member.name, "roles": list(member.roles)}}


def _present(db: Connection, id: str, now: int) -> Member:
    member = staff.find(db, id)
    if member is None or not member.present(now):
        raise ResourceNotFound("There is no such member of staff (any more).")
    return member


def _schema(*, roles: bool) -> dict[str, Any]:
    more = {"roles": ROLES} if roles else {"reason": {"type": "string", "maxLength": 300}}
    return {
        "type": "object",
        "required": ["member", *more],
        "properties": {"member": _ID, **more},
        "additionalProperties": False,
    }


JOINS: Final = Kind(_ADMIN, ADD, _check_join, _approve_join, days=14)
FURTHER_ROLES: Final = Kind(_ADMIN, _schema(roles=True), _check_roles, _approve_roles, _shown, days=14)
LOST_FACTOR: Final = Kind(_ADMIN, _schema(roles=False), _check_lost, _approve_lost, _shown, days=3)
