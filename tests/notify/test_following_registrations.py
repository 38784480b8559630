"""Who follows the notifications knows the registrations, also after a kill. (5.11.7)"""

import asyncio
import random
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from base import clock
from tests.live import Live, live_broker
from tests.notify.neighbours import (
    ID,
    REGISTRATION,
    REGISTRATIONS,
    ROOT,
    body,
    change,
    register,
    source,
    subscribe,
    told,
)
from tests.notify.receiver import Receiver, receiving
from tests.notify.test_delivery import until
from tests.notify.test_kill import process


async def test_an_expired_registration_no_longer_matches(tmp_path: Path, receiver: Receiver) -> None:
    async with live_broker(tmp_path, expiry_seconds=0.05) as live:
        await subscribe(live, receiver)
        await register(live, expiresAt=clock.show(clock.now() + 3 * clock.SECOND))
        await receiver.wait(2)
        assert told(receiver) == [("newlyMatching", ["1"]), ("noLongerMatching", ["1"])]


async def test_subscriptions_to_registrations_survive_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    async with live_broker(tmp_path) as live:
        await subscribe(live, receiver)
        await live.post("/subscriptions", body(receiver.url))
    async with live_broker(tmp_path) as live:
        assert [one["id"] for one in (await live.get(ROOT)).json] == [ID]
        await register(live)
        await receiver.wait(1)
        await change(live, description="x")
        await receiver.wait(2)
        assert [reason for reason, _ in told(receiver)] == ["newlyMatching", "updated"]


async def any_change(live: Live, chance: random.Random) -> None:
    """Register, change or delete one of a few registrations, whether it is there or not."""
    id = f"urn:x:{chance.randrange(4)}"
    types = chance.sample(("Shelter", "School", "Gate"), chance.randint(1, 2))
    information = [{"entities": [{"type": one}]} for one in types]
    match chance.randrange(5):
        case 0:
            await live.ask("DELETE", f"{REGISTRATIONS}/{id}")
        case 1:
            await live.ask("PATCH", f"{REGISTRATIONS}/{id}", {"description": str(chance.random())})
        case 2:
            await live.ask("PATCH", f"{REGISTRATIONS}/{id}", {"information": information})
        case _:
            await live.post(REGISTRATIONS, source(id=id, information=information))


def known_after(receiver: Receiver) -> dict[str, Any]:
    """Follow the notifications; each must fit what was known before."""
    known: dict[str, Any] = {}
    for request in receiver.requests:
        for one in request.json["data"]:
            reason = request.json["triggerReason"]
            assert (one["id"] in known) is (reason != "newlyMatching")
            known[one["id"]] = one.get("description")
            if reason == "noLongerMatching":
                del known[one["id"]]
    return known


@pytest.mark.parametrize("seed", range(3))
async def test_who_follows_the_notifications_knows_what_a_query_would_find(
    live: Live, receiver: Receiver, seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(5):
        await any_change(live, chance)
    await subscribe(live, receiver)
    await asyncio.gather(*(any_change(live, chance) for _ in range(100)))

    async def delivered() -> bool:
        return not live.broker.catalogue.open("").waiting(None, 0, 1)

    await until(delivered)
    found = (await live.get(REGISTRATIONS, type="Shelter")).json
    assert known_after(receiver) == {one["id"]: one.get("description") for one in found}
    assert len(receiver.requests) > 3


@pytest.mark.kill
async def test_a_killed_broker_tells_of_the_registration_after_its_restart(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as session, receiving(hold=asyncio.Event()) as receiver:
        async with process(tmp_path, session) as url:
            for path, made in ((ROOT, body(receiver.url)), (REGISTRATIONS, source())):
                async with session.post(url + path, json=made) as reply:
                    assert reply.status == 201
            await receiver.wait(1)
            changed = {"description": "told after the restart"}
            async with session.patch(f"{url}{REGISTRATIONS}/{REGISTRATION}", json=changed) as reply:
                assert reply.status == 204
        assert receiver.hold is not None
        receiver.hold.set()
        async with process(tmp_path, session):
            await receiver.wait(3)
            first, *later = receiver.requests
            assert [request.json["id"] for request in later if request.json == first.json]
            assert sorted(told(receiver)[1:]) == [("newlyMatching", ["1"]), ("updated", ["1"])]
