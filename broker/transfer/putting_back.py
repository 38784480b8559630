"""Lines as a tenant: each is put back as it was, or refused; again changes nothing. (docs/transfer.md)"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from base.errors import BadRequestData, Problem
from broker.contexts import Entry
from broker.operations.call import Broker
from broker.operations.changing import refuse_people
from broker.store.contract import TenantStore
from broker.store.transfer import Instances, Item, Past, Record, Restored, Subscription
from broker.transfer import form
from broker.transfer.checking import DEMANDS, HISTORY, SETTING, check_record, check_subscription
from broker.transfer.form import Line

_NOT_OF_THE_FORM: Final = (LookupError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, slots=True)
class Wish:
    """Where to put things, with which right: `replace` what differs; `write` or only look."""

    tenant: str
    origin: str
    replace: bool
    write: bool


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
    """Put lines back, each numbered as in its file, all of one call in one transaction."""
    result = Result()
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
    return result


def _read(
    broker: Broker, wish: Wish, lines: Sequence[tuple[int, Line]], now: int
) -> list[tuple[int, str, Item | Entry | Problem]]:
    return [
        (number, str(line.get("kind")), _attempt(partial(_understood, broker, wish, line, now)))
        for number, line in lines
    ]


async def _prepared(
    broker: Broker, wish: Wish, item: Item | Entry | Problem, now: int
) -> Item | Problem | bool:
    """Do what only the event loop may do with one thing: contexts at once, subscriptions looked at."""
    try:
        if isinstance(item, Subscription):
            await check_subscription(item, broker, wish.tenant, now)
        elif isinstance(item, Entry):
            return await broker.contexts.restore(item, replace=wish.replace, write=wish.write)
    except Problem as problem:
        return problem
    except _NOT_OF_THE_FORM as error:
        return _strange(error)
    return item


def _attempt(work: Callable[[], Item | Entry]) -> Item | Entry | Problem:
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


def _understood(broker: Broker, wish: Wish, line: Line, now: int) -> Item | Entry:
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
