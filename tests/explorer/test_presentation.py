"""Whatever an entity holds, it can be read; wherever places are, they are drawn within the picture."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.explorer import chart, presentation
from broker.explorer.asking import Asking, Search, distance, point

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        "id",
        "type",
        "scope",
        "name",
        "title",
        "location",
        "address",
        "hazardTypes",
        "observedAt",
        "createdAt",
        "dataset",
    ]
)
ENTITIES = st.dictionaries(NAMES | st.text(max_size=6), JSON, max_size=5)
PLACES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(ENTITIES, st.sampled_from(["ja", "en"]))
def test_any_entity_can_be_read(entity: dict[str, Any], language: str) -> None:
    assert isinstance(presentation.title(entity, language), str)
    for text in presentation.types(entity) + presentation.hazards(entity, language):
        assert presentation.type_label(text, language) is not None
    presentation.summary(entity, language)
    presentation.attributes(entity, language)
    presentation.facts(entity)
    point(entity)


@given(st.lists(PLACES, min_size=1, max_size=40), st.none() | PLACES)
def test_places_are_drawn_within_the_picture(
    places: list[tuple[float, float]], here: tuple[float, float] | None
) -> None:
    picture = chart.draw(list(enumerate(places, 1)), here)
    assert picture
    for dot in (*picture.dots, *([picture.here] if picture.here else [])):
        assert 0 <= dot.x <= chart.WIDTH and 0 <= dot.y <= chart.HEIGHT
    assert 0 < picture.bar < chart.WIDTH
    assert len(picture.vertical) < 100 and len(picture.horizontal) < 100


def test_north_is_up_and_east_is_right() -> None:
    picture = chart.draw([(1, (35.4, 134.7)), (2, (35.5, 134.8))])
    assert picture
    south_west, north_east = picture.dots
    assert south_west.x < north_east.x and south_west.y > north_east.y


def test_no_places_make_no_picture() -> None:
    assert chart.draw([]) is None


@given(PLACES, PLACES)
def test_a_distance_is_the_same_both_ways_and_never_more_than_half_round_the_earth(
    one: tuple[float, float], other: tuple[float, float]
) -> None:
    assert distance(one, other) == pytest.approx(distance(other, one), abs=1e-3)
    assert 0 <= distance(one, other) <= 20_016_000


@given(st.text(max_size=40))
def test_any_words_make_one_condition(text: str) -> None:
    q = Search(text=text).parameters().get("q", "")
    assert q == "" or (q.startswith('name~=".*') and q.count('"') == 2 and ";" not in q and "|" not in q)


@given(st.text(max_size=40))
def test_a_curl_line_is_one_shell_word_after_another(text: str) -> None:
    import shlex

    async def nobody(target: str, headers: object) -> Any:
        raise AssertionError

    asking = Asking(nobody, tenant="t1")
    target, accept = asking.retrieval(text, "simplified")
    words = shlex.split(asking.curl("http://[::1]:1026", target, accept))
    assert words[0] == "curl" and words[1].startswith("http://[::1]:1026/ngsi-ld/v1/entities/")
    assert words[2::2] == ["-H"] * len(words[2::2])


def test_lengths_are_written_as_people_say_them() -> None:
    assert [presentation.length(m) for m in (7.4, 123, 999.9, 1234, 250_000)] == [
        "7 m",
        "120 m",
        "1.0 km",
        "1.2 km",
        "250 km",
    ]


@pytest.mark.parametrize(
    ("given_time", "shown"),
    [("2026-04-01T00:00:00.123456Z", "2026-04-01 09:00:00 JST"), ("soon", "soon"), (None, ""), (7, "7")],
)
def test_times_are_shown_in_japanese_time(given_time: object, shown: str) -> None:
    assert presentation.time(given_time) == shown
