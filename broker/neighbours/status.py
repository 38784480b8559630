"""How the neighbours of a broker are: asked now, and as its registrations remember. (5.2.9, 5.15.1)"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import aiohttp

from base import clock
from base.credentials import Credentials
from broker.neighbours import joining
from broker.neighbours.means import means
from broker.neighbours.talk import Refused, Talk, Unusable, address

PAGE: Final = 1_000
AT_ONCE: Final = 16
_EVER: Final = {"timerel": "before", "timeAt": "9999-12-31T00:00:00Z"}
_TIMES: Final[tuple[Mapping[str, str], ...]] = ({}, _EVER, {**_EVER, "timeproperty": "modifiedAt"})

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Health:
    """One registration: what it says, what its source said just now, what distributed operations counted."""

    registration: str
    name: str
    endpoint: str
    mode: str
    answers: bool
    milliseconds: float | None
    error: str
    sent: int
    failed: int
    last_success: str
    last_failure: str
    cooldown_ends: str

    def told(self) -> Body:
        """Write it for a machine."""
        return asdict(self)


async def registrations(here: Talk) -> list[Body]:
    """List all registrations: of current and of temporal information; Refused when it is not told. (5.10.2)"""
    found: dict[str, Body] = {}
    for times in _TIMES:
        found |= {body["id"]: body for body in await _list(here, {"type": "*", **times})}
    return list(found.values())


async def _list(here: Talk, asked: Mapping[str, str]) -> list[Body]:
    found: list[Body] = []
    while True:
        params = {**asked, "limit": str(PAGE), "offset": str(len(found))}
        reply = await here.ask("GET", "/csourceRegistrations", params=params)
        if reply.status != 200 or not isinstance(reply.body, list):
            raise Refused(f"the registrations cannot be read: {reply.reason}")
        found += reply.body
        if len(reply.body) < PAGE:
            return found


async def look(
    session: aiohttp.ClientSession, bodies: Sequence[Body], credentials: Credentials, now: int
) -> list[Health]:
    """Ask every source whether it is there, all at once."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(body: Body) -> Health:
        async with slots:
            return await _health(session, body, credentials, now)

    return list(await asyncio.gather(*map(one, bodies)))


async def _health(session: aiohttp.ClientSession, body: Body, credentials: Credentials, now: int) -> Health:
    endpoint, error, taken = address(str(body["endpoint"])), "", None
    try:
        how = means(body.get("contextSourceInfo", ()), endpoint, credentials)
        source = Talk(session, endpoint, str(body.get("tenant", "")), how.headers, how.tls)
        begun = time.perf_counter()
        alias = await joining.identity(source)
        taken = round((time.perf_counter() - begun) * 1_000, 1)
        registered = body.get("contextSourceAlias")
        if registered and alias and alias != registered:
            error = f"it calls itself {alias}, registered is {registered}: join it again"
    except Unusable as reason:
        error = str(reason)
    return Health(
        registration=str(body["id"]),
        name=str(body.get("registrationName") or body.get("contextSourceAlias") or ""),
        endpoint=str(body["endpoint"]),
        mode=str(body.get("mode", "inclusive")),
        answers=not error,
        milliseconds=taken,
        error=error,
        sent=int(body.get("timesSent", 0)),
        failed=int(body.get("timesFailed", 0)),
        last_success=str(body.get("lastSuccess", "")),
        last_failure=str(body.get("lastFailure", "")),
        cooldown_ends=_cooldown(body, now),
    )


def _cooldown(body: Body, now: int) -> str:
    """Say until when the source is left alone after a failure; empty: it is asked. (5.2.34)"""
    pause = body.get("management", {}).get("cooldown")
    failed, succeeded = (
        clock.parse(body[name]) if name in body else 0 for name in ("lastFailure", "lastSuccess")
    )
    if not pause or failed <= succeeded:
        return ""
    ends = failed + round(pause * 1_000)
    return clock.show(ends) if ends > now else ""
