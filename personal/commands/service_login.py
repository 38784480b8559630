"""A service that logs one resident in by the common login, in a terminal: to try it. (OpenID Connect Core 3.1)"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import web
from joserfc.jwk import ECKey

from base import clock
from base.access.reach import is_loopback
from base.console import Failure
from base.egress import AddressPolicy
from base.oidc.authorization import Wish, secret
from base.oidc.client import Client, Registration
from base.oidc.faults import Fault, LoginFailed

_TOLD: Final = ("sub", "acr", "amr", "auth_time", "sid", "verified_identity")
_DONE: Final = "You can close this page. このページは閉じてください。"


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asks for a login where, what for, how sure it has to be, and how long to wait for it (s)."""

    service: str
    key: ECKey = field(repr=False)
    issuer: str
    back: str
    scopes: tuple[str, ...]
    level: str
    seconds: float


async def log_in(visit: Visit, say: Callable[[str], None]) -> dict[str, Any]:
    """Say where the browser goes, wait until it comes back, and give what the service is told; Failure if not."""
    where = urlsplit(visit.back)
    if where.scheme != "http" or not is_loopback(where.hostname or "") or where.port is None:
        raise Failure(
            f"{visit.back} is no address on this machine", "Name one like http://127.0.0.1:8109/back"
        )
    policy = AddressPolicy((urlsplit(visit.issuer).hostname or "",), loopback=True)
    client = Client(Registration("city", visit.issuer, visit.service, visit.key), policy)
    levels = (visit.level,) if visit.level else ()
    wish = Wish(secret(), secret(), secret(), scopes=visit.scopes, levels=levels)
    try:
        say(await client.begin(wish, visit.back, clock.now()))
        answer = await _answer(where.hostname or "", where.port, where.path, visit.seconds)
        found = await client.finish(answer, wish, visit.back, clock.now())
        told = {**found.claims, **await client.userinfo(found)}
    except LoginFailed as error:
        raise Failure(f"nobody logged in: {error.fault}", _advice(error.fault)) from error
    except TimeoutError as error:
        raise Failure("no browser came back in time", "Open the address that was printed.") from error
    finally:
        await client.close()
    return {name: told[name] for name in _TOLD if name in told}


async def _answer(host: str, port: int, path: str, seconds: float) -> list[tuple[str, str]]:
    """Listen until a browser brings an answer, and give its parameters."""
    came: asyncio.Future[list[tuple[str, str]]] = asyncio.get_running_loop().create_future()

    async def take(request: web.Request) -> web.Response:
        if not came.done():
            came.set_result([(name, value) for name, value in request.query.items()])
        return web.Response(text=_DONE, headers={"Cache-Control": "no-store"})

    app = web.Application()
    app.router.add_get(path, take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await _listen(runner, host, port)
        return await asyncio.wait_for(came, seconds)
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise Failure(f"port {port} on {host} cannot be used", "Register and name another --back.") from error


def _advice(fault: Fault) -> str:
    if fault is Fault.TOKEN_REFUSED:
        return "Is the key the one in the catalogue, and this address registered?"
    return "Look at what the browser shows."
