"""Entities found by their histories. (5.7.4, 4.11)"""

from dataclasses import replace
from typing import Any

import pytest

from base import clock
from base.errors import TooComplexQuery
from broker.language.q import Query
from broker.language.scope import ScopePattern, ScopeQuery
from broker.language.selection import EntitySelector, Selection, Window
from broker.language.span import Span
from broker.language.tree import Kind, Literal, Op, Path, Term
from broker.language.types import TypeSelection
from broker.model.document import NULL
from broker.settings import BrokerSettings
from broker.store.evolution import Asked
from broker.store.sqlite.catalogue import SqliteCatalogue
from broker.store.sqlite.tenant import SqliteTenantStore
from tests.store.examples import NOW, TYPES, VOCAB
from tests.store.histories import ID, N, given_as, made, removed


async def test_finds_what_holds_in_a_span(store: SqliteTenantStore) -> None:
    for n in range(4):
        id = f"urn:ngsi-ld:Thing:{n}"
        await store.history.add(
            id, TYPES[n % 2 : n % 2 + 1], {N: given_as([(n, n, None), (n + 10, -n, None)])}, NOW
        )
    await made(store, "urn:ngsi-ld:Thing:9", NOW, n=9)

    async def ids(span: Span | None, window: Window | None = None, **members: Any) -> list[str]:
        found = await store.history.find(Selection(**members), span, window or Window())
        return [id[-1] for id in found.ids]

    def seconds(low: int, high: int) -> Span:
        return Span("observedAt", NOW + low * clock.SECOND, NOW + high * clock.SECOND)

    assert await ids(None) == ["0", "1", "2", "3", "9"]
    assert await ids(Span("modifiedAt", NOW, NOW + 1), attrs=frozenset({N})) == ["0", "1", "2", "3", "9"]
    assert await ids(Span("observedAt")) == ["0", "1", "2", "3"]
    assert await ids(seconds(1, 3)) == ["1", "2"]
    assert await ids(seconds(0, 99), attrs=frozenset({VOCAB + "other"})) == []
    types = (EntitySelector(types=TypeSelection(((TYPES[1],),))),)
    assert await ids(seconds(0, 99), selectors=types) == ["1", "3"]
    assert await ids(seconds(0, 99), selectors=(EntitySelector(id_pattern="[02]$"),)) == ["0", "2"]
    negative = Query(Term(Path((N,)), Op.LESS, Literal(Kind.NUMBER, 0)))
    assert await ids(seconds(0, 9), q=negative) == []
    assert await ids(seconds(0, 99), q=negative) == ["1", "2", "3"]
    late = Literal(Kind.INSTANT, NOW + 12 * clock.SECOND)
    observed = Query(Term(Path((N,), member="observedAt"), Op.GREATER, late))
    assert await ids(seconds(0, 99), q=observed) == ["3"]
    page = await store.history.find(Selection(), seconds(0, 99), Window(limit=2, offset=1, count=True))
    assert (list(page.ids), page.count, page.more) == (
        ["urn:ngsi-ld:Thing:1", "urn:ngsi-ld:Thing:2"],
        4,
        True,
    )


async def test_a_scope_counts_from_when_it_was_set_until_it_was_replaced(store: SqliteTenantStore) -> None:
    for n, scope in enumerate((["/Yabu"], ["/Toyooka"], None)):
        await made(store, ID, NOW + n * 10, n=n, scope=scope)

    async def within(low: int, high: int, scope: str) -> bool:
        selection = Selection(scope=ScopeQuery(((ScopePattern((scope,)),),)))
        return bool(
            (await store.history.find(selection, Span("modifiedAt", NOW + low, NOW + high), Window())).ids
        )

    assert await within(0, 5, "Yabu")
    assert not await within(0, 5, "Toyooka")
    assert await within(10, 15, "Toyooka") and await within(5, 15, "Yabu")
    assert not await within(20, 25, "Asago")


async def test_deletions_are_found_by_when_they_happened(store: SqliteTenantStore) -> None:
    for n in range(3):
        await made(store, f"urn:ngsi-ld:Thing:{n}", NOW, n=n)
        await removed(store, f"urn:ngsi-ld:Thing:{n}", NOW + n + 1)
    span = Span("deletedAt", NOW + 2)
    found = await store.history.find(Selection(attrs=frozenset({N})), span, Window())
    assert [id[-1] for id in found.ids] == ["1", "2"]
    (only,) = (await store.history.evolution("urn:ngsi-ld:Thing:1", Asked(span=span))).instances[N]
    assert (only["value"], only["deletedAt"]) == (NULL, NOW + 2)
    assert (await store.history.evolution("urn:ngsi-ld:Thing:0", Asked(span=span))).instances == {}


async def test_finds_the_entities_of_a_time(store: SqliteTenantStore) -> None:
    await made(store, ID, NOW, n=1)
    await made(store, ID, NOW + 10, n=2)
    await removed(store, ID, NOW + 20)
    two = Selection(q=Query(Term(Path((N,)), Op.EQUAL, Literal(Kind.NUMBER, 2))))

    async def ids(at: int) -> list[str]:
        return list((await store.history.find_as_of(two, Window(), at, "modifiedAt")).ids)

    assert [await ids(NOW + at) for at in (0, 10, 19, 20)] == [[], [ID], [ID], []]


async def test_a_search_that_costs_too_much_is_refused(settings: BrokerSettings) -> None:
    catalogue = SqliteCatalogue(replace(settings, query_seconds=0.0))
    store = catalogue.open("")
    for n in range(200):
        await made(store, f"urn:ngsi-ld:Thing:{n}", NOW, n=n)
    with pytest.raises(TooComplexQuery):
        await store.history.find(Selection(attrs=frozenset({VOCAB + "other"})), None, Window())
    await catalogue.close()
