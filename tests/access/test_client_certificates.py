"""Clients known by their certificates: whose, until when, and never by anything else. (RFC 8446, RFC 8705)"""

import asyncio
import base64
import hashlib
import socket
import ssl
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from base.access.caller import Caller
from tests.access.secure import (
    Authority,
    bearer,
    issuers,
    issuing,
    rsa,
    secure_broker,
    server_pem,
    token,
)

REFUSED = (aiohttp.ClientError, ssl.SSLError, OSError)


async def test_knows_clients_by_their_certificates(
    tmp_path: Path, authority: Authority, seen: list[Caller]
) -> None:
    dns, uri = x509.DNSName("yabu.example"), x509.UniformResourceIdentifier("urn:city:28222")
    mail = x509.RFC822Name("someone@example.org")
    async with secure_broker(tmp_path, tls_client_authorities=authority.file) as secure:
        for name, alternatives in (
            ("yabu", None),
            ("yabu", [dns]),
            ("yabu", [uri, dns]),
            ("yabu", [mail]),
            ("yabu", [mail, dns]),
            ("", [dns]),
        ):
            assert (await secure.get("/types", authority.issue(name, alternatives=alternatives)))[0] == 200
        assert (await secure.get("/types"))[0] == 200
    assert seen.pop() == Caller()
    assert [caller.name for caller in seen] == [
        "yabu", "yabu.example", "urn:city:28222", "yabu", "yabu.example", "yabu.example",
    ]  # fmt: skip
    assert {caller.kind for caller in seen} == {"certificate"}


async def test_a_certificate_that_names_nobody_opens_nothing(tmp_path: Path, authority: Authority) -> None:
    async with secure_broker(tmp_path, tls_client_authorities=authority.file) as secure:
        nobody = authority.issue("", alternatives=[x509.RFC822Name("someone@example.org")])
        strange = authority.issue("yabu\nroles: admin")
        for certificate in (nobody, strange):
            status, body = await secure.get("/types", certificate)
            assert (status, body["type"]) == (401, "urn:engawa:errors:Unauthorized")


@pytest.mark.parametrize("clients", ["optional", "required"])
async def test_refuses_certificates_that_prove_nothing(
    tmp_path: Path, authority: Authority, clients: str
) -> None:
    async with secure_broker(tmp_path, tls_client_authorities=authority.file, tls_clients=clients) as secure:
        for certificate in (
            Authority(tmp_path, "stranger").issue("yabu"),
            authority.issue("yabu", seconds=-60),
            authority.issue("yabu", usage=ExtendedKeyUsageOID.SERVER_AUTH),
            server_pem(secure.authority, tmp_path / "other.pem"),
        ):
            with pytest.raises(REFUSED):
                await secure.get("/types", certificate)
        if clients == "required":
            with pytest.raises(REFUSED):
                await secure.get("/types")
        assert (await secure.get("/types", authority.issue("yabu")))[0] == 200


async def test_a_certificate_ends_within_a_connection(tmp_path: Path, authority: Authority) -> None:
    async with secure_broker(tmp_path, tls_client_authorities=authority.file) as secure:
        context = secure.trusting(authority.issue("yabu", seconds=2))
        connector = aiohttp.TCPConnector(ssl=context, limit=1)
        async with aiohttp.ClientSession(connector=connector) as session:
            for _ in range(600):
                async with session.get(f"{secure.url}/ngsi-ld/v1/types") as answer:
                    if answer.status == 401:
                        return
                    assert answer.status == 200
                await asyncio.sleep(0.05)
        raise AssertionError("the certificate outlives its end")


async def test_asks_nobody_when_told_so(tmp_path: Path, authority: Authority, seen: list[Caller]) -> None:
    async with secure_broker(tmp_path, tls_client_authorities=authority.file, tls_clients="none") as secure:
        assert (await secure.get("/types", authority.issue("yabu")))[0] == 200
    assert set(seen) == {Caller()}


async def test_a_key_says_more_than_the_certificate(
    tmp_path: Path, authority: Authority, seen: list[Caller]
) -> None:
    async with secure_broker(tmp_path, tls_client_authorities=authority.file) as secure:
        assert secure.broker.doors.keys is not None
        text, _ = await secure.broker.doors.keys.add("gate", [], None, 1)
        certificate = authority.issue("yabu")
        assert (await secure.get("/types", certificate, bearer(text)))[0] == 200
        assert (await secure.get("/types", certificate, bearer(text + "x")))[0] == 401
    assert seen == [Caller("key", "gate")]


async def test_a_token_bound_to_a_certificate_needs_it(tmp_path: Path, authority: Authority) -> None:
    """RFC 8705: a token that was stolen from the holder of a certificate."""
    key, certificate = rsa(), authority.issue("yabu")
    der = x509.load_pem_x509_certificate(certificate.read_bytes()).public_bytes(serialization.Encoding.DER)
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    async with (
        issuing(key) as keys,
        secure_broker(
            tmp_path, tls_client_authorities=authority.file, issuers=issuers(tmp_path, keys.url)
        ) as secure,
    ):
        headers = bearer(token(key, cnf={"x5t#S256": thumbprint}))
        assert (await secure.get("/types", certificate, headers))[0] == 200
        assert (await secure.get("/types", authority.issue("yabu"), headers))[0] == 401
        assert (await secure.get("/types", None, headers))[0] == 401


async def test_takes_away_an_authority(tmp_path: Path, authority: Authority) -> None:
    async with secure_broker(
        tmp_path, tls_client_authorities=authority.file, tls_clients="required"
    ) as secure:
        certificate = authority.issue("yabu")
        context = secure.trusting(certificate)
        assert (await secure.get("/types", certificate))[0] == 200
        other = Authority(tmp_path, "other")
        authority.file.write_bytes(other.file.read_bytes())
        secure.broker.doors.reload()
        connector = aiohttp.TCPConnector(ssl=context, force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session:
            with pytest.raises(REFUSED):
                await session.get(f"{secure.url}/ngsi-ld/v1/types")
        assert (await secure.get("/types", other.issue("yabu")))[0] == 200


async def test_sessions_of_clients_are_not_resumed(tmp_path: Path, authority: Authority) -> None:
    async with secure_broker(tmp_path, tls_client_authorities=authority.file) as secure:

        def talk() -> list[bool]:
            context = secure.trusting(authority.issue("yabu"))
            session, reused = None, []
            for _ in range(2):
                with (
                    socket.create_connection(("127.0.0.1", secure.port)) as plain,
                    context.wrap_socket(plain, server_hostname="localhost", session=session) as line,
                ):
                    line.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
                    line.recv(1_000)
                    session = line.session
                    reused.append(bool(line.session_reused))
            return reused

        assert await asyncio.to_thread(talk) == [False, False]
