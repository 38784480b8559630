"""Names of residents at services: handed over by staff, changed at the resident's wish. (personal-data.md 2.3)"""

from typing import Any, Final

from base.database import Connection
from base.errors import BadRequestData, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import acting, handles
from personal.operations.actors import Who
from personal.operations.call import Answer, Call, Module
from personal.operations.notices import renamed
from personal.operations.records import NAME, by
from personal.operations.releasing import SUBJECT
from personal.operations.town import Town
from personal.rules.delegation import Act
from personal.store import pseudonyms, services
from personal.store.pseudonyms import Deriving

GIVE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident", "service"],
    "properties": {"resident": handles.SCHEMA, "service": NAME},
    "additionalProperties": False,
}
ROTATE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["service"],
    "properties": {"resident": handles.SCHEMA, "service": NAME},
    "additionalProperties": False,
}


async def give(call: Call, _: Module) -> Answer:
    """Give staff the name by which a service knows a resident, to hand it over to that service."""
    service, deriving = call.body["service"], await deriving_of(call.town)
    find = await subject(call, Act.CONSENT)

    def work(db: Connection) -> str:
        person = find(db)
        found = services.find(db, service)
        if found is None or not found.active:
            raise BadRequestData("There is no such service in force.")
        log.append(
            db, Entry("pseudonym-given", {"by": by(call), "service": service}, {SUBJECT: person}), call.now
        )
        return pseudonyms.given(db, deriving, service, person, call.now)

    return Answer(body={"service": service, "subject": await call.town.store.write(work)})


async def list_own(call: Call, _: Module) -> Answer:
    """List the services that know the resident who asks by some name."""
    find = await subject(call, Act.SEE)

    def work(db: Connection) -> list[str]:
        person = find(db)
        log.append(
            db, Entry("pseudonyms-listed", {"by": by(call)}, acting.people_of(call.actor, person)), call.now
        )
        return pseudonyms.services(db, person)

    return Answer(body={"services": await call.town.store.write(work)})


async def rotate(call: Call, _: Module) -> Answer:
    """Give a resident a new name at a service, which is told of it once and may use the old one for some days."""
    if call.actor.who is Who.STAFF and "resident" not in call.body:
        raise BadRequestData("Name the resident.")
    service, deriving = call.body["service"], await deriving_of(call.town)
    find = await subject(call, Act.CONSENT)

    def work(db: Connection) -> None:
        person = find(db)
        if pseudonyms.known(db, service, person) is None:
            raise ResourceNotFound("This service does not know the resident.")
        former, name = pseudonyms.rotate(db, deriving, service, person, call.now)
        renamed(db, service, person, former, name, call.now)
        facts = {"by": by(call), "service": service}
        log.append(db, Entry("pseudonym-rotated", facts, acting.people_of(call.actor, person)), call.now)

    await call.town.store.write(work)
    return Answer(202, {"service": service})


async def subject(call: Call, act: Act) -> acting.Find:
    """Say how to find whom a call is about: the resident who asks, or the one whom staff name."""
    if call.actor.who is Who.RESIDENT:
        return await acting.subject(call, act, service=(call.body or {}).get("service"))
    asked = (await handles.handles(call.town, call.actor)).read(call.body["resident"])
    return lambda db: handles.visible(db, asked, call.actor).id


async def deriving_of(town: Town) -> Deriving:
    """Give what new names of a municipality are derived from."""
    return Deriving(town.id, await town.keys.named("ppid"))
