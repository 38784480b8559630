"""Notices to residents: what happened with their data, their logins and their family, in the portal. (issue 6)"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import acting
from personal.operations.audit_log import number
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.rules.delegation import Act, Scope, permits
from personal.rules.identifiers import framed
from personal.rules.resident_notices import KINDS, Channel, News, words
from personal.rules.residents import Event, Happening
from personal.store import contacts, people, services
from personal.store import resident_notices as store
from personal.store.resident_notices import Notice

MOST: Final = 200


def tell(
    db: Connection, person: str, kind: str, facts: Mapping[str, Any], now: int, *, same: str = ""
) -> None:
    """Tell a resident something in the transaction in which it happens; facts name services and items only.

    What stands in rules.resident_notices.LEAVES is told by itself when it is written into the audit log.
    """
    store.tell(db, person, News(kind, facts, same), now)


def logged_in(db: Connection, person: str, method: str, terminal: str, now: int) -> None:
    """Tell a resident of a login in a way, or from a terminal, that they never used before."""
    hash = hashlib.sha256(framed("login", method, terminal)).digest()
    if store.first_seen(db, person, hash, now):
        tell(db, person, "login-new", {"method": method}, now)


async def list_own(call: Call, _: Module) -> Answer:
    """List what one was told, newest first, and how much of it is not read."""
    most, offset = min(number(call, "limit", 50), MOST), number(call, "offset", 0)
    find = await acting.viewed(call)

    def work(db: Connection) -> tuple[list[Notice], dict[str, dict[str, str]]]:
        person, scope = find(db)
        found = [one for one in store.of(db, person) if _covered(scope, one)]
        if scope is not None:
            told = Entry("notices-shown", {"by": acting.GUARDIAN}, acting.people_of(call.actor, person))
            log.append(db, told, call.now)
        return found, {one.id: one.description["name"] for one in services.listed(db)}

    another = acting.for_another(call.actor)
    found, names = await call.town.store.write(work) if another else call.town.store.read(work)
    shown = [_shown(one, names) for one in found[offset : offset + most]]
    unread = sum(one.read is None for one in found)
    return Answer(body={"notices": shown, "unread": unread, "more": len(found) > offset + most})


async def read(call: Call, _: Module) -> Answer:
    """Note that one has read a notice."""
    find = await acting.viewed(call)

    def work(db: Connection) -> None:
        person, scope = find(db)
        found = store.find(db, person, call.path["id"])
        if found is None or not _covered(scope, found):
            raise ResourceNotFound("There is no such notice.")
        store.read(db, found.id, call.now)

    await call.town.store.write(work)
    return NO_CONTENT


def react(db: Connection, happening: Happening, now: int) -> None:
    """Send nothing any more to who died or is protected; give news to whom they are about when a double is parted.

    Who is protected may share a mailbox with the one they are protected from: they give an address anew.
    """
    person, event = happening.person, happening.event
    if event is Event.PARTED and happening.to_other:
        store.hand_over(db, person, happening.other, happening.since)
    found = people.current(db, person)
    hidden = found is not None and found.protected
    if event in (Event.DIED, Event.PROTECTED) or (event is Event.MERGED and hidden):
        contacts.remove(db, person, Channel)


def _covered(scope: Scope | None, one: Notice) -> bool:
    """Say whether a guardian may see what a resident was told; None: it is one's own."""
    if scope is None:
        return True
    items = one.facts.get("items", ())
    return not KINDS[one.kind].own and permits(scope, Act.SEE, one.facts.get("service"), items)


def _shown(one: Notice, names: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    service = one.facts.get("service", "")
    said = words(one.kind, one.facts, names.get(service, {"ja": service, "en": service}))
    return {
        "id": one.id,
        "kind": one.kind,
        "topic": KINDS[one.kind].topic,
        "at": clock.show(one.at),
        "read": one.read is not None,
        "page": KINDS[one.kind].page,
        **said,
        "facts": dict(one.facts),
    }
