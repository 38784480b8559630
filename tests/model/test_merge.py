"""Create, replace, append, update, delete and purge. (5.5.8, 5.6.1-5.6.3, 5.6.5, 5.6.8, 5.6.18, 5.6.19, 5.6.21)"""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings

from base.errors import AlreadyExists, ResourceNotFound
from broker.model import expand, merge
from broker.model.document import NULL, VALUE_MEMBER, Document, dataset_of
from tests.model.changes import OPEN, SPEED, fragment, has_null, merged, merging, updated
from tests.model.samples import KINDS, LATER, NOW, TABLE, attributes, document, documents, held


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
