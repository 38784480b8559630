"""Concurrent writing that can be stopped anywhere, and what must be true of the data afterwards.

Each worker changes a pair of entities together, with one notification per change that tells the round. So after any
interruption the last notification kept says what the pair must look like.
"""

import asyncio
import random
from collections.abc import Callable, Iterable
from typing import Any

from base.errors import Problem, ServiceUnavailable
from broker.language.q import Query
from broker.language.selection import Selection, Window
from broker.language.tree import Kind, Literal, Op, Path, Term
from broker.model.document import LOCATION, NULL, Document
from broker.store.contract import Change, EntityChange, Message, Read
from broker.store.evolution import Asked
from broker.store.sqlite.tenant import SqliteTenantStore
from tests.store.examples import NOW, SCOPES, TYPES, VOCAB, entity, place, prop

WORKERS = 6
DELETED_EVERY = 7
ENDPOINT = "http://localhost/sink"


async def write(
    store: SqliteTenantStore,
    acknowledge: Callable[[int, int], None],
    stopped: Callable[[], bool],
    seed: int,
) -> None:
    """Let all workers write until stopped; tell of each change after its answer."""
    chance = random.Random(seed)
    reached = _rounds(store)
    query = Query(Term(Path((VOCAB + "round",)), Op.GREATER, Literal(Kind.NUMBER, 0)))
    await store.query(Selection(q=query), Window(), NOW)

    async def work(worker: int) -> None:
        round_ = max(reached[worker], default=0)
        while not stopped():
            round_ += 1
            changes = [EntityChange(id, _rule(id, round_)) for id in _pair(worker)]
            try:
                outcomes = await store.change(changes, NOW, _reaction(worker, round_))
                if chance.random() < 0.05:
                    await store.history.evolution(_pair(worker)[0], Asked(last=1))
            except (ServiceUnavailable, Problem):
                if stopped():
                    return
                raise
            assert all(outcome.problem is None for outcome in outcomes)
            if stopped():
                return
            acknowledge(worker, round_)
            if chance.random() < 0.2:
                await asyncio.sleep(chance.random() / 500)

    await asyncio.gather(*map(work, range(WORKERS)))


async def complaints(store: SqliteTenantStore, acknowledged: Iterable[tuple[int, int]]) -> list[str]:
    """Say what is lost, half there or contradictory."""
    least: dict[int, int] = {}
    for worker, round_ in acknowledged:
        least[worker] = max(round_, least.get(worker, 0))
    found = store.check()
    for worker, rounds in _rounds(store).items():
        last = max(rounds, default=0)
        if last < least.get(worker, 0):
            found.append(f"round {least[worker]} of worker {worker} was acknowledged, {last} is there")
        if rounds != list(range(1, last + 1)):
            found.append(f"the notifications of worker {worker} are not one for each round")
        found += [
            f"{id} is not as round {last} left it"
            for id in _pair(worker)
            if _state(store, id) != _wanted(id, last)
        ]
        found += [
            f"the history of {id} is not that of {last} rounds"
            for id in _pair(worker)
            if await _told(store, id) != [NULL if n % DELETED_EVERY == 0 else n for n in range(1, last + 1)]
        ]
    return found + [f"after settling: {fault}" for fault in store.check()]


async def _told(store: SqliteTenantStore, id: str) -> list[Any]:
    """Read from the history which rounds the entity went through."""
    evolution = await store.history.evolution(id, Asked(frozenset({VOCAB + "round"})))
    return [one["value"] for one in evolution.instances.get(VOCAB + "round", ())]


def _rounds(store: SqliteTenantStore) -> dict[int, list[int]]:
    """Read from the notifications which rounds each worker has done."""
    told: dict[int, list[int]] = {worker: [] for worker in range(WORKERS)}
    for message in store.waiting(None, 0, 1 << 30):
        worker, round_ = map(int, message.body.split())
        told[worker].append(round_)
    return told


def _pair(worker: int) -> tuple[str, str]:
    return f"urn:ngsi-ld:Pair:{worker}:left", f"urn:ngsi-ld:Pair:{worker}:right"


def _document(id: str, round_: int) -> Document:
    types = [TYPES[round_ % 3], TYPES[(round_ + 1) % 3]]
    made = entity(id, *types, scope=[SCOPES[round_ % 4]], round=round_)
    made["attrs"][LOCATION] = [place(round_ % 180, round_ % 90)]
    made["attrs"][VOCAB + f"only{round_ % 5}"] = [prop("x" * (round_ % 50 * 40))]
    return made


def _wanted(id: str, round_: int) -> Any:
    return None if round_ % DELETED_EVERY == 0 else _document(id, round_)


def _state(store: SqliteTenantStore, id: str) -> Any:
    stored = store.document(id, NOW)
    return stored.document if stored else None


def _rule(id: str, round_: int) -> Callable[[Document | None], Document | None]:
    return lambda before: _wanted(id, round_)


def _reaction(worker: int, round_: int) -> Callable[[Change, Read], list[Message]]:
    def react(change: Change, read: Read) -> list[Message]:
        if not change.id.endswith("left"):
            return []
        body = f"{worker} {round_}".encode()
        return [Message(f"urn:m:{worker}:{round_}", "urn:s", ENDPOINT, body, {}, NOW)]

    return react
