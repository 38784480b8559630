"""A device as client of the personal-data module: its token, limits of time and size, errors in plain words."""

import asyncio
import ssl
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import orjson

from adapters.sdk.device import DeviceKey
from base.access.reach import is_loopback
from base.settings import SettingError

API: Final = "/personal/v1"
_LARGEST: Final = 1 << 20
_EARLY: Final = 30.0
_APART: Final = 5.0
_CLIENT_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Unreachable(Exception):
    """The module does not answer; what was asked may be asked again."""


class Refused(Exception):
    """The module answered that it will not."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail

    @property
    def lasting(self) -> bool:
        """Say whether asking again would be refused again."""
        return 400 <= self.status < 500 and self.status not in (401, 403, 408, 429)


def checked_url(url: str) -> str:
    """Give the URL of a module; SettingError unless it is https, or on this machine."""
    found = urlsplit(url)
    if found.scheme not in ("http", "https") or not found.hostname or found.query or found.fragment:
        raise SettingError("url has to be https://host:port and nothing more")
    if found.scheme == "http" and not is_loopback(found.hostname):
        raise SettingError("url has to begin with https, unless the module is on this machine")
    return url.rstrip("/")


def context(authorities: Path | None) -> ssl.SSLContext:
    """Trust the authorities of a PEM file and nobody else, or those of the system."""
    try:
        return ssl.create_default_context(cafile=None if authorities is None else str(authorities))
    except (OSError, ssl.SSLError) as error:
        raise SettingError(
            f"authorities: {authorities} is no PEM file of certificates that can be read"
        ) from error


class Client:
    """Speaks to a module as one of its devices; used as a context manager."""

    def __init__(
        self,
        url: str,
        client: str,
        key: DeviceKey,
        *,
        municipality: str = "",
        authorities: Path | None = None,
        seconds: float = 10.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.url = checked_url(url)
        self._client = client
        self._key = key
        self._headers = {"Engawa-Municipality": municipality} if municipality else {}
        self._context = context(authorities)
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None
        self._clock = clock
        self._behind = 0.0
        self._token = ""
        self._until = 0.0
        self._renewing = asyncio.Lock()

    async def __aenter__(self) -> "Client":
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._context, limit=8),
            timeout=aiohttp.ClientTimeout(total=self._seconds, connect=self._seconds / 2),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    def now(self) -> float:
        """Give the time of the module (s): the clock of a counter PC may be wrong."""
        return self._clock() + self._behind

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Do an operation; Unreachable or Refused if it was not done."""
        token = await self._current()
        status, answer = await self._send(method, path, body, token)
        if status == 401:  # it ended early: the module was restored, or the device enrolled anew
            status, answer = await self._send(method, path, body, await self._renewed(token))
        return _good(status, answer)

    async def _current(self) -> str:
        return self._token if time.monotonic() < self._until else await self._renewed(self._token)

    async def _renewed(self, former: str) -> str:
        """Get a new token, once for all who found that the former one ended."""
        async with self._renewing:
            if self._token != former and time.monotonic() < self._until:
                return self._token
            before = self._behind
            status, answer = await self._exchange("POST", "/token", data=self._form())
            if status == 401 and abs(self._behind - before) > _APART:
                status, answer = await self._exchange("POST", "/token", data=self._form())
            found = _good(status, answer)
            self._token = str(found["access_token"])
            self._until = time.monotonic() + max(float(found["expires_in"]) - _EARLY, 1.0)
            return self._token

    def _form(self) -> dict[str, str]:
        proof = self._key.assertion(self._client, f"{self.url}{API}/token", int(self.now()))
        return {
            "grant_type": "client_credentials",
            "client_assertion_type": _CLIENT_ASSERTION,
            "client_assertion": proof,
        }

    async def _send(self, method: str, path: str, body: Any, token: str) -> tuple[int, Any]:
        more: dict[str, Any] = {"headers": {"Authorization": f"Bearer {token}"}}
        if body is not None:
            more["data"] = orjson.dumps(body)
            more["headers"]["Content-Type"] = "application/json"
        return await self._exchange(method, path, **more)

    async def _exchange(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        if self._session is None:
            raise RuntimeError("a client is used inside 'async with'")
        headers = {**self._headers, **more.pop("headers", {})}
        try:
            async with self._session.request(
                method, f"{self.url}{API}{path}", headers=headers, allow_redirects=False, **more
            ) as reply:
                self._set(reply.headers.get("Date", ""))
                raw = await _limited(reply)
                return reply.status, orjson.loads(raw) if raw else None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(type(error).__name__) from error
        except orjson.JSONDecodeError as error:
            raise Unreachable("what answers at this address is not the module") from error

    def _set(self, date: str) -> None:
        """Note by how much the clock here is behind the module's."""
        try:
            apart = parsedate_to_datetime(date).timestamp() - self._clock()
        except ValueError:
            return
        self._behind = apart if abs(apart) > _APART else 0.0


async def _limited(reply: aiohttp.ClientResponse) -> bytes:
    found = b""
    async for piece in reply.content.iter_chunked(1 << 16):
        found += piece
        if len(found) > _LARGEST:
            raise Unreachable("the answer is too long to be the module's")
    return found


def _good(status: int, answer: Any) -> Any:
    """Give a good answer; a fault of the module itself is as if it could not be reached."""
    if status >= 500:
        raise Unreachable(f"status {status}")
    if not 200 <= status < 300:
        detail = answer.get("detail", "") if isinstance(answer, dict) else ""
        raise Refused(status, str(detail)[:500])
    return answer
