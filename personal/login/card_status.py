"""Who is asked whether cards are valid: lists, OCSP responders, a registered verifier. (RFC 5280, 6960; card.md 6.2)

Whatever goes wrong here is “unknown”, and unknown is never good.
"""

import asyncio
import base64
import secrets
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import orjson
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from base import clock
from base.access.reach import is_loopback
from base.settings import SettingError
from personal.rules import certificate_status
from personal.rules.certificate_status import Known, Lookup, Status
from personal.rules.validity import UNKNOWN, Path, Validity, ValidityChecker, joined

DEMONSTRATION: Final = "demonstration"
_LONGEST_LIST: Final = 32 << 20
_LONGEST_ANSWER: Final = 64 << 10
_FRESH: Final = 3_600 * clock.SECOND
"""After how long a list is fetched again."""
_AGAIN: Final = 60 * clock.SECOND
"""After how long a list that could not be fetched is tried again."""
_FETCHING: Final = aiohttp.ClientTimeout(total=120)
_NONCE: Final = 16
_OLDEST: Final = 24 * 3_600 * clock.SECOND
"""How old a verifier's information may be."""
_AHEAD: Final = 60 * clock.SECOND
_MOST_FORMER: Final = 20
log = structlog.get_logger("engawa.personal")


class Lists:
    """Revocation lists of a file, or whatever else knows of them."""

    def __init__(self, lookup: Lookup, source: str = "crl-file") -> None:
        self._lookup = lookup
        self._source = source

    async def check(self, path: Path, now: int) -> Validity:
        """Look a certificate up."""
        return await asyncio.to_thread(judged, path, now, self._lookup(), self._source)


class FetchedList:
    """A revocation list that is fetched from a URL, and again now and then, whoever waits for it."""

    def __init__(self, url: str, web: aiohttp.ClientSession) -> None:
        self._url = url
        self._web = web
        self._known = Known()
        self._due = 0
        self._fetching: asyncio.Task[None] | None = None

    async def check(self, path: Path, now: int) -> Validity:
        """Look a certificate up, in a list that is new enough."""
        if now >= self._due and (self._fetching is None or self._fetching.done()):
            self._due = now + _AGAIN
            self._fetching = asyncio.create_task(self._fetch(now))
        if self._fetching is not None:
            await asyncio.shield(self._fetching)
        return await asyncio.to_thread(judged, path, now, self._known, "crl")

    async def close(self) -> None:
        """Fetch no more."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

    async def _fetch(self, now: int) -> None:
        try:
            raw = await _read(self._web, self._url, _LONGEST_LIST, timeout=_FETCHING)
            found = await asyncio.to_thread(x509.load_der_x509_crl, raw)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            log.warning("a list of revoked cards cannot be fetched", reason=type(error).__name__)
            return
        self._known, self._due = Known((found,)), now + _FRESH


class Ocsp:
    """An OCSP responder."""

    def __init__(self, url: str, web: aiohttp.ClientSession) -> None:
        self._url = url
        self._web = web

    async def check(self, path: Path, now: int) -> Validity:
        """Ask about a certificate and those between it and the authority."""
        answers: list[ocsp.OCSPResponse] = []
        own = b""
        try:
            for number, (certificate, issuer) in enumerate(pairwise(path)):
                raw, found = await self._ask(certificate, issuer)
                answers.append(found)
                own = raw if number == 0 else own
        except (aiohttp.ClientError, OSError, ValueError) as error:
            log.warning("whether a card is valid cannot be asked", reason=type(error).__name__)
            return UNKNOWN
        return judged(path, now, Known(answers=answers), "ocsp", own)

    async def _ask(self, own: x509.Certificate, issuer: x509.Certificate) -> tuple[bytes, ocsp.OCSPResponse]:
        nonce = secrets.token_bytes(_NONCE)
        asked = (
            ocsp.OCSPRequestBuilder()
            .add_certificate(own, issuer, hashes.SHA256())
            .add_extension(x509.OCSPNonce(nonce), critical=False)
            .build()
        )
        headers = {"Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"}
        body = asked.public_bytes(Encoding.DER)
        raw = await _read(self._web, self._url, _LONGEST_ANSWER, "POST", data=body, headers=headers)
        found = ocsp.load_der_ocsp_response(raw)
        if found.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL and not _ours(found, nonce):
            raise ValueError("an answer to another question")
        return raw, found


class Verifier:
    """A registered verifier's service, as cities have one: JSON, one card at a time. (地方認証プラットフォーム)

    Its real interface is not public: what it is asked and answers here stands in docs/personal-login.md.
    """

    def __init__(self, url: str, token: str, web: aiohttp.ClientSession) -> None:
        self._url = url
        self._token = token
        self._web = web

    async def check(self, path: Path, now: int) -> Validity:
        """Ask about a card by its certificate; intermediate authorities are the verifier's matter."""
        own = path[0]
        reference = secrets.token_hex(16)
        asked = {
            "certificate": base64.b64encode(own.public_bytes(Encoding.DER)).decode(),
            "requestId": reference,
        }
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            raw = await _read(self._web, self._url, _LONGEST_ANSWER, "POST", json=asked, headers=headers)
            return _answered(raw, reference, format(own.serial_number, "x"), now)
        except (aiohttp.ClientError, OSError, ValueError, TypeError, KeyError) as error:
            log.warning("whether a card is valid cannot be asked", reason=type(error).__name__)
            return UNKNOWN


class Unasked:
    """Nobody: for made-up cards only."""

    async def check(self, path: Path, now: int) -> Validity:
        """Take a made-up card for valid."""
        del path
        return Validity(Status.GOOD, DEMONSTRATION, at=now)


class Several:
    """Several sources, asked at once."""

    def __init__(self, checkers: Sequence[ValidityChecker], seconds: float) -> None:
        self._checkers = tuple(checkers)
        self._seconds = seconds

    async def check(self, path: Path, now: int) -> Validity:
        """Join what all say in time; who is too slow does not know."""
        return joined(await asyncio.gather(*(self._one(one, path, now) for one in self._checkers)))

    async def _one(self, checker: ValidityChecker, path: Path, now: int) -> Validity:
        try:
            async with asyncio.timeout(self._seconds):
                return await checker.check(path, now)
        except TimeoutError:
            return UNKNOWN
        except Exception as error:  # noqa: BLE001  # whatever fails there, it is only not known
            log.error("whether a card is valid cannot be told", error=type(error).__name__)
            return UNKNOWN

    async def close(self) -> None:
        """Ask no more."""
        for one in self._checkers:
            if isinstance(one, FetchedList):
                await one.close()


def judged(path: Path, now: int, known: Known, source: str, answer: bytes = b"") -> Validity:
    """Say what lists and answers tell of a path."""
    status = certificate_status.status_of_all(path, now, known)
    why = certificate_status.reason(path[0], known) if status is Status.REVOKED else ""
    return Validity(status, source, why, certificate_status.informed(path[0], known), answer=answer)


def sources(
    lookup: Lookup | None,
    lists: Sequence[str],
    responder: str,
    verifier: tuple[str, str],
    web: aiohttp.ClientSession,
    seconds: float,
    *,
    demo: bool,
) -> ValidityChecker | None:
    """Give who is asked about cards; None if nobody is, and then no card is taken for valid."""
    found: list[ValidityChecker] = []
    for url in (*lists, responder, verifier[0]):
        if url and not url.startswith(("https://", "http://")):
            raise SettingError(f"card_crl_urls, card_ocsp_url and card_verifier_url are URLs, not '{url}'")
    if verifier[0].startswith("http:") and not is_loopback(urlsplit(verifier[0]).hostname or ""):
        raise SettingError("card_verifier_url has to begin with https, unless it is on this machine")
    if responder:
        found.append(Ocsp(responder, web))
    if verifier[0]:
        found.append(Verifier(*verifier, web))
    if lookup is not None:
        found.append(Lists(lookup))
    found += [FetchedList(url, web) for url in lists]
    if not found:
        return Unasked() if demo else None
    return Several(found, seconds)


async def _read(web: aiohttp.ClientSession, url: str, most: int, method: str = "GET", **more: Any) -> bytes:
    """Fetch something of a bounded length; no redirects are followed."""
    async with web.request(method, url, allow_redirects=False, **more) as reply:
        if reply.status != 200:
            raise ValueError(f"status {reply.status}")
        raw = bytearray()
        async for part in reply.content.iter_chunked(65_536):
            raw += part
            if len(raw) > most:
                raise ValueError("too long")
        return bytes(raw)


def _ours(found: ocsp.OCSPResponse, nonce: bytes) -> bool:
    """Say whether an answer is to our question; responders that answer in advance send no nonce. (RFC 8954)"""
    try:
        return found.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == nonce
    except x509.ExtensionNotFound:
        return True


def _answered(raw: bytes, reference: str, serial: str, now: int) -> Validity:
    told = orjson.loads(raw)
    if told["requestId"] != reference or str(told["serialNumber"]).lower().lstrip("0") != serial:
        raise ValueError("an answer to another question")
    status, at = Status(told["status"]), clock.parse(told["informationAt"])
    if status is Status.GOOD and not now - _OLDEST <= at <= now + _AHEAD:
        return UNKNOWN
    former = told.get("formerSerialNumbers", [])
    if not isinstance(former, list) or len(former) > _MOST_FORMER:
        raise ValueError("too many former cards")
    return Validity(
        status,
        "verifier",
        str(told.get("reason", ""))[:100],
        at,
        str(told.get("reference", reference))[:100],
        former=tuple(str(one).lower().lstrip("0") for one in former),
    )
