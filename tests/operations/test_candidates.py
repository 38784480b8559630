"""Walks over entity maps (clause 5.5.9.3): nothing lost, nothing twice, what no longer fits leaves the map."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.operations import candidates
from broker.operations.candidates import EntityMap, Walk
from broker.settings import BrokerSettings
from broker.store.sqlite.catalogue import SqliteCatalogue
from broker.store.sqlite.tenant import SqliteTenantStore

NOW = 1_790_000_000_000_000
few = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def store(run: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteTenantStore]:
    folder: Path = tmp_path_factory.mktemp("data")

    async def opened() -> SqliteCatalogue:
        return SqliteCatalogue(BrokerSettings(data=folder))

    catalogue = run.run(opened())
    yield catalogue.open("")
    run.run(catalogue.close())


async def made(store: SqliteTenantStore, ids: Sequence[str]) -> EntityMap:
    return await candidates.keep(store, ids, NOW + 10**9, "q", "w", NOW)


def walk(
    store: SqliteTenantStore, kept: EntityMap, fitting: set[str], wanted: frozenset[str] = frozenset()
) -> Walk:
    async def fit(some: Sequence[str]) -> dict[str, str]:
        return {id: id for id in reversed(some) if id in fitting}

    return Walk(store, kept, fit, wanted=wanted, settle=lambda: not wanted)


@given(st.data(), st.integers(0, 12), st.integers(1, 5))
@few
def test_pages_hold_what_fits_all_the_time_once_and_in_order(
    run: asyncio.Runner, store: SqliteTenantStore, data: st.DataObject, size: int, limit: int
) -> None:
    async def story() -> None:
        candidates_ = [f"urn:ngsi-ld:E:{n}" for n in range(size)]
        kept = await made(store, candidates_)
        fitting, always = set(candidates_), set(candidates_)
        seen: list[str] = []
        at: int | None = 0
        while at is not None:
            gone = set(data.draw(st.lists(st.sampled_from(candidates_), max_size=3))) if size else set()
            fitting -= gone
            always &= fitting
            page = await walk(store, kept, fitting).page(at, limit, False)
            found = page.found
            assert set(found) <= fitting
            assert page.following is None or len(found) == limit
            seen += found
            at = page.following
        assert len(seen) == len(set(seen))
        assert [id for id in seen if id in always] == [id for id in candidates_ if id in always]
        left = [id for id, _ in candidates.listed(store, kept)]
        assert set(left) <= set(candidates_) and always <= set(left)
        await candidates.remove(store, kept.id)

    run.run(story())


@given(st.sets(st.integers(0, 29)), st.integers(1, 7))
@few
def test_going_back_shows_the_pages_that_were_shown(
    run: asyncio.Runner, store: SqliteTenantStore, gone: set[int], limit: int
) -> None:
    """After what no longer fits has left the map, pages before are those that going forward showed."""

    async def story() -> None:
        candidates_ = [f"urn:ngsi-ld:E:{n}" for n in range(30)]
        kept = await made(store, candidates_)
        fitting = {id for n, id in enumerate(candidates_) if n not in gone}
        whole = walk(store, kept, fitting)
        assert (await whole.page(0, 30, True)).count == len(fitting)
        pages, at = [], 0
        while True:
            page = await whole.page(at, limit, False)
            pages.append(page.found)
            if page.following is None:
                break
            at = page.following
        for earlier in reversed(pages[:-1]):
            before = (await whole.page(at, limit, False)).previous
            assert before is not None
            assert (await whole.page(before, limit, False)).found == earlier
            at = before
        await candidates.remove(store, kept.id)

    run.run(story())


def test_a_map_of_many_parts_is_walked_part_by_part(run: asyncio.Runner, store: SqliteTenantStore) -> None:
    async def story() -> None:
        candidates_ = [f"urn:ngsi-ld:E:{n}" for n in range(2 * candidates.PART + 5)]
        kept = await made(store, candidates_)
        fitting = set(candidates_) - set(candidates_[990:1_010]) - {candidates_[-1]}
        page = await walk(store, kept, fitting).page(980, 15, True)
        assert page.found == candidates_[980:990] + candidates_[1_010:1_015]
        assert (page.count, page.following, page.previous) == (len(fitting), 1_015, 965)
        last = await walk(store, kept, fitting).page(2_000, 15, False)
        assert (last.found, last.following) == (candidates_[2_000:-1], None)
        assert [id for id, _ in candidates.listed(store, kept)] == [id for id in candidates_ if id in fitting]
        some = frozenset({candidates_[5], candidates_[2_001], candidates_[995]})
        one = await walk(store, kept, fitting, some).page(0, 10, False)
        assert one.found == [candidates_[5], candidates_[2_001]]
        await candidates.remove(store, kept.id)
        assert candidates.find(store, kept.id, NOW) is None
        assert all(store.record(candidates.PART_KIND, f"{kept.id}#{n}") is None for n in range(3))

    run.run(story())


def test_new_maps_take_the_place_of_those_that_expire_first(
    run: asyncio.Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "MOST_MAPS", 3)
    monkeypatch.setattr(candidates, "MOST_CANDIDATES", 10)

    async def story() -> None:
        catalogue = SqliteCatalogue(BrokerSettings(data=tmp_path))
        store = catalogue.open("")

        async def keep(size: int, expires: int) -> None:
            await candidates.keep(store, ["urn:a"] * size, NOW + expires, "q", "w", NOW)

        def left() -> list[int]:
            return [one["expires"] - NOW for one in store.records(candidates.KIND)]

        for expires in (9, 3, 5):
            await keep(1, expires)
        await keep(1, 2)
        assert left() == [9, 5, 2]  # too many
        await keep(9, 7)
        assert left() == [9, 7]  # too much in them
        await keep(50, 1)
        assert left() == [1]
        assert len(store.records(candidates.PART_KIND)) == 1
        await catalogue.close()

    run.run(story())
