"""The location in a vault elsewhere: it gets ciphertext under random names, and every request signed. (DESIGN 3)"""

import asyncio
import ssl
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import structlog

from base import clock
from personal.locations.contract import Copy, CopyMissing, LocationFull, LocationOffline
from personal.rules.identifiers import fingerprint
from personal.vault import requests
from personal.vault.requests import Request
from personal.vault.signing import Signer

KEY: Final = "cloud"
"""Under which name the key store keeps the seed of the key that proves requests."""
PATH: Final = "/vault/v1/copies/"
MOST: Final = 64 << 20
TIMEOUT: Final = aiohttp.ClientTimeout(total=30.0, connect=5.0)
log = structlog.get_logger("engawa.personal.locations")
_FULL: Final = (413, 507)


class Cloud:
    """Keeps copies in a vault server."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        client: str,
        signer: Signer,
        *,
        tls: ssl.SSLContext | None = None,
        timeout: aiohttp.ClientTimeout = TIMEOUT,
    ) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._root = urlsplit(self._url).path
        self._client = client
        self._signer = signer
        self._tls = tls
        self._timeout = timeout

    async def put(self, copy: Copy, sealed: bytes) -> None:
        """Keep a copy; the same again changes nothing."""
        status, _ = await self._ask("PUT", copy, sealed)
        if status in _FULL:
            raise LocationFull("The vault takes no more; tell its operator.")
        if status not in (200, 201):
            raise _unexpected(status)

    async def get(self, copy: Copy) -> bytes:
        """Give a copy back as it was put; CopyMissing if it is not there."""
        status, sealed = await self._ask("GET", copy)
        if status == 404:
            raise CopyMissing("The vault does not have a record that it took; tell its operator.")
        if status != 200:
            raise _unexpected(status)
        return sealed

    async def remove(self, copy: Copy) -> None:
        """Remove a copy for good; nothing if it is not there."""
        status, _ = await self._ask("DELETE", copy)
        if status not in (204, 404):
            raise _unexpected(status)

    async def holds(self, copy: Copy) -> bool:
        """Say whether a copy is there."""
        try:
            await self.get(copy)
        except CopyMissing:
            return False
        return True

    async def _ask(self, method: str, copy: Copy, body: bytes = b"") -> tuple[int, bytes]:
        path = f"{self._root}{PATH}{copy.name}"
        asked = Request(self._url, method, path, fingerprint(body))
        proof = requests.signed(self._signer, self._client, asked, clock.now() // clock.SECOND)
        try:
            async with self._session.request(
                method,
                self._url + PATH + copy.name,
                data=body or None,
                headers={"Authorization": f"Bearer {proof}"},
                allow_redirects=False,
                timeout=self._timeout,
                ssl=self._tls if self._tls is not None else True,
            ) as answer:
                found = await _read(answer)
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError) as error:
            log.warning(
                "the vault cannot be reached", reason=str(getattr(error, "os_error", type(error).__name__))
            )
            raise LocationOffline("The vault cannot be reached now; try again later.") from error
        if answer.status == 401 and b"ClockDiffers" in found:
            raise LocationOffline("The clock here or at the vault is wrong; tell the operator.")
        return answer.status, found


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    found = bytearray()
    async for piece in answer.content.iter_chunked(1 << 16):
        found += piece
        if len(found) > MOST:
            raise LocationOffline("The vault answers more than it may; tell its operator.")
    return bytes(found)


def _unexpected(status: int) -> LocationOffline:
    told = {
        401: "The vault does not know the key of this municipality (any more)",
        409: "The vault has something else under a name of ours",
        429: "The vault is asked too much",
    }.get(status, f"The vault answers {status}")
    return LocationOffline(f"{told}; tell the operator.")
