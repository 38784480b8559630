"""Deadlines: within how many days what has to be done, and which law or decision says so."""

from typing import Any, Final

from base.database import Connection
from personal.operations.actors import Role
from personal.operations.call import Answer, Call, Module
from personal.operations.notices import ERASE, ERASE_DAYS
from personal.operations.tables import Decision, Kind
from personal.store import deadlines

DEADLINE: Final = "deadline"


async def list_deadlines(call: Call, module: Module) -> Answer:
    """List within how many days requests are decided and services erase."""
    settings = module.settings
    days = call.town.store.read(lambda db: deadlines.days(db, ERASE, ERASE_DAYS))
    return Answer(
        body={
            "deadlines": [
                {
                    "name": "rights",
                    "days": settings.rights_days,
                    "law": "個人情報保護法83条1項、94条1項、102条1項",
                },
                {
                    "name": "rights-extension",
                    "days": settings.rights_extension_days,
                    "law": "個人情報保護法83条2項、94条2項、102条2項",
                },
                {"name": ERASE, "days": days},
            ]
        }
    )


def _check(_: Connection, body: dict[str, Any], __: int) -> dict[str, Any]:
    return body


def _approve(db: Connection, body: dict[str, Any], _: Decision) -> dict[str, Any]:
    deadlines.set_days(db, body["name"], body["days"])
    return {"name": body["name"], "days": body["days"]}


KIND: Final = Kind(
    frozenset({Role.PRIVACY, Role.CATALOGUE}),
    {
        "type": "object",
        "required": ["name", "days"],
        "properties": {
            "name": {"enum": [ERASE]},
            "days": {"type": "integer", "minimum": 1, "maximum": 365},
        },
        "additionalProperties": False,
    },
    _check,
    _approve,
    days=7,
)
