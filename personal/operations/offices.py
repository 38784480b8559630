"""The office that takes requests about personal data, named by the register and by letters. (個人情報保護法 75条)"""

from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import BadRequestData
from personal.audit import log
from personal.audit.log import Entry
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.operations.town import Town
from personal.rules.lines import is_line
from personal.store import offices
from personal.store.offices import Office

_MOST: Final = 200
_LINE: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": _MOST}
DESCRIBE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["office", "address"],
    "properties": {"office": _LINE, "address": _LINE},
    "additionalProperties": False,
}


async def show(call: Call, _: Module) -> Answer:
    """Give the office that takes requests about personal data, and where that is; empty if none is named."""
    found = call.town.store.read(lambda db: of(db, call.town))
    since = {} if found.since is None else {"since": clock.show(found.since)}
    told = {"municipality": call.town.name, "office": found.name, "address": found.address, **since}
    return Answer(body=told)


async def describe(call: Call, _: Module) -> Answer:
    """Name the office that takes requests about personal data, and where that is; at once in register and letters."""
    office, address = call.body["office"], call.body["address"]
    await call.town.store.write(lambda db: name(db, office, address, by=call.actor.id, now=call.now))
    return NO_CONTENT


def name(db: Connection, office: str, address: str, *, by: str, now: int) -> Office:
    """Write down which office takes requests about personal data, and where that is."""
    made = Office(office.strip(), address.strip(), now)
    if not 0 < len(made.name) <= _MOST or not is_line(made.name):
        raise BadRequestData("The office is a line of up to 200 signs.")
    if not 0 < len(made.address) <= _MOST or not is_line(made.address):
        raise BadRequestData("The address is a line of up to 200 signs.")
    log.append(db, Entry("office-described", {"by": by, "office": made.name, "address": made.address}), now)
    offices.put(db, made)
    return made


def of(db: Connection, town: Town) -> Office:
    """Give the office of a municipality: the one named last, or that of a list written by an older version."""
    return offices.find(db) or Office(town.office, town.address)
