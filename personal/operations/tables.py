"""What parts of the module add to others, passed in by the table of operations: kinds of proposals, reactions."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from base.database import Connection
from personal.operations.actors import Actor, Role
from personal.operations.town import Town
from personal.rules.consent import Kind as ConsentKind
from personal.rules.disclosure import Emergency
from personal.rules.levels import Level
from personal.rules.residents import Happening

Reaction = Callable[[Connection, Happening, int], None]
"""Does, in the transaction of what happened to a resident at a moment, what follows from it elsewhere."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to log in: a form sent to `path` begins it, with fields `town`, `next` and `level`.

    level: the surest that comes of it; proves: it can also prove a decision; staff: it is for staff, otherwise for
    residents; terminal: it needs the desk of a counter PC or a terminal.
    """

    id: str
    label: Mapping[str, str]
    path: str
    level: Level
    proves: bool = False
    staff: bool = False
    terminal: bool = False


Ways = tuple[Callable[[Any, Town], Iterable[Way]], ...]
"""Each says in which ways of its own one can log in to a municipality, with these settings (of a Module)."""


@dataclass(frozen=True, slots=True)
class ConsentChange:
    """What a resident's consents let a service have from now on: items that begin, items that end, and why."""

    kind: ConsentKind
    person: str
    service: str
    purpose: str
    begin: tuple[str, ...]
    end: tuple[str, ...]
    why: str


ConsentReaction = Callable[[Connection, ConsentChange, int], None]
"""Does, in the transaction of a change of consents at a moment, what follows from it elsewhere."""

Events = Callable[[Connection, str, str, int], Sequence[Emergency]]
"""Finds within a transaction the declared emergency of this id that a person falls under at a moment."""


def no_events(_: Connection, __: str, ___: str, ____: int) -> Sequence[Emergency]:
    """Know of no emergency."""
    return ()


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A kind of thing that one member of staff proposes and a second one approves.

    roles: who may propose and decide; schema: of the body; check: gives the body as it is kept, or refuses it;
    approve: does it in the approver's transaction, refuses what cannot be (any more), and gives facts for the
    audit log; shown: what whoever decides has to see besides the body; days: how long it may wait; apart: whoever
    proposed it does not take it back or refuse it either; places: the locations it names, which have to be there;
    refused: what follows in the transaction that refuses it; revealed: what is kept sealed and they have to see, too;
    knows: whether somebody may know of what it is about.
    """

    roles: frozenset[Role]
    schema: Mapping[str, Any]
    check: Callable[[Connection, Any, int], Any]
    approve: Callable[[Connection, Any, "Decision"], Mapping[str, Any]]
    shown: Callable[[Connection, Any], Mapping[str, Any]] = lambda _, __: {}
    days: int = 30
    apart: bool = False
    places: Callable[[Any], Collection[str]] = lambda _: ()
    refused: Callable[[Connection, Any, "Decision"], None] = lambda _, __, ___: None
    revealed: Callable[[Town, Any], Awaitable[Mapping[str, Any]]] | None = None
    knows: Callable[[Connection, Actor, Any], bool] = lambda _, __, ___: True


@dataclass(frozen=True, slots=True)
class Decision:
    """Who proposed what is approved, who approves it, and when (µs)."""

    proposal: str
    proposed_by: str
    decided_by: str
    now: int
