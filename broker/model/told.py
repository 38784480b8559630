"""Entities that come with the times another broker, or this one before, gave them. (4.5.1, 4.8)"""

from functools import lru_cache
from typing import Any

from base import clock
from base.jsonld import TermTable
from broker.model import expand, validate
from broker.model.document import Document, Instance

_TIMES = ("createdAt", "modifiedAt", "deletedAt")


def entity(body: Any, table: TermTable, now: int) -> Document:
    """Read an entity in the normalized representation; times it lacks are `now`. (4.5.1)"""
    document = expand.entity(body, table, now)
    take_times(document, body)
    take_times_of_attributes(document["attrs"], body, table)
    return document


def take_times_of_attributes(
    attributes: dict[str, list[Instance]], body: dict[str, Any], table: TermTable
) -> None:
    """Give instances just read the times told of them."""
    for name, given in body.items():
        held = attributes.get(table.iri(name))
        if held is None:
            continue
        for instance, one in zip(held, given if len(held) > 1 else [given], strict=False):
            if isinstance(one, list) and len(held) == 1 and len(one) == 1:
                one = one[0]
            if isinstance(one, dict):
                take_times(instance, one)
                if "attrs" in instance:
                    take_times_of_attributes(instance["attrs"], one, table)


def take_times(held: dict[str, Any], body: dict[str, Any]) -> None:
    """Give an entity or instance just read the times told of it."""
    for name in _TIMES:
        if name in body:
            told = body[name]
            held[name] = _known_time(told, name) if type(told) is str else time(told, name)


def time(text: Any, name: str) -> int:
    """Read a time told."""
    return clock.parse(validate.date_time(text, name))


_known_time = lru_cache(4_096)(time)
"""Attributes of one entity, and many entities, often tell the same times."""
