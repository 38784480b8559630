"""Items as forms: what was written comes back, for every built-in item, lists and groups of members too."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.errors import BadRequestData, ResourceNotFound
from personal.pages import values
from personal.pages.cases import MOST_OPEN, Cases
from schemas.personal import catalogue

ITEMS = catalogue.items().values()
WORDS = st.text("aあ一 1", min_size=1, max_size=5).map(str.strip).filter(bool)


def written(schema: Any) -> st.SearchStrategy[Any]:
    """Give values as a form can hold them: no empty objects, texts without blanks around them."""
    kind = schema.get("type")
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if kind == "object":
        known = schema["properties"].items()
        wanted = {name: written(one) for name, one in known if name in schema.get("required", ())}
        other = {name: written(one) for name, one in known if name not in wanted}
        return st.fixed_dictionaries(wanted, optional=other).filter(bool)
    if kind == "array":
        least = 1 if schema.get("minItems") else 0
        return st.lists(written(schema["items"]), min_size=least, max_size=2, unique_by=repr)
    if kind == "boolean":
        return st.booleans()
    if kind == "integer":
        return st.integers(0, 10**6)
    return st.sampled_from([36, 36.5, 37.25]) if kind == "number" else WORDS


def sent(fields: Iterable[values.Field]) -> Iterator[tuple[str, str]]:
    """Send a form as a browser does."""
    for field in fields:
        for row in field.rows:
            yield from sent(row)
        if not field.rows:
            yield field.name, field.value


def without_nothing(schema: Any, value: dict[str, Any]) -> dict[str, Any]:
    """Leave out empty lists that need not be there: a form cannot tell them from none."""
    wanted = schema.get("required", ())
    return {name: one for name, one in value.items() if one != [] or name in wanted}


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.code)
@given(data=st.data())
@settings(max_examples=12)
def test_a_value_shown_in_a_form_and_sent_back_is_the_same(item: catalogue.Item, data: st.DataObject) -> None:
    value = data.draw(written(item.schema))
    form = dict(sent(values.fields(item.schema, value, "ja")))
    assert values.read(item.schema, form) == without_nothing(item.schema, value)


def test_a_list_has_room_for_what_was_typed_in_and_for_more() -> None:
    schema = catalogue.item("allergies").schema
    empty = values.fields(schema, {}, "ja")[0]
    typed = {"item.allergies.4.to": "egg"}
    longer = values.fields(schema, {}, "ja", typed)[0]
    assert (len(empty.rows), len(longer.rows)) == (values.BLANK, 5 + values.BLANK)
    assert values.read(schema, typed) == {"allergies": [{"to": "egg"}]}


def test_only_what_must_be_there_is_asked_for_and_only_in_rows_that_are_there() -> None:
    schema = catalogue.item("allergies").schema
    rows = values.fields(schema, {"allergies": [{"to": "egg"}]}, "en")[0].rows
    assert [row[0].required for row in rows] == [True, False, False]


def test_a_list_of_lists_fits_no_form() -> None:
    inner = {"type": "array", "items": {"type": "array", "items": {"type": "string"}}}
    assert values.fields({"properties": {"a": inner}}, {}, "ja") == ()


@pytest.mark.parametrize(("item", "name", "text"), [
    ("household", "members", "two"), ("health-questionnaire", "temperature", "nan"),
])  # fmt: skip
def test_what_is_no_number_is_refused_by_the_name_of_its_field(item: str, name: str, text: str) -> None:
    with pytest.raises(BadRequestData, match=f"^{name} must be a "):
        values.read(catalogue.item(item).schema, {f"item.{name}": text})


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.code)
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
