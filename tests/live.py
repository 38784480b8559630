"""A real broker in this process on a free port, for tests that speak HTTP."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from broker.operations.call import Broker
from broker.server import broker_of, served
from broker.settings import BrokerSettings

JSON_LD = "application/ld+json"
PATIENT = {"federation_seconds": 60.0, "federation_total_seconds": 120.0}
"""A busy machine may take longer to answer than a city would wait."""


@dataclass(frozen=True)
class Live:
    """A running broker and a session that speaks to it."""

    url: str
    session: aiohttp.ClientSession
    broker: Broker

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
    ) -> "Reply":
        """Send one request below /ngsi-ld/v1 and read the whole reply; a body is sent as JSON, JSON-LD if it has @context."""
        first = body[0] if isinstance(body, list) and body else body
        kind = JSON_LD if isinstance(first, dict) and "@context" in first else "application/json"
        extra = (
            {"json": body, "headers": {"Content-Type": kind, **(headers or {})}}
            if body is not None
            else {"headers": headers}
        )
        async with self.session.request(
            method, f"{self.url}/ngsi-ld/v1{path}", params=params, **extra
        ) as reply:
            raw = await reply.read()
            json = await reply.json(content_type=None) if raw else None
            return Reply(reply.status, json, reply.headers, raw)

    async def get(self, path: str, *, headers: dict[str, str] | None = None, **params: Any) -> "Reply":
        """GET with parameters given by name."""
        return await self.ask(
            "GET", path, headers=headers, params={name: str(v) for name, v in params.items()}
        )

    async def post(self, path: str, body: Any, **more: Any) -> "Reply":
        """POST a body."""
        return await self.ask("POST", path, body, **more)


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    json: Any
    headers: Any
    raw: bytes


@contextlib.asynccontextmanager
async def live_broker(folder: Path, **settings: Any) -> AsyncIterator[Live]:
    """Run a broker on a data folder until the block ends."""
    made = BrokerSettings(**{"data": folder, "port": 0, **PATIENT, **settings})
    async with (
        broker_of(made) as broker,
        served(broker, "127.0.0.1", 0, seconds=1.0) as port,
        aiohttp.ClientSession() as session,
    ):
        yield Live(f"http://127.0.0.1:{port}", session, broker)
