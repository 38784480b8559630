"""The limit of requests: each caller has its own, nobody can outrun it, memory stays bounded. (OWASP API4:2023)"""

import asyncio
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.access.caller import Caller
from base.access.limits import MOST, Limit, network_of
from tests.access.secure import bearer
from tests.live import live_broker


@given(
    st.integers(1, 50),
    st.integers(1, 20),
    st.lists(st.floats(0, 1, allow_nan=False), min_size=1, max_size=200),
)
def test_never_lets_more_through_than_it_says(rate: int, burst: int, pauses: list[float]) -> None:
    limit, now, let = Limit(rate, burst), 1_000.0, list[float]()
    for pause in pauses:
        now += pause
        wait = limit.take("a", now)
        assert wait >= 0
        if not wait:
            let.append(now)
    for first, begun in enumerate(let):
        for last in range(first, len(let)):
            assert last - first + 1 <= burst + rate * (let[last] - begun) + 1e-3


@given(st.integers(1, 50), st.integers(1, 20), st.integers(1, 100))
def test_lets_through_after_the_wait_it_names(rate: int, burst: int, requests: int) -> None:
    limit, now = Limit(rate, burst), 5.0
    for _ in range(requests):
        wait = limit.take("a", now)
        if wait:
            now += wait
            assert limit.take("a", now) == 0


def test_memory_stays_bounded() -> None:
    limit = Limit(1, 1)
    for number in range(MOST * 2):
        limit.take(str(number), 1.0)
    assert len(limit._full) <= MOST


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::1%eth1", True),
        ("", "", True),
    ],
)
def test_counts_networks_of_ipv6(one: str, other: str, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same


def test_callers_have_limits_of_their_own() -> None:
    limit = Limit(1, 1)
    callers: list[Caller | str] = [
        Caller("key", "a"),
        Caller("key", "b"),
        Caller("token", "a"),
        Caller("certificate", "a"),
        "a",
    ]
    assert [limit.take(caller, 1.0) for caller in callers] == [0] * 5
    assert all(limit.take(caller, 1.0) > 0 for caller in callers)


async def test_refuses_with_a_time_to_wait(tmp_path: Path) -> None:
    async with live_broker(tmp_path, requests_per_second=0.01, requests_burst=4) as live:
        assert live.broker.doors.keys is not None
        text, _ = await live.broker.doors.keys.add("gate", [], None, 1)
        for _ in range(4):
            assert (await live.get("/types", headers=bearer(text))).status == 200
        reply = await live.get("/types", headers=bearer(text))
        assert reply.status == 429
        assert reply.json["type"] == "urn:engawa:errors:TooManyRequests"
        assert int(reply.headers["Retry-After"]) > 1
        assert "gate" not in reply.raw.decode()
        other, _ = await live.broker.doors.keys.add("lamp", [], None, 1)
        assert (await live.get("/types", headers=bearer(other))).status == 200
        assert [(await live.get("/types")).status for _ in range(5)] == [200] * 4 + [429]


async def test_guessing_is_limited_by_address(tmp_path: Path) -> None:
    async with live_broker(tmp_path, requests_per_second=0.01, requests_burst=3) as live:
        statuses = [
            (await live.get("/types", headers=bearer(f"engawa_aaaaaaaa_{number:0>43}"))).status
            for number in range(5)
        ]
        assert statuses == [401] * 3 + [429] * 2


async def test_reads_past_the_server_and_pages_are_limited_too(tmp_path: Path) -> None:
    async with live_broker(tmp_path, requests_per_second=0.01, requests_burst=10) as live:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(live.url.rpartition(":")[2]))
        statuses = []
        for _ in range(12):
            writer.write(b"GET /ngsi-ld/v1/types HTTP/1.1\r\nHost: x\r\n\r\n")
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
            length = re.search(rb"Content-Length: (\d+)", head)
            assert length
            await reader.readexactly(int(length[1]))
            statuses.append(int(head.split()[1]))
        writer.close()
        assert statuses == [200] * 10 + [429] * 2
        for path in ("/", "/openapi.json", "/nowhere"):
            async with live.session.get(live.url + path) as answer:
                assert answer.status == 429
        async with live.session.get(live.url + "/health/ready") as answer:
            assert answer.status == 200


async def test_there_is_no_limit_unless_it_is_set(tmp_path: Path) -> None:
    async with live_broker(tmp_path) as live:
        assert live.broker.doors.limit is None
        assert {(await live.get("/types")).status for _ in range(150)} == {200}
