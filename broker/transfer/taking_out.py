"""A tenant as lines: what is there at one moment, whatever changes meanwhile. (docs/transfer.md)"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from threading import Lock
from typing import Final

import orjson

from base import clock
from base.jsonld import TermTable
from broker.contexts import CORE_URL, Entry
from broker.model.expiry import living
from broker.operations.call import Broker
from broker.store.transfer import START, View
from broker.transfer import form
from broker.transfer.form import Line

PAGE: Final = 200
INSTANCES: Final = 1_000
PIECE: Final = 1 << 17


async def export(broker: Broker, tenant: str, software: str) -> AsyncIterator[bytes]:
    """Give all lines of a tenant, in pieces; the running broker goes on meanwhile."""
    store = broker.catalogue.open(tenant)
    view = await store.transfer.view()
    reading = Lock()  # who no longer listens leaves a piece that is still being read
    try:
        now = clock.now()
        header = form.header(tenant, now, software, CORE_URL, view.origin)
        entries = _contexts(broker, tenant, view)
        lines = _counted(_lines(view, entries, broker.contexts.core.table, now), header)
        while piece := await asyncio.to_thread(_take, lines, reading):
            yield piece
    finally:
        with reading:
            view.close()


def _take(lines: Iterator[Line], reading: Lock) -> bytes:
    """Write as many lines as make a piece."""
    piece = bytearray()
    with reading:
        for line in lines:
            piece += orjson.dumps(line) + b"\n"
            if len(piece) >= PIECE:
                break
    return bytes(piece)


def _counted(lines: Iterator[Line], header: Line) -> Iterator[Line]:
    """Put the header before the lines, and behind them how many there are: a file that was cut off lacks that."""
    yield header
    counts: Counter[str] = Counter()
    for line in lines:
        counts[line["kind"]] += 1
        yield line
    yield {"kind": "end", "counts": dict(counts)}


def _contexts(broker: Broker, tenant: str, view: View) -> list[Entry]:
    """Give the contexts the tenant stored, and the fetched ones that its subscriptions name."""
    named = {
        body.get(member)
        for body in view.subscriptions()
        for member in ("@context", "jsonldContext")
        if isinstance(body.get(member), str)
    }
    return [
        entry
        for entry in broker.contexts.stored(None, tenant)
        if entry.url != CORE_URL and (entry.kind != "Cached" or entry.url in named)
    ]


def _lines(view: View, entries: list[Entry], table: TermTable, now: int) -> Iterator[Line]:
    for kept in view.records(("setting",)):
        yield form.record(kept)
    for entry in entries:
        yield form.context(entry)
    for kept in view.records(("registration",)):
        yield form.record(kept)
    for body in view.subscriptions():
        yield form.subscription(body)
    after = -1
    while several := view.held(after, PAGE):
        for held in several:
            document = living(held.document, now) if held.document is not None else None
            if document is not None:
                yield form.entity(document, table)
            if held.past is not None:
                yield form.history(held.past)
                yield from _instances(view, held.key, held.past.id, table)
        after = several[-1].key


def _instances(view: View, key: int, id: str, table: TermTable) -> Iterator[Line]:
    place = START
    while True:
        several, place = view.instances(key, place, INSTANCES)
        if not several:
            return
        yield form.instances(id, several, table)
