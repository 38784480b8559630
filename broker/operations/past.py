"""Entities as they were at a time: the parameter asOf, an extension. (docs/history.md)"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from base import clock
from base.errors import BadRequestData, ResourceNotFound
from broker.language import types
from broker.model import represent, validate, versions
from broker.model.document import Document
from broker.model.represent import Representation
from broker.operations import asked, preferences, rendering
from broker.operations.asked import Wanted
from broker.operations.call import Answer, Broker, Call
from broker.store.evolution import Axis

PARAMETERS = frozenset({"asOf", "timeproperty"})
_ELSEWHERE = frozenset({"join", "joinLevel", "containedBy", "entityMap", "entityMapLifetime"})
_AXES: dict[str, Axis] = {"observedAt": "observedAt", "modifiedAt": "modifiedAt"}


def asked_for(call: Call) -> bool:
    """Say whether a request asks for entities as they were at a time."""
    if "timeproperty" in call.params and "asOf" not in call.params:
        raise BadRequestData("timeproperty goes with asOf here.")
    return "asOf" in call.params


async def retrieve(call: Call, broker: Broker, id: str, shape: Representation) -> Answer:
    """Retrieve an entity as it was at a time."""
    at, axis = _moment(call)
    document = await broker.catalogue.open(call.tenant).history.as_of(id, at, axis)
    if document is None or not _of_type(call, document):
        raise ResourceNotFound(
            f"Entity {id} was not there at the time asked for, or its history is not kept."
        )
    if represent.nothing_left(document, shape):
        raise ResourceNotFound(f"Entity {id} had none of the attributes asked for.")
    return _answered(call, [document], shape, lambda bodies: rendering.one(call, bodies[0]), {})


async def query(call: Call, broker: Broker, wanted: Wanted) -> Answer:
    """Query entities as they were at a time, a page of them."""
    at, axis = _moment(call)
    history = broker.catalogue.open(call.tenant).history
    found = await history.find_as_of(wanted.selection, wanted.window, at, axis)
    documents = [document for id in found.ids if (document := await history.as_of(id, at, axis)) is not None]
    headers = {} if found.count is None else {"NGSILD-Results-Count": str(found.count)}
    links = asked.page_links(call.target, wanted.window, found.more, call.accept)
    if links:
        headers["Link"] = ", ".join(links)
    return _answered(
        call, documents, wanted.representation, lambda bodies: rendering.page(call, bodies), headers
    )


def _moment(call: Call) -> tuple[int, Axis]:
    """Read asOf and timeproperty: by what was observed until then (the default), or by what was known here."""
    named = sorted(_ELSEWHERE & call.params.keys())
    if named or call.headers.get("NGSILD-EntityMap") is not None:
        raise BadRequestData(f"asOf does not go with {named[0] if named else 'NGSILD-EntityMap'}.")
    axis = _AXES.get(call.params.get("timeproperty", "observedAt"))
    if axis is None:
        raise BadRequestData(f"timeproperty must be one of {', '.join(_AXES)} with asOf.")
    return clock.parse(validate.date_time(call.params["asOf"], "asOf")), axis


def _of_type(call: Call, document: Document) -> bool:
    if "type" not in call.params:
        return True
    return types.matches(types.parse(call.params["type"], call.context.table), document["type"])


def _answered(
    call: Call,
    documents: Sequence[Document],
    shape: Representation,
    joined: Callable[[list[bytes]], bytes],
    headers: dict[str, Any],
) -> Answer:
    """Show the documents, amended to the version that is preferred. (4.3.6.8)"""
    made = [rendering.dump(rendering.shown(call, document, shape)) for document in documents]
    version = preferences.version(call)
    altered = False
    if version is not None and version < versions.NEWEST:
        lowered = replace(shape, version=version)
        amended = [rendering.dump(rendering.shown(call, document, lowered)) for document in documents]
        altered, made = amended != made, amended
    return rendering.answer(call, joined(made), altered=altered, headers=headers)
