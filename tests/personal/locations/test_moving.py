"""Moves between locations: copy, verify, switch, shred; cut at any step, nothing is lost or doubled. (DESIGN 3)"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from base.errors import Conflict, ResourceNotFound
from personal.audit import reading
from personal.locations import moving
from personal.locations.contract import LocationFull
from personal.store import leftovers, records
from personal.store.records import Choice
from personal.store.town import rows
from tests.personal.locations.sites import (
    ITEM,
    PERSONS,
    Cut,
    Elsewhere,
    Site,
    populate,
    refused,
    site,
)

LATER = 2**52


@dataclass
class Steps:
    """Counts the steps that were reached, and cuts at one of them."""

    cut_at: int | None = None
    seen: list[str] = field(default_factory=list)

    def __call__(self, step: str) -> None:
        self.seen.append(step)
        if self.cut_at is not None and len(self.seen) > self.cut_at:
            raise Cut


@pytest.fixture
async def cloud() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
async def one(tmp_path: Path, cloud: Elsewhere) -> AsyncIterator[Site]:
    async with site(tmp_path, cloud) as made:
        await populate(made)
        yield made


def moved(one: Site) -> list[dict[str, Any]]:
    entries = [
        orjson.loads(entry.body) for entry in one.store.read(lambda db: reading.entries(db, 0, 10_000))
    ]
    return [entry for entry in entries if entry["kind"] == "record-moved"]


def complaints(one: Site, cloud: Elsewhere) -> list[str]:
    """Say what is lost or doubled when nothing is left to be done."""
    ledger = one.store.read(
        lambda db: [record for person in PERSONS for record in records.held(db, person, ITEM)]
    )
    here = {name for (name,) in one.store.read(lambda db: rows(db, "SELECT name FROM local_copy"))}
    found = []
    if here != {record.name for record in ledger if record.location == "local"}:
        found.append("copies here are not those of the ledger")
    if set(cloud.copies) != {record.name for record in ledger if record.location == "cloud"}:
        found.append("copies elsewhere are not those of the ledger")
    if one.waiting():
        found.append(f"something waits: {one.waiting()}")
    found += [f"no key for {r.person}" for r in ledger if r.key not in one.keys.of_person(r.person)]
    return found


async def test_a_record_moves_there_and_back(one: Site, cloud: Elsewhere) -> None:
    key = (await one.keep("r_1", "value", 0)).key
    for place, other in (("cloud", "local"), ("local", "cloud")):
        await one.order("r_1", place)
        await moving.attend(one.records, LATER)
        assert (one.where("r_1"), await one.value("r_1")) == (place, "value")
        assert moved(one)[-1]["from"] == other and moved(one)[-1]["to"] == place
        assert not complaints(one, cloud)
        with pytest.raises(ResourceNotFound):
            one.keys.opened(key)
        record = one.store.read(lambda db: records.find(db, "r_1", ITEM))
        assert record and record.version == 1
        key = record.key


async def test_moving_everybody_leaves_those_who_chose_otherwise(one: Site, cloud: Elsewhere) -> None:
    for person in PERSONS:
        await one.keep(person, person, 0)

    def work(db: Any) -> int:
        records.choose_own(db, "r_2", ITEM, "local", 1)
        records.choose(db, Choice(ITEM, "cloud", ("local",)))
        return leftovers.order_all(db, ITEM, 1)

    assert await one.store.write(work) == 2
    await moving.attend(one.records, LATER)
    assert [one.where(person) for person in PERSONS] == ["cloud", "local", "cloud"]
    await one.store.write(lambda db: records.choose(db, Choice(ITEM, "cloud")))
    assert await one.store.write(lambda db: leftovers.order_all(db, ITEM, 1)) == 1
    await moving.attend(one.records, LATER)
    assert [one.where(person) for person in PERSONS] == ["cloud"] * 3
    assert [await one.value(person) for person in PERSONS] == list(PERSONS)
    assert len(moved(one)) == 3 and not complaints(one, cloud)


async def test_more_records_than_one_group_move(tmp_path: Path, cloud: Elsewhere) -> None:
    from personal.store import people

    many = [f"r_{n}" for n in range(250)]
    async with site(tmp_path, cloud) as one:

        def work(db: Any) -> None:
            for person in many:
                people.add(db, person, 1)

        await one.store.write(work)
        from personal.locations.records import Change

        await one.records.keep([Change(person, ITEM, person, 0) for person in many], lambda _: None, 1)

        def order(db: Any) -> int:
            records.choose(db, Choice(ITEM, "cloud"))
            return leftovers.order_all(db, ITEM, 1)

        assert await one.store.write(order) == 250
        await moving.attend(one.records, LATER)
        await moving.attend(one.records, LATER)
        assert len(cloud.copies) == 250 and not one.waiting()
        found = await one.records.fetch_all([(person, ITEM) for person in many])
        assert [value.value for value in found if hasattr(value, "value")] == many


async def test_a_move_waits_for_a_location_that_is_off_line_or_full(one: Site, cloud: Elsewhere) -> None:
    await one.keep("r_1", "value", 0)
    await one.order("r_1", "cloud")
    cloud.gone = True
    await moving.attend(one.records, 10)
    assert (one.where("r_1"), await one.value("r_1")) == ("local", "value")
    assert one.waiting()["moves"] == 1
    cloud.gone = False
    await moving.attend(one.records, 11)  # not yet due again
    assert one.where("r_1") == "local"
    await moving.attend(one.records, LATER)
    assert one.where("r_1") == "cloud" and not complaints(one, cloud)


class Full(Elsewhere):
    """Takes nothing."""

    async def put(self, copy: Any, sealed: bytes) -> None:
        raise LocationFull("It is full.")


class Losing(Elsewhere):
    """Says that it took what it did not take whole."""

    async def put(self, copy: Any, sealed: bytes) -> None:
        self.copies[copy.name] = sealed[:-1]


@pytest.mark.parametrize("kind", [Full, Losing])
async def test_nothing_is_switched_to_a_copy_that_does_not_open(
    tmp_path: Path, kind: type[Elsewhere]
) -> None:
    bad = kind()
    async with site(tmp_path, bad) as one:
        await populate(one)
        await one.keep("r_1", "value", 0)
        await one.order("r_1", "cloud")
        await moving.attend(one.records, 10)
        assert (one.where("r_1"), await one.value("r_1")) == ("local", "value")
        assert not bad.copies and not moved(one)


async def test_a_change_during_a_move_is_kept(tmp_path: Path, cloud: Elsewhere) -> None:
    during: list[Any] = []

    class Slow(Elsewhere):
        async def put(self, copy: Any, sealed: bytes) -> None:
            await super().put(copy, sealed)
            while during:
                await during.pop()

    slow = Slow()
    async with site(tmp_path, slow) as one:
        await populate(one)
        await one.keep("r_1", "old", 0)
        await one.keep("r_2", "gone", 0)
        await one.order("r_1", "cloud")
        await one.order("r_2", "cloud")
        during.extend([one.keep("r_1", "new", 1), one.erase("r_2")])
        await moving.attend(one.records, LATER)
        await moving.attend(one.records, LATER)
        assert (one.where("r_1"), await one.value("r_1"), await one.value("r_2")) == ("cloud", "new", None)
        assert not complaints(one, slow)


async def test_readers_meet_no_gap_while_records_move(one: Site, cloud: Elsewhere) -> None:
    await one.keep("r_1", "value", 0)
    going = True

    async def look() -> int:
        seen = 0
        while going:
            assert await one.value("r_1") == "value"
            seen += 1
            await asyncio.sleep(0)
        return seen

    readers = [asyncio.create_task(look()) for _ in range(3)]
    for place in ("cloud", "local") * 4:
        await one.order("r_1", place)
        await moving.attend(one.records, LATER)
    going = False
    assert all(await asyncio.gather(*readers))


@pytest.mark.parametrize(
    ("by_clock", "passed", "off"),
    [(20, 20.0, False), (3_000, 20.0, False), (4_000, 20.0, True), (-4_000, 20.0, True)],
)
def test_a_clock_that_jumps_is_noticed(by_clock: int, passed: float, off: bool) -> None:
    assert moving.jumped(by_clock * 1_000_000, passed) is off


async def story(one: Site) -> None:
    """Write, move there, write there, move back, erase."""
    await one.keep("r_1", "first", 0)
    await one.order("r_1", "cloud")
    await moving.attend(one.records, LATER)
    await one.keep("r_1", "second", 1)
    await one.order("r_1", "local")
    await moving.attend(one.records, LATER)
    await one.erase("r_1")


async def test_a_process_that_ends_at_any_step_goes_on_at_the_next_start(tmp_path: Path) -> None:
    steps = Steps()
    async with site(_folder(tmp_path, "whole"), Elsewhere(), steps) as one:
        await populate(one)
        await story(one)
    assert {"sealed", "noted", "put", "kept", "keys made", "verified", "switched", "taken out"} <= set(
        steps.seen
    )
    assert {"claimed", "shredded", "removed"} <= set(steps.seen)
    for number in range(len(steps.seen)):
        folder, cloud, cut = _folder(tmp_path, str(number)), Elsewhere(), Steps(number)
        with pytest.raises(Cut):
            async with site(folder, cloud, cut) as one:
                await populate(one)
                await story(one)
        async with site(folder, cloud) as one:
            await moving.attend(one.records, LATER)
            await moving.attend(one.records, LATER * 2)
            assert not complaints(one, cloud), cut.seen
            assert await one.value("r_1") in (None, "first", "second"), cut.seen
            assert len(moved(one)) >= cut.seen.count("switched")


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


OPERATIONS = st.one_of(
    st.tuples(st.just("keep"), st.sampled_from(PERSONS), st.integers(0, 99)),
    st.tuples(st.just("erase"), st.sampled_from(PERSONS), st.just(0)),
    st.tuples(st.just("order"), st.sampled_from(PERSONS), st.sampled_from(["local", "cloud"])),
    st.tuples(st.just("attend"), st.just(""), st.just(0)),
    st.tuples(st.just("offline"), st.just(""), st.booleans()),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(OPERATIONS, st.one_of(st.none(), st.integers(0, 8))), min_size=2, max_size=14),
)
def test_any_sequence_of_changes_moves_erasures_and_ends_keeps_every_value(steps: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_live_through(Path(folder), steps))


async def _live_through(folder: Path, steps: list[Any]) -> None:
    cloud = Elsewhere()
    possible: dict[str, set[Any]] = {person: {None} for person in PERSONS}
    async with site(folder, cloud) as one:
        await populate(one)
    for operation, cut in steps:
        reached = Steps(cut)
        try:
            async with site(folder, cloud, reached) as one:
                await _do(one, cloud, operation, possible)
        except Cut:
            pass
    cloud.gone = False
    async with site(folder, cloud) as one:
        await moving.attend(one.records, LATER)
        await moving.attend(one.records, LATER * 2)
        assert not complaints(one, cloud)
        for person in PERSONS:
            assert await one.value(person) in possible[person]


async def _do(one: Site, cloud: Elsewhere, operation: Any, possible: dict[str, set[Any]]) -> None:
    """Do one thing; `possible` says afterwards, or when it is cut, which values a person may have."""
    what, person, detail = operation
    if what == "offline":
        cloud.gone = detail
    elif what == "attend":
        await moving.attend(one.records, LATER)
    elif what == "order":
        await one.order(person, detail)
    elif what == "keep":
        possible[person].add(detail)
        present = one.store.read(lambda db: records.find(db, person, ITEM))
        problem = await refused(one.keep(person, detail, present.version if present else 0))
        assert not isinstance(problem, Conflict)
        if problem is None:
            possible[person] = {detail}
    else:
        possible[person].add(None)
        if not await refused(one.erase(person)):
            possible[person] = {None}
