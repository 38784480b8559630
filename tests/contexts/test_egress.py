"""Which addresses outgoing connections may reach. (docs/settings.md: outgoing)"""

import asyncio
import ipaddress
import socket
from typing import Any

import aiohttp
import pytest
from aiohttp import ThreadedResolver, web
from hypothesis import given
from hypothesis import strategies as st

from base.egress import AddressPolicy, Refused, connector
from base.web import serving

PRIVATE = """
    10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 0.1.2.3 224.0.0.1 239.1.1.1
    240.0.0.1 255.255.255.255 192.0.0.8 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.9 :: fe80::1 fe80::1%eth0 fec0::1
    fc00::1 fd12::1 ff02::1 100::1 2001:db8::1 2001::1 64:ff9b::10.0.0.1 64:ff9b:1::1
    ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::10.0.0.1 2002:a00:1:: 4000::1
"""
PUBLIC = """
    8.8.8.8 1.1.1.1 133.242.0.1 172.32.0.1 100.128.0.1 2606:4700::1111 2400:cb00::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8
"""
LOOPBACK = ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "::127.0.0.1"]


@pytest.mark.parametrize("address", PRIVATE.split())
@pytest.mark.parametrize("loopback", [True, False])
def test_refuses_addresses_that_are_not_public(address: str, loopback: bool) -> None:
    with pytest.raises(Refused, match="outgoing"):
        AddressPolicy((), loopback=loopback).check_address(address)


@pytest.mark.parametrize("address", PUBLIC.split())
def test_allows_public_addresses(address: str) -> None:
    AddressPolicy((), loopback=False).check_address(address)


@pytest.mark.parametrize("address", LOOPBACK)
def test_allows_loopback_only_while_bound_to_loopback(address: str) -> None:
    AddressPolicy((), loopback=True).check_address(address)
    with pytest.raises(Refused, match="loopback"):
        AddressPolicy((), loopback=False).check_address(address)


@pytest.mark.parametrize(
    ("listed", "address"),
    [
        ("10.0.0.0/8", "10.9.9.9"),
        ("10.1.2.3/8", "10.0.0.1"),
        ("192.168.1.7", "192.168.1.7"),
        ("192.168.0.0/16", "::ffff:192.168.1.1"),
        ("fd00::/8", "fd12::1"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
    ],
)
def test_allows_what_is_listed(listed: str, address: str) -> None:
    AddressPolicy((listed,), loopback=False).check_address(address)


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3", "1.2.3.4.5", "::g", "2130706433", "0x7f.1"])
def test_refuses_what_is_no_address(text: str) -> None:
    with pytest.raises(Refused):
        AddressPolicy((), loopback=True).check_address(text)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_the_same_in_every_dress(address: ipaddress.IPv4Address) -> None:
    policy = AddressPolicy((), loopback=False)

    def allowed(text: str) -> bool:
        try:
            policy.check_address(text)
        except Refused:
            return False
        return True

    bare = allowed(str(address))
    assert allowed(f"::ffff:{address}") is bare
    assert allowed(f"64:ff9b::{address}") is bare
    assert bare <= address.is_global


@pytest.fixture
async def port() -> Any:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="reached")

    app = web.Application()
    app.router.add_get("/", answer)
    async with serving(app, "127.0.0.1", 0, seconds=1.0) as it:
        yield it


async def reached(policy: AddressPolicy, url: str) -> str:
    async with aiohttp.ClientSession(connector=connector(policy)) as session, session.get(url) as response:
        return await response.text()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_connection_is_checked_on_the_address_it_goes_to(port: int, host: str) -> None:
    assert await reached(AddressPolicy((), loopback=True), f"http://{host}:{port}/") == "reached"
    with pytest.raises(aiohttp.ClientConnectorError, match="outgoing") as caught:
        await reached(AddressPolicy((), loopback=False), f"http://{host}:{port}/")
    assert isinstance(caught.value.os_error, Refused)


async def test_a_listed_host_may_have_a_private_address(port: int) -> None:
    assert (
        await reached(AddressPolicy(("LocalHost.",), loopback=False), f"http://localhost:{port}/")
        == "reached"
    )


async def test_a_name_that_changes_its_address_is_still_refused(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["8.8.8.8", "127.0.0.1"])

    async def rebind(_self: Any, host: str, port: int = 0, family: int = 0) -> list[Any]:
        address = next(answers)
        if address == "8.8.8.8":  # what a check before the connection would have seen
            return await rebind(_self, host, port, family)
        where = {
            "hostname": host,
            "host": address,
            "port": port,
            "family": socket.AF_INET,
            "proto": 0,
            "flags": 0,
        }
        return [where]

    monkeypatch.setattr(ThreadedResolver, "resolve", rebind)
    with pytest.raises(aiohttp.ClientConnectorError) as caught:
        await reached(AddressPolicy((), loopback=False), f"http://rebind.example:{port}/")
    assert isinstance(caught.value.os_error, Refused)


async def test_of_several_addresses_the_allowed_one_is_used(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def both(_self: Any, host: str, port: int = 0, family: int = 0) -> list[Any]:
        base = {"hostname": host, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
        return [{**base, "host": "10.255.255.1"}, {**base, "host": "127.0.0.1"}]

    monkeypatch.setattr(ThreadedResolver, "resolve", both)
    async with asyncio.timeout(30):
        assert await reached(AddressPolicy((), loopback=True), f"http://both.example:{port}/") == "reached"
