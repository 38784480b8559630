"""Disclosures in bulk: each decided right before it goes out, on record one by one, and fast enough. (issue 5)"""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import aiohttp
import orjson
import pytest

from base import clock
from base.database import Connection
from personal.audit import checking, log
from personal.locations.contract import Copy
from personal.locations.records import Change
from personal.operations.naming import deriving_of
from personal.operations.releasing import RECEIPT
from personal.store import people, pseudonyms, records
from personal.store.records import Choice
from personal.vault import signing
from tests.personal.disclosure.sharing import (
    ALLERGIES,
    CARE,
    PURPOSE,
    agree,
    end,
    given,
    hold,
    leaves,
    name,
    service,
)
from tests.personal.live import Live, live_module
from tests.personal.locations.sites import Elsewhere

SECONDS = 30.0


@dataclass
class Gate(Elsewhere):
    """A location that stops once, before it gives out the sixtieth copy."""

    given: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def get(self, copy: Copy) -> bytes:
        self.given += 1
        if self.given == 60:
            self.reached.set()
            await self.go.wait()
        return await super().get(copy)


async def gated(live: Live) -> Gate:
    """Let allergies be kept at such a location."""
    gate = Gate()
    live.town.records.locations = {**live.town.records.locations, "cloud": gate}
    await live.town.store.write(lambda db: records.choose(db, Choice("allergies", "cloud")))
    return gate


async def crowd(live: Live, count: int) -> tuple[list[str], list[str]]:
    """Let many residents hold and share allergies with the shelter; give their ids and their names there."""
    persons, deriving = [f"r_{number}" for number in range(count)], await deriving_of(live.town)

    def enter(db: Connection) -> list[str]:
        for person in persons:
            people.add(db, person, clock.now())
            given(db, person, "shelter", ("allergies",), 1, None)
        return [pseudonyms.given(db, deriving, "shelter", person, clock.now()) for person in persons]

    names = await live.town.store.write(enter)
    changes = [Change(person, "allergies", ALLERGIES, 0) for person in persons]
    for start in range(0, count, 500):
        await live.town.records.keep(changes[start : start + 500], lambda _: None, clock.now())
    return persons, names


def body(names: list[str], *items: str) -> dict[str, Any]:
    return {"subjects": names, "purpose": PURPOSE, "items": list(items or ("allergies",))}


async def test_each_subject_has_a_line_in_the_order_asked_then_the_receipt(live: Live) -> None:
    token, names = await service(live, "shelter", "allergies", "care-needs"), []
    for number in range(3):
        person = await live.register(f"resident{number}")
        await hold(live, person, allergies=ALLERGIES, care_needs=CARE)
        if number:
            await agree(live, person, "shelter", "allergies")
        names.append(await name(live, person, "shelter"))
    names.append("p1." + "A" * 43)
    before = len(leaves(live))
    reply = await live.post("/disclosures/bulk", body(names, "allergies", "care-needs"), by=token)
    assert reply.headers["Content-Type"] == "application/x-ndjson"
    lines = reply.raw.splitlines(keepends=True)
    told = [orjson.loads(line) for line in lines]
    assert [one["subject"] for one in told[:-1]] == names
    assert [one.get("items") for one in told[:-1]] == [{}, *[{"allergies": ALLERGIES}] * 2, None]
    assert told[3]["problem"]["status"] == 404
    assert len({one["id"] for one in told if "id" in one}) == 4
    (key,) = (await live.get("/keys")).json["keys"]
    claims = signing.opened(told[-1]["receipt"], key, RECEIPT)
    assert (claims["aud"], claims["subjects"]) == ("shelter", 4)
    assert [one["outcome"] for one in leaves(live)[before:]] == ["nothing", "part", "part", "unknown-subject"]


async def test_what_is_withdrawn_while_it_runs_does_not_go_out_any_more(live: Live) -> None:
    token, gate = await service(live, "shelter", "allergies"), await gated(live)
    persons, names = await crowd(live, 120)
    asking = asyncio.create_task(live.post("/disclosures/bulk", body(names), by=token))
    await asyncio.wait_for(gate.reached.wait(), 20)
    for person in (persons[0], persons[-1]):
        await end(live, person, "shelter", "allergies")
    gate.go.set()
    lines = [orjson.loads(line) for line in (await asking).raw.splitlines()]
    assert [bool(one["items"]) for one in lines[:-1]] == [*[True] * 119, False]


async def test_two_thousand_go_out_in_time_each_with_a_leaf(tmp_path: Path) -> None:
    async with live_module(tmp_path / "data") as live:
        token = await service(live, "shelter", "allergies")
        _, names = await crowd(live, 2_000)
        before = live.town.store.read(log.size)
        begun = perf_counter()
        reply = await live.post("/disclosures/bulk", body(names), by=token)
        took = perf_counter() - begun
        assert reply.raw.count(b"\n") == 2_001
        assert live.town.store.read(log.size) - before == 2_000
        assert live.town.store.read(lambda db: list(checking.faults(db))) == []
        assert took < SECONDS, f"2,000 took {took:.1f} s"


async def test_too_many_twice_named_and_unknown_purposes_are_refused_before_anything_goes_out(
    tmp_path: Path,
) -> None:
    async with live_module(tmp_path / "data", bulk=3) as live:
        token = await service(live, "shelter", "allergies")
        names = [f"p1.{letter * 43}" for letter in "ABCD"]
        before = len(leaves(live))
        asked = (body(names), body(names[:1] * 2), body([]), {**body(names[:1]), "purpose": "other"})
        statuses = [(await live.post("/disclosures/bulk", one, by=token)).status for one in asked]
        assert statuses == [400, 400, 400, 403]
        assert len(leaves(live)) == before


async def test_an_answer_that_cannot_go_on_breaks_off_without_its_receipt(live: Live) -> None:
    token, gate = await service(live, "shelter", "allergies"), await gated(live)
    _, names = await crowd(live, 400)
    seen = bytearray()

    async def read() -> None:
        async with live.session.post(
            f"{live.url}/personal/v1/disclosures/bulk",
            json=body(names),
            headers={"Authorization": f"Bearer {token}"},
        ) as answer:
            async for part in answer.content.iter_any():
                seen.extend(part)

    asking = asyncio.create_task(read())
    await asyncio.wait_for(gate.reached.wait(), 20)
    await live.town.store.write(lambda db: db.pragma("max_page_count", db.pragma("page_count")))
    gate.go.set()
    with pytest.raises(aiohttp.ClientError):
        await asking
    assert b"receipt" not in seen
    assert 0 < seen.count(b"wheat") <= sum(one["kind"] == "disclosure" for one in leaves(live)) < 400
