"""Whatever stands in an @context, it is processed or refused, and nothing else happens. (5.5.4, 5.5.6)"""

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from base.errors import BadRequestData
from base.jsonld import TermTable, core_of, flatten, table_of
from base.jsonld.table import KEYWORDS
from schemas import core_contexts

CORE = core_of(core_contexts.document()["@context"])

texts = st.one_of(
    st.sampled_from(sorted(KEYWORDS)),
    st.sampled_from(
        ["a", "b", "a:b", "b:a", "http://x.example/", "http://x.example/#", "_:b", "", ":", "a:", "//x"]
    ),
    st.text(max_size=6),
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False), texts)
members = st.dictionaries(texts, st.one_of(scalars, st.lists(scalars, max_size=3)), max_size=4)
contexts = st.dictionaries(texts, st.one_of(scalars, members, st.lists(members, max_size=2)), max_size=6)
sources = st.one_of(contexts, scalars, st.lists(st.one_of(contexts, scalars), max_size=4))


@settings(deadline=None, max_examples=250)
@given(sources, st.lists(texts, max_size=6))
def test_anything_is_processed_or_refused(source: Any, names: list[str]) -> None:
    try:
        sent = orjson.loads(orjson.dumps(source))
    except (orjson.JSONEncodeError, TypeError):
        return  # JSON cannot say it
    try:
        table: TermTable = table_of(CORE, flatten(sent, lambda _: {}, (), 3))
    except BadRequestData:
        return
    for name in names:
        assert isinstance(table.iri(name), str)
        assert isinstance(table.term(name), str)
        assert isinstance(table.coercion(name), str | None)
        for core in ("id", "type", "location", "Property"):
            assert table.iri(core) == CORE.table.iri(core)
