"""Requests to a broker, ours or a neighbour's, that never raise for what it answers."""

import contextlib
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import orjson

API: Final = "/ngsi-ld/v1"
LONGEST: Final = 4_000_000
"""Bytes read of an answer: a neighbour may be anything."""


class Unusable(Exception):
    """A broker gave no answer that can be used; the text says why, `advice` what helps if that is known."""

    advice = ""


class Untrusted(Unusable):
    """The certificate of a broker is not one we trust."""

    advice = "Name the file of its authority: --federation-authorities FILE, or --config with the broker's settings."


class Unnamed(Unusable):
    """Credentials are named that we do not have, or not for this broker."""

    advice = (
        "Certificates and secrets are named in the file federation_credentials, with the endpoints they are meant for: "
        "--federation-credentials FILE, or --config with the broker's settings."
    )


class Refused(Unusable):
    """A broker answered that it does not do what it was asked."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    body: Any

    @property
    def reason(self) -> str:
        """Say what the broker said of a refusal."""
        told = self.body.get("detail") or self.body.get("title") if isinstance(self.body, dict) else None
        return f"it answered {self.status}" + (f": {str(told)[:300]}" if told else "")


@dataclass(frozen=True, slots=True)
class Talk:
    """One tenant of a broker, and the connections to it."""

    session: aiohttp.ClientSession
    url: str
    tenant: str = ""
    headers: Mapping[str, str] | None = None
    tls: ssl.SSLContext | None = None

    async def ask(
        self, method: str, path: str, body: Any = None, *, params: Mapping[str, str] | None = None
    ) -> Reply:
        """Send one request; Unusable when no answer of a broker comes."""
        headers = {"Accept": "application/json", **(self.headers or {})}
        if self.tenant:
            headers["NGSILD-Tenant"] = self.tenant
        if body is not None:
            headers["Content-Type"] = "application/json"
        data = None if body is None else orjson.dumps(body)
        try:
            async with self.session.request(
                method,
                self.url + API + path,
                params=params,
                data=data,
                headers=headers,
                allow_redirects=False,
                ssl=self.tls or True,
            ) as answer:
                raw = await answer.content.read(LONGEST + 1)
                while not answer.content.at_eof() and len(raw) <= LONGEST:
                    raw += await answer.content.read(LONGEST + 1 - len(raw))
                return Reply(answer.status, _json(raw))
        except TimeoutError:
            raise Unusable("it does not answer in time") from None
        except aiohttp.ClientConnectorCertificateError as error:
            raise Untrusted(f"its certificate is refused: {error.certificate_error}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unusable(_short(error)) from error


def address(url: str) -> str:
    """Write the address of a broker as an endpoint: without the path of its interface, without a slash."""
    return url.rstrip("/").removesuffix(API).rstrip("/")


@contextlib.asynccontextmanager
async def connections(*, seconds: float = 10.0) -> AsyncIterator[aiohttp.ClientSession]:
    """Open connections until the block ends."""
    timeout = aiohttp.ClientTimeout(total=seconds, connect=min(seconds, 5.0))
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield session


def _json(raw: bytes) -> Any:
    if len(raw) > LONGEST:
        return None
    try:
        return orjson.loads(raw) if raw else None
    except orjson.JSONDecodeError:
        return None


def _short(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        return f"it cannot be reached: {os.strerror(number) if number else error.os_error}"
    return f"it cannot be reached: {error or type(error).__name__}"
