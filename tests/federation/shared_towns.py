"""Brokers of several towns in this process, joined by registrations, and one that has everything."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.live import Live, Reply, live_broker

SHELTER = "Shelter"


def registration(url: str, **more: Any) -> dict[str, Any]:
    """Write a registration of a source for all shelters, unless told otherwise."""
    return {
        "type": "ContextSourceRegistration",
        "endpoint": url,
        "information": [{"entities": [{"type": SHELTER}]}],
        **more,
    }


def shelter(name: str, /, **attributes: Any) -> dict[str, Any]:
    """Write a shelter; attributes as values or in the normalized form."""
    body: dict[str, Any] = {"id": f"urn:ngsi-ld:Shelter:{name}", "type": SHELTER}
    for attribute, value in attributes.items():
        normal = isinstance(value, dict | list) or attribute in ("type", "scope", "expiresAt")
        body[attribute] = value if normal else {"type": "Property", "value": value}
    return body


@dataclass(frozen=True)
class Towns:
    """A broker that asks, those it asks, and the one broker that holds what all of them hold."""

    here: Live
    others: Sequence[Live]
    whole: Live

    async def put(self, where: int, *entities: dict[str, Any]) -> None:
        """Create entities at a town (0: here), and in the broker that has everything."""
        town = self.here if where == 0 else self.others[where - 1]
        for live in (town, self.whole):
            reply = await live.post("/entityOperations/create?local=true", list(entities))
            assert reply.status == 201, reply.json

    async def register(self, **more: Any) -> None:
        """Register all other towns here."""
        for other in self.others:
            await registered(self.here, other.url, **more)


async def registered(live: Live, url: str, **more: Any) -> str:
    """Register a source; give the registration's id."""
    reply = await live.post("/csourceRegistrations", registration(url, **more))
    assert reply.status == 201, reply.json
    return str(reply.headers["Location"].rpartition("/")[2])


@contextlib.asynccontextmanager
async def towns(folder: Path, number: int = 2, **settings: Any) -> AsyncIterator[Towns]:
    """Run a broker, others for it to ask, and one that has everything."""
    async with contextlib.AsyncExitStack() as stack:
        lives = [
            await stack.enter_async_context(live_broker(folder / f"{at}", **settings))
            for at in range(number + 2)
        ]
        yield Towns(lives[0], lives[1:-1], lives[-1])


@contextlib.asynccontextmanager
async def source(answer: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[str]:
    """Run a source of another make until the block ends; give its endpoint."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def ids(reply: Reply) -> list[str]:
    """Name the entities of an answer."""
    return [entity["id"].rpartition(":")[2] for entity in reply.json]
