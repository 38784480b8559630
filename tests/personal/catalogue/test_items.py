"""The built-in items: what their schemas take and refuse, labels for people. (issue 5)"""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from base.errors import BadRequestData
from schemas.personal import catalogue

RIGHT: dict[str, list[Any]] = {
    "basic-four": [
        {"name": "養父 花子", "address": "養父市八鹿町八鹿1675", "birthDate": "1990-04-01", "sex": "female"},
        {
            "name": "MARIA SILVA",
            "nameLatin": "MARIA SILVA",
            "nameKana": "マリア　シルヴァ",
            "alias": "山田 マリア",
            "postalCode": "6670021",
            "address": "養父市",
            "birthDate": "2000-02-29",
            "sex": "not-stated",
        },
    ],
    "contact": [
        {"phones": [{"number": "079-662-3161", "kind": "home"}, {"number": "09012345678"}]},
        {"emails": ["hanako@example.jp"], "preferred": "email", "languages": ["easy-ja", "pt"]},
        {"emergency": {"name": "養父 太郎", "relation": "夫", "phone": "+819012345678"}},
    ],
    "household": [
        {
            "relationToHead": "wife",
            "members": 4,
            "infants": 1,
            "pets": [{"kind": "dog", "number": 1, "cage": True}],
        }
    ],
    "allergies": [
        {"allergies": []},
        {
            "allergies": [{"to": "buckwheat", "anaphylaxis": True}, {"to": "drug", "detail": "ペニシリン"}],
            "epinephrine": True,
        },
    ],
    "care-needs": [
        {
            "reasons": ["elderly", "alone"],
            "careLevel": "care-3",
            "mobility": "wheelchair",
            "devices": ["oxygen"],
            "needsPower": True,
        },
        {"handbooks": [{"kind": "physical", "grade": "2級"}], "communication": ["writing"], "diet": ["soft"]},
    ],
    "health-questionnaire": [
        {
            "answeredOn": "2026-11-21",
            "temperature": 36.8,
            "symptoms": ["cough"],
            "medicines": [{"name": "降圧薬", "daysLeft": 3}],
        }
    ],
    "library-card": [{"number": "A-0012345", "category": "adult", "validUntil": "2029-03-31"}],
    "verified-identity": [{"level": 3, "method": "card-pin", "on": "2026-11-21"}],
}
WRONG: list[tuple[str, Any]] = [
    ("basic-four", {"name": "養父 花子", "address": "養父市", "birthDate": "1990-02-30", "sex": "female"}),
    ("basic-four", {"name": "", "address": "養父市", "birthDate": "1990-02-03", "sex": "female"}),
    ("basic-four", {"name": "養父", "address": "養父市", "birthDate": "1990-02-03", "sex": "1"}),
    (
        "basic-four",
        {"name": "養父", "nameKana": "やぶ\n", "address": "養父市", "birthDate": "1990-02-03", "sex": "male"},
    ),
    ("contact", {}),
    ("contact", {"phones": [{"number": "電話"}]}),
    ("contact", {"phones": [{"number": "0" * 500}]}),
    ("household", {"relationToHead": "head", "members": 2, "householdNumber": "12345"}),
    ("allergies", {"allergies": [{"to": "gluten"}]}),
    ("care-needs", {"careLevel": "care-6"}),
    ("health-questionnaire", {"answeredOn": "yesterday"}),
    ("library-card", {"number": "利用者"}),
    ("verified-identity", {"level": 3, "method": "card-pin", "on": "2026-11-21", "serial": "0123"}),
]


@pytest.mark.parametrize(
    ("code", "value"), [(code, value) for code, values in RIGHT.items() for value in values]
)
def test_an_item_takes_what_municipalities_hold(code: str, value: Any) -> None:
    assert catalogue.item(code).fault(value) is None


@pytest.mark.parametrize(("code", "value"), WRONG)
def test_an_item_refuses_what_is_none_without_telling_it(code: str, value: Any) -> None:
    with pytest.raises(BadRequestData) as refused:
        catalogue.item(code).check(value)
    for secret in ("養父", "やぶ", "電話", "000", "gluten", "yesterday", "利用者", "12345", "0123"):
        assert secret not in refused.value.detail


@pytest.mark.parametrize("code", sorted(RIGHT))
def test_every_member_and_value_has_labels_in_two_languages(code: str) -> None:
    schema = catalogue.item(code).schema
    Draft202012Validator.check_schema(schema)
    assert set(schema["x-label"]) == {"ja", "en"}
    for form in forms(schema):
        if "enum" in form:
            assert list(form["x-values"]) == form["enum"]
        for inner in form.get("properties", {}).values():
            assert all(inner["x-label"].get(language) for language in ("ja", "en"))


def forms(schema: Any) -> Iterator[Any]:
    yield schema
    for inner in (*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])):
        yield from forms(inner)


def test_the_built_in_items_are_those_that_are_named() -> None:
    assert set(catalogue.items()) == set(RIGHT)
    special = {code for code, item in catalogue.items().items() if item.item_class == "special-care"}
    assert special == {"allergies", "care-needs", "health-questionnaire"}
    identifying = {code for code, item in catalogue.items().items() if item.identifying}
    assert identifying == {"basic-four", "contact", "library-card"}
    assert not any(item.by_law for item in catalogue.items().values())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(RIGHT)), JSON, st.data())
def test_whatever_is_given_is_taken_or_refused(code: str, value: Any, data: st.DataObject) -> None:
    item = catalogue.item(code)
    member = data.draw(st.sampled_from(sorted(item.schema["properties"])))
    told = item.fault({**RIGHT[code][0], member: value})
    assert told is None or told.startswith(member)
    assert item.fault(value) is not None


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_description_of_an_item_with_one_thing_wrong_is_taken_or_refused(data: st.DataObject) -> None:
    schema = dict(catalogue.item(data.draw(st.sampled_from(sorted(RIGHT)))).schema)
    schema[data.draw(st.sampled_from(sorted(schema)) | st.text(max_size=8))] = data.draw(JSON)
    try:
        read = catalogue.read(schema)
    except BadRequestData:
        return
    assert read.fault({"unknown": 1}) is not None


@pytest.mark.parametrize(
    "form",
    [
        {"type": "string"},
        {"type": "object", "properties": {}, "additionalProperties": True},
        {"$ref": "https://elsewhere.example/schema.json"},
        {"type": "string", "maxLength": 10, "pattern": "("},
        {"type": "string", "maxLength": 10, "pattern": r"(a)\1"},
        {"type": "array", "items": {"type": "boolean"}},
        {"enum": ["a"]},
        {"type": ["string", "null"], "maxLength": 3},
    ],
)
def test_open_ended_forms_are_refused(form: dict[str, Any]) -> None:
    schema = {**catalogue.item("library-card").schema, "title": "own"}
    schema["properties"] = {"part": {**form, "x-label": {"ja": "あ", "en": "a"}}}
    schema.pop("required")
    with pytest.raises(BadRequestData):
        catalogue.read(schema)


def test_a_pattern_takes_no_long_time() -> None:
    schema = {**catalogue.item("library-card").schema, "title": "own"}
    schema["properties"] = {
        "part": {
            "type": "string",
            "maxLength": 4000,
            "pattern": "^(a+)+$",
            "x-label": {"ja": "あ", "en": "a"},
        }
    }
    schema.pop("required")
    assert catalogue.read(schema).fault({"part": "a" * 3999 + "b"}) is not None
