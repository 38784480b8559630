"""Whatever is restored from however old back-ups, what was erased stays unreadable. (DESIGN 3)"""

import asyncio
import shutil
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from base.errors import Problem
from personal.locations import moving
from personal.locations.records import Change
from personal.store import records
from tests.personal.locations.sites import ITEM, PERSONS, Elsewhere, populate, refused, site

LATER = 2**52
persons = st.sampled_from(PERSONS)
STEPS = st.one_of(
    st.tuples(st.just("keep"), persons),
    st.tuples(st.just("keep"), persons),
    st.tuples(st.just("erase"), persons),
    st.tuples(st.just("cloud"), persons),
    st.tuples(st.just("local"), persons),
    st.tuples(st.just("renew"), st.just("")),
    st.tuples(st.just("save"), st.just("")),
    st.tuples(st.just("restore"), st.sampled_from(["personal.db", "keys.db", "both"])),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, min_size=4, max_size=16))
def test_what_was_erased_never_comes_back(steps: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_live_through(Path(folder), [("keep", "r_1"), ("save", ""), *steps]))


async def _live_through(folder: Path, steps: list[tuple[str, str]]) -> None:
    cloud, written, erased = Elsewhere(), defaultdict[str, set[int]](set), defaultdict[str, set[int]](set)
    saved = folder / "saved"
    saved.mkdir()
    async with site(folder, cloud) as one:
        await populate(one)
    for number, (what, detail) in enumerate(steps):
        if what == "save":
            _copy(folder, saved, "both")
        elif what == "restore":
            _copy(saved, folder, detail)
        async with site(folder, cloud) as one:
            if what == "keep":
                await _keep(one, detail, number, written)
            elif what == "erase" and not await refused(one.erase(detail)):
                erased[detail] |= written.pop(detail, set())
            elif what in ("cloud", "local"):
                await one.order(detail, what)
                await moving.attend(one.records, LATER + number)
            elif what == "renew":
                await one.keys.renew_personal(LATER + number)
            await _inspect(one, erased)


async def _keep(one: Any, person: str, number: int, written: dict[str, set[int]]) -> None:
    present = one.store.read(lambda db: records.find(db, person, ITEM))
    change = Change(person, ITEM, number, present.version if present else 0)
    try:
        await one.records.keep([change], lambda _: None, 1)
    except Problem:  # its key is not in the restored key store
        return
    written[person].add(number)


async def _inspect(one: Any, erased: dict[str, set[int]]) -> None:
    for person in PERSONS:
        try:
            assert await one.value(person) not in erased[person]
        except Problem:
            continue


def _copy(source: Path, target: Path, what: str) -> None:
    for name in ("personal.db", "keys.db") if what == "both" else (what,):
        if (source / name).exists():
            shutil.copy(source / name, target / name)
