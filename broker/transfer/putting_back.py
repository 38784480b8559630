"""Lines as a tenant: each is put back as it was, or refused; again changes nothing. (docs/transfer.md)"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from typing import Any, Final

from base.errors import BadRequestData, Problem, ResourceNotFound
from broker.contexts import Entry
from broker.model import tenancy
from broker.operations.call import Broker
from broker.operations.changing import refuse_people
from broker.store.contract import TenantStore
from broker.store.transfer import Instances, Item, Past, Record, Restored, Subscription
from broker.transfer import form, snapshots
from broker.transfer.checking import DEMANDS, HISTORY, SETTING, check_record, check_subscription
from broker.transfer.form import SNAPSHOT, Line
from broker.transfer.snapshots import Snapshot
from broker.transfer.wish import Wish

CONTENT: Final = ("entity", "history", "instances")
"""Kinds of lines that a snapshot holds, too."""
_NOT_OF_THE_FORM: Final = (LookupError, TypeError, ValueError, AttributeError)


@dataclass(slots=True)
class Result:
    """What became of lines: counts by kind, and the refused ones with their number in the file."""

    new: Counter[str] = field(default_factory=Counter)
    unchanged: Counter[str] = field(default_factory=Counter)
    rejected: list[tuple[int, str]] = field(default_factory=list)

    def note(self, kind: str, number: int, outcome: bool | Problem) -> None:
        """Count what became of one line."""
        if isinstance(outcome, Problem):
            self.rejected.append((number, outcome.detail))
        else:
            (self.new if outcome else self.unchanged)[kind] += 1


async def put(broker: Broker, wish: Wish, lines: Sequence[tuple[int, Line]], now: int) -> Result:
    """Put lines back, each numbered as in its file; those that follow each other in one database in one transaction."""
    result = Result()
    for snapshot, several in groupby(lines, key=lambda numbered: numbered[1].get(SNAPSHOT)):
        if snapshot is None:
            await _put(broker, wish, list(several), now, result)
        else:
            await _put_inside(broker, wish, snapshot, list(several), now, result)
    return result


async def _put_inside(
    broker: Broker, wish: Wish, snapshot: Any, lines: Sequence[tuple[int, Line]], now: int, result: Result
) -> None:
    """Put lines into a snapshot, which came before them."""
    name = tenancy.database(wish.tenant, str(snapshot))
    there = broker.catalogue.exists(name) or not wish.write
    for number, line in lines:
        if not there:
            result.note(
                "", number, ResourceNotFound("The snapshot of the line is not there; its own line tells why.")
            )
        elif line.get("kind") not in CONTENT:
            result.note("", number, BadRequestData("The line has a kind that a snapshot does not hold."))
    taken = [one for one in lines if there and one[1].get("kind") in CONTENT]
    # the beginning of the instanceIds is that of the snapshot, adopted with its line
    await _put(broker, replace(wish, tenant=name, origin=""), taken, now, result)


async def _put(
    broker: Broker, wish: Wish, lines: Sequence[tuple[int, Line]], now: int, result: Result
) -> None:
    understood: list[tuple[int, str, Item]] = []
    # names and values of some hundred entities take long enough for others to notice
    for number, kind, item in await asyncio.to_thread(_read, broker, wish, lines, now):
        outcome = await _prepared(broker, wish, item, now)
        if isinstance(outcome, bool | Problem):
            result.note(kind, number, outcome)
        else:
            understood.append((number, kind, outcome))
    items = [item for _, _, item in understood]
    store = await _store(broker, wish) if items else None
    if store is None:
        outcomes: Sequence[Restored] = [True] * len(items)
    else:
        if wish.write and wish.origin and any(isinstance(item, Instances) for item in items):
            await store.transfer.adopt(wish.origin)
        outcomes = await store.transfer.restore(items, replace=wish.replace, write=wish.write)
    for (number, kind, _), outcome in zip(understood, outcomes, strict=True):
        result.note(kind, number, outcome)


def _read(
    broker: Broker, wish: Wish, lines: Sequence[tuple[int, Line]], now: int
) -> list[tuple[int, str, Item | Entry | Snapshot | Problem]]:
    return [
        (number, str(line.get("kind")), _attempt(partial(_understood, broker, wish, line, now)))
        for number, line in lines
    ]


async def _prepared(
    broker: Broker, wish: Wish, item: Item | Entry | Snapshot | Problem, now: int
) -> Item | Problem | bool:
    """Do what only the event loop may do with one thing: contexts at once, subscriptions looked at."""
    try:
        if isinstance(item, Subscription):
            await check_subscription(item, broker, wish.tenant, now)
        elif isinstance(item, Entry):
            return await broker.contexts.restore(item, replace=wish.replace, write=wish.write)
        elif isinstance(item, Snapshot):
            return await snapshots.put(broker, wish, item)
    except Problem as problem:
        return problem
    except _NOT_OF_THE_FORM as error:
        return _strange(error)
    return item


def _attempt(work: Callable[[], Item | Entry | Snapshot]) -> Item | Entry | Snapshot | Problem:
    try:
        return work()
    except Problem as problem:
        return problem
    except _NOT_OF_THE_FORM as error:
        return _strange(error)


def _strange(error: Exception) -> Problem:
    return BadRequestData(f"The line is not as the form says ({type(error).__name__}).")


async def _store(broker: Broker, wish: Wish) -> TenantStore | None:
    if wish.write:
        return await broker.catalogue.create(wish.tenant)
    return broker.catalogue.open(wish.tenant) if broker.catalogue.exists(wish.tenant) else None


def _understood(broker: Broker, wish: Wish, line: Line, now: int) -> Item | Entry | Snapshot:
    table = broker.contexts.core.table
    match line.get("kind"):
        case "entity":
            document = form.read_entity(line, table, now)
            refuse_people(broker, document)
            return document
        case "history":
            past: Past = form.read_history(line)
            refuse_people(broker, {"type": past.types})
            return past
        case "instances":
            return form.read_instances(line, table, now)
        case "subscription":
            kept: Subscription = form.read_subscription(line)
            return kept
        case "registration" | "setting":
            record: Record = form.read_record(line)
            check_record(record, broker)
            return record
        case "snapshot":
            return snapshots.read(line)
        case "context":
            return form.read_context(line, wish.tenant)
    raise BadRequestData("The line has a kind that this version of the form does not know.")


async def finish(broker: Broker, tenant: str) -> None:
    """Let the running broker work with what was put back."""
    if not broker.catalogue.exists(tenant):
        return  # nothing could be taken
    store = broker.catalogue.open(tenant)
    policy: Any = store.record(SETTING, HISTORY)
    if policy is not None:
        await store.history.set_policy(policy)
    await store.demands.set(store.record(SETTING, DEMANDS) or {})
    await broker.notifier.reload(tenant)
    broker.subscribing.look_again(tenant)
