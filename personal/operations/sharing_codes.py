"""Sharing codes: a resident lets a service see chosen items once, within the hour. (一時共有; issue 5)"""

import secrets
from typing import Any, Final

from base import clock
from base.clock import SECOND
from base.database import Connection
from base.errors import BadRequestData, Conflict, NotPermitted, ResourceNotFound, TooManyRequests
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import acting
from personal.operations.call import Answer, Call, Module
from personal.operations.disclosures import ITEMS, admit, with_receipt
from personal.operations.naming import deriving_of
from personal.operations.records import NAME, by
from personal.operations.releasing import Ask, Ruling, offered, release, rule_about
from personal.rules import sharing_code
from personal.rules.delegation import Act
from personal.rules.identifiers import blind
from personal.rules.residents import Event, Happening
from personal.store import people, pseudonyms, services, sharing_codes
from personal.store.sharing_codes import SharingCode

MOST: Final = 5
GUESSES: Final = 20
HOUR: Final = 3_600 * SECOND
KEY: Final = "sharing-code"
MAKE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["items", "minutes"],
    "properties": {
        "items": ITEMS,
        "service": NAME,
        "minutes": {"type": "integer", "minimum": 1, "maximum": 60},
    },
    "additionalProperties": False,
}
REDEEM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["code", "purpose"],
    "properties": {"code": {"type": "string", "maxLength": 40}, "purpose": NAME},
    "additionalProperties": False,
}


async def make(call: Call, _: Module) -> Answer:
    """Make a code by which a service sees chosen items of one's own once."""
    body = call.body
    if acting.for_another(call.actor) and "service" not in body:
        raise BadRequestData("Name the service: for somebody else a code is made for one service only.")
    find = await acting.subject(call, Act.CONSENT, service=body.get("service"), items=body["items"])
    key = await call.town.keys.named(KEY)
    shown = sharing_code.spelled([secrets.randbelow(len(sharing_code.LETTERS)) for _ in range(9)])
    hash = blind(key, KEY, sharing_code.read(shown))
    only, until = body.get("service"), call.now + body["minutes"] * 60 * SECOND

    def work(db: Connection) -> None:
        person = find(db)
        _check(db, call, person, only)
        sharing_codes.add(db, SharingCode(hash, person, only, body["items"], call.now, until))
        facts = {"by": by(call), "items": body["items"], **({"service": only} if only else {})}
        log.append(db, Entry("sharing-code-made", facts, acting.people_of(call.actor, person)), call.now)

    await call.town.store.write(work)
    return Answer(201, {"code": shown, "until": clock.show(until)})


async def withdraw(call: Call, _: Module) -> Answer:
    """Let none of one's own codes be used any more."""
    find = await acting.subject(call, Act.CONSENT)

    def work(db: Connection) -> None:
        person = find(db)
        sharing_codes.withdraw(db, person, call.now)
        told = Entry("sharing-code-withdrawn", {"by": by(call)}, acting.people_of(call.actor, person))
        log.append(db, told, call.now)

    await call.town.store.write(work)
    return Answer(204)


async def redeem(call: Call, module: Module) -> Answer:
    """Show a service, once, what a resident chose to show by a code; it knows them by a pseudonym from then on."""
    admit(call, module)
    town, service = call.town, call.actor.id
    hash = blind(await town.keys.named(KEY), KEY, sharing_code.read(call.body["code"]))
    deriving = await deriving_of(town)

    def work(db: Connection) -> tuple[Ruling, str] | None:
        if sharing_codes.guesses(db, service, call.now - HOUR) >= GUESSES:
            raise TooManyRequests(
                "Too many codes were tried in vain; wait an hour.", headers={"Retry-After": "3600"}
            )
        offers = offered(db, Ask(service, call.body["purpose"], ()))
        code = sharing_codes.spend(db, hash, service, call.now)
        person = None if code is None else people.current(db, code.person)
        if code is None or person is None:
            sharing_codes.note_guess(db, service, call.now)
            log.append(db, Entry("sharing-code-refused", {"service": service}), call.now)
            return None
        ask = Ask(service, call.body["purpose"], tuple(code.items), chosen=frozenset(code.items))
        name = pseudonyms.given(db, deriving, service, person.id, call.now)
        return rule_about(db, module, ask, offers, person, call.now), name

    found = await town.store.write(work)
    if found is None:
        raise ResourceNotFound("This code is not good here, or not any more. Ask the resident for a new one.")
    ruling, name = found
    (released,) = await release(module, town, [ruling], call.now)
    return Answer(body={"subject": name, **with_receipt(call, released, name)})


def follow(db: Connection, happening: Happening, now: int) -> None:
    """Let codes not outlast death or moving away; once a double is parted it is not known who made them. (Reaction)"""
    if happening.event in (Event.DIED, Event.MOVED, Event.PARTED):
        sharing_codes.withdraw(db, happening.person, now)
    if happening.event is Event.PARTED:
        sharing_codes.withdraw(db, happening.other, now)


def _check(db: Connection, call: Call, person: str, service: str | None) -> None:
    if service is not None:
        found = services.find(db, service)
        if found is None or not found.active:
            raise BadRequestData("There is no such service; GET /personal/v1/services lists them.")
    known = people.current(db, person)
    if known is None or known.protected:
        raise NotPermitted("While your data is protected, nothing is shared by code; ask at the counter.")
    if sharing_codes.count(db, person, call.now) >= MOST:
        raise Conflict(f"You have {MOST} codes that were not used; withdraw them, or wait until they end.")
