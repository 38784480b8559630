"""Linked Entity retrieval: the entities Relationships lead to, beside or inside the linking ones. (4.5.23)"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from base.jsonld import TermTable
from broker.model import represent
from broker.model.document import Document
from broker.model.projection import Projection
from broker.model.represent import Representation

MOST_LINKED: Final = 200
DEEPEST: Final = 10

Read = Callable[[str], Document | None]
Shown = dict[str, Any]


@dataclass(slots=True)
class Join:
    """One joining: who is asked for linked entities, which are known already, how many more may be had."""

    read: Read
    table: TermTable
    known: frozenset[str] = frozenset()
    left: int = MOST_LINKED

    def find(self, id: str) -> Document | None:
        """Give a linked entity the reader does not know, as long as the number allowed is not reached."""
        if self.left <= 0 or id in self.known:
            return None
        document = self.read(id)
        self.left -= document is not None
        return document


def flat(
    documents: Iterable[Document], how: Representation, level: int, join: Join
) -> Iterator[tuple[Document, Representation]]:
    """Give the entities, then those they link to, level by level, each once. (4.5.23.3)"""
    now = [(document, how) for document in documents]
    seen = {document["id"] for document, _ in now}
    for _ in range(min(level, DEEPEST) + 1):
        yield from now
        following = []
        for document, shape in now:
            for iri, id in _links(document, shape):
                found = None if id in seen else join.find(id)
                if found is not None:
                    seen.add(id)
                    following.append((found, _inner(shape, iri)))
        now = following


def inline(
    shown: Shown,
    document: Document,
    how: Representation,
    level: int,
    join: Join,
    above: tuple[str, ...] = (),
) -> Shown:
    """Put linked entities into the Relationships that lead to them; a circle is not followed. (4.5.23.2)"""
    above = (*above, document["id"])
    for iri in dict.fromkeys(iri for iri, _ in _links(document, how)):
        shape = _inner(how, iri)

        def entity(id: str, shape: Representation = shape) -> Shown | None:
            found = None if id in above else join.find(id)
            if found is None:
                return None
            made = represent.show(found, join.table, shape)
            return inline(made, found, shape, level - 1, join, above) if level > 1 else made

        name = join.table.term(iri)
        if name in shown:
            put = _into_value if how.format == "simplified" else _into_relationship
            shown[name] = put(shown[name], entity)
    return shown


def _links(document: Document, how: Representation) -> Iterator[tuple[str, str]]:
    """Name the Relationships shown and the entities they lead to. (4.5.23.1)"""
    for iri, instances in document["attrs"].items():
        if not _is_shown(iri, how):
            continue
        for instance in instances:
            targets = instance.get("object", instance.get("objectList", ()))
            for id in [targets] if isinstance(targets, str) else targets:
                yield iri, id


def _is_shown(iri: str, how: Representation) -> bool:
    if how.attrs is not None and iri not in how.attrs:
        return False
    if how.pick is not None and iri not in how.pick.names():
        return False
    return how.omit is None or (iri, None) not in how.omit.members


def _inner(how: Representation, iri: str) -> Representation:
    """Give the shape of entities linked by a Relationship: what its braces say, else all. (4.21)"""
    return replace(how, attrs=None, pick=_braces(how.pick, iri), omit=_braces(how.omit, iri))


def _braces(projection: Projection | None, iri: str) -> Projection | None:
    return dict(projection.members).get(iri) if projection is not None else None


def _into_relationship(shown: Any, entity: Callable[[str], Shown | None]) -> Any:
    if isinstance(shown, list):
        return [_into_relationship(one, entity) for one in shown]
    if not isinstance(shown, dict):
        return shown
    for target, member in (("object", "entity"), ("objectList", "entityList")):
        if target in shown:
            several = isinstance(shown[target], list)
            ids = shown[target] if several else [shown[target]]
            ids = [one["object"] if isinstance(one, dict) else one for one in ids]
            found = [made for id in ids if (made := entity(id)) is not None]
            if found:
                return {**shown, member: found if several else found[0]}
    return shown


def _into_value(shown: Any, entity: Callable[[str], Shown | None]) -> Any:
    if isinstance(shown, str):
        return entity(shown) or shown
    if isinstance(shown, list):
        return [_into_value(one, entity) for one in shown]
    if isinstance(shown, dict) and "dataset" in shown:
        return {"dataset": {name: _into_value(one, entity) for name, one in shown["dataset"].items()}}
    return shown
