"""Whoever tells whether cards are valid, as they speak: a list of an authority, an OCSP responder, a verifier."""

import asyncio
import base64
import contextlib
import datetime
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from tests.personal.consents.cards import Authority, Card

HOUR = datetime.timedelta(hours=1)


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def listed(authority: Authority, *revoked: Card, until: datetime.timedelta = 24 * HOUR) -> bytes:
    """Make a list of revoked certificates."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.name)
    builder = builder.last_update(now() - HOUR).next_update(now() + until)
    for card in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(card.certificate.serial_number)
        entry = entry.revocation_date(now() - HOUR)
        entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags.cessation_of_operation), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.DER)


@dataclass
class Sources:
    """One server that is all of them. mode: how it behaves; gate: holds answers back until it is set."""

    authority: Authority
    url: str = ""
    revoked: list[Card] = field(default_factory=list)
    mode: str = "good"
    asked: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    former: dict[int, int] = field(default_factory=dict)
    answering: Card | None = None
    more: dict[str, Any] = field(default_factory=dict)

    async def crl(self, _: web.Request) -> web.Response:
        """Give the list."""
        await self._note("crl")
        if self.mode == "junk":
            return web.Response(body=b"\x30\x03junk")
        if self.mode == "stranger":
            return web.Response(body=listed(Authority("Authority for cards"), *self.revoked))
        return web.Response(body=listed(self.authority, *self.revoked))

    async def respond(self, request: web.Request) -> web.Response:
        """Answer about one certificate."""
        await self._note("ocsp")
        asked = ocsp.load_der_ocsp_request(await request.read())
        if self.mode == "junk":
            return web.Response(body=b"junk")
        if self.mode == "later":
            failed = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
            return web.Response(body=failed.public_bytes(Encoding.DER))
        return web.Response(body=self._answer(asked).public_bytes(Encoding.DER))

    def _answer(self, asked: ocsp.OCSPRequest) -> ocsp.OCSPResponse:
        gone = {one.certificate.serial_number for one in self.revoked}
        revoked = asked.serial_number in gone
        since = now() - (48 * HOUR if self.mode == "old" else HOUR)
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            asked.issuer_name_hash,
            asked.issuer_key_hash,
            asked.serial_number + (self.mode == "other"),
            asked.hash_algorithm,
            ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
            since,
            since + 4 * HOUR,
            now() - HOUR if revoked else None,
            x509.ReasonFlags.key_compromise if revoked else None,
        )
        signer = self.authority if self.mode != "stranger" else Authority("Authority for cards")
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
        nonce = asked.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
        if self.mode != "no-nonce":
            told = nonce if self.mode != "replayed" else b"\0" * len(nonce)
            builder = builder.add_extension(x509.OCSPNonce(told), critical=False)
        return builder.sign(signer.key, hashes.SHA256())

    async def verifier(self, request: web.Request) -> web.Response:
        """Answer as a registered verifier's service."""
        await self._note("verifier")
        if request.headers.get("Authorization") != "Bearer let-me-ask":
            return web.Response(status=401)
        body = await request.json()
        own = x509.load_der_x509_certificate(base64.b64decode(body["certificate"]))
        gone = {one.certificate.serial_number for one in self.revoked}
        revoked = own.serial_number in gone
        told = {
            "requestId": body["requestId"],
            "serialNumber": format(own.serial_number, "X"),
            "status": "revoked" if revoked else "good",
            "informationAt": now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "reference": "ref-1",
            **({"reason": "lost"} if revoked else {}),
            **self.more,
        }
        if own.serial_number in self.former:
            told["formerSerialNumbers"] = [format(self.former[own.serial_number], "X")]
        return web.json_response(told)

    async def _note(self, name: str) -> None:
        self.asked.append(name)
        if self.mode == "slow":
            await self.gate.wait()


@contextlib.asynccontextmanager
async def sources(authority: Authority) -> AsyncIterator[Sources]:
    """Run the server."""
    made = Sources(authority)
    app = web.Application()
    app.add_routes(
        [web.get("/crl", made.crl), web.post("/ocsp", made.respond), web.post("/verify", made.verifier)]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        made.gate.set()
        await runner.cleanup()
