"""Disclosures: a service asks for items of a resident it knows by a pseudonym, for one of its purposes. (issue 5)"""

import asyncio
from typing import Any, Final

from base.database import Connection
from base.errors import ResourceNotFound, TooManyRequests
from personal.operations.call import Answer, Call, Module
from personal.operations.records import NAME
from personal.operations.releasing import Ask, Released, Ruling, receipt, release, rule_on
from personal.rules.identifiers import PPID_FORM

PPID: Final[dict[str, Any]] = {"type": "string", "pattern": f"^{PPID_FORM}$"}
ITEMS: Final[dict[str, Any]] = {
    "type": "array",
    "minItems": 1,
    "maxItems": 50,
    "uniqueItems": True,
    "items": NAME,
}
EVENT: Final[dict[str, Any]] = {"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": 64}
DISCLOSE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["subject", "purpose", "items"],
    "properties": {"subject": PPID, "purpose": NAME, "items": ITEMS, "event": EVENT},
    "additionalProperties": False,
}


async def disclose(call: Call, module: Module) -> Answer:
    """Show a service the items of a resident that it may see, and say why it may not see the others."""
    admit(call, module)
    body, town = call.body, call.town
    ask = Ask(call.actor.id, body["purpose"], tuple(body["items"]), body.get("event", ""))

    def work(db: Connection) -> list[Ruling]:
        return rule_on(db, module, ask, [body["subject"]], call.now)

    (ruling,) = await town.store.write(work)
    if ruling.person is None:
        raise unknown()
    (released,) = await release(module, town, [ruling], call.now)
    return Answer(body=with_receipt(call, released, body["subject"]))


def with_receipt(call: Call, released: Released, name: str) -> dict[str, Any]:
    """Give what goes out about one resident, with a receipt for it."""
    shown, ask = released.shown(), released.ruling.ask
    signed = receipt(
        call.town,
        ask.service,
        call.now,
        shown["id"],
        shown["items"],
        sub=name,
        purpose=ask.purpose,
        items=list(shown["items"]),
        withheld={one["item"]: one["reason"] for one in shown["withheld"]},
    )
    return {**shown, "receipt": signed}


def admit(call: Call, module: Module) -> None:
    """Refuse a service that asks too often."""
    if module.limit is None:
        return
    wait = module.limit.take(f"{call.town.id}/{call.actor.id}", asyncio.get_running_loop().time())
    if wait > 0:
        seconds = str(int(wait) + 1)
        raise TooManyRequests("This service asks too often; wait a little.", headers={"Retry-After": seconds})


def unknown() -> ResourceNotFound:
    """Say that a service knows nobody by this name, the same whoever else does."""
    return ResourceNotFound(
        "This service knows nobody by this name. Names of other services mean nothing here."
    )
