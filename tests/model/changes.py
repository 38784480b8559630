"""Changes as the tests write them: what a client sends, applied to a document."""

from typing import Any

from broker.model import expand, merge
from broker.model.document import NULL, Document, Instance
from tests.model.samples import LATER, TABLE

OPEN = TABLE.iri("open")
SPEED = TABLE.iri("speed")


def fragment(body: dict[str, Any], **how: Any) -> Document:
    return expand.fragment(body, TABLE, LATER, **{"nulls": True} | how)


def merging(body: dict[str, Any], **how: Any) -> Document:
    return fragment(body, merge=True, **how)


def partial(body: Any) -> list[Instance]:
    return expand.attribute("speed", body, TABLE, LATER, nulls=True, partial=True)


def merged(current: Document, body: dict[str, Any], **how: Any) -> Document:
    return merge.merge_patch(current, merging(body, **how), LATER)[0]


def updated(current: Document, body: dict[str, Any]) -> Document:
    return merge.update(current, fragment(body), LATER)[0]


def has_null(given: Any) -> bool:
    if isinstance(given, dict):
        return any(map(has_null, given.values()))
    return any(map(has_null, given)) if isinstance(given, list) else given == NULL
