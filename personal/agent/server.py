"""One process of the agent: its parts wired together; it listens to nobody but the admin socket on this machine."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import structlog

from base import admin as admin_socket
from base import clock
from base.database import lock_folder
from base.log import configure
from base.web import until_asked_to_stop
from personal.agent import admin
from personal.agent import line as lines
from personal.agent import store as kept
from personal.agent.admin import Agent
from personal.agent.inside import Inside
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
        yield agent


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def run(settings: AgentSettings) -> None:
    """Run until SIGTERM or SIGINT."""
    configure(settings.log_format, settings.log_level)
    async with running(settings):
        log.info("ready", listens="nowhere", calls=settings.url or "nobody: orders come in files")
        await until_asked_to_stop()
        log.info("stopping")
