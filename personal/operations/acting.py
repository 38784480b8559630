"""Whose data a call is about: the caller's own, or that of somebody they act for, as far as they may. (DESIGN 3)"""

from collections.abc import Callable, Iterable
from typing import Final

from base.database import Connection
from base.errors import NotPermitted
from personal.audit import reading
from personal.audit.reading import Kept
from personal.operations import handles
from personal.operations.actors import Actor, Who
from personal.operations.call import Call
from personal.rules.delegation import Act, Delegation, Scope, permits
from personal.store import delegations, people

GUARDIAN: Final = "guardian"
"""The role in the log of who acts for somebody."""
Find = Callable[[Connection], str]
"""Finds within a transaction whom a call is about, or refuses."""


async def subject(
    call: Call, act: Act | None, *, service: str | None = None, items: Iterable[str] = ()
) -> Find:
    """Say how to find whom a resident's call is about; act None: nobody does this for another.

    Use what it gives inside the transaction that does the act: a delegation may have ended meanwhile.
    """
    key = await call.town.keys.named(delegations.KEY)
    wanted = tuple(items)

    def find(db: Connection) -> str:
        if not for_another(call.actor):
            return handles.visible(db, call.actor.id, call.actor).id
        found = delegation(db, key, call.actor, call.now)
        if act is None:
            raise NotPermitted("Nobody does this for another: end acting for them first.")
        if not permits(found.scope, act, service, wanted):
            raise _not_covered(act)
        return found.subject

    return find


async def viewed(call: Call) -> Callable[[Connection], tuple[str, Scope | None]]:
    """Say how to find whose history a resident's call is about, and what of it a guardian may see; None: all."""
    key = await call.town.keys.named(delegations.KEY)

    def find(db: Connection) -> tuple[str, Scope | None]:
        if not for_another(call.actor):
            return handles.visible(db, call.actor.id, call.actor).id, None
        found = delegation(db, key, call.actor, call.now)
        if Act.SEE not in found.scope.acts:
            raise _not_covered(Act.SEE)
        return found.subject, found.scope

    return find


async def limits(call: Call) -> Callable[[Connection], Scope | None]:
    """Say how to find what a resident may do for whom they act; None: it is about themselves."""
    key = await call.town.keys.named(delegations.KEY)

    def find(db: Connection) -> Scope | None:
        return delegation(db, key, call.actor, call.now).scope if for_another(call.actor) else None

    return find


def covers(db: Connection, scope: Scope | None, entry: Kept) -> bool:
    """Say whether an entry of somebody's history is within what a guardian may see; None: it is one's own.

    What another guardian did who is protected is not: it would tell of them.
    """
    if scope is None:
        return True
    facts = entry.facts()
    items = facts.get("items", [facts["item"]] if "item" in facts else [])
    if not permits(scope, Act.SEE, facts.get("service"), items):
        return False
    other = reading.whose(db, entry.position, GUARDIAN)
    acted = None if other is None else people.current(db, other)
    return acted is None or not acted.protected


def people_of(actor: Actor, person: str) -> dict[str, str]:
    """Name for the log whom something is about, and who acts for them."""
    return {"subject": person, **({GUARDIAN: actor.id} if for_another(actor) else {})}


def for_another(actor: Actor) -> bool:
    """Say whether a resident acts for somebody else."""
    return actor.who is Who.RESIDENT and actor.subject not in (None, actor.id)


def delegation(db: Connection, key: bytes, actor: Actor, now: int) -> Delegation:
    """Find by what somebody acts for another; NotPermitted, always the same, if by nothing (any more)."""
    found = delegations.active(db, key, actor.id, actor.subject or "", now)
    if found is None:
        raise NotPermitted("You do not act for this resident (any more).")
    return found


def _not_covered(act: Act) -> NotPermitted:
    return NotPermitted("What you may do for this resident does not cover this.", act=act)
