"""A store finds exactly the entities that the evaluator accepts, with and without value indexes. (5.7.2.4, DESIGN 2)"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.language import evaluation
from broker.language.q import Query
from broker.language.selection import Selection, Window
from broker.language.tree import Kind, Literal, Op, Term
from broker.language.tree import Path as QPath
from broker.model.document import Document
from broker.model.expiry import living
from broker.settings import BrokerSettings
from broker.store.contract import EntityChange
from broker.store.sqlite.catalogue import SqliteCatalogue
from broker.store.sqlite.tenant import SqliteTenantStore
from tests.store.examples import IDS, NAMES, NOW, documents, selections, trees

LONG_AGO = NOW - 10**16
Try = Callable[[Sequence[Document], Sequence[Selection]], None]

fields = st.tuples(*[documents(id) for id in IDS])
few = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


async def _keep(store: SqliteTenantStore, field: Sequence[Document]) -> None:
    outcomes = await store.change([EntityChange(d["id"], lambda _, d=d: d) for d in field], LONG_AGO)
    assert all(outcome.change for outcome in outcomes)


async def _index(store: SqliteTenantStore) -> None:
    for name in NAMES:
        query = Query(Term(QPath((name,)), Op.GREATER, Literal(Kind.NUMBER, 5)))
        await store.query(Selection(q=query), Window(), NOW)
    await store.indexed()


async def _assert_same(store: SqliteTenantStore, field: Sequence[Document], selection: Selection) -> None:
    alive = {d["id"]: d for document in field if (d := living(document, NOW))}
    expected = {id for id, d in alive.items() if evaluation.matches(selection, d, alive.get)}
    page = await store.query(selection, Window(limit=100, count=True), NOW)
    found = [stamp.id for stamp in page.stamps]
    assert set(found) == expected
    assert page.count == len(found) == len(expected)
    assert not page.more
    second = await store.query(selection, Window(limit=1, offset=1), NOW)
    assert [stamp.id for stamp in second.stamps] == found[1:2]
    assert second.more == (len(found) > 2)


@pytest.fixture(params=[False, True], ids=["scanned", "indexed"], scope="module")
def try_out(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Try]:
    """Give a function that replaces the entities of one store and compares the answers to selections."""
    folder: Path = tmp_path_factory.mktemp("data")
    threshold = 1 if request.param else 10**9
    catalogue = SqliteCatalogue(replace(BrokerSettings(), data=folder, index_threshold=threshold))
    store = catalogue.open("")
    with asyncio.Runner() as runner:

        async def story(field: Sequence[Document], wanted: Sequence[Selection]) -> None:
            await _keep(store, field)
            await _index(store)
            for selection in wanted:
                await _assert_same(store, field, selection)
            assert store.check() == []

        yield lambda field, wanted: runner.run(story(field, wanted))
        runner.run(catalogue.close())


@few
@given(field=fields, wanted=st.lists(selections, min_size=3, max_size=5))
def test_finds_what_the_evaluator_accepts(
    try_out: Try, field: Sequence[Document], wanted: Sequence[Selection]
) -> None:
    try_out(field, wanted)


@few
@given(field=fields, wanted=st.lists(trees.map(lambda t: Selection(q=Query(t))), min_size=3, max_size=6))
def test_finds_what_the_evaluator_accepts_of_q_alone(
    try_out: Try, field: Sequence[Document], wanted: Sequence[Selection]
) -> None:
    try_out(field, wanted)
