"""What a device has of its own: its key, its place at the module, what waits. (issue 6)"""

import asyncio
import ssl
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from adapters.sdk import device
from adapters.sdk.client import Client, Refused, Unreachable, checked_url
from adapters.sdk.device import DeviceKey
from adapters.sdk.outbox import Outbox
from base import clock
from base.errors import ServiceUnavailable
from base.settings import SettingError
from personal.login import desks
from personal.rules import assertion
from tests.personal.live import Live, live_module


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_module(tmp_path / "module") as running:
        yield running


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    first = device.opened(tmp_path)
    path = tmp_path / device.FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert device.opened(tmp_path).public == first.public
    assert "d" not in first.public and first.public["alg"] == "ES256"
    assert [one.name for one in tmp_path.iterdir()] == [device.FILE]
    path.chmod(0o644)
    with pytest.raises(ServiceUnavailable, match="mode to 0600"):
        device.opened(tmp_path)
    path.chmod(0o600)
    path.write_text("{", encoding="ascii")
    with pytest.raises(ServiceUnavailable, match="enrol the device anew"):
        device.opened(tmp_path)


def test_its_assertion_is_what_the_module_wants(tmp_path: Path) -> None:
    key = device.opened(tmp_path)
    made = key.assertion("desk.one", "https://module.example/token", 1_000_000)
    proof = assertion.verified(made, {"keys": [key.public]}, ("https://module.example/token",), 1_000_010)
    assert (proof.client, proof.until) == ("desk.one", 1_000_060)


async def test_a_device_asks_with_a_token_and_gets_a_new_one_when_it_ends(live: Live, tmp_path: Path) -> None:
    key = device.opened(tmp_path / "desk")
    entered = {"id": "one", "name": "窓口", "place": "本庁舎", "keys": {"keys": [key.public]}}
    async with Client(live.url, "desk.one", key) as client:
        with pytest.raises(Refused) as refused:
            await client.ask("GET", "/desks/own")
        assert refused.value.status == 401 and not refused.value.lasting
        await live.town.store.write(lambda db: desks.join(db, entered, by="test", now=clock.now()))
        assert (await client.ask("GET", "/desks/own"))["name"] == "窓口"
        first = client._token
        await live.town.store.write(lambda db: db.execute("DELETE FROM session WHERE kind = 'desk'"))
        found = await asyncio.gather(*(client.ask("GET", "/desks/own") for _ in range(5)))
        assert len(found) == 5 and client._token != first
        with pytest.raises(Refused) as refused:
            await client.ask("POST", "/card/transactions/claim", {"transaction": "x" * 40})
        assert refused.value.status == 404 and refused.value.lasting


@pytest.mark.parametrize("wrong", [-86_400.0, 3_600.0])
async def test_a_pc_whose_clock_is_wrong_goes_by_that_of_the_module(
    live: Live, tmp_path: Path, wrong: float
) -> None:
    key = device.opened(tmp_path / "desk")
    entered = {"id": "one", "name": "窓口", "place": "本庁舎", "keys": {"keys": [key.public]}}
    await live.town.store.write(lambda db: desks.join(db, entered, by="test", now=clock.now()))
    async with Client(live.url, "desk.one", key, clock=lambda: time.time() + wrong) as client:
        assert (await client.ask("GET", "/desks/own"))["name"] == "窓口"
        assert abs(client.now() - time.time()) < 30


async def test_a_module_that_is_not_there_or_not_one_cannot_be_reached(tmp_path: Path) -> None:
    key = device.opened(tmp_path)
    async with Client("http://127.0.0.1:9", "desk.one", key, seconds=2.0) as client:
        with pytest.raises(Unreachable):
            await client.ask("GET", "/desks/own")

    async def answer(request: web.Request) -> web.Response:
        kind = request.query_string or request.headers.get("Engawa-Municipality", "")
        if kind == "slow":
            await asyncio.sleep(30)
        bodies = {"page": b"<html>", "long": b"[" + b"1," * (1 << 20), "broken": b"{}"}
        return web.Response(status=502 if kind == "broken" else 200, body=bodies.get(kind, b""))

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        for kind in ("page", "long", "broken", "slow"):
            async with Client(
                f"http://127.0.0.1:{port}", "desk.one", key, municipality=kind, seconds=1.0
            ) as client:
                with pytest.raises(Unreachable):
                    await client.ask("GET", "/desks/own")
    finally:
        await runner.cleanup()


async def test_only_the_authorities_it_is_told_vouch_for_the_module(tmp_path: Path) -> None:
    right, wrong = trustme.CA(), trustme.CA()
    served = right.issue_cert("127.0.0.1")
    for name, one in (("right", right), ("wrong", wrong)):
        one.cert_pem.write_to_path(str(tmp_path / name))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.configure_cert(context)

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"detail": "no"}, status=404)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        url, key = f"https://127.0.0.1:{runner.addresses[0][1]}", device.opened(tmp_path)
        async with Client(url, "desk.one", key, authorities=tmp_path / "right") as client:
            with pytest.raises(Refused) as refused:
                await client.ask("GET", "/desks/own")
            assert refused.value.status == 404
        async with Client(url, "desk.one", key, authorities=tmp_path / "wrong") as client:
            with pytest.raises(Unreachable):
                await client.ask("GET", "/desks/own")
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "url", ["http://personal.example", "ftp://x", "personal.example", "https://", "https://a/?b"]
)
def test_it_speaks_to_others_with_tls_only(url: str) -> None:
    with pytest.raises(SettingError):
        checked_url(url)


def test_what_waits_is_sealed_kept_and_gone_when_done(tmp_path: Path) -> None:
    key = device.opened(tmp_path)
    box = Outbox(tmp_path, key, most=2)
    assert box.put("one", b"a", b"somebody's name", 1)
    assert not box.put("one", b"a", b"again", 2)
    assert box.put("two", b"a", b"another kind", 3)
    with pytest.raises(ServiceUnavailable, match="waits for the network"):
        box.put("one", b"c", b"", 4)
    box.close()
    assert b"somebody" not in b"".join(one.read_bytes() for one in tmp_path.iterdir())
    box = Outbox(tmp_path, key)
    [found] = box.waiting("one")
    assert (found.body, found.at) == (b"somebody's name", 1) and "somebody" not in repr(found)
    sealed = box._db.execute("SELECT sealed FROM waiting WHERE id = ?", (found.id,)).fetchall()[0][0]
    box.done(found.id)
    assert sealed not in b"".join(one.read_bytes() for one in tmp_path.iterdir())
    assert list(box.waiting("one")) == [] and box.count() == 1
    assert box.forget(4) == 1
    box.close()


def test_what_another_device_sealed_is_thrown_away(tmp_path: Path) -> None:
    box = Outbox(tmp_path, device.opened(tmp_path))
    box.put("one", b"a", b"x", 1)
    box.close()
    box = Outbox(tmp_path, DeviceKey(ECKey.generate_key("P-256", auto_kid=True)))
    assert list(box.waiting("one")) == [] and box.count() == 0
    box.close()


@settings(max_examples=20)
@given(st.lists(st.tuples(st.binary(max_size=40), st.binary(max_size=200)), max_size=8))
def test_it_gives_back_what_was_put_in_order(things: list[tuple[bytes, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        box = Outbox(Path(folder), KEY)
        wanted: dict[bytes, bytes] = {}
        for same, body in things:
            assert box.put("one", same, body, 1) is (same not in wanted)
            wanted.setdefault(same, body)
        assert [one.body for one in box.waiting("one")] == list(wanted.values())
        box.close()


KEY = DeviceKey(ECKey.generate_key("P-256", auto_kid=True))
