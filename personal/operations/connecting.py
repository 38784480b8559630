"""Services at which residents log in by the common login: the list of one's own, ending it, what follows."""

from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.rules.residents import Event, Happening
from personal.store import connections, logouts, people, service_logins, services

BY: Final = "resident"
_ENDING: Final = frozenset({Event.DIED, Event.MERGED})


async def list_own(call: Call, _: Module) -> Answer:
    """List the services at which one logs in by the common login: since when, when last, whether one is there now."""

    def work(db: Connection) -> list[dict[str, Any]]:
        person = call.actor.id
        log.append(db, Entry("connections-listed", {"by": BY}, {"subject": person}), call.now)
        return [_shown(db, person, one, call.now) for one in connections.of(db, person)]

    return Answer(body={"connections": await call.town.store.write(work)})


async def end_own(call: Call, _: Module) -> Answer:
    """End that one logs in at a service: its tokens and the login there end, and it is asked anew the next time."""
    service = call.path["service"]

    def work(db: Connection) -> None:
        if not end(db, call.actor.id, service, call.now, by=BY):
            raise ResourceNotFound("You do not log in at this service (any more).")

    await call.town.store.write(work)
    return NO_CONTENT


def end(db: Connection, person: str, service: str, now: int, *, by: str = "") -> bool:
    """End everything by which a resident is logged in at a service, and tell it; False if there is nothing."""
    if not connections.end(db, person, service):
        return False
    for one in service_logins.of_person(db, person, service):
        logouts.add(db, service, one.sid, one.subject, now)
        service_logins.end(db, one.id)
    facts = {"service": service, **({"by": by} if by else {})}
    log.append(db, Entry("service-connection-ended", facts, {"subject": person}), now)
    return True


def end_all(db: Connection, person: str, now: int) -> None:
    """End everything by which a resident, or a double merged into them, is logged in at services."""
    for id in people.family(db, person):
        for one in connections.of(db, id):
            end(db, id, one.service, now)


def follow(db: Connection, happening: Happening, now: int) -> None:
    """End the logins at services of who dies; and of doubles, whose names at services are others now. (Reaction)"""
    if happening.event in _ENDING:
        end_all(db, happening.person, now)


def _shown(db: Connection, person: str, one: connections.Connected, now: int) -> dict[str, Any]:
    service = services.find(db, one.service)
    logins = service_logins.of_person(db, person, one.service)
    return {
        "service": one.service,
        "name": None if service is None else service.description["name"],
        "active": service is not None and service.active,
        "since": clock.show(one.since),
        "used": clock.show(one.used),
        "offline": one.offline,
        "open": any(service_logins.lives(db, login, now) for login in logins),
    }
