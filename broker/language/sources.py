"""Context sources by what they may provide: a registration made ready, what is asked for, and whether they meet. (5.12)

`provided` is the matching of clause 5.12; `described` asks the rest of what a query or subscription says about the
registration itself: its location, scope, intervals and properties. (5.10.2.4, 5.11.2.4)
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from base import clock
from base.errors import BadRequestData
from broker.language import patterns, places, q, scope, types
from broker.language.geo import GeoQuery
from broker.language.q import Query
from broker.language.scope import ScopeQuery
from broker.language.selection import EntitySelector
from broker.language.span import Span
from broker.language.types import Names
from broker.model import confidential, operation_names, registration
from broker.model.document import NGSI_LD, Document, Instance
from broker.model.registration import Body
from broker.model.registration_presentation import counted

_SPACES: Final = ("location", "observationSpace", "operationSpace")
_ON_ENTITY: Final = ("id", "scope", "expiresAt", "createdAt", "modifiedAt")


@dataclass(frozen=True, slots=True)
class EntityInfo:
    """Entities a source may provide: of these types, none: of any, with this id or ids that fit. (5.2.8)"""

    types: frozenset[str]
    id: str | None = None
    fits: Callable[[str], bool] | None = None
    id_pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Information:
    """An element of `information`; no entities: any, no attributes: any. `body` is its normal form. (5.2.10)"""

    entities: tuple[EntityInfo, ...]
    attributes: frozenset[str]
    body: Body


@dataclass(frozen=True, slots=True)
class Interval:
    """A TimeInterval in µs, both ends included; an open end is None. (5.2.11)"""

    start: int
    end: int | None

    def meets(self, span: Span) -> bool:
        """Say whether a part of time asked for and this interval overlap. (5.10.2.4)"""
        return (span.end is None or self.start < span.end) and (
            span.start is None or self.end is None or self.end >= span.start
        )


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A registration made ready, parsed once, never changed. (5.2.9)"""

    id: str
    body: Body
    information: tuple[Information, ...]
    mode: str
    operations: frozenset[str]
    dataset_ids: frozenset[str]
    expires: int | None
    observed: Interval | None
    managed: Interval | None

    @property
    def temporal(self) -> bool:
        """Say whether the source provides temporal information, and so no latest information. (5.9.1)"""
        return self.observed is not None or self.managed is not None

    def living(self, now: int) -> bool:
        """Say whether the registration has not expired. (5.2.9)"""
        return self.expires is None or self.expires > now


@dataclass(frozen=True, slots=True)
class SourceSelection:
    """The registrations wanted: any of the selectors, any of the attributes, and every filter. (5.10.2.4, 5.12)

    evolving: those of sources to be asked for Temporal Evolutions, be it at any time. lenient: what a registration does
    not say of places and scopes may be anything, as where its source is to be asked.
    """

    selectors: tuple[EntitySelector, ...] = ()
    attributes: frozenset[str] = frozenset()
    dataset_ids: frozenset[str] = frozenset()
    csf: "SourceFilter | None" = None
    geo: GeoQuery | None = None
    scope: ScopeQuery | None = None
    span: Span | None = None
    evolving: bool = False
    lenient: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A registration that is wanted, with those elements of its information that are. (5.10.2.5)"""

    source: Source
    information: tuple[Information, ...]


def prepare(body: Body) -> Source:
    """Make a registration ready; BadRequestData where a pattern of ids cannot be used. (5.2.9)"""
    return Source(
        id=body["id"],
        body=body,
        information=tuple(_information(one) for one in body["information"]),
        mode=body.get("mode", "inclusive"),
        operations=registration.operations(body),
        dataset_ids=frozenset(body.get("datasetId", ())),
        expires=registration.expires(body),
        observed=_interval(body.get("observationInterval")),
        managed=_interval(body.get("managementInterval")),
    )


def _information(info: Body) -> Information:
    return Information(
        tuple(_entity(one) for one in info.get("entities", ())), registration.attributes(info), info
    )


def _entity(entity: Body) -> EntityInfo:
    """id takes precedence over idPattern. (5.2.8)"""
    id, pattern = entity.get("id"), entity.get("idPattern")
    if pattern is not None:
        patterns.check(pattern, "idPattern")
    fits = None if id is not None or pattern is None else patterns.searcher(pattern)
    return EntityInfo(frozenset(entity["type"]), id, fits, None if fits is None else pattern)


def _interval(body: Mapping[str, str] | None) -> Interval | None:
    if body is None:
        return None
    return Interval(clock.parse(body["startAt"]), clock.parse(body["endAt"]) if "endAt" in body else None)


def matching(source: Source, wanted: SourceSelection) -> Match | None:
    """Give a registration with the information that is wanted of it, if it is wanted at all. (5.10.2.4)"""
    information = provided(source, wanted)
    return Match(source, information) if information and described(source, wanted) else None


def provided(source: Source, wanted: SourceSelection) -> tuple[Information, ...]:
    """Give those elements of a registration's information that may hold what is wanted. (5.12)"""
    if wanted.dataset_ids and source.dataset_ids and wanted.dataset_ids.isdisjoint(source.dataset_ids):
        return ()
    return tuple(
        info
        for info in source.information
        if (not wanted.attributes or not info.attributes or not wanted.attributes.isdisjoint(info.attributes))
        and _has_entities(info.entities, wanted.selectors)
    )


def _has_entities(entities: Collection[EntityInfo], selectors: Collection[EntitySelector]) -> bool:
    if not entities or not selectors:
        return True
    return any(_takes(selector, entity) for entity in entities for selector in selectors)


def _takes(selector: EntitySelector, entity: EntityInfo) -> bool:
    """Say whether entities that a selector means may be among those of an EntityInfo. (5.12)"""
    if selector.types is not None and entity.types and not types.matches(selector.types, entity.types):
        return False
    if entity.id is not None:
        if selector.ids:
            return entity.id in selector.ids
        return selector.id_pattern is None or patterns.searcher(selector.id_pattern)(entity.id)
    return entity.fits is None or not selector.ids or any(map(entity.fits, selector.ids))


def described(source: Source, wanted: SourceSelection) -> bool:
    """Say whether a registration itself meets the conditions on it. (5.10.2.4)"""
    return (
        _in_time(source, wanted.span, wanted.evolving)
        and (wanted.scope is None or _in_scope(source, wanted.scope, wanted.lenient))
        and (wanted.geo is None or _in_place(source, wanted.geo, wanted.lenient))
        and (wanted.csf is None or wanted.csf.holds(source.body))
    )


def _in_time(source: Source, span: Span | None, evolving: bool) -> bool:
    """Latest information without a temporal query, temporal information of that time with one. (5.9.1, 5.10.2.4)

    A source that names no interval may be asked for any, if it offers to be.
    """
    if evolving and (span is None or not source.temporal):
        return True
    if span is None:
        return not source.temporal
    interval = source.observed if span.property == "observedAt" else source.managed
    return interval is not None and interval.meets(span)


def _in_scope(source: Source, wanted: ScopeQuery, lenient: bool) -> bool:
    held = source.body.get("scope")
    return scope.matches(wanted, held) if held is not None or not lenient else True


def _in_place(source: Source, geo: GeoQuery, lenient: bool) -> bool:
    name = geo.geoproperty
    geometry = source.body.get(name.removeprefix(NGSI_LD)) if name in _GEOPROPERTIES else None
    return lenient if geometry is None else places.may_meet(geo, geometry)


@dataclass(frozen=True, slots=True)
class SourceFilter:
    """A context source filter: a query over the members of registrations. (4.9)"""

    query: Query
    names: tuple[str, ...]

    def holds(self, body: Body) -> bool:
        """Say whether a registration meets the filter. (5.10.2.4)"""
        return q.matches(self.query, self._document(body), _nothing)

    def _document(self, body: Body) -> Document:
        """Write the members that are asked for as the attributes of a document."""
        document: Document = {name: body[name] for name in _ON_ENTITY if name in body}
        document["attrs"] = attributes = {}
        own = body.get("properties", {})
        for iri in self.names:
            name = iri.removeprefix(NGSI_LD)
            if iri in own:
                attributes[iri] = [_held(own[iri])]
            elif name in _SPACES and name in body:
                attributes[iri] = [{"type": "GeoProperty", "value": body[name]}]
            elif name in _FILTERED and (value := _told(body, name)) is not None:
                attributes[iri] = [{"type": "JsonProperty", "json": value}]
        return document


def _held(given: object) -> Instance:
    """Write a Context Source Property as an instance; it may be given as a value, or as a Property of that value."""
    if isinstance(given, dict) and given.get("type") == "Property" and "value" in given:
        given = given["value"]
    elif isinstance(given, dict) and given.get("type") == "Relationship" and "object" in given:
        given = given["object"]
    return {"type": "JsonProperty", "json": given}


def _told(body: Body, name: str) -> object:
    if name in registration.COUNTED:
        return counted(body).get(name)
    if name == "contextSourceInfo" and name in body:
        return confidential.masked(body[name])
    return body.get(name, _DEFAULTS.get(name))


def filter_of_sources(text: str, table: Names, most_terms: int = types.MOST_TERMS) -> SourceFilter:
    """Read a context source filter; BadRequestData says where it is wrong. (4.9)"""
    try:
        query = q.parse(text, _Vocabulary(table), most_terms=most_terms)
    except BadRequestData as problem:
        raise BadRequestData(f"csf cannot be read as a query: {problem.detail}") from problem
    return SourceFilter(query, tuple(query.attributes))


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """The names of a context source filter: members of registrations first, then terms of the @context."""

    table: Names

    def iri(self, term: str, /) -> str:
        return NGSI_LD + term if term in _FILTERED else self.table.iri(term)


_DEFAULTS: Final = {"mode": "inclusive", "operations": list(operation_names.DEFAULT)}
_GEOPROPERTIES: Final = frozenset(NGSI_LD + name for name in _SPACES)
_FILTERED: Final = (registration.MEMBERS | registration.COUNTED) - {*_ON_ENTITY, "type"}


def _nothing(_: str) -> Document | None:
    return None
