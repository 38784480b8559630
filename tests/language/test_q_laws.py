"""Laws of evaluation (clause 4.9): and/or, complements, lists and ranges as what they stand for."""

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from broker.language.conditions import compiled
from broker.language.tree import And, Kind, Literal, Op, Or, Path, Pattern, Range, Term, Values
from broker.model.document import Document, Instance
from tests.language.samples import iri

A, B, SUB = iri("a"), iri("b"), iri("sub")

moments = st.sampled_from(
    ["2020-01-01T00:00:00Z", "2020-01-01T00:00:00.000Z", "2020-01-01T00:00:00.5Z", "2021-06-01T12:00:00Z"]
)
scalars = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([0.5, 1.0, 2.5]),
    st.booleans(),
    st.sampled_from(["", "a", "ab", "b", "2020-01-01", "12:00:00Z", "urn:x:1"]),
    moments,
)
values = scalars | st.lists(scalars, max_size=3) | st.fixed_dictionaries({iri("k"): scalars})
properties = st.builds(lambda value: {"type": "Property", "value": value}, values)
instances = st.one_of(
    properties,
    st.builds(
        lambda texts: {"type": "LanguageProperty", "languageMap": texts},
        st.dictionaries(st.sampled_from(["en", "ja"]), st.sampled_from(["a", "b", ["a", "b"]]), min_size=1),
    ),
    st.sampled_from(["urn:x:1", "urn:x:2"]).map(lambda uri: {"type": "Relationship", "object": uri}),
    st.just({"type": "ListRelationship", "objectList": ["urn:x:1", "urn:x:2"]}),
    st.lists(scalars, max_size=3).map(lambda found: {"type": "ListProperty", "valueList": found}),
    values.map(lambda json: {"type": "JsonProperty", "json": json}),
)


def with_sub(instance: Instance, sub: Instance | None) -> Instance:
    return instance if sub is None else {**instance, "attrs": {SUB: [sub]}}


documents = st.builds(
    lambda a, b: {"id": "urn:x:0", "type": [iri("T")], "attrs": {n: v for n, v in ((A, a), (B, b)) if v}},
    st.lists(st.builds(with_sub, instances, st.none() | instances), max_size=3),
    st.lists(instances, max_size=1),
)
paths = st.sampled_from(
    [
        Path((A,)),
        Path((B,)),
        Path((A, SUB)),
        Path((A,), trailing=("k",), expanded=(iri("k"),)),
        Path((A,), trailing=("en",), expanded=(iri("en"),)),
        Path((A,), trailing=("*",), expanded=("*",)),
    ]
)
numbers = st.sampled_from([-1, 0, 1, 1.0, 2.5]).map(lambda n: Literal(Kind.NUMBER, n))
texts = st.sampled_from(["a", "b", "urn:x:1"]).map(lambda text: Literal(Kind.TEXT, text))
instants = st.sampled_from([1577836800000000, 1577836800500000]).map(lambda n: Literal(Kind.INSTANT, n))
literals = st.one_of(numbers, texts, instants, st.just(Literal(Kind.BOOLEAN, True)))
operands = st.one_of(
    literals,
    st.one_of(*(st.builds(Range, kind, kind) for kind in (numbers, texts, instants))),
    st.lists(literals, min_size=2, max_size=3).map(lambda found: Values(tuple(found))),
)
terms = st.one_of(
    st.builds(Term, paths, st.sampled_from([Op.EXISTS, Op.ABSENT])),
    st.builds(Term, paths, st.sampled_from([Op.EQUAL, Op.UNEQUAL]), operands),
    st.builds(Term, paths, st.sampled_from([Op.GREATER, Op.LESS_EQ]), st.one_of(numbers, texts, instants)),
    st.builds(Term, paths, st.just(Op.PATTERN), st.just(Pattern("^a"))),
)


def meets(term: Term | And | Or, document: Document) -> bool:
    return compiled(term)(document, lambda id: None)


@given(st.lists(terms, min_size=2, max_size=4), documents)
def test_and_is_all_and_or_is_any(parts: list[Term], document: Document) -> None:
    found = [meets(term, document) for term in parts]
    assert meets(And(tuple(parts)), document) is all(found)
    assert meets(Or(tuple(parts)), document) is any(found)


@given(paths, operands, documents)
def test_unequal_is_the_complement_of_equal_where_there_is_one_target(
    path: Path, operand: Any, document: Document
) -> None:
    document["attrs"] = {name: found[:1] for name, found in document["attrs"].items()}
    exists = meets(Term(path), document)
    equal = meets(Term(path, Op.EQUAL, operand), document)
    unequal = meets(Term(path, Op.UNEQUAL, operand), document)
    assert unequal is (exists and not equal)


@given(paths, documents)
def test_absence_is_the_complement_of_existence(path: Path, document: Document) -> None:
    assert meets(Term(path, Op.ABSENT), document) is not meets(Term(path), document)


@given(terms, documents)
def test_no_condition_but_absence_is_met_by_what_does_not_exist(term: Term, document: Document) -> None:
    if term.op is not Op.ABSENT and not meets(Term(term.path), document):
        assert not meets(term, document)


@given(paths, st.lists(literals, min_size=2, max_size=3), documents)
def test_a_list_equals_when_any_of_its_values_does(
    path: Path, found: list[Literal], document: Document
) -> None:
    listed = meets(Term(path, Op.EQUAL, Values(tuple(found))), document)
    assert listed is any(meets(Term(path, Op.EQUAL, literal), document) for literal in found)


single = st.builds(
    lambda value: {"id": "urn:x:0", "type": [], "attrs": {A: [{"type": "Property", "value": value}]}}, scalars
)


@given(st.one_of(*(st.tuples(kind, kind) for kind in (numbers, texts, instants))), single)
def test_a_range_is_two_comparisons(ends: tuple[Literal, Literal], document: Document) -> None:
    low, high = ends
    path = Path((A,))
    both = And((Term(path, Op.GREATER_EQ, low), Term(path, Op.LESS_EQ, high)))
    assert meets(Term(path, Op.EQUAL, Range(low, high)), document) is meets(both, document)


@given(st.one_of(numbers, texts, instants), single)
def test_orders_agree_with_each_other(literal: Literal, document: Document) -> None:
    path = Path((A,))
    less, equal, greater = (
        meets(Term(path, op, literal), document) for op in (Op.LESS, Op.EQUAL, Op.GREATER)
    )
    assert meets(Term(path, Op.LESS_EQ, literal), document) is (less or equal)
    assert meets(Term(path, Op.GREATER_EQ, literal), document) is (greater or equal)
    assert less + equal + greater <= 1


@given(st.floats(allow_nan=False) | st.integers(), st.integers(-(2**63), 2**64 - 1))
def test_compares_numbers_without_rounding_them(bound: int | float, value: int) -> None:
    if math.isfinite(bound):
        document = {"id": "urn:x:0", "type": [], "attrs": {A: [{"type": "Property", "value": value}]}}
        literal = Literal(Kind.NUMBER, bound)
        assert meets(Term(Path((A,)), Op.LESS, literal), document) is (value < bound)
