"""Entities and attributes that are kept for a time only. (4.22, 5.2.4, 5.2.5)"""

from base import clock
from broker.model.document import Document, Instance

_Attributes = dict[str, list[Instance]]


def earliest(document: Document) -> int | None:
    """Say when the first part of an entity, or all of it, expires in µs; None: never. (4.22)"""
    moments = _moments(document, [])
    return min(moments) if moments else None


def _moments(part: Document | Instance, moments: list[int]) -> list[int]:
    if "expiresAt" in part:
        moments.append(clock.parse(part["expiresAt"]))
    if "attrs" in part:
        for instances in part["attrs"].values():
            for instance in instances:
                _moments(instance, moments)
    return moments


def living(document: Document, now: int) -> Document | None:
    """Give the entity without what has expired; itself if nothing has, None if all of it has. (4.22)"""
    if _expired(document, now):
        return None
    attributes = _living_attributes(document["attrs"], now)
    return document if attributes is document["attrs"] else {**document, "attrs": attributes}


def _expired(part: Document | Instance, now: int) -> bool:
    return "expiresAt" in part and clock.parse(part["expiresAt"]) <= now


def _living_attributes(attributes: _Attributes, now: int) -> _Attributes:
    result = attributes
    for iri, instances in attributes.items():
        kept = [_living_instance(one, now) for one in instances if not _expired(one, now)]
        if len(kept) == len(instances) and all(map(_is, kept, instances)):
            continue
        if result is attributes:
            result = dict(attributes)
        if kept:
            result[iri] = kept
        else:
            del result[iri]
    return result


def _is(one: object, other: object) -> bool:
    return one is other


def _living_instance(instance: Instance, now: int) -> Instance:
    if "attrs" not in instance:
        return instance
    attributes = _living_attributes(instance["attrs"], now)
    if attributes is instance["attrs"]:
        return instance
    result = {**instance, "attrs": attributes}
    if not attributes:
        del result["attrs"]
    return result
