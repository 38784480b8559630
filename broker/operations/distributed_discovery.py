"""Entity types and attributes of sources beside our own: what they tell, else what their registrations say. (5.7.11)"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from base.errors import TooManyResults
from base.jsonld import TermTable
from broker.federation import Asking, Request, reading
from broker.federation.inquiry import Inquiry
from broker.federation.narrowing import Part
from broker.language.selection import EntitySelector, Selection
from broker.language.sources import Information, Match, Source, SourceSelection
from broker.language.types import TypeSelection
from broker.language.visibility import Grant, Visibility
from broker.operations import distributed_reading
from broker.operations.call import Broker, Call
from broker.store.contract import TypeInfo

MOST: Final = 10_000
"""Types or attributes taken from one source."""
_READS: Final = frozenset({"retrieveEntity", "queryEntity", "queryBatch"})

CLOSELY: Final = 1_000
"""Entities up to which those of a type, or with an attribute, are counted one by one, wherever they are."""

Kinds = dict[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of types (else of attributes): all of them, their names only or with details, or one of them."""

    of_types: bool
    detailed: bool = False
    name: str | None = None

    @property
    def operation(self) -> str:
        """Name the operation. (4.20)"""
        kind = "retrieveEntityType" if self.of_types else "retrieveAttrType"
        return kind + ("Info" if self.name is not None else "Details" if self.detailed else "s")

    def request(self, table: TermTable) -> Request:
        """Write what a source is asked. (6.25–6.28)"""
        path = "/types" if self.of_types else "/attributes"
        if self.name is not None:
            return Request("GET", f"{path}/{quote(table.term(self.name), safe='')}")
        return Request("GET", path, {"details": "true"} if self.detailed else {})

    def wanted(self) -> SourceSelection:
        """Say which registrations it concerns. (5.12)"""
        if self.name is None:
            return SourceSelection()
        if self.of_types:
            return SourceSelection((EntitySelector(types=TypeSelection(((self.name,),))),))
        return SourceSelection(attributes=frozenset({self.name}))


@dataclass(slots=True)
class _Place:
    """What a source may tell of: one for all registrations of the same source."""

    source: Source
    information: list[Information] = field(default_factory=list)


async def told(asks: Inquiry, question: Question, seen: Visibility | None) -> list[TypeInfo]:
    """Ask the sources that offer the operation; take of others what their registrations tell. (5.7.11)

    `seen`: what the caller may see of it; None: all.
    """
    places = list(_places(asks.federation.matches(asks.asking, question.wanted())))
    offering = [place for place in places if question.operation in place.source.operations]
    answers = await asyncio.gather(*[_asked(asks, place, question) for place in offering])
    found: list[TypeInfo] = []
    for place, infos in zip(offering, answers, strict=True):
        found += _limited(infos, place.information, question)
    for place in places:
        if question.operation not in place.source.operations and place.source.operations & _READS:
            found += _limited(_registered(place.information, question), place.information, question)
    return found if seen is None else list(_seen(found, question, seen.grants))


def _places(matches: Iterable[Match]) -> Iterator[_Place]:
    """Put registrations of one source together, so that it is asked, and counts, once."""
    places: dict[tuple[Any, ...], _Place] = {}
    for match in matches:
        body = match.source.body
        key = (body["endpoint"].rstrip("/"), body.get("tenant"), match.source.operations)
        places.setdefault(key, _Place(match.source)).information.extend(match.information)
    return iter(places.values())


def united(known: Iterable[TypeInfo], told: Iterable[TypeInfo]) -> list[TypeInfo]:
    """Unite what is known in several places: counts are added, what is related is joined."""
    by_name: dict[str, TypeInfo] = {}
    for info in (*known, *told):
        before = by_name.get(info.name)
        if before is not None:
            info = TypeInfo(info.name, before.count + info.count, _joined(before.related, info.related))
        by_name[info.name] = info
    return list(by_name.values())


def _joined(one: Any, other: Any) -> Kinds:
    names = one.keys() | other.keys()
    return {name: one.get(name, frozenset()) | other.get(name, frozenset()) for name in names}


async def distinct(
    call: Call, broker: Broker, asking: Asking, question: Question, counts: Sequence[int]
) -> int:
    """Say how many entities of a type, or with an attribute, there are, given the count of each place. (5.7.11)

    Where they are few, those held in several places count once; else the counts are added, an estimate.
    """
    total = sum(counts)
    if sum(count > 0 for count in counts) < 2 or total > CLOSELY:
        return total
    wanted = question.wanted()
    several = distributed_reading.parts(broker, asking, wanted, distributed_reading.QUERYING)
    queried = {one.match.source.id for one in several}
    telling = {
        match.source.id
        for match in broker.federation.matches(asking, wanted)
        if question.operation in match.source.operations
    }
    if not telling <= queried:
        return total
    asks = distributed_reading.inquiry(broker, asking, wanted.selectors)
    chosen = Selection(wanted.selectors, attrs=wanted.attributes)
    rest = None if question.of_types else chosen
    gathering = distributed_reading.gathering(call, broker, asks, several, chosen, {}, rest, most=2 * CLOSELY)
    try:
        number = await gathering.count()
    except TooManyResults:
        return total
    return total if asks.failures else number


# --- what a source may tell of ---------------------------------------------------------------------------------------


def _limited(
    infos: Iterable[TypeInfo], information: Sequence[Information], question: Question
) -> Iterator[TypeInfo]:
    """Keep what is registered: a source tells of nothing else through us. (4.3.6.1)"""
    allowed = _allows_type if question.of_types else _allows_attribute
    for info in infos:
        if question.name is None or info.name == question.name:
            parts = [one for one in information if allowed(one, info.name)]
            if parts:
                inner = _allows_attribute if question.of_types else _allows_type
                kept = {
                    name: kinds
                    for name, kinds in info.related.items()
                    if any(inner(one, name) for one in parts)
                }
                yield TypeInfo(info.name, info.count, kept)


def _seen(infos: Iterable[TypeInfo], question: Question, grants: Sequence[Grant]) -> Iterator[TypeInfo]:
    """Keep what a caller may see whatever the scopes of the entities are, for lists do not tell of scopes."""
    grants = [grant for grant in grants if grant.scope is None]
    for info in infos:
        if question.of_types:
            own = [one for one in grants if one.types is None or info.name in one.types]
            kept = {
                name: kinds for name, kinds in info.related.items() if any(name in g.attributes for g in own)
            }
        else:
            own = [one for one in grants if info.name in one.attributes]
            every = any(one.types is None for one in own)
            types = frozenset(name for one in own for name in one.types or ())
            kept = {name: kinds for name, kinds in info.related.items() if every or name in types}
            own = own if every or kept else []
            if not every:  # how many there are, and of what kinds, is told of hidden types as well
                info, kept = TypeInfo(info.name, 0), dict.fromkeys(kept, frozenset())
        if own:
            yield TypeInfo(info.name, info.count, kept)


def _allows_type(info: Information, name: str) -> bool:
    return not info.entities or any(not entity.types or name in entity.types for entity in info.entities)


def _allows_attribute(info: Information, name: str) -> bool:
    return not info.attributes or name in info.attributes


def _registered(information: Iterable[Information], question: Question) -> Iterator[TypeInfo]:
    """Tell of what a registration names; how many there are is not known. (5.7.11)"""
    for info in information:
        types = frozenset(name for entity in info.entities for name in entity.types)
        names, others = (types, info.attributes) if question.of_types else (info.attributes, types)
        kinds = partial(_kinds, info)
        for name in names:
            yield TypeInfo(name, 0, {other: kinds(other if question.of_types else name) for other in others})


def _kinds(info: Information, attribute: str) -> frozenset[str]:
    """Tell what kind of attribute is registered, where the registration says so. (5.2.10)"""
    kinds = {"propertyNames": "Property", "relationshipNames": "Relationship"}
    return frozenset(kind for member, kind in kinds.items() if attribute in info.body.get(member, ()))


# --- reading answers -------------------------------------------------------------------------------------------------


async def _asked(asks: Inquiry, place: _Place, question: Question) -> list[TypeInfo]:
    """Ask one source and read its answer; what cannot be read makes it a failure. (6.3.17)"""
    table = asks.asking.context.table
    outcome = await asks.put(Part(place.source, EntitySelector()), question.request(table))
    if reading.failure(outcome) is not None or outcome.status == 404:
        return []
    read = _one if question.name is not None else _details if question.detailed else _names
    try:
        return read(outcome.body, question, table)
    except (TypeError, ValueError, KeyError, AttributeError):
        asks.failed(place.source, reading.invalid())
        return []


def _names(body: Any, question: Question, table: TermTable) -> list[TypeInfo]:
    listed = _strings(body["typeList" if question.of_types else "attributeList"])
    return [TypeInfo(table.iri(name), 0) for name in listed]


def _details(body: Any, question: Question, table: TermTable) -> list[TypeInfo]:
    member = "attributeNames" if question.of_types else "typeNames"
    return [
        TypeInfo(
            _iri(one, question, table),
            0,
            {table.iri(name): frozenset() for name in _strings(one.get(member, []))},
        )
        for one in _list(body)
    ]


def _one(body: Any, question: Question, table: TermTable) -> list[TypeInfo]:
    if question.of_types:
        count = body.get("entityCount", 0)
        related = {
            table.iri(_text(one["attributeName"])): frozenset(_strings(one.get("attributeTypes", [])))
            for one in _list(body.get("attributeDetails", []))
        }
    else:
        count = body.get("attributeCount", 0)
        kinds = frozenset(_strings(body.get("attributeTypes", [])))
        related = {table.iri(name): kinds for name in _strings(body.get("typeNames", []))}
    if type(count) is not int or not 0 <= count < 1 << 53:
        raise ValueError
    return [TypeInfo(_iri(body, question, table), count, related)]


def _iri(body: Any, question: Question, table: TermTable) -> str:
    return table.iri(_text(body["typeName" if question.of_types else "attributeName"]))


def _text(value: Any) -> str:
    if type(value) is not str or not value:
        raise ValueError
    return value


def _list(value: Any) -> list[Any]:
    if type(value) is not list or len(value) > MOST:
        raise ValueError
    return value


def _strings(value: Any) -> list[str]:
    return [_text(one) for one in ([value] if type(value) is str else _list(value))]
