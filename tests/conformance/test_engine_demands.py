"""Demands of the conformance tool: each says what it demands and what it saw. (docs/conformance-tool.md)"""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.answer import ERRORS, Answer
from conformance.case import case
from conformance.demand import Seen, demand, differences, equal, expect
from conformance.entity import entity, prop, rel, vehicle
from conformance.exchange import Exchange
from conformance.verdict import Failure

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def answer(status: int = 200, body: Any = None, **headers: str) -> Answer:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    raw = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
    return Answer(Exchange("GET", "http://b/ngsi-ld/v1/x", (), b"", status, "Reason", named, raw))


def failure(action: Any) -> Failure:
    with pytest.raises(Failure) as caught:
        action()
    return caught.value


@given(JSON, JSON)
def test_values_differ_exactly_when_a_difference_is_named(a: Any, b: Any) -> None:
    assert equal(a, b) == (not list(differences(a, b)))


@given(JSON)
def test_a_value_equals_itself(value: Any) -> None:
    Seen(value, "it").equals(value)


def test_numbers_are_compared_as_numbers_but_never_with_booleans() -> None:
    assert equal(1, 1.0) and not equal(1, True) and not equal(False, 0) and not equal([1], [True])


def test_names_each_place_that_differs() -> None:
    found = failure(lambda: expect({"a": {"b": 1}, "c": 2}, "it").equals({"a": {"b": 2}, "d": 3}))
    assert found.demanded == 'it is {"a":{"b":2},"d":3}'
    assert found.seen == "a.b is 1 instead of 2; d is absent instead of 3; c is there: 2"


def test_has_allows_members_beyond_those_named() -> None:
    seen = expect({"a": {"b": 1, "x": 2}, "c": 2}, "it")
    seen.has(a={"b": 1}).has({"c": 2})
    assert failure(lambda: seen.has(a={"b": 2})).seen == "a.b is 1 instead of 2"


def test_going_down_names_the_path_that_is_missing() -> None:
    seen = answer(body=[{"speed": {"value": 5}}]).body
    seen.at(0, "speed", "value").equals(5)
    assert failure(lambda: seen.at(0, "speed", "unitCode")).demanded == "the body[0].speed.unitCode is there"
    assert failure(lambda: seen.at(1)).demanded == "the body[1] is there"


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (lambda: expect(["a", "b"], "it").contains("a"), lambda: expect(["a", "b"], "it").contains("c")),
        (lambda: expect("text", "it").contains("ex"), lambda: expect(3, "it").contains("c")),
        (lambda: expect([2, 1], "it").unordered([1, 2]), lambda: expect([2, 1], "it").unordered([1, 1])),
        (lambda: expect([{"id": "b"}, {"id": "a"}], "it").ids("a", "b"), lambda: expect([{"id": "b"}], "it").ids("a")),
        (lambda: expect([{"id": "b"}], "it").ids({"id": "b"}), lambda: expect({"id": "b"}, "it").ids("b")),
        (lambda: expect([{"id": "b"}, {"id": "a"}], "it").ids("b", "a", ordered=True), lambda: expect([{"id": "b"}, {"id": "a"}], "it").ids("a", "b", ordered=True)),
        (lambda: expect({"a": 1}, "it").lacks("b"), lambda: expect({"a": 1}, "it").lacks("a")),
        (lambda: expect(5, "it").one_of(5, 6), lambda: expect(7, "it").one_of(5, 6)),
        (lambda: expect(5, "it").differs(6), lambda: expect(5, "it").differs(5.0)),
        (lambda: expect("urn:x", "it").matches("urn:.*"), lambda: expect(None, "it").matches(".*")),
        (lambda: expect([1], "it").counts(1), lambda: expect(1, "it").counts(1)),
        (lambda: expect(1, "it").is_a(int), lambda: expect(True, "it").is_a(int)),
        (lambda: expect("2026-01-31T12:00:00.123Z", "it").is_time(), lambda: expect("2026-01-31T12:00:00", "it").is_time()),
        (lambda: expect("2026-01-31T12:00:00Z", "it").is_time(), lambda: expect("2026-02-31T12:00:00Z", "it").is_time()),
        (lambda: expect(1.0, "it").close_to(1.0000001), lambda: expect("1", "it").close_to(1)),
        (lambda: expect([1, 2], "it").each(lambda x: x.is_a(int)), lambda: expect([1, "2"], "it").each(lambda x: x.is_a(int))),
        (lambda: demand(True, "s", 1), lambda: demand(False, "s", 1)),
    ],
)  # fmt: skip
def test_each_demand_holds_or_says_what_it_saw(good: Any, bad: Any) -> None:
    good()
    found = failure(bad)
    assert found.demanded and found.seen


def test_a_refusal_needs_status_type_title_detail_and_media_type() -> None:
    body = {"type": ERRORS + "ResourceNotFound", "title": "t", "detail": "d"}
    json = {"Content_Type": "application/json"}
    answer(404, body, **json).refused(404, "ResourceNotFound")
    for other in (
        answer(400, body, **json),
        answer(404, {**body, "type": "about:blank"}, **json),
        answer(404, {"type": body["type"], "title": "t"}, **json),
        answer(404, body, Content_Type="application/problem+json"),
        answer(404, b"not json", **json),
    ):
        found = failure(lambda other=other: other.refused(404, "ResourceNotFound"))
        assert "status 404" in found.demanded and "status" in found.seen and found.exchange is other.exchange


def test_status_header_media_and_emptiness_are_demanded() -> None:
    given = answer(
        201, Location="/ngsi-ld/v1/entities/urn:a:b", Content_Type="application/json; charset=utf-8"
    )
    given.status(200, 201).empty().media("application/json").header(
        "location", pattern=".*urn:a:b"
    ).no_header("Via")
    assert given.location == "/entities/urn:a:b"
    for bad in (
        lambda: given.status(204),
        lambda: given.media("application/ld+json"),
        lambda: given.header("Via"),
        lambda: given.header("Location", "/x"),
        lambda: given.header("Location", pattern="x"),
        lambda: given.no_header("Location"),
        lambda: answer(200, {}).empty(),
        lambda: answer(200, b"<html>").json,
    ):
        assert failure(bad).exchange is not None


def test_finds_links_of_a_relation() -> None:
    one = '<http://c/x>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json", </n?offset=2>; rel="next"'
    assert answer(Link=one).links("next") == ["/n?offset=2"]
    assert answer(Link=one).links("http://www.w3.org/ns/json-ld#context") == ["http://c/x"]
    assert answer(Link=one).links("prev") == []


def test_entities_are_written_as_people_think_of_them() -> None:
    made = entity("T", a=1, b=prop(2, unitCode="KMH", c=3), d=rel("urn:x:y"), scope="/s", id="urn:e:1")
    assert made == {
        "id": "urn:e:1",
        "type": "T",
        "scope": "/s",
        "a": {"type": "Property", "value": 1},
        "b": {"type": "Property", "value": 2, "unitCode": "KMH", "c": {"type": "Property", "value": 3}},
        "d": {"type": "Relationship", "object": "urn:x:y"},
    }
    assert made.of(a=None, b=None, d=None, scope=None, e=5) == {
        "id": "urn:e:1",
        "type": "T",
        "e": {"type": "Property", "value": 5},
    }
    assert made.path == "/entities/urn:e:1" and made.temporal == "/temporal/entities/urn:e:1"
    assert vehicle(several=[prop(1), prop(2, datasetId="urn:d:1")])["several"][1]["datasetId"] == "urn:d:1"
    assert vehicle(words=["a"])["words"] == {"type": "Property", "value": ["a"]}


def test_an_exchange_can_be_repeated() -> None:
    made = Exchange(
        "POST",
        "http://b/x?q=a%3D1",
        (("Accept", "application/json"), ("Content-Length", "9")),
        b'{"a":"\'"}',
        201,
        "Created",
    )
    assert (
        made.curl
        == """curl -i -X POST 'http://b/x?q=a%3D1' -H 'Accept: application/json' --data-binary '{"a":"'"'"'"}'"""
    )
    assert made.request.startswith("POST /x?q=a%3D1 HTTP/1.1\nAccept: application/json\n")
    assert made.response.startswith("HTTP/1.1 201 Created")


async def told(broker: Any) -> None:
    """Do nothing."""


def test_a_case_is_named_by_its_module_and_belongs_to_clauses() -> None:
    made = case("5.7.2, 4.9.3", "it holds", feature="Query")(told)
    assert made.name == "test_engine_demands.told" and made.clauses == ("5.7.2", "4.9.3")
    assert (
        made.of_clause("5.7")
        and made.of_clause("4.9.3")
        and not made.of_clause("5.7.20")
        and not made.of_clause("4.9.30")
    )
    with pytest.raises(ValueError, match="profile"):
        case("5", "it holds", feature="Query", profile="all")
