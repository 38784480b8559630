"""One broker process: its parts wired together, started and ended in order. (DESIGN 2)"""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import orjson
import structlog
from aiohttp import web

from base import admin as admin_socket
from base import clock, egress
from base.log import configure
from base.web import is_loopback, serving, until_asked_to_stop
from broker import admin
from broker.api import openapi
from broker.api.front import Front
from broker.api.metrics import Metrics
from broker.app import OPERATIONS
from broker.contexts import Contexts
from broker.explorer import pages
from broker.notify import Notifier
from broker.operations.cache import Cache
from broker.operations.call import Broker
from broker.settings import BrokerSettings
from broker.store.contract import Catalogue
from broker.store.sqlite.catalogue import SqliteCatalogue

log = structlog.get_logger("engawa.broker")


@contextlib.asynccontextmanager
async def broker_of(settings: BrokerSettings) -> AsyncIterator[Broker]:
    """Open the store and start what works beside the requests; close all in reverse order."""
    policy = egress.AddressPolicy(settings.outgoing, loopback=is_loopback(settings.host))
    async with contextlib.AsyncExitStack() as stack:
        catalogue = SqliteCatalogue(settings)
        stack.push_async_callback(catalogue.close)
        contexts = Contexts(settings, catalogue, policy)
        await contexts.start()
        stack.push_async_callback(contexts.close)
        notifier = Notifier(settings, catalogue, contexts, policy)
        await notifier.start()
        stack.push_async_callback(notifier.close)
        broker = Broker(settings, catalogue, contexts, notifier, Cache(settings.cache_bytes))
        sweep = asyncio.create_task(_expire(broker))
        stack.push_async_callback(_cancelled, sweep)
        yield broker


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _expire(broker: Broker) -> None:
    """Remove what has expired, tenant by tenant. (4.5.5.2)"""
    while True:
        await asyncio.sleep(broker.settings.expiry_seconds)
        for name in broker.catalogue.names():
            try:
                await broker.catalogue.open(name).expire(clock.now(), broker.notifier.react_for(name))
            except Exception:  # the sweep goes on with the next tenant and the next round
                log.exception("expiry failed")


def application(broker: Broker, *, loopback: bool) -> web.Application:
    """Build the aiohttp application: the operations, the broker's own resources, its pages."""
    settings = broker.settings
    metrics = Metrics()
    metrics.gauge("engawa_broker_cache_bytes", "Memory used by kept answers.", lambda: broker.cache.used)
    metrics.gauge("engawa_broker_tenants", "Tenants there are.", lambda: len(broker.catalogue.names()))
    front = Front(broker, OPERATIONS, metrics, loopback=loopback)
    app = web.Application(client_max_size=settings.body_bytes + 1)
    app.router.add_get("/health/live", _live)
    app.router.add_get("/health/ready", _ready(broker.catalogue))
    app.router.add_get("/metrics", _metrics(metrics))
    app.router.add_get("/openapi.json", _document(openapi.document(OPERATIONS, settings)))
    app.router.add_routes(pages.routes(front.fetch, settings))
    app.router.add_route("*", r"/{tail:[\s\S]*}", front.serve)
    return app


async def _live(_: web.Request) -> web.Response:
    return web.json_response({"status": "live"})


def _ready(catalogue: Catalogue) -> Callable[[web.Request], Any]:
    async def ready(_: web.Request) -> web.Response:
        try:
            catalogue.open("").ping()
        except Exception as error:  # noqa: BLE001  # whatever it is, the broker is not ready
            log.error("store does not answer", error=type(error).__name__)
            return web.json_response({"status": "not ready", "store": "does not answer"}, status=503)
        return web.json_response({"status": "ready", "store": "answers"})

    return ready


def _metrics(metrics: Metrics) -> Callable[[web.Request], Any]:
    async def numbers(_: web.Request) -> web.Response:
        return web.Response(
            body=metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    return numbers


def _document(value: Mapping[str, Any]) -> Callable[[web.Request], Any]:
    body = orjson.dumps(value)

    async def serve(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    return serve


async def run(settings: BrokerSettings, ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is told the URL once requests are answered."""
    configure(settings.log_format, settings.log_level)
    loopback = is_loopback(settings.host)
    async with (
        broker_of(settings) as broker,
        admin_socket.serve(settings.data, admin.handlers(broker.catalogue, broker.notifier, broker.contexts)),
        serving(
            application(broker, loopback=loopback),
            settings.host,
            settings.port,
            connections=settings.connections,
        ) as port,
    ):
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        url = f"http://{host}:{port}"
        log.info("ready", url=url, version=openapi.version())
        if ready:
            ready(url)
        await until_asked_to_stop()
        log.info("stopping")
