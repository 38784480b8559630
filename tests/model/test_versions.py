"""Entities amended to earlier versions of NGSI-LD. (4.3.6.8)"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model import expand, represent, versions
from broker.model.document import DEFAULT_DATASET, NULL, VALUE_MEMBER, value_of
from broker.model.represent import Representation
from tests.model.samples import KINDS, NOW, TABLE, document, entities, held

SINCE = {
    "LanguageProperty": (1, 4), "JsonProperty": (1, 8), "VocabProperty": (1, 8), "ListProperty": (1, 8),
    "ListRelationship": (1, 8), "datasetId": (1, 3), "observedAt": (1, 3), "unitCode": (1, 3),
    "objectType": (1, 8), "expiresAt": (1, 9), "valueType": (1, 9), "ngsildproof": (1, 9), "languageMap": (1, 4),
    "json": (1, 8), "vocab": (1, 8), "valueList": (1, 8), "objectList": (1, 8), "scope": (1, 4),
}  # fmt: skip
VERSIONS = [(1, minor) for minor in range(10)]
NORMALIZED = Representation(sys_attrs=True)


def at(version: str, body: dict[str, Any], how: Representation = Representation()) -> Any:  # noqa: B008  # frozen
    """Show what is left of an attribute in a version."""
    made = document(open=body)
    return represent.show(made, TABLE, replace(how, version=versions.read(version))).get("open")


def parts(shown: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the entity and every instance in it, not what stands inside values."""
    yield shown
    inside = set(VALUE_MEMBER.values())
    for name, beside in shown.items():
        for one in beside if isinstance(beside, list) else [beside]:
            if name not in inside and isinstance(one, dict) and "type" in one:
                yield from parts(one)


@given(entities(), st.sampled_from(VERSIONS))
def test_never_shows_what_is_newer_than_the_version(body: Any, version: versions.Version) -> None:
    made = expand.entity(body, TABLE, NOW)
    shown = represent.show(made, TABLE, replace(NORMALIZED, version=version))
    for part in parts(shown):
        for name in part:
            assert SINCE.get(name, (1, 0)) <= version
            if version < (1, 3) and isinstance(part[name], list) and name not in VALUE_MEMBER.values():
                raise AssertionError(f"{name} has several")
        assert part is shown or SINCE.get(part["type"], (1, 0)) <= version


@given(entities(), st.sampled_from(VERSIONS))
def test_keeps_the_values_of_the_instances_it_keeps(body: Any, version: versions.Version) -> None:
    made = expand.entity(body, TABLE, NOW)
    lowered = versions.lower(made, TABLE, version)
    assert lowered["attrs"].keys() == made["attrs"].keys()
    for iri, instances in lowered["attrs"].items():
        before = made["attrs"][iri]
        for one in instances:
            same = [old for old in before if old["createdAt"] == one["createdAt"]]
            plain = [value_of(old) for old in same if old["type"] != "VocabProperty"]
            assert value_of(one) in plain or any(old["type"] == "VocabProperty" for old in same)


@given(entities(), st.sampled_from(VERSIONS), st.sampled_from(VERSIONS))
def test_two_steps_down_are_as_one(body: Any, first: versions.Version, second: versions.Version) -> None:
    made = expand.entity(body, TABLE, NOW)
    high, low = max(first, second), min(first, second)
    assert versions.lower(versions.lower(made, TABLE, high), TABLE, low) == versions.lower(made, TABLE, low)


@given(entities(), st.sampled_from(VERSIONS), st.sampled_from(["normalized", "concise", "simplified"]))
def test_can_be_written_in_every_representation(body: Any, version: versions.Version, form: Any) -> None:
    made = expand.entity(body, TABLE, NOW)
    how = Representation(format=form, version=version)
    assert represent.show(made, TABLE, how)["id"] == body["id"]
    assert represent.feature(made, TABLE, replace(how, geojson=True))["type"] == "Feature"


@pytest.mark.parametrize(
    ("kind", "last", "value"),
    [
        ("LanguageProperty", "1.3", {"type": "Property", "value": {"ja": "体育館", "en": "gym"}}),
        ("VocabProperty", "1.7", {"type": "Property", "value": "open"}),
        ("JsonProperty", "1.7", {"type": "Property", "value": {"type": "raw", "open": None}}),
        ("ListProperty", "1.7", {"type": "Property", "value": [1, "two", {"open": True}]}),
        ("ListRelationship", "1.7", {"type": "Relationship", "object": ["urn:a:1", "urn:a:2"]}),
    ],
)
def test_reformats_kinds_the_version_does_not_have(kind: str, last: str, value: Any) -> None:
    assert at(last, KINDS[kind]) == value
    following = f"1.{int(last[2:]) + 1}"
    assert at(following, KINDS[kind])["type"] == kind


@pytest.mark.parametrize("kind", ["Property", "GeoProperty", "Relationship"])
def test_leaves_kinds_all_versions_have(kind: str) -> None:
    assert at("1.0", KINDS[kind]) == KINDS[kind]


@pytest.mark.parametrize(
    ("member", "value", "since"),
    [
        ("unitCode", "CEL", "1.3"),
        ("observedAt", "2026-04-01T09:00:00Z", "1.3"),
        ("datasetId", "urn:ngsi-ld:Dataset:a", "1.3"),
        ("valueType", "open", "1.9"),
        ("expiresAt", "2100-04-01T09:00:00Z", "1.9"),
    ],
)
def test_drops_members_the_version_does_not_have(member: str, value: str, since: str) -> None:
    body = {"type": "Property", "value": 1, member: value}
    assert at(since, body, NORMALIZED)[member] == value
    assert member not in at(f"1.{int(since[2:]) - 1}", body, NORMALIZED)


def test_drops_the_object_type_of_relationships() -> None:
    body = {"type": "Relationship", "object": "urn:x:1", "objectType": "Shelter"}
    assert at("1.8", body) == body
    assert at("1.7", body) == {"type": "Relationship", "object": "urn:x:1"}


def test_amends_attributes_of_attributes() -> None:
    body = {"type": "Property", "value": 1, "speed": {"type": "VocabProperty", "vocab": "open"}}
    assert at("1.5", body)["speed"] == {"type": "Property", "value": "open"}


def test_prefers_the_default_instance_where_there_may_be_only_one() -> None:
    several = [
        {"type": "Property", "value": 1, "datasetId": "urn:ngsi-ld:Dataset:a"},
        {"type": "Property", "value": 2},
    ]
    assert at("1.2", several) == {"type": "Property", "value": 2}  # type: ignore[arg-type]  # several are allowed
    assert len(at("1.3", several)) == 2  # type: ignore[arg-type]


def test_drops_scopes_and_further_types() -> None:
    made = {**document(), "scope": ["/Yabu"], "type": ["https://a.example/A", "https://a.example/B"]}
    old = versions.lower(made, TABLE, (1, 2))
    assert "scope" not in old and old["type"] == ["https://a.example/A"]
    assert versions.lower(made, TABLE, (1, 4))["scope"] == ["/Yabu"]


def test_drops_proofs() -> None:
    proof = {"type": "Property", "value": {"type": "DataIntegrityProof"}, "entityIdSealed": "urn:x"}
    body = {"type": "Property", "value": 1, "ngsildproof": proof}
    assert at("1.9", body)["ngsildproof"] == proof
    assert at("1.8", body) == {"type": "Property", "value": 1}


def test_tells_of_deletions_in_the_older_kind() -> None:
    made = document(open=KINDS["LanguageProperty"])
    held(made, "open")[0]["languageMap"] = {DEFAULT_DATASET: NULL}
    shown = represent.show(made, TABLE, Representation(version=(1, 3)))
    assert shown["open"] == {"type": "Property", "value": NULL}


def test_tells_earlier_values_in_the_older_kind() -> None:
    made = document(open=KINDS["VocabProperty"])
    held(made, "open")[0]["previousVocab"] = TABLE.iri("capacity")
    shown = represent.show(made, TABLE, Representation(version=(1, 7)))
    assert shown["open"] == {"type": "Property", "value": "open", "previousValue": "capacity"}


def test_keeps_times_and_all_instances_of_an_evolution() -> None:
    iri = TABLE.iri("open")
    made = document(open={**KINDS["VocabProperty"], "observedAt": "2026-04-01T09:00:00Z"})
    instances = [dict(held(made, "open")[0]), dict(held(made, "open")[0])]
    lowered = versions.evolution({iri: instances}, TABLE, (1, 0))[iri]
    assert [one["type"] for one in lowered] == ["Property", "Property"]
    assert all(one["observedAt"] for one in lowered)
    other = {**instances[0], "datasetId": "urn:ngsi-ld:Dataset:a"}
    assert len(versions.evolution({iri: [other, *instances]}, TABLE, (1, 2))[iri]) == 2
    assert len(versions.evolution({iri: [other, *instances]}, TABLE, (1, 3))[iri]) == 3


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.5", (1, 5)),
        ("1.10", (1, 10)),
        ("1", None),
        ("1.5.1", None),
        ("", None),
        ("-1.5", None),
        ("１.5", None),
    ],
)
def test_reads_major_and_minor(text: str, version: Any) -> None:
    assert versions.read(text) == version


def test_conforms_to_versions_there_are() -> None:
    assert [versions.conformant(one) for one in ((0, 9), (1, 5), (1, 10), (2, 0))] == [
        (1, 0),
        (1, 5),
        (1, 9),
        (1, 9),
    ]


@pytest.mark.parametrize(("version", "dataset"), [((1, 0), None), ((1, 3), "urn:ngsi-ld:Dataset:a")])
def test_chooses_the_dataset_before_the_version_knows_none(version: versions.Version, dataset: Any) -> None:
    place = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1, 2]}}
    named = {"datasetId": "urn:ngsi-ld:Dataset:a"}
    made = document(
        open=[{"type": "Property", "value": 1, **named}, {"type": "Property", "value": 2}],
        location={**place, **named},
    )
    how = Representation(version=version, dataset_ids=frozenset(named.values()))
    shown = represent.show(made, TABLE, how)
    assert shown["open"]["value"] == 1 and shown["open"].get("datasetId") == dataset
    assert represent.feature(made, TABLE, replace(how, geojson=True))["geometry"] == place["value"]
