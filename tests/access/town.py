"""A broker with a policy and callers who have keys, for the tests of access."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from base import clock
from tests.live import Live, Reply, live_broker

STAFF = '[[rule]]\nwho = "role:staff"\nmay = ["read", "write", "purge", "subscribe", "register", "snapshot", "contexts", "manage"]\ntenants = ["*"]\n'


@dataclass(frozen=True)
class Town:
    """The broker, and the keys by the names of their holders."""

    live: Live
    keys: dict[str, dict[str, str]]

    async def ask(
        self,
        who: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        **params: Any,
    ) -> Reply:
        """Send a request as somebody; '' is nobody in particular."""
        given = {**self.keys.get(who, {}), **(headers or {})}
        return await self.live.ask(
            method, path, body, headers=given, params={name: str(v) for name, v in params.items()}
        )

    async def get(
        self, who: str, path: str, *, headers: dict[str, str] | None = None, **params: Any
    ) -> Reply:
        """Read as somebody."""
        return await self.ask(who, "GET", path, headers=headers, **params)

    async def put_in(self, *entities: dict[str, Any], tenant: str = "") -> None:
        """Have the staff create entities."""
        headers = {"NGSILD-Tenant": tenant} if tenant else None
        for entity in entities:
            reply = await self.ask("staff", "POST", "/entities", entity, headers=headers)
            assert reply.status == 201, reply.json


@contextlib.asynccontextmanager
async def town(folder: Path, policy: str, *names: str, **settings: Any) -> AsyncIterator[Town]:
    """Run a broker with a policy, in which the staff may do everything; 'name role role' makes a key with roles."""
    file = folder / "policy.toml"
    file.write_text(policy + STAFF)
    async with live_broker(folder / "data", policy=file, **settings) as live:
        made = live.broker.doors.keys
        assert made is not None
        keys = {}
        for one in ("staff staff", *names):
            name, *roles = one.split()
            text, _ = await made.add(name, roles, None, clock.now())
            keys[name] = {"X-API-Key": text}
        yield Town(live, keys)


def shelter(number: int, **more: Any) -> dict[str, Any]:
    """Make a shelter with a name anybody may know and a contact nobody should."""
    return {
        "id": f"urn:ngsi-ld:Shelter:{number}",
        "type": "Shelter",
        "name": {"type": "Property", "value": f"shelter {number}"},
        "contact": {"type": "Property", "value": f"phone-{number}"},
        **more,
    }
