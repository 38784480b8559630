"""Entities as they were at a time: the parameter asOf, an extension. (docs/history.md)"""

from collections.abc import Sequence

from base import clock
from base.errors import BadRequestData, ResourceNotFound
from broker.language import types
from broker.model import represent, validate
from broker.model.document import Document
from broker.model.linked import MOST_LINKED
from broker.model.represent import Representation
from broker.operations import distributed_links, paging, rendering
from broker.operations.asked import Links, Wanted
from broker.operations.call import Answer, Broker, Call
from broker.store.evolution import Axis, HistoryStore

PARAMETERS = frozenset({"asOf", "timeproperty"})
_ELSEWHERE = frozenset({"entityMap", "entityMapLifetime"})
_AXES: dict[str, Axis] = {"observedAt": "observedAt", "modifiedAt": "modifiedAt"}


def asked_for(call: Call) -> bool:
    """Say whether a request asks for entities as they were at a time."""
    if "timeproperty" in call.params and "asOf" not in call.params:
        raise BadRequestData("timeproperty goes with asOf here.")
    return "asOf" in call.params


async def retrieve(call: Call, broker: Broker, id: str, shape: Representation, links: Links | None) -> Answer:
    """Retrieve an entity as it was at a time."""
    moment = _moment(call)
    history = broker.catalogue.open(call.tenant).history
    document = await history.as_of(id, *moment)
    if document is None or not _of_type(call, document):
        raise ResourceNotFound(
            f"Entity {id} was not there at the time asked for, or its history is not kept."
        )
    if represent.nothing_left(document, shape):
        raise ResourceNotFound(f"Entity {id} had none of the attributes asked for.")
    found = await _linked(history, [document], links, moment)
    made = rendering.of_documents(call, [document], shape, links, found.get)
    flat = links is not None and not links.inline
    body = rendering.page(call, made.bodies) if flat else rendering.one(call, made.bodies[0])
    return rendering.answer(call, body, altered=made.altered, headers={})


async def query(call: Call, broker: Broker, wanted: Wanted) -> Answer:
    """Query entities as they were at a time, a page of them."""
    moment = _moment(call)
    history = broker.catalogue.open(call.tenant).history
    page = await history.find_as_of(wanted.selection, wanted.window, *moment)
    documents = [document for id in page.ids if (document := await history.as_of(id, *moment)) is not None]
    headers = {} if page.count is None else {"NGSILD-Results-Count": str(page.count)}
    links = paging.page_links(call.target, wanted.window, page.more, call.accept)
    if links:
        headers["Link"] = ", ".join(links)
    found = await _linked(history, documents, wanted.links, moment)
    made = rendering.of_documents(call, documents, wanted.representation, wanted.links, found.get)
    body = rendering.page(call, made.bodies)
    return rendering.answer(call, body, altered=made.altered, headers=headers)


async def _linked(
    history: HistoryStore, documents: Sequence[Document], links: Links | None, moment: tuple[int, Axis]
) -> dict[str, Document]:
    """Find the entities that others linked to, as they were at the same time, level by level. (4.5.23.1)"""
    known = {document["id"]: document for document in documents}
    at, tried = documents, set(known)
    for _ in range(links.level if links else 0):
        ids = dict.fromkeys(id for id, _ in distributed_links.targets_of(at) if id not in tried)
        some = list(ids)[: MOST_LINKED + len(documents) - len(known)]
        tried.update(some)
        at = [found for id in some if (found := await history.as_of(id, *moment)) is not None]
        known |= {document["id"]: document for document in at}
    return known


def _moment(call: Call) -> tuple[int, Axis]:
    """Read asOf and timeproperty: by what was observed until then (the default), or by what was known here."""
    named = sorted(_ELSEWHERE & call.params.keys())
    if named or call.headers.get("NGSILD-EntityMap") is not None:
        raise BadRequestData(
            f"asOf does not go with {named[0] if named else 'NGSILD-EntityMap'}: maps tell where entities are now."
        )
    axis = _AXES.get(call.params.get("timeproperty", "observedAt"))
    if axis is None:
        raise BadRequestData(f"timeproperty must be one of {', '.join(_AXES)} with asOf.")
    return clock.parse(validate.date_time(call.params["asOf"], "asOf")), axis


def _of_type(call: Call, document: Document) -> bool:
    if "type" not in call.params:
        return True
    return types.matches(types.parse(call.params["type"], call.context.table), document["type"])
