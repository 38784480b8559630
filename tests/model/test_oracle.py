"""The internal form says what a JSON-LD processor reads out of the same entity. (5.5.7, Annex D)"""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pyld import jsonld

from broker.model import expand
from broker.model.document import NGSI_LD, VALUE_MEMBER, Document, Instance
from schemas import core_contexts
from tests.model.samples import NAMES, NOW, TABLE, attributes

USER = {
    "ex": "https://example.org/",
    "Shelter": "ex:Shelter",
    "capacity": "ex:capacity",
    "避難所名": "ex:label",
    "open": "ex:open",
}
MEMBERS = {
    "value": "hasValue",
    "object": "hasObject",
    "languageMap": "hasLanguageMap",
    "vocab": "hasVocab",
    "json": "hasJSON",
    "valueList": "hasValueList",
    "objectList": "hasObjectList",
    "unitCode": "unitCode",
    "observedAt": "observedAt",
    "expiresAt": "expiresAt",
    "datasetId": "datasetId",
    "valueType": "hasValueType",
    "objectType": "hasObjectType",
}
# only what the entities here use: PyLD takes a second for all of it, and would fetch what ngsildproof refers to
USED = {*MEMBERS, *VALUE_MEMBER, "id", "type", "title", "DateTime", "ngsi-ld", "@vocab", "@version"}
CORE = {term: what for term, what in core_contexts.document()["@context"].items() if term in USED}


def linked_value(value: Any) -> list[Any]:
    """Write a value of a Property as JSON-LD expansion does."""
    if isinstance(value, list):
        return [one for item in value for one in linked_value(item)]
    if isinstance(value, dict):
        return [{name: linked_value(one) for name, one in value.items()}]
    return [{"@value": value}]


def linked_member(kind: str, member: str, held: Any) -> list[Any]:
    """Write a member of an attribute as JSON-LD expansion does."""
    several = held if isinstance(held, list) else [held]
    if member in ("object", "vocab", "datasetId", "valueType", "objectType"):
        return [{"@id": one} for one in several]
    if member == "objectList":
        return [{"@list": [{NGSI_LD + "hasObject": [{"@id": one}]} for one in held]}]
    if member == "valueList":
        return [{"@list": [one for item in held for one in linked_value(item)]}]
    if member == "json":
        return [{"@type": "@json", "@value": held}]
    if member == "languageMap":
        return [
            {"@value": text} | ({} if tag == "@none" else {"@language": tag.lower()})
            for tag, texts in sorted(held.items())
            for text in (texts if isinstance(texts, list) else [texts])
        ]
    if member in ("observedAt", "expiresAt"):
        return [{"@type": NGSI_LD + "DateTime", "@value": held}]
    return linked_value(held)


def linked_attributes(attrs: dict[str, list[Instance]]) -> dict[str, Any]:
    return {iri: [linked_instance(one) for one in instances] for iri, instances in attrs.items()}


def linked_instance(instance: Instance) -> dict[str, Any]:
    kind = instance["type"]
    result: dict[str, Any] = {"@type": [NGSI_LD + kind]}
    for member, held in instance.items():
        if member in MEMBERS:
            result[NGSI_LD + MEMBERS[member]] = linked_member(kind, member, held)
    return result | linked_attributes(instance.get("attrs", {}))


def linked(document: Document) -> dict[str, Any]:
    result: dict[str, Any] = {"@id": document["id"], "@type": document["type"]}
    return result | linked_attributes(document["attrs"])


def plain(given: Any) -> Any:
    """Put sets of JSON-LD into one order, so that equal ones are equal."""
    if isinstance(given, dict):
        return {name: one if name == "@value" else plain(one) for name, one in given.items()}
    if isinstance(given, list):
        return sorted(map(plain, given), key=lambda one: json.dumps(one, sort_keys=True))
    return given


_simple = st.one_of(st.booleans(), st.integers(-99, 99), st.sampled_from(["text", "true", "urn:x:y", "市"]))
_values = st.one_of(
    _simple,
    st.lists(_simple, min_size=1, max_size=3),
    st.dictionaries(st.sampled_from(NAMES), _simple, min_size=1, max_size=3),
)


def _comparable(body: Any) -> Any:
    """Leave out what the two write differently on purpose: geometries, nested arrays, empty sets."""
    if isinstance(body, list):
        return [_comparable(one) for one in body]
    kind = body.get("type")
    if kind in ("Property", "GeoProperty"):
        body = {**body, "type": "Property", "value": ["x", 1, {"open": True}]}
    elif kind == "ListProperty":
        body = {**body, "valueList": [1, "x", {"capacity": 2}]}
    kept = VALUE_MEMBER[kind], "type", *MEMBERS
    return {name: one if name in kept else _comparable(one) for name, one in body.items()}


@settings(deadline=None, max_examples=60)
@given(attributes(most=2), _values)
def test_names_and_values_mean_what_json_ld_says(body: dict[str, Any], value: Any) -> None:
    written = {
        "id": "urn:ngsi-ld:Shelter:1",
        "type": ["Shelter", "Place"],
        **{name: _comparable(one) for name, one in body.items()},
        "speed": {"type": "Property", "value": value},
    }
    document = expand.entity(written, TABLE, NOW)
    # the user's context first: the core has precedence (4.4)
    (expected,) = jsonld.expand({"@context": [USER, CORE], **written})
    assert plain(linked(document)) == plain(expected)
