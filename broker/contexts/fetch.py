"""Fetching remote @contexts: from the folder of preloaded ones, else over HTTP within limits. (4.4, 5.5.6, 5.13.1)"""

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import aiohttp
import orjson

from base import clock, egress
from base.errors import BadRequestData, LdContextNotAvailable
from base.settings import SettingError
from broker.settings import BrokerSettings
from schemas.catalogue import CONTEXT_FOLDER

_REDIRECTS: Final = 5
_REDIRECTING: Final = frozenset((301, 302, 303, 307, 308))
_LONGEST_AGE: Final = 30 * 86_400.0
_SHORTEST_AGE: Final = 1.0
_HEADERS: Final = {
    "Accept": "application/ld+json, application/json;q=0.9, */*;q=0.1",
    # a compressed answer could be small on the wire and huge in memory
    "Accept-Encoding": "identity",
    "User-Agent": "Engawa",
}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A remote context: {"@context": …} and how long it may be used, in seconds."""

    document: dict[str, Any]
    age: float


class Fetcher:
    """Gets remote @contexts for one broker."""

    def __init__(self, settings: BrokerSettings, policy: egress.AddressPolicy) -> None:
        self._settings = settings
        self._policy = policy
        self._preloaded = {**_index(CONTEXT_FOLDER), **_index(settings.context_folder)}
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close connections."""
        if self._session:
            await self._session.close()

    async def fetch(self, url: str) -> Fetched:
        """Get a context; LdContextNotAvailable if it cannot be had, BadRequestData if it is none. (5.5.6)"""
        file = self._preloaded.get(url)
        if file is not None:
            return Fetched(_document(_read(file, url), url), self._settings.context_age)
        try:
            body, age = await self._download(url)
        except TimeoutError as error:
            seconds = self._settings.context_seconds
            raise _unavailable(url, f"its server did not answer within {seconds:g} s") from error
        except aiohttp.ClientConnectorError as error:
            refused = isinstance(error.os_error, egress.Refused)
            reason = (
                "this broker does not connect to its address" if refused else "its server cannot be reached"
            )
            raise _unavailable(url, reason) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _unavailable(url, "the connection to its server failed") from error
        return Fetched(_document(body, url), age)

    async def _download(self, url: str) -> tuple[bytes, float]:
        at = url
        for _ in range(_REDIRECTS + 1):
            async with self._open().get(at, allow_redirects=False) as response:
                following = _next(response, at)
                if following is None:
                    if response.status != 200:
                        raise _unavailable(url, f"its server answered {response.status}")
                    return await self._body(response, url), self._age(response)
                if urlsplit(following).scheme != "https" and urlsplit(at).scheme == "https":
                    raise _unavailable(url, "its server redirects from https to http")
                at = following
        raise _unavailable(url, f"its server redirects more than {_REDIRECTS} times")

    async def _body(self, response: aiohttp.ClientResponse, url: str) -> bytes:
        if response.headers.get("Content-Encoding", "identity").lower() not in ("identity", ""):
            raise _unavailable(url, "its server compresses the answer, which it was asked not to")
        most = self._settings.context_bytes
        body = bytearray()
        async for chunk in response.content.iter_chunked(65_536):
            body += chunk
            if len(body) > most:
                raise _unavailable(url, f"it is longer than {most} bytes")
        return bytes(body)

    def _age(self, response: aiohttp.ClientResponse) -> float:
        return min(max(freshness(response.headers, self._settings.context_age), _SHORTEST_AGE), _LONGEST_AGE)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=egress.connector(self._policy, limit=20, limit_per_host=4),
                timeout=aiohttp.ClientTimeout(total=self._settings.context_seconds),
                headers=_HEADERS,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                max_line_size=16_384,
            )
        return self._session


def freshness(headers: Any, default: float) -> float:
    """Say for how many seconds an answer may be used by what its server states, else the default. (RFC 9111 4.2)"""
    directives = {
        name.strip().lower(): value.strip().strip('"')
        for name, _, value in (part.partition("=") for part in headers.get("Cache-Control", "").split(","))
    }
    if "no-store" in directives or "no-cache" in directives:
        return 0.0
    for name in ("s-maxage", "max-age"):
        if directives.get(name, "").isdecimal():
            return max(0.0, float(directives[name][:12]) - _seconds(headers.get("Age", "")))
    if "Expires" in headers:
        try:
            begins = (
                parsedate_to_datetime(headers["Date"]).timestamp() if "Date" in headers else clock.now() / 1e6
            )
            return max(0.0, parsedate_to_datetime(headers["Expires"]).timestamp() - begins)
        except (ValueError, OverflowError):
            return 0.0
    return default


def _seconds(text: str) -> float:
    return float(text[:12]) if text.isascii() and text.isdecimal() else 0.0


def _next(response: aiohttp.ClientResponse, at: str) -> str | None:
    """Give the URL to go on with: a redirect, or the JSON-LD alternative of a page. (JSON-LD 1.1 §6.3)"""
    target = None
    if response.status in _REDIRECTING:
        target = response.headers.get("Location")
    elif response.status == 200 and "json" not in response.content_type:
        for link in response.links.values():
            if link.get("rel") == "alternate" and link.get("type") == "application/ld+json":
                target = str(link["url"])
    if target is None:
        return None
    following = urljoin(at, target)
    if urlsplit(following).scheme not in ("http", "https"):
        raise ValueError("redirected to another scheme")
    return following


def _document(body: bytes, url: str) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequestData(
            f"The @context {_shown(url)} is not JSON: give the URL of a JSON-LD context."
        ) from error
    if not isinstance(document, dict) or "@context" not in document:
        raise BadRequestData(
            f"The document {_shown(url)} has no @context: give the URL of a JSON-LD context."
        )
    return {"@context": document["@context"]}


def _unavailable(url: str, reason: str) -> LdContextNotAvailable:
    return LdContextNotAvailable(f"The @context {_shown(url)} cannot be had: {reason}.")


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{parts.path}"[:200]


def _index(folder: Path | None) -> dict[str, Path]:
    """Read which URL is preloaded from which file."""
    if folder is None:
        return {}
    try:
        index = orjson.loads((folder / "index.json").read_bytes())
        return {str(url): folder / str(file) for url, file in index.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise SettingError(f"context_folder: {folder / 'index.json'} cannot be read: {error}") from error


def _read(file: Path, url: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise _unavailable(url, "its preloaded file cannot be read") from error
