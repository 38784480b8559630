"""The public keys of an issuer: fetched within limits, kept while it is out of reach, forgotten when it drops them."""

import asyncio
import hashlib
import ssl
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey, import_key

from base import egress
from base.access.issuers import Issuer

MOST_BYTES: Final = 256_000
MOST_KEYS: Final = 100
SECONDS: Final = 5.0
AGAIN_SECONDS: Final = 30.0  # after a fetch that failed
_RSA_BITS: Final = range(2_048, 8_193)
_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_HEADERS: Final = {"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"}

log = structlog.get_logger("engawa.access")


class KeysUnavailable(Exception):
    """The keys of an issuer cannot be had."""


class KeySet:
    """The keys of one issuer; `generation` changes whenever they do."""

    def __init__(self, issuer: Issuer, policy: egress.AddressPolicy) -> None:
        self.issuer = issuer
        self.generation = 0
        self._policy = policy
        self._keys: tuple[Key, ...] = ()
        self._mark = b""
        self._had: float | None = None  # when they were fetched last
        self._asked: float | None = None
        self._flight: asyncio.Task[None] | None = None
        self._upkeep: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Fetch the keys now and then; a server need not wait for the first time."""
        self._upkeep = asyncio.create_task(self._keep_fresh())

    async def close(self) -> None:
        """Stop fetching."""
        tasks = [task for task in (self._upkeep, self._flight) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def is_usable(self) -> bool:
        """Say whether there are keys, and not from too long ago."""
        return self._had is not None and time.monotonic() - self._had < self.issuer.keep

    def find(self, header: Mapping[str, Any]) -> Key | None:
        """Find the key that a token's header means; without a kid only where there is no choice."""
        algorithm, kid = header.get("alg"), header.get("kid")
        fitting = [key for key in self._keys if _fits(key, str(algorithm))]
        if kid is None:
            return fitting[0] if len(fitting) == 1 else None
        return next((key for key in fitting if key.get("kid") == kid), None)

    def public(self) -> list[dict[str, Any]]:
        """Give the public keys that are known now."""
        return [key.as_dict(private=False) for key in self._keys]

    async def renew(self, seconds: float) -> None:
        """Fetch the keys if they are older than this, though not more often than the issuer's pause."""
        now = time.monotonic()
        if self._had is not None and now - self._had < seconds:
            return
        if self._asked is None or now - self._asked >= self.issuer.pause or self._flight is not None:
            await self.refresh()

    async def find_fresh(self, header: Mapping[str, Any]) -> Key | None:
        """Find the key, if need be among keys fetched anew; KeysUnavailable without any keys."""
        key = self.find(header) if self.is_usable else None
        if key is None:
            asked = self._asked
            if asked is None or time.monotonic() - asked >= self.issuer.pause or self._flight is not None:
                await self.refresh()
            key = self.find(header)
        if not self.is_usable:
            raise KeysUnavailable
        return key

    async def refresh(self) -> None:
        """Fetch the keys, once for all who wait; what goes wrong is logged."""
        if self._flight is None:
            self._asked = time.monotonic()
            self._flight = asyncio.create_task(self._fetch())
            self._flight.add_done_callback(self._land)
        await asyncio.shield(self._flight)

    def _land(self, _: asyncio.Task[None]) -> None:
        self._flight = None

    async def _keep_fresh(self) -> None:
        while True:
            await self.refresh()
            fresh = self._had is not None and self._asked is not None and self._had >= self._asked
            await asyncio.sleep(self.issuer.refresh if fresh else min(AGAIN_SECONDS, self.issuer.refresh))

    async def _fetch(self) -> None:
        try:
            body = await (self._download() if self.issuer.is_remote else _read(Path(self.issuer.jwks)))
            keys = read_keys(body)
        except (KeysUnavailable, aiohttp.ClientError, OSError, ValueError) as error:
            log.warning("keys of an issuer cannot be fetched", issuer=self.issuer.name, reason=_reason(error))
            return
        self._had = time.monotonic()
        mark = hashlib.sha256(body).digest()
        if mark != self._mark:
            self._mark, self._keys = mark, keys
            self.generation += 1
            log.info("keys of an issuer", issuer=self.issuer.name, keys=len(keys))

    async def _download(self) -> bytes:
        options: dict[str, Any] = {}
        if self.issuer.authorities is not None:
            trusted = ssl.create_default_context()
            trusted.load_verify_locations(self.issuer.authorities)
            options["ssl"] = trusted
        async with (
            aiohttp.ClientSession(
                connector=egress.connector(self._policy, **options),
                timeout=aiohttp.ClientTimeout(total=SECONDS),
                headers=_HEADERS,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            ) as session,
            session.get(self.issuer.jwks, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise KeysUnavailable(f"its server answers {answer.status}")
            body = bytearray()
            async for piece in answer.content.iter_any():
                body += piece
                if len(body) > MOST_BYTES:
                    raise KeysUnavailable(f"they are longer than {MOST_BYTES} bytes")
            return bytes(body)


async def _read(path: Path) -> bytes:
    return await asyncio.to_thread(path.read_bytes)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def read_keys(body: bytes) -> tuple[Key, ...]:
    """Read the public keys of a JWK Set that can verify signatures; ValueError if it is none. (RFC 7517 5)"""
    document = orjson.loads(body)
    rows = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(rows, list) or len(rows) > MOST_KEYS:
        raise ValueError(f"they are no JWK Set of at most {MOST_KEYS} keys")
    return tuple(key for row in rows if (key := _key(row)) is not None)


def _key(row: Any) -> Key | None:
    """Read one key; one that this server does not use is passed over, as RFC 7517 wants."""
    if not isinstance(row, dict) or row.get("kty") not in ("RSA", "EC", "OKP"):
        return None
    operations = row.get("key_ops", ["verify"])
    if row.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return None
    try:
        with warnings.catch_warnings(action="ignore"):
            key = import_key(row)
    except Exception:  # noqa: BLE001  # whatever it is, this server does not use the key
        return None
    if isinstance(key, RSAKey):
        public = key.public_key
        return key if isinstance(public, RSAPublicKey) and public.key_size in _RSA_BITS else None
    return key


def _fits(key: Key, algorithm: str) -> bool:
    if key.get("alg") not in (None, algorithm):
        return False
    if isinstance(key, RSAKey):
        return algorithm[:2] in ("RS", "PS")
    if isinstance(key, ECKey):
        return key.get("crv") == _CURVES.get(algorithm)
    return isinstance(key, OKPKey) and key.get("crv") == "Ed25519" and algorithm in ("EdDSA", "Ed25519")
