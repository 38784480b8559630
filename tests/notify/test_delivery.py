"""Delivery: each endpoint alone, retries, restarts, dead letters, counters, throttling, intervals. (5.8.6)"""

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

from base import clock
from tests.live import Live, live_broker
from tests.notify.receiver import Receiver, receiving
from tests.notify.test_notifications import create, shelter, subscribe, value

DEAD = "http://127.0.0.1:9/notify"  # the discard port: nobody listens


async def counters(live: Live, id: str) -> Any:
    """Read what the subscription tells of its notifications."""
    return (await live.get(f"/subscriptions/{id}")).json["notification"]


async def until(condition: Any, seconds: float = 30.0) -> None:
    """Wait until an asynchronous condition holds."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110  # it looks from outside
            await asyncio.sleep(0.02)


def nothing_waits(live: Live) -> Any:
    """Make the condition that every notification was taken and that is noted."""

    async def none() -> bool:
        return not live.broker.catalogue.open("").waiting(None, 0, 1)

    return none


async def test_counts_what_was_delivered(live: Live, receiver: Receiver) -> None:
    await create(live)
    id = await subscribe(live, receiver)
    assert (await counters(live, id)).keys() == {"endpoint"}
    await value(live, 6)
    await value(live, 7)
    await receiver.wait(2)

    async def counted() -> bool:
        return (await counters(live, id)).get("timesSent") == 2

    await until(counted)
    shown = await counters(live, id)
    assert shown["status"] == "ok" and shown["lastSuccess"] and shown["lastNotification"]
    assert "timesFailed" not in shown and "lastFailure" not in shown


async def test_counts_what_failed(live: Live, receiver: Receiver) -> None:
    await create(live)
    id = await subscribe(live, receiver, {"endpoint": {"uri": DEAD}})
    await value(live, 6)

    async def failed() -> bool:
        return (await counters(live, id)).get("status") == "failed"

    await until(failed)
    shown = await counters(live, id)
    assert shown["timesFailed"] >= 1 and shown["lastFailure"] and "lastSuccess" not in shown


async def test_counts_a_notification_once_however_often_it_fails(live: Live, receiver: Receiver) -> None:
    await create(live)
    id = await subscribe(live, receiver, {"endpoint": {"uri": DEAD}})
    await value(live, 6)

    async def failed_again() -> bool:
        return bool((await counters(live, id)).get("timesFailed", 0) >= 3)

    await until(failed_again)
    shown = await counters(live, id)
    assert shown["timesSent"] == 1 and shown["lastNotification"] < shown["lastFailure"]


async def test_keeps_counters_over_a_restart(tmp_path: Path) -> None:
    async with receiving() as receiver:
        async with live_broker(tmp_path) as live:
            await create(live)
            id = await subscribe(live, receiver)
            await value(live, 6)
            await receiver.wait()
            await until(nothing_waits(live))
            await live.ask("PATCH", f"/subscriptions/{id}", {"description": "changed"})
        async with live_broker(tmp_path) as live:
            assert (await counters(live, id))["timesSent"] == 1
            await value(live, 7)
            await receiver.wait(2)


async def test_tries_again_until_the_receiver_accepts(live: Live) -> None:
    async with receiving(answer=lambda request: 200 if len(seen) > 2 else 503) as receiver:
        seen = receiver.requests
        await create(live)
        id = await subscribe(live, receiver)
        await value(live, 6)
        requests = await receiver.wait(3)
        assert len({request.json["id"] for request in requests}) == 1

        async def recovered() -> bool:
            return (await counters(live, id)).get("status") == "ok"

        await until(recovered)
        shown = await counters(live, id)
        assert (shown["timesSent"], shown["timesFailed"]) == (1, 2)
        assert shown["lastNotification"] < shown["lastFailure"] < shown["lastSuccess"]


async def test_a_dead_endpoint_delays_no_other(live: Live, receiver: Receiver) -> None:
    async with receiving(hold=asyncio.Event()) as silent:
        await create(live)
        await subscribe(live, receiver, {"endpoint": {"uri": DEAD}})
        await subscribe(live, silent)
        await subscribe(live, receiver)
        for number in range(20, 60):
            await value(live, number)
        requests = await receiver.wait(40)
        assert [r.entities[0]["occupancy"]["value"] for r in requests] == list(range(20, 60))
        await silent.wait()


async def test_keeps_the_order_of_changes_of_an_entity(live: Live, receiver: Receiver) -> None:
    await create(live)
    await subscribe(live, receiver)
    for number in range(100, 160):
        await value(live, number)
    requests = await receiver.wait(60)
    assert [r.entities[0]["occupancy"]["value"] for r in requests] == list(range(100, 160))


async def test_uses_several_connections_side_by_side(live: Live) -> None:
    async with receiving(hold=asyncio.Event()) as receiver:
        await subscribe(live, receiver)
        batch = [{**shelter(), "id": f"urn:ngsi-ld:Shelter:{n}"} for n in range(30)]
        await live.post("/entityOperations/create", batch)
        await receiver.wait(8)
        assert await receiver.quiet() == 8 == receiver.connections
        receiver.hold.set()
        await receiver.wait(30)
        assert receiver.connections == 8


async def test_delivers_more_than_it_holds_in_memory(live: Live) -> None:
    async with receiving(hold=asyncio.Event()) as receiver:
        await subscribe(live, receiver, {"format": "simplified"})
        for start in range(0, 3000, 500):
            batch = [{**shelter(), "id": f"urn:ngsi-ld:Shelter:{n}"} for n in range(start, start + 500)]
            assert (await live.post("/entityOperations/create", batch)).status == 201
        receiver.hold.set()
        await receiver.wait(3000, 60)
        assert len({r.entities[0]["id"] for r in receiver.requests}) == 3000
        assert await receiver.quiet() == 3000


async def test_delivers_after_a_restart_with_the_same_id(tmp_path: Path) -> None:
    async with receiving(answer=None) as receiver:
        async with live_broker(tmp_path, notify_backoff=30.0) as live:
            await create(live)
            await subscribe(live, receiver)
            await value(live, 6)
            (first,) = await receiver.wait()
        receiver.answer = 200
        async with live_broker(tmp_path, notify_backoff=0.1) as live:
            _, second = await receiver.wait(2)
            await until(nothing_waits(live))
        assert first.json == second.json
        async with live_broker(tmp_path):
            assert await receiver.quiet() == 2


async def test_gives_up_and_replays(tmp_path: Path) -> None:
    async with (
        receiving(answer=500) as receiver,
        live_broker(tmp_path, notify_backoff=0.02, notify_attempts=3) as live,
    ):
        await create(live)
        await subscribe(live, receiver)
        await value(live, 6)
        store = live.broker.catalogue.open("")

        async def dead() -> bool:
            return bool(store.dead_letters(10))

        await until(dead)
        (letter,) = store.dead_letters(10)
        assert letter.attempts == 3 and "500" in letter.error and not store.endpoints()
        assert await receiver.quiet() == 3
        receiver.answer = 200
        assert await store.replay(None, 0) == 1
        live.broker.notifier.changed("")
        *_, last = await receiver.wait(4)
        assert last.json["id"] == letter.id
        assert await receiver.quiet() == 4


async def test_pausing_drops_what_waits(live: Live) -> None:
    async with receiving(answer=503) as receiver:
        await create(live)
        id = await subscribe(live, receiver)
        await value(live, 6)
        await receiver.wait()
        assert (await live.ask("PATCH", f"/subscriptions/{id}", {"isActive": False})).status == 204
        receiver.answer = 200
        await value(live, 7)
        before = await receiver.quiet()
        assert (await live.ask("PATCH", f"/subscriptions/{id}", {"isActive": True})).status == 204
        assert await receiver.quiet(0.5) == before
        assert not live.broker.catalogue.open("").endpoints()
        await value(live, 8)
        *_, last = await receiver.wait(before + 1)
        assert last.entities[0]["occupancy"]["value"] == 8


async def test_deleting_drops_what_waits(live: Live) -> None:
    async with receiving(answer=503) as receiver:
        await create(live)
        id = await subscribe(live, receiver)
        await value(live, 6)
        await receiver.wait()
        assert (await live.ask("DELETE", f"/subscriptions/{id}")).status == 204
        before = await receiver.quiet()
        assert await receiver.quiet(0.5) == before
        assert not live.broker.catalogue.open("").endpoints()
        assert (await live.get(f"/subscriptions/{id}")).status == 404


async def test_a_changed_endpoint_gets_what_waits(live: Live, receiver: Receiver) -> None:
    await create(live)
    id = await subscribe(live, receiver, {"endpoint": {"uri": DEAD}})
    await value(live, 6)

    async def failed() -> bool:
        return (await counters(live, id)).get("status") == "failed"

    await until(failed)
    change = {"notification": {"endpoint": {"uri": receiver.url}}}
    assert (await live.ask("PATCH", f"/subscriptions/{id}", change)).status == 204
    await receiver.wait()


async def test_stops_when_the_subscription_expires(live: Live, receiver: Receiver) -> None:
    await create(live)
    id = await subscribe(live, receiver, expiresAt=shown_in_japan(600))
    await value(live, 6)
    await receiver.wait()
    assert (await live.get(f"/subscriptions/{id}")).json["status"] == "active"
    soon = shown_in_japan(2)
    assert (await live.ask("PATCH", f"/subscriptions/{id}", {"expiresAt": soon})).status == 204

    async def expired() -> bool:
        return bool((await live.get(f"/subscriptions/{id}")).json["status"] == "expired")

    await until(expired)
    await value(live, 7)
    assert await receiver.quiet() == 1
    assert (await live.get(f"/subscriptions/{id}")).json["expiresAt"] == soon


def shown_in_japan(seconds: float) -> str:
    """Write a moment with the offset of Japan."""
    from datetime import datetime, timedelta, timezone

    moment = datetime.now(timezone(timedelta(hours=9))) + timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds")


async def test_throttles_with_fractions_of_a_second(live: Live, receiver: Receiver) -> None:
    await create(live)
    await subscribe(live, receiver, throttling=0.5)
    number, apart = 10, [9.0]
    async with asyncio.timeout(60):
        while not 0.5 <= min(apart) < 1:  # a busy machine may need some to come in time
            number += 1
            await value(live, number)
            await asyncio.sleep(0.05)
            times = [clock.parse(request.json["notifiedAt"]) for request in receiver.requests]
            apart = [9.0, *((later - one) / clock.SECOND for one, later in pairwise(times))]
            assert min(apart) >= 0.5


async def test_throttles_over_a_restart(tmp_path: Path) -> None:
    async with receiving() as receiver:
        async with live_broker(tmp_path) as live:
            await create(live)
            await subscribe(live, receiver, throttling=30)
            await value(live, 6)
            await receiver.wait()
            await until(nothing_waits(live))
        async with live_broker(tmp_path) as live:
            await value(live, 7)
            assert await receiver.quiet() == 1


async def test_notifies_at_intervals_of_all_that_matches(live: Live, receiver: Receiver) -> None:
    batch = [
        {"id": f"urn:ngsi-ld:Shelter:{n}", "type": "Shelter", "occupancy": {"type": "Property", "value": n}}
        for n in range(5)
    ]
    await live.post("/entityOperations/create", batch)
    begun = clock.now()
    id = await subscribe(live, receiver, {"format": "keyValues"}, timeInterval=0.3, q="occupancy>2")
    requests = await receiver.wait(3)
    assert clock.parse(requests[0].json["notifiedAt"]) >= begun + 0.3 * clock.SECOND
    for request in requests:
        assert [one["occupancy"] for one in request.entities] == [3, 4]
    await live.ask("PATCH", f"/subscriptions/{id}", {"isActive": False})
    count = await receiver.quiet()
    assert await receiver.quiet(0.5) == count


async def test_goes_on_with_intervals_after_a_restart(tmp_path: Path) -> None:
    async with receiving() as receiver:
        async with live_broker(tmp_path) as live:
            await create(live)
            await subscribe(live, receiver, timeInterval=0.3)
        async with live_broker(tmp_path):
            await receiver.wait(2)


async def test_keeps_silent_at_intervals_when_nothing_matches(live: Live, receiver: Receiver) -> None:
    await subscribe(live, receiver, timeInterval=0.1)
    assert await receiver.quiet(0.4) == 0


async def test_gives_up_waiting_after_the_timeout_of_the_endpoint(live: Live) -> None:
    async with receiving(hold=asyncio.Event()) as receiver:
        await create(live)
        id = await subscribe(live, receiver, {"endpoint": {"timeout": 100}})
        await value(live, 6)
        await receiver.wait(2)
        assert (await counters(live, id))["timesFailed"] >= 1


async def test_leaves_a_failing_endpoint_alone_for_its_cooldown(live: Live) -> None:
    async with receiving(answer=503) as receiver:
        await create(live)
        await subscribe(live, receiver, {"endpoint": {"cooldown": 600}})
        await value(live, 6)
        await receiver.wait()
        await value(live, 7)
        first, second = await receiver.wait(2)
        assert second.arrived - first.arrived >= 0.59


async def test_follows_no_redirect(live: Live) -> None:
    async with receiving(answer=307) as receiver:
        await create(live)
        id = await subscribe(live, receiver)
        await value(live, 6)
        await receiver.wait()

        async def failed() -> bool:
            return (await counters(live, id)).get("status") == "failed"

        await until(failed)


async def test_reaches_no_private_address_unless_listed(tmp_path: Path, receiver: Receiver) -> None:
    async with live_broker(tmp_path) as live:
        await create(live)
        await subscribe(live, receiver, {"endpoint": {"uri": "http://10.255.255.1/notify"}})
        await value(live, 6)

        async def refused() -> bool:
            (message,) = live.broker.catalogue.open("").waiting(None, 0, 10)
            return "not a public address" in message.error

        await until(refused)


async def test_drops_the_subscriptions_of_a_dropped_tenant(live: Live, receiver: Receiver) -> None:
    tenant = {"NGSILD-Tenant": "harbour"}
    body = {
        "type": "Subscription",
        "entities": [{"type": "Shelter"}],
        "notification": {"endpoint": {"uri": receiver.url}},
    }
    await live.post("/subscriptions", body, headers=tenant)
    await live.broker.catalogue.drop("harbour")
    live.broker.notifier.changed("harbour")
    await live.post("/entities", shelter(), headers=tenant)
    assert await receiver.quiet() == 0
    assert (await live.get("/subscriptions", headers=tenant)).json == []
