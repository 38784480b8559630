"""A tenant as lines: what is there at one moment, whatever changes meanwhile. (docs/transfer.md)"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from itertools import chain
from threading import Lock
from typing import Final

import orjson

from base import clock
from base.errors import NonexistentTenant
from base.jsonld import TermTable
from broker.contexts import CORE_URL, Entry
from broker.model import tenancy
from broker.model.expiry import living
from broker.model.snapshot import PREPARING
from broker.operations.call import Broker
from broker.store.transfer import START, Record, View
from broker.transfer import form
from broker.transfer.form import SNAPSHOT, Line

PAGE: Final = 200
INSTANCES: Final = 1_000
PIECE: Final = 1 << 17


async def export(broker: Broker, tenant: str, software: str) -> AsyncGenerator[bytes]:
    """Give all lines of a tenant and of its snapshots, in pieces; the running broker goes on meanwhile."""
    table, counts, now = broker.contexts.core.table, Counter[str](), clock.now()
    view = await broker.catalogue.open(tenant).transfer.view()
    header = form.header(tenant, now, software, CORE_URL, view.origin)
    entries, kept = _contexts(broker, tenant, view), view.records((SNAPSHOT,))
    async with aclosing(_pieces(view, chain((header,), _lines(view, entries, table, now)), counts)) as pieces:
        async for piece in pieces:
            yield piece
    for one in kept:
        inside = await _inside(broker, tenant, one, now)
        if inside is not None:
            lines = form.of_snapshot(one, inside.origin, _content(inside, table, now))
            async with aclosing(_pieces(inside, lines, counts)) as pieces:
                async for piece in pieces:
                    yield piece
    # a file that was cut off lacks this
    yield orjson.dumps({"kind": "end", "counts": counts}) + b"\n"


async def _inside(broker: Broker, tenant: str, kept: Record, now: int) -> View | None:
    """Give a view of a snapshot's content; None while it is prepared, and once it has expired or is gone."""
    if kept.body["snapshotStatus"] == PREPARING or kept.body["expiresAt"] <= now:
        return None
    try:
        return await broker.catalogue.open(tenancy.database(tenant, kept.id)).transfer.view()
    except NonexistentTenant:
        return None


async def _pieces(view: View, lines: Iterator[Line], counts: Counter[str]) -> AsyncGenerator[bytes]:
    """Write lines read from a view, and close it."""
    reading = Lock()  # who no longer listens leaves a piece that is still being read
    counted = _counted(lines, counts)
    try:
        while piece := await asyncio.to_thread(_take, counted, reading):
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


def _counted(lines: Iterator[Line], counts: Counter[str]) -> Iterator[Line]:
    for line in lines:
        if line["kind"] != "header":
            counts[line["kind"]] += 1
        yield line


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
    yield from _content(view, table, now)


def _content(view: View, table: TermTable, now: int) -> Iterator[Line]:
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
