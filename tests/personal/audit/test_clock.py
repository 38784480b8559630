"""A clock that is off: the log keeps its order, nothing that ended holds again, nobody stays logged in. (issue 5)"""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from base import clock
from engawa.command import cli
from personal import doctor
from personal.audit import checking, log
from personal.operations.actors import Actor, Who
from personal.operations.call import Call
from personal.operations.disclosures import disclose
from personal.store import sessions
from personal.store.sessions import Session
from tests.personal.audit.doings import busy, read_entries, write_entries
from tests.personal.disclosure.sharing import PURPOSE, agree, ask
from tests.personal.live import Live, live_module

MINUTE = 60 * clock.SECOND
YEAR = 365 * 1_440 * MINUTE


async def test_while_the_clock_is_behind_the_log_nothing_goes_out_and_nothing_is_changed(
    tmp_path: Path,
) -> None:
    data, heads = tmp_path / "data", tmp_path / "heads.json"
    async with live_module(data) as live:
        done = await busy(live)
        await live.staff("auditor")
        await write_entries(live, 1, clock.now() + YEAR)
        assert (await engawa("audit", "verify", live.url, "--heads", heads)).exit_code == 0
        before = await read_entries(live)
        for reply in (
            await ask(live, done.shelter, done.subject, "allergies"),
            await live.get("/me/items/allergies", by=done.hanako),
            await live.post("/me/consents/withdraw", {"everything": True}, by=done.hanako),
            await live.post("/demo/sessions", {"resident": "hanako", "level": 3}),
        ):
            assert (reply.status, reply.json["type"]) == (503, "urn:engawa:errors:ClockBehind"), reply.raw
            assert "audit accept-clock" in reply.json["detail"]
            assert b"wheat" not in reply.raw
        assert await read_entries(live) == before
        assert not await looked_at(live)
        assert (await live.get("/me/accesses", by=done.hanako)).status == 200, "the log itself is there"

        accepted = await engawa("audit", "accept-clock", "--data", data)
        assert "goes on with the clock as it is" in accepted.stdout
        assert (await ask(live, done.shelter, done.subject, "allergies")).status == 200
        told = orjson.loads((await read_entries(live))[len(before)])
        assert (told["kind"], told["by"]) == ("clock-accepted", "admin-socket")
        assert told["last"] > told["at"]
        outside = await engawa("audit", "verify", live.url, "--heads", heads)
        assert f"begins with the {len(before)} entries" in outside.stdout
        inside = await engawa("audit", "verify", "--data", data)
        assert await looked_at(live)
        assert f"was set back before the entries {len(before)}" in inside.stdout


async def looked_at(live: Live) -> bool:
    """Let the doctor look at the clock."""
    found = await doctor.examine(live.module.settings)
    return next(one.good for one in found if one.subject == "clock")


async def engawa(*words: Any) -> Any:
    return await asyncio.to_thread(CliRunner().invoke, cli, [str(word) for word in words])


async def test_entries_that_overtake_each_other_are_no_clock_that_was_set_back(live: Live) -> None:
    now = clock.now()
    for moment in (now, now - 14 * MINUTE, now - 20 * MINUTE, now):
        await write_entries(live, 1, moment)
    with pytest.raises(log.ClockBehind):
        await write_entries(live, 1, now - 16 * MINUTE)
    assert live.town.store.read(lambda db: list(checking.faults(db))) == []


async def test_a_consent_that_ended_does_not_hold_again_when_the_clock_is_set_back(live: Live) -> None:
    done = await busy(live)
    await agree(live, done.person, "shelter", "contact", until=clock.now() + YEAR)
    body = {"subject": done.subject, "purpose": PURPOSE, "items": ["contact"]}
    later = Call(live.town, Actor(Who.SERVICE, "shelter"), body=body, now=clock.now() + YEAR + 1)
    answer = await disclose(later, live.module)
    assert answer.body["items"] == {}, "it has ended"
    again = await ask(live, done.shelter, done.subject, "contact")
    assert (again.status, again.json["type"]) == (503, "urn:engawa:errors:ClockBehind")


async def test_a_login_made_by_a_clock_that_was_ahead_is_none(live: Live) -> None:
    """It would be good for as long as the clock was ahead."""
    person = await live.register("hanako")
    ahead, now = clock.now() + YEAR, clock.now()

    def work(db: Any) -> None:
        for secret, made in (("ahead", ahead), ("of now", now), ("a little ahead", now + MINUTE)):
            until = made + 30 * MINUTE
            sessions.keep(db, secret, Session(Who.RESIDENT, person, person, (), 3, made, made, until))

    await live.town.store.write(work)
    found = {by: (await live.get("/session", by=by)).status for by in ("ahead", "a little ahead")}
    assert found == {"ahead": 401, "a little ahead": 200}


async def test_a_clock_that_is_ahead_ends_tokens_and_consents_early_and_shows_nothing_more(
    live: Live,
) -> None:
    done = await busy(live)
    await agree(live, done.person, "shelter", "allergies", until=clock.now() + 60 * MINUTE)
    for secret in (done.shelter, done.hanako):
        find = lambda db, secret=secret: sessions.find(db, secret, clock.now() + YEAR)  # noqa: E731  # used once
        assert live.town.store.read(find) is None
    body = {"subject": done.subject, "purpose": PURPOSE, "items": ["allergies"]}
    call = Call(live.town, Actor(Who.SERVICE, "shelter"), body=body, now=clock.now() + YEAR)
    answer = await disclose(call, live.module)
    assert (answer.body["items"], answer.body["withheld"][0]["reason"]) == ({}, "consent-expired")
