"""Identifying a resident at the counter by their card: staff begin, the desk reads, staff see who it is. (issue 6)

The transaction is bound to the login of the member of staff: no browser can make a login of the resident out of it.
"""

from typing import Any, Final
from urllib.parse import urlencode

from base.database import Connection
from base.errors import NotPermitted, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.login import cards, first_registration
from personal.login.card_logins import DONE_PATH
from personal.login.cards import State, Transaction, Wants
from personal.operations import handles, identified
from personal.operations.call import Answer, Call, Module
from personal.operations.handles import cleared
from personal.rules.residents import IdentifierKind
from personal.store import attempts, identifiers, people
from personal.store.people import Person

PURPOSE: Final = "identify"
FOR_STAFF: Final = "staff"
"""Tells the page to which desks send browsers back that a member of staff began."""
ENDED: Final = "ended"
BEGIN: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["wants"],
    "properties": {"wants": {"enum": [one.value for one in Wants]}},
    "additionalProperties": False,
}
FINISH: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["transaction", "code"],
    "properties": {"transaction": identified.SCHEMA, "code": {"type": "string", "maxLength": 100}},
    "additionalProperties": False,
}
_SAYS: Final = {
    "ja": "{}の窓口で、職員があなたを確かめます。",
    "en": "At the counter of {}: staff find out who you are.",
}


async def begin(call: Call, module: Module) -> Answer:
    """Begin to identify a resident by card; give the address of the desk to which the browser goes."""
    if not module.anchors.cards:
        raise NotPermitted("No card is read here: no authority of cards is configured.")
    key, until = await call.town.keys.named(attempts.KEY), call.now + cards.LIFE
    says = {language: text.format(call.town.name) for language, text in _SAYS.items()}
    document = cards.login_document(call.town.id, PURPOSE, module.address(), until)
    wanted = Transaction(document, says, call.body["wants"], call.now, until, "")
    name = await call.town.store.write(lambda db: cards.begin(db, key, wanted, call.actor.session, call.now))
    back = f"{module.address()}{DONE_PATH}?{urlencode({'for': FOR_STAFF})}"
    query = urlencode({"transaction": name, "back": back})
    address = f"{module.settings.desk_url.rstrip('/')}/card?{query}"
    return Answer(201, {"transaction": name, "address": address})


async def finish(call: Call, _: Module) -> Answer:
    """Say whose card a desk read; one that nobody has is kept a while, to register or link whose it is."""
    key, names = await call.town.keys.named(attempts.KEY), await handles.handles(call.town, call.actor)
    name, code = call.body["transaction"], call.body["code"]

    def work(db: Connection) -> dict[str, Any]:
        found = cards.take(db, key, name, code, call.actor.session, call.now)
        if found is None:
            raise ResourceNotFound("This transaction is over: begin again.")
        card = bytes.fromhex(found.card)
        if found.state == State.REFUSED and (found.reason != ENDED or _may_know(db, card, call)):
            _note(db, call, None)
            return {"state": "refused", "reason": found.reason, "tries": found.tries}
        person = _holder(db, found, card, call)
        _note(db, call, person)
        if person is not None:
            return {"state": "known", "resident": names.show(person.id)}
        told = {"state": "unknown", "basics": first_registration.told_of(found.basics)}
        return {**told, "identified": identified.keep(db, key, card, call)}

    return Answer(body=await call.town.store.write(work))


def _holder(db: Connection, found: Transaction, card: bytes, call: Call) -> Person | None:
    """Find whose card it is, or whose it took the place of, as far as the caller may know of them."""
    may = cleared(call.actor)
    for hash in (card, *map(bytes.fromhex, found.former.split())):
        holder = identifiers.holder(db, IdentifierKind.CARD, hash, cleared=may)
        person = None if holder is None else people.current(db, holder)
        if person is not None and (may or not person.protected):
            return person
    return None


def _may_know(db: Connection, card: bytes, call: Call) -> bool:
    """Say whether the caller may know that a card was ended: not if it was one of a protected person."""
    return cleared(call.actor) or identifiers.was_known_of_others(db, IdentifierKind.CARD, card)


def _note(db: Connection, call: Call, person: Person | None) -> None:
    facts = {"by": call.actor.id, "fields": "card-shown", "found": int(person is not None)}
    log.append(db, Entry("resident-searched", facts), call.now)
    if person is not None:
        log.append(db, Entry("resident-found", {"by": call.actor.id}, {"subject": person.id}), call.now)
