"""Merge into an entity, and partial update of an attribute. (5.5.8, 5.5.12, 5.6.4, 5.6.17, RFC 7396)"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.errors import BadRequestData, ResourceNotFound
from broker.model import merge
from broker.model.document import NULL, VALUE_MEMBER, Document, dataset_of
from broker.model.instance import is_null
from tests.model.changes import OPEN, SPEED, merged, partial
from tests.model.samples import KINDS, LATER, NOW, TABLE, attributes, document, documents, held, values


def test_partial_update_keeps_what_it_does_not_name() -> None:
    current = document(
        speed={"value": 25, "unitCode": "CEL", "observedAt": "2022-03-14T01:59:26.535Z", "a": 1}
    )
    new = partial({"type": "Property", "value": 100, "observedAt": "2022-03-14T13:00:00.000Z"})
    (instance,) = held(merge.partial_update(current, SPEED, new, LATER), "speed")
    assert (instance["value"], instance["unitCode"]) == (100, "CEL")
    assert instance["observedAt"] == "2022-03-14T13:00:00.000Z"
    assert (instance["createdAt"], instance["modifiedAt"]) == (NOW, LATER)
    assert instance["attrs"][TABLE.iri("a")][0]["modifiedAt"] == NOW


@pytest.mark.parametrize(
    ("body", "gone"),
    [({"unitCode": NULL}, "unitCode"), ({"observedAt": NULL}, "observedAt"), ({"a": NULL}, "attrs")],
)
def test_partial_update_deletes_members_by_null(body: dict[str, Any], gone: str) -> None:
    current = document(speed={"value": 25, "unitCode": "CEL", "observedAt": "2022-03-14T01:59:26Z", "a": 1})
    (instance,) = held(merge.partial_update(current, SPEED, partial(body), LATER), "speed")
    assert instance.keys() == held(current, "speed")[0].keys() - {gone}


def test_partial_update_may_hold_sub_attributes_only() -> None:
    current = document(speed={"type": "Relationship", "object": "urn:a:1"})
    new = partial({"providedBy": {"type": "Relationship", "object": "urn:a:2"}})
    (instance,) = held(merge.partial_update(current, SPEED, new, LATER), "speed")
    assert instance["object"] == "urn:a:1"
    assert instance["attrs"][TABLE.iri("providedBy")][0]["object"] == "urn:a:2"


def test_partial_update_meets_the_instance_of_its_dataset() -> None:
    current = document(speed=[{"value": 1}, {"value": 2, "datasetId": "urn:d:1"}])
    after = merge.partial_update(current, SPEED, partial({"value": 3, "datasetId": "urn:d:1"}), LATER)
    assert [one["value"] for one in held(after, "speed")] == [1, 3]
    assert held(after, "speed")[0] is held(current, "speed")[0]
    after = merge.partial_update(current, SPEED, partial({"type": "Property", "value": NULL}), LATER)
    assert [one["value"] for one in held(after, "speed")] == [2]


def test_partial_update_refuses_what_does_not_fit() -> None:
    current = document(speed={"value": 1, "datasetId": "urn:d:1"})
    for body in ({"value": 1}, {"value": 1, "datasetId": "urn:d:2"}):
        with pytest.raises(ResourceNotFound):
            merge.partial_update(current, SPEED, partial(body), LATER)
    with pytest.raises(ResourceNotFound):
        merge.partial_update(current, OPEN, partial({"value": 1}), LATER)
    with pytest.raises(BadRequestData, match="type"):
        merge.partial_update(current, SPEED, partial({"object": "urn:a:1", "datasetId": "urn:d:1"}), LATER)
    related = document(speed={"object": "urn:a:1"})
    with pytest.raises(BadRequestData, match="no 'value'"):
        merge.partial_update(related, SPEED, partial({"value": 1}), LATER)
    placed = document(speed={"type": "Point", "coordinates": [1, 2]})
    with pytest.raises(BadRequestData, match="geometry"):
        merge.partial_update(placed, SPEED, partial({"value": 1}), LATER)


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("Property", 5, 5),
        ("Relationship", "urn:a:9", "urn:a:9"),
        ("Relationship", ["urn:a:9"], ["urn:a:9"]),
        ("VocabProperty", "open", OPEN),
        ("VocabProperty", ["open"], [OPEN]),
        ("JsonProperty", {"open": 2}, {"open": 2}),
        ("ListProperty", [1, 2], [1, 2]),
        ("ListRelationship", ["urn:a:9"], ["urn:a:9"]),
        ("LanguageProperty", {"fr": "oui"}, {"fr": "oui"}),
        ("GeoProperty", {"type": "Point", "coordinates": [3, 4]}, {"type": "Point", "coordinates": [3, 4]}),
    ],
)
def test_a_simplified_merge_keeps_the_kind_of_the_attribute(kind: str, given: Any, expected: Any) -> None:
    current = document(speed=KINDS[kind])
    (instance,) = held(merged(current, {"speed": given}, simplified=True), "speed")
    assert instance["type"] == kind
    value = instance[VALUE_MEMBER[kind]]
    if kind == "LanguageProperty":
        expected = {"ja": "体育館", "en": "gym", **expected}
    elif kind == "JsonProperty":
        expected = {"type": "raw", "open": expected["open"]}
    assert value == expected


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("Relationship", 5),
        ("VocabProperty", 5),
        ("JsonProperty", 5),
        ("ListProperty", 5),
        ("ListRelationship", "urn:a:1"),
        ("ListRelationship", ["x"]),
        ("LanguageProperty", "text"),
        ("GeoProperty", 5),
    ],
)
def test_a_simplified_merge_refuses_what_does_not_fit_the_kind(kind: str, given: Any) -> None:
    with pytest.raises(BadRequestData):
        merged(document(speed=KINDS[kind]), {"speed": given}, simplified=True)


def test_a_simplified_merge_reads_wrappers_and_datasets() -> None:
    after = merged(
        document(),
        {
            "a": {"languageMap": {"en": "x"}},
            "b": {"json": {"open": 1}},
            "c": {"vocab": "open"},
            "d": {"dataset": {"@none": 1, "urn:d:1": 2}},
            "e": {"type": "Point", "coordinates": [1, 2]},
            "f": {"type": "anything", "value": 4},
        },
        simplified=True,
    )
    kinds = {TABLE.term(iri): one[0]["type"] for iri, one in after["attrs"].items()}
    assert kinds == {
        "a": "LanguageProperty",
        "b": "JsonProperty",
        "c": "VocabProperty",
        "d": "Property",
        "e": "GeoProperty",
        "f": "Property",
    }
    assert [(dataset_of(one), one["value"]) for one in held(after, "d")] == [("@none", 1), ("urn:d:1", 2)]


def test_merge_goes_into_attributes_and_values() -> None:
    current = document(
        speed={"value": 25, "unitCode": "CEL", "observedAt": "2022-03-14T01:59:26.535Z"},
        address={"street": "Straße des 17. Juni", "city": "Berlin", "country": "Germany"},
    )
    after = merged(
        current,
        {
            "speed": {"type": "Property", "value": 100, "observedAt": "2022-03-14T13:00:00.000Z"},
            "address": {"type": "Property", "value": {"street": "Pariser Platz", "country": NULL}},
        },
    )
    (speed,) = held(after, "speed")
    assert (speed["value"], speed["unitCode"], speed["observedAt"]) == (
        100,
        "CEL",
        "2022-03-14T13:00:00.000Z",
    )
    (address,) = held(after, "address")
    assert TABLE.compact_value(address["value"]) == {"street": "Pariser Platz", "city": "Berlin"}


def test_merge_touches_only_what_it_names() -> None:
    current = document(
        open=1, speed=[{"value": {"a": 1}, "sub": 1, "x": 2}, {"value": 2, "datasetId": "urn:d:1"}]
    )
    after = merged(current, {"speed": {"sub": {"type": "Property", "value": 2}}})
    assert after["attrs"][OPEN] is current["attrs"][OPEN]
    assert held(after, "speed")[1] is held(current, "speed")[1]
    old, new = held(current, "speed")[0], held(after, "speed")[0]
    assert new["attrs"][TABLE.iri("x")] is old["attrs"][TABLE.iri("x")]
    assert new["value"] == old["value"]
    (sub,) = new["attrs"][TABLE.iri("sub")]
    assert (sub["value"], sub["createdAt"], sub["modifiedAt"], new["modifiedAt"]) == (2, NOW, LATER, LATER)


def test_merge_applies_a_common_observed_at_where_there_was_one() -> None:
    current = document(
        open={"value": 1, "observedAt": "2022-01-01T00:00:00Z"},
        speed={"value": 1, "observedAt": "2022-01-01T00:00:00Z"},
        title=1,
    )
    own = {"value": 2, "observedAt": "2023-01-01T00:00:00Z"}
    body = {"open": 2, "speed": own, "title": 2, "new": 3}
    after = merged(current, body, observed_at="2026-01-01T00:00:00Z")
    assert held(after, "open")[0]["observedAt"] == "2026-01-01T00:00:00Z"
    assert held(after, "speed")[0]["observedAt"] == "2023-01-01T00:00:00Z"
    assert "observedAt" not in held(after, "title")[0]
    assert "observedAt" not in held(after, "new")[0]


@pytest.mark.parametrize("body", ["oui", {"languageMap": "oui"}, {"languageMap": {"fr": "oui"}}])
def test_merge_sets_the_text_of_one_language(body: Any) -> None:
    current = document(open={"languageMap": {"en": "yes", "fr": "non"}})
    after = merged(current, {"open": body}, lang="fr")
    assert held(after, "open")[0]["languageMap"] == {"en": "yes", "fr": "oui"}


def test_merge_drops_one_language_by_null() -> None:
    current = document(open={"languageMap": {"en": "yes", "fr": "non"}})
    after = merged(current, {"open": {"type": "LanguageProperty", "languageMap": {"fr": NULL}}})
    assert held(after, "open")[0]["languageMap"] == {"en": "yes"}


def test_merge_replaces_an_attribute_of_another_kind() -> None:
    (instance,) = held(
        merged(document(speed={"value": 1, "unitCode": "MTR"}), {"speed": {"object": "urn:a:1"}}), "speed"
    )
    assert instance == {"type": "Relationship", "object": "urn:a:1", "createdAt": NOW, "modifiedAt": LATER}


def test_merge_refuses_a_new_attribute_without_value() -> None:
    with pytest.raises(BadRequestData, match="value"):
        merged(document(), {"speed": {"observedAt": "2022-01-01T00:00:00Z"}})
    with pytest.raises(BadRequestData, match="value"):
        merged(document(), {"speed": {"type": "Property", "unitCode": "MTR"}})


def reference_patch(target: Any, change: Any) -> Any:
    """The algorithm of RFC 7396 §2, with None for null."""
    if not isinstance(change, dict):
        return change
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = reference_patch(result.get(name), value)
    return result


_patches = st.recursive(
    st.one_of(st.none(), values),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)
_targets = st.recursive(
    values, lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=3), max_leaves=8
)


def with_null(change: Any) -> Any:
    if isinstance(change, dict):
        return {name: with_null(one) for name, one in change.items()}
    return NULL if change is None else change


@settings(deadline=None, max_examples=150)
@given(_targets, st.dictionaries(st.sampled_from("abcd"), _patches, max_size=3))
def test_values_merge_as_json_merge_patch_says(target: Any, change: dict[str, Any]) -> None:
    current = document(speed={"type": "Property", "value": target})
    after = merged(current, {"speed": {"type": "Property", "value": with_null(change)}})
    expected = reference_patch(TABLE.value(target), TABLE.value(change))
    assert held(after, "speed")[0]["value"] == expected


@settings(deadline=None, max_examples=30)
@given(documents, attributes())
def test_merging_twice_is_merging_once(current: Document, body: dict[str, Any]) -> None:
    once = merged(current, body)
    assert merged(once, body) == once


def test_null_is_told_from_values() -> None:
    assert is_null({"type": "Property", "value": NULL})
    assert is_null({"type": "LanguageProperty", "languageMap": {"@none": NULL}})
    assert not is_null({"type": "LanguageProperty", "languageMap": {"@none": NULL, "en": "x"}})
    assert not is_null({"given": 1, "value": 1})
