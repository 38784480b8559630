"""Every kind of attribute in every representation, there and back. (4.5.1-4.5.5, 4.5.16-4.5.24, 4.15, 4.21)"""

from typing import Any

import pytest
from hypothesis import given, settings

from broker.model import expand, represent
from broker.model.document import NULL, Document
from broker.model.member import NULL_MAP
from broker.model.projection import Projection
from broker.model.represent import Representation
from tests.model.samples import KINDS, LATER, NOW, TABLE, document, documents, entities, held

NORMALIZED = Representation()
CONCISE = Representation(format="concise")
SIMPLIFIED = Representation(format="simplified")
WITH_TIMES = {"sys_attrs": True}


def shown(given: Document, **how: Any) -> dict[str, Any]:
    return represent.show(given, TABLE, Representation(**how))


@settings(deadline=None, max_examples=50)
@given(documents)
def test_the_normalized_form_reads_back_as_the_same_entity(given: Document) -> None:
    assert expand.entity(shown(given, sys_attrs=True), TABLE, NOW) == given


@settings(deadline=None, max_examples=50)
@given(documents)
def test_the_concise_form_reads_back_as_the_same_entity(given: Document) -> None:
    assert expand.entity(shown(given, format="concise", sys_attrs=True), TABLE, NOW) == given
    without_times = expand.entity(shown(given, format="concise"), TABLE, NOW)
    assert without_times == expand.entity(shown(given), TABLE, NOW)


@settings(deadline=None, max_examples=30)
@given(entities())
def test_a_normalized_entity_is_shown_as_it_was_written(body: dict[str, Any]) -> None:
    again = shown(expand.entity(body, TABLE, NOW), sys_attrs=True)
    for name, written in body.items():
        assert _without_times(again[name]) == written, name


def _without_times(given: Any) -> Any:
    if isinstance(given, list):
        return [_without_times(one) for one in given]
    if not isinstance(given, dict) or "createdAt" not in given:
        return given
    kept = {
        name: one if name in ("value", "json", "languageMap", "valueList") else _without_times(one)
        for name, one in given.items()
        if name not in ("createdAt", "modifiedAt")
    }
    return kept


@pytest.mark.parametrize(
    ("kind", "concise"),
    [
        ("Property", 12),
        ("GeoProperty", {"type": "Point", "coordinates": [134.77, 35.4]}),
        ("Relationship", {"object": "urn:ngsi-ld:City:yabu"}),
        ("LanguageProperty", {"languageMap": {"ja": "体育館", "en": "gym"}}),
        ("VocabProperty", {"vocab": "open"}),
        ("JsonProperty", {"json": {"type": "raw", "open": None}}),
        ("ListProperty", {"valueList": [1, "two", {"open": True}]}),
        ("ListRelationship", {"objectList": ["urn:a:1", "urn:a:2"]}),
    ],
)
def test_shows_each_kind_concisely(kind: str, concise: Any) -> None:
    given = document(open=KINDS[kind])
    assert shown(given, format="concise")["open"] == concise
    assert shown(given)["open"] == KINDS[kind]


@pytest.mark.parametrize(
    ("kind", "simplified"),
    [
        ("Property", 12),
        ("GeoProperty", {"type": "Point", "coordinates": [134.77, 35.4]}),
        ("Relationship", "urn:ngsi-ld:City:yabu"),
        ("LanguageProperty", {"languageMap": {"ja": "体育館", "en": "gym"}}),
        ("VocabProperty", {"vocab": "open"}),
        ("JsonProperty", {"json": {"type": "raw", "open": None}}),
        ("ListProperty", [1, "two", {"open": True}]),
        ("ListRelationship", ["urn:a:1", "urn:a:2"]),
    ],
)
def test_shows_each_kind_simplified(kind: str, simplified: Any) -> None:
    assert shown(document(open=KINDS[kind]), format="simplified")["open"] == simplified


def test_shows_several_instances_of_a_simplified_attribute_by_dataset() -> None:
    several = [{"type": "Property", "value": 55}, {"type": "Property", "value": 11, "datasetId": "urn:d:gps"}]
    given = document(speed=several)
    assert shown(given, format="simplified")["speed"] == {"dataset": {"@none": 55, "urn:d:gps": 11}}
    assert shown(given)["speed"] == several


def test_keeps_the_type_of_a_property_that_holds_a_geometry() -> None:
    given = document(shape={"type": "Property", "value": {"type": "Point", "coordinates": [1, 2]}})
    assert shown(given, format="concise")["shape"]["type"] == "Property"


def test_shows_system_attributes_only_when_asked() -> None:
    given = document(speed={"type": "Property", "value": 1, "expiresAt": "2030-01-01T00:00:00Z"})
    assert shown(given)["speed"] == {"type": "Property", "value": 1}
    asked = shown(given, sys_attrs=True)
    assert asked["createdAt"] == asked["speed"]["modifiedAt"] == "2026-09-21T14:13:20.000Z"
    assert asked["speed"]["expiresAt"] == "2030-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("lang", "tag"),
    [
        ("ja", "ja"),
        ("JA", "ja"),
        ("en-GB", "en-US"),
        ("en", "en-US"),
        ("fr-CH,ja;q=0.2,en;q=0.9", "en-US"),
        ("pt", "@none"),
        ("*", "ja"),
        ("ja;q=0,*", "ja"),
    ],
)
def test_turns_a_language_property_into_a_property_of_one_language(lang: str, tag: str) -> None:
    texts = {"ja": "体育館", "en-US": "gym", "@none": "–"}
    given = document(open={"type": "LanguageProperty", "languageMap": texts})
    assert shown(given, lang=lang)["open"] == {"type": "Property", "value": texts[tag], "lang": tag}
    assert shown(given, lang=lang, format="simplified")["open"] == texts[tag]
    assert shown(given, lang=lang, format="concise")["open"] == {"value": texts[tag], "lang": tag}


def test_filters_instances_by_dataset() -> None:
    given = document(speed=[{"value": 1}, {"value": 2, "datasetId": "urn:d:1"}], open=True)
    assert shown(given, dataset_ids=frozenset({"urn:d:1"}), format="simplified") == {
        "id": "urn:ngsi-ld:Shelter:1",
        "type": "Shelter",
        "speed": 2,
    }
    assert shown(given, dataset_ids=frozenset({"@none"}), format="simplified")["speed"] == 1
    assert represent.nothing_left(given, Representation(attrs=frozenset(), dataset_ids=frozenset({"@none"})))


def test_the_dataset_filter_leaves_sub_attributes_alone() -> None:
    given = document(
        speed={"value": 2, "datasetId": "urn:d:1", "source": {"type": "Property", "value": "gps"}}
    )
    wanted = shown(given, dataset_ids=frozenset({"urn:d:1"}))["speed"]
    assert wanted["source"] == {"type": "Property", "value": "gps"}


def projection(*names: str) -> Projection:
    return Projection(tuple((name, None) for name in names))


def test_picks_and_omits_members() -> None:
    given = document(open=True, speed=5)
    speed = TABLE.iri("speed")
    assert shown(given, pick=projection("id", speed), format="simplified") == {
        "id": "urn:ngsi-ld:Shelter:1",
        "speed": 5,
    }
    assert shown(given, omit=projection("type", speed), format="simplified") == {
        "id": "urn:ngsi-ld:Shelter:1",
        "open": True,
    }
    linked = Projection(((speed, projection(TABLE.iri("name"))),))
    assert "speed" in shown(given, omit=linked)
    assert shown(given, attrs=frozenset({speed}), format="simplified") == {
        "id": "urn:ngsi-ld:Shelter:1",
        "type": "Shelter",
        "speed": 5,
    }


def test_knows_when_a_projection_leaves_nothing() -> None:
    given = document(open=True)
    assert represent.nothing_left(given, Representation(attrs=frozenset({TABLE.iri("speed")})))
    assert represent.nothing_left(given, Representation(pick=projection(TABLE.iri("speed"))))
    assert not represent.nothing_left(given, Representation(pick=projection("id")))
    assert not represent.nothing_left(given, NORMALIZED)


def test_makes_a_feature_with_the_chosen_geometry() -> None:
    point = {"type": "Point", "coordinates": [134.77, 35.4]}
    given = document(location=point, speed=5)
    feature = represent.feature(given, TABLE, Representation(geojson=True, format="simplified"))
    assert feature == {
        "id": "urn:ngsi-ld:Shelter:1",
        "type": "Feature",
        "geometry": point,
        "properties": {"type": "Shelter", "location": point, "speed": 5},
    }
    other = represent.feature(
        given, TABLE, Representation(geojson=True, geometry_property=TABLE.iri("speed"))
    )
    assert other["geometry"] is None
    assert other["properties"]["speed"] == {"type": "Property", "value": 5}


def test_a_geometry_of_another_dataset_is_taken_only_when_named() -> None:
    point = {"type": "Point", "coordinates": [1.0, 2.0]}
    given = document(location={"type": "GeoProperty", "value": point, "datasetId": "urn:d:1"})
    assert represent.feature(given, TABLE, NORMALIZED)["geometry"] is None
    named = Representation(dataset_ids=frozenset({"urn:d:1"}))
    assert represent.feature(given, TABLE, named)["geometry"] == point


def test_shows_one_type_as_text_and_several_as_an_array() -> None:
    body = {"id": "urn:a:1", "type": ["Shelter", "Place"], "scope": ["/A", "/B"]}
    given = expand.entity(body, TABLE, NOW)
    assert represent.show(given, TABLE, CONCISE) == body
    one = expand.entity({"id": "urn:a:1", "type": ["Shelter"], "scope": ["/A"]}, TABLE, NOW)
    assert represent.show(one, TABLE, SIMPLIFIED) == {"id": "urn:a:1", "type": "Shelter", "scope": "/A"}


def test_shows_what_a_notification_tells_of_deletions_and_changes() -> None:
    given = document()
    times = {"createdAt": NOW, "modifiedAt": NOW, "deletedAt": LATER}
    iri = TABLE.iri("open")
    gone = {"type": "Property", "value": NULL, **times}
    texts = {
        "type": "LanguageProperty",
        "languageMap": NULL_MAP,
        "previousLanguageMap": {"ja": "あ"},
        **times,
    }
    words = {"type": "VocabProperty", "vocab": iri, "previousVocab": [TABLE.iri("capacity")], **times}
    route = {"type": "ListRelationship", "objectList": NULL, "previousObjectList": ["urn:a:1"], **times}
    given["attrs"] = {iri: [gone], TABLE.iri("t"): [texts], TABLE.iri("v"): [words], TABLE.iri("r"): [route]}
    told = represent.show({**given, "deletedAt": LATER}, TABLE, NORMALIZED)
    assert told["deletedAt"] == "2026-09-21T14:13:25.000Z"
    assert told["open"] == {"type": "Property", "value": NULL}
    assert told["t"] == {
        "type": "LanguageProperty",
        "languageMap": NULL_MAP,
        "previousLanguageMap": {"ja": "あ"},
    }
    assert told["v"] == {"type": "VocabProperty", "vocab": "open", "previousVocab": ["capacity"]}
    assert told["r"]["objectList"] == [NULL]
    assert told["r"]["previousObjectList"] == [{"object": "urn:a:1"}]
    with_times = represent.show(given, TABLE, Representation(sys_attrs=True))
    assert with_times["open"]["value"] == NULL
    assert with_times["open"]["deletedAt"] == "2026-09-21T14:13:25.000Z"


def test_a_name_that_would_hide_a_member_is_shown_as_its_iri() -> None:
    given = document()
    given["attrs"] = {
        "https://uri.etsi.org/ngsi-ld/default-context/entityIdSealed": [
            {"type": "Property", "value": 1, "createdAt": NOW, "modifiedAt": NOW}
        ]
    }
    assert "https://uri.etsi.org/ngsi-ld/default-context/entityIdSealed" in represent.show(
        given, TABLE, NORMALIZED
    )


def test_shows_a_proof_untouched() -> None:
    proof = {
        "type": "Property",
        "entityIdSealed": "urn:ngsi-ld:Shelter:1",
        "entityTypeSealed": "Shelter",
        "value": {"type": "DataIntegrityProof", "created": "2026-01-01T00:00:00Z", "open": "x"},
    }
    given = document(speed={"type": "Property", "value": 5, "ngsildproof": proof})
    assert held(given, "speed")[0]["attrs"][TABLE.iri("ngsildproof")][0]["value"] == proof["value"]
    assert shown(given)["speed"]["ngsildproof"] == proof
