"""Aggregation methods against direct computations, and which data types take them. (4.5.19.1)"""

import math
import statistics
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.errors import BadRequestData, InvalidRequest
from broker.language.aggregation import ELIGIBLE, METHODS, Tally, data_type, parse
from broker.model.document import NULL, VALUE_MEMBER, Instance

ORDERED = ("min", "max")


def instance(value: Any, kind: str = "Property") -> Instance:
    return {"type": kind, VALUE_MEMBER[kind]: value}


def tally(values: list[Any], *methods: str, kind: str = "Property") -> list[Any]:
    taken = Tally(methods)
    for value in values:
        taken.add(instance(value, kind), "speed")
    return [taken.result(method) for method in methods]


numbers = st.lists(st.floats(-1e6, 1e6) | st.integers(-(10**6), 10**6), min_size=1, max_size=40)


@given(numbers)
def test_numbers_come_to_what_a_direct_computation_gives(values: list[float]) -> None:
    expected = {
        "totalCount": len(values),
        "distinctCount": len(set(values)),
        "sum": math.fsum(values),
        "avg": statistics.fmean(values),
        "min": min(values),
        "max": max(values),
        "stddev": statistics.pstdev(values),
        "sumsq": math.fsum(one * one for one in values),
    }
    for method, found in zip(METHODS, tally(values, *METHODS), strict=True):
        assert found == pytest.approx(expected[method], rel=1e-6, abs=1e-3), method


@given(st.lists(st.integers(-(10**15), 10**15), min_size=1))
def test_sums_of_whole_numbers_are_exact(values: list[int]) -> None:
    assert tally(values, "sum", "sumsq") == [sum(values), sum(one * one for one in values)]


@given(st.lists(st.booleans(), min_size=1))
def test_true_counts_as_one_and_false_as_zero(values: list[bool]) -> None:
    ones = [int(one) for one in values]
    assert tally(values, "sum", "min", "max", "avg") == [
        sum(ones),
        min(ones),
        max(ones),
        sum(ones) / len(ones),
    ]
    assert tally(values, "distinctCount") == [len(set(values))]


@given(st.lists(st.text("abc あ", max_size=4), min_size=1))
def test_strings_have_a_first_and_a_last(values: list[str]) -> None:
    assert tally(values, "min", "max") == [min(values), max(values)]


@given(st.lists(st.lists(st.integers(), max_size=4), min_size=1))
def test_arrays_are_measured_by_their_size(values: list[list[int]]) -> None:
    sizes = [len(one) for one in values]
    assert tally(values, "sum", "min", "max") == [sum(sizes), min(sizes), max(sizes)]


json = st.recursive(
    st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xy"), inner, max_size=2),
    max_leaves=4,
)


@given(st.lists(json, min_size=1))
def test_distinct_values_are_those_that_differ_as_json(values: list[Any]) -> None:
    texts = {orjson.dumps(one, option=orjson.OPT_SORT_KEYS) for one in values}
    assert tally(values, "distinctCount", "totalCount") == [len(texts), len(values)]


def test_dates_and_times_are_ordered_as_such() -> None:
    moments = ["2026-04-01T09:00:00.5Z", "2026-04-01T09:00:00Z", "2026-04-01T09:00:00.25Z"]
    assert tally(moments, "min", "max") == [moments[1], moments[0]]
    assert tally(["2026-04-02", "2026-03-09"], "min", "max") == ["2026-03-09", "2026-04-02"]
    assert tally(["08:00:00Z", "09:30:00Z"], "min", "max", "avg") == [
        "08:00:00Z",
        "09:30:00Z",
        "08:45:00.000Z",
    ]
    typed = {"@type": "DateTime", "@value": "2026-04-01T09:00:00Z"}
    assert tally([typed, typed], "min", "distinctCount") == ["2026-04-01T09:00:00Z", 1]


def test_targets_of_relationships_are_counted() -> None:
    values = ["urn:a", "urn:b", ["urn:a", "urn:c"]]
    assert tally(values, "totalCount", "distinctCount", kind="Relationship") == [3, 3]


def test_deletions_have_no_value() -> None:
    assert tally([1, NULL, 3], "totalCount", "avg") == [2, 2.0]


EXAMPLES = {
    "number": instance(1.5),
    "boolean": instance(True),
    "string": instance("x"),
    "array": instance([1]),
    "object": instance({"a": 1}),
    "DateTime": instance("2026-04-01T09:00:00Z"),
    "Date": instance("2026-04-01"),
    "Time": instance("09:00:00Z"),
    "URI": instance({"@type": "@id", "@value": "urn:x"}),
    "Relationship": instance("urn:a", "Relationship"),
}


@pytest.mark.parametrize("kind", ELIGIBLE)
@pytest.mark.parametrize("method", METHODS)
def test_only_methods_of_the_tables_are_applied(kind: str, method: str) -> None:
    one = EXAMPLES[kind]
    assert data_type(one) == kind
    taken = Tally((method,))
    if method in ELIGIBLE[kind]:
        taken.add(one, "speed")
        assert taken.result(method) is not None
    else:
        with pytest.raises(InvalidRequest, match="speed"):
            taken.add(one, "speed")


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("GeoProperty", {"type": "Point", "coordinates": [0, 0]}, "object"),
        ("LanguageProperty", {"ja": "体育館"}, "object"),
        ("JsonProperty", [1, 2], "array"),
        ("JsonProperty", {"a": 1}, "object"),
        ("ListProperty", [1, 2], "array"),
        ("VocabProperty", "https://x.example/open", "URI"),
        ("ListRelationship", ["urn:a"], "Relationship"),
    ],
)
def test_other_kinds_of_attributes_have_the_data_type_of_their_value(
    kind: str, value: Any, expected: str
) -> None:
    assert data_type(instance(value, kind)) == expected


def test_values_of_several_data_types_are_counted_only() -> None:
    assert tally([1, "x"], "totalCount", "distinctCount") == [2, 2]
    with pytest.raises(InvalidRequest, match="several"):
        tally([1, "x"], "max")


def test_reads_methods_and_period() -> None:
    read = parse({"aggrMethods": "avg,max,avg", "aggrPeriodDuration": "P1D"})
    assert read.methods == ("avg", "max")
    assert read.period.days == 1
    assert not parse({"aggrMethods": "avg"}).period


@pytest.mark.parametrize(
    "given", [{}, {"aggrMethods": ""}, {"aggrMethods": "avg,median"}, {"aggrMethods": "AVG"}]
)
def test_refuses_unknown_methods(given: dict[str, str]) -> None:
    with pytest.raises(BadRequestData, match="aggrMethods"):
        parse(given)
