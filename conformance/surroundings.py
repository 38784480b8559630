"""What all cases of a run share: the broker's address, the session, our server, and what the tester said."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp

from conformance.servers.callbacks import Callbacks, calling_back
from conformance.tenants import Tenants

ROOT = "/ngsi-ld/v1"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the tester asked for."""

    url: str
    tenant: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    callback_host: str = ""
    callback_port: int = 0
    without: frozenset[str] = frozenset()
    patience: float = 1.0
    request_seconds: float = 20.0
    parallel: int = 8

    @property
    def root(self) -> str:
        """Give the URL below which the resources are."""
        url = self.url.rstrip("/")
        return url if url.endswith(ROOT) else url + ROOT


@dataclass
class Surroundings:
    """What all cases of a run share."""

    asked: Asked
    session: aiohttp.ClientSession
    callbacks: Callbacks
    bind: str
    """The address our servers listen on."""
    host: str
    """The host by which the broker reaches them."""
    tenants: Tenants = field(default_factory=Tenants)


@contextlib.asynccontextmanager
async def surroundings(asked: Asked) -> AsyncIterator[Surroundings]:
    """Open the session and our server until the block ends."""
    bind, host = await our_address(asked)
    connector = aiohttp.TCPConnector(limit=asked.parallel)
    timeout = aiohttp.ClientTimeout(total=asked.request_seconds * asked.patience, sock_connect=5.0)
    async with (
        aiohttp.ClientSession(
            connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
        ) as session,
        calling_back(bind, host, asked.callback_port) as callbacks,
    ):
        yield Surroundings(asked, session, callbacks, bind, host)


async def our_address(asked: Asked) -> tuple[str, str]:
    """Find the address to listen on and the host by which the broker reaches it."""
    if asked.callback_host:
        return "0.0.0.0", asked.callback_host  # noqa: S104 - the tester named the host by which we are reached
    parts = urlsplit(asked.url)
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=(parts.hostname or "127.0.0.1", parts.port or 80)
        )
    except OSError:
        return "127.0.0.1", "127.0.0.1"
    try:
        host = str(transport.get_extra_info("sockname")[0])
    finally:
        transport.close()
    return host, host
