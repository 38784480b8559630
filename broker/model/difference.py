"""What a change did to the attributes of an entity. (5.2.12, 5.8.6)"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from broker.model.document import Document, Instance, dataset_of

_STAMPS: Final = frozenset({"createdAt", "modifiedAt"})


@dataclass(frozen=True, slots=True)
class Differences:
    """Attributes (IRIs) with an instance that came, changed its content, or went; and what became of the entity."""

    entity: Literal["created", "updated", "deleted"]
    created: frozenset[str] = frozenset()
    updated: frozenset[str] = frozenset()
    deleted: frozenset[str] = frozenset()

    @property
    def attributes(self) -> frozenset[str]:
        """Name all attributes that differ."""
        return self.created | self.updated | self.deleted


def between(before: Document | None, after: Document | None) -> Differences:
    """Compare two states of an entity; None: it was not, or is no longer, there. (5.8.6)"""
    if before is None or after is None:
        if after is not None:
            return Differences("created", created=frozenset(after["attrs"]))
        return Differences("deleted", deleted=frozenset(before["attrs"] if before is not None else ()))
    old, new = before["attrs"], after["attrs"]
    created = set(new.keys() - old.keys())
    deleted = set(old.keys() - new.keys())
    updated: set[str] = set()
    for iri in old.keys() & new.keys():
        if new[iri] is not old[iri]:
            _compare(iri, old[iri], new[iri], created, updated, deleted)
    return Differences("updated", frozenset(created), frozenset(updated), frozenset(deleted))


def _compare(
    iri: str,
    old: list[Instance],
    new: list[Instance],
    created: set[str],
    updated: set[str],
    deleted: set[str],
) -> None:
    """Sort an attribute into what happened to its instances. (4.5.5.1)"""
    left = {dataset_of(one): one for one in old}
    for one in new:
        previous = left.pop(dataset_of(one), None)
        if previous is None:
            created.add(iri)
        elif previous is not one and not same(previous, one):
            updated.add(iri)
    if left:
        deleted.add(iri)


def same(one: Instance, other: Instance) -> bool:
    """Say whether two instances say the same, whenever they were made and modified. (5.8.6)"""
    if one.keys() - _STAMPS != other.keys() - _STAMPS:
        return False
    for key, held in one.items():
        if key == "attrs":
            if not _same_attributes(held, other[key]):
                return False
        elif key not in _STAMPS and not _same_json(held, other[key]):
            return False
    return True


def _same_attributes(one: dict[str, list[Instance]], other: dict[str, list[Instance]]) -> bool:
    if one.keys() != other.keys():
        return False
    for iri, instances in one.items():
        by_dataset = {dataset_of(instance): instance for instance in other[iri]}
        if len(by_dataset) != len(instances):
            return False
        for instance in instances:
            twin = by_dataset.get(dataset_of(instance))
            if twin is None or not same(instance, twin):
                return False
    return True


def _same_json(one: Any, other: Any) -> bool:
    """Compare JSON: true is not 1, 1 is 1.0. (RFC 8259)"""
    if type(one) is dict and type(other) is dict:
        return one.keys() == other.keys() and all(_same_json(held, other[key]) for key, held in one.items())
    if type(one) is list and type(other) is list:
        return len(one) == len(other) and all(map(_same_json, one, other))
    return (type(one) is bool) == (type(other) is bool) and bool(one == other)
