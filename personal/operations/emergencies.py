"""Emergencies: declared by two, public, over by themselves; and where residents live. (災害対策基本法; issue 5)"""

from typing import Any, Final

import orjson
import structlog

from base import clock
from base.database import Connection
from base.errors import BadRequestData, Conflict, ResourceNotFound
from personal.audit import log, searching
from personal.audit.log import Entry
from personal.audit.searching import Wanted
from personal.operations import handles, proposals
from personal.operations.actors import Role
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.operations.tables import Decision, Kind
from personal.operations.town import Town
from personal.rules.emergency import Area, Event, end_of, prolonged, runs
from personal.rules.identifiers import blind, framed, fresh
from personal.store import emergencies, items, services, staff
from personal.store.emergencies import Declared
from personal.vault.envelope import seal, unseal

DECLARED: Final = "emergency"
LONGER: Final = "emergency-extension"
DISTRICT: Final = "district"
"""Under which the key store keeps the key that hashes the codes of districts."""
RELEASED: Final = "emergency-disclosure"
MOST_COUNTED: Final = 10_000
_TEXT: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 200}
_TOKENS: Final[dict[str, Any]] = {
    "type": "array",
    "minItems": 1,
    "maxItems": 100,
    "uniqueItems": True,
    "items": {"type": "string", "pattern": "^[a-z][a-z0-9-]*$", "maxLength": 64},
}
_HOURS: Final[dict[str, Any]] = {"type": "integer", "minimum": 1, "maximum": 8_760}
_CODE: Final[dict[str, Any]] = {"type": "string", "pattern": "^[0-9A-Za-z-]+$", "maxLength": 32}
_CODES: Final[dict[str, Any]] = {"type": "array", "maxItems": 200, "uniqueItems": True, "items": _CODE}
TOLD: Final[dict[str, Any]] = {"basis": _TEXT, "services": _TOKENS, "items": _TOKENS}
DECLARE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["name", "basis", "services", "items", "hours"],
    "properties": {
        "name": {
            "type": "object",
            "required": ["ja", "en"],
            "properties": {"ja": _TEXT, "en": _TEXT},
            "additionalProperties": False,
        },
        **TOLD,
        "hours": _HOURS,
        "districts": {**_CODES, "minItems": 1},
    },
    "additionalProperties": False,
}
PROLONG: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["hours"],
    "properties": {"hours": _HOURS},
    "additionalProperties": False,
}
SETTLE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident", "districts"],
    "properties": {"resident": handles.SCHEMA, "districts": {**_CODES, "maxItems": 5}},
    "additionalProperties": False,
}
events = structlog.get_logger("engawa.personal")


async def propose(call: Call, module: Module) -> Answer:
    """Propose an emergency; it is in force when a second member of staff approves it."""
    body, longest = call.body, module.settings.emergency_hours
    end_of(body["hours"], longest, call.now)
    key, hashing = await sealing(call.town), await call.town.keys.named(DISTRICT)
    codes = sorted(body.get("districts", ()))
    event = Event(
        fresh("e_"),
        Area.DISTRICTS if codes else Area.WHOLE,
        frozenset(body["services"]),
        frozenset(body["items"]),
        districts=frozenset(blind(hashing, DISTRICT, code) for code in codes),
    )
    words = sealed(key, event.id, codes)
    declared = Declared(event, body["name"], body["basis"], words, call.now, call.actor.id)

    def work(db: Connection) -> dict[str, Any]:
        check_known(db, event)
        emergencies.add(db, declared)
        told = {"emergency": event.id, "hours": body["hours"], **_told(declared)}
        return proposals.make(db, DECLARED, KIND, told, call.actor.id, call.now)

    return Answer(201, await call.town.store.write(work))


async def propose_longer(call: Call, module: Module) -> Answer:
    """Propose that an emergency runs longer, from the moment a second member of staff approves it."""
    hours = call.body["hours"]
    until = end_of(hours, module.settings.emergency_hours, call.now)

    def work(db: Connection) -> dict[str, Any]:
        found = _found(db, call.path["id"])
        prolonged(found.event, until, call.now)
        body = {"emergency": found.event.id, "hours": hours, **_told(found)}
        return proposals.make(db, LONGER, LONGER_KIND, body, call.actor.id, call.now)

    return Answer(201, await call.town.store.write(work))


async def end(call: Call, _: Module) -> Answer:
    """End an emergency before its time; one person is enough."""

    def work(db: Connection) -> None:
        found = _found(db, call.path["id"])
        if not runs(found.event, call.now):
            raise Conflict("This emergency is over already, or has not begun.")
        emergencies.end(db, found.event.id, call.now)
        log.append(db, Entry("emergency-ended", {"by": call.actor.id, "event": found.event.id}), call.now)

    await call.town.store.write(work)
    return NO_CONTENT


async def list_public(call: Call, _: Module) -> Answer:
    """List the emergencies in force, for everybody: where, on what basis, who may see which items until when."""
    key = await sealing(call.town)
    found = call.town.store.read(lambda db: emergencies.listed(db, glass=False))
    return Answer(body={"emergencies": [public(one, key) for one in found if runs(one.event, call.now)]})


async def list_all(call: Call, _: Module) -> Answer:
    """List all emergencies for staff, those too that are proposed or over."""
    key = await sealing(call.town)
    found = call.town.store.read(lambda db: emergencies.listed(db, glass=False))
    told = [{**public(one, key), "state": _state(one.event, call.now)} for one in found]
    return Answer(body={"emergencies": told})


async def show(call: Call, _: Module) -> Answer:
    """Show an emergency to staff: who declared it, and how often which items went to which service under it."""
    key = await sealing(call.town)

    def work(db: Connection) -> dict[str, Any]:
        found = _found(db, call.path["id"])
        names = {one.id: one.name for one in staff.listed(db)}
        made, more = _released(db, found.event.id)
        return {
            **public(found, key),
            "state": _state(found.event, call.now),
            "proposedBy": names.get(found.made_by, ""),
            "approvedBy": names.get(found.approved_by or "", ""),
            "released": made,
            "more": more,
        }

    return Answer(body=call.town.store.read(work))


def _released(db: Connection, id: str) -> tuple[list[dict[str, Any]], bool]:
    """Count what was given out under an emergency, by service, purpose and items; and say whether there is more."""
    entries, rest = searching.found(db, Wanted(event=id, kind=RELEASED), None, MOST_COUNTED)
    counted: dict[tuple[str, str, tuple[str, ...]], list[int]] = {}
    for entry in entries:
        facts = entry.facts()
        about = (facts["service"], facts.get("purpose", ""), tuple(facts.get("items", ())))
        counted.setdefault(about, []).append(entry.at)
    told = [
        {
            "service": service,
            "purpose": purpose,
            "items": list(given),
            "count": len(moments),
            "first": clock.show(min(moments)),
            "last": clock.show(max(moments)),
        }
        for (service, purpose, given), moments in sorted(counted.items())
    ]
    return told, rest is not None


async def settle(call: Call, _: Module) -> Answer:
    """Write down in which districts a resident lives; kept as keyed hashes."""
    names, hashing = await handles.handles(call.town, call.actor), await call.town.keys.named(DISTRICT)
    asked = names.read(call.body["resident"])
    hashes = [blind(hashing, DISTRICT, code) for code in call.body["districts"]]

    def work(db: Connection) -> None:
        person = handles.visible(db, asked, call.actor)
        log.append(db, Entry("district-written", {"by": call.actor.id}, {"subject": person.id}), call.now)
        emergencies.settle(db, person.id, hashes)

    await call.town.store.write(work)
    return NO_CONTENT


async def sealing(town: Town) -> bytes:
    """Give the key that seals what is written about emergencies, made at the first time."""
    return await town.keys.named("emergency")


def sealed(key: bytes, id: str, words: Any) -> bytes:
    """Seal words about an emergency, bound to its id."""
    return seal(key, orjson.dumps(words), framed("emergency", id))


def unsealed(key: bytes, one: Declared) -> Any:
    """Give the words about an emergency."""
    return orjson.loads(unseal(key, one.words, framed("emergency", one.event.id)))


def check_known(db: Connection, event: Event) -> None:
    """Refuse services and items that the catalogue does not have."""
    for id in sorted(event.services):
        service = services.find(db, id)
        if service is None or not service.active:
            raise BadRequestData(f"There is no service {id} in force.")
    known = items.listed(db)
    for item in sorted(event.items):
        if item not in known:
            raise BadRequestData(f"There is no item {item}; GET /personal/v1/items lists them.")


def _found(db: Connection, id: str) -> Declared:
    found = emergencies.find(db, id)
    if found is None or found.event.area is Area.PERSON:
        raise ResourceNotFound("There is no such emergency.")
    return found


def _told(one: Declared) -> dict[str, Any]:
    event = one.event
    lists = {"services": sorted(event.services), "items": sorted(event.items)}
    return {"name": one.name, "basis": one.basis, "area": event.area, **lists}


def public(one: Declared, key: bytes) -> dict[str, Any]:
    """Show an emergency to everybody."""
    moments = {
        name: clock.show(at)
        for name, at in (("since", one.event.since), ("until", one.event.until), ("ended", one.event.ended))
        if at is not None
    }
    districts = {"districts": unsealed(key, one)} if one.event.area is Area.DISTRICTS else {}
    return {"id": one.event.id, **_told(one), **districts, **moments}


def _state(event: Event, now: int) -> str:
    if event.since is None:
        return "proposed"
    return "running" if runs(event, now) else "over"


# -- what a second member of staff approves


def refused(_: Connection, __: Any, ___: int) -> Any:
    """Refuse what is proposed by hand: these proposals are made where the thing itself is written."""
    raise BadRequestData("This is not proposed here: POST to /personal/v1/emergencies.")


def _approve(db: Connection, body: dict[str, Any], decision: Decision) -> dict[str, Any]:
    found = _found(db, body["emergency"])
    check_known(db, found.event)
    until = end_of(body["hours"], body["hours"], decision.now)
    emergencies.begin(db, found.event.id, decision.decided_by, decision.now, until)
    events.warning("emergency declared", emergency=found.event.id, until=clock.show(until))
    return {"event": found.event.id, "until": clock.show(until), **_told(found)}


def _approve_longer(db: Connection, body: dict[str, Any], decision: Decision) -> dict[str, Any]:
    found = _found(db, body["emergency"])
    until = end_of(body["hours"], body["hours"], decision.now)
    emergencies.prolong(db, found.event.id, prolonged(found.event, until, decision.now))
    return {"event": found.event.id, "until": clock.show(until)}


async def _districts(town: Town, body: dict[str, Any]) -> dict[str, Any]:
    """Say which districts an emergency is about that is to be decided on."""
    key = await sealing(town)
    found = town.store.read(lambda db: emergencies.find(db, body["emergency"]))
    if found is None or found.event.area is not Area.DISTRICTS:
        return {}
    return {"districts": unsealed(key, found)}


EMERGENCY: Final = frozenset({Role.EMERGENCY})
KIND: Final = Kind(EMERGENCY, {"type": "object"}, refused, _approve, days=1, revealed=_districts)
LONGER_KIND: Final = Kind(
    EMERGENCY, {"type": "object"}, refused, _approve_longer, days=1, revealed=_districts
)
