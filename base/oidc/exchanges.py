"""Requests to a provider: within limits of size and time, without redirects, to addresses that may be reached."""

import ssl
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import orjson

from base import egress
from base.oidc.faults import Fault, LoginFailed

MOST_BYTES: Final = 128_000
SECONDS: Final = 8.0
JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider answered."""

    status: int
    kind: str
    body: bytes = field(repr=False)

    def document(self) -> dict[str, Any]:
        """Read the answer as a JSON object."""
        try:
            found = orjson.loads(self.body)
        except ValueError:
            raise LoginFailed(Fault.ANSWER) from None
        if not isinstance(found, dict):
            raise LoginFailed(Fault.ANSWER)
        return found


class Exchanges:
    """A session that asks providers; without cookies."""

    def __init__(
        self, policy: egress.AddressPolicy, trusted: ssl.SSLContext | None = None, seconds: float = SECONDS
    ) -> None:
        self._policy = policy
        self._trusted = trusted
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """End all connections."""
        if self._session is not None:
            await self._session.close()

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        """GET; LoginFailed if there is no answer that can be read."""
        return await self._read(self._open().get(url, allow_redirects=False, headers=headers))

    async def post(self, url: str, form: Mapping[str, str]) -> Reply:
        """POST a form; LoginFailed if there is no answer that can be read."""
        return await self._read(self._open().post(url, data=dict(form), allow_redirects=False))

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            options = {} if self._trusted is None else {"ssl": self._trusted}
            self._session = aiohttp.ClientSession(
                connector=egress.connector(self._policy, **options),
                timeout=aiohttp.ClientTimeout(total=self._seconds),
                headers={"Accept": f"{JSON}, application/jwt", "Accept-Encoding": "identity"},
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def _read(self, sent: AbstractAsyncContextManager[aiohttp.ClientResponse]) -> Reply:
        try:
            async with sent as answer:
                body = bytearray()
                async for piece in answer.content.iter_any():
                    body += piece
                    if len(body) > MOST_BYTES:
                        raise LoginFailed(Fault.ANSWER)
                if 300 <= answer.status < 400:
                    raise LoginFailed(Fault.ANSWER)
                return Reply(answer.status, answer.content_type, bytes(body))
        except (aiohttp.ClientConnectionError, TimeoutError, OSError):
            raise LoginFailed(Fault.UNREACHABLE) from None
        except (aiohttp.ClientError, ValueError):
            raise LoginFailed(Fault.ANSWER) from None
