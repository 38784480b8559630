"""What is left of an entity when its expired parts are taken away. (4.5.0, expiresAt)"""

from collections.abc import Iterator, Mapping
from typing import Any

from base import clock
from broker.model.document import Document, Instance


def earliest(document: Document) -> int | None:
    """Say when the entity or its first part expires; None: never."""
    return min(_moments(document), default=None)


def living(document: Document, now: int) -> Document | None:
    """Give the entity without what has expired at `now`: the same object if nothing has, None if all of it."""
    if _expired(document, now):
        return None
    attrs = _living_attributes(document["attrs"], now)
    return document if attrs is document["attrs"] else {**document, "attrs": attrs}


def _moments(part: Mapping[str, Any]) -> Iterator[int]:
    if "expiresAt" in part:
        yield clock.parse(part["expiresAt"])
    for instances in part.get("attrs", {}).values():
        for instance in instances:
            yield from _moments(instance)


def _expired(part: Mapping[str, Any], now: int) -> bool:
    return "expiresAt" in part and clock.parse(part["expiresAt"]) <= now


def _living_attributes(attrs: dict[str, list[Instance]], now: int) -> dict[str, list[Instance]]:
    kept: dict[str, list[Instance]] = {}
    touched = False
    for name, instances in attrs.items():
        alive = [_living_instance(instance, now) for instance in instances if not _expired(instance, now)]
        same = len(alive) == len(instances) and all(a is b for a, b in zip(alive, instances, strict=True))
        touched = touched or not same
        if alive:
            kept[name] = instances if same else alive
    return kept if touched else attrs


def _living_instance(instance: Instance, now: int) -> Instance:
    if "attrs" not in instance:
        return instance
    attrs = _living_attributes(instance["attrs"], now)
    if attrs is instance["attrs"]:
        return instance
    rest = {member: value for member, value in instance.items() if member != "attrs"}
    return {**rest, "attrs": attrs} if attrs else rest
