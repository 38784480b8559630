"""Handles: how staff and residents name somebody; each actor has other ones, and no other can use them. (DESIGN 3)"""

import base64
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from base.database import Connection
from base.errors import ResourceNotFound
from personal.operations.actors import Actor, Role, Who
from personal.operations.town import Town
from personal.rules.identifiers import framed
from personal.store import people
from personal.store.people import Person

LONGEST: Final = 100
SCHEMA: Final = {"type": "string", "minLength": 1, "maxLength": LONGEST}


class Handles:
    """Handles of one actor in one municipality."""

    def __init__(self, key: bytes, town: str, actor: Actor) -> None:
        self._cipher = AESSIV(key)
        self._bound = [framed("handle", town, actor.who, actor.id)]

    def show(self, person: str) -> str:
        """Give the handle of a person."""
        return (
            base64.urlsafe_b64encode(self._cipher.encrypt(person.encode(), self._bound)).decode().rstrip("=")
        )

    def read(self, handle: str) -> str:
        """Give the person of a handle; ResourceNotFound for whatever this actor was not given."""
        try:
            raw = base64.b64decode(handle + "=" * (-len(handle) % 4), altchars=b"-_", validate=True)
            return self._cipher.decrypt(raw, self._bound).decode()
        except (InvalidTag, ValueError):
            raise not_found() from None


async def handles(town: Town, actor: Actor) -> Handles:
    """Give the handles of an actor."""
    return Handles(await town.keys.named("handle"), town.id, actor)


def cleared(actor: Actor) -> bool:
    """Say whether an actor may know of protected persons."""
    return Role.PROTECTION in actor.roles


def visible(connection: Connection, person: str, actor: Actor) -> Person:
    """Find a resident as this actor may know of them, a double as whom it was merged into; else ResourceNotFound."""
    found = people.current(connection, person)
    if found is None or (found.protected and not cleared(actor) and not _is(actor, found)):
        raise not_found()
    return found


def _is(actor: Actor, person: Person) -> bool:
    return actor.who is Who.RESIDENT and actor.id == person.id


def not_found() -> ResourceNotFound:
    """Say that there is no such resident, the same to everybody for whatever reason."""
    return ResourceNotFound(
        "There is no such resident. Search again; a resident's name here is good for you only."
    )
