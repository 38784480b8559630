"""What a change did: attributes created, updated, deleted. (5.2.12, 5.8.6)"""

from typing import Any

from hypothesis import given, settings

from broker.model import difference, expand, merge
from broker.model.difference import Differences
from broker.model.document import NULL, Document
from tests.model.samples import LATER, TABLE, document, documents

OPEN = TABLE.iri("open")
SPEED = TABLE.iri("speed")


def updated(current: Document, body: dict[str, Any]) -> Document:
    return merge.update(current, expand.fragment(body, TABLE, LATER, nulls=True), LATER)[0]


def test_a_new_entity_creates_and_a_deleted_one_deletes_all_its_attributes() -> None:
    given = document(open=1, speed=2)
    made = difference.between(None, given)
    assert made == Differences("created", created=frozenset({OPEN, SPEED}))
    gone = difference.between(given, None)
    assert gone == Differences("deleted", deleted=frozenset({OPEN, SPEED}))
    assert gone.attributes == {OPEN, SPEED}


def test_tells_created_updated_and_deleted_attributes_apart() -> None:
    before = document(open=1, speed=2, title=3)
    after = updated(before, {"open": 9, "speed": NULL, "new": 1})
    found = difference.between(before, after)
    new = frozenset({TABLE.iri("new")})
    assert found == Differences("updated", new, frozenset({OPEN}), frozenset({SPEED}))


def test_an_instance_that_comes_or_goes_is_told_of_its_attribute() -> None:
    before = document(speed=[{"value": 1}, {"value": 2, "datasetId": "urn:d:1"}])
    after = updated(before, {"speed": {"value": 3, "datasetId": "urn:d:2"}})
    assert difference.between(before, after).created == {SPEED}
    assert difference.between(after, before).deleted == {SPEED}
    assert difference.between(before, after).updated == frozenset()


def test_an_equal_value_is_no_change_and_a_sub_attribute_is_one() -> None:
    before = document(open={"value": 1, "sub": {"value": {"a": [True]}}})
    again = updated(before, {"open": {"value": 1.0, "sub": {"value": {"a": [True]}}}})
    assert again["attrs"][OPEN] != before["attrs"][OPEN]
    assert difference.between(before, again).attributes == frozenset()
    changes: list[dict[str, Any]] = [
        {"value": 1, "sub": {"value": {"a": [1]}}},
        {"value": 1, "sub": {"value": {"a": [True]}, "unitCode": "C62"}},
        {"value": 1, "sub": [{"value": {"a": [True]}}, {"value": 1, "datasetId": "urn:d:1"}]},
        {"value": 1, "other": {"value": {"a": [True]}}},
        {"value": 1},
        {"value": True, "sub": {"value": {"a": [True]}}},
    ]
    for change in changes:
        assert difference.between(before, updated(before, {"open": change})).updated == {OPEN}, change


def test_the_order_of_sub_attribute_instances_means_nothing() -> None:
    subs = [{"value": 1}, {"value": 2, "datasetId": "urn:d:1"}]
    one = document(open={"value": 1, "sub": subs})
    other = document(open={"value": 1, "sub": subs[::-1]})
    assert difference.between(one, other).attributes == frozenset()


@settings(deadline=None, max_examples=25)
@given(documents, documents)
def test_the_way_back_deletes_what_the_way_there_created(one: Document, other: Document) -> None:
    there, back = difference.between(one, other), difference.between(other, one)
    assert (there.created, there.updated, there.deleted) == (back.deleted, back.updated, back.created)
    assert difference.between(one, one).attributes == frozenset()
