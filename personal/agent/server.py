"""One process of the agent: its parts wired together; it listens to nobody but the admin socket on this machine."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from base import admin as admin_socket
from base import clock
from base.admin import Handler
from base.database import Connection, lock_folder
from base.log import configure
from base.web import until_asked_to_stop
from personal.agent import bundles, officials
from personal.agent import inside as core
from personal.agent import line as lines
from personal.agent import store as kept
from personal.agent.inside import Inside
from personal.agent.line import Line
from personal.agent.settings import AgentSettings, check
from personal.agent.store import AgentStore
from personal.rules import release
from personal.store.town import value
from personal.vault.keys import KeyStore
from personal.vault.top import FileTopKey

log = structlog.get_logger("engawa.agent")


@dataclass(frozen=True, slots=True)
class Agent:
    """A running agent; without a line it gets its orders in files only."""

    inside: Inside
    line: Line | None


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
        inside = Inside(settings.municipality, store, keys, *await core.keys_of(keys))
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
        await stack.enter_async_context(admin_socket.serve(settings.data, handlers(agent)))
        yield agent


def handlers(agent: Agent) -> Mapping[str, Handler]:
    """Name what commands may have a running agent do."""
    inside = agent.inside

    async def keys(_: Mapping[str, Any]) -> Any:
        return {"signing": inside.signer.public(), "reading": inside.reader.public()}

    async def status(_: Mapping[str, Any]) -> Any:
        return {**inside.store.read(lambda db: _status(db, clock.now())), "connected": _connected(agent)}

    async def alarms(_: Mapping[str, Any]) -> Any:
        return [
            {"id": id, "why": why, "task": task, "at": clock.show(at)}
            for id, why, task, at in inside.store.read(kept.alarms)
        ]

    async def limits(_: Mapping[str, Any]) -> Any:
        return {**release.LIMITS, **inside.store.read(kept.limits)}

    async def services(_: Mapping[str, Any]) -> Any:
        return inside.store.read(kept.services)

    async def wishes(_: Mapping[str, Any]) -> Any:
        return inside.store.read(officials.wishes)

    async def bundle_in(given: Mapping[str, Any]) -> Any:
        return await bundles.take_in(inside, given["bundle"], clock.now())

    async def bundle_out(_: Mapping[str, Any]) -> Any:
        return await bundles.take_out(inside, clock.now())

    async def begin(given: Mapping[str, Any]) -> Any:
        await inside.store.write(lambda db: officials.begin(db, dict(given), clock.now()))
        return sorted(inside.store.read(officials.officials))

    return {
        "keys": keys,
        "status": status,
        "alarms": alarms,
        "limits": limits,
        "services": services,
        "wishes": wishes,
        "officials.begin": begin,
        "bundle.in": bundle_in,
        "bundle.out": bundle_out,
        "wish": _signed(inside, officials.wish),
        "approve": _signed(inside, officials.approve),
        "drop": _signed(inside, officials.drop),
    }


def _signed(inside: Inside, do: Callable[[Connection, str, int], Any]) -> Handler:
    """Do what an official signed."""

    async def handle(given: Mapping[str, Any]) -> Any:
        return await inside.store.write(lambda db: do(db, given["signed"], clock.now()))

    return handle


def _status(db: Connection, now: int) -> dict[str, Any]:
    day = now - 86_400 * clock.SECOND
    return {
        "records": value(db, "SELECT count(*) FROM copy WHERE sealed IS NOT NULL"),
        "services": value(db, "SELECT count(*) FROM service"),
        "officials": len(officials.officials(db)),
        "wishes": value(db, "SELECT count(*) FROM wish"),
        "answersWaiting": value(db, "SELECT count(*) FROM taken WHERE answer IS NOT NULL"),
        "alarms": value(db, "SELECT count(*) FROM alarm"),
        "alarmsToday": kept.alarms_since(db, day),
        "releasedThisHour": kept.done(db, ["all"], now // clock.SECOND)["all"],
        "outsidePinned": kept.outside(db) is not None,
    }


def _connected(agent: Agent) -> bool | None:
    return None if agent.line is None else agent.line.connected


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
