"""What watches a process asks it: does it live, and does its store answer?"""

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

Ping = Callable[[], None]
"""Ask the store; raises what is wrong with it."""


def routes(ping: Ping, part: str) -> list[web.RouteDef]:
    """Give the routes for health of a part; it is ready when `ping` raises nothing."""
    return [web.get("/health/live", _live), web.get("/health/ready", _ready(ping, part))]


async def _live(_: web.Request) -> web.Response:
    return web.json_response({"status": "live"})


def _ready(ping: Ping, part: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    log = structlog.get_logger(f"engawa.{part}")

    async def ready(_: web.Request) -> web.Response:
        try:
            ping()
        except Exception as error:  # noqa: BLE001  # whatever it is, the part is not ready
            log.error("store does not answer", error=type(error).__name__)
            return web.json_response({"status": "not ready", "store": "does not answer"}, status=503)
        return web.json_response({"status": "ready", "store": "answers"})

    return ready
