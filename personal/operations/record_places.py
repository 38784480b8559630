"""Where items live: chosen by the city, by residents where it lets them; laws for which they are kept. (DESIGN 3)"""

from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import BadRequestData, Conflict, ResourceNotFound
from personal.operations import handles
from personal.operations.actors import Role
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.operations.proposals import check_places
from personal.operations.records import NAME, append, subject
from personal.operations.tables import Decision, Kind
from personal.rules.delegation import Act
from personal.store import items, leftovers, records
from personal.store.records import Choice

NAMES: Final = ("local", "cloud", "lgwan")
_BASIS: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 200}
OWN: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["location"],
    "properties": {"location": {"enum": list(NAMES)}},
    "additionalProperties": False,
}
ON_PAPER: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident", "item", "location", "evidence"],
    "properties": {
        "resident": handles.SCHEMA,
        "item": NAME,
        "location": {"enum": list(NAMES)},
        "evidence": {"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[!-~]+$"},
    },
    "additionalProperties": False,
}
HOLD: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident", "item", "basis", "until"],
    "properties": {
        "resident": handles.SCHEMA,
        "item": NAME,
        "basis": _BASIS,
        "until": {"type": "string", "maxLength": 40},
    },
    "additionalProperties": False,
}
LIFT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident", "item", "basis"],
    "properties": {"resident": handles.SCHEMA, "item": NAME, "basis": _BASIS},
    "additionalProperties": False,
}


async def list_places(call: Call, _: Module) -> Answer:
    """Say which locations there are, where the city keeps each item, and what still has to move or go."""
    chosen, waiting = call.town.store.read(lambda db: (records.choices(db), leftovers.waiting(db)))
    body = {
        "locations": sorted(call.town.records.locations),
        "items": [_shown(one) for one in chosen],
        "waiting": waiting,
    }
    return Answer(body=body)


async def choose_own(call: Call, _: Module) -> Answer:
    """Have an item of one's own live where one chooses, among what the city offers."""
    return await _chosen(call, call.path["item"])


async def choose_on_paper(call: Call, _: Module) -> Answer:
    """Have an item of a resident live where they chose on paper, among what the city offers."""
    return await _chosen(call, call.body["item"], evidence=call.body["evidence"])


async def _chosen(call: Call, item: str, **facts: str) -> Answer:
    location = call.body["location"]
    find = await subject(call, Act.WRITE, item)
    check_places(call.town, (location,))

    def work(db: Connection) -> bool:
        person = find(db)
        city = records.choice(db, item)
        if items.find(db, item) is None:
            raise ResourceNotFound(f"There is no item {item}.")
        if location != city.location and location not in city.offered:
            raise Conflict(f"The municipality does not offer to keep {item} there.")
        append(db, call, "location-chosen", person, item=item, location=location, **facts)
        records.choose_own(db, person, item, location, call.now)
        moving = [one for one in records.held(db, person, item) if one.location != location]
        for one in moving:
            records.choose_own(db, one.person, item, location, call.now)
            leftovers.order_move(db, one.person, item, location, call.now)
        return bool(moving)

    moving = await call.town.store.write(work)
    call.town.records.woken.set()
    return Answer(202 if moving else 200, {"item": item, "location": location, "moving": moving})


async def hold(call: Call, _: Module) -> Answer:
    """Forbid that a record is erased before a moment, for a law or a proceeding."""
    body = call.body
    find = await subject(call, Act.WRITE, body["item"])
    until = _moment(body["until"])
    if until <= call.now:
        raise BadRequestData("until is a moment that has passed.")

    def work(db: Connection) -> None:
        person = find(db)
        facts = {"item": body["item"], "basis": body["basis"], "until": clock.show(until)}
        append(db, call, "record-hold-set", person, **facts)
        records.hold(db, person, body["item"], body["basis"], until, call.actor.id)

    await call.town.store.write(work)
    return NO_CONTENT


async def lift(call: Call, _: Module) -> Answer:
    """Lift a hold; what waited for it is erased soon."""
    body = call.body
    find = await subject(call, Act.WRITE, body["item"])

    def work(db: Connection) -> None:
        person = find(db)
        if not records.lift(db, person, body["item"], body["basis"], call.now):
            raise ResourceNotFound("There is no such hold.")
        append(db, call, "record-hold-lifted", person, item=body["item"], basis=body["basis"])

    await call.town.store.write(work)
    call.town.records.woken.set()
    return NO_CONTENT


def _moment(text: str) -> int:
    try:
        return clock.parse(text)
    except ValueError as error:
        raise BadRequestData("until is no moment such as 2030-04-01T00:00:00Z.") from error


def _check(db: Connection, body: dict[str, Any], _: int) -> dict[str, Any]:
    if items.find(db, body["item"]) is None:
        raise ResourceNotFound(f"There is no item {body['item']}.")
    return body


def _approve(db: Connection, body: dict[str, Any], decision: Decision) -> dict[str, Any]:
    chosen = Choice(body["item"], body["location"], tuple(body.get("offered", ())))
    records.choose(db, chosen)
    moving = leftovers.order_all(db, chosen.item, decision.now)
    return {**_shown(chosen), "moving": moving}


def _shown(one: Choice) -> dict[str, Any]:
    return {"item": one.item, "location": one.location, "offered": list(one.offered)}


PLACE: Final = Kind(
    frozenset({Role.CATALOGUE}),
    {
        "type": "object",
        "required": ["item", "location"],
        "properties": {
            "item": NAME,
            "location": {"enum": list(NAMES)},
            "offered": {"type": "array", "uniqueItems": True, "items": {"enum": list(NAMES)}},
        },
        "additionalProperties": False,
    },
    _check,
    _approve,
    places=lambda body: (body["location"], *body.get("offered", ())),
)
