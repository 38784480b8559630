"""Cards that a desk read for staff and nobody has here: kept a while, to register or link whose they are."""

from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import BadRequestData
from personal.operations.call import Call
from personal.rules.residents import IdentifierKind
from personal.store import attempts
from personal.store.attempts import Attempt

KIND: Final = "identified"
LIFE: Final = 15 * 60 * clock.SECOND
SCHEMA: Final[dict[str, Any]] = {"type": "string", "minLength": 20, "maxLength": 100}


def keep(db: Connection, key: bytes, card: bytes, call: Call) -> str:
    """Keep the keyed hash of a card for the login of a member of staff; give its name."""
    body = {"card": card.hex()}
    return attempts.keep(db, key, Attempt(KIND, call.actor.session, body, call.now + LIFE), call.now)


def take(db: Connection, key: bytes, name: str, call: Call) -> tuple[IdentifierKind, bytes]:
    """Give what a card is known by, this once."""
    found = attempts.take(db, key, name, KIND, call.actor.session, call.now)
    if found is None:
        raise BadRequestData("The card was read too long ago: read it again.")
    return IdentifierKind.CARD, bytes.fromhex(found["card"])
