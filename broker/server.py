"""One broker process: its parts wired together, started and ended in order. (DESIGN 2)"""

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import partial

import structlog
from aiohttp import web

from base import admin as admin_socket
from base import clock, egress, files
from base.access.doors import Doors
from base.access.reach import is_loopback
from base.errors import NonexistentTenant
from base.log import configure
from base.release import version
from base.web import serving, until_asked_to_stop
from broker import admin, demanding, keys, retaining
from broker.access.policies import Policies
from broker.api import callers, openapi, receiving, resources
from broker.api.front import Front
from broker.api.metrics import Metrics
from broker.app import OPERATIONS
from broker.contexts import Contexts
from broker.explorer import pages
from broker.federation import Federation
from broker.federation.sender import Sender
from broker.federation.subscribing import Subscribing
from broker.notify import Notifier
from broker.operations import distributed_intervals, identity, snapshot_filling, upkeep
from broker.operations.admission import admitting
from broker.operations.cache import Cache
from broker.operations.call import Broker
from broker.registry import Registry
from broker.settings import BrokerSettings, check_reach
from broker.store.sqlite.catalogue import SqliteCatalogue
from broker.transfer import handlers as transfer

POLICY_SECONDS = 1.0
SWITCH_SECONDS = 0.0005  # scans and large batches run in threads; the loop must not wait 5 ms for its turn

log = structlog.get_logger("engawa.broker")


@contextlib.asynccontextmanager
async def broker_of(settings: BrokerSettings) -> AsyncIterator[Broker]:
    """Open the store and start what works beside the requests; close all in reverse order."""
    policy = egress.AddressPolicy(settings.outgoing, loopback=is_loopback(settings.host))
    async with contextlib.AsyncExitStack() as stack:
        doors = callers.doors_of(settings, policy)
        stack.push_async_callback(doors.close)
        await doors.start()
        policies = Policies(settings.policy) if settings.policy else None
        catalogue = SqliteCatalogue(settings)
        stack.push_async_callback(catalogue.close)
        contexts = Contexts(settings, catalogue, policy)
        await contexts.start()
        stack.push_async_callback(contexts.close)
        registry = Registry(settings, catalogue)
        notifier = Notifier(settings, catalogue, contexts, registry, policy, policies=policies)
        alias = identity.own_alias(settings.alias, settings.data)
        federation = Federation(registry, Sender(settings, policy, alias, contexts))
        stack.push_async_callback(federation.close)
        subscribing = Subscribing(settings, catalogue, contexts, registry, federation, notifier)
        broker = Broker(
            settings,
            catalogue,
            contexts,
            registry,
            federation,
            notifier,
            subscribing,
            Cache(settings.cache_bytes),
            alias=alias,
            started=clock.now(),
            doors=doors,
            policies=policies,
        )
        await notifier.start(partial(distributed_intervals.due, broker))
        stack.push_async_callback(notifier.close)
        await subscribing.start()
        stack.push_async_callback(subscribing.close)
        stack.push_async_callback(broker.running.close)
        await snapshot_filling.resume(broker)
        for upkeep_ in (_expire(broker), _tidy(broker), *([_follow(broker, policies)] if policies else [])):
            stack.push_async_callback(_cancelled, asyncio.create_task(upkeep_))
        yield broker


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _follow(broker: Broker, policies: Policies) -> None:
    """Look now and then whether the policy was changed; then sources are asked by the new one."""
    while True:
        await asyncio.sleep(POLICY_SECONDS)
        try:
            if policies.refresh():
                broker.subscribing.look_at_all()
        except Exception:  # what was in force stays; the next round tries again
            log.exception("the policy could not be read again")


async def _expire(broker: Broker) -> None:
    """Remove what has expired, tenant by tenant. (4.5.5.2)"""
    while True:
        await asyncio.sleep(broker.settings.expiry_seconds)
        for name in broker.catalogue.databases():
            if not broker.catalogue.exists(name):
                continue  # dropped since the round began
            try:
                await broker.catalogue.open(name).expire(clock.now(), broker.notifier.react_for(name))
                react = await broker.notifier.react_to_source(name)
                await broker.registry.of(name).expire(clock.now(), react)
                await upkeep.sweep(broker, name, clock.now())
            except NonexistentTenant:  # dropped meanwhile
                continue
            except Exception:  # the sweep goes on with the next tenant and the next round
                log.exception("expiry failed")


async def _tidy(broker: Broker) -> None:
    """Thin and drop history by the rules of each tenant. (docs/history.md)"""
    while True:
        await asyncio.sleep(broker.settings.history_seconds)
        try:
            await retaining.tidy(broker.catalogue, clock.now())
        except Exception:  # the next round tries again
            log.exception("tidying histories failed")


def all_handlers(broker: Broker) -> Mapping[str, admin_socket.Handler]:
    """Name all that commands may have this broker do."""
    own = admin.handlers(broker.catalogue, broker.notifier, broker.contexts)
    commands = {
        **own,
        **demanding.handlers(broker.catalogue),
        **retaining.handlers(broker.catalogue),
        **transfer.handlers(broker),
        **keys.handlers(broker.doors),
    }
    return callers.noting(broker.doors, commands)


def served(
    broker: Broker, host: str, port: int, *, seconds: float = 10.0
) -> contextlib.AbstractAsyncContextManager[int]:
    """Serve a broker over HTTP while the block runs: NGSI-LD, its own resources, its pages."""
    settings = broker.settings
    metrics = Metrics(broker.notifier.figures, broker.federation.figures)
    metrics.gauge("engawa_broker_cache_bytes", "Memory used by kept answers.", lambda: broker.cache.used)
    metrics.gauge("engawa_broker_tenants", "Tenants there are.", lambda: len(broker.catalogue.names()))
    operations = OPERATIONS if broker.policies is None else admitting(OPERATIONS, broker.policies)
    front = Front(broker, operations, metrics, loopback=is_loopback(host))
    doors = broker.doors
    app = web.Application(
        client_max_size=settings.body_bytes + 1, middlewares=[callers.limiting(doors, front.serve)]
    )
    app.add_routes(resources.routes(broker.catalogue, metrics, openapi.document(OPERATIONS, settings)))
    app.add_routes(receiving.routes(broker))
    app.add_routes(pages.routes(front.fetch, settings))
    app.router.add_route("*", r"/{tail:[\s\S]*}", front.serve)
    return serving(
        app,
        host,
        port,
        connections=settings.connections,
        seconds=seconds,
        direct=("/ngsi-ld/v1", front.serve),
        hot=front.shortcut,
        line_bytes=settings.url_bytes + 1_024,
        tls=doors.tls.context if doors.tls else None,
    )


@contextlib.contextmanager
def reloading(doors: Doors) -> Iterator[None]:
    """Read the TLS files again on SIGHUP; on a terminal that signal means its end, as ever."""
    if os.isatty(0):
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, doors.reload)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


def _warn(settings: BrokerSettings) -> None:
    """Say what is open on purpose, so that it stands in the log. (docs/security.md)"""
    if is_loopback(settings.host):
        return
    if settings.policy is None:
        log.warning(
            "anybody who reaches this broker may read and write: it has no policy and was told --open"
        )
    if settings.tls_certificate is None:
        log.warning(
            "without tls_certificate data and credentials travel in the clear; let only a TLS proxy reach it"
        )


async def run(settings: BrokerSettings, ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is told the URL once requests are answered."""
    check_reach(settings)
    configure(settings.log_format, settings.log_level)
    files.allow_enough()
    async with (
        broker_of(settings) as broker,
        admin_socket.serve(settings.data, all_handlers(broker)),
        served(broker, settings.host, settings.port) as port,
    ):
        sys.setswitchinterval(SWITCH_SECONDS)
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        url = f"{'https' if settings.tls_certificate else 'http'}://{host}:{port}"
        _warn(settings)
        log.info("ready", url=url, version=version())
        if ready:
            ready(url)
        with reloading(broker.doors):
            await until_asked_to_stop()
        log.info("stopping")
