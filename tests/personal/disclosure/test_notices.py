"""Notices to services: what they are told, when, by which way, again until they take it. (issue 5; RFC 8417, RFC 8935)"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from base import clock
from base.database import Connection
from personal.operations import delivery, lapsing, notices
from personal.operations.actors import Actor, Who
from personal.operations.call import Call
from personal.operations.notices import EVENTS, TYPE
from personal.rules.notice import DAY, QUARTER, SPREAD, deadline, moment
from personal.store import notices as outbox
from personal.store import people
from personal.vault import signing
from tests.personal.consents.deciding import decide
from tests.personal.disclosure.sharing import (
    ALLERGIES,
    CARE,
    PURPOSE,
    agree,
    ask,
    end,
    hold,
    leaves,
    name,
    service,
)
from tests.personal.live import Live, live_module

HOUR = 4 * QUARTER
LATER = SPREAD * QUARTER + 1


@dataclass
class Receiver:
    """A service's own server: what it was sent, and how it answers."""

    url: str = ""
    sent: list[str] = field(default_factory=list)
    answers: Callable[[], int] = lambda: 202

    async def take(self, request: web.Request) -> web.Response:
        assert request.headers["Content-Type"] == f"application/{TYPE}"
        self.sent.append(await request.text())
        return web.Response(status=self.answers(), headers={"Location": self.url})


@contextlib.asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """Run a service's server."""
    there, app = Receiver(), web.Application()
    app.router.add_post("/notices", there.take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        there.url = f"http://127.0.0.1:{runner.addresses[0][1]}/notices"
        yield there
    finally:
        await runner.cleanup()


async def shared(live: Live, id: str = "shelter", **more: Any) -> tuple[str, str, str]:
    """Let a resident share allergies with a service that knows them; give its token, the person and the name."""
    token = await service(live, id, "allergies", "care-needs")
    if more:
        await live.town.store.write(lambda db: _describe(db, id, more))
    person = await live.register(f"hanako-{id}")
    await hold(live, person, allergies=ALLERGIES, care_needs=CARE)
    subject = await name(live, person, id)
    await agree(live, person, id, "allergies")
    return token, person, subject


def _describe(db: Connection, id: str, more: dict[str, Any]) -> None:
    (text,) = next(iter(db.execute("SELECT description FROM service_version WHERE service = ?", (id,))))
    told = orjson.dumps({**orjson.loads(text), **more}).decode()
    db.execute("UPDATE service_version SET description = ? WHERE service = ?", (told, id))


async def listed(live: Live, id: str, now: int) -> list[dict[str, Any]]:
    """List what a service is told by a moment, with signatures verified."""
    answer = await notices.list_notices(Call(live.town, Actor(Who.SERVICE, id), now=now), live.module)
    return [opened(live, one["notice"]) for one in answer.body["notices"]]


def opened(live: Live, signed: str) -> dict[str, Any]:
    return signing.opened(signed, live.town.signer.public(), TYPE)


def events(claims: list[dict[str, Any]]) -> list[str]:
    return [next(iter(one["events"])).removeprefix(EVENTS) for one in claims]


async def test_a_service_polls_what_it_is_told_and_confirms_that_it_erased(live: Live) -> None:
    token, person, subject = await shared(live)
    await end(live, person, "shelter", "allergies")
    assert (await live.get("/notices", by=token)).json == {"notices": [], "more": False}
    later = clock.now() + LATER
    first, second = await listed(live, "shelter", later)
    assert events([first, second]) == ["consent-given", "consent-ended"]
    assert (second["iss"], second["aud"]) == ("yabu", "shelter")
    assert second["sub_id"] == {"format": "opaque", "id": subject}
    told = second["events"][EVENTS + "consent-ended"]
    assert (told["purpose"], told["items"]) == (PURPOSE, ["allergies"])
    assert told["eraseBy"].endswith("T00:00:00.000Z")
    assert [leaf["outcome"] for leaf in leaves(live)[-2:]] == ["consent-given", "consent-ended"]
    before = len(leaves(live))
    assert [one["jti"] for one in await listed(live, "shelter", later)] == [first["jti"], second["jti"]]
    assert len(leaves(live)) == before, "it is on record once"
    await live.come_back()
    before += 1
    path = f"/notices/{second['jti']}/confirm"
    for _ in range(2):
        assert (await live.post(path, None, by=token)).status == 204
    assert [leaf["kind"] for leaf in leaves(live)[before:]] == ["erasure-confirmed"]
    assert [one["jti"] for one in await listed(live, "shelter", later)] == [first["jti"]]


async def test_another_services_notice_is_like_none(live: Live) -> None:
    await shared(live)
    other = await service(live, "library", "allergies")
    (first,) = await listed(live, "shelter", clock.now() + LATER)
    assert await listed(live, "library", clock.now() + LATER) == []
    replies = [
        await live.post(f"/notices/{id}/confirm", None, by=other) for id in (first["jti"], "n_nothing")
    ]
    assert (replies[0].status, replies[0].raw) == (404, replies[1].raw)


async def test_a_service_that_was_never_given_a_name_is_told_nothing(live: Live) -> None:
    await service(live, "shelter", "allergies")
    person = await live.register("hanako")
    await agree(live, person, "shelter", "allergies")
    await end(live, person, "shelter", "allergies")
    assert await listed(live, "shelter", clock.now() + LATER) == []


async def test_a_changed_item_is_told_to_those_who_may_see_it(live: Live) -> None:
    _, person, _ = await shared(live)
    me = await live.resident("hanako-shelter")
    for item, value in (("allergies", ALLERGIES), ("care-needs", CARE)):
        body = {"value": value, "expectedVersion": 1}
        assert (await live.ask("PUT", f"/me/items/{item}", body, by=me)).status == 200
    claims = await listed(live, "shelter", clock.now() + LATER)
    assert events(claims) == ["consent-given", "item-changed"]
    assert claims[1]["events"][EVENTS + "item-changed"] == {"items": ["allergies"], "purposes": [PURPOSE]}
    await live.town.store.write(lambda db: people.protect(db, person, True, clock.now()))
    await live.town.store.write(lambda db: notices.item_changed(db, person, "allergies", clock.now()))
    assert len(await listed(live, "shelter", clock.now() + LATER)) == 2


async def test_what_a_resident_decides_reaches_the_service(live: Live) -> None:
    token = await service(live, "shelter", "allergies")
    person = await live.register("hanako")
    subject, me = await name(live, person, "shelter"), await live.resident("hanako")
    await hold(live, person, allergies=ALLERGIES)
    assert (await decide(live, me, agree=["allergies"])).status == 201
    assert (await ask(live, token, subject, "allergies")).json["items"] == {"allergies": ALLERGIES}
    assert (await decide(live, me, agree=[], refuse=["allergies"])).status == 201
    assert (await ask(live, token, subject, "allergies")).json["items"] == {}
    assert events(await listed(live, "shelter", clock.now() + LATER)) == ["consent-given", "consent-ended"]


async def test_consent_that_ends_by_itself_is_told_with_the_duty_to_erase(live: Live) -> None:
    _, person, _ = await shared(live)
    soon = clock.now() + HOUR
    await agree(live, person, "shelter", "care-needs", until=soon)
    for at in (soon + 1, soon + 2):
        await lapsing.round(live.town, live.module.consent_reactions, at)
    claims = await listed(live, "shelter", soon + LATER)
    ended = [one for one in claims if EVENTS + "consent-ended" in one["events"]]
    assert [one["events"][EVENTS + "consent-ended"]["items"] for one in ended] == [["care-needs"]]


async def test_duties_that_were_not_confirmed_in_time_are_shown_to_staff(live: Live) -> None:
    _, person, _ = await shared(live)
    await end(live, person, "shelter", "allergies")
    by = await live.staff("privacy")
    assert (await live.get("/notices/overdue", by=by)).json == {"overdue": []}
    late = live.town.store.read(lambda db: outbox.overdue(db, clock.now() + 20 * DAY))
    assert [(one.service, one.event) for one in late] == [("shelter", "consent-ended")]
    assert (await live.get("/notices/overdue", by=await live.staff("counter"))).status == 403


async def test_notices_are_pushed_in_order_and_once(live: Live) -> None:
    async with receiver() as there, delivery.attended(live.town, live.module.settings, 3_600) as sender:
        _, person, _ = await shared(live, notify=there.url)
        await end(live, person, "shelter", "allergies")
        await sender.round(clock.now())
        assert there.sent == []
        later = clock.now() + LATER
        await asyncio.gather(sender.round(later), sender.round(later))
        await sender.round(later)
        assert events([opened(live, one) for one in there.sent]) == ["consent-given", "consent-ended"]
        await sender.round(later + 40 * DAY)
        left = live.town.store.read(lambda db: outbox.waiting(db, "shelter", later, 10))
        assert [one.event for one in left] == ["consent-ended"], "the duty stays until it is confirmed"


async def test_a_service_that_does_not_answer_is_tried_again_and_holds_up_no_other(live: Live) -> None:
    async with receiver() as dead, receiver() as well:
        dead.answers = lambda: 302
        await shared(live, notify=dead.url)
        await shared(live, "library", notify=well.url)
        later = clock.now() + LATER
        async with delivery.attended(live.town, live.module.settings, 3_600) as sender:
            await sender.round(later)
            await sender.round(later + 1)
            assert (len(dead.sent), len(well.sent)) == (1, 1), "no redirect is followed; it is left in peace"
            dead.answers = lambda: 202
            await sender.round(later + 31 * clock.SECOND)
            await sender.round(later + 100 * clock.SECOND)
        assert len(dead.sent) == 2
        assert len({opened(live, one)["jti"] for one in dead.sent}) == 1


async def test_no_address_within_the_network_is_called(live: Live) -> None:
    async with receiver() as there:
        await shared(live, notify=there.url)
        strict = type(live.module.settings)(host="0.0.0.0", data=live.module.settings.data)  # not bound
        later = clock.now() + LATER
        async with delivery.attended(live.town, strict, 3_600) as sender:
            await sender.round(later)
        assert there.sent == []
        assert live.town.store.read(lambda db: outbox.pauses(db, "shelter")) == 1


CHILD = """
import asyncio, sys
from pathlib import Path
from personal import towns
from personal.operations import delivery
from personal.settings import PersonalSettings

async def main():
    settings = PersonalSettings(data=Path(sys.argv[1]))
    async with towns.opened(settings, towns.listed(settings.data)[0]) as town:
        async with delivery.attended(town, settings, 3_600) as sender:
            await sender.round(int(sys.argv[2]))

asyncio.run(main())
"""


async def test_a_process_that_is_killed_while_it_sends_sends_the_same_notice_again(tmp_path: Path) -> None:
    async with receiver() as there:
        async with live_module(tmp_path / "data") as live:
            await shared(live, notify=there.url)
            key = live.town.signer.public()
        later, running = str(clock.now() + LATER), []

        def kill() -> int:
            if len(there.sent) == 1:
                os.kill(running[0].pid, signal.SIGKILL)
            return 202

        there.answers = kill
        for code in (-signal.SIGKILL, 0):
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", CHILD, str(tmp_path / "data"), later
            )
            running.append(child)
            assert await asyncio.wait_for(child.wait(), 30) == code
        first, second = [signing.opened(one, key, TYPE) for one in there.sent]
        assert first == second


@given(st.integers(0, 1 << 52), st.integers(0, 1 << 20), st.integers(0, 1 << 52))
def test_services_are_told_at_full_quarter_hours_in_the_future(now: int, random: int, after: int) -> None:
    due = moment(now, random, after // QUARTER * QUARTER)
    assert due % QUARTER == 0
    assert now < due
    assert due <= max(now + SPREAD * QUARTER, after)
    assert deadline(due, 14) % DAY == 0
    assert 14 * DAY < deadline(due, 14) - due <= 15 * DAY


async def test_what_is_told_about_one_resident_keeps_its_order(live: Live) -> None:
    _, person, _ = await shared(live)
    for _ in range(6):
        await end(live, person, "shelter", "allergies")
        await agree(live, person, "shelter", "allergies")
    claims = await listed(live, "shelter", clock.now() + LATER)
    assert events(claims) == ["consent-given", *["consent-ended", "consent-given"] * 6]
