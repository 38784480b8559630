"""What guardians do not see of whom they act for: what another guardian did who is protected. (DESIGN 3)"""

from base.database import Connection
from personal.operations import acting
from personal.operations.actors import Actor
from personal.operations.deciding import GivenBy
from personal.store import consents, people
from personal.store.consents import Decision, Key


def hides(db: Connection, actor: Actor, doer: str) -> bool:
    """Say whether the caller, who acts for somebody, must not see what this resident did for the same one."""
    if not acting.for_another(actor):
        return False
    found, own = people.current(db, doer), people.current(db, actor.id)
    return found is not None and found.protected and (own is None or own.id != found.id)


def decided(db: Connection, actor: Actor, decision: Decision | None) -> bool:
    """Say whether the caller may see a decision; of what no decision made everybody may see the rest."""
    if decision is None or decision.given_by != GivenBy.GUARDIAN:
        return True
    return not hides(db, actor, decision.actor)


def unseen(db: Connection, actor: Actor, person: str) -> frozenset[Key]:
    """Name the consents of a resident that stand by what the caller may not see."""
    if not acting.for_another(actor):
        return frozenset()
    last = {
        consents.about(one.consent): one.decision
        for one in consents.history(db, person)
        if one.decision is not None
    }
    return frozenset(about for about, id in last.items() if not decided(db, actor, consents.decision(db, id)))
