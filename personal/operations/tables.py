"""What parts of the module add to others, passed in by the table of operations: kinds of proposals, reactions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from base.database import Connection
from personal.operations.actors import Role
from personal.rules.residents import Happening

Reaction = Callable[[Connection, Happening, int], None]
"""Does, in the transaction of what happened to a resident at a moment, what follows from it elsewhere."""


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A kind of thing that one member of staff proposes and a second one approves.

    roles: who may propose and decide; schema: of the body; check: gives the body as it is kept, or refuses it;
    approve: does it in the approver's transaction, refuses what cannot be (any more), and gives facts for the
    audit log; shown: what whoever decides has to see besides the body; days: how long it may wait.
    """

    roles: frozenset[Role]
    schema: Mapping[str, Any]
    check: Callable[[Connection, Any, int], Any]
    approve: Callable[[Connection, Any, "Decision"], Mapping[str, Any]]
    shown: Callable[[Connection, Any], Mapping[str, Any]] = lambda _, __: {}
    days: int = 30


@dataclass(frozen=True, slots=True)
class Decision:
    """Who proposed what is approved, who approves it, and when (µs)."""

    proposal: str
    proposed_by: str
    decided_by: str
    now: int
