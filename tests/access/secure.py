"""What attacks on the doors need: issuers with keys of every kind, authorities, certificates, a broker over TLS."""

import asyncio
import contextlib
import ssl
import time
import warnings
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import trustme
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from broker.operations.call import Broker
from broker.server import broker_of, served
from broker.settings import BrokerSettings

ISSUER = "https://login.example/realms/city"
AUDIENCE = "engawa-yabu"


def rsa(kid: str = "rsa", **more: Any) -> RSAKey:
    parameters: Any = {"kid": kid, **more}
    return RSAKey.generate_key(2048, parameters)


def elliptic(kid: str = "ec") -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid})


def edwards(kid: str = "ed") -> OKPKey:
    return OKPKey.generate_key("Ed25519", {"kid": kid})


def claims(**other: Any) -> dict[str, Any]:
    """Give claims that are in order; None leaves one out."""
    now = int(time.time())
    usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": "gate", "exp": now + 600, "iat": now, "roles": ["reader"]}
    return {name: value for name, value in {**usual, **other}.items() if value is not None}


def token(key: Key, algorithm: str = "RS256", header: dict[str, Any] | None = None, **other: Any) -> str:
    """Sign a token."""
    with warnings.catch_warnings(action="ignore"):
        return jwt.encode(
            {"alg": algorithm, "kid": key.kid, **(header or {})}, claims(**other), key, algorithms=[algorithm]
        )


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


@dataclass
class Issuing:
    """A server of public keys, and what it counts."""

    keys: list[Key]
    url: str = ""
    asked: int = 0
    status: int = 200
    endless: bool = False
    body: bytes | None = None
    location: str = ""
    sent: int = 0

    async def give(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        if self.location:
            raise web.HTTPFound(self.location)
        if self.endless:
            return await self._flood(request)
        body = orjson.dumps({"keys": [key.as_dict(private=False) for key in self.keys]})
        return web.Response(status=self.status, body=body if self.body is None else self.body)

    async def _flood(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while self.sent < 50_000_000:
                await answer.write(b" " * 65_536)
                self.sent += 65_536
        return answer


@contextlib.asynccontextmanager
async def issuing(*keys: Key) -> AsyncIterator[Issuing]:
    """Serve public keys."""
    issuing = Issuing(list(keys))
    app = web.Application()
    app.router.add_get("/keys", issuing.give)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    issuing.url = f"http://127.0.0.1:{runner.addresses[0][1]}/keys"
    try:
        yield issuing
    finally:
        await runner.cleanup()


def issuers(folder: Path, jwks: str, **more: Any) -> Path:
    """Write a file that names one issuer."""
    values = {"name": "login", "issuer": ISSUER, "jwks": jwks, "audience": AUDIENCE, **more}
    file = folder / "issuers.toml"
    file.write_text(
        "[[issuer]]\n"
        + "".join(f"{name} = {orjson.dumps(value).decode()}\n" for name, value in values.items())
    )
    return file


class Authority:
    """Issues certificates to clients: any name, any dates."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(f"{name}.example")
        certificate = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.now(UTC) - timedelta(days=2))
            .not_valid_after(datetime.now(UTC) + timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(
        self,
        name: str,
        *,
        alternatives: Sequence[x509.GeneralName] | None = None,
        seconds: float = 86_400,
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
    ) -> Path:
        """Issue a certificate and write it with its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            x509.CertificateBuilder()
            .subject_name(_named(name) if name else x509.Name([]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.now(UTC) - timedelta(days=1))
            .not_valid_after(datetime.now(UTC) + timedelta(seconds=seconds))
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        )
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=not name)
        certificate = builder.sign(self._key, hashes.SHA256())
        file = self._folder / f"client-{x509.random_serial_number()}.pem"
        file.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return file


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def server_pem(authority: trustme.CA, file: Path) -> Path:
    """Write a certificate for localhost with its key."""
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(file)
    return file


@dataclass(frozen=True)
class Secure:
    """A broker over TLS."""

    url: str
    port: int
    authority: trustme.CA
    broker: Broker

    def trusting(self, certificate: Path | None = None) -> ssl.SSLContext:
        """Make what a client needs that trusts the broker."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if certificate:
            context.load_cert_chain(certificate)
        return context

    async def get(
        self, path: str = "/types", certificate: Path | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """GET over a connection of its own."""
        connector = aiohttp.TCPConnector(ssl=self.trusting(certificate), force_close=True)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(f"{self.url}/ngsi-ld/v1{path}", headers=headers) as answer,
        ):
            return answer.status, await answer.json(content_type=None)


@contextlib.asynccontextmanager
async def secure_broker(folder: Path, **settings: Any) -> AsyncIterator[Secure]:
    """Run a broker over TLS until the block ends."""
    authority = trustme.CA()
    pem = server_pem(authority, folder / "server.pem")
    made = BrokerSettings(data=folder / "data", port=0, tls_certificate=pem, **settings)
    async with broker_of(made) as broker, served(broker, "127.0.0.1", 0, seconds=1.0) as port:
        yield Secure(f"https://localhost:{port}", port, authority, broker)
