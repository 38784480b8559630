"""The broker's own resources beside NGSI-LD: health, numbers, description."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import structlog
from aiohttp import web

from broker.api.metrics import Metrics
from broker.store.contract import Catalogue

log = structlog.get_logger("engawa.broker")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes(catalogue: Catalogue, metrics: Metrics, description: dict[str, Any]) -> list[web.RouteDef]:
    """Give the routes of the broker's own resources."""
    return [
        web.get("/health/live", _live),
        web.get("/health/ready", _ready(catalogue)),
        web.get("/metrics", _metrics(metrics)),
        web.get("/openapi.json", _document(description)),
    ]


async def _live(_: web.Request) -> web.Response:
    return web.json_response({"status": "live"})


def _ready(catalogue: Catalogue) -> Handler:
    async def ready(_: web.Request) -> web.Response:
        try:
            catalogue.open("").ping()
        except Exception as error:  # noqa: BLE001  # whatever it is, the broker is not ready
            log.error("store does not answer", error=type(error).__name__)
            return web.json_response({"status": "not ready", "store": "does not answer"}, status=503)
        return web.json_response({"status": "ready", "store": "answers"})

    return ready


def _metrics(metrics: Metrics) -> Handler:
    async def numbers(_: web.Request) -> web.Response:
        return web.Response(
            body=metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    return numbers


def _document(value: dict[str, Any]) -> Handler:
    body = orjson.dumps(value)

    async def serve(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    return serve
