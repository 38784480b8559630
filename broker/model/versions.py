"""Entities amended so that they conform to an earlier version of NGSI-LD. (4.3.6.8)"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from base.jsonld import TermTable
from broker.model.document import (
    NGSI_LD,
    NULL,
    PREVIOUS_MEMBER,
    VALUE_MEMBER,
    Document,
    Instance,
    dataset_of,
)
from broker.model.member import NULL_MAP, PROOF_IRI

Version = tuple[int, int]

OLDEST: Final = (1, 0)
NEWEST: Final = (1, 9)

SEVERAL: Final = (1, 3)
_SHOW_CHANGES: Final = (1, 6)
KINDS: Final[Mapping[str, tuple[Version, str]]] = {
    "LanguageProperty": ((1, 4), "Property"),
    "JsonProperty": ((1, 8), "Property"),
    "VocabProperty": ((1, 8), "Property"),
    "ListProperty": ((1, 8), "Property"),
    "ListRelationship": ((1, 8), "Relationship"),
}
MEMBERS: Final[Mapping[str, Version]] = {
    "datasetId": (1, 3),
    "observedAt": (1, 3),
    "unitCode": (1, 3),
    "objectType": (1, 8),
    "expiresAt": (1, 9),
    "valueType": (1, 9),
    "entityIdSealed": (1, 9),
    "entityTypeSealed": (1, 9),
    **dict.fromkeys(PREVIOUS_MEMBER.values(), _SHOW_CHANGES),
}
ENTITY_MEMBERS: Final[Mapping[str, Version]] = {"scope": (1, 4), "expiresAt": (1, 9)}
_SIGNED: Final = (1, 9)
_SCOPE: Final = NGSI_LD + "scope"
_TEMPORAL: Final = frozenset({"observedAt"})
_TEXT = re.compile(r"(\d{1,3})\.(\d{1,3})", re.ASCII)


def read(text: str) -> Version | None:
    """Read major.minor; None if it is none. (4.3.6.8)"""
    found = _TEXT.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


def write(version: Version) -> str:
    """Write a version as major.minor."""
    return f"{version[0]}.{version[1]}"


def conformant(asked: Version) -> Version:
    """Say to which version an answer can conform if this one is asked for. (4.3.6.8)"""
    return min(max(asked, OLDEST), NEWEST)


def lower(document: Document, table: TermTable, version: Version) -> Document:
    """Amend an entity to an earlier version: newer members go, newer kinds become plain ones. (Table 4.3.6.8-1)"""
    if version >= NEWEST:
        return document
    return {**frame(document, version), "attrs": attributes(document["attrs"], table, version)}


def frame(document: Document, version: Version) -> Document:
    """Amend what an entity has beside its attributes. (Table 4.3.6.8-1)"""
    kept = {name: held for name, held in document.items() if version >= ENTITY_MEMBERS.get(name, OLDEST)}
    if version < SEVERAL:
        kept["type"] = document["type"][:1]
    return kept


def attributes(
    held: Mapping[str, Sequence[Instance]], table: TermTable, version: Version
) -> dict[str, list[Instance]]:
    """Amend the attributes of an entity or attribute. (Tables 4.3.6.8-1 to 4.3.6.8-3)"""
    made = {}
    for iri, instances in held.items():
        if iri == PROOF_IRI and version < _SIGNED:
            continue
        kept = instances if version >= SEVERAL else _one(instances)
        made[iri] = [_instance(one, table, version) for one in kept]
    return made


def evolution(
    held: Mapping[str, Sequence[Instance]], table: TermTable, version: Version
) -> dict[str, list[Instance]]:
    """Amend attributes over time: their times stay, and so do all instances of a dataset. (4.5.7, 4.3.6.8)"""
    made = {}
    for iri, instances in held.items():
        if iri != _SCOPE or version >= ENTITY_MEMBERS["scope"]:
            kept = instances if version >= SEVERAL else _one_dataset(instances)
            made[iri] = [_instance(one, table, version, kept=_TEMPORAL) for one in kept]
    return made


def aggregated(held: Mapping[str, Any], version: Version) -> dict[str, Any]:
    """Amend aggregated attributes: of several datasets one is left, unnamed. (4.5.19, 4.3.6.8)"""
    if version >= SEVERAL:
        return dict(held)
    parts = {iri: _one(each if isinstance(each, list) else [each])[0] for iri, each in held.items()}
    return {
        iri: {name: value for name, value in one.items() if name != "datasetId"} for iri, one in parts.items()
    }


def _one_dataset(instances: Sequence[Instance]) -> list[Instance]:
    """Choose the instances of the one dataset that was there before datasetId. (Note 2)"""
    chosen = [dataset_of(one) for one in _one(instances)]
    return [one for one in instances if dataset_of(one) in chosen]


def _one(instances: Sequence[Instance]) -> list[Instance]:
    """Choose the one instance that was there before datasetId: the default one if there is one. (Note 2)"""
    return [next((one for one in instances if "datasetId" not in one), instances[0])] if instances else []


def _instance(
    given: Instance, table: TermTable, version: Version, kept: frozenset[str] = frozenset()
) -> Instance:
    made = {
        name: held for name, held in given.items() if name in kept or version >= MEMBERS.get(name, OLDEST)
    }
    since, fallback = KINDS.get(given["type"], (OLDEST, ""))
    if version < since:
        _reformat(made, given["type"], fallback, table)
    if "attrs" in made:
        made["attrs"] = attributes(made["attrs"], table, version)
        if not made["attrs"]:
            del made["attrs"]
    return made


def _reformat(instance: Instance, kind: str, fallback: str, table: TermTable) -> None:
    """Make an instance one of an older kind, with the same value. (Table 4.3.6.8-1)"""
    instance["type"] = fallback
    instance[VALUE_MEMBER[fallback]] = _value(kind, instance.pop(VALUE_MEMBER[kind]), table)
    previous = PREVIOUS_MEMBER[kind]
    if previous in instance:
        instance[PREVIOUS_MEMBER[fallback]] = _value(kind, instance.pop(previous), table)


def _value(kind: str, held: Any, table: TermTable) -> Any:
    if held in (NULL, NULL_MAP):
        return NULL
    if kind != "VocabProperty":
        return held
    return [table.term(one) for one in held] if isinstance(held, list) else table.term(held)
