"""Consents on paper: an official writes down what a resident signed, and names its scan. (personal-data.md 3.4)"""

from typing import Any, Final

from base.database import Connection
from base.errors import BadRequestData, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import handles
from personal.operations.blinding import blinding
from personal.operations.call import Answer, Call, Module
from personal.operations.consent_list import listed
from personal.operations.consents import LD_JSON, WITHDRAW, let_go, withdraw
from personal.operations.deciding import Act, GivenBy, receipt_of
from personal.operations.preparing import PREPARE, SUBMIT, chosen, evidence_key, prepare, submit, submitted
from personal.store import consents, people

PREPARE_PAPER: Final[dict[str, Any]] = {
    **PREPARE,
    "required": ["resident", *PREPARE["required"]],
    "properties": {"resident": handles.SCHEMA, **PREPARE["properties"]},
}
SUBMIT_PAPER: Final[dict[str, Any]] = {
    **SUBMIT,
    "required": ["resident", "prepared", "evidence"],
    "properties": {"resident": handles.SCHEMA, **SUBMIT["properties"]},
}
RECEIPT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident", "receipt"],
    "properties": {"resident": handles.SCHEMA, "receipt": {"type": "string", "maxLength": 64}},
    "additionalProperties": False,
}
WITHDRAW_PAPER: Final[dict[str, Any]] = {
    **WITHDRAW,
    "required": ["resident"],
    "properties": {"resident": handles.SCHEMA, **WITHDRAW["properties"]},
}


async def list_for(call: Call, _: Module) -> Answer:
    """List for staff what a resident may decide on, with where it stands."""
    asked = await _asked(call)

    def work(db: Connection) -> dict[str, Any]:
        act = _act(db, call, asked)
        log.append(db, Entry("consents-listed", act.told, act.people), call.now)
        return listed(db, act.person, call.now)

    return Answer(body=await call.town.store.write(work))


async def prepare_paper(call: Call, module: Module) -> Answer:
    """Write down what a form on paper says, for the official's device to sign."""
    asked = await _asked(call)
    choice = chosen(call.body, module.settings.consent_days, call.now)
    return Answer(
        body=await call.town.store.write(lambda db: prepare(db, call, module, _act(db, call, asked), choice))
    )


async def decide_paper(call: Call, module: Module) -> Answer:
    """Take a decision on paper over, with the scan of its form."""
    asked = await _asked(call)
    if "scan" not in call.body["evidence"]:
        raise BadRequestData("Name the scan of the form in the evidence.")
    document = await submitted(call)
    blind = await blinding(call.town)
    person = call.town.store.read(lambda db: handles.visible(db, asked, call.actor).id)
    key = await evidence_key(call, person)
    settled = await call.town.store.write(
        lambda db: submit(db, call, module, _act(db, call, asked), document, blind, key)
    )
    told = {item: {"state": one.state} for item, one in settled.happened.items()}
    return Answer(201, {"receipt": settled.receipt, "items": told})


async def show_receipt(call: Call, _: Module) -> Answer:
    """Give the receipt of a decision about a resident, to be printed for them."""
    asked = await _asked(call)

    def work(db: Connection) -> bytes:
        act = _act(db, call, asked)
        found = consents.decision(db, call.body["receipt"])
        if found is None or found.person not in people.family(db, act.person):
            raise ResourceNotFound("There is no such receipt.")
        log.append(db, Entry("receipt-printed", act.told, act.people), call.now)
        return receipt_of(found)

    return Answer(body=await call.town.store.write(work), media_type=LD_JSON)


async def withdraw_paper(call: Call, module: Module) -> Answer:
    """Withdraw consents for a resident at the counter, at once."""
    asked = await _asked(call)
    return Answer(body=await let_go(call, lambda db: withdraw(db, call, module, _act(db, call, asked), None)))


async def _asked(call: Call) -> str:
    return (await handles.handles(call.town, call.actor)).read(call.body["resident"])


def _act(db: Connection, call: Call, asked: str) -> Act:
    return Act(handles.visible(db, asked, call.actor).id, call.actor.id, GivenBy.PAPER)
