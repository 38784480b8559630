"""Batches of which registered sources are told: their items as one batch, or one by one. (5.6.7-5.6.10, 5.6.20)"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import quote

from base.errors import OperationNotSupported
from base.jsonld import Context
from broker.federation import Asking, Directed, Outcome, Request, settling, splitting
from broker.federation.settling import Part
from broker.federation.splitting import Given, Share
from broker.language.sources import Source
from broker.model.document import Document
from broker.operations import distributed_changes
from broker.operations.call import Broker, Call
from broker.operations.distributed_changes import (
    APPEND,
    CREATE,
    DELETE,
    MERGE,
    REPLACE,
    UPDATE,
    Kind,
    passed_on,
    types_asked,
)


@dataclass(frozen=True, slots=True)
class BatchKind:
    """A batch as sources are asked for it: its name (4.20) and path, and what does one item, tried in this order."""

    operation: str
    tail: str
    single: tuple[Kind, ...]

    @property
    def operations(self) -> frozenset[str]:
        """Name the operations that can do it."""
        return frozenset({self.operation, *(kind.operation for kind in self.single)})


CREATE_BATCH: Final = BatchKind("createBatch", "create", (CREATE,))
REPLACE_BATCH: Final = BatchKind("upsertBatch", "upsert", (CREATE, REPLACE))
UPSERT_BATCH: Final = BatchKind("upsertBatch", "upsert", (CREATE, UPDATE))
UPDATE_BATCH: Final = BatchKind("updateBatch", "update", (UPDATE,))
APPEND_BATCH: Final = BatchKind("updateBatch", "update", (APPEND,))
MERGE_BATCH: Final = BatchKind("mergeBatch", "merge", (MERGE,))
DELETE_BATCH: Final = BatchKind("deleteBatch", "delete", (DELETE,))
AT_ONCE: Final = 8
"""Single operations at once at one source: fewer than it takes, so that others get their turn."""


@dataclass(slots=True)
class Element:
    """An item of a batch: as the client wrote it, in which words, and understood (None: an id to delete).

    here: what is left to do here (None: nothing); parts: what came of it elsewhere.
    """

    id: str
    raw: Any
    context: Context
    document: Document | None
    here: bool = True
    parts: list[Part] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Order:
    """A share of one element."""

    element: Element
    share: Share

    def body(self) -> Any:
        """Write what the source is told of the element."""
        if self.element.document is None:
            return self.element.id
        told = splitting.reduced(self.element.raw, self.share, self.element.context.table)
        return {"id": self.element.id, **told}


async def tell(
    call: Call, broker: Broker, asking: Asking, kind: BatchKind, elements: Sequence[Element]
) -> None:
    """Tell the sources what concerns them of a batch, and leave in each element what remains. (5.6.7.4)"""
    orders: dict[str, list[_Order]] = {}
    for element in elements:
        for share in _shared(call, broker, asking, kind, element):
            orders.setdefault(share.source.id, []).append(_Order(element, share))
    talks = [_Talk(broker, asking, kind, passed_on(call), several) for several in orders.values()]
    for talk, parts in zip(talks, await asyncio.gather(*[talk.hold() for talk in talks]), strict=True):
        for order, part in zip(talk.orders, parts, strict=True):
            order.element.parts.append(part)


def _shared(
    call: Call, broker: Broker, asking: Asking, kind: BatchKind, element: Element
) -> tuple[Share, ...]:
    document = element.document
    held = distributed_changes.held(call, broker, element.id)
    if document is None:
        given = Given(element.id, held=held)
    else:
        attributes = splitting.attributes_of(document)
        framed = "scope" in document or "expiresAt" in document
        given = Given(element.id, frozenset(document.get("type", ())), held, attributes, framed)
    shares = distributed_changes.split(call, broker, asking, kind.operations, given)
    if document is not None:
        element.here = shares.local or (kind is REPLACE_BATCH and bool(held))
        if shares.taken:
            element.document = splitting.remaining(document, shares.rest)
    return shares.shares


@dataclass(frozen=True, slots=True)
class _Talk:
    """All that one source is told of a batch."""

    broker: Broker
    asking: Asking
    kind: BatchKind
    params: Any
    orders: list[_Order]

    @property
    def source(self) -> Source:
        """Give the source."""
        return self.orders[0].share.source

    async def hold(self) -> list[Part]:
        """Tell the source of all elements; parts are in their order.

        A batch cannot say which types it is about: where only that tells what is registered, each element goes by
        itself if it can."""
        single = any(kind.operation in self.source.operations for kind in self.kind.single)
        if self.kind.operation in self.source.operations and not (single and self._unsaid):
            return await self._together()
        if self.source.operations.isdisjoint(self.kind.operations):
            return [settling.not_offered(self.source) for _ in self.orders]
        turns = asyncio.Semaphore(AT_ONCE)
        chains: dict[str, list[int]] = {}
        for place, order in enumerate(self.orders):
            chains.setdefault(order.element.id, []).append(place)
        parts: dict[int, Part] = {}
        for told in await asyncio.gather(*[self._in_turn(turns, chain) for chain in chains.values()]):
            parts |= told
        return [parts[place] for place in range(len(self.orders))]

    @property
    def _unsaid(self) -> bool:
        """Say whether entities are registered by nothing but types, and nobody knows which they have. (4.3.6.1)"""
        entities = [entity for info in self.source.information for entity in info.entities]
        by_type = any(entity.id is None and entity.fits is None for entity in entities)
        return by_type and any(order.share.unsaid for order in self.orders)

    async def _together(self) -> list[Part]:
        """Send one batch for the elements of each @context, in the order of the elements."""
        groups: dict[str, list[int]] = {}
        for place, order in enumerate(self.orders):
            groups.setdefault(order.element.context.link, []).append(place)
        parts: dict[int, Part] = {}
        for places in groups.values():
            several = [self.orders[place] for place in places]
            body = [order.body() for order in several]
            path = f"/entityOperations/{self.kind.tail}"
            outcome = await self._ask(several[0], Request("POST", path, self.params, body))
            told = settling.parts_of_batch(outcome, [order.element.id for order in several])
            parts |= dict(zip(places, told, strict=True))
        return [parts[place] for place in range(len(self.orders))]

    async def _in_turn(self, turns: asyncio.Semaphore, places: list[int]) -> dict[int, Part]:
        """Send the elements with the same id one after the other. (5.5.11)"""
        async with turns:
            return {place: await self._single(self.orders[place]) for place in places}

    async def _single(self, order: _Order) -> Part:
        """Do one element by the operations offered; one that is there already by the next of them. (5.6.8.4)"""
        offered = [kind for kind in self.kind.single if kind.operation in self.source.operations]
        for kind in offered:
            outcome = await self._ask(order, self._request(kind, order))
            part = settling.part_of(outcome, (), order.element.context.table.iri)
            if kind is not CREATE or not settling.exists(part) or self.kind is CREATE_BATCH:
                return part
        problem = OperationNotSupported("The entity exists at the source, which does not offer to change it.")
        return settling.failed(self.source, (), problem)

    def _request(self, kind: Kind, order: _Order) -> Request:
        id = quote(order.element.id, safe=":")
        path = "/entities" if kind is CREATE else f"/entities/{id}{kind.tail}"
        params = {
            **(self.params if kind is APPEND else {}),
            **types_asked(order.share, order.element.context.table),
        }
        body = None if kind is DELETE else order.body()
        return Request(kind.method, path, params, body, kind.merge_patch)

    async def _ask(self, order: _Order, request: Request) -> Outcome:
        asking = replace(self.asking, context=order.element.context)
        (outcome,) = await self.broker.federation.ask(asking, [Directed(self.source, request)])
        return outcome
