"""From the internal form to what a reader asked for. (4.5.1-4.5.4, 4.5.16, 4.5.17, 4.15, 4.21, 6.3.7, 6.3.11)"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final, Literal

from base import clock
from base.jsonld import TermTable
from broker.model import geojson, languages, versions
from broker.model.document import (
    DEFAULT_DATASET,
    LOCATION,
    NULL,
    PREVIOUS_MEMBER,
    VALUE_MEMBER,
    Document,
    Instance,
    dataset_of,
    value_of,
)
from broker.model.member import METADATA, NOT_REIFIED, NULL_MAP, PROOF_IRI, VALUE_MEMBERS
from broker.model.projection import Projection
from broker.model.versions import Version

Format = Literal["normalized", "concise", "simplified"]

_WRAPPED: Final = frozenset({"LanguageProperty", "JsonProperty", "VocabProperty"})
_LISTS: Final = frozenset({"ListProperty", "ListRelationship"})
_RARE: Final = frozenset(
    {"attrs", "valueType", "objectType", "entityTypeSealed", "deletedAt", *PREVIOUS_MEMBER.values()}
)
_AS_GIVEN: Final = frozenset({"Relationship", "GeoProperty", "LanguageProperty", "JsonProperty"})
_COMPACTED: Final = frozenset({"Property", "ListProperty"})
_COMPACTED_AS: Final = {
    "previousValue": "Property",
    "previousValueList": "ListProperty",
    "previousVocab": "VocabProperty",
}


@dataclass(frozen=True, slots=True)
class Representation:
    """How a reader wants entities. `attrs`: IRIs, None for all; `dataset_ids`: empty for all, @none the default."""

    format: Format = "normalized"
    geojson: bool = False
    sys_attrs: bool = False
    pick: Projection | None = None
    omit: Projection | None = None
    attrs: frozenset[str] | None = None
    lang: str | None = None
    dataset_ids: frozenset[str] = frozenset()
    geometry_property: str = LOCATION
    version: Version | None = None  # set: an earlier version of NGSI-LD to conform to
    _hash: int = field(init=False, repr=False, compare=False)  # answers are kept by it

    def __post_init__(self) -> None:
        parts = (self.format, self.geojson, self.sys_attrs, self.pick, self.omit, self.attrs)
        more = (self.lang, self.dataset_ids, self.geometry_property, self.version)
        object.__setattr__(self, "_hash", hash((*parts, *more)))

    def __hash__(self) -> int:
        return self._hash


date_time = lru_cache(maxsize=4096)(clock.show)
"""Write a time in µs as text. (4.6.3)"""


def show(document: Document, table: TermTable, how: Representation) -> dict[str, Any]:
    """Show an entity, without @context. (4.5.1, 4.5.4)"""
    document, how = _lowered(document, table, how)
    writer = Writer(table, how)
    shown: dict[str, Any] = {"id": document["id"], "type": one_or_all(document["type"], table.term)}
    if "scope" in document:
        shown["scope"] = one_or_all(document["scope"])
    if how.sys_attrs:
        if "expiresAt" in document:
            shown["expiresAt"] = document["expiresAt"]
        shown["createdAt"] = date_time(document["createdAt"])
        shown["modifiedAt"] = date_time(document["modifiedAt"])
    if "deletedAt" in document:
        shown["deletedAt"] = date_time(document["deletedAt"])
    attributes = document["attrs"]
    if how.pick is not None or how.omit is not None or how.attrs is not None:
        shown, attributes = project(shown, attributes, how)
    writer.attributes(attributes, shown)
    return shown


def _lowered(document: Document, table: TermTable, how: Representation) -> tuple[Document, Representation]:
    """Amend an entity to the version asked for, after the choice of datasets: early versions have none. (4.3.6.8)"""
    version = how.version
    if version is None:
        return document, how
    if how.dataset_ids and version < versions.SEVERAL:
        chosen = {
            iri: [one for one in instances if dataset_of(one) in how.dataset_ids]
            for iri, instances in document["attrs"].items()
        }
        document = {**document, "attrs": {iri: held for iri, held in chosen.items() if held}}
        how = replace(how, dataset_ids=frozenset())
    return versions.lower(document, table, version), replace(how, version=None)


def feature(document: Document, table: TermTable, how: Representation) -> dict[str, Any]:
    """Show an entity as a GeoJSON Feature, without @context. (4.5.16.2, 4.5.17.1)"""
    document, how = _lowered(document, table, how)
    properties = show(document, table, how)
    properties.pop("id", None)
    return {
        "id": document["id"],
        "type": "Feature",
        "geometry": _geometry(document["attrs"].get(how.geometry_property, ()), how),
        "properties": properties,
    }


def attribute(instances: list[Instance], table: TermTable, how: Representation) -> Any:
    """Show one attribute on its own. (4.5.2-4.5.4)"""
    return Writer(table, how).write(instances)


def bare_value(instance: Instance, table: TermTable, how: Representation) -> Any:
    """Show the value of one instance and nothing around it. (4.5.4)"""
    shown = Writer(table, how).only_value(instance)
    member = VALUE_MEMBER[instance["type"]]
    return shown.get(member, shown) if instance["type"] in _WRAPPED and type(shown) is dict else shown


def nothing_left(document: Document, how: Representation) -> bool:
    """Say whether a projection asks for members of which this entity has none. (5.7.1.4)"""
    attributes = document["attrs"]
    if how.dataset_ids:
        attributes = {
            iri: instances
            for iri, instances in attributes.items()
            if any(dataset_of(instance) in how.dataset_ids for instance in instances)
        }
    if how.attrs is not None and how.attrs.isdisjoint(attributes):
        return True
    if how.omit is not None and _omitted(how.omit).issuperset(
        {"id", "type", *({"scope"} & document.keys()), *attributes}
    ):
        return True
    return how.pick is not None and how.pick.names().isdisjoint({*document, *attributes})


def _omitted(omit: Projection) -> set[str]:
    """Name the members left out; one with an inner projection stays: only the linked entity loses something."""
    return {name for name, inner in omit.members if inner is None}


def project(
    shown: dict[str, Any], attributes: dict[str, list[Instance]], how: Representation
) -> tuple[dict[str, Any], dict[str, list[Instance]]]:
    """Keep the members that were asked for. (4.21)"""
    if how.attrs is not None:
        attributes = {iri: held for iri, held in attributes.items() if iri in how.attrs}
    if how.pick is not None:
        kept = how.pick.names()
        shown = {name: held for name, held in shown.items() if name in kept}
        attributes = {iri: held for iri, held in attributes.items() if iri in kept}
    if how.omit is not None:
        gone = _omitted(how.omit)
        shown = {name: held for name, held in shown.items() if name not in gone}
        attributes = {iri: held for iri, held in attributes.items() if iri not in gone}
    return shown, attributes


def _geometry(instances: Iterable[Instance], how: Representation) -> Any:
    """Choose the geometry of a Feature, or null. (4.5.16.1)"""
    wanted = how.dataset_ids or {DEFAULT_DATASET}
    for instance in instances:
        if dataset_of(instance) in wanted and instance["type"] == "GeoProperty":
            held = instance["value"]
            return held if geojson.looks_like_geometry(held) else None
    return None


def one_or_all(several: list[Any], term: Callable[[str], str] | None = None) -> Any:
    """Write one as text, several as an array. (4.5.1, 4.18)"""
    names = several if term is None else [term(one) for one in several]
    return names[0] if len(names) == 1 else names


class Writer:
    """Writes attributes; holds what is the same for all of them."""

    __slots__ = ("compact", "datasets", "languages", "sys_attrs", "term", "write")

    def __init__(self, table: TermTable, how: Representation) -> None:
        self.term = table.term
        self.compact: Callable[[Any], Any] = table.compact_value
        self.sys_attrs = how.sys_attrs
        self.datasets = how.dataset_ids
        self.languages = languages.ranges(how.lang) if how.lang is not None else None
        self.write: Callable[[list[Instance]], Any] = {
            "normalized": self._normalized,
            "concise": self._concise,
            "simplified": self._simplified,
        }[how.format]

    def attributes(self, attributes: dict[str, list[Instance]], shown: dict[str, Any]) -> None:
        """Add the attributes to what is shown of their entity or attribute."""
        term, write, datasets = self.term, self.write, self.datasets
        for iri, instances in attributes.items():
            if datasets:
                instances = [one for one in instances if dataset_of(one) in datasets]
                if not instances:
                    continue
            name = term(iri)
            if name in shown or name in NOT_REIFIED:
                name = iri
            shown[name] = self._proof(instances) if iri == PROOF_IRI else write(instances)

    def _proof(self, instances: list[Instance]) -> Any:
        """Write proofs with their values exactly as they came: signatures cover them. (4.5.2.2)"""
        compact, self.compact = self.compact, _untouched
        shown = self.write(instances)
        if self.write == self._concise:  # a bare object could not be told from a proof without value
            shown = one_or_all([self.shortened(one) for one in instances])
        self.compact = compact
        return shown

    def _inner(self, attributes: dict[str, list[Instance]], shown: dict[str, Any]) -> None:
        """Add sub-attributes: the dataset filter is about attributes of the entity. (4.5.5.1)"""
        datasets, self.datasets = self.datasets, frozenset()
        self.attributes(attributes, shown)
        self.datasets = datasets

    def _normalized(self, instances: list[Instance]) -> Any:
        """Write the normalized form. (4.5.2.2, 4.5.3.2)"""
        if len(instances) == 1:
            return self.whole(instances[0])
        return [self.whole(one) for one in instances]

    def whole(self, instance: Instance) -> dict[str, Any]:
        """Write one instance in the normalized form. (4.5.2.2)"""
        shown = self._members(instance)
        if instance["type"] == "ListRelationship" and type(shown["objectList"]) is list:
            shown["objectList"] = _as_objects(shown["objectList"])
        if "previousObjectList" in shown:
            shown["previousObjectList"] = _as_objects(shown["previousObjectList"])
        return shown

    def _members(self, instance: Instance) -> dict[str, Any]:
        """Give all members of an instance under their short names. (4.5.2, 5.5.7)"""
        shown = instance.copy()
        if self.sys_attrs:
            shown["createdAt"] = date_time(shown["createdAt"])
            shown["modifiedAt"] = date_time(shown["modifiedAt"])
        else:
            del shown["createdAt"], shown["modifiedAt"]
            shown.pop("expiresAt", None)
        kind = instance["type"]
        member = VALUE_MEMBER[kind]
        held = shown[member]
        if kind == "LanguageProperty":
            if self.languages is not None and held != NULL_MAP:
                _speak(shown, self.languages)
        elif kind not in _AS_GIVEN and (type(held) is not str or kind == "VocabProperty"):
            shown[member] = self._value(kind, held)
        elif kind in _LISTS:
            shown[member] = [held]
        if not _RARE.isdisjoint(shown):
            self._rare(instance, shown)
        return shown

    def _value(self, kind: str, held: Any) -> Any:
        """Give a value with short names. (5.5.7)"""
        if kind == "VocabProperty":
            return [self.term(one) for one in held] if type(held) is list else self.term(held)
        if kind not in _COMPACTED or (type(held) is not dict and type(held) is not list):
            return held
        return self.compact(held)

    def _rare(self, instance: Instance, shown: dict[str, Any]) -> None:
        for previous in PREVIOUS_MEMBER.values() & shown.keys():
            shown[previous] = self._value(_COMPACTED_AS.get(previous, ""), shown[previous])
        if "valueType" in shown:
            shown["valueType"] = self.term(shown["valueType"])
        if "objectType" in shown:
            shown["objectType"] = one_or_all(shown["objectType"], self.term)
        if "entityTypeSealed" in shown:
            sealed = shown["entityTypeSealed"]
            shown["entityTypeSealed"] = self._value("VocabProperty", sealed)
        if "deletedAt" in shown:
            if self.sys_attrs:
                shown["deletedAt"] = date_time(shown["deletedAt"])
            else:
                del shown["deletedAt"]
        if "attrs" in shown:
            self._inner(shown.pop("attrs"), shown)

    def _concise(self, instances: list[Instance]) -> Any:
        """Write the concise form: what can be inferred is left out. (4.5.2.3, 4.5.3.3, 4.7.3)"""
        if len(instances) > 1:
            return [self.shortened(one) for one in instances]
        shown = self.shortened(instances[0])
        if type(shown) is not dict or shown.keys() != {"value"} or not _stands_alone(shown["value"]):
            return shown
        return shown["value"]

    def shortened(self, instance: Instance) -> Any:
        """Write one instance in the concise form. (4.5.2.3)"""
        shown = self._members(instance)
        if len(shown) == 2 and _is_deleted(instance):
            return NULL
        kind = shown["type"]
        if kind != "Property" or not geojson.looks_like_geometry(shown["value"]):
            del shown["type"]
        return shown

    def _simplified(self, instances: list[Instance]) -> Any:
        """Write the simplified form: values only. (4.5.4)"""
        if len(instances) == 1:
            return self.only_value(instances[0])
        return {"dataset": {dataset_of(one): self.only_value(one) for one in instances}}

    def only_value(self, instance: Instance) -> Any:
        """Write the value of an instance, in its wrapper if it has one. (4.5.4)"""
        kind = instance["type"]
        held = value_of(instance)
        if _is_deleted(instance):
            return NULL
        if kind == "LanguageProperty" and self.languages is not None:
            tag = languages.choose(held, self.languages)
            return held[tag] if tag is not None else held
        if kind not in _AS_GIVEN:
            held = self._value(kind, held)
        return {VALUE_MEMBER[kind]: held} if kind in _WRAPPED else held


def _untouched(value: Any) -> Any:
    return value


def _speak(shown: dict[str, Any], wanted: tuple[str, ...]) -> None:
    """Turn a LanguageProperty into a Property of one language. (4.15)"""
    texts = shown["languageMap"]
    tag = languages.choose(texts, wanted)
    if tag is not None:
        del shown["languageMap"]
        shown["type"] = "Property"
        shown["value"] = texts[tag]
        shown["lang"] = tag


def _is_deleted(instance: Instance) -> bool:
    """Say whether an instance of a notification tells of a deletion. (5.8.6)"""
    held = value_of(instance)
    return bool(held == NULL or (instance["type"] == "LanguageProperty" and held == NULL_MAP))


def _as_objects(uris: list[str]) -> list[Any]:
    """Write a list of URIs as the normalized ListRelationship wants it. (4.5.22.2)"""
    return uris if uris == [NULL] else [{"object": uri} for uri in uris]


def _stands_alone(value: Any) -> bool:
    """Say whether a value can be read back without {"value": …} around it. (4.5.2.3)"""
    if type(value) is dict:
        if geojson.looks_like_geometry(value):
            return True
        return "type" not in value and VALUE_MEMBERS.isdisjoint(value) and METADATA.isdisjoint(value)
    return type(value) is not list or not any(type(one) is dict for one in value)
