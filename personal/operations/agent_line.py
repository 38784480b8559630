"""The line of the agent inside LGWAN: it fetches orders, brings answers and alarms; nobody calls it. (DESIGN 3)"""

from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import BadRequestData, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.locations.lgwan import NAME, Lgwan
from personal.operations import handles
from personal.operations.actors import Role
from personal.operations.call import Answer, Call, Module
from personal.operations.tables import Decision, Kind
from personal.operations.town import Town
from personal.store import agent_orders
from personal.vault import requests

LONGEST_WAIT: Final = 60
_ID: Final = {"type": "string", "pattern": "^[A-Za-z0-9_-]{16,64}$"}
_WORD: Final = {"type": "string", "pattern": "^[a-z-]{0,64}$"}
CLAIM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["wait", "most", "begin"],
    "properties": {
        "wait": {"type": "number", "minimum": 0, "maximum": LONGEST_WAIT},
        "most": {"type": "integer", "minimum": 1, "maximum": 100},
        "begin": {"type": "boolean"},
    },
    "additionalProperties": False,
}
ANSWERS: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["answers"],
    "properties": {
        "answers": {"type": "array", "maxItems": 100, "items": {"type": "string", "maxLength": 4 << 20}}
    },
    "additionalProperties": False,
}
ALARMS: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["alarms"],
    "properties": {
        "alarms": {
            "type": "array",
            "maxItems": 100,
            "items": {
                "type": "object",
                "required": ["id", "why", "task", "at"],
                "properties": {
                    "id": _ID,
                    "why": _WORD,
                    "task": _WORD,
                    "at": {"type": "integer", "minimum": 0, "maximum": 1 << 57},
                },
                "additionalProperties": False,
            },
        }
    },
    "additionalProperties": False,
}


async def claim(call: Call, _: Module) -> Answer:
    """Give the agent orders; it waits here until there are some."""
    found = await inside(call.town).queue.claim(
        call.body["wait"], call.body["most"], begin=call.body["begin"]
    )
    return Answer(
        body={"orders": [{"id": one.id, "order": one.text, "content": one.content} for one in found]}
    )


async def answer(call: Call, _: Module) -> Answer:
    """Take the agent's answers; those named in return are on disk, and need not come again."""
    return Answer(body={"taken": await inside(call.town).queue.take(call.body["answers"], call.now)})


async def alarm(call: Call, _: Module) -> Answer:
    """Take the agent's alarms."""
    return Answer(body={"taken": await inside(call.town).queue.note_alarms(call.body["alarms"], call.now)})


async def show(call: Call, _: Module) -> Answer:
    """Show staff whether the agent calls, what waits, what it refused; the public keys that the inside pins."""

    def work(db: Connection) -> dict[str, Any]:
        seen = agent_orders.last_seen(db)
        return {
            "outside": call.town.signer.public(),
            "gateway": inside(call.town).keys.reader.public(),
            "registered": agent_orders.agent(db) is not None,
            "lastSeen": None if seen is None else clock.show(seen),
            "waiting": agent_orders.count(db),
            "alarms": [
                {"why": why, "task": task, "at": clock.show(at)}
                for _, why, task, at in agent_orders.alarms(db)
            ],
        }

    return Answer(body=call.town.store.read(work))


async def enrolment(call: Call, _: Module) -> Answer:
    """Show staff by which names the inside knows a resident: officials there enroll their credentials."""
    names, location = await handles.handles(call.town, call.actor), inside(call.town)
    asked = names.read(call.body["resident"])

    def work(db: Connection) -> dict[str, str]:
        person = handles.visible(db, asked, call.actor).id
        log.append(db, Entry("inside-enrolment-shown", {"by": call.actor.id}, {"subject": person}), call.now)
        return {"box": location.box(person), "subject": log.name_of(person)}

    return Answer(body=await call.town.store.write(work))


def inside(town: Town) -> Lgwan:
    """Give the location inside LGWAN."""
    found = town.records.locations.get(NAME)
    if not isinstance(found, Lgwan):
        raise ResourceNotFound("This module has no store inside LGWAN (setting lgwan).")
    return found


def _check(_: Connection, body: dict[str, Any], __: int) -> dict[str, Any]:
    kept = {}
    for name in ("signing", "reading"):
        key = requests.public_key(body[name])
        kept[name] = {**key, "kid": requests.thumbprint(key)}
    if kept["signing"]["kid"] == kept["reading"]["kid"]:
        raise BadRequestData("The agent has two keys: one to sign, another one to read.")
    return kept


def _approve(db: Connection, body: dict[str, Any], decision: Decision) -> dict[str, Any]:
    agent_orders.set_agent(db, body, decision.now)
    return {"signing": body["signing"]["kid"], "reading": body["reading"]["kid"]}


AGENT_KEYS: Final = Kind(
    frozenset({Role.ADMIN, Role.CATALOGUE}),
    {
        "type": "object",
        "required": ["signing", "reading"],
        "properties": {"signing": {"type": "object"}, "reading": {"type": "object"}},
        "additionalProperties": False,
    },
    _check,
    _approve,
    days=7,
)
"""Registers the public keys of the agent, as `engawa agent keys` prints them."""
