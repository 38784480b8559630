"""One process of the agent: its parts wired together; it listens to nobody but terminals inside, if it is told to."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import structlog
from aiohttp import web

from base import admin as admin_socket
from base import clock, files
from base.access.certificates import Tls, TlsFiles
from base.database import lock_folder
from base.log import configure
from base.web import serving, until_asked_to_stop
from personal.agent import admin
from personal.agent import line as lines
from personal.agent import store as kept
from personal.agent.admin import Agent
from personal.agent.inside import Inside
from personal.agent.pages.desk import LARGEST
from personal.agent.pages.routes import routes
from personal.agent.settings import AgentSettings, check
from personal.agent.store import AgentStore
from personal.vault.keys import KeyStore
from personal.vault.top import FileTopKey

log = structlog.get_logger("engawa.agent")


@contextlib.asynccontextmanager
async def store_of(settings: AgentSettings) -> AsyncIterator[Inside]:
    """Open the store inside while the block runs."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = lock_folder(settings.data)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(os.close, lock)
        keys = KeyStore(settings.data, FileTopKey(settings.data))
        stack.push_async_callback(keys.close)
        store = AgentStore(settings.data)
        stack.push_async_callback(store.close)
        inside = Inside(settings.municipality, store, keys)
        await inside.own.load(store.read(kept.adopted))
        await store.write(lambda db: kept.forget(db, clock.now()))
        await inside.destroy(clock.now())
        yield inside


@contextlib.asynccontextmanager
async def running(settings: AgentSettings) -> AsyncIterator[Agent]:
    """Run an agent while the block runs."""
    check(settings)
    async with contextlib.AsyncExitStack() as stack:
        inside = await stack.enter_async_context(store_of(settings))
        line = None
        if settings.url:
            line = await stack.enter_async_context(lines.opened(settings, inside))
            task = asyncio.create_task(line.run())
            stack.push_async_callback(_ended, task)
        agent = Agent(inside, line)
        await stack.enter_async_context(admin_socket.serve(settings.data, admin.handlers(agent)))
        if settings.pages_port and settings.pages_certificate:
            await stack.enter_async_context(_pages(agent, settings, settings.pages_certificate))
        yield agent


@contextlib.asynccontextmanager
async def _pages(agent: Agent, settings: AgentSettings, certificate: Path) -> AsyncIterator[None]:
    """Serve the pages for terminals inside while the block runs; TLS lets devices with a certificate in only."""
    tls = Tls(TlsFiles(certificate, authorities=settings.pages_authorities, clients="required"))
    app = web.Application(client_max_size=LARGEST)
    app.add_routes(routes(agent))
    async with serving(app, settings.pages_host, settings.pages_port, connections=100, tls=tls.context):
        yield


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def run(settings: AgentSettings) -> None:
    """Run until SIGTERM or SIGINT."""
    files.leave_no_core()
    configure(settings.log_format, settings.log_level)
    async with running(settings):
        where = (
            f"{settings.pages_host}:{settings.pages_port}, for terminals"
            if settings.pages_port
            else "nowhere"
        )
        log.info("ready", listens=where, calls=settings.url or "nobody: orders come in files")
        await until_asked_to_stop()
        log.info("stopping")
