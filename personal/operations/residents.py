"""Residents at the counter: register, search, read. (issue 5; blind search: personal-data.md 2.2)"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeVar

from base import clock
from base.database import Connection
from base.errors import AlreadyExists, TooManyRequests, TooManyResults
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import handles, identified
from personal.operations.blinding import Blinding, blinding
from personal.operations.call import Answer, Call, Module
from personal.operations.handles import Handles, cleared
from personal.operations.registering import Newcomer, enter
from personal.rules.residents import IdentifierKind
from personal.store import attempts, identifiers, people
from personal.store.people import Person

T = TypeVar("T")
IDENTIFIER: Final = "i_"
"""How what the handle of an identifier stands for begins: its number tells how many others there are."""
MOST_FOUND: Final = 20
MOST_COMPARED: Final = 10_000
SEARCH_WINDOW: Final = 3_600_000_000

_LINE: Final = {"type": "string", "minLength": 1, "maxLength": 100, "pattern": r"^[!-~]+$"}
_KANA: Final = {"type": "string", "minLength": 1, "maxLength": 100, "pattern": r"[ぁ-んァ-ヶｦ-ﾟ]"}
_DATE: Final = {"type": "string", "format": "date"}
CARD: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["issuer", "serial"],
    "properties": {"issuer": _LINE, "serial": _LINE},
    "additionalProperties": False,
}
IDENTIFYING: Final[dict[str, Any]] = {
    "municipalId": _LINE,
    "cards": {"type": "array", "maxItems": 5, "uniqueItems": True, "items": CARD},
    "login": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[!-~]+$"},
}
SEARCHED: Final[dict[str, Any]] = {
    "nameKana": _KANA,
    "otherReadings": {"type": "array", "maxItems": 5, "uniqueItems": True, "items": _KANA},
    "birthDate": _DATE,
}
REGISTER: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["nameKana", "birthDate"],
    "properties": {**IDENTIFYING, **SEARCHED, "identified": identified.SCHEMA},
    "additionalProperties": False,
}
SEARCH: Final[dict[str, Any]] = {
    "type": "object",
    "minProperties": 1,
    "properties": {"nameKana": _KANA, "birthDate": _DATE, "municipalId": _LINE, "card": CARD},
    "additionalProperties": False,
}
ONE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident"],
    "properties": {"resident": handles.SCHEMA},
    "additionalProperties": False,
}


def newcomer(blinding: Blinding, given: dict[str, Any]) -> Newcomer:
    """Hash what somebody is registered with."""
    found = [(IdentifierKind.CARD, blinding.card(**card)) for card in given.get("cards", ())]
    if "municipalId" in given:
        found.append(
            (IdentifierKind.MUNICIPAL, blinding.identifier(IdentifierKind.MUNICIPAL, given["municipalId"]))
        )
    if "login" in given:
        found.append((IdentifierKind.LOGIN, blinding.identifier(IdentifierKind.LOGIN, given["login"])))
    readings = (given["nameKana"], *given.get("otherReadings", ()))
    return Newcomer(tuple(found), tuple(blinding.terms(readings, given["birthDate"])))


async def register(call: Call, module: Module) -> Answer:
    """Register a resident; the answer names those with the same reading and birth date, who may be the same."""
    blind, key = await blinding(call.town), await call.town.keys.named(attempts.KEY)
    names = await handles.handles(call.town, call.actor)
    given = newcomer(blind, call.body)
    term = blind.term(call.body["nameKana"], call.body["birthDate"])
    most = module.settings.searches_per_hour

    def work(db: Connection) -> tuple[str, list[Person]]:
        who = given
        if "identified" in call.body:
            card = identified.take(db, key, call.body["identified"], call)
            who = replace(given, identifiers=(*given.identifiers, card))
        if who.identifiers:
            refuse_searching(db, call, module)
        similar = people.matching(db, *term, cleared=cleared(call.actor), most=MOST_FOUND)[:MOST_FOUND]
        if similar and people.count_search(db, call.actor.id, call.now, SEARCH_WINDOW) > most:
            raise too_many(most)  # who is shown was searched for
        person = enter(db, who, cleared=cleared(call.actor), now=call.now, reactions=module.reactions)
        facts = {"by": call.actor.id, "identifiers": sorted(kind for kind, _ in who.identifiers)}
        log.append(db, Entry("resident-registered", facts, {"subject": person}), call.now)
        _note_found(db, call, "similar", similar)
        return person, similar

    person, similar = await meeting(call, work)
    return Answer(201, {"resident": names.show(person), "similar": [names.show(one.id) for one in similar]})


async def search(call: Call, module: Module) -> Answer:
    """Find residents by reading and birth date, or by what they carry; every search is on record."""
    blind = await blinding(call.town)
    names = await handles.handles(call.town, call.actor)
    most = module.settings.searches_per_hour

    def work(db: Connection) -> list[Person] | None:
        if people.count_search(db, call.actor.id, call.now, SEARCH_WINDOW) > most:
            log.append(db, Entry("resident-search-refused", {"by": call.actor.id}), call.now)
            return None
        found = _found(db, call, blind)
        _note_found(db, call, ",".join(sorted(call.body)), found)
        return found

    found = await call.town.store.write(work)
    if found is None:
        raise too_many(most)
    if len(found) > MOST_FOUND:
        raise TooManyResults(
            f"More than {MOST_FOUND} residents fit: search by reading and birth date together."
        )
    return Answer(body={"residents": [summary(names, one, call) for one in found]})


async def read(call: Call, _: Module) -> Answer:
    """Show where a resident stands and what finds them, without what it says."""
    names = await handles.handles(call.town, call.actor)
    asked = names.read(call.body["resident"])

    def work(db: Connection) -> dict[str, Any]:
        person = handles.visible(db, asked, call.actor)
        log.append(db, Entry("resident-read", {"by": call.actor.id}, {"subject": person.id}), call.now)
        family = people.family(db, person.id)
        return {
            **summary(names, person, call),
            "since": clock.show(person.created),
            "identifiers": [
                {
                    "identifier": names.show(f"{IDENTIFIER}{one.number}"),
                    "kind": one.kind,
                    "since": clock.show(one.added),
                    **({} if one.ended is None else {"ended": clock.show(one.ended)}),
                }
                for id in family
                for one in identifiers.listed(db, id)
            ],
            "doubles": len(family) - 1,
        }

    return Answer(body=await call.town.store.write(work))


async def meeting(call: Call, work: Callable[[Connection], T]) -> T:
    """Do what may meet somebody who is registered already: if it does, that counts as a search."""
    try:
        return await call.town.store.write(work)
    except AlreadyExists:
        await call.town.store.write(lambda db: _note_met(db, call))
        raise


def refuse_searching(db: Connection, call: Call, module: Module) -> None:
    """Refuse who searched too often what would tell them more."""
    most = module.settings.searches_per_hour
    if people.searches(db, call.actor.id, call.now - SEARCH_WINDOW) > most:
        raise too_many(most)


def _note_met(db: Connection, call: Call) -> None:
    people.count_search(db, call.actor.id, call.now, SEARCH_WINDOW)
    log.append(
        db, Entry("resident-searched", {"by": call.actor.id, "fields": "identifier", "found": 1}), call.now
    )


def too_many(most: int) -> TooManyRequests:
    """Refuse who searches as somebody does who goes through the town."""
    return TooManyRequests(
        f"There were more than {most} searches in an hour; wait, and tell your supervisor."
    )


def numbered(name: str) -> int:
    """Give the number of an identifier that a handle stands for; 0, which none has, for anything else."""
    return int(name.removeprefix(IDENTIFIER)) if name.startswith(IDENTIFIER) else 0


def summary(names: Handles, person: Person, call: Call) -> dict[str, Any]:
    """Show a resident in a list; that somebody is protected only to who is cleared."""
    shown = {"resident": names.show(person.id), "state": person.state}
    unchecked = {"unchecked": True} if person.unchecked else {}
    protected = {"protected": True} if person.protected and cleared(call.actor) else {}
    return {**shown, **unchecked, **protected}


def _found(db: Connection, call: Call, blind: Blinding) -> list[Person]:
    """Find who fits everything that is given."""
    body, may = call.body, cleared(call.actor)
    sets: list[list[Person]] = []
    if "nameKana" in body or "birthDate" in body:
        term, hash = blind.term(body.get("nameKana", ""), body.get("birthDate", ""))
        most = MOST_FOUND if len(body.keys() - SEARCHED.keys()) == 0 else MOST_COMPARED
        sets.append(people.matching(db, term, hash, cleared=may, most=most))
    held = []
    if "municipalId" in body:
        held.append(
            (IdentifierKind.MUNICIPAL, blind.identifier(IdentifierKind.MUNICIPAL, body["municipalId"]))
        )
    if "card" in body:
        held.append((IdentifierKind.CARD, blind.card(**body["card"])))
    for kind, hash in held:
        holder = identifiers.holder(db, kind, hash, cleared=may)
        person = None if holder is None else people.current(db, holder)
        sets.append([person] if person is not None and (may or not person.protected) else [])
    return [one for one in sets[0] if all(one in others for others in sets[1:])]


def _note_found(db: Connection, call: Call, by: str, found: list[Person]) -> None:
    """Write a search into the log, and for each resident who is shown that they were found."""
    facts = {"by": call.actor.id, "fields": by, "found": len(found)}
    log.append(db, Entry("resident-searched", facts), call.now)
    for person in found if len(found) <= MOST_FOUND else ():
        log.append(db, Entry("resident-found", {"by": call.actor.id}, {"subject": person.id}), call.now)
