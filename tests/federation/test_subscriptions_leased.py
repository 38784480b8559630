"""Copies of subscriptions end by themselves unless they are renewed: no source tells a dead broker for ever. (5.8.1.4)"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base import clock
from broker.federation.lease import Lease, dated
from broker.federation.passed import KIND, Passed
from tests.federation.fakes import source as prepared
from tests.federation.test_subscriptions import SHELTER, becomes, create, shelter, subscribe, subscriptions_at
from tests.federation.test_subscriptions_failing import endpoint, lines
from tests.federation.towns import register
from tests.live import live_broker
from tests.notify.receiver import Receiver, receiving


@pytest.fixture
async def source() -> AsyncIterator[Receiver]:
    """Something that takes requests as a source would, and answers as it is told."""
    async with receiving(answer=201) as running:
        yield running


def end(request: Any) -> float:
    """Say in how many seconds a copy ends that was just sent."""
    return (clock.parse(request.json["expiresAt"]) - clock.now()) / clock.SECOND


async def test_a_copy_is_renewed_as_long_as_its_broker_lives(tmp_path: Path, source: Receiver) -> None:
    async with live_broker(tmp_path, federation_lease_seconds=1) as yabu:
        await register(yabu, endpoint(source), SHELTER)
        await subscribe(yabu, source)
        post, *renewals = await source.wait(3)
        assert end(renewals[-1]) <= 1 and post.json["expiresAt"] < renewals[0].json["expiresAt"]
        assert lines(source)[:3] == ["POST subscriptions", *[f"PATCH {post.json['id']}"] * 2]
        assert all(one.json.keys() == {"type", "expiresAt"} for one in renewals)


async def test_a_copy_ends_at_its_source_when_its_broker_is_gone(tmp_path: Path, source: Receiver) -> None:
    async with live_broker(tmp_path / "source") as toyooka:
        async with live_broker(tmp_path / "data", federation_lease_seconds=2) as yabu:
            await register(yabu, toyooka, SHELTER)
            await subscribe(yabu, source)
            (copy,) = await subscriptions_at(toyooka, 1)
            await create(toyooka, shelter(1))
            await source.wait()
            assert copy["status"] == "active"
        await becomes(toyooka, status="expired")


@pytest.mark.parametrize("own", [30, 1_000])
async def test_no_copy_outlives_its_subscription(tmp_path: Path, source: Receiver, own: int) -> None:
    ends = clock.show(clock.now() + own * clock.SECOND)
    async with live_broker(tmp_path, federation_lease_seconds=60) as yabu:
        await register(yabu, endpoint(source), SHELTER)
        id = await subscribe(yabu, source, expiresAt=ends)
        (post,) = await source.wait()
        assert post.json["expiresAt"] == ends if own < 60 else 0 < end(post) <= 60
        assert await source.quiet() == 1
        assert (await yabu.get(f"/subscriptions/{id}")).json["expiresAt"] == ends


async def test_a_copy_that_ended_in_the_meantime_is_made_anew(tmp_path: Path, source: Receiver) -> None:
    """After a long time without our broker."""
    async with live_broker(tmp_path, federation_lease_seconds=0.2) as yabu:
        await register(yabu, endpoint(source), SHELTER)
        await subscribe(yabu, source)
        (post, *_) = await source.wait()
    await source.quiet(0.4)
    seen = len(source.requests)
    async with live_broker(tmp_path) as yabu:
        again, *_ = (await source.wait(seen + 2))[seen:]
        assert lines(source)[seen:] == ["POST subscriptions", f"DELETE {post.json['id']}"]
        assert again.json["id"] != post.json["id"] and end(again) > 3_000
        assert await source.quiet(0.2) == seen + 2
        assert [one["id"] for one in yabu.broker.catalogue.open("").records(KIND)] == [again.json["id"]]


async def test_a_restart_in_time_renews_the_copy_that_is_there(tmp_path: Path, source: Receiver) -> None:
    async with live_broker(tmp_path) as yabu:
        await register(yabu, endpoint(source), SHELTER)
        await subscribe(yabu, source)
        (post,) = await source.wait()
        await source.quiet()
    async with live_broker(tmp_path, federation_lease_seconds=10_000):
        await source.wait(2)
        assert lines(source)[1:] == [f"PATCH {post.json['id']}"]


@pytest.mark.parametrize("operations", [["createSubscription", "deleteSubscription"], ["federationOps"]])
async def test_a_source_that_cannot_renew_gets_another_copy(
    tmp_path: Path, source: Receiver, operations: list[str]
) -> None:
    """One does not offer it, the other refuses it."""
    source.answer = lambda request: 405 if request.head.startswith("PATCH") else 201
    async with live_broker(tmp_path, federation_lease_seconds=1) as yabu:
        await register(yabu, endpoint(source), SHELTER, operations=operations)
        await subscribe(yabu, source)
        first, *_ = await source.wait(4)
        told = [line for line in lines(source) if not line.startswith("PATCH")]
        assert told[:3] == ["POST subscriptions", "POST subscriptions", f"DELETE {first.json['id']}"]


async def test_a_source_that_was_away_is_renewed_when_it_is_back(tmp_path: Path, source: Receiver) -> None:
    async with live_broker(tmp_path, federation_lease_seconds=2) as yabu:
        await register(yabu, endpoint(source), SHELTER)
        await subscribe(yabu, source)
        await source.wait()
        source.answer = None
        seen = len(await source.wait(2))
        source.answer = 201
        back = (await source.wait(seen + 1))[seen]
        assert end(back) <= 2


async def test_without_a_lease_copies_end_with_their_subscription(tmp_path: Path, source: Receiver) -> None:
    async with live_broker(tmp_path) as yabu:
        await register(yabu, endpoint(source), SHELTER)
        await subscribe(yabu, source)
        (post,) = await source.wait()
        await source.quiet()
        assert "expiresAt" in post.json
    async with live_broker(tmp_path, federation_lease_seconds=0):
        _, patch = await source.wait(2)
        assert patch.json["expiresAt"] == "urn:ngsi-ld:null"
        assert await source.quiet() == 2


MOMENTS = st.integers(0, 10_000)


@given(MOMENTS, st.integers(0, 30_000), st.integers(1, 10_000), st.none() | MOMENTS)
def test_a_copy_kept_up_never_ends_early_nor_late(sent: int, later: int, time: int, own: int | None) -> None:
    """Sent once, looked at later: renewed in time, and at no time beyond its subscription."""
    lease, now = Lease(time), sent + later
    body = {} if own is None else {"expiresAt": clock.show(own)}
    passed = Passed("urn:x:1", "", "urn:x:2", prepared("http://127.0.0.1"), body, body)
    passed.until = lease.until(body, sent)
    ends = dated(body, passed.until).get("expiresAt")
    assert ends is not None and clock.parse(ends) <= (sent + time if own is None else max(own, 0))
    if own is not None and clock.parse(ends) == own:
        assert not lease.is_due(passed, now)
    elif own is None or now < own:
        assert lease.is_due(passed, now) == (now >= sent + time - time // 2)
        assert lease.is_over(passed, now) == (now >= sent + time)
