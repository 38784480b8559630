"""Searching the audit log: what fits, newest first, page by page, whether it holds; as a file. (issue 6, RFC 9162)"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from base import clock
from personal.audit import log, searching
from personal.audit.log import Entry
from personal.audit.searching import Wanted
from personal.operations import staff
from tests.personal.live import Live, live_module


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("searched") / "personal"


@pytest.fixture
async def live(folder: Path) -> AsyncIterator[Live]:
    async with live_module(folder) as live:
        yield live


async def found(live: Live, login: str = "auditor", **params: str) -> Any:
    reply = await live.get("/audit/search", by=await live.staff(login), params=params)
    assert reply.status == 200, reply.raw
    return reply.json


async def test_entries_are_found_by_what_they_say_and_page_by_page(live: Live) -> None:
    start = clock.now()

    def work(db: Any) -> None:
        for number in range(30):
            facts = {
                "service": f"s{number % 3}",
                "by": f"st_{number % 2}",
                "event": "e_1" if number == 7 else None,
            }
            facts = {name: value for name, value in facts.items() if value}
            log.append(db, Entry("disclosure" if number % 5 else "record-read", facts), start + number * 1000)

    await live.town.store.write(work)
    every = await found(live, kind="record-read")
    assert [one["kind"] for one in every["entries"]] == ["record-read"] * 6 and every["next"] is None
    assert [one["position"] for one in every["entries"]] == sorted(
        (one["position"] for one in every["entries"]), reverse=True
    )
    assert all(one["stands"] for one in every["entries"]) and {"disclosure", "record-read"} <= {
        *every["kinds"]
    }
    both = await found(live, service="s1", by="st_1", kind="disclosure")
    assert {(one["facts"]["service"], one["facts"]["by"]) for one in both["entries"]} == {("s1", "st_1")}
    assert [one["facts"]["event"] for one in (await found(live, event="e_1"))["entries"]] == ["e_1"]
    seen, params = [], {"service": "s2", "limit": "3"}
    while True:
        page = await found(live, **params)
        seen += [one["position"] for one in page["entries"]]
        if page["next"] is None:
            break
        params["before"] = str(page["next"])
    assert len(seen) == 10 and seen == sorted(set(seen), reverse=True)
    span = {"since": clock.show(start + 10_000), "until": clock.show(start + 20_000)}
    assert len((await found(live, login="privacy", kind="disclosure", limit="500", **span))["entries"]) == 8
    assert (await found(live, kind="nothing"))["entries"] == []


async def test_the_search_says_whether_the_log_fits_what_was_signed(live: Live) -> None:
    await live.get("/audit/head")
    assert (await found(live))["head"]["fits"] is True
    last = (await found(live, limit="1"))["entries"][0]["position"]

    def change(db: Any) -> None:
        db.execute("UPDATE leaf SET entry = CAST('{broken' AS BLOB) WHERE position = ?", (last,))

    await live.town.store.write(change)
    told = {one["position"]: one["stands"] for one in (await found(live, limit="2"))["entries"]}
    assert told[last] is False and sum(told.values()) == 1
    await live.town.store.write(lambda db: db.execute("UPDATE head SET root = zeroblob(32)"))
    assert (await found(live))["head"]["fits"] is False


async def test_a_file_of_the_log_is_for_spreadsheets_and_is_itself_on_record(live: Live) -> None:
    by = await live.staff("auditor")
    reply = await live.get("/audit/search", by=by, params={"format": "csv", "kind": "staff-joined"})
    lines = reply.raw.decode("utf-8-sig").splitlines()
    assert reply.status == 200 and lines[0].startswith("position,at,kind") and len(lines) > 5
    assert (await found(live, limit="1", kind="audit-exported"))["entries"][0]["facts"]["filters"] == ["kind"]


@pytest.mark.parametrize(
    "params",
    [{"since": "today"}, {"format": "pdf"}, {"kind": "x" * 101}, {"before": "x"}, {"strange": "1"}],
)
async def test_what_makes_no_sense_is_refused(live: Live, params: dict[str, str]) -> None:
    assert (await live.get("/audit/search", by=await live.staff("auditor"), params=params)).status == 400


async def test_only_auditors_and_privacy_officers_search(live: Live) -> None:
    for login in ("counter", "admin", "catalogue", "emergency"):
        assert (await live.get("/audit/search", by=await live.staff(login))).status == 403


async def test_one_step_looks_at_a_bounded_part_of_the_log(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "AT_ONCE", 5)
    rest, steps = None, 0
    while True:
        given, rest = live.town.store.read(
            lambda db, at=rest: searching.found(db, Wanted(doer=staff.AT_MACHINE, kind="none"), at, 50)
        )
        steps += 1
        assert given == []
        if rest is None:
            break
    assert 1 < steps < 10
