"""Telling the store inside LGWAN again what ended: after it was restored it knows less than it did. (DESIGN 3)"""

from collections.abc import Collection

from base import clock
from base.database import Connection
from personal.audit import log
from personal.audit.log import Entry
from personal.locations import agent_queue
from personal.operations import deciding
from personal.operations.agent_line import inside
from personal.operations.town import Town
from personal.rules.consent import Kind
from personal.rules.decisions import shown
from personal.rules.orders import MOST_ITEMS, Task
from personal.store import consents
from personal.store.consents import Key
from personal.vault.shredded import Kind as Shredded


async def tell_again(town: Town) -> dict[str, int]:
    """Queue an order for each decision that ended and each person who was forgotten; then one that says so."""
    there, now = inside(town), clock.now()
    _, shredded = town.keys.shredded.since(0)
    forgotten = [one.id for one in shredded if one.kind is Shredded.PERSON]

    def work(db: Connection) -> dict[str, int]:
        told = 0
        for person in consents.deciding(db):
            told += _ended(db, person, now)
        for person in forgotten:
            agent_queue.queue(db, Task.ERASE, person, {}, now)
        agent_queue.queue(db, Task.TOLD, "", {}, now)
        facts = {"decisions": told, "forgotten": len(forgotten)}
        log.append(db, Entry("inside-told-again", facts), now)
        return facts

    done = await town.store.write(work)
    there.queue.tell()
    return done


def _ended(db: Connection, person: str, now: int) -> int:
    """Queue what is not agreed to any more, for each decision of a person; say how many decisions there are."""
    holding = deciding.holding(db, consents.of(db, person).values(), now)
    told = 0
    for one in consents.decisions(db, person):
        document = one.document
        if document["kind"] != Kind.SHARE:
            continue
        place = (str(Kind.SHARE), document["service"], document["purpose"])
        ended = [
            item for item in document["agree"] if not _stands(db, person, (*place, item), one.id, holding)
        ]
        if ended:
            agent_queue.queue(
                db,
                Task.WITHDRAW,
                person,
                {"decisions": [shown(one.digest)], "items": ended[:MOST_ITEMS]},
                now,
            )
            told += 1
    return told


def _stands(db: Connection, person: str, key: Key, decision: str, holding: Collection[Key]) -> bool:
    latest = consents.latest_decision(db, person, key) if key in holding else None
    return latest is not None and latest.id == decision
