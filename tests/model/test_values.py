"""Geometries, names, URIs, DateTimes, language ranges. (4.6, 4.7, 4.15)"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.errors import BadRequestData
from broker.model import geojson, languages, validate
from tests.model.samples import geometries

RING = [[0, 0], [1, 0], [1, 1], [0, 0]]


@given(geometries)
def test_takes_valid_geometries_as_they_are(geometry: dict[str, Any]) -> None:
    assert geojson.check(geometry, "location") is geometry
    assert geojson.looks_like_geometry(geometry)


@pytest.mark.parametrize(
    ("kind", "coordinates"),
    [
        ("MultiPoint", [[0, 0]]),
        ("MultiLineString", [[[0, 0], [1, 1]]]),
        ("MultiPolygon", [[RING]]),
        ("Point", [180, -90, 3000.5]),
        ("Polygon", [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]),
    ],
)
def test_takes_every_kind_of_geometry(kind: str, coordinates: Any) -> None:
    geojson.check({"type": kind, "coordinates": coordinates, "bbox": [0, 0, 2, 2]}, "location")


@pytest.mark.parametrize(
    ("kind", "coordinates"),
    [
        ("Point", []),
        ("Point", [1]),
        ("Point", [1, 2, 3, 4, 5]),
        ("Point", ["1", "2"]),
        ("Point", [True, False]),
        ("Point", [181, 0]),
        ("Point", [0, 90.5]),
        ("Point", [float("nan"), 0]),
        ("Point", [0, 0, float("inf")]),
        ("Point", None),
        ("MultiPoint", []),
        ("LineString", [[0, 0]]),
        ("MultiLineString", [[0, 0], [1, 1]]),
        ("Polygon", [[[0, 0], [1, 0], [0, 0]]]),
        ("Polygon", [[[0, 0], [1, 0], [1, 1], [0, 1]]]),
        ("Polygon", RING),
        ("MultiPolygon", [[]]),
        ("Circle", [0, 0]),
        ("GeometryCollection", []),
    ],
)
def test_refuses_what_is_no_geometry(kind: str, coordinates: Any) -> None:
    with pytest.raises(BadRequestData):
        geojson.check({"type": kind, "coordinates": coordinates}, "location")


@pytest.mark.parametrize(
    "uri", ["urn:a", "https://e.example/a?b#c", "urn:x:市役所", "mailto:x@y.example", "a+b:c"]
)
def test_takes_absolute_uris(uri: str) -> None:
    assert validate.uri(uri, "id") == uri


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "a",
        ":a",
        "1a:b",
        "urn:a b",
        "urn:a<b",
        'urn:"',
        "urn:a\n",
        "urn:\u200b",
        "urn:\ufe0f",
        "urn:\u3164",
        5,
    ],
)
def test_refuses_what_is_no_uri(uri: Any) -> None:
    with pytest.raises(BadRequestData):
        validate.uri(uri, "id")


@pytest.mark.parametrize("name", ["a", "名前", "ñ1_", "ex:name", "https://e.example/a", "urn:x:y"])
def test_takes_names(name: str) -> None:
    assert validate.name(name) == name


@pytest.mark.parametrize("name", ["", "1a", "_a", "a-b", "a b", "²a", "@type", "a.b", 5, None])
def test_refuses_what_is_no_name(name: Any) -> None:
    with pytest.raises(BadRequestData):
        validate.name(name)


@given(st.datetimes())
def test_takes_every_moment_in_utc(moment: Any) -> None:
    text = moment.isoformat() + "Z"
    assert validate.date_time(text, "observedAt") == text


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        ("fr-CH,fr;q=0.9,en;q=0.8,*;q=0.5", ("fr-ch", "fr", "en", "*")),
        ("en;q=0.1, JA", ("ja", "en")),
        ("en;q=0,ja", ("ja",)),
        ("de-*", ("de",)),
    ],
)
def test_orders_language_ranges_by_quality(lang: str, expected: tuple[str, ...]) -> None:
    assert languages.ranges(lang) == expected


@pytest.mark.parametrize("lang", ["", "en;q=2", "en,,ja", "e n", "日本語", "en;x=1"])
def test_refuses_language_filters_that_are_none(lang: str) -> None:
    with pytest.raises(BadRequestData):
        languages.ranges(lang)


@given(
    st.lists(st.sampled_from(["ja", "en", "en-US", "zh-Hant-TW", "@none"]), unique=True),
    st.lists(st.sampled_from(["ja", "en", "en-gb", "zh-hant", "*", "pt"]), max_size=3),
)
def test_serves_some_language_whenever_there_is_one(tags: list[str], wanted: list[str]) -> None:
    assert (languages.choose(tags, tuple(wanted)) in tags) == bool(tags)
