"""The rules of change: each takes the current document, gives the next one and changes neither. (5.6, DESIGN 2.4)

Where nothing changes, the very same document is given back. Names in results are IRIs."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from base.errors import AlreadyExists, BadRequestData, ResourceNotFound
from broker.model import patch
from broker.model.document import DEFAULT_DATASET, NGSI_LD, NULL, VALUE_MEMBER, Document, Instance, dataset_of
from broker.model.instance import is_null

_SCOPE: Final = frozenset({"scope", NGSI_LD + "scope"})


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """Which attributes were changed, and which were not with the reason why. (5.2.18, 5.2.19)"""

    updated: tuple[str, ...] = ()
    not_updated: tuple[tuple[str, str], ...] = field(default=())


def create(current: Document | None, new: Document) -> Document:
    """Create an entity. (5.6.1)"""
    if current is not None:
        raise AlreadyExists("An entity with this id exists; change it, or choose another id")
    return new


def replace(current: Document | None, new: Document, now: int) -> Document:
    """Replace an entity; only its createdAt stays. (5.6.18)"""
    current = _existing(current)
    return {**new, "createdAt": current["createdAt"], "modifiedAt": now}


def upsert(current: Document | None, new: Document, now: int, *, update: bool = False) -> Document:
    """Create an entity, or replace or update the one that is there. (5.6.8)"""
    if current is None:
        return new
    if not update:
        return replace(current, new, now)
    document, _ = update_attributes(current, new, now)
    return document


def append(
    current: Document | None, fragment: Document, now: int, *, overwrite: bool = True
) -> tuple[Document, UpdateResult]:
    """Append attributes, overwriting those that are there or leaving them alone. (5.6.3)"""
    current = _existing(current)
    attributes = dict(current["attrs"])
    refused: dict[str, str] = {}
    updated = []
    for iri, given in fragment["attrs"].items():
        held = attributes.get(iri, [])
        if not overwrite:
            there = {dataset_of(one) for one in held}
            new = [one for one in given if dataset_of(one) not in there]
            if len(new) < len(given):
                refused[iri] = "The attribute exists and noOverwrite was asked for"
            given = new
        if given:
            attributes[iri] = patch.put(held, given)
            updated.append(iri)
    document = _next(current, fragment, attributes, now)
    if "scope" in fragment:
        scopes = fragment["scope"]
        document["scope"] = scopes if overwrite else list(dict.fromkeys([*current.get("scope", ()), *scopes]))
    if not overwrite and "expiresAt" in current:
        document["expiresAt"] = current["expiresAt"]
    return _unless_equal(current, document, updated), UpdateResult(tuple(updated), tuple(refused.items()))


def update(current: Document | None, fragment: Document, now: int) -> tuple[Document, UpdateResult]:
    """Update attributes: replace, add, or delete by NGSI-LD Null. (5.6.2, 5.5.8)"""
    return update_attributes(_existing(current), fragment, now)


def update_attributes(current: Document, fragment: Document, now: int) -> tuple[Document, UpdateResult]:
    """Update the attributes of an entity that is there. (5.6.2)"""
    attributes = dict(current["attrs"])
    for iri, given in fragment["attrs"].items():
        several = patch.put(attributes.get(iri, []), given)
        if several:
            attributes[iri] = several
        else:
            attributes.pop(iri, None)
    document = _next(current, fragment, attributes, now)
    refused: tuple[tuple[str, str], ...] = ()
    if "scope" in fragment:
        if "scope" in current:
            _set_or_drop(document, "scope", fragment["scope"])
        else:
            refused = (("scope", "The entity has no scope to update; append it (5.6.2, 5.6.3)"),)
    updated = tuple(fragment["attrs"])
    return _unless_equal(current, document, updated), UpdateResult(updated, refused)


def merge_patch(current: Document | None, fragment: Document, now: int) -> tuple[Document, UpdateResult]:
    """Merge a fragment into an entity, to any depth. (5.6.17, 5.5.12)"""
    current = _existing(current)
    attributes = patch.merged_attributes(
        current["attrs"], fragment["attrs"], now, fragment.get("observedAt"), fragment.get("lang")
    )
    document = _next(current, fragment, attributes, now)
    if "scope" in fragment:
        _set_or_drop(document, "scope", fragment["scope"])
    updated = tuple(fragment["attrs"])
    return _unless_equal(current, document, updated), UpdateResult(updated)


def partial_update(current: Document | None, iri: str, given: list[Instance], now: int) -> Document:
    """Update members of one attribute, leave its others alone. (5.6.4)"""
    current = _existing(current)
    held = current["attrs"].get(iri, [])
    for new in given:
        old = _find(held, new)
        if is_null(new):
            held = [one for one in held if one is not old]
            continue
        if new.get("type", old["type"]) != old["type"]:
            raise BadRequestData(f"The attribute is a {old['type']}; its type cannot be changed here (5.6.4)")
        if "given" in new and "bare" not in new and VALUE_MEMBER[old["type"]] != "value":
            raise BadRequestData(f"The attribute is a {old['type']}, which has no 'value' (4.5.2)")
        changed = patch.updated_partially(old, patch.settle(new, old["type"]), now)
        held = [changed if one is old else one for one in held]
    return _with_attribute(current, iri, held, now)


def replace_attribute(current: Document | None, iri: str, given: list[Instance], now: int) -> Document:
    """Replace instances of an attribute that are there. (5.6.19)"""
    current = _existing(current)
    held = current["attrs"].get(iri, [])
    for new in given:
        _find(held, new)
    return _with_attribute(current, iri, patch.put(held, given), now)


def delete_attribute(
    current: Document | None, iri: str, now: int, *, dataset_id: str | None = None, delete_all: bool = False
) -> Document:
    """Delete the default instance of an attribute, that of a dataset, or all; or the scope. (5.6.5)"""
    current = _existing(current)
    if iri in _SCOPE and "scope" in current:
        document = {**current, "modifiedAt": now}
        del document["scope"]
        return document
    held = current["attrs"].get(iri, [])
    wanted = dataset_id or DEFAULT_DATASET
    kept = [] if delete_all else [one for one in held if dataset_of(one) != wanted]
    if len(kept) == len(held):
        raise ResourceNotFound(
            "The entity has no such attribute, or no instance with this datasetId; deleteAll deletes all (5.6.5)"
        )
    return _with_attribute(current, iri, kept, now)


def purge_attributes(
    current: Document | None,
    now: int,
    *,
    drop: Collection[str] | None = None,
    keep: Collection[str] | None = None,
) -> Document:
    """Delete the named attributes, or all but the named ones; names are IRIs, or scope. (5.6.21)"""
    current = _existing(current)
    kept = {
        iri: held
        for iri, held in current["attrs"].items()
        if not (drop and iri in drop) and not (keep and iri not in keep)
    }
    unscoped = "scope" in current and bool(drop) and not _SCOPE.isdisjoint(drop or ())
    if len(kept) == len(current["attrs"]) and not unscoped:
        return current
    document = {**current, "modifiedAt": now, "attrs": kept}
    if unscoped:
        del document["scope"]
    return document


def _existing(current: Document | None) -> Document:
    if current is None:
        raise ResourceNotFound(
            "There is no entity with this id (and type, where one is given) in this tenant"
        )
    return current


def _find(held: list[Instance], new: Instance) -> Instance:
    old = patch.find(held, dataset_of(new))
    if old is None:
        raise ResourceNotFound(
            "The entity has no such attribute, or no instance with this datasetId; append it first (5.6.4)"
        )
    return old


def _next(current: Document, fragment: Document, attributes: dict[str, list[Instance]], now: int) -> Document:
    """Make the next document: attributes, types added, expiry set or dropped. (5.5.8, 4.22)"""
    document = {**current, "modifiedAt": now, "attrs": attributes}
    if "type" in fragment:
        document["type"] = list(dict.fromkeys([*current["type"], *fragment["type"]]))
    if "expiresAt" in fragment:
        _set_or_drop(document, "expiresAt", fragment["expiresAt"])
    return document


def _set_or_drop(document: Document, member: str, held: object) -> None:
    if held == NULL:
        document.pop(member, None)
    else:
        document[member] = held


def _unless_equal(current: Document, document: Document, touched: Collection[str]) -> Document:
    """Give the current document back where no attribute was touched and nothing else differs."""
    if touched or any(document.get(key) != current.get(key) for key in ("type", "scope", "expiresAt")):
        return document
    return current


def _with_attribute(current: Document, iri: str, held: list[Instance], now: int) -> Document:
    attributes = dict(current["attrs"])
    if held:
        attributes[iri] = held
    else:
        attributes.pop(iri, None)
    return {**current, "modifiedAt": now, "attrs": attributes}
