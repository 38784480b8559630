"""Modules and agents in processes of their own that are forked in no time, killed at a point, started again."""

import asyncio
import contextlib
import gc
import multiprocessing
import os
import sys
from collections.abc import AsyncIterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Self

import uvloop
from aiohttp import web

from base import admin as admin_socket
from base import clock
from base.web import serving
from personal.administration import handlers
from personal.agent import server as agents
from personal.agent.settings import AgentSettings
from personal.api.front import Front
from personal.app import operations
from personal.operations.call import Module
from personal.operations.delivery import Sender
from personal.server import module_of
from personal.settings import PersonalSettings
from schemas.personal.catalogue import items
from tests.personal.faults.points import Points

PATIENCE = 30.0
CONTEXT = multiprocessing.get_context("forkserver")
items()  # read once, where processes are forked from


class Killed(Exception):
    """The process has ended at the point it was to end at."""


class Child:
    """A process under way; every way to speak to it raises Killed when it is gone."""

    def __init__(self, process: BaseProcess, control: Connection) -> None:
        self._process, self._control = process, control
        self.url = ""
        self.cut = ""

    @classmethod
    async def start(cls, settings: PersonalSettings | AgentSettings, number: int | None = None) -> Self:
        """Start a module or an agent; number: the point at which it ends, counted from its very beginning."""
        CONTEXT.set_forkserver_preload([__name__])
        ours, theirs = CONTEXT.Pipe()
        process = CONTEXT.Process(target=_run, args=(settings, theirs, number), daemon=True)
        await asyncio.to_thread(process.start)
        theirs.close()
        made = cls(process, ours)
        try:
            made.url = await made._heard("ready")
        except Killed:
            if number is None:
                raise
        return made

    @property
    def ended(self) -> bool:
        """Say whether it is gone."""
        return self._process.exitcode is not None

    async def do(self, what: str, value: Any = None) -> None:
        """Have it do something: arm (with the number of a point, or None), notices, end."""
        try:
            self._control.send((what, value))
        except OSError:
            raise Killed from None
        await self._heard(what)

    async def kill(self) -> None:
        """Kill it, wherever it is; nothing if it is gone."""
        self._process.kill()
        await self.gone()

    async def end(self) -> None:
        """Let it end in order."""
        with contextlib.suppress(Killed):
            await self.do("end")
        await self.gone()

    async def gone(self) -> None:
        """Wait until it is gone."""
        await asyncio.to_thread(self._process.join, PATIENCE)
        assert self._process.exitcode is not None, "it does not end"

    async def last(self) -> str:
        """Name the point at which it was cut; '' if it ended otherwise."""
        if not self.cut:
            with contextlib.suppress(Killed):
                await self._heard("")
        return self.cut

    async def _heard(self, what: str) -> Any:
        """Wait for a word; what it says when it is cut is kept."""
        while True:
            try:
                heard, value = await asyncio.wait_for(asyncio.to_thread(self._hear), PATIENCE + 5)
            except (EOFError, OSError):
                await self.gone()
                raise Killed from None
            if heard == what:
                return value
            if heard == "cut":
                self.cut = value

    def _hear(self) -> tuple[str, Any]:
        if not self._control.poll(PATIENCE):
            raise AssertionError("a process says nothing")
        heard: tuple[str, Any] = self._control.recv()
        return heard


def _run(settings: PersonalSettings | AgentSettings, control: Connection, number: int | None) -> None:
    log = os.open(settings.data.with_suffix(".log"), os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it is the usual one
    gc.disable()  # it lives for a moment
    points = Points(Path(settings.data), lambda name: control.send(("cut", name)))
    points.install()
    points.arm(number)
    uvloop.run(_serve(settings, control, points))


async def _serve(settings: PersonalSettings | AgentSettings, control: Connection, points: Points) -> None:
    async with _opened(settings) as (module, url):
        asked = asyncio.Queue[tuple[str, Any]]()
        asyncio.get_running_loop().add_reader(control.fileno(), lambda: asked.put_nowait(control.recv()))
        points.arm(None)
        control.send(("ready", url))
        what = ""
        while what != "end":
            what, value = await asked.get()
            if what == "arm":
                points.arm(value)
            elif what == "notices" and module is not None:
                await _deliver(module)
            control.send((what, None))


@contextlib.asynccontextmanager
async def _opened(settings: PersonalSettings | AgentSettings) -> AsyncIterator[tuple[Module | None, str]]:
    """Open an agent; or a module with all its operations, but without pages, which take long to begin."""
    if isinstance(settings, AgentSettings):
        async with agents.running(settings):
            yield None, ""
        return
    where = [""]
    async with module_of(settings, lambda: where[0]) as module:
        app = web.Application()
        app.add_routes(Front(module, operations(settings)).routes())
        async with (
            admin_socket.serve(settings.data, handlers.handlers(module)),
            serving(app, settings.host, settings.port, connections=100) as port,
        ):
            where[0] = f"http://{settings.host}:{port}"
            yield module, where[0]


async def _deliver(module: Module) -> None:
    """Send the notices that are due."""
    for town in module.towns.values():
        await Sender(town, module.web).round(clock.now())
