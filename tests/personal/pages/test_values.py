"""Items as forms: what was written comes back, for every built-in item whose members are plain."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.errors import ResourceNotFound
from personal.pages import values
from personal.pages.cases import MOST_OPEN, Cases
from schemas.personal import catalogue

PLAIN = [item for item in catalogue.items().values() if values.fields(item.schema, {}, "ja")]


def member(schema: Any) -> st.SearchStrategy[Any]:
    if schema.get("type") == "boolean":
        return st.booleans()
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema["type"] == "integer":
        return st.integers(0, 10**9)
    return st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)


@pytest.mark.parametrize("item", PLAIN, ids=lambda item: item.code)
@given(data=st.data())
@settings(max_examples=30)
def test_a_value_shown_in_a_form_and_sent_back_is_the_same(item: catalogue.Item, data: st.DataObject) -> None:
    known = item.schema["properties"]
    value = data.draw(st.fixed_dictionaries({}, optional={name: member(one) for name, one in known.items()}))
    form = {f"item.{field.name}": field.value for field in values.fields(item.schema, value, "ja")}
    assert values.read(item.schema, form) == value


def test_there_are_plain_items_and_others() -> None:
    codes = {item.code for item in PLAIN}
    assert "basic-four" in codes and "allergies" not in codes


@pytest.mark.parametrize("item", catalogue.items().values(), ids=lambda item: item.code)
def test_every_member_has_a_label_in_both_languages(item: catalogue.Item) -> None:
    for language in ("ja", "en"):
        assert all(field.label for field in values.fields(item.schema, {}, language))


def test_words_are_shown_by_the_labels_of_the_schema() -> None:
    item = catalogue.item("allergies")
    shown = values.rows(item.schema, {"allergies": [{"to": "egg", "anaphylaxis": True}]}, "ja")
    [(cause, before)] = [(one.rows[0].text, one.rows[1].text) for one in shown[0].rows]
    assert (cause, before) == ("卵", "はい")


def test_a_number_stands_for_a_resident_of_one_login_only() -> None:
    cases = Cases()
    assert [cases.open(b"one", "a"), cases.open(b"one", "b"), cases.open(b"one", "a")] == [1, 2, 1]
    assert cases.find(b"one", "2") == "b"
    for session, number in ((b"two", "1"), (b"one", "3"), (b"one", "x"), (b"one", "²")):
        with pytest.raises(ResourceNotFound):
            cases.find(session, number)


def test_the_oldest_numbers_are_forgotten_and_never_given_anew() -> None:
    cases = Cases()
    for number in range(MOST_OPEN + 1):
        assert cases.open(b"one", str(number)) == number + 1
    with pytest.raises(ResourceNotFound):
        cases.find(b"one", "1")
    assert cases.open(b"one", "0") == MOST_OPEN + 2
