"""The type selection language (clause 4.17) and the scope query language (clause 4.19)."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.errors import BadRequestData, Problem, TooComplexQuery
from broker.language import scope, types
from tests.language.samples import iri, table


def selected(text: str, *names: str) -> bool:
    return types.matches(types.parse(text, table()), [iri(name) for name in names])


@pytest.mark.parametrize("text", ["Building|House", "Building,House"])
def test_selects_any_type_of_a_list(text: str) -> None:
    assert selected(text, "Building")
    assert selected(text, "Pub", "House")
    assert not selected(text, "Home")


@pytest.mark.parametrize("text", ["(Home;Vehicle)", "Home;Vehicle", "( Home ; Vehicle )"])
def test_selects_entities_that_have_all_types_of_a_conjunction(text: str) -> None:
    assert selected(text, "Vehicle", "Home", "Boat")
    assert not selected(text, "Vehicle")


@pytest.mark.parametrize(
    "text", ["(Home;Vehicle)|Motorhome", "(Home;Vehicle),Motorhome", "Home;Vehicle,Motorhome"]
)
def test_selects_a_conjunction_or_another_type(text: str) -> None:
    assert selected(text, "Home", "Vehicle")
    assert selected(text, "Motorhome")
    assert not selected(text, "Home")


def test_selects_every_type_with_an_asterisk() -> None:
    assert selected("*", "Home")
    assert types.parse("*", table()).everything
    assert not types.parse("Home", table()).everything


def test_takes_prefixed_names_and_iris_as_types() -> None:
    selection = types.parse("ex:Home,https://example.org/v1.0/House,urn:ngsi:x", table())
    assert selection.types == {"https://example.org/ns#Home", "https://example.org/v1.0/House", "urn:ngsi:x"}


def test_takes_parentheses_around_alternatives() -> None:
    assert types.parse("(A|B)", table()) == types.parse("A|B", table())
    assert types.parse("(A,B)|(C;D)", table()) == types.parse("A|B|(C;D)", table())


@pytest.mark.parametrize(
    "text",
    ["", " ", ",", "A,", "|A", "(A", "A)", "((A;B))", "((A|B))", "()", "A;;B", "9A", "A B", "A=1", '"A"'],
)
def test_refuses_type_selections_that_are_none(text: str) -> None:
    with pytest.raises(BadRequestData):
        types.parse(text, table())


def wanted(text: str, scopes: Any) -> bool:
    return scope.matches(scope.parse(text), scopes)


@pytest.mark.parametrize(
    ("text", "scopes", "expected"),
    [
        ("/Madrid", "/Madrid", True),
        ("/Madrid", "Madrid", True),
        ("/Madrid", "/Madrid/Gardens", False),
        ("/Madrid", ["/Berlin", "/Madrid"], True),
        ("/Madrid/Gardens/#", "/Madrid/Gardens", True),
        ("/Madrid/Gardens/#", "/Madrid/Gardens/ParqueNorte", True),
        ("/Madrid/Gardens/#", "/Madrid/Gardens/ParqueNorte/Parterre1", True),
        ("/Madrid/Gardens/#", "/Madrid", False),
        ("/Madrid/Gardens/#", "/Madrid/GardensOld", False),
        ("/Madrid/+/ParqueNorte", "/Madrid/Gardens/ParqueNorte", True),
        ("/Madrid/+/ParqueNorte", "/Madrid/Sights/ParqueNorte", True),
        ("/Madrid/+/ParqueNorte", "/Madrid/ParqueNorte", False),
        ("/Madrid/+", "/Madrid", False),
        ("/+/+/#", "/A/B/C", True),
        ("(/Madrid/Districts;/CompanyA)", ["/Madrid/Districts", "/CompanyA"], True),
        ("(/Madrid/Districts;/CompanyA)", ["/Madrid/Districts"], False),
        ("/Madrid/Districts;/CompanyA", ["/Madrid/Districts"], False),
        ("(/Madrid/Districts;/CompanyA)|CompanyB", "/CompanyB", True),
        ("(/Madrid/Districts;/CompanyA),CompanyB", ["/Madrid/Districts", "/CompanyA"], True),
        ("(/Madrid/Districts;/CompanyA)|CompanyB", "/CompanyA", False),
        ("/養父市/#", "/養父市/関宮", True),
        ("/#", "/Madrid", True),
        ("/#", None, False),
        ("/#", [], False),
        ("/Madrid", None, False),
    ],
)
def test_matches_scopes_as_the_examples_say(text: str, scopes: Any, expected: bool) -> None:
    assert wanted(text, scopes) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "//",
        "/A//B",
        "/A/",
        "/9",
        "/#/A",
        "/A/#/B",
        "/A#",
        "(/A",
        "/A/*",
        "/A B",
        "((/A|/B))",
        "/A/#/#",
    ],
)
def test_refuses_scope_queries_that_are_none(text: str) -> None:
    with pytest.raises(BadRequestData):
        scope.parse(text)


def test_refuses_more_types_and_scopes_than_allowed() -> None:
    with pytest.raises(TooComplexQuery):
        types.parse(",".join(["A"] * 4), table(), most_terms=3)
    with pytest.raises(TooComplexQuery):
        scope.parse(",".join(["/A"] * 4), 3)


@given(
    st.text() | st.text("Aa/+#()|;,* 9\ud800:", max_size=20),
    st.sampled_from([scope.parse, lambda text: types.parse(text, table())]),
)
def test_no_text_makes_anything_but_a_problem(text: str, parse: Callable[[str], object]) -> None:
    try:
        parse(text)
    except Problem as problem:
        assert problem.status == 400


levels = st.lists(st.sampled_from(["A", "B", "C"]), min_size=1, max_size=4)


@given(levels, levels)
def test_a_wildcard_for_all_below_is_a_prefix(asked: list[str], given_: list[str]) -> None:
    found = wanted("/" + "/".join(asked) + "/#", "/" + "/".join(given_))
    assert found is (given_[: len(asked)] == asked)
