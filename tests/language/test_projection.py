"""The attribute projection language of pick and omit (clause 4.21)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.errors import BadRequestData, Problem, TooComplexQuery
from broker.language import projection
from broker.model.projection import Projection
from tests.language.samples import OWN, iri, table


def read(text: str) -> Projection:
    return projection.parse(text, table())


def test_reads_names_with_comma_or_pipe() -> None:
    expected = Projection(
        ((OWN + "temperature", None), (iri("humidity"), None), ("id", None), ("scope", None))
    )
    assert read("temperature,humidity,id,scope") == expected
    assert read("temperature|humidity, id |scope") == expected


def test_reads_names_of_linked_entities_in_braces() -> None:
    found = read("id,observation{id,humidity{type}|scope},https://example.org/a")
    assert found.members == (
        ("id", None),
        (
            iri("observation"),
            Projection((("id", None), (iri("humidity"), Projection((("type", None),))), ("scope", None))),
        ),
        ("https://example.org/a", None),
    )
    assert projection.depth(found) == 2
    assert projection.depth(read("a,b")) == 0


def test_takes_a_name_twice_only_if_it_says_the_same() -> None:
    assert read("a,b,a") == read("a,b")
    with pytest.raises(BadRequestData, match="twice"):
        read("a{b},a")


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("a,", 2),
        (",a", 0),
        ("a{", 2),
        ("a{}", 2),
        ("a{b", 3),
        ("a}", 1),
        ("a b", 2),
        ("{a}", 0),
        ("9", 0),
        ("a{b}c", 4),
    ],
)
def test_names_the_position_of_what_is_wrong(text: str, position: int) -> None:
    with pytest.raises(BadRequestData, match=f"position {position}: expected"):
        read(text)


def test_refuses_projections_that_are_too_deep_or_too_long() -> None:
    with pytest.raises(BadRequestData, match="deep"):
        read("a{" * 11 + "b" + "}" * 11)
    with pytest.raises(TooComplexQuery):
        read(",".join(f"a{n}" for n in range(1_001)))


@given(st.text() | st.text("ab{},| 9:\ud800", max_size=20))
def test_no_text_makes_anything_but_a_problem(text: str) -> None:
    try:
        read(text)
    except Problem as problem:
        assert problem.status in (400, 403)
