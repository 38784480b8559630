"""Orders in and answers out as signed files, for towns without any line; each file is used once. (issue 5)"""

from typing import Any

from base.clock import SECOND
from base.database import Connection
from base.errors import Conflict, ServiceUnavailable
from personal.agent import store as kept
from personal.agent.inside import Given, Inside
from personal.rules import bundles
from personal.rules.bundles import IN, MOST, OUT, bundle, checked
from personal.vault.signing import opened_by


async def take_in(inside: Inside, text: str, now: int) -> dict[str, int]:
    """Do the orders of a bundle; done again after a fall it goes on where it was."""
    known = inside.store.read(lambda db: kept.outside(db, now))
    if not known:
        raise ServiceUnavailable("The key of the outside is not pinned yet (wish outside).")
    found = checked(opened_by(text.strip(), known, IN), IN, inside.municipality)
    if inside.store.read(lambda db: kept.bundle_used(db, found["bundle"])):
        raise Conflict("This bundle was taken in before.")
    before = inside.store.read(lambda db: kept.alarms_since(db, 0))
    for one in found["orders"]:
        await inside.obey(Given(one["order"], one["content"]), now)

    def work(db: Connection) -> int:
        kept.acknowledge(db, found["taken"])
        kept.told(db, found["taken"], now)
        kept.use_bundle(db, found["bundle"], now)
        return kept.alarms_since(db, 0)

    after = await inside.store.write(work)
    return {"orders": len(found["orders"]), "alarms": after - before}


async def take_out(inside: Inside, now: int) -> dict[str, Any]:
    """Write what the outside has not yet into a bundle; it comes again until the outside says that it has it."""
    answers, alarms = inside.store.read(lambda db: (_fitting(kept.unanswered(db, MOST)), kept.untold(db)))
    told = [{"id": id, "why": why, "task": task, "at": at} for id, why, task, at in alarms]
    made = bundle(inside.municipality, (), now // SECOND, answers=answers, alarms=told)
    return {"bundle": inside.signer.sign(made, OUT), "answers": len(answers), "alarms": len(told)}


def _fitting(answers: list[tuple[str, str]]) -> list[str]:
    room = bundles.LARGEST
    found: list[str] = []
    for _, answer in answers:
        room -= len(answer)
        if room < 0 and found:
            break
        found.append(answer)
    return found
