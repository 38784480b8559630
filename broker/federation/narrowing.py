"""What a source is asked of a question, and what of its answer counts: what it registered. Pure. (4.3.6.1, 5.12)"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from broker.language import patterns
from broker.language.selection import EntitySelector
from broker.language.sources import EntityInfo, Information, Match, Source
from broker.language.types import TypeSelection
from broker.model.document import Document, dataset_of

NO_SELECTOR: Final = EntitySelector()
MOST_IDS: Final = 100
"""Entity ids in one request, so that no URL becomes too long."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one source is asked with one request. No ids, types, attributes, datasets: any."""

    source: Source
    selector: EntitySelector
    attributes: frozenset[str] = frozenset()
    dataset_ids: frozenset[str] = frozenset()


def narrow(
    match: Match,
    selectors: Sequence[EntitySelector],
    attributes: frozenset[str] = frozenset(),
    dataset_ids: frozenset[str] = frozenset(),
) -> list[Part]:
    """Give the parts of a question that a matching source is asked. (4.3.6.1)"""
    datasets = both(dataset_ids, match.source.dataset_ids)
    found: dict[tuple[EntitySelector, frozenset[str]], None] = {}
    for info in match.information:
        named = both(attributes, info.attributes)
        for selector in selectors or (NO_SELECTOR,):
            found |= {(one, named): None for one in _meetings(selector, info)}
    return [
        Part(match.source, piece, named, datasets)
        for selector, named in _gathered(found)
        for piece in _pieces(selector)
    ]


def both(asked: frozenset[str], offered: frozenset[str]) -> frozenset[str]:
    """Give what is asked of what is offered, where none stands for any."""
    return asked & offered if asked and offered else asked or offered


def _meetings(selector: EntitySelector, info: Information) -> Iterator[EntitySelector]:
    """Give what a selector and the entities of a RegistrationInfo have in common. (5.12)"""
    if not info.entities:
        yield selector
    for entity in info.entities:
        met = _meeting(selector, entity)
        if met is not None:
            yield met


def _meeting(selector: EntitySelector, entity: EntityInfo) -> EntitySelector | None:
    common = _types(selector.types, entity.types)
    if common is None:
        return None
    wanted = None if common.everything else common
    if entity.id is not None:
        return EntitySelector((entity.id,), None, wanted) if _takes_id(selector, entity.id) else None
    if selector.ids:
        ids = tuple(id for id in selector.ids if entity.fits is None or entity.fits(id))
        return EntitySelector(ids, None, wanted) if ids else None
    return EntitySelector((), entity.id_pattern or selector.id_pattern, wanted)


def _takes_id(selector: EntitySelector, id: str) -> bool:
    if selector.ids:
        return id in selector.ids
    return selector.id_pattern is None or patterns.searcher(selector.id_pattern)(id)


def _types(asked: TypeSelection | None, offered: Collection[str]) -> TypeSelection | None:
    """Give the alternatives of a type selection that are offered; without a selection all that is offered, if named."""
    if not offered:
        return asked or TypeSelection()
    if asked is None or asked.everything:
        return TypeSelection(tuple((name,) for name in sorted(offered)))
    kept = tuple(one for one in asked.alternatives if set(one) <= set(offered))
    return TypeSelection(kept) if kept else None


def _gathered(
    found: Iterable[tuple[EntitySelector, frozenset[str]]],
) -> list[tuple[EntitySelector, frozenset[str]]]:
    """Put together what one request can ask without asking for more: entities of the same types, or of the same ids."""
    by_types: dict[tuple[TypeSelection | None, str | None, bool, frozenset[str]], tuple[str, ...]] = {}
    for selector, named in found:
        key = (selector.types, selector.id_pattern, bool(selector.ids), named)
        by_types[key] = tuple(dict.fromkeys((*by_types.get(key, ()), *selector.ids)))
    by_ids: dict[tuple[tuple[str, ...], str | None, frozenset[str], bool], list[tuple[str, ...]]] = {}
    for (wanted, pattern, _, named), ids in by_types.items():
        alternatives = by_ids.setdefault((ids, pattern, named, wanted is None), [])
        alternatives += [] if wanted is None else wanted.alternatives
    return [
        (
            EntitySelector(
                ids, pattern, None if untyped else TypeSelection(tuple(dict.fromkeys(alternatives)))
            ),
            named,
        )
        for (ids, pattern, named, untyped), alternatives in by_ids.items()
    ]


def _pieces(selector: EntitySelector) -> Iterator[EntitySelector]:
    if len(selector.ids) <= MOST_IDS:
        yield selector
        return
    for start in range(0, len(selector.ids), MOST_IDS):
        yield replace(selector, ids=selector.ids[start : start + MOST_IDS])


def covered(source: Source, information: Iterable[Information], document: Document) -> Document | None:
    """Give what a registration covers of an entity that its source told of; None: nothing. (4.3.6.1)"""
    concerned = [info for info in information if concerns(info, document)]
    if not concerned:
        return None
    names: set[str] | None = set()
    for info in concerned:
        names = names | info.attributes if names is not None and info.attributes else None
    if names is None and not source.dataset_ids:
        return document
    attributes = _instances(document, names, source.dataset_ids)
    if not attributes:
        return None
    return document if attributes == document["attrs"] else {**document, "attrs": attributes}


def _instances(
    document: Document, names: set[str] | None, datasets: frozenset[str]
) -> dict[str, list[Document]]:
    attributes = {
        iri: [one for one in instances if not datasets or dataset_of(one) in datasets]
        for iri, instances in document["attrs"].items()
        if names is None or iri in names
    }
    return {iri: instances for iri, instances in attributes.items() if instances}


def concerns(info: Information, document: Document) -> bool:
    """Say whether an entity is among those of a RegistrationInfo. (5.2.10)"""
    return not info.entities or any(_is_of(entity, document) for entity in info.entities)


def _is_of(entity: EntityInfo, document: Document) -> bool:
    typed = not entity.types or not entity.types.isdisjoint(document["type"])
    return typed and _has_id(entity, document["id"])


def may_hold(match: Match, id: str) -> bool:
    """Say whether an entity with an id may be among those registered, whatever its types."""
    return any(
        not info.entities or any(_has_id(entity, id) for entity in info.entities)
        for info in match.information
    )


def _has_id(entity: EntityInfo, id: str) -> bool:
    if entity.id is not None:
        return entity.id == id
    return entity.fits is None or entity.fits(id)


def claimed(information: Iterable[Information], document: Document) -> tuple[bool, frozenset[str]]:
    """Say whether a proxied registration claims all of an entity, else which of its attributes. (4.3.6.3)"""
    concerned = [info for info in information if concerns(info, document)]
    if any(not info.attributes for info in concerned):
        return True, frozenset()
    return False, frozenset(name for info in concerned for name in info.attributes)
