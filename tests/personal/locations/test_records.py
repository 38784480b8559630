"""Records: versions, writers that meet, erasing with and without a hold, back-ups that are older. (DESIGN 3)"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.errors import Conflict, Problem, ResourceNotFound, ServiceUnavailable
from personal.locations import moving
from personal.locations.contract import Copy, CopyMissing, LocationOffline
from personal.locations.records import Change
from personal.store import people, records
from personal.store.town import rows
from personal.vault.envelope import Place, Unreadable, seal, unseal
from tests.personal.locations.sites import ITEM, PERSONS, Cut, Elsewhere, Site, noted, populate, refused, site

DAY = 86_400_000_000
YEAR = 365 * DAY


@pytest.fixture
async def cloud() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
async def one(tmp_path: Path, cloud: Elsewhere) -> AsyncIterator[Site]:
    async with site(tmp_path, cloud) as made:
        await populate(made)
        yield made


@pytest.mark.parametrize("place", ["local", "cloud"])
async def test_what_is_kept_is_read_in_its_newest_version(one: Site, place: str) -> None:
    await one.order("r_1", place)
    assert await one.value("r_1") is None
    first = await one.keep("r_1", {"phone": "1"}, 0)
    second = await one.keep("r_1", {"phone": "2"}, 1)
    assert (first.version, second.version, second.location) == (1, 2, place)
    assert await one.value("r_1") == {"phone": "2"}
    assert await one.value("r_2") is None


@pytest.mark.parametrize("place", ["local", "cloud"])
async def test_writers_that_saw_an_older_version_are_told_so(one: Site, place: str) -> None:
    await one.order("r_1", place)
    await one.keep("r_1", 1, 0)
    results = await asyncio.gather(*(refused(one.keep("r_1", n, 1)) for n in range(8)))
    assert sum(result is None for result in results) == 1
    assert all(isinstance(result, Conflict) and result.more == {"version": 2} for result in results if result)
    await moving.attend(one.records, YEAR * 100)
    assert await one.value("r_1") == results.index(None)


async def test_no_change_is_lost_between_writers_that_try_again(one: Site) -> None:
    await one.keep("r_1", [], 0)

    async def add(number: int) -> None:
        while True:
            seen = await one.records.fetch("r_1", ITEM)
            assert seen is not None
            if not await refused(one.keep("r_1", [*seen.value, number], seen.record.version)):
                return

    await asyncio.gather(*(add(number) for number in range(8)))
    assert sorted(await one.value("r_1")) == list(range(8))


async def test_nothing_is_written_without_what_belongs_to_it(one: Site, cloud: Elsewhere) -> None:
    await one.order("r_2", "cloud")

    def fail(_: Any) -> None:
        raise Conflict("The log takes no more.")

    for person in ("r_1", "r_2"):
        with pytest.raises(Conflict):
            await one.records.keep([Change(person, ITEM, 1, 0)], fail, 1)
        assert await one.value(person) is None
    await moving.attend(one.records, YEAR * 100)
    assert not cloud.copies and not one.waiting()


async def test_many_are_written_at_once_or_none(one: Site, cloud: Elsewhere) -> None:
    await one.order("r_2", "cloud")
    changes = [Change(person, ITEM, person, 0) for person in PERSONS]
    await one.records.keep(changes, noted("r_1"), 1)
    assert [await one.value(person) for person in PERSONS] == list(PERSONS)
    late = [Change("r_1", ITEM, "new", 1), Change("r_2", ITEM, "new", 1), Change("r_3", ITEM, "new", 7)]
    with pytest.raises(Conflict):
        await one.records.keep(late, noted("r_1"), 1)
    assert [await one.value(person) for person in PERSONS] == list(PERSONS)


async def test_an_erased_record_is_gone_and_can_begin_anew(one: Site, cloud: Elsewhere) -> None:
    for person, place in (("r_1", "local"), ("r_2", "cloud")):
        await one.order(person, place)
        key = (await one.keep(person, "secret", 0)).key
        assert not (await one.erase(person)).pending
        assert await one.value(person) is None
        with pytest.raises(ResourceNotFound):
            one.keys.opened(key)
        assert (await one.keep(person, "again", 0)).version == 1
        assert await one.value(person) == "again"
    assert len(cloud.copies) == 1
    with pytest.raises(ResourceNotFound):
        await one.erase("r_3")


async def test_a_record_is_erased_though_its_location_is_off_line(one: Site, cloud: Elsewhere) -> None:
    await one.order("r_1", "cloud")
    key = (await one.keep("r_1", "secret", 0)).key
    cloud.gone = True
    with pytest.raises(LocationOffline):
        await one.value("r_1")
    assert isinstance(await refused(one.keep("r_1", "new", 1)), LocationOffline)
    assert (await one.erase("r_1")).pending
    with pytest.raises(ResourceNotFound):
        one.keys.opened(key)
    cloud.gone = False
    await moving.attend(one.records, YEAR * 100)
    assert not cloud.copies and not one.waiting()


async def test_a_record_under_a_hold_is_out_of_use_and_erased_afterwards(one: Site) -> None:
    await one.keep("r_1", "secret", 0)
    until = YEAR * 60
    await one.store.write(lambda db: records.hold(db, "r_1", ITEM, "law:90-3", until, "s"))
    await one.store.write(lambda db: records.hold(db, "r_1", ITEM, "court", until - DAY, "s"))
    erasure = await one.erase("r_1", now=YEAR * 59)
    assert erasure.holds == (("law:90-3", until), ("court", until - DAY))
    assert await one.value("r_1") is None
    assert isinstance(await refused(one.keep("r_1", "new", 0)), Conflict)
    record = one.store.read(lambda db: records.held(db, "r_1", ITEM))[0]
    await moving.attend(one.records, until - 1)
    assert await one.records.open(record) == "secret"
    await moving.attend(one.records, until)
    with pytest.raises(ResourceNotFound):
        one.keys.opened(record.key)
    assert not one.store.read(lambda db: records.held(db, "r_1", ITEM))


async def test_a_longer_hold_that_came_later_counts(one: Site) -> None:
    await one.keep("r_1", "secret", 0)
    await one.store.write(lambda db: records.hold(db, "r_1", ITEM, "law", YEAR, "s"))
    await one.erase("r_1", now=1)
    await one.store.write(lambda db: records.hold(db, "r_1", ITEM, "court", 2 * YEAR, "s"))
    await moving.attend(one.records, YEAR + 1)
    assert one.store.read(lambda db: records.held(db, "r_1", ITEM))[0].due == 2 * YEAR


async def test_all_there_is_of_a_person_is_forgotten(one: Site, cloud: Elsewhere) -> None:
    await one.keep("r_1", "contact", 0)
    await one.keep("r_1", "allergies", 0, item="allergies")
    await one.keys.personal("r_1", "local")
    await one.store.write(lambda db: people.index(db, "r_1", [("name", b"hash")]))
    erasures = await one.records.forget("r_1", lambda db, _: noted("r_1")(db), 1)
    assert set(erasures) == {ITEM, "allergies"} and one.keys.of_person("r_1") == []
    assert not one.store.read(lambda db: records.everything(db, "r_1") or people.terms(db, "r_1"))
    assert not one.store.read(lambda db: rows(db, "SELECT 1 FROM opening WHERE person = 'r_1'"))
    assert not one.waiting()


async def test_forgetting_a_person_leaves_what_is_under_a_hold(one: Site) -> None:
    await one.keep("r_1", "contact", 0)
    await one.keep("r_1", "allergies", 0, item="allergies")
    await one.store.write(lambda db: records.hold(db, "r_1", ITEM, "law", YEAR * 60, "s"))
    await one.store.write(lambda db: people.index(db, "r_1", [("name", b"hash")]))
    erasures = await one.records.forget("r_1", lambda db, _: None, YEAR)
    assert erasures[ITEM].holds and not erasures["allergies"].holds
    assert len(one.keys.of_person("r_1")) == 1
    assert one.store.read(lambda db: people.terms(db, "r_1"))


async def test_forgetting_goes_on_after_an_end(tmp_path: Path) -> None:
    def cut(step: str) -> None:
        if step == "taken out":
            raise Cut

    async with site(tmp_path) as one:
        await populate(one)
        await one.keep("r_1", "contact", 0)
    with pytest.raises(Cut):
        async with site(tmp_path, reached=cut) as one:
            await one.records.forget("r_1", lambda db, _: None, 1)
    async with site(tmp_path) as one:
        assert one.waiting()
        await moving.attend(one.records, YEAR * 100)
        assert one.keys.of_person("r_1") == [] and not one.waiting()
        assert [entry.id for entry in one.keys.shredded.since(0)[1]][-1] == "r_1"


async def test_a_key_that_is_missing_and_not_shredded_is_not_taken_for_erased(one: Site) -> None:
    await one.keep("r_1", "value", 0)
    await one.keys._writer.run(lambda: one.keys._write.execute("DELETE FROM personal"))
    with pytest.raises(Unreadable, match="key is missing"):
        await one.value("r_1")
    await one.keep("r_1", "written again", 1)
    assert await one.value("r_1") == "written again"


async def test_a_full_disk_refuses_and_changes_nothing(one: Site) -> None:
    await one.keep("r_1", "old", 0)
    one.store._write.pragma("max_page_count", 1)
    assert isinstance(await refused(one.keep("r_1", "x" * 60_000, 1)), ServiceUnavailable)
    one.store._write.pragma("max_page_count", 1 << 30)
    assert one.store.read(lambda db: db.execute("SELECT count(*) FROM leaf").get) == 1
    assert await one.value("r_1") == "old"
    assert await refused(one.keep("r_1", "again", 1)) is None


async def test_a_full_disk_of_the_key_store_makes_no_half_of_a_group(one: Site) -> None:
    before = one.keys.counted()
    one.keys._write.pragma("max_page_count", 1)
    slots = [(f"r_{n}", "local", ITEM) for n in range(500)]
    assert isinstance(await refused(one.keys.fresh_many(slots)), ServiceUnavailable)
    one.keys._write.pragma("max_page_count", 1 << 30)
    assert one.keys.counted() == before
    assert await refused(one.keep("r_1", "value", 0)) is None


@pytest.mark.parametrize("old", ["personal.db", "keys.db", "both"])
async def test_an_old_back_up_brings_nothing_erased_back(tmp_path: Path, old: str) -> None:
    names = ["personal.db", "keys.db"] if old == "both" else [old]
    async with site(tmp_path) as one:
        await populate(one)
        await one.keep("r_1", "erased later", 0)
        await one.keep("r_2", "kept", 0)
        await one.keep("r_3", "forgotten later", 0)
    for name in names:
        shutil.copy(tmp_path / name, tmp_path / f"{name}.old")
    async with site(tmp_path) as one:
        record = one.store.read(lambda db: records.find(db, "r_1", ITEM))
        assert record
        await one.erase("r_1")
        await one.keys.forget("r_3")
    for name in names:
        shutil.move(tmp_path / f"{name}.old", tmp_path / name)
    async with site(tmp_path) as one:
        assert await one.value("r_1") is None
        assert await one.value("r_2") == "kept"
        with pytest.raises(ResourceNotFound):
            one.keys.opened(record.key)
        with pytest.raises((ResourceNotFound, CopyMissing)):
            await one.records.open(record)
        assert one.keys.of_person("r_3") == []


async def test_an_old_back_up_of_the_ledger_follows_what_moved(tmp_path: Path) -> None:
    cloud = Elsewhere()
    async with site(tmp_path, cloud) as one:
        await populate(one)
        await one.keep("r_1", "first", 0)
    shutil.copy(tmp_path / "personal.db", tmp_path / "old")
    async with site(tmp_path, cloud) as one:
        await one.keep("r_1", "second", 1)
        await one.order("r_1", "cloud")
        await moving.attend(one.records, YEAR * 100)
        assert one.where("r_1") == "cloud"
    shutil.move(tmp_path / "old", tmp_path / "personal.db")
    async with site(tmp_path, cloud) as one:
        assert (one.where("r_1"), await one.value("r_1")) == ("cloud", "second")


async def test_an_old_back_up_of_the_ledger_follows_what_was_written_elsewhere(tmp_path: Path) -> None:
    cloud = Elsewhere()
    async with site(tmp_path, cloud) as one:
        await populate(one)
        await one.keep("r_1", "first", 0)
    shutil.copy(tmp_path / "personal.db", tmp_path / "old")
    async with site(tmp_path, cloud) as one:
        await one.order("r_1", "cloud")
        await one.keep("r_1", "second", 1)
        await moving.attend(one.records, YEAR * 100)
        assert not one.waiting()
    shutil.move(tmp_path / "old", tmp_path / "personal.db")
    async with site(tmp_path, cloud) as one:
        assert (one.where("r_1"), await one.value("r_1")) == ("cloud", "second")


async def test_an_old_back_up_of_the_ledger_still_finds_replaced_versions_elsewhere(tmp_path: Path) -> None:
    cloud = Elsewhere()
    async with site(tmp_path, cloud) as one:
        await populate(one)
        await one.order("r_1", "cloud")
        await one.keep("r_1", "first", 0)
    shutil.copy(tmp_path / "personal.db", tmp_path / "old")
    async with site(tmp_path, cloud) as one:
        await one.keep("r_1", "second", 1)
        await moving.attend(one.records, 1)
    shutil.move(tmp_path / "old", tmp_path / "personal.db")
    async with site(tmp_path, cloud) as one:
        assert await one.value("r_1") == "first"


async def test_old_keys_are_replaced_at_the_next_write(one: Site) -> None:
    first = await one.keep("r_1", 1, 0)
    second = await one.keep("r_1", 2, 1)
    assert first.key == second.key
    await one.keys.renew_personal(2**62)
    assert await one.value("r_1") == 2
    third = await one.keep("r_1", 3, 2)
    assert third.key != second.key
    assert one.keys.superseded(2**62) == [(second.key, ("r_1", "local", ITEM))]
    await one.erase("r_1")
    assert one.keys.of_person("r_1") == []


async def test_a_failed_write_under_a_new_key_leaves_the_old_one(one: Site) -> None:
    await one.order("r_1", "cloud")
    await one.keep("r_1", 1, 0)
    await one.keys.renew_personal(2**62)
    assert isinstance(await refused(one.keep("r_1", 2, 5)), Conflict)
    await moving.attend(one.records, YEAR * 100)
    assert await one.value("r_1") == 1


async def test_a_location_that_gives_another_blob_is_found_out(one: Site, cloud: Elsewhere) -> None:
    for person in ("r_1", "r_2"):
        await one.order(person, "cloud")
        await one.keep(person, person, 0)
    other = one.store.read(lambda db: records.find(db, "r_2", ITEM))
    assert other
    cloud.answers = lambda copy, sealed: cloud.copies[other.name]
    with pytest.raises(Unreadable):
        await one.value("r_1")
    cloud.answers = lambda copy, sealed: b""
    with pytest.raises(Unreadable):
        await one.value("r_1")


async def test_a_location_that_gives_an_older_version_is_found_out(one: Site, cloud: Elsewhere) -> None:
    await one.order("r_1", "cloud")
    first = await one.keep("r_1", "old", 0)
    await one.keep("r_1", "new", 1)
    cloud.answers = lambda copy, sealed: cloud.copies[first.name]
    with pytest.raises(Unreadable):
        await one.value("r_1")


async def test_a_location_that_is_not_set_up_any_more_is_as_one_that_is_off_line(one: Site) -> None:
    await one.order("r_1", "cloud")
    await one.keep("r_1", 1, 0)
    one.records.locations = {"local": one.records.locations["local"]}
    with pytest.raises(LocationOffline):
        await one.value("r_1")
    found = await one.records.fetch_all([("r_1", ITEM), ("r_2", ITEM)])
    assert isinstance(found[0], ServiceUnavailable) and found[1] is None


async def test_a_location_that_is_slow_delays_no_other(one: Site, cloud: Elsewhere) -> None:
    answered = asyncio.Event()

    class Slow(Elsewhere):
        async def get(self, copy: Copy) -> bytes:
            await answered.wait()
            return await super().get(copy)

    one.records.locations = {**one.records.locations, "cloud": Slow(cloud.copies)}
    await one.order("r_1", "cloud")
    await one.keep("r_1", "far", 0)
    await one.keep("r_2", "near", 0)
    waiting = [asyncio.create_task(one.value("r_1")) for _ in range(50)]
    await asyncio.sleep(0)
    assert await one.value("r_2") == "near"
    assert not any(task.done() for task in waiting)
    answered.set()
    assert await asyncio.gather(*waiting) == ["far"] * 50


async def test_a_person_has_what_their_doubles_brought_along(one: Site) -> None:
    await one.keep("r_1", "of the double", 0)
    await one.store.write(lambda db: people.set_state(db, "r_1", people.State.MERGED, 1, "r_2"))
    assert await one.value("r_2") == "of the double"
    await one.keep("r_2", "own", 1)
    assert await one.value("r_2") == "own"
    assert [record.person for record in one.store.read(lambda db: records.everything(db, "r_2"))] == [
        "r_2",
        "r_1",
    ]
    await one.erase("r_2")
    assert await one.value("r_2") is None and await one.value("r_1") is None


async def test_the_length_of_what_is_sealed_tells_little(one: Site, cloud: Elsewhere) -> None:
    await one.order("r_1", "cloud")
    await one.order("r_2", "cloud")
    await one.keep("r_1", "a", 0)
    await one.keep("r_2", "a" * 200, 0)
    assert len({len(sealed) for sealed in cloud.copies.values()}) == 1


texts = st.text(max_size=8)
places = st.builds(Place, texts, texts, texts, st.integers(1, 3), texts)


@given(places, st.data())
def test_a_sealed_value_opens_nowhere_else(place: Place, data: st.DataObject) -> None:
    key = bytes(range(32))
    sealed = seal(key, b"value", place.bound())
    assert unseal(key, sealed, place.bound()) == b"value"
    field = data.draw(st.sampled_from(["municipality", "person", "item", "version", "location"]))
    present = getattr(place, field)
    other = data.draw(
        (st.integers(1, 9) if field == "version" else texts).filter(lambda value: value != present)
    )
    with pytest.raises(Unreadable):
        unseal(key, sealed, replace(place, **{field: other}).bound())


@given(places, places)
def test_two_places_are_bound_alike_only_if_they_are_one(one: Place, other: Place) -> None:
    assert (one == other) == (one.bound() == other.bound())


def test_nothing_personal_shows_in_representations() -> None:
    assert "secret" not in repr(Change("r_1", ITEM, "secret", 0))
    assert "secret" not in repr(Problem("x")) and Copy(Place("a", "b", "c", 1, "d"), "n").name == "n"
