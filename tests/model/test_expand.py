"""What clients may send, and what is refused with 400. (4.5, 4.6, 4.7, 4.8, 4.18, 5.2.4-5.2.8, 5.5.4)"""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from base.errors import BadRequestData, Problem
from broker.model import expand
from broker.model.document import NGSI_LD, NULL, VALUE_MEMBER
from tests.model.samples import KINDS, NAMES, NOW, TABLE, document, held

ENTITY = {"id": "urn:ngsi-ld:Shelter:1", "type": "Shelter"}


def read(body: Any, **how: Any) -> list[dict[str, Any]]:
    how = {"nulls": False, "partial": False} | how
    return expand.attribute("open", body, TABLE, NOW, **how)


def test_reads_an_entity_into_expanded_names_and_lists_of_instances() -> None:
    made = document(
        scope="/Yabu",
        expiresAt="2027-01-01T00:00:00Z",
        capacity={
            "type": "Property",
            "value": 120,
            "observedAt": "2026-04-01T09:00:00,5Z",
            "unitCode": "C62",
        },
    )
    assert made == {
        "id": "urn:ngsi-ld:Shelter:1",
        "type": ["https://example.org/Shelter"],
        "scope": ["/Yabu"],
        "expiresAt": "2027-01-01T00:00:00Z",
        "createdAt": NOW,
        "modifiedAt": NOW,
        "attrs": {
            "https://example.org/capacity": [
                {
                    "type": "Property",
                    "value": 120,
                    "observedAt": "2026-04-01T09:00:00.5Z",
                    "unitCode": "C62",
                    "createdAt": NOW,
                    "modifiedAt": NOW,
                }
            ]
        },
    }


@pytest.mark.parametrize(
    ("written", "kind", "value"),
    [
        (5, "Property", 5),
        ("text", "Property", "text"),
        (False, "Property", False),
        ([1, 2], "Property", [1, 2]),
        ([{"a": 1}], "Property", [{NGSI_LD + "default-context/a": 1}]),
        ({"capacity": {"open": 1}}, "Property", {TABLE.iri("capacity"): {TABLE.iri("open"): 1}}),
        ({"value": [1]}, "Property", [1]),
        ({"type": "Point", "coordinates": [1, 2]}, "GeoProperty", {"type": "Point", "coordinates": [1, 2]}),
        (
            {"value": {"type": "Point", "coordinates": [1, 2]}},
            "GeoProperty",
            {"type": "Point", "coordinates": [1, 2]},
        ),
        ({"object": "urn:a:1"}, "Relationship", "urn:a:1"),
        ({"object": ["urn:a:1", "urn:a:2"]}, "Relationship", ["urn:a:1", "urn:a:2"]),
        ({"languageMap": {"ja": ["a", "b"]}}, "LanguageProperty", {"ja": ["a", "b"]}),
        ({"vocab": ["open", "x"]}, "VocabProperty", [TABLE.iri("open"), TABLE.iri("x")]),
        ({"json": {"open": None}}, "JsonProperty", {"open": None}),
        ({"valueList": [{"open": 1}, 2]}, "ListProperty", [{TABLE.iri("open"): 1}, 2]),
        ({"objectList": ["urn:a:1", {"object": "urn:a:2"}]}, "ListRelationship", ["urn:a:1", "urn:a:2"]),
    ],
)
def test_infers_the_kind_of_a_concise_attribute(written: Any, kind: str, value: Any) -> None:
    (instance,) = read(written)
    assert instance["type"] == kind
    assert instance[VALUE_MEMBER[kind]] == value


def test_reads_a_geometry_encoded_as_text() -> None:
    text = json.dumps({"type": "Point", "coordinates": [1, 2]})
    (instance,) = read({"type": "GeoProperty", "value": text})
    assert instance["value"] == {"type": "Point", "coordinates": [1, 2]}


def test_the_dataset_none_is_the_default_instance() -> None:
    assert "datasetId" not in read({"value": 1, "datasetId": "@none"})[0]
    with pytest.raises(BadRequestData, match="two instances of one datasetId"):
        read([{"value": 1, "datasetId": "@none"}, {"value": 2}])


def test_accepts_the_keywords_id_and_type() -> None:
    made = expand.entity({"@id": "urn:a:1", "@type": "Shelter", "@context": "x"}, TABLE, NOW)
    assert (made["id"], made["type"], made["attrs"]) == ("urn:a:1", ["https://example.org/Shelter"], {})


def test_takes_the_keyword_type_of_an_attribute_for_its_kind() -> None:
    written = {"@type": "Relationship", "object": "urn:ngsi-ld:Company:1"}
    assert [one["type"] for one in read(written)] == ["Relationship"]
    for kind in (["Relationship"], "Velocity", None):
        with pytest.raises(BadRequestData):
            read({**written, "@type": kind})


def test_ignores_what_only_the_broker_makes() -> None:
    plain = document(open={"type": "Property", "value": 1})
    with_more = {"createdAt": "x", "modifiedAt": 1, "deletedAt": None, "instanceId": "urn:i:1"}
    assert (
        document(open={"type": "Property", "value": 1, "previousValue": 0, **with_more}, createdAt=5) == plain
    )


def test_keeps_dangerous_characters_as_they_are() -> None:
    text = "<script>'a' = \"b\"; (c)</script>"
    assert held(document(open=text), "open")[0]["value"] == text


def test_reads_sub_attributes_of_any_kind_to_any_depth() -> None:
    inner: dict[str, Any] = {"type": "Relationship", "object": "urn:a:1"}
    (one,) = read({"type": "Property", "value": 1, "speed": {"value": 2, "title": inner}})
    sub = one["attrs"][TABLE.iri("speed")][0]["attrs"][TABLE.iri("title")][0]
    assert sub == {**inner, "createdAt": NOW, "modifiedAt": NOW}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "object"),
        ({"type": "Shelter"}, "'id'"),
        ({"id": "urn:a:1"}, "'type'"),
        ({**ENTITY, "id": "no uri"}, "URI"),
        ({**ENTITY, "id": "urn:a:\u200b1"}, "URI"),
        ({**ENTITY, "id": NULL}, "URI"),
        ({**ENTITY, "type": []}, "type"),
        ({**ENTITY, "type": "9a"}, "9a"),
        ({**ENTITY, "type": ["Shelter", 5]}, "5"),
        ({**ENTITY, "scope": "/a//b"}, "scope"),
        ({**ENTITY, "scope": ["/ok", "9bad"]}, "scope"),
        ({**ENTITY, "scope": NULL}, "scope"),
        ({**ENTITY, "scope": []}, "scope"),
        ({**ENTITY, "expiresAt": "tomorrow"}, "expiresAt"),
        ({**ENTITY, "a b": 1}, "a b"),
        ({**ENTITY, "": 1}, "name"),
        ({**ENTITY, "datasetId": {"type": "Property", "value": 1}}, "datasetId"),
        ({**ENTITY, "observedAt": {"type": "Property", "value": 1}}, "observedAt"),
        ({**ENTITY, NGSI_LD + "observedAt": {"type": "Property", "value": 1}}, "cannot be an attribute"),
        ({**ENTITY, NGSI_LD + "hasValue": {"type": "Property", "value": 1}}, "cannot be an attribute"),
        ({**ENTITY, "open": 1, "ex:open": 2}, "twice"),
        ({**ENTITY, "location": {"type": "Property", "value": 7}}, "GeoProperty"),
    ],
)
def test_refuses_an_entity_that_is_none(body: Any, says: str) -> None:
    with pytest.raises(BadRequestData, match=says):
        expand.entity(body, TABLE, NOW)


POINT = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1, 2]}}


@pytest.mark.parametrize(
    "body",
    [
        None,
        NULL,
        {"value": None},
        {"value": {"a": None}},
        {"value": [[None]]},
        {"value": {"a": {"b": NULL}}},
        {"type": "Property"},
        {"type": "Thing", "value": 1},
        {"type": ["Property"], "value": 1},
        {"type": "Property", "value": 1, "object": "urn:a:1"},
        {"type": "Property", "value": 1, "objectType": "Shelter"},
        {"type": "Property", "value": 1, "entity": {}},
        {"type": "Property", "value": 1, "@context": {}},
        {"type": "Property", "value": 1, "entityIdSealed": "urn:a:1"},
        {"type": "Property", "value": 1, "observedAt": "2026-04-01T09:00:00+09:00"},
        {"type": "Property", "value": 1, "observedAt": "2026-02-30T09:00:00Z"},
        {"type": "Property", "value": 1, "observedAt": "2026-04-01T09:00:00.1234567Z"},
        {"type": "Property", "value": 1, "observedAt": "2026-04-01"},
        {"type": "Property", "value": 1, "observedAt": {"type": "Property", "value": "2026-04-01T09:00:00Z"}},
        {"type": "Property", "value": 1, "unitCode": 5},
        {"type": "Property", "value": 1, "datasetId": "gps"},
        {"type": "Property", "value": 1, "datasetId": NULL},
        {"type": "Property", "value": 1, "datasetId": None},
        {"type": "Property", "value": 1, "valueType": ["a"]},
        {"type": "Property", "value": 1, "sub": NULL},
        {"type": "Relationship"},
        {"type": "Relationship", "object": "not a uri"},
        {"type": "Relationship", "object": []},
        {"type": "Relationship", "object": ["urn:a:1", 5]},
        {"type": "Relationship", "object": "urn:a:1", "unitCode": "MTR"},
        {"type": "Relationship", "object": "urn:a:1", "value": 1},
        {"type": "GeoProperty", "value": 5},
        {"type": "GeoProperty", "value": "not a geometry"},
        {"type": "GeoProperty", "value": {"type": "GeometryCollection", "geometries": []}},
        {"type": "LanguageProperty", "languageMap": {"en": 5}},
        {"type": "LanguageProperty", "languageMap": {"": "x"}},
        {"type": "LanguageProperty", "languageMap": "x"},
        {"type": "LanguageProperty", "languageMap": {"@none": NULL}},
        {"type": "LanguageProperty", "languageMap": {"en": "x"}, "valueType": "xsd:string"},
        {"type": "LanguageProperty", "languageMap": {"en": "x"}, "unitCode": "MTR"},
        {"type": "VocabProperty", "vocab": 5},
        {"type": "VocabProperty", "vocab": []},
        {"type": "VocabProperty", "vocab": NULL},
        {"type": "VocabProperty", "vocab": ["a", NULL]},
        {"type": "JsonProperty", "json": 5},
        {"type": "JsonProperty", "json": None},
        {"type": "JsonProperty", "json": NULL},
        {"type": "JsonProperty", "json": {"a": 1}, "value": 1},
        {"type": "ListProperty", "valueList": 5},
        {"type": "ListProperty", "valueList": [NULL]},
        {"type": "ListProperty", "valueList": [None]},
        {"type": "ListProperty", "valueList": [1], "value": 1},
        {"type": "ListRelationship", "objectList": ["not a uri"]},
        {"type": "ListRelationship", "objectList": [{"object": "urn:a:1", "x": 1}]},
        {"type": "ListRelationship", "objectList": [NULL]},
        [{"value": 1}, {"value": 2}],
        [POINT, {**POINT, "datasetId": "urn:d:1"}, {**POINT, "datasetId": "urn:d:1"}],
    ],
)
def test_refuses_an_attribute_that_is_none(body: Any) -> None:
    with pytest.raises(BadRequestData):
        document(open=body)


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_null_when_an_entity_is_created(kind: str) -> None:
    null: Any = {"@none": NULL} if kind == "LanguageProperty" else [NULL] if kind.startswith("List") else NULL
    with pytest.raises(BadRequestData, match="Null"):
        document(open={"type": kind, VALUE_MEMBER[kind]: null})
    if kind != "LanguageProperty":
        with pytest.raises(BadRequestData, match=r"Null|URI"):
            document(open={"type": kind, VALUE_MEMBER[kind]: NULL})


@pytest.mark.parametrize("kind", KINDS)
def test_takes_null_in_an_update(kind: str) -> None:
    null: Any = {"@none": NULL} if kind == "LanguageProperty" else [NULL] if kind.startswith("List") else NULL
    made = expand.fragment({"open": {"type": kind, VALUE_MEMBER[kind]: null}}, TABLE, NOW, nulls=True)
    expected = {"@none": NULL} if kind == "LanguageProperty" else NULL
    assert held(made, "open")[0][VALUE_MEMBER[kind]] == expected


def test_a_fragment_may_lack_id_and_type() -> None:
    made = expand.fragment({"open": 1, "scope": NULL, "expiresAt": NULL}, TABLE, NOW, nulls=True)
    assert made["scope"] == made["expiresAt"] == NULL
    assert "id" not in made
    assert "type" not in made
    with pytest.raises(BadRequestData):
        expand.fragment({"type": NULL}, TABLE, NOW, nulls=True)


def test_names_the_attribute_as_the_caller_wrote_it() -> None:
    with pytest.raises(BadRequestData, match="attribute '避難所名'"):
        document(避難所名={"type": "Relationship", "object": "x"})


def test_refuses_the_scope_as_an_attribute() -> None:
    with pytest.raises(BadRequestData, match="scope"):
        expand.attribute("scope", {"value": "/A"}, TABLE, NOW, nulls=True, partial=True)


def test_a_partial_fragment_may_not_be_empty() -> None:
    with pytest.raises(BadRequestData, match="empty"):
        read({}, nulls=True, partial=True)
    with pytest.raises(BadRequestData, match="empty"):
        read({"@context": "x"}, nulls=True, partial=True)


@pytest.mark.parametrize(
    "proof", ["text", {"type": "Property", "value": "text"}, {"value": {}, "entityTypeSealed": 4}]
)
def test_refuses_a_proof_that_is_no_object(proof: Any) -> None:
    with pytest.raises(BadRequestData):
        document(ngsildproof=proof)


_words = st.sampled_from(
    [
        *NAMES,
        *KINDS,
        *VALUE_MEMBER.values(),
        NULL,
        "@none",
        "@type",
        "@context",
        "id",
        "type",
        "scope",
        "datasetId",
        "observedAt",
        "unitCode",
        "coordinates",
        "Point",
        "Polygon",
        "dataset",
        "entityTypeSealed",
        "ngsildproof",
        "urn:a:1",
        "2026-04-01T09:00:00Z",
        "location",
        "previousValue",
        "lang",
        "en",
        "",
        "\ud800",
        "valueType",
    ]
)
_anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4), _words),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(_words, st.text(max_size=3)), inner, max_size=4),
    ),
    max_leaves=15,
)


@settings(deadline=None, max_examples=250)
@given(_anything, st.booleans(), st.booleans(), st.booleans())
@example({"open": []}, True, True, True)
def test_any_json_is_read_or_refused_with_a_problem(
    body: Any, whole: bool, merge: bool, simplified: bool
) -> None:
    if whole and isinstance(body, dict):
        body = {**body, **ENTITY}
    calls: list[Callable[[], object]] = [
        lambda: expand.entity(body, TABLE, NOW),
        lambda: expand.fragment(body, TABLE, NOW, nulls=True, merge=merge, simplified=merge and simplified),
        lambda: expand.attribute("open", body, TABLE, NOW, nulls=True, partial=merge),
    ]
    for call in calls:
        with suppress(Problem):
            call()


@pytest.mark.parametrize("opening", ['{"a":', "["])
def test_refuses_what_is_nested_beyond_reason(opening: str) -> None:
    nested: Any = 1
    for _ in range(5000):
        nested = {"a": nested} if opening == '{"a":' else [nested]
    with pytest.raises(BadRequestData, match="deep"):
        document(open={"type": "Property", "value": nested})
    with pytest.raises(BadRequestData, match="deep"):
        read({"type": "Property", "value": nested})
