"""Values are indexed when queries had to look at many entities, and never more than allowed. (DESIGN 2.3)"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from broker.language.q import Query
from broker.language.selection import Selection, Window
from broker.language.tree import And, Kind, Literal, Op, Path, Term
from broker.settings import BrokerSettings
from broker.store.contract import EntityChange
from broker.store.sqlite.catalogue import SqliteCatalogue
from broker.store.sqlite.names import Names
from broker.store.sqlite.tenant import SqliteTenantStore
from broker.store.sqlite.translation import Translator
from tests.store.examples import NOW, VOCAB, entity

COUNT = 60


def asking(name: str, number: float = 5) -> Selection:
    return Selection(q=Query(Term(Path((VOCAB + name,)), Op.GREATER, Literal(Kind.NUMBER, number))))


async def fill(store: SqliteTenantStore, first: int = 0) -> None:
    made = [entity(f"urn:ngsi-ld:Thing:{n}", a=n, b=-n, c=n % 3) for n in range(first, first + COUNT)]
    await store.change([EntityChange(d["id"], lambda _, d=d: d) for d in made], NOW)


def said(store: SqliteTenantStore, selection: Selection) -> bool:
    """Say whether SQL alone can answer."""
    condition = Translator(store._read, Names(store._read)).selection(selection)
    return condition is not None and condition.exact


Open = Callable[..., SqliteTenantStore]


@pytest.fixture
async def opened(settings: BrokerSettings) -> AsyncIterator[Open]:
    """Give a function that (re)opens the store with some settings changed."""
    catalogues: list[SqliteCatalogue] = []

    def open_store(**changed: int) -> SqliteTenantStore:
        catalogues.append(SqliteCatalogue(replace(settings, **changed)))
        return catalogues[-1].open("")

    yield open_store
    for catalogue in catalogues:
        await catalogue.close()


async def test_indexes_an_attribute_after_enough_entities_were_looked_at(opened: Open) -> None:
    store = opened(index_threshold=COUNT + 1)
    await fill(store)
    await store.query(asking("a"), Window(count=True), NOW)
    await store.indexed()
    assert not said(store, asking("a"))
    await store.query(asking("a"), Window(count=True), NOW)
    await store.indexed()
    assert said(store, asking("a"))
    page = await store.query(asking("a", COUNT - 4), Window(2, count=True), NOW)
    assert [s.id for s in page.stamps] == [f"urn:ngsi-ld:Thing:{n}" for n in (COUNT - 3, COUNT - 2)]
    assert (page.count, page.more) == (3, True)


async def test_keeps_an_index_up_to_date_and_over_a_restart(
    settings: BrokerSettings,
) -> None:
    catalogue = SqliteCatalogue(replace(settings, index_threshold=1))
    store = catalogue.open("")
    await fill(store)
    await store.query(asking("a"), Window(), NOW)
    await store.indexed()
    await catalogue.close()
    catalogue = SqliteCatalogue(settings)
    store = catalogue.open("")
    assert said(store, asking("a"))
    await fill(store, first=COUNT)
    await store.change(
        [EntityChange(f"urn:ngsi-ld:Thing:{n}", lambda _: None) for n in range(0, COUNT, 2)], NOW
    )
    page = await store.query(asking("a", -1), Window(1000, count=True), NOW)
    assert page.count == len(page.stamps) == COUNT + COUNT // 2
    assert store.check() == []
    await catalogue.close()


async def test_goes_on_with_an_unfinished_index_after_a_restart(settings: BrokerSettings) -> None:
    catalogue = SqliteCatalogue(replace(settings, index_threshold=1))
    store = catalogue.open("")
    for first in range(0, 20 * COUNT, COUNT):
        await fill(store, first)
    await store.query(asking("a"), Window(1000), NOW)
    for _ in range(1_000):
        await asyncio.sleep(0)
        if store._read.execute("SELECT 1 FROM value_index").get:
            break
    assert not said(store, asking("a"))
    await catalogue.close()
    catalogue = SqliteCatalogue(settings)
    store = catalogue.open("")
    await store.query(asking("b"), Window(1), NOW)
    await store.indexed()
    assert said(store, asking("a"))
    assert store.check() == []
    await catalogue.close()


async def test_drops_the_least_used_index_for_a_new_one(opened: Open) -> None:
    store = opened(index_threshold=1, value_indexes=2)
    await fill(store)
    for name in ("a", "b", "a", "c"):
        await store.query(asking(name), Window(), NOW)
        await store.indexed()
    assert [said(store, asking(name)) for name in ("a", "b", "c")] == [True, False, True]
    assert store.check() == []
    await store.query(asking("b"), Window(), NOW)
    await store.indexed()
    assert [said(store, asking(name)) for name in ("a", "b", "c")] == [False, True, True]
    assert store.check() == []


async def test_makes_no_index_when_none_is_allowed(opened: Open) -> None:
    store = opened(index_threshold=1, value_indexes=0)
    await fill(store)
    await store.query(asking("a"), Window(), NOW)
    await store.indexed()
    assert not said(store, asking("a"))


async def test_lets_changes_pass_while_it_indexes(opened: Open) -> None:
    store = opened(index_threshold=1)
    for first in range(0, 20 * COUNT, COUNT):
        await fill(store, first)
    both = And((asking("a").q.tree, asking("c").q.tree))  # type: ignore[union-attr]  # asking makes one
    await store.query(Selection(q=Query(both)), Window(), NOW)
    for first in range(0, 10 * COUNT, COUNT):
        changed = [entity(f"urn:ngsi-ld:Thing:{n}", a=-n, c=9) for n in range(first, first + COUNT)]
        await store.change([EntityChange(d["id"], lambda _, d=d: d) for d in changed], NOW)
    await store.indexed()
    assert said(store, Selection(q=Query(both)))
    page = await store.query(asking("c", 8), Window(1, count=True), NOW)
    assert page.count == 10 * COUNT
    assert store.check() == []
