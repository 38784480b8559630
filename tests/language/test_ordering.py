"""The Entity Ordering Language (clause 4.23): grammar, data types in their order, collations, distances."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.errors import BadRequestData
from broker.language import ordering, sphere, topology
from broker.language.ordering import Ordering
from broker.model.document import Document
from tests.language.samples import entity, iri, table


def order(text: str, **options: Any) -> Ordering:
    found = ordering.parse(text, table(), **options)
    assert found
    return found


def valued(value: Any) -> Document:
    return entity(x={"type": "Property", "value": value})


def placed(longitude: float, latitude: float) -> Document:
    return entity(
        location={"type": "GeoProperty", "value": {"type": "Point", "coordinates": [longitude, latitude]}}
    )


def ranked(by: Ordering, documents: Sequence[Document]) -> list[int]:
    """Give the places of documents in the order, each as its place in the list given."""
    return sorted(range(len(documents)), key=by.keys(documents).__getitem__)


def test_reads_the_examples_of_the_clause() -> None:
    assert [t.path.names for t in order("name,age;desc").terms] == [(iri("name"),), (iri("age"),)]
    assert [t.descending for t in order("name,age;desc").terms] == [False, True]
    assert order("address[city]").terms[0].path.trailing == ("city",)
    assert order("name.observedAt").terms[0].path.member == "observedAt"
    assert order("name", collation="und-u-ks-identic").collation == "und-u-ks-identic"
    assert order("name", collation="de-u-co-phonebk").collation == "de-u-co-phonebk"
    near = order("location;dist-asc", order_from="[8,40]")
    assert (near.geometry, near.coordinates, near.terms[0].by_distance) == ("Point", (8.0, 40.0), True)
    line = order("location;dist-asc", order_from="[[8,40],[9,42],[9,45],[8,40]]", order_geometry="LineString")
    assert line.coordinates and len(line.coordinates) == 4
    assert hash(near) == hash(order(" location;dist-asc ", order_from="[8.0, 40.0, 3]"))


@pytest.mark.parametrize(
    "text",
    [
        *("", ",", "name,", ",name", "name;", "name;up", "name;ASC", "name;asc;desc", "name name"),
        *("name[", "name[]", "name]", "[city]", "name[city", "name[city]x", "name..sub", ".name", "1name"),
        *("id[x]", "type[x]", "name.observedAt[x]", ",".join(["name"] * 21), "n" * 2_001),
    ],
)
def test_refuses_what_the_grammar_does_not_have(text: str) -> None:
    with pytest.raises(BadRequestData, match="orderBy"):
        ordering.parse(text, table())


@pytest.mark.parametrize(
    ("start", "kind", "wrong"),
    [
        (None, None, "orderFrom"),
        ("8,40", None, "JSON"),
        ("[8]", None, "orderFrom"),
        ("[8,140]", None, "latitude"),
        ("[8,40]", "Circle", "orderGeometry"),
        ("[8,40]", "Polygon", "orderFrom"),
    ],
)
def test_refuses_distances_from_nowhere(start: str | None, kind: str | None, wrong: str) -> None:
    with pytest.raises(BadRequestData, match=wrong):
        ordering.parse("location;dist-asc", table(), order_from=start, order_geometry=kind)


@pytest.mark.parametrize(
    "tag", ["", "!!nope", "de_DE", "und-u-ks-loud", "de-u-co-telephone", "not a tag", "x" * 300]
)
def test_refuses_what_is_no_collation_even_where_nothing_is_ordered(tag: str) -> None:
    for text in ("name", None):
        with pytest.raises(BadRequestData, match="collation"):
            ordering.parse(text, table(), collation=tag)


IN_ORDER: Any = [
    *(-3, 0, 2.5, 10),
    *("", "a", "B", "b2", "かな", "漢字", "9 lives"),
    *({"a": 1}, {"a": 1, "b": 0}),
    *([1, 2], [1, "x"]),
    *(False, True),
    *("08:00:00Z", "23:59:59.5Z"),
    *("2026-01-31", "2026-04-01"),
    *("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000001Z"),
    {"@type": "@json", "@value": None},
]


def test_takes_data_types_in_their_order() -> None:
    documents = [*map(valued, [v for v in IN_ORDER if v != "9 lives"]), entity()]
    for shuffled in (documents[::-1], documents[1::2] + documents[::2]):
        found = [shuffled[place] for place in ranked(order("x"), shuffled)]
        assert found == documents


def test_turns_values_round_and_keeps_data_types_and_what_is_missing_last() -> None:
    documents = [valued(2), valued(1), valued("b"), valued("a"), valued(True), valued(False), entity()]
    assert ranked(order("x;desc"), documents) == list(range(len(documents)))
    assert ranked(order("x"), documents) == [1, 0, 3, 2, 5, 4, 6]


def test_orders_texts_as_readers_expect() -> None:
    words = ["b", "á", "A", "B", "a", "ä"]
    documents = [valued(word) for word in words]

    def read(**options: str) -> list[str]:
        return [words[place] for place in ranked(order("x", **options), documents)]

    assert read() == read(collation="und") == ["a", "A", "á", "ä", "b", "B"]
    assert read(collation="und-u-kf-upper") == ["A", "a", "á", "ä", "B", "b"]
    assert read(collation="und-u-ks-level1") == ["á", "A", "a", "ä", "b", "B"]


def test_knows_the_collations_of_languages() -> None:
    def read(words: list[str], tag: str) -> list[str]:
        documents = [valued(word) for word in words]
        return [words[place] for place in ranked(order("x", collation=tag), documents)]

    assert read(["Az", "Ä", "Ad"], "de") == ["Ä", "Ad", "Az"]
    assert read(["Az", "Ä", "Ad"], "de-u-co-phonebk") == ["Ad", "Ä", "Az"]
    assert read(["z", "ä"], "sv") == ["z", "ä"]
    assert read(["はんこ", "ハンカチ", "バンド"], "ja") == ["ハンカチ", "はんこ", "バンド"]
    assert read(["10", "9"], "und-u-kn") == ["9", "10"]


def test_follows_paths_to_members_sub_attributes_and_sub_items() -> None:
    one = entity(
        scope="/b",
        x={
            "type": "Property",
            "value": {"city": "Yabu"},
            "observedAt": "2026-04-02T00:00:00Z",
            "accuracy": {"type": "Property", "value": 1},
        },
        name={"type": "LanguageProperty", "languageMap": {"en": "Alpha", "ja": "ん"}},
        by={"type": "Relationship", "object": "urn:ngsi-ld:City:B"},
    )
    other = entity(
        scope="/a",
        x={
            "type": "Property",
            "value": {"city": "Asago"},
            "observedAt": "2026-04-01T00:00:00.5Z",
            "accuracy": {"type": "Property", "value": 0.5},
        },
        name={"type": "LanguageProperty", "languageMap": {"en": "Beta", "ja": "あ"}},
        by={"type": "Relationship", "object": "urn:ngsi-ld:City:A"},
    )
    for text in ("x[city]", "x.observedAt", "x.accuracy", "name[ja]", "name[en];desc", "scope", "by"):
        assert ranked(order(text), [one, other]) == [1, 0], text
    assert ranked(order("x.createdAt,name[fr],type,id"), [one, other]) == [0, 1]


def test_takes_the_default_instance_of_several() -> None:
    mixed = entity(
        x=[
            {"type": "Property", "value": 1, "datasetId": "urn:ngsi-ld:d:1"},
            {"type": "Property", "value": 9},
        ]
    )
    assert ranked(order("x"), [mixed, valued(5)]) == [1, 0]


def test_orders_by_distance_and_puts_the_unplaced_last() -> None:
    documents = [placed(10, 45), placed(8.01, 40.01), entity(), placed(9, 41)]
    assert ranked(order("location;dist-asc", order_from="[8,40]"), documents) == [1, 3, 0, 2]
    assert ranked(order("location;dist-desc", order_from="[8,40]"), documents) == [0, 3, 1, 2]
    line = order("location;dist-asc", order_from="[[9.9,44],[9.9,46]]", order_geometry="LineString")
    assert ranked(line, documents) == [0, 3, 1, 2]


positions = st.tuples(st.floats(-180, 180), st.floats(-89, 89))


@given(positions, st.lists(positions, min_size=1, max_size=6))
def test_measures_great_circles_from_points_and_from_other_geometries_alike(
    start: tuple[float, float], places: list[tuple[float, float]]
) -> None:
    documents = [placed(*place) for place in places]
    exact = [sphere.between(start, place) for place in places]
    from_point = order("location;dist-asc", order_from=str(list(start)))
    of_points = order("location;dist-asc", order_from=str([list(start)]), order_geometry="MultiPoint")
    for document, metres in zip(documents, exact, strict=True):
        zero, found = from_point.keys([document])[0]
        assert zero == 0 and abs(found - metres) < 0.01
        zero, found = of_points.keys([document])[0]
        assert zero == 0 and abs(found - metres) < 0.5


@given(st.lists(positions, min_size=2, max_size=4, unique=True), st.lists(positions, min_size=1, max_size=6))
def test_measures_from_a_line_many_points_together_as_one_by_one(
    line: list[tuple[float, float]], places: list[tuple[float, float]]
) -> None:
    documents = [entity(), *[placed(*place) for place in places], placed(*line[0])]
    by = order("location;dist-asc", order_from=str([list(one) for one in line]), order_geometry="LineString")
    together = by.keys(documents)
    alone = [by.keys([document])[0] for document in documents]
    assert together[0][0] == 1 and together[-1] == (0, 0.0)
    reference = topology.distance("LineString", tuple(line))
    for document, key, one in zip(documents[1:], together[1:], alone[1:], strict=True):
        [instance] = document["attrs"][iri("location")]
        measured = reference(instance["value"])
        assert measured is not None
        assert key[1] == pytest.approx(one[1], abs=1e-3) == pytest.approx(measured, abs=1e-3)


values = st.one_of(
    st.none(),
    st.integers(-5, 5),
    st.floats(-5, 5),
    st.text("abAB", max_size=3),
    st.booleans(),
    st.lists(st.integers(0, 2), min_size=1, max_size=2),
    st.sampled_from(["2026-01-01", "2026-01-02", "2026-01-01T00:00:00Z", "12:00:00Z", "13:00:00Z"]),
)


def naive(one: Any, other: Any) -> int:
    """Compare two values of one type by what they are; different types by their place in the clause."""
    places = (place(one), place(other))
    if places[0] != places[1]:
        return -1 if places[0] < places[1] else 1
    if isinstance(one, str) and places[0] == 1:
        folded = (one.lower(), one.swapcase()), (other.lower(), other.swapcase())
        one, other = folded
    return 0 if one is None or one == other else -1 if one < other else 1


def place(value: Any) -> int:
    if value is None:
        return 9
    if isinstance(value, str):
        shape = (len(value), value[-1:])
        return {(10, "1"): 6, (10, "2"): 6, (20, "Z"): 7, (9, "Z"): 5}.get(shape, 1)
    return 4 if isinstance(value, bool) else 3 if isinstance(value, list) else 0


@given(st.lists(values, min_size=2, max_size=8), st.booleans())
def test_equals_a_naive_comparison_of_every_pair(found: list[Any], descending: bool) -> None:
    by = order("x;desc" if descending else "x")
    keys = by.keys([entity() if value is None else valued(value) for value in found])
    for i, j in itertools.permutations(range(len(found)), 2):
        one, other = found[i], found[j]
        expected = naive(one, other)
        if descending and place(one) == place(other):
            expected = -expected
        assert (keys[i] < keys[j]) is (expected < 0)
        assert (keys[i] == keys[j]) is (expected == 0)
