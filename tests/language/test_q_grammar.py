"""The grammar of the query language (clause 4.9): what is read as what, and what is refused with a reason."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base import clock
from base.errors import BadRequestData, Problem, TooComplexQuery
from broker.language import q
from broker.language.tree import (
    And,
    Hop,
    Kind,
    Literal,
    Node,
    Op,
    Operand,
    Or,
    Path,
    Pattern,
    Range,
    Term,
    Values,
)
from tests.language.samples import OWN, iri, table


def tree(text: str) -> Node:
    return q.parse(text, table()).tree


def term(name: str) -> Term:
    return Term(Path((iri(name),)))


def test_and_binds_closer_than_or() -> None:
    assert tree("a;b|c;d") == Or((And((term("a"), term("b"))), And((term("c"), term("d")))))
    assert tree("a;(b|c);d") == And((term("a"), Or((term("b"), term("c"))), term("d")))
    assert tree("(a;b);c") == tree("a;b;c") == tree("((a);(b);(c))")


def test_names_may_be_terms_prefixed_names_or_iris() -> None:
    assert tree("temperature") == Term(Path((OWN + "temperature",)))
    assert tree("ex:speed.ex:unit") == Term(
        Path(("https://example.org/ns#speed", "https://example.org/ns#unit"))
    )
    assert tree("https://example.org/v1.0/speed.observedAt") == Term(
        Path(("https://example.org/v1.0/speed",), "observedAt")
    )
    assert tree("a.https://example.org/ns#b.c") == Term(
        Path((iri("a"), "https://example.org/ns#b", iri("c")))
    )
    assert tree("urn:example:attr>5") == Term(
        Path(("urn:example:attr",)), Op.GREATER, Literal(Kind.NUMBER, 5)
    )
    assert tree("避難所名") == Term(Path((iri("避難所名"),)))


@pytest.mark.parametrize(
    ("inner", "types", "name"),
    [
        ("humidity", (), "humidity"),
        ("Device:humidity", ("Device",), "humidity"),
        ("Device,Room:humidity", ("Device", "Room"), "humidity"),
        ("Device_2:humidity", ("Device_2",), "humidity"),
        ("ex:humidity", (), "ex:humidity"),
        ("ex:Device:humidity", ("ex:Device",), "humidity"),
        ("Device,ex:Room:ex:humidity", ("Device", "ex:Room"), "ex:humidity"),
        ("https://example.org/Device:humidity", ("https://example.org/Device",), "humidity"),
        ("Device:https://example.org/humidity", ("Device",), "https://example.org/humidity"),
        ("https://example.org/humidity", (), "https://example.org/humidity"),
        ("urn:example:x:humidity", (), "urn:example:x:humidity"),
    ],
)
def test_tells_types_of_linked_entities_from_prefixes(inner: str, types: tuple[str, ...], name: str) -> None:
    hop = Hop((iri("sensor"),), tuple(map(iri, types)))
    assert tree("sensor{" + inner + "}") == Term(Path((iri(name),), hops=(hop,)))


def test_says_which_attributes_and_how_many_hops_a_query_has() -> None:
    query = q.parse('a.b>1|c{d{e}};modifiedAt>"2020-01-01T00:00:00Z"', table())
    assert query.attributes == {iri("a"), iri("c")}
    assert query.depth == 2
    assert q.parse("createdAt>2020-01-01T00:00:00Z", table()).attributes == frozenset()


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("a=1", 1),
        ("a==", 3),
        ("a>1..2", 3),
        ("a>1,2", 3),
        ("a>true", 2),
        ("a>word", 2),
        ("a>urn:x:y", 2),
        ("a;", 2),
        ("a||b", 2),
        ("(a", 2),
        ("a)", 1),
        ("()", 1),
        ("a b", 2),
        ("9a", 0),
        ("_a", 0),
        ("a==1..", 6),
        ('a==1.."2"', 6),
        ("a==true..false", 9),
        ('a=="x', 5),
        ('a=="\\x"', 3),
        ('a=="\\ud800"', 3),
        ("a~=", 3),
        ("a[b", 3),
        ("a[]", 2),
        ("a[b..c]", 2),
        ("a[b][c]", 4),
        ("a{b", 3),
        ("a{}", 2),
        ("a{b}}", 4),
        ("a.", 0),
        (".a", 0),
        ("a..b", 0),
        ("==1", 0),
        ("a==007", 3),
        ("a==1.", 3),
        ("a==.5", 3),
        ("a==+5", 3),
        ("a==1e999", 3),
        ("a>NaN", 2),
        ("a==2020-13-01", 3),
        ("a==2020-02-30T00:00:00Z", 3),
        ("a==25:00:00Z", 3),
        ("a=='x'", 3),
        ('a>="x","y"', 6),
        ("a===1", 3),
        ("!a==1", 2),
        ("a.observedAt[b]", 0),
    ],
)
def test_names_the_position_of_what_is_wrong(text: str, position: int) -> None:
    with pytest.raises(BadRequestData, match=rf"position {position}: expected ") as refusal:
        q.parse(text, table())
    assert refusal.value.status == 400


def test_refuses_the_type_of_an_entity_with_a_pointer_to_the_parameter() -> None:
    with pytest.raises(BadRequestData, match="parameter 'type'"):
        q.parse('type=="Shelter"', table())


@pytest.mark.parametrize("text", ['a~="("', 'a~="(?=x)"', r'a~="(x)\1"', 'a~="x{1000}{1000}"'])
def test_refuses_patterns_that_re2_cannot_run(text: str) -> None:
    with pytest.raises(BadRequestData, match="RE2"):
        q.parse(text, table())


@pytest.mark.parametrize(
    "text",
    [
        ";".join(["a"] * 101),
        "(" * 40 + "a" + ")" * 40,
        "a==" + ",".join(["1"] * 1_001),
        'a~="' + "x" * 1_001 + '"',
        "a==" + "1;a==1" * 20_000,
    ],
)
def test_refuses_what_costs_too_much(text: str) -> None:
    with pytest.raises(TooComplexQuery):
        q.parse(text, table())


def test_refuses_to_follow_relationships_without_end() -> None:
    with pytest.raises(BadRequestData, match="Relationships"):
        q.parse("a{" * 11 + "b" + "}" * 11, table())


def test_reads_unquoted_patterns_to_the_end_of_their_term() -> None:
    path = Path((iri("a"),))
    assert tree("a~=^(x|y)[;|]$|a") == Or((Term(path, Op.PATTERN, Pattern("^(x|y)[;|]$")), Term(path)))
    assert tree(r'a!~="\"\d+;\\"') == Term(path, Op.NOT_PATTERN, Pattern('"' + r"\d+;\\"))


def test_reads_parentheses_that_a_uri_opens_itself() -> None:
    uri = Literal(Kind.URI, "http://dbpedia.org/Paris_(city)")
    assert tree("(a==http://dbpedia.org/Paris_(city))") == Term(Path((iri("a"),)), Op.EQUAL, uri)


names = st.sampled_from(["a", "b", "temperature", "ex:c", "https://example.org/ns/d", "避難所", "Ünïcode_9"])
members = st.text(st.characters(categories=("L", "N"), include_characters="_-*"), min_size=1, max_size=5)
paths = st.builds(
    lambda names, member, trailing, hops: Path(
        tuple(map(iri, names)),
        member,
        () if member else tuple(trailing),
        () if member else tuple(map(iri, trailing)),
        tuple(hops),
    ),
    st.lists(names, min_size=1, max_size=3),
    st.sampled_from(["", "", "observedAt", "unitCode", "modifiedAt", "datasetId"]),
    st.lists(members, max_size=2),
    st.lists(
        st.builds(
            lambda names, types: Hop(tuple(map(iri, names)), tuple(map(iri, types))),
            st.lists(names, min_size=1, max_size=2),
            st.lists(st.sampled_from(["Device", "ex:Room"]), max_size=2),
        ),
        max_size=2,
    ),
)
texts = st.text(st.characters(codec="utf-8"), max_size=12).map(lambda text: Literal(Kind.TEXT, text))
numbers = (st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)).map(
    lambda number: Literal(Kind.NUMBER, number)
)
instants = st.integers(0, 4_000_000_000_000_000).map(lambda micros: Literal(Kind.INSTANT, micros))
days = st.dates().map(lambda day: Literal(Kind.DATE, day.isoformat()))
times = st.integers(0, 86_399_999_999).map(lambda micros: Literal(Kind.TIME, micros))
others = st.sampled_from(
    [Literal(Kind.BOOLEAN, True), Literal(Kind.BOOLEAN, False), Literal(Kind.URI, "urn:ngsi-ld:x:1")]
)
comparable = st.one_of(texts, numbers, instants, days, times)
ranges = st.one_of(
    *(st.builds(Range, kind, kind) for kind in (texts, numbers, instants, days, times)),
)
lists = st.lists(comparable | others, min_size=2, max_size=4).map(lambda found: Values(tuple(found)))
patterns = st.sampled_from(["^a.*b$", r"\d+|x", "(?i)caf[éè]", '"quoted"', r"\\", "縁側"]).map(Pattern)
equalities = st.sampled_from([Op.EQUAL, Op.UNEQUAL])
orders = st.sampled_from([Op.GREATER, Op.GREATER_EQ, Op.LESS, Op.LESS_EQ])
terms = st.one_of(
    st.builds(Term, paths, st.sampled_from([Op.EXISTS, Op.ABSENT])),
    st.builds(Term, paths, equalities, st.one_of(comparable, others, ranges, lists)),
    st.builds(Term, paths, orders, comparable),
    st.builds(Term, paths, st.sampled_from([Op.PATTERN, Op.NOT_PATTERN]), patterns),
)


def joined(parts: list[Node], join: type[And] | type[Or]) -> Node:
    flat = [p for part in parts for p in (part.parts if isinstance(part, join) else (part,))]
    return join(tuple(flat))


trees = st.recursive(
    terms,
    lambda inner: st.builds(joined, st.lists(inner, min_size=2, max_size=3), st.sampled_from([And, Or])),
    max_leaves=8,
)


def rendered(node: Node) -> str:
    """Write a tree as text."""
    if isinstance(node, Term):
        return rendered_term(node)
    sign = ";" if isinstance(node, And) else "|"
    return sign.join(rendered(p) if isinstance(p, Term) else f"({rendered(p)})" for p in node.parts)


def rendered_term(node: Term) -> str:
    path, closing = "", ""
    types: tuple[str, ...] = ()
    for hop in node.path.hops:
        path += (",".join(types) + ":" if types else "") + ".".join(hop.names) + "{"
        types, closing = hop.types, closing + "}"
    last = ".".join([*node.path.names, *([node.path.member] if node.path.member else [])])
    trailing = f"[{'.'.join(node.path.trailing)}]" if node.path.trailing else ""
    path += (",".join(types) + ":" if types else "") + last + trailing + closing
    if node.op is Op.ABSENT:
        return "!" + path
    return path + node.op + ("" if node.operand is None else rendered_operand(node.operand))


def rendered_operand(operand: Operand) -> str:
    if isinstance(operand, Values):
        return ",".join(map(rendered_operand, operand.literals))
    if isinstance(operand, Range):
        return f"{rendered_operand(operand.low)}..{rendered_operand(operand.high)}"
    if isinstance(operand, Pattern):
        return '"' + operand.expression.replace('"', '\\"') + '"'
    return rendered_literal(operand)


def rendered_literal(literal: Literal) -> str:
    if literal.kind is Kind.INSTANT:
        return clock.show(int(literal.value))
    if literal.kind is Kind.TIME:
        seconds, micros = divmod(int(literal.value), 1_000_000)
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{micros:06}Z"
    if literal.kind in (Kind.DATE, Kind.URI):
        return str(literal.value)
    return json.dumps(literal.value, ensure_ascii=False)


@given(trees)
def test_reads_back_what_a_tree_is_written_as(node: Node) -> None:
    assert q.parse(rendered(node), table()).tree == node


@given(st.text() | st.text('ab.;|()[]{}<>=!~"\\,:/*0123-TZe+ \n\ud800', max_size=30))
def test_no_text_makes_anything_but_a_problem(text: str) -> None:
    try:
        q.parse(text, table())
    except Problem as problem:
        assert problem.status in (400, 403)


@given(trees, st.data())
def test_no_damaged_query_makes_anything_but_a_problem(node: Node, data: st.DataObject) -> None:
    text = rendered(node)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    try:
        q.parse(text[:start] + data.draw(st.text(max_size=3)) + text[end:], table())
    except Problem as problem:
        assert problem.status in (400, 403)
