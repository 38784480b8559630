"""Desks: devices that read cards at counters and terminals, each with a key of its own. (issue 6)

A browser that stands on a desk becomes known by a ticket, which only the desk gets; logins in it are short ones.
"""

import re
import secrets
from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import AlreadyExists, BadRequestData, NotPermitted, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations.actors import Who
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.operations.preparing import TOKEN
from personal.operations.town import Town
from personal.rules import service_keys
from personal.rules.lines import is_line
from personal.store import desks, services, sessions
from personal.store.desks import DeskDevice

TICKET_LIFE: Final = 60 * clock.SECOND
BROWSER_LIFE: Final = 30 * 86_400 * clock.SECOND
"""How long a browser stays the one of its desk without a new ticket."""
_ID: Final = re.compile(r"[a-z][a-z0-9-]{0,63}\Z")
_NAME: Final = {"type": "string", "minLength": 1, "maxLength": 100}
ADD: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["id", "name", "place", "keys"],
    "properties": {
        "id": TOKEN,
        "name": _NAME,
        "place": _NAME,
        "service": TOKEN,
        "keys": service_keys.SCHEMA,
    },
    "additionalProperties": False,
}


async def list_desks(call: Call, _: Module) -> Answer:
    """List the desks that may act."""
    return Answer(body={"desks": [shown(one) for one in call.town.store.read(desks.listed)]})


async def add_desk(call: Call, _: Module) -> Answer:
    """Let a device act as a desk from now on."""
    made = await call.town.store.write(lambda db: join(db, call.body, by=call.actor.id, now=call.now))
    return Answer(201, shown(made))


async def remove_desk(call: Call, _: Module) -> Answer:
    """Let a desk act no more: its tokens, its browser and the logins at it end at once."""
    await call.town.store.write(lambda db: leave(db, call.path["id"], by=call.actor.id, now=call.now))
    return NO_CONTENT


async def show_own(call: Call, _: Module) -> Answer:
    """Tell a desk as which it is known."""
    found = call.town.store.read(lambda db: _known(db, call.actor.id))
    return Answer(body={**shown(found), "municipality": {"id": call.town.id, "name": call.town.name}})


async def give_ticket(call: Call, _: Module) -> Answer:
    """Give a desk a ticket by which the browser that stands on it becomes known, once and soon."""
    ticket = secrets.token_urlsafe(32)

    def work(db: Connection) -> None:
        _known(db, call.actor.id)
        desks.keep_ticket(db, sessions.digest(ticket), call.actor.id, call.now + TICKET_LIFE, call.now)
        log.append(db, Entry("desk-ticket", {"desk": call.actor.id}), call.now)

    await call.town.store.write(work)
    expires = clock.show(call.now + TICKET_LIFE)
    return Answer(201, {"ticket": ticket, "path": f"/login/desk?ticket={ticket}", "expires": expires})


def join(db: Connection, given: dict[str, Any], *, by: str, now: int) -> DeskDevice:
    """Write a new desk."""
    id, name, place = given["id"], given["name"].strip(), given["place"].strip()
    if not _ID.match(id):
        raise BadRequestData("The id of a desk is small letters, digits and -, a letter first.")
    if not name or not place or not is_line(name + place):
        raise BadRequestData("A desk needs a name and a place.")
    keys = service_keys.checked(given["keys"])
    if not keys["keys"]:
        raise BadRequestData("A desk needs a key.")
    service = given.get("service")
    if service is not None and services.find(db, service) is None:
        raise BadRequestData("There is no such service in force.")
    if desks.find(db, id) is not None:
        raise AlreadyExists("There is a desk with this id already.")
    desk = DeskDevice(id, name, place, service, keys, now, by)
    desks.add(db, desk)
    more = {} if service is None else {"service": service}
    log.append(db, Entry("desk-added", {"by": by, "desk": id, **more}), now)
    return desk


def leave(db: Connection, id: str, *, by: str, now: int) -> None:
    """Forget a desk; whatever it began is over."""
    if desks.find(db, id) is None:
        raise ResourceNotFound("There is no such desk (any more).")
    ended = desks.remove(db, id)
    sessions.end_all(db, Who.DESK, id)
    log.append(db, Entry("desk-removed", {"by": by, "desk": id, "sessions": ended}), now)


def shown(desk: DeskDevice) -> dict[str, Any]:
    """Show a desk to administrators and to itself."""
    told = {"id": desk.id, "name": desk.name, "place": desk.place, "service": desk.service}
    return {**told, "kid": [key["kid"] for key in desk.keys["keys"]], "added": clock.show(desk.added)}


async def enter(town: Town, ticket: str, now: int) -> str | None:
    """Let the browser that brings a ticket stand on its desk, this once: give the secret of the browser."""
    secret = secrets.token_urlsafe(32)

    def work(db: Connection) -> str | None:
        desk = desks.spend_ticket(db, sessions.digest(ticket), now)
        if desk is None:
            return None
        desks.keep_browser(db, sessions.digest(secret), desk, now + BROWSER_LIFE, now)
        log.append(db, Entry("desk-browser", {"desk": desk}), now)
        return secret

    return await town.store.write(work)


def of_browser(db: Connection, secret: str, now: int) -> str:
    """Give the desk on which a browser stands; empty if on none."""
    return (desks.of_browser(db, sessions.digest(secret), now) or "") if secret else ""


def _known(db: Connection, id: str) -> DeskDevice:
    found = desks.find(db, id)
    if found is None:
        raise NotPermitted("This desk may not act here (any more).")
    return found
