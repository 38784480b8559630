"""Queries and orders written as text again mean what they meant. (4.9, 4.23)"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.errors import BadRequestData
from base.jsonld import core_of, table_of
from broker.language import ordering, q
from broker.language.writing import meant, translated, translated_order
from schemas import core_contexts

CORE = core_of(core_contexts.document()["@context"])
ONE = table_of(
    CORE,
    [{"名前": "https://example.org/name", "ex": "https://example.org/", "size": "https://example.org/a.b"}],
)
TWO = table_of(CORE, [{"name": "https://example.org/name", "other": "https://example.org/x-1"}])

NAMES = st.sampled_from(["名前", "ex:x-1", "plain", "https://example.org/name", "location"])
LITERALS = st.sampled_from(
    [
        *(
            "5",
            "-1.5e-3",
            "true",
            '"text"',
            '"a\\"b;c|d"',
            "2026-04-01",
            "2026-04-01T09:00:00Z",
            "09:00:00.5Z",
        ),
        *("urn:ngsi-ld:A:1", "https://a.example/x(1)", '"2026-04-01T09:00:00Z"', '"1..2"', '"名前"', "word"),
    ]
)
PATTERNS = st.sampled_from(["^a", "a|b", "(a;b)", '"a\\"b"', r"\d+\.\d", '"x y"', r"[^;\"]+"])


@st.composite
def paths(draw: st.DrawFn) -> str:
    path = ".".join(draw(st.lists(NAMES, min_size=1, max_size=3)))
    path += draw(st.sampled_from(["", ".observedAt", ".datasetId", "[en]", "[a.名前]", "[*]"]))
    for _ in range(draw(st.integers(0, 2))):
        path = draw(NAMES) + "{" + draw(st.sampled_from(["", "名前:", "plain,名前:"])) + path + "}"
    return path


@st.composite
def terms(draw: st.DrawFn) -> str:
    path = draw(paths())
    kind = draw(st.integers(0, 4))
    if kind == 0:
        return draw(st.sampled_from(["", "!"])) + path
    if kind == 1:
        return path + draw(st.sampled_from(["~=", "!~="])) + draw(PATTERNS)
    if kind == 2:
        return f"{path}=={','.join(draw(st.lists(LITERALS, min_size=1, max_size=3)))}"
    if kind == 3:
        return f"{path}!=1..2"
    return path + draw(st.sampled_from(["<", ">="])) + '"b"'


def queries() -> st.SearchStrategy[str]:
    return st.recursive(
        terms(),
        lambda inner: st.tuples(inner, st.sampled_from(";|"), inner).map(lambda x: f"({x[0]}){x[1]}({x[2]})"),
        max_leaves=5,
    )


@given(
    queries(),
    st.sampled_from([frozenset(), frozenset({"名前"})]),
    st.sampled_from([frozenset(), frozenset({"plain"})]),
)
def test_a_query_in_other_names_is_the_same_query(
    text: str, expand_values: frozenset[str], json_keys: frozenset[str]
) -> None:
    written = translated(text, ONE, TWO, expand_values=expand_values, json_keys=json_keys)
    expand, keys = ({TWO.term(ONE.iri(name)) for name in names} for names in (expand_values, json_keys))
    first = q.parse(text, ONE, expand_values=expand_values, json_keys=json_keys)
    again = q.parse(written, TWO, expand_values=frozenset(expand), json_keys=frozenset(keys))
    assert meant(again.tree) == meant(first.tree), written


@pytest.mark.parametrize(
    "text",
    ["名前", "名前;desc,plain;asc", "ex:x-1.名前[a.b];dist-desc", "id,scope;desc,createdAt", "type;desc"],
)
def test_an_order_in_other_names_is_the_same_order(text: str) -> None:
    place = {"order_from": "[1,2]"}
    written = translated_order(text, ONE, TWO)
    first, again = ordering.parse(text, ONE, **place), ordering.parse(written, TWO, **place)
    assert first is not None and again is not None and first.terms == again.terms, written


def test_writes_short_names_where_there_are_some() -> None:
    assert translated('名前=="a"', ONE, TWO) == 'name=="a"'
    assert translated("https://example.org/x-1>5;plain", ONE, TWO) == "other>5;plain"


@pytest.mark.parametrize("text", ["size>5", "名前.size", "size[a]", "plain{size}"])
def test_refuses_what_has_no_name_there(text: str) -> None:
    with pytest.raises(BadRequestData):
        translated(text, ONE, TWO)
