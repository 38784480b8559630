"""マイキープラットフォーム as far as it is publicly known, made up where it is not. (personal-data.md 1.3, 2.5)

Known: a pseudonym (PPID) for each system that is connected; a check whether the card is valid; readers and a screen
of its own; type ① without PIN, type ② with one. Made up: paths, members, the access token, the code that comes back with
the browser of whoever held the card up.
"""

import asyncio
import contextlib
import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

TOKENS = {"let-me-read": "engawa-yabu", "let-the-other-read": "another-system"}
"""Access token → the system that is connected."""


@dataclass
class Simulator:
    """The platform. wrong: members of its answers that are other than they should be."""

    url: str = ""
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    readings: dict[str, dict[str, Any]] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    wrong: dict[str, Any] = field(default_factory=dict)

    async def begin(self, request: web.Request) -> web.Response:
        """Begin to read a card."""
        system, body = self._system(request), await request.json()
        id = secrets.token_urlsafe(24)
        self.readings[id] = {**body, "system": system, "card": "", "code": ""}
        told = {"id": id, "screen": f"{self.url}/screen/{id}", **self.wrong}
        return web.json_response(told, status=201)

    async def outcome(self, request: web.Request) -> web.Response:
        """Say what was read to the system that asked, for the code that came back; after another one, never."""
        system, body = self._system(request), await request.json()
        reading = self.readings.get(request.match_info["id"])
        if reading is None or reading["system"] != system:
            return web.json_response({}, status=404)
        del self.readings[request.match_info["id"]]
        if not reading["code"] or body["code"] != reading["code"]:
            return web.json_response({"state": "refused"})
        status = "revoked" if reading["card"] in self.revoked else "good"
        told = {
            "state": "read",
            "type": reading["type"],
            "ppid": self.ppid(system, reading["card"]),
            "validity": {"status": status, "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")},
            **self.wrong,
        }
        return web.json_response(told)

    def ppid(self, system: str, card: str) -> str:
        """Give the name by which a system knows the holder of a card, on whichever reader."""
        return hmac.digest(self.key, f"{system}/{card}".encode(), hashlib.sha256).hex()

    def hold_up(self, screen: str, card: str) -> str:
        """Hold a card up to the reader of a screen; gives where the browser is sent back to."""
        reading = self.readings[screen.rpartition("/")[2]]
        reading |= {"card": card, "code": secrets.token_urlsafe(32)}
        return f"{reading['back']}?state={reading['state']}&code={reading['code']}"

    def _system(self, request: web.Request) -> str:
        system = TOKENS.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if system is None:
            raise web.HTTPUnauthorized
        return system


@contextlib.asynccontextmanager
async def simulator() -> AsyncIterator[Simulator]:
    """Run the platform."""
    made = Simulator()
    app = web.Application()
    app.add_routes([web.post("/readings", made.begin), web.post("/readings/{id}/outcome", made.outcome)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await asyncio.wait_for(runner.cleanup(), 20)
