"""Term tables do what PyLD does with the same context and the core behind it. (DESIGN 2.2, 5.5.7)"""

from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyld import jsonld

from base.errors import BadRequestData
from base.jsonld import TermTable, core_of, flatten, table_of
from schemas import core_contexts

CORE_TERMS = core_contexts.document()["@context"]
CORE = core_of(CORE_TERMS)
# PyLD would fetch what ngsildproof refers to
PLAIN = {term: what for term, what in CORE_TERMS.items() if term not in ("ngsildproof", "@protected")}
VOCAB = core_contexts.DEFAULT_VOCAB
PREFIXES = ["ex", "p", "schema", "u"]

plain_names = st.one_of(
    st.text("abcXYZ09_", min_size=1, max_size=6),
    st.sampled_from(["name", "温度", "a.b", "a b", "location", "title", "value", "Property", "Point", "q"]),
)
iris = st.builds(
    "{}{}".format,
    st.sampled_from(["http://a.example/", "http://a.example/x#", "urn:x:", "https://b.example/v/", VOCAB]),
    st.text("abcXYZ", max_size=4),
)
references = st.one_of(
    iris, st.builds("{}:{}".format, st.sampled_from(PREFIXES), st.text("abc", min_size=1, max_size=3))
)
coercions = st.sampled_from(
    ["@id", "@vocab", "@json", "http://www.w3.org/2001/XMLSchema#dateTime", "DateTime"]
)
definitions = st.one_of(
    references,
    st.fixed_dictionaries({"@id": references}, optional={"@type": coercions}),
    st.fixed_dictionaries({"@id": references, "@container": st.sampled_from(["@list", "@set"])}),
    st.fixed_dictionaries({"@type": coercions}),
    st.fixed_dictionaries({"@id": references, "@prefix": st.booleans()}),
)
prefixes = st.dictionaries(
    st.sampled_from(PREFIXES),
    st.sampled_from(["http://a.example/", "http://a.example/x#", "https://b.example/v/", "urn:x:"]),
)
aliases = st.dictionaries(st.sampled_from(["kennung", "art"]), st.sampled_from(["@id", "@type"]), max_size=1)
contexts = st.builds(
    lambda pre, own, vocab, alias: {**pre, **own, **vocab, **alias},
    prefixes,
    st.dictionaries(plain_names, definitions, max_size=8),
    st.fixed_dictionaries(
        {}, optional={"@vocab": st.sampled_from(["http://voc.example/", "https://b.example/v/"])}
    ),
    aliases,
)
sources = st.lists(contexts, min_size=1, max_size=3)
names = st.one_of(plain_names, references, st.text(max_size=8), st.sampled_from(["kennung", "art"]))


def ours(source: list[Any]) -> TermTable:
    try:
        return table_of(CORE, flatten(source, dict.__getitem__, (), 1))  # type: ignore[arg-type]  # no URLs in it
    except BadRequestData:
        assume(False)
        raise


def theirs(source: list[Any]) -> Any:
    """Process the core, then the user's context, then the core again, as 4.4 puts it last."""
    options = {"processingMode": "json-ld-1.1"}
    processor = jsonld.JsonLdProcessor()
    return processor.process_context(
        processor.process_context({}, None, options), [PLAIN, *source, PLAIN], options
    )


def expanded(active: Any, name: str) -> str | None:
    return jsonld.JsonLdProcessor()._expand_iri(active, name, vocab=True)  # type: ignore[no-any-return]  # untyped


@settings(deadline=None, max_examples=150)
@given(sources, st.lists(names, min_size=1, max_size=6))
def test_names_expand_as_with_pyld(source: list[Any], wanted: list[str]) -> None:
    table, active = ours(source), theirs(source)
    for name in [*wanted, *(term for context in source for term in context if not term.startswith("@"))]:
        expected = expanded(active, name) if not name.startswith("@") else None
        if expected is None or (expected.startswith("@") and name not in CORE_TERMS):
            continue  # aliases of keywords are the core's only
        assert table.iri(name) == expected


@settings(deadline=None, max_examples=150)
@given(sources, st.lists(st.one_of(iris, names), min_size=1, max_size=8))
def test_compaction_is_undone_by_expansion_and_never_longer_than_pylds(
    source: list[Any], wanted: list[str]
) -> None:
    table, active = ours(source), theirs(source)
    processor = jsonld.JsonLdProcessor()
    for name in wanted:
        iri = table.iri(name)
        term = table.term(iri)
        if iri.startswith("@"):
            continue
        if term != iri:
            assert table.iri(term) == iri
            assert expanded(active, term) == iri
        try:
            expected = processor._compact_iri(active, iri, vocab=True)
        except jsonld.JsonLdError:
            continue  # an IRI whose scheme the context makes a prefix cannot be written at all
        # PyLD knows the core's prefixes too, passes over terms for lists, and cannot always expand what it shortened
        if expanded(active, expected) == iri and not expected.startswith(("ngsi-ld:", "geojson:")):
            assert rank(source, term, iri) <= rank(source, expected, iri)


def rank(source: list[Any], name: str, iri: str) -> tuple[int, int]:
    """Order ways to write an IRI: core terms, terms, names in the default vocabulary, compact IRIs, itself."""
    if name in CORE_TERMS:
        return 0, 0
    if any(name in context for context in source):
        return 1, len(name)
    return (2, 0) if VOCAB + name == iri else (3 + (name == iri), len(name))


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for member in value.values() for leaf in leaves(member)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


@settings(deadline=None, max_examples=150)
@given(sources, json_values)
def test_values_keep_their_shape_and_come_back_meaning_the_same(source: list[Any], value: Any) -> None:
    table = ours(source)
    kept = table.value(value)
    shown = table.compact_value(kept)
    assert sorted(map(repr, leaves(kept))) == sorted(map(repr, leaves(value)))
    assert sorted(map(repr, leaves(shown))) == sorted(map(repr, leaves(value)))
    assert table.value(shown) == kept or _ambiguous(table, value)


def _ambiguous(table: TermTable, value: Any) -> bool:
    """Two members of one object that mean the same, or a name that cannot be written."""
    if isinstance(value, dict):
        iris_ = [table.iri(name) for name in value]
        unwritable = any(table.iri(table.term(iri)) != iri for iri in iris_ if iri)
        return len(set(iris_)) < len(iris_) or unwritable or any(_ambiguous(table, m) for m in value.values())
    return isinstance(value, list) and any(_ambiguous(table, item) for item in value)


simple_names = st.sampled_from(["alpha", "beta", "gamma", "delta"])
simple_contexts = st.dictionaries(
    simple_names, st.sampled_from([f"http://a.example/{n}" for n in "wxyz"]), min_size=1
)
scalars = st.one_of(st.booleans(), st.integers(-9, 9), st.text("ab", max_size=3))
nested = st.recursive(
    scalars, lambda inner: st.dictionaries(simple_names, inner, min_size=1, max_size=3), max_leaves=6
)


@settings(deadline=None, max_examples=100)
@given(simple_contexts, st.dictionaries(simple_names, nested, min_size=1, max_size=3))
def test_objects_expand_to_the_same_names_as_with_pyld(
    context: dict[str, str], value: dict[str, Any]
) -> None:
    assume(len(set(context.values())) == len(context))
    document = {"@context": [PLAIN, context, PLAIN], **value}
    [whole] = jsonld.expand(document, {"processingMode": "json-ld-1.1"}) or [{}]

    def stripped(node: Any) -> Any:
        if isinstance(node, list):
            return stripped(node[0])
        if "@value" in node:
            return node["@value"]
        return {name: stripped(inner) for name, inner in node.items()}

    assert table_of(CORE, [context]).value(value) == stripped(whole)
