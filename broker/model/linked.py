"""Linked Entity retrieval: the entities that Relationships lead to, inside or beside the linking one. (4.5.23)"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from base.jsonld import TermTable
from broker.model import represent
from broker.model.document import Document, Instance, dataset_of
from broker.model.represent import Representation

Resolve = Callable[[str], Document | None]
Linked = tuple[Document, Representation]


@dataclass(frozen=True, slots=True)
class Join:
    """How far Relationships are followed, and which entities the reader knows already. (6.3.7, containedBy)"""

    kind: Literal["inline", "flat"]
    level: int = 1
    known: frozenset[str] = frozenset()


def beside(document: Document, how: Representation, join: Join, resolve: Resolve) -> list[Linked]:
    """Give the linked entities, each once, with the shape each is wanted in. (4.5.23.3)"""
    found: dict[str, Linked] = {}
    waiting = [(document, how, join.level)]
    while waiting:
        current, shape, level = waiting.pop(0)
        for iri, _, target in _targets(current):
            inner = _inner(shape, iri)
            if inner is None or target in found or target in join.known or target == document["id"]:
                continue
            linked = resolve(target)
            if linked is not None:
                found[target] = (linked, inner)
                if level > 1:
                    waiting.append((linked, inner, level - 1))
    return list(found.values())


def inside(
    document: Document,
    body: dict[str, Any],
    table: TermTable,
    how: Representation,
    join: Join,
    resolve: Resolve,
) -> dict[str, Any]:
    """Put the linked entities into the Relationships of a shown entity, which is changed. (4.5.23.2)"""
    known = join.known | {document["id"]}
    for iri, instances in document["attrs"].items():
        inner = _inner(how, iri)
        name = table.term(iri)
        if inner is None or name not in body:
            continue
        for instance in instances:
            bodies = _bodies(instance, table, inner, join, known, resolve)
            if bodies:
                body[name] = _placed(body[name], instance, bodies, how)
    return body


def _bodies(
    instance: Instance,
    table: TermTable,
    how: Representation,
    join: Join,
    known: frozenset[str],
    resolve: Resolve,
) -> dict[str, dict[str, Any]]:
    bodies = {}
    for target in _uris(instance):
        linked = None if target in known else resolve(target)
        if linked is None:
            continue
        shown = represent.show(linked, table, how)
        if join.level > 1:
            shown = inside(linked, shown, table, how, Join("inline", join.level - 1, known), resolve)
        bodies[target] = shown
    return bodies


def _placed(shown: Any, instance: Instance, bodies: dict[str, dict[str, Any]], how: Representation) -> Any:
    """Give the shown attribute with the linked entities in it, in the place its representation has for them."""
    if how.format == "simplified":
        if isinstance(shown, dict) and "dataset" in shown:
            dataset = dataset_of(instance)
            return {"dataset": {**shown["dataset"], dataset: _values(shown["dataset"].get(dataset), bodies)}}
        return _values(shown, bodies)
    member = "entityList" if instance["type"] == "ListRelationship" else "entity"
    several = list(bodies.values())
    held = several if member == "entityList" or len(several) > 1 else several[0]
    if isinstance(shown, list):
        name = instance.get("datasetId")
        return [{**one, member: held} if one.get("datasetId") == name else one for one in shown]
    return {**shown, member: held} if shown.get("datasetId") == instance.get("datasetId") else shown


def _values(shown: Any, bodies: dict[str, dict[str, Any]]) -> Any:
    if isinstance(shown, list):
        return [bodies.get(one, one) if isinstance(one, str) else one for one in shown]
    return bodies.get(shown, shown) if isinstance(shown, str) else shown


def _targets(document: Document) -> Iterator[tuple[str, Instance, str]]:
    for iri, instances in document["attrs"].items():
        for instance in instances:
            for target in _uris(instance):
                yield iri, instance, target


def _uris(instance: Instance) -> list[str]:
    if instance["type"] == "Relationship":
        held = instance["object"]
        return held if isinstance(held, list) else [held]
    return instance["objectList"] if instance["type"] == "ListRelationship" else []


def _inner(how: Representation, iri: str) -> Representation | None:
    """Give the shape of what an attribute leads to; None where the attribute itself is not shown. (4.21)"""
    pick = omit = None
    if how.attrs is not None and iri not in how.attrs:
        return None
    if how.pick is not None:
        picked = dict(how.pick.members)
        if iri not in picked:
            return None
        pick = picked[iri]
    if how.omit is not None:
        omitted = dict(how.omit.members)
        if iri in omitted and omitted[iri] is None:
            return None
        omit = omitted.get(iri)
    return replace(how, geojson=False, attrs=None, pick=pick, omit=omit)
