"""Joined entities as an answer, with the entities they link to, wherever those are. (4.5.23)"""

from collections.abc import Iterable, Sequence

from broker.federation import joining
from broker.federation.inquiry import Inquiry
from broker.language import q
from broker.language.q import Query
from broker.language.selection import EntitySelector, Selection
from broker.language.sources import SourceSelection
from broker.language.types import TypeSelection
from broker.model.document import Document
from broker.model.linked import MOST_LINKED
from broker.model.represent import Representation
from broker.operations import rendering
from broker.operations.asked import Links
from broker.operations.call import Broker, Call
from broker.operations.distributed_reading import QUERYING, gathering, inquiry, parts
from broker.operations.rendering import Rendered

Target = tuple[str, frozenset[str]]
"""The id of a linked entity, and the types its Relationship gives it; none: only this broker is asked for it."""


async def shown(
    call: Call,
    broker: Broker,
    asks: Inquiry,
    documents: Sequence[Document],
    shape: Representation,
    links: Links | None,
) -> Rendered:
    """Give the bytes of joined entities, and of those they link to."""
    found = await linked(call, broker, asks, documents, links) if links else {}
    return await broker.federation.beside.run(asks.weight, _written, call, documents, shape, links, found)


def _written(
    call: Call,
    documents: Sequence[Document],
    shape: Representation,
    links: Links | None,
    found: dict[str, Document],
) -> Rendered:
    if shape.sys_attrs:
        documents = [joining.dated(document, call.now) for document in documents]
        found = {id: joining.dated(document, call.now) for id, document in found.items()}
    return rendering.of_documents(call, documents, shape, links, found.get)


async def linked(
    call: Call, broker: Broker, asks: Inquiry, documents: Sequence[Document], links: Links
) -> dict[str, Document]:
    """Find the entities that others link to, level by level, here and at sources. (4.5.23.1)"""
    known = {document["id"]: document for document in documents}
    at = list(documents)
    for _ in range(links.level):
        targets: dict[str, frozenset[str]] = {}
        for id, types in await broker.federation.beside.run(asks.weight, targets_of, at):
            if id not in known and id not in links.known and len(known) + len(targets) <= 2 * MOST_LINKED:
                targets[id] = targets.get(id, frozenset()) | types
        if not targets:
            break
        at = await _found(call, broker, asks, targets)
        known |= {document["id"]: document for document in at}
    return known


async def meeting(
    call: Call, broker: Broker, asks: Inquiry, documents: Sequence[Document], query: Query
) -> list[Document]:
    """Choose the entities that meet a query over those they link to, wherever these are. (4.9, 4.5.23)"""
    links = Links(False, query.depth, frozenset())
    known = await linked(call, broker, asks, documents, links)

    def met() -> list[Document]:
        return [document for document in documents if q.matches(query, document, known.get)]

    return await broker.federation.beside.run(asks.weight, met)


def targets_of(documents: Iterable[Document]) -> list[Target]:
    """Name the entities that Relationships lead to. (4.5.23.1)"""
    found: list[Target] = []
    for document in documents:
        for instances in document["attrs"].values():
            for instance in instances:
                several = instance.get("object", instance.get("objectList", ()))
                types = frozenset(instance.get("objectType", ()))
                found += [(id, types) for id in ([several] if isinstance(several, str) else several)]
    return found


async def _found(
    call: Call, broker: Broker, asks: Inquiry, targets: dict[str, frozenset[str]]
) -> list[Document]:
    """Read entities here; those of known types at sources as well. (4.5.23.1)"""
    read = rendering.reading(broker.catalogue.open(call.tenant), call.now)
    by_types: dict[frozenset[str], list[str]] = {}
    for id, types in targets.items():
        by_types.setdefault(types, []).append(id)
    found = [one for id in by_types.pop(frozenset(), ()) if (one := read(id)) is not None]
    for types, ids in by_types.items():
        kinds = TypeSelection(tuple((name,) for name in sorted(types)))
        selector = EntitySelector(tuple(ids), None, kinds)
        several = parts(broker, asks.asking, SourceSelection((selector,)), QUERYING)
        further = inquiry(broker, asks.asking, (selector,))
        further.failures, further.stale, further.weights = asks.failures, asks.stale, asks.weights
        all_of_them = gathering(call, broker, further, several, Selection((EntitySelector(tuple(ids)),)), {})
        found += (await all_of_them.first(len(ids))).documents
    return found
