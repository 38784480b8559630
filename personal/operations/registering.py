"""Entering residents: by staff at the counter, by files, by residents themselves with their card."""

from dataclasses import dataclass, field
from typing import Final

from base.database import Connection
from base.errors import AlreadyExists
from personal.audit import log
from personal.audit.log import Entry
from personal.operations.tables import Reaction
from personal.rules.identifiers import fresh
from personal.rules.residents import Event, Happening, IdentifierKind
from personal.store import identifiers, people

PERSON: Final = "r_"


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody to enter, as keyed hashes only: what finds them, and the terms they are searched by."""

    identifiers: tuple[tuple[IdentifierKind, bytes], ...] = field(repr=False)
    terms: tuple[tuple[str, bytes], ...] = field(repr=False)


def enter(
    connection: Connection,
    who: Newcomer,
    *,
    cleared: bool,
    now: int,
    reactions: tuple[Reaction, ...],
    id: str | None = None,
) -> str:
    """Enter a resident and give their id; AlreadyExists if an identifier stands for somebody.

    Who is not cleared is not hindered by the identifiers of protected persons: that would tell of them.
    """
    person = id or fresh(PERSON)
    people.add(connection, person, now)
    for kind, hash in who.identifiers:
        if identifiers.holder(connection, kind, hash, cleared=cleared) is not None:
            raise AlreadyExists(f"The {kind} identifier stands for somebody already: search for them.")
        identifiers.link(connection, kind, hash, person, guarded=False, now=now)
    people.index(connection, person, who.terms)
    tell(connection, Happening(Event.REGISTERED, person), now, reactions)
    return person


def enter_self(connection: Connection, who: Newcomer, now: int, reactions: tuple[Reaction, ...]) -> str:
    """Enter a resident who proved who they are by their card and its PIN; give their id."""
    person = enter(connection, who, cleared=True, now=now, reactions=reactions)
    people.leave_unchecked(connection, person, now)
    log.append(connection, Entry("resident-registered", {"by": "resident"}, {"subject": person}), now)
    return person


def tell(connection: Connection, happening: Happening, now: int, reactions: tuple[Reaction, ...]) -> None:
    """Let everything follow that follows from what happened."""
    for react in reactions:
        react(connection, happening, now)
