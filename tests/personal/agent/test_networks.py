"""Two networks: the inside accepts no connection at all, and the wire between them shows no plaintext. (done when 3)"""

import asyncio
import base64
import socket
from pathlib import Path

import pytest
import trustme

from tests.personal.agent import stands
from tests.personal.agent.insiders import PHONE, SECRET, Town, introduce, outside, over_socket
from tests.personal.consents.cards import Authority
from tests.personal.disclosure import sharing
from tests.personal.live import Live
from tests.ports import free_port

MARK = b"anybody can read this"
PLAIN = (SECRET, b"079-66", b"phones", b"hanako", base64.b64encode(SECRET), SECRET.hex().encode())


def open_ports(address: str) -> list[int]:
    """Try every port of an address."""
    found = []
    for port in range(1, 65_536):
        with socket.socket() as probe:
            probe.settimeout(1.0)
            if probe.connect_ex((address, port)) == 0:
                found.append(port)
    return found


async def tapped(net: stands.Network, tap: stands.Capture) -> None:
    """Make sure that what goes over the cable is seen: something that anybody can read."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(200):
            sender.sendto(MARK, (net.inside, 9))
            if any(MARK in frame for frame in tap.frames):
                break
            await asyncio.sleep(0.05)
        else:
            raise AssertionError("nothing of the cable is seen")
    tap.frames.clear()


async def known_of(live: Live, person: str) -> list[bytes]:
    """Give by which names a resident is known outside: to a service, to staff, to the module."""
    subject = await sharing.name(live, person, "shelter")
    told = (subject, person, "ヤブ ハナコ", "ヤブ", "1990-04-01")
    return [form for text in told for form in (text.encode(), base64.b64encode(text.encode()))]


@pytest.mark.skipif(
    not stands.may_make_networks(), reason="needs CAP_SYS_ADMIN and ip: makes network namespaces"
)
async def test_across_two_networks_only_the_inside_calls_and_nothing_on_the_wire_can_be_read(
    tmp_path: Path,
) -> None:
    authority, trust, port = Authority("JPKI"), trustme.CA(), free_port()
    with stands.network() as net, stands.captured(net.cable) as tap:
        await tapped(net, tap)
        url = f"https://{net.outside}:{port}"
        server = trust.issue_cert(net.outside, "127.0.0.1")
        client = trust.issue_cert("agent.example")
        server.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
        client.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "agent.pem"))
        client.cert_chain_pems[0].write_to_path(str(tmp_path / "agent.crt"))
        server.cert_chain_pems[0].write_to_path(str(tmp_path / "server.crt"))
        trust.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        settings = {
            "trust": trust, "port": port, "public_url": url,
            "tls_certificate": tmp_path / "server.pem", "tls_client_authorities": tmp_path / "ca.pem",
            "lgwan_certificates": tmp_path / "agent.crt",
        }  # fmt: skip
        async with (
            outside(tmp_path / "outside", authority, **settings) as live,
            stands.wire(net.outside, port, port),
        ):
            live.url = url
            tls = ("--certificate", str(tmp_path / "agent.pem"), "--pins", str(tmp_path / "server.crt"))
            child = await stands.agent(tmp_path / "inside", url, *tls, within=net.within)
            try:
                do = over_socket(tmp_path / "inside")
                await introduce(do, live, authority)
                there = Town(live, do, authority)
                await there.approve_service()
                person = await there.resident("hanako")
                await there.agree("hanako")
                told = await there.disclosed("hanako", person)
                assert (told["items"], told["withheld"]) == ({"contact": PHONE}, [])
                assert await asyncio.to_thread(open_ports, net.inside) == []
                assert net.listening() == []
                status = await do("status")
                assert (status["records"], status["connected"], status["alarms"]) == (1, True, 0)
            finally:
                await asyncio.to_thread(stands.end, child)
            names = await known_of(live, person)
        streams = {key: data for key, data in tap.streams().items() if port in key}
    assert {source for source, _, _ in streams} == {net.inside, net.outside}
    assert sum(map(len, streams.values())) > 10_000
    assert {data[:2] for data in streams.values()} == {b"\x16\x03"}  # each begins with a handshake of TLS
    frames = b"".join(tap.frames)
    for carried in (frames, *streams.values()):
        assert [plain for plain in (*PLAIN, *names, b"POST /personal", b"contact") if plain in carried] == []
    # somebody outside tried every port inside; only the inside began what was taken up
    assert tap.begun() == {f"{net.inside} began", f"{net.outside} took up", f"{net.outside} began"}


async def test_even_without_tls_the_line_carries_envelopes_only(tmp_path: Path) -> None:
    authority, port, beside = Authority("JPKI"), free_port(), free_port()
    url = f"http://127.0.0.1:{beside}"
    async with (
        outside(tmp_path / "outside", authority, port=port, public_url=url) as live,
        stands.wire("127.0.0.1", beside, port) as wire,
    ):
        child = await stands.agent(tmp_path / "inside", url)
        try:
            do = over_socket(tmp_path / "inside")
            await introduce(do, live, authority)
            there = Town(live, do, authority)
            live.url = url
            token = await live.service_token("shelter")
            live.url = f"http://127.0.0.1:{port}"  # the tests themselves do not use the line
            assert token
            await there.approve_service()
            person = await there.resident("hanako")
            await there.agree("hanako")
            told = await there.disclosed("hanako", person)
            assert told["items"] == {"contact": PHONE}
            assert (
                b"POST /personal/v1/agent/claim" in wire.carried
                and b"POST /personal/v1/agent/answers" in wire.carried
            )
            names = await known_of(live, person)
            assert [plain for plain in (*PLAIN, *names) if plain in wire.carried] == []
        finally:
            await asyncio.to_thread(stands.end, child)


async def test_while_the_agent_is_away_the_answer_is_pending_and_comes_later(tmp_path: Path) -> None:
    authority, port = Authority("JPKI"), free_port()
    url = f"http://127.0.0.1:{port}"
    async with outside(tmp_path / "outside", authority, port=port, lgwan_wait_seconds=0.3) as live:
        child = await stands.agent(tmp_path / "inside", url)
        try:
            do = over_socket(tmp_path / "inside")
            await introduce(do, live, authority)
            there = Town(live, do, authority)
            await there.approve_service()
            person = await there.resident("hanako")
            await there.agree("hanako")
        finally:
            await asyncio.to_thread(stands.end, child)
        told = await there.disclosed("hanako", person)
        assert told["items"] == {} and told["withheld"][0]["reason"] == "pending"
        newer = {"phones": [{"number": "079-000-9999", "kind": "home"}]}
        await there.keep(
            person, newer, 1
        )  # a write waits on disk, and what is told afterwards is never older
        assert (await there.disclosed("hanako", person))["items"] == {}
        child = await stands.agent(tmp_path / "inside", url)
        try:
            for _ in range(100):
                told = await there.disclosed("hanako", person)
                if told["items"]:
                    break
            assert told["items"] == {"contact": newer}
            status = await do("status")
            assert (status["records"], status["alarms"]) == (2, 0)
        finally:
            await asyncio.to_thread(stands.end, child)
