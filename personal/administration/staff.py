"""What commands may have the running module do with members of staff, over its admin socket."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from base import clock
from base.admin import Handler
from base.database import Connection
from base.errors import ResourceNotFound
from personal.login import factors
from personal.operations import staff, staff_proposals
from personal.operations.staff import AT_MACHINE
from personal.operations.town import Town
from personal.settings import PersonalSettings
from personal.store import staff as members
from personal.store.staff import Member

Given = Mapping[str, Any]
Find = Callable[[Given], Town]


def handlers(settings: PersonalSettings, find: Find) -> Mapping[str, Handler]:
    """Name all of it; `find` gives the municipality that is asked about."""
    return {
        "staff.add": partial(_add, settings, find),
        "staff.list": partial(_list, find),
        "staff.recover": partial(_recover, settings, find),
        "staff.remove": partial(_remove, find),
        "staff.roles": partial(_give_roles, find),
    }


async def _add(settings: PersonalSettings, find: Find, given: Given) -> Any:
    login, name, roles, now = given["login"], given["name"], given["roles"], clock.now()

    def work(db: Connection) -> dict[str, Any]:
        made = staff.join(db, login, name, roles, by=AT_MACHINE, now=now)
        return {**staff.shown(made), **_enrolled(db, made, settings, now)}

    return await find(given).store.write(work)


async def _recover(settings: PersonalSettings, find: Find, given: Given) -> Any:
    now = clock.now()

    def work(db: Connection) -> dict[str, Any]:
        found = _member(db, given)
        staff_proposals.take_away(db, found.id, by=AT_MACHINE, now=now)
        return {**staff.shown(found), **_enrolled(db, found, settings, now)}

    return await find(given).store.write(work)


async def _list(find: Find, given: Given) -> Any:
    found, unused = find(given).store.read(members.listed), given.get("unused")
    if unused is not None:
        found = staff.unused_for(found, int(unused), clock.now())
    return [staff.shown(one) for one in found]


async def _remove(find: Find, given: Given) -> Any:
    now = clock.now()
    await find(given).store.write(lambda db: staff.leave(db, _member(db, given).id, by=AT_MACHINE, now=now))


async def _give_roles(find: Find, given: Given) -> Any:
    roles, now = given["roles"], clock.now()
    changed = await find(given).store.write(
        lambda db: staff.give_roles(db, _member(db, given).id, roles, by=AT_MACHINE, now=now)
    )
    return staff.shown(changed)


def _member(db: Connection, given: Given) -> Member:
    found = members.by_login(db, given["login"])
    if found is None:
        raise ResourceNotFound("there is no such member of staff")
    return found


def _enrolled(db: Connection, member: Member, settings: PersonalSettings, now: int) -> dict[str, Any]:
    """Give the code for a first second factor, where one is needed."""
    if settings.demo or not settings.staff_second_factor:
        return {}
    code, until = factors.enrol(db, member.id, settings, by=AT_MACHINE, now=now)
    return {"enrolment": code, "enrolmentUntil": clock.show(until)}
