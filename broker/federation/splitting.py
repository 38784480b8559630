"""Which part of a change belongs to which registered source, and what of it stays here. (4.3.6.2, 4.3.6.3, 5.6)"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from base.jsonld import TermTable
from broker.language.sources import EntityInfo, Information, Match, Source
from broker.model.document import DEFAULT_DATASET, Document, dataset_of
from broker.model.expand import NOT_ATTRIBUTES

PROXIED: Final = ("exclusive", "redirect")
"""Modes whose sources alone hold what they are registered for; the first takes before the second. (4.3.6.3)"""
CHANGED: Final = (*PROXIED, "inclusive")
"""Modes that take part in provision: auxiliary sources never do. (4.3.6.2)"""

Attributes = Mapping[str, frozenset[str]]
"""Attributes by IRI, each with the datasets of its instances; no dataset: all of them."""


@dataclass(frozen=True, slots=True)
class Given:
    """A change as registrations see it; without attributes (None) it is about the entity as a whole.

    types: those the request names, none: unknown; held: those of the entity held here; framed: it says something of
    the entity beyond attributes.
    """

    id: str
    types: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    attributes: Attributes | None = None
    framed: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """What one source is to be told; types None: any. `whole`: it is registered for all attributes there are.

    unsaid: the types it is registered for, where nobody said or knows which the entity has; None: no need to ask.
    """

    source: Source
    offered: bool
    attributes: Attributes = field(default_factory=dict)
    whole: bool = False
    types: frozenset[str] | None = None
    unsaid: frozenset[str] | None = None

    @property
    def proxied(self) -> bool:
        """Say whether the source alone holds this share. (4.3.6.3)"""
        return self.source.mode in PROXIED


@dataclass(frozen=True, slots=True)
class Split:
    """The shares of the sources, and the attributes that stay here."""

    shares: tuple[Share, ...]
    rest: Attributes
    framed: bool = False  # whether something beyond attributes stays here

    @property
    def taken(self) -> bool:
        """Say whether something does not belong here."""
        return any(share.proxied for share in self.shares)

    @property
    def local(self) -> bool:
        """Say whether there is something to do here. (5.6)"""
        return not self.taken or bool(self.rest) or self.framed


def split(
    given: Given, matches: Iterable[Match], operations: Collection[str], looped: Callable[[Source], bool]
) -> Split:
    """Share a change out: first what is held elsewhere alone, then what is also held elsewhere. (5.6.1.4)"""
    matches = list(matches)
    left, framed = dict(given.attributes or {}), given.framed
    shares: list[Share] = []
    for mode in CHANGED:
        claims = [
            share
            for match in matches
            if match.source.mode == mode
            and (share := _claim(match, given, left, framed, operations)) is not None
        ]
        if mode in PROXIED:
            left = _without(left, claims)
            framed = framed and not any(share.whole for share in claims)
            shares += _unlooped(claims, looped)
        else:
            shares += [share for share in claims if share.offered and not looped(share.source)]
    return Split(tuple(_united(shares)), left, framed)


def _united(shares: Iterable[Share]) -> list[Share]:
    """Put together what several registrations send to one place, so that it is done there once."""
    places: dict[object, Share] = {}
    for share in shares:
        body = share.source.body
        told = tuple((one["key"], one["value"]) for one in body.get("contextSourceInfo", ()))
        place = (body["endpoint"].rstrip("/"), body.get("tenant"), told, share.offered or share.source.id)
        before = places.get(place)
        places[place] = share if before is None else _joined(before, share)
    return list(places.values())


def _joined(one: Share, two: Share) -> Share:
    attributes = dict(one.attributes)
    for iri, datasets in two.attributes.items():
        attributes[iri] = attributes.get(iri, datasets) | datasets
    types, unsaid = _either(one.types, two.types), _either(one.unsaid, two.unsaid)
    return replace(one, attributes=attributes, whole=one.whole or two.whole, types=types, unsaid=unsaid)


def _either(one: frozenset[str] | None, two: frozenset[str] | None) -> frozenset[str] | None:
    return None if one is None or two is None else one | two


def _unlooped(claims: list[Share], looped: Callable[[Source], bool]) -> list[Share]:
    """Leave out sources the request came through, if others take what they would get. (5.12, 6.3.17)"""
    others = [share for share in claims if not looped(share.source)]
    if not others:
        return claims
    return [
        share
        for share in claims
        if share in others or _without(share.attributes, others) or (share.whole and not _any_whole(others))
    ]


def _any_whole(shares: list[Share]) -> bool:
    return any(share.whole for share in shares)


def _claim(
    match: Match, given: Given, left: Attributes, framed: bool, operations: Collection[str]
) -> Share | None:
    """Say what a registration covers of what is left; None: nothing."""
    source = match.source
    concerned = [info for info in match.information if _concerns(info, given)]
    if not concerned:
        return None
    every = any(not info.attributes for info in concerned)
    names = frozenset().union(*(info.attributes for info in concerned))
    whole = every and not source.dataset_ids
    covered = {
        iri: kept
        for iri, datasets in left.items()
        if (every or iri in names) and (kept := _datasets(source, datasets)) is not None
    }
    empty = given.attributes is not None and not covered
    if empty and not (whole and (framed or not given.attributes)):
        return None
    offered = not source.operations.isdisjoint(operations)
    return Share(source, offered, covered, whole, _types(concerned, given), _unsaid(concerned, given))


def _datasets(source: Source, datasets: frozenset[str]) -> frozenset[str] | None:
    """Give the datasets that a source is registered for; None: none of them. (4.5.5, 5.2.9)"""
    if not source.dataset_ids or not datasets:
        return datasets
    return datasets & source.dataset_ids or None


def _without(attributes: Attributes, shares: Iterable[Share]) -> dict[str, frozenset[str]]:
    left = dict(attributes)
    for share in shares:
        for iri, datasets in share.attributes.items():
            if iri not in left or (not left[iri] and share.source.dataset_ids):
                continue  # of all datasets there are, one that has some leaves the others
            left[iri] -= datasets
            if not left[iri]:
                del left[iri]
    return left


def _concerns(info: Information, given: Given) -> bool:
    return not info.entities or any(_fits(entity, given) for entity in info.entities)


def _fits(entity: EntityInfo, given: Given) -> bool:
    """Say whether the entity is one a source may hold. Where the request names no type, that held here tells. (5.12)"""
    if entity.id is not None:
        found, types = entity.id == given.id, given.types
    elif entity.fits is not None:
        found, types = entity.fits(given.id), given.types
    else:
        found, types = True, given.types or given.held
    return found and (not types or not entity.types or not types.isdisjoint(entity.types))


def _types(infos: Iterable[Information], given: Given) -> frozenset[str] | None:
    covered: frozenset[str] = frozenset()
    for info in infos:
        fitting = [entity.types for entity in info.entities if _fits(entity, given)]
        if not fitting or not all(fitting):
            return None
        covered = covered.union(*fitting)
    return covered


def _unsaid(infos: Sequence[Information], given: Given) -> frozenset[str] | None:
    """Give the types a change is to be kept to at its source; an entity registered by its id is meant. (4.3.6.1)"""
    if given.types or given.held:
        return None
    by_id = any(entity.id is not None and _fits(entity, given) for info in infos for entity in info.entities)
    return None if by_id else _types(infos, given)


def attributes_of(document: Document) -> Attributes:
    """Name the attributes of a document and the datasets of their instances."""
    return {iri: frozenset(map(dataset_of, held)) for iri, held in document["attrs"].items()}


def remaining(document: Document, rest: Attributes) -> Document:
    """Reduce a document to the attributes, and their instances, that stay here."""
    attributes = {
        iri: [one for one in held if dataset_of(one) in rest[iri]]
        for iri, held in document["attrs"].items()
        if iri in rest
    }
    return {**document, "attrs": attributes}


def reduced(body: Mapping[str, Any], share: Share, table: TermTable) -> dict[str, Any]:
    """Reduce an entity, or a fragment of one, as the client wrote it to the share of a source. (4.3.6.1)"""
    result: dict[str, Any] = {}
    for name, value in body.items():
        if name in ("type", "@type"):
            if (kept := _covered_types(value, share, table)) is not None:
                result[name] = kept
        elif name in ("id", "@id", "expiresAt") or (name == "scope" and share.whole):
            result[name] = value
        elif name not in NOT_ATTRIBUTES and (iri := table.iri(name)) in share.attributes:
            result[name] = covered_instances(value, share.attributes[iri])
    return result


def _covered_types(given: Any, share: Share, table: TermTable) -> Any:
    if share.types is None or not isinstance(given, list):
        return given if share.types is None or table.iri(given) in share.types else None
    return [name for name in given if table.iri(name) in share.types] or None


def covered_instances(value: Any, datasets: frozenset[str]) -> Any:
    """Leave out instances of other datasets, in whichever form; one that names none is the default one. (4.5.5)"""
    if isinstance(value, list):
        return [one for one in value if _dataset(one) in datasets]
    if isinstance(value, dict) and value.keys() == {"dataset"} and isinstance(value["dataset"], dict):
        kept = {name: one for name, one in value["dataset"].items() if name in datasets}
        return {"dataset": kept} if kept else value
    return value


def _dataset(given: Any) -> str:
    return str(given.get("datasetId", DEFAULT_DATASET)) if isinstance(given, dict) else DEFAULT_DATASET
