"""TLS: its versions, the certificates of clients, changes of files while it runs. (RFC 8446, RFC 9325)"""

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from base.access.caller import Caller
from base.access.certificates import Tls, TlsFiles
from base.settings import SettingError
from broker.server import broker_of
from broker.settings import BrokerSettings
from tests.access.secure import Secure, secure_broker, server_pem
from tests.house.started import wait_until
from tests.ports import free_port


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[Secure]:
    async with secure_broker(tmp_path) as broker:
        yield broker


REFUSED = (aiohttp.ClientError, ssl.SSLError, OSError)


async def test_serves_over_tls_and_names_itself_so(secure: Secure) -> None:
    assert (await secure.get())[0] == 200
    status, _ = await secure.get("/entities?type=T&limit=1")
    assert status == 200


async def test_answers_known_reads_over_tls(secure: Secure, seen: list[Caller]) -> None:
    reader, writer = await asyncio.open_connection("localhost", secure.port, ssl=secure.trusting())
    for _ in range(20):
        writer.write(b"GET /ngsi-ld/v1/types HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        assert head.startswith(b"HTTP/1.1 200")
        await reader.readuntil(b"}")
    writer.close()
    assert len(seen) < 5


async def test_plain_http_gets_nothing(secure: Secure) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(REFUSED):
            await session.get(f"http://127.0.0.1:{secure.port}/ngsi-ld/v1/types")
    assert (await secure.get())[0] == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_refuses_old_versions(secure: Secure, version: ssl.TLSVersion) -> None:
    context = secure.trusting()
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(REFUSED):
        await asyncio.open_connection("localhost", secure.port, ssl=context)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_speaks_present_versions(secure: Secure, version: ssl.TLSVersion) -> None:
    context = secure.trusting()
    context.minimum_version = context.maximum_version = version
    _, writer = await asyncio.open_connection("localhost", secure.port, ssl=context)
    assert writer.get_extra_info("ssl_object").version() == version.name.replace("_", ".").replace(
        "TLSv", "TLSv"
    )
    writer.close()


async def serial(secure: Secure) -> str:
    _, writer = await asyncio.open_connection("localhost", secure.port, ssl=secure.trusting())
    number = writer.get_extra_info("peercert")["serialNumber"]
    writer.close()
    return str(number)


async def test_takes_new_files_and_keeps_old_ones_when_they_are_broken(
    tmp_path: Path, secure: Secure
) -> None:
    file = tmp_path / "server.pem"
    first, old = await serial(secure), file.read_bytes()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=secure.trusting())) as session:
        async with session.get(f"{secure.url}/health/live") as answer:
            assert answer.status == 200
        other = trustme.CA()
        mismatched = server_pem(other, tmp_path / "x.pem").read_bytes().split(b"-----END")[0] + old[200:]
        for broken in (b"", b"nonsense", old[: len(old) // 2], mismatched):
            file.write_bytes(broken)
            secure.broker.doors.reload()
            assert await serial(secure) == first
        file.unlink()
        secure.broker.doors.reload()
        assert await serial(secure) == first
        server_pem(secure.authority, file)
        for _ in range(600):
            if await serial(secure) != first:
                break
            await asyncio.sleep(0.05)
        else:
            raise AssertionError("the new certificate is not taken by itself")
        async with session.get(f"{secure.url}/health/live") as answer:  # the connection of before goes on
            assert answer.status == 200


async def test_a_slow_handshake_holds_up_nobody(secure: Secure) -> None:
    with socket.create_connection(("127.0.0.1", secure.port)) as silent:
        silent.send(b"\x16\x03\x01")
        assert (await secure.get())[0] == 200


async def test_tells_those_beyond_the_most_connections_so(tmp_path: Path) -> None:
    async with secure_broker(tmp_path, connections=1) as secure:
        _, first = await asyncio.open_connection("localhost", secure.port, ssl=secure.trusting())
        reader, second = await asyncio.open_connection("localhost", secure.port, ssl=secure.trusting())
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        assert answer.startswith(b"HTTP/1.1 503") and b"Retry-After" in answer
        for writer in (first, second):
            writer.transport.abort()
        for _ in range(600):
            await asyncio.sleep(0.05)
            with contextlib.suppress(*REFUSED):
                if (await secure.get())[0] == 200:
                    return
        raise AssertionError("it does not recover")


async def test_handshakes_that_never_end_take_no_more_than_their_share(tmp_path: Path) -> None:
    async with secure_broker(tmp_path, connections=4) as secure:
        with contextlib.ExitStack() as stack:
            silent = [
                stack.enter_context(socket.create_connection(("127.0.0.1", secure.port))) for _ in range(20)
            ]
            tls = secure.broker.doors.tls
            assert tls is not None
            for line in silent[8:]:
                line.settimeout(30)
                assert await asyncio.to_thread(line.recv, 1) == b""
            assert len(tls.context.live) == 8
        for _ in range(600):
            await asyncio.sleep(0.05)
            with contextlib.suppress(*REFUSED):
                assert (await secure.get())[0] == 200
                break
        else:
            raise AssertionError("it does not recover")


@pytest.mark.parametrize(
    "settings",
    [
        {"tls_certificate": "none.pem"},
        {"tls_certificate": "text.pem"},
        {"tls_certificate": "server.pem", "tls_key": "text.pem"},
        {"tls_certificate": "server.pem", "tls_client_authorities": "text.pem"},
        {"tls_certificate": "server.pem", "tls_clients": "required"},
        {"tls_key": "server.pem"},
        {"tls_client_authorities": "server.pem"},
        {"tls_clients": "required"},
    ],
    ids=str,
)
async def test_does_not_start_with_files_it_cannot_use(tmp_path: Path, settings: dict[str, str]) -> None:
    server_pem(trustme.CA(), tmp_path / "server.pem")
    (tmp_path / "text.pem").write_text("nonsense")
    made = {name: tmp_path / value if "." in value else value for name, value in settings.items()}
    with pytest.raises(SettingError, match=r"tls_|cannot be used"):
        async with broker_of(BrokerSettings(data=tmp_path / "data", **made)):  # type: ignore[arg-type]  # by name
            pass


def test_asks_nobody_for_the_password_of_a_key(tmp_path: Path) -> None:
    pem = trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.bytes()
    key = serialization.load_pem_private_key(pem, None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (tmp_path / "server.pem").write_bytes(pem)
    (tmp_path / "key.pem").write_bytes(locked)
    with pytest.raises(SettingError, match="cannot be used"):
        Tls(TlsFiles(tmp_path / "server.pem", tmp_path / "key.pem"))


def test_a_broker_takes_new_files_on_sighup(tmp_path: Path) -> None:
    authority, port = trustme.CA(), free_port()
    file = server_pem(authority, tmp_path / "server.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)

    def number() -> object:
        try:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=30) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as line,
            ):
                return (line.getpeercert() or {}).get("serialNumber")
        except OSError:
            return None

    words = [
        "run",
        "broker",
        "--port",
        str(port),
        "--data",
        str(tmp_path / "data"),
        "--tls-certificate",
        str(file),
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ENGAWA_")}
    with subprocess.Popen(
        [sys.executable, "-m", "engawa", *words],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as process:
        try:
            assert wait_until(number)
            first = number()
            server_pem(authority, file)
            process.send_signal(signal.SIGHUP)
            assert wait_until(lambda: number() not in (None, first))
            assert process.poll() is None
        finally:
            process.terminate()
            assert process.wait(60) == 0
