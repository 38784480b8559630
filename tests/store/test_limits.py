"""What protects the store: time of queries, size of the outbox, refusal after closing; and discovery without scans."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from base.database import connect, migrate
from base.errors import ServiceUnavailable, TooComplexQuery
from broker.language.q import Query
from broker.language.selection import EntitySelector, Selection, Window
from broker.language.tree import Op, Path, Pattern, Term
from broker.language.types import TypeSelection
from broker.settings import BrokerSettings
from broker.store.contract import Change, EntityChange, Message, TypeInfo
from broker.store.sqlite import schema
from broker.store.sqlite.catalogue import SqliteCatalogue
from broker.store.sqlite.names import Names
from broker.store.sqlite.search import Budget, Unfinished, find
from broker.store.sqlite.tenant import SqliteTenantStore
from tests.store.examples import NOW, PAST, TYPES, VOCAB, entity, prop

A, B = "urn:ngsi-ld:Thing:A", "urn:ngsi-ld:Thing:B"


async def fill(store: SqliteTenantStore, count: int) -> None:
    made = [entity(f"urn:ngsi-ld:Thing:{n}", a=n, b="x" * 200) for n in range(count)]
    await store.change([EntityChange(d["id"], lambda _, d=d: d) for d in made], NOW)


async def test_gives_up_a_query_that_takes_too_long(settings: BrokerSettings) -> None:
    catalogue = SqliteCatalogue(replace(settings, query_seconds=0.02))
    store = catalogue.open("")
    await fill(store, 8_000)
    query = Query(Term(Path((VOCAB + "b",)), Op.PATTERN, Pattern("y$")))
    with pytest.raises(TooComplexQuery, match="narrow"):
        await store.query(Selection(q=query), Window(count=True), NOW)
    assert (await store.query(Selection(), Window(5), NOW)).more
    await catalogue.close()


def test_answers_after_many_queries_that_ran_out_of_time(settings: BrokerSettings) -> None:
    """SQLite counts the steps of a statement over all its runs, so that after some thousand even ROLLBACK is asked."""
    settings.data.mkdir()
    connection = connect(settings.data / "b.db")
    migrate(connection, schema.TENANT)
    names = Names(connection)
    for _ in range(2_000):
        with contextlib.suppress(Unfinished):
            find(connection, names, Selection(), Window(), NOW, Budget(0.0))
    assert not connection.in_transaction
    connection.close()


async def test_answers_others_while_a_long_query_runs(store: SqliteTenantStore) -> None:
    await fill(store, 5_000)
    query = Query(Term(Path((VOCAB + "b",)), Op.PATTERN, Pattern("y$")))
    long = asyncio.ensure_future(store.query(Selection(q=query), Window(count=True), NOW))
    answered = 0
    while not long.done():
        await store.change([EntityChange(A, lambda _: entity(A))], NOW)
        answered += store.stamp(A, NOW) is not None
        await asyncio.sleep(0)
    assert answered > 1
    assert (await long).count == 0


async def test_sheds_messages_that_failed_before_others(settings: BrokerSettings) -> None:
    catalogue = SqliteCatalogue(replace(settings, outbox_rows=20))
    store = catalogue.open("")
    kept = await store.enqueue([_message(n) for n in range(10)])
    await store.settle(failed=[replace(m, attempts=3) for m in kept[4:8]])
    await store.enqueue([_message(n) for n in range(10, 24)])
    assert [m.seq for m in store.waiting(None, 0, 99)] == [1, 2, 3, 4, *range(9, 25)]
    await catalogue.close()


async def test_keeps_the_newest_dead_letters(settings: BrokerSettings) -> None:
    catalogue = SqliteCatalogue(replace(settings, outbox_rows=5))
    store = catalogue.open("")
    kept = await store.enqueue([_message(n) for n in range(4)])
    await store.settle(dead=kept)
    kept = await store.enqueue([_message(n) for n in range(4)])
    await store.settle(dead=kept)
    assert [m.seq for m in store.dead_letters(99)] == [4, 5, 6, 7, 8]
    assert [m.seq for m in store.dead_letters(2, after=5)] == [6, 7]
    await catalogue.close()


async def test_finishes_what_waits_and_refuses_what_comes_after_closing(settings: BrokerSettings) -> None:
    catalogue = SqliteCatalogue(settings)
    store = catalogue.open("")
    waiting = [
        asyncio.ensure_future(store.change([EntityChange(f"{A}{n}", lambda _, n=n: entity(f"{A}{n}"))], NOW))
        for n in range(50)
    ]
    await asyncio.sleep(0)
    await catalogue.close()
    assert all([(await call)[0].change for call in waiting])
    with pytest.raises(ServiceUnavailable):
        await store.change([EntityChange(A, lambda _: None)], NOW)


async def test_counts_types_and_attributes_as_they_are_now(store: SqliteTenantStore) -> None:
    shelter, sensor = TYPES[:2]
    first, second = entity(A, shelter, a=1, b=2), entity(B, shelter, sensor, a=3)
    second["attrs"][VOCAB + "a"] = [{"type": "Relationship", "object": A}, prop(1, datasetId="urn:d")]
    second["attrs"][VOCAB + "c"] = [prop(1, expiresAt=PAST)]
    await store.change([EntityChange(A, lambda _: first), EntityChange(B, lambda _: second)], 0)
    prop_, both = frozenset({"Property"}), frozenset({"Property", "Relationship"})
    a, b = VOCAB + "a", VOCAB + "b"
    assert await store.types(NOW) == [
        TypeInfo(sensor, 1, {a: both}),
        TypeInfo(shelter, 2, {a: both, b: prop_}),
    ]
    assert await store.attributes(NOW) == [
        TypeInfo(a, 2, {shelter: both, sensor: both}),
        TypeInfo(b, 1, {shelter: prop_}),
    ]
    await store.change([EntityChange(B, lambda _: None), EntityChange(A, lambda _: entity(A, shelter))], NOW)
    assert await store.types(NOW) == [TypeInfo(shelter, 1)]
    assert await store.attributes(NOW) == []


@pytest.mark.parametrize("with_ids", [True, False])
async def test_takes_any_number_of_selectors(store: SqliteTenantStore, with_ids: bool) -> None:
    await fill(store, 30)
    types = TypeSelection(tuple((f"urn:t:{n}",) for n in range(99)) + ((TYPES[0],),))
    selectors = tuple(
        EntitySelector((f"urn:ngsi-ld:Thing:{3 * n}",) if with_ids else (), types=types) for n in range(2_000)
    )
    page = await store.query(Selection(selectors), Window(count=True), NOW)
    assert page.count == (10 if with_ids else 30)


async def test_takes_any_number_of_ids(store: SqliteTenantStore) -> None:
    await fill(store, 30)
    ids = tuple(f"urn:ngsi-ld:Thing:{7 * n}" for n in range(50_000))
    page = await store.query(Selection((EntitySelector(ids),)), Window(count=True), NOW)
    assert page.count == len(page.stamps) == 5


async def test_can_say_that_it_is_well(store: SqliteTenantStore) -> None:
    store.ping()


def _message(n: int) -> Message:
    change = Change(A, None, None, NOW)
    return Message(f"urn:n:{n}", "urn:s:1", "http://localhost/a", b"", {}, change.at)
