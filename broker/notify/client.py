"""What brings a notification to its receiver over HTTP and reads no more of the answer than its status. (6.3.8)"""

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar
from yarl import URL

from base.egress import AddressPolicy, connector
from broker.notify.connection import Connection, Lost

MOST_READ: Final = 65_536
MOST_IDLE: Final = 32
IDLE_SECONDS: Final = 15.0


class Undelivered(Exception):
    """A receiver that was not reached, did not answer in time or did not accept."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL says about the connection and the request line."""

    secure: bool
    host: str
    port: int
    head: bytes


@lru_cache(4096)
def target(uri: str) -> Target:
    """Read a URL; it was checked when the subscription was made."""
    parts = urlsplit(uri)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    secure = parts.scheme == "https"
    head = f"POST {path} HTTP/1.1\r\nHost: {parts.netloc.rpartition('@')[2]}\r\n".encode("ascii")
    return Target(secure, parts.hostname or "", parts.port or (443 if secure else 80), head)


class Client:
    """Posts over kept connections, to addresses the policy allows; follows no redirects, keeps no cookies."""

    def __init__(self, policy: AddressPolicy, authorities: Path | None = None) -> None:
        """`authorities`: a PEM file of certificates to trust besides those of the system."""
        self._policy = policy
        self._idle: dict[tuple[str, int], list[Connection]] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._session = ClientSession(
            connector=connector(policy, limit=0, ssl=_trusted(authorities)),
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("Accept-Encoding", "User-Agent"),
        )

    async def post(
        self,
        uri: str,
        headers: Mapping[str, str],
        body: bytes,
        seconds: float,
        shown: ssl.SSLContext | None = None,
    ) -> None:
        """Deliver one body; Undelivered says why it could not be. `shown`: has the certificate to show over https."""
        to = target(uri)
        try:
            if to.secure:
                status = await self._post_securely(uri, headers, body, seconds, shown)
            else:
                status = await self._post(to, headers, body, seconds)
        except TimeoutError as error:
            raise Undelivered(f"no answer within {seconds:g} s") from error
        except (ClientError, OSError, ValueError) as error:
            raise Undelivered(_reason(error)) from error
        if not 200 <= status < 300:
            raise Undelivered(f"answered with status {status}")

    async def close(self) -> None:
        """Close all connections."""
        if self._sweep is not None:
            self._sweep.cancel()
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()
        await self._session.close()

    async def _post(self, to: Target, headers: Mapping[str, str], body: bytes, seconds: float) -> int:
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        request = b"%b%bContent-Length: %d\r\n\r\n%b" % (to.head, lines.encode("latin-1"), len(body), body)
        connection = self._kept(to)
        if connection is not None:
            try:
                return await self._post_on(connection, to, request, seconds)
            except Lost:
                pass  # the receiver had ended a connection it kept: that says nothing about this request
        async with asyncio.timeout(seconds):
            connection = await self._connect(to)
        return await self._post_on(connection, to, request, seconds)

    async def _post_on(self, connection: Connection, to: Target, request: bytes, seconds: float) -> int:
        status = await connection.post(request, seconds)
        if connection.usable:
            kept = self._idle.setdefault((to.host, to.port), [])
            if len(kept) < MOST_IDLE:
                connection.idle_since = time.monotonic()
                kept.append(connection)
                if self._sweep is None:
                    self._sweep = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._close_idle)
            else:
                connection.close()
        return status

    def _kept(self, to: Target) -> Connection | None:
        kept = self._idle.get((to.host, to.port), [])
        while kept:
            connection = kept.pop()
            if connection.usable:
                return connection
        return None

    def _close_idle(self) -> None:
        self._sweep = None
        before = time.monotonic() - IDLE_SECONDS
        for key, kept in list(self._idle.items()):
            for connection in kept:
                if connection.idle_since < before:
                    connection.close()
            left = [connection for connection in kept if connection.usable]
            if left:
                self._idle[key] = left
            else:
                del self._idle[key]
        if self._idle:
            self._sweep = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._close_idle)

    async def _connect(self, to: Target) -> Connection:
        """Connect to the first address that answers; each is checked just before. (base.egress)"""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM)
        problem: OSError = OSError("the host has no address")
        for *_, where in found:
            address = str(where[0])
            try:
                if self._policy.names(to.host):
                    self._policy.permit(address)
                self._policy.check_address(address)
                _, connection = await loop.create_connection(Connection, address, to.port)
            except OSError as error:
                problem = error
            else:
                return connection
        raise problem

    async def _post_securely(
        self,
        uri: str,
        headers: Mapping[str, str],
        body: bytes,
        seconds: float,
        shown: ssl.SSLContext | None,
    ) -> int:
        async with (
            asyncio.timeout(seconds),
            self._session.post(
                URL(uri, encoded=True),
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=ClientTimeout(total=None),
                ssl=shown or True,
            ) as response,
        ):
            await response.content.read(MOST_READ)
            return response.status


def _trusted(authorities: Path | None) -> ssl.SSLContext | bool:
    if authorities is None:
        return True
    trusted = ssl.create_default_context()
    trusted.load_verify_locations(authorities)
    return trusted


def _reason(error: BaseException) -> str:
    inner = getattr(error, "os_error", error)
    return (str(inner) or type(inner).__name__)[:200]
