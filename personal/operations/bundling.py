"""Bundles outside: orders for the inside as a signed file, and what was carried back. (issue 5)"""

from typing import Any

from base import clock
from base.clock import SECOND
from base.database import Connection
from base.errors import Conflict
from personal.audit import log
from personal.audit.log import Entry
from personal.operations.agent_line import inside
from personal.operations.town import Town
from personal.rules.bundles import IN, LARGEST, MOST, OUT, bundle, checked
from personal.store import agent_orders
from personal.store.agent_orders import Queued
from personal.vault.signing import opened_by


async def export_bundle(town: Town) -> dict[str, Any]:
    """Write the orders that wait into a bundle, and which answers are here."""
    now, there = clock.now(), inside(town)
    found = _fitting(await there.queue.claim(0, MOST, begin=True))
    taken = town.store.read(agent_orders.brought)
    told = [{"order": one.text, "content": one.content} for one in found]
    made = bundle(town.id, taken, now // SECOND, orders=told)

    def work(db: Connection) -> None:
        log.append(db, Entry("bundle-exported", {"bundle": made["bundle"], "orders": len(found)}), now)

    await town.store.write(work)
    return {"bundle": town.signer.sign(made, IN), "orders": len(found)}


async def import_bundle(town: Town, text: str) -> dict[str, int]:
    """Take the answers and alarms of a bundle in, once."""
    now, there = clock.now(), inside(town)
    found = checked(
        opened_by(text.strip(), [one["signing"] for one in there.queue.agents()], OUT), OUT, town.id
    )
    if town.store.read(lambda db: agent_orders.bundle_used(db, found["bundle"])):
        raise Conflict("This bundle was taken in before.")
    taken = await there.queue.take(found["answers"], now)
    alarms = await there.queue.note_alarms(found["alarms"], now)

    def work(db: Connection) -> None:
        agent_orders.use_bundle(db, found["bundle"], now)
        agent_orders.bring(db, [*taken, *alarms], now)
        facts = {"bundle": found["bundle"], "answers": len(taken), "alarms": len(alarms)}
        log.append(db, Entry("bundle-imported", facts), now)

    await town.store.write(work)
    return {"answers": len(taken), "alarms": len(alarms)}


def _fitting(orders: list[Queued]) -> list[Queued]:
    room = LARGEST
    found: list[Queued] = []
    for one in orders:
        room -= len(one.text) + len(one.content or "")
        if room < 0 and found:
            break
        found.append(one)
    return found
