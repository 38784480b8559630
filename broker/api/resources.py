"""The broker's own resources beside NGSI-LD: health, numbers, description."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from base import health
from broker.api.metrics import Metrics
from broker.store.contract import Catalogue

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes(catalogue: Catalogue, metrics: Metrics, description: dict[str, Any]) -> list[web.RouteDef]:
    """Give the routes of the broker's own resources."""
    return [
        *health.routes(lambda: catalogue.open("").ping(), "broker"),
        web.get("/metrics", _metrics(metrics)),
        web.get("/openapi.json", _document(description)),
    ]


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
