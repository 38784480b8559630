"""Temporal Evolutions as clients write them, and back in every form. (4.5.6-4.5.9, 5.2.20)"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base import clock
from base.errors import BadRequestData
from broker.model import temporal, temporal_form
from broker.model.document import NULL, SCOPE, Document, Instance
from broker.model.represent import Representation
from broker.model.temporal_form import TemporalForm, TemporalFormat
from tests.model.samples import KINDS, NOW, TABLE, values

ID = "urn:ngsi-ld:Shelter:1"
FRAME: Document = {"id": ID, "type": [TABLE.iri("Shelter")], "createdAt": NOW, "modifiedAt": NOW}
SPEED = TABLE.iri("speed")


def read(**members: Any) -> dict[str, list[Instance]]:
    return temporal.entity({"id": ID, "type": "Shelter", **members}, TABLE, NOW).instances


def shown(
    instances: dict[str, list[Instance]], form: TemporalFormat = "normalized", **how: Any
) -> dict[str, Any]:
    return temporal_form.show(FRAME, instances, TABLE, TemporalForm(form, Representation(**how)))


def at(hour: int) -> str:
    return f"2026-04-01T{hour:02}:00:00Z"


instances = st.builds(
    lambda kind, hour, dataset, extra: {**KINDS[kind], "observedAt": at(hour), **dataset, **extra},
    st.sampled_from(sorted(KINDS)),
    st.integers(0, 23),
    st.sampled_from([{}, {"datasetId": "urn:ngsi-ld:Dataset:a"}]),
    st.sampled_from([{}, {"accuracy": {"type": "Property", "value": 0.5}}]),
)
evolutions = st.dictionaries(
    st.sampled_from(["speed", "capacity", "避難所名"]),
    st.lists(instances, min_size=1, max_size=4),
    min_size=1,
)


@settings(deadline=None, max_examples=60)
@given(evolutions)
def test_normalized_and_concise_forms_read_back_as_the_same_instances(written: dict[str, Any]) -> None:
    first = read(**written)
    for form in ("normalized", "concise"):
        assert read(**_attributes(shown(first, form))) == first  # type: ignore[arg-type]  # one of the forms


@settings(deadline=None, max_examples=60)
@given(evolutions)
def test_pairs_of_value_and_time_read_back_as_the_same_values(written: dict[str, Any]) -> None:
    first = read(**written)
    again = read(**_attributes(shown(first, "temporalValues")))
    assert shown(again, "temporalValues") == shown(first, "temporalValues")
    assert sum(map(len, again.values())) == sum(map(len, first.values()))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(values, st.integers(0, 23)), min_size=1, max_size=4))
def test_any_value_survives_as_a_pair(pairs: list[tuple[Any, int]]) -> None:
    written = {"type": "Property", "values": [[value, at(hour)] for value, hour in pairs]}
    assert shown(read(speed=written), "temporalValues")["speed"] == written


def _attributes(body: dict[str, Any]) -> dict[str, Any]:
    return {name: held for name, held in body.items() if name not in ("id", "type")}


@pytest.mark.parametrize(
    ("kind", "member", "first"),
    [
        ("Property", "values", 12),
        ("GeoProperty", "values", {"type": "Point", "coordinates": [134.77, 35.4]}),
        ("Relationship", "objects", "urn:ngsi-ld:City:yabu"),
        ("LanguageProperty", "languageMaps", {"languageMap": {"ja": "体育館", "en": "gym"}}),
        ("VocabProperty", "vocabs", {"vocab": "open"}),
        ("JsonProperty", "jsons", {"json": {"type": "raw", "open": None}}),
        ("ListProperty", "valueLists", [1, "two", {"open": True}]),
        ("ListRelationship", "objectLists", ["urn:a:1", "urn:a:2"]),
    ],
)
def test_every_kind_has_its_own_member_for_pairs(kind: str, member: str, first: Any) -> None:
    evolved = read(speed=[{**KINDS[kind], "observedAt": at(9)}])
    assert shown(evolved, "temporalValues")["speed"] == {"type": kind, member: [[first, at(9)]]}


def test_deletions_are_shown_with_their_time() -> None:
    evolved = read(
        speed=[{"type": "Property", "value": NULL, "deletedAt": at(8)}],
        title=[{"type": "LanguageProperty", "languageMap": {"@none": NULL}, "observedAt": at(9)}],
        scope=[{"type": "Property", "value": [], "deletedAt": at(7)}],
    )
    body = shown(evolved)
    assert body["speed"] == [{"type": "Property", "value": NULL, "deletedAt": "2026-04-01T08:00:00.000Z"}]
    assert body["title"][0]["deletedAt"] == "2026-04-01T09:00:00.000Z"
    assert body["scope"] == [{"type": "Property", "value": [], "deletedAt": "2026-04-01T07:00:00.000Z"}]
    pairs = shown(evolved, "temporalValues")
    assert pairs["title"]["languageMaps"] == [[{"languageMap": {"@none": NULL}}, at(9)]]
    assert pairs["scope"]["values"] == [[[], "2026-04-01T07:00:00.000Z"]]


def test_a_deletion_without_a_time_was_now() -> None:
    assert read(speed={"type": "Property", "value": NULL})[SPEED][0]["deletedAt"] == NOW


@pytest.mark.parametrize(
    "written",
    [
        [{"type": "Property", "value": "/Yabu/Oya", "observedAt": at(9)}],
        {"type": "Property", "value": ["/Yabu/Oya"], "observedAt": at(9)},
        {"type": "Property", "values": [["/Yabu/Oya", at(9)]]},
    ],
)
def test_scope_evolves_as_a_property(written: Any) -> None:
    assert read(scope=written)[SCOPE] == [
        {"type": "Property", "value": ["/Yabu/Oya"], "observedAt": at(9), "createdAt": NOW, "modifiedAt": NOW}
    ]


def test_scope_as_in_the_current_state_begins_now() -> None:
    (held,) = read(scope=["/Yabu", "/Oya"])[SCOPE]
    assert (held["value"], clock.parse(held["observedAt"])) == (["/Yabu", "/Oya"], NOW // 1000 * 1000)


def test_several_datasets_make_several_series() -> None:
    a = {"type": "Property", "value": 1, "datasetId": "urn:a", "observedAt": at(1)}
    body = shown(
        read(speed=[a, {**a, "value": 2, "observedAt": at(2)}, {"value": 3, "observedAt": at(1)}]),
        "temporalValues",
    )
    assert body["speed"] == [
        {"type": "Property", "datasetId": "urn:a", "values": [[1, at(1)], [2, at(2)]]},
        {"type": "Property", "values": [[3, at(1)]]},
    ]


def test_a_language_makes_properties_of_texts() -> None:
    evolved = read(title=[{**KINDS["LanguageProperty"], "observedAt": at(9)}])
    assert shown(evolved, "temporalValues", lang="en")["title"] == {
        "type": "Property",
        "values": [["gym", at(9)]],
    }
    assert shown(evolved, lang="en")["title"] == [
        {"type": "Property", "value": "gym", "lang": "en", "observedAt": at(9)}
    ]


def test_an_array_of_bare_values_is_one_value() -> None:
    assert [one["value"] for one in read(speed=[1, 2, 3])[SPEED]] == [[1, 2, 3]]


@pytest.mark.parametrize(
    "members",
    [
        {"speed": [{"type": "Property", "value": 1, "observedAt": "2026-02-30T00:00:00Z"}]},
        {"speed": [{"type": "Property", "value": 1, "observedAt": "2026-04-01"}]},
        {"speed": [{"type": "Property", "value": 1, "observedAt": "2026-04-01T00:00:00+09:00"}]},
        {"speed": [{"type": "Property", "value": 1, "observedAt": NULL}]},
        {"speed": {"type": "Property", "values": [[1, "yesterday"]]}},
        {"speed": {"type": "Property", "values": [[1, 5]]}},
        {"speed": {"type": "Property", "values": [[1]]}},
        {"speed": {"type": "Property", "values": [1]}},
        {"speed": {"type": "Property", "values": [[1, at(1)]], "unitCode": "CEL"}},
        {"speed": [{"type": "Property", "value": NULL, "deletedAt": "soon"}]},
        {"speed": [{"type": "Property", "value": 1, "inner": {"type": "Property", "value": NULL}}]},
        {"speed": [{"type": "Property", "value": {"a": NULL}}]},
        {"speed": [{"type": "Property"}]},
        {"speed": [{"type": "Nothing", "value": 1}]},
        {"location": [{"type": "Property", "value": 1}]},
        {"expiresAt": NULL},
        {"scope": [{"type": "Property", "value": "/A", "unitCode": "CEL"}]},
        {"scope": [{"type": "Property", "value": "/A B"}]},
        {"scope": [{"type": "Relationship", "object": "urn:a"}]},
        {"scope": [{"type": "Property", "value": "/A", "observedAt": "2026-13-01T00:00:00Z"}]},
    ],
)
def test_refuses_what_is_no_temporal_evolution(members: dict[str, Any]) -> None:
    with pytest.raises(BadRequestData):
        read(**members)


@pytest.mark.parametrize("body", [{}, {"id": ID}, {"type": "Shelter"}, {"id": "x", "type": "Shelter"}, []])
def test_an_entity_needs_id_and_type(body: Any) -> None:
    with pytest.raises(BadRequestData):
        temporal.entity(body, TABLE, NOW)


@pytest.mark.parametrize(
    "body",
    [
        {"type": "Property", "value": 9, "observedAt": at(9)},
        [{"type": "Property", "value": 9, "observedAt": at(9)}],
        {"speed": [{"type": "Property", "value": 9, "observedAt": at(9)}], "@context": []},
    ],
)
def test_one_instance_replaces_another(body: Any) -> None:
    one = temporal.instance("speed", body, TABLE, NOW)
    assert (one["value"], one["observedAt"]) == (9, at(9))


@pytest.mark.parametrize("body", [[], {}, [{"value": 1}, {"value": 2}], {"type": "Property"}])
def test_refuses_anything_but_one_instance(body: Any) -> None:
    with pytest.raises(BadRequestData):
        temporal.instance("speed", body, TABLE, NOW)
