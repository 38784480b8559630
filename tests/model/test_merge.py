"""The rules of change: create, replace, append, update, merge, partial update, delete, purge. (5.5.8, 5.5.12, 5.6)"""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.errors import AlreadyExists, BadRequestData, ResourceNotFound
from broker.model import expand, merge
from broker.model.document import NULL, VALUE_MEMBER, Document, Instance, dataset_of
from broker.model.instance import is_null
from tests.model.samples import KINDS, LATER, NOW, TABLE, attributes, document, documents, held, values

OPEN = TABLE.iri("open")
SPEED = TABLE.iri("speed")


def fragment(body: dict[str, Any], **how: Any) -> Document:
    return expand.fragment(body, TABLE, LATER, **{"nulls": True} | how)


def merging(body: dict[str, Any], **how: Any) -> Document:
    return fragment(body, merge=True, **how)


def partial(body: Any) -> list[Instance]:
    return expand.attribute("speed", body, TABLE, LATER, nulls=True, partial=True)


def merged(current: Document, body: dict[str, Any], **how: Any) -> Document:
    return merge.merge_patch(current, merging(body, **how), LATER)[0]


def updated(current: Document, body: dict[str, Any]) -> Document:
    return merge.update(current, fragment(body), LATER)[0]


def has_null(given: Any) -> bool:
    if isinstance(given, dict):
        return any(map(has_null, given.values()))
    return any(map(has_null, given)) if isinstance(given, list) else given == NULL


# create, replace, upsert


def test_refuses_the_same_entity_twice() -> None:
    assert merge.create(None, document(open=1)) == document(open=1)
    with pytest.raises(AlreadyExists):
        merge.create(document(), document())


def test_every_rule_refuses_an_entity_that_is_not_there() -> None:
    rules: list[Callable[[], object]] = [
        lambda: merge.replace(None, document(), LATER),
        lambda: merge.append(None, fragment({}), LATER),
        lambda: merge.update(None, fragment({}), LATER),
        lambda: merge.merge_patch(None, merging({}), LATER),
        lambda: merge.partial_update(None, OPEN, [], LATER),
        lambda: merge.replace_attribute(None, OPEN, [], LATER),
        lambda: merge.delete_attribute(None, OPEN, LATER),
        lambda: merge.purge_attributes(None, LATER, drop=[OPEN]),
    ]
    for rule in rules:
        with pytest.raises(ResourceNotFound):
            rule()


@settings(deadline=None, max_examples=25)
@given(documents, documents)
def test_a_replaced_entity_keeps_only_when_it_was_created(current: Document, new: Document) -> None:
    current = {**current, "createdAt": NOW - 1}
    after = merge.replace(current, new, LATER)
    assert after == {**new, "createdAt": NOW - 1, "modifiedAt": LATER}
    assert merge.replace(after, new, LATER) == after


def test_upsert_creates_replaces_or_updates() -> None:
    new = expand.entity({"id": "urn:ngsi-ld:Shelter:1", "type": "Place", "speed": 2}, TABLE, LATER)
    assert merge.upsert(None, new, LATER) is new
    assert merge.upsert(document(open=1), new, LATER)["attrs"].keys() == {SPEED}
    both = merge.upsert(document(open=1), new, LATER, update=True)
    assert both["attrs"].keys() == {OPEN, SPEED}
    assert both["type"] == ["https://example.org/Shelter", TABLE.iri("Place")]


# append and update


def test_append_overwrites_unless_told_not_to() -> None:
    current = document(open=1)
    after, result = merge.append(current, fragment({"open": 2, "speed": 3}, nulls=False), LATER)
    assert (held(after, "open")[0]["value"], held(after, "speed")[0]["value"]) == (2, 3)
    assert (held(after, "open")[0]["createdAt"], held(after, "open")[0]["modifiedAt"]) == (NOW, LATER)
    assert held(after, "speed")[0]["createdAt"] == LATER
    assert (result.updated, result.not_updated) == ((OPEN, SPEED), ())
    after, result = merge.append(current, fragment({"open": 2, "speed": 3}), LATER, overwrite=False)
    assert held(after, "open") == held(current, "open")
    assert result.updated == (SPEED,)
    assert [name for name, _ in result.not_updated] == [OPEN]


def test_append_without_effect_gives_the_same_document() -> None:
    current = document(open=1)
    assert merge.append(current, fragment({"open": 2}), LATER, overwrite=False)[0] is current
    assert merge.append(current, fragment({"type": "Shelter"}), LATER)[0] is current
    assert merge.update(current, fragment({}), LATER)[0] is current
    assert merge.merge_patch(current, merging({}), LATER)[0] is current


def test_an_equal_value_is_an_update_all_the_same() -> None:
    assert held(updated(document(open=1), {"open": 1}), "open")[0]["modifiedAt"] == LATER


@pytest.mark.parametrize(
    ("scope", "overwrite", "expected"),
    [
        (None, True, ["/B"]),
        ("/A", True, ["/B"]),
        ("/A", False, ["/A", "/B"]),
        (["/A", "/B"], False, ["/A", "/B"]),
    ],
)
def test_append_sets_or_adds_scopes(scope: Any, overwrite: bool, expected: list[str]) -> None:
    current = document(**({} if scope is None else {"scope": scope}))
    after, _ = merge.append(current, fragment({"scope": "/B"}), LATER, overwrite=overwrite)
    assert after["scope"] == expected


def test_update_replaces_a_scope_only_where_there_is_one() -> None:
    assert updated(document(scope="/A"), {"scope": ["/B", "/C"]})["scope"] == ["/B", "/C"]
    assert "scope" not in updated(document(), {"scope": "/B"})
    assert "scope" not in updated(document(scope="/A"), {"scope": NULL})


def test_types_are_added_and_never_removed() -> None:
    for rule in (updated, merged):
        after = rule(document(), {"type": ["Place", "Shelter"]})
        assert after["type"] == ["https://example.org/Shelter", TABLE.iri("Place")]


def test_an_expiry_can_be_set_and_dropped() -> None:
    after = merged(document(), {"expiresAt": "2030-01-01T00:00:00Z"})
    assert after["expiresAt"] == "2030-01-01T00:00:00Z"
    assert "expiresAt" not in merged(after, {"expiresAt": NULL})
    assert "expiresAt" not in updated(after, {"expiresAt": NULL})


def test_update_replaces_an_attribute_as_a_whole() -> None:
    current = document(speed={"value": 25, "unitCode": "CEL", "source": "gps", "open": 1})
    after = updated(current, {"speed": {"type": "Relationship", "object": "urn:a:1", "source": "radar"}})
    (instance,) = held(after, "speed")
    assert instance.keys() == {"type", "object", "attrs", "createdAt", "modifiedAt"}
    assert (instance["createdAt"], instance["modifiedAt"]) == (NOW, LATER)
    (source,) = instance["attrs"][TABLE.iri("source")]
    assert (source["createdAt"], source["modifiedAt"]) == (NOW, LATER)


@pytest.mark.parametrize("rule", [updated, merged])
@pytest.mark.parametrize("null", [NULL, {"value": NULL}, {"type": "Property", "value": NULL}])
def test_null_deletes_the_instance_it_names(rule: Any, null: Any) -> None:
    several = [{"value": 1}, {"value": 2, "datasetId": "urn:d:1"}]
    after = rule(document(speed=several, open=1), {"speed": null})
    assert [dataset_of(one) for one in held(after, "speed")] == ["urn:d:1"]
    after = rule(after, {"speed": {"type": "Property", "value": NULL, "datasetId": "urn:d:1"}})
    assert after["attrs"].keys() == {OPEN}


@pytest.mark.parametrize("rule", [updated, merged])
@pytest.mark.parametrize("kind", KINDS)
def test_null_deletes_an_attribute_of_any_kind(rule: Any, kind: str) -> None:
    null = (
        {"type": "LanguageProperty", "languageMap": {"@none": NULL}} if kind == "LanguageProperty" else NULL
    )
    assert rule(document(speed=KINDS[kind]), {"speed": null})["attrs"] == {}


def test_null_for_what_is_not_there_stores_nothing() -> None:
    for rule in (updated, merged):
        after = rule(document(open=1), {"speed": NULL, "open": {"value": 2, "sub": NULL, "unitCode": NULL}})
        assert after["attrs"].keys() == {OPEN}
        assert not has_null(after)


# partial update of one attribute


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


# merge


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


# laws


@settings(deadline=None, max_examples=30)
@given(documents, attributes())
def test_what_a_rule_does_not_name_stays_and_nothing_given_is_changed(
    current: Document, body: dict[str, Any]
) -> None:
    before = repr(current)
    for rule in (updated, merged, lambda d, b: merge.append(d, fragment(b), LATER)[0]):
        after = rule(current, body)
        named = {TABLE.iri(name) for name in body}
        for iri, instances in current["attrs"].items():
            if iri not in named:
                assert after["attrs"][iri] is instances
        assert after["createdAt"] == NOW
        assert after["modifiedAt"] == (LATER if body else NOW)
        assert not has_null(after)
        assert named <= after["attrs"].keys()
    assert repr(current) == before


@settings(deadline=None, max_examples=30)
@given(documents, attributes())
def test_update_puts_each_instance_in_its_dataset_and_keeps_the_others(
    current: Document, body: dict[str, Any]
) -> None:
    new = fragment(body)
    after, _ = merge.update(current, new, LATER)
    for iri, instances in new["attrs"].items():
        found = {dataset_of(one): one for one in after["attrs"][iri]}
        assert len(found) == len(after["attrs"][iri])
        old = {dataset_of(one) for one in current["attrs"].get(iri, ())}
        assert found.keys() == old | {dataset_of(one) for one in instances}
        for one in instances:
            there = found[dataset_of(one)]
            assert there["createdAt"] == (NOW if dataset_of(one) in old else LATER)
            assert there[VALUE_MEMBER[one["type"]]] == one[VALUE_MEMBER[one["type"]]]
    assert merge.update(after, new, LATER)[0] == after


@settings(deadline=None, max_examples=30)
@given(documents, attributes())
def test_merging_twice_is_merging_once(current: Document, body: dict[str, Any]) -> None:
    once = merged(current, body)
    assert merged(once, body) == once


# replace, delete, purge attributes


def test_replaces_one_instance_of_an_attribute_that_is_there() -> None:
    current = document(speed=[{"value": 1, "unitCode": "MTR"}, {"value": 2, "datasetId": "urn:d:1"}])
    new = expand.attribute("speed", {"object": "urn:a:1"}, TABLE, LATER, nulls=False, partial=False)
    after = merge.replace_attribute(current, SPEED, new, LATER)
    assert held(after, "speed")[0] == {
        "type": "Relationship",
        "object": "urn:a:1",
        "createdAt": NOW,
        "modifiedAt": LATER,
    }
    assert held(after, "speed")[1] is held(current, "speed")[1]
    with pytest.raises(ResourceNotFound):
        merge.replace_attribute(current, OPEN, new, LATER)


def test_deletes_the_default_instance_one_dataset_or_all() -> None:
    current = document(scope="/A", speed=[{"value": 1}, {"value": 2, "datasetId": "urn:d:1"}])
    default = merge.delete_attribute(current, SPEED, LATER)
    assert [one["value"] for one in held(default, "speed")] == [2]
    one = merge.delete_attribute(current, SPEED, LATER, dataset_id="urn:d:1")
    assert [one["value"] for one in held(one, "speed")] == [1]
    assert merge.delete_attribute(current, SPEED, LATER, delete_all=True)["attrs"] == {}
    unscoped = merge.delete_attribute(current, "scope", LATER)
    assert "scope" not in unscoped
    with pytest.raises(ResourceNotFound):
        merge.delete_attribute(current, OPEN, LATER, delete_all=True)
    with pytest.raises(ResourceNotFound):
        merge.delete_attribute(current, SPEED, LATER, dataset_id="urn:d:9")
    with pytest.raises(ResourceNotFound):
        merge.delete_attribute(one, SPEED, LATER, dataset_id="urn:d:1")
    with pytest.raises(ResourceNotFound):
        merge.delete_attribute(unscoped, "scope", LATER)


def test_purges_the_named_attributes_or_all_others() -> None:
    current = document(scope="/A", open=1, speed=2)
    assert merge.purge_attributes(current, LATER, drop=[OPEN])["attrs"].keys() == {SPEED}
    assert merge.purge_attributes(current, LATER, keep=[OPEN])["attrs"].keys() == {OPEN}
    assert "scope" not in merge.purge_attributes(current, LATER, drop=["scope"])
    assert merge.purge_attributes(current, LATER, drop=[TABLE.iri("x")]) is current
    assert merge.purge_attributes(current, LATER, keep=[OPEN, SPEED]) is current


def test_null_is_told_from_values() -> None:
    assert is_null({"type": "Property", "value": NULL})
    assert is_null({"type": "LanguageProperty", "languageMap": {"@none": NULL}})
    assert not is_null({"type": "LanguageProperty", "languageMap": {"@none": NULL, "en": "x"}})
    assert not is_null({"given": 1, "value": 1})
