"""Starts the parts as child processes, starts them again when they fall, and leaves none behind."""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import click

from base.admin import NotRunning, Refused, ask
from base.console import Failure

PARENT = "ENGAWA_PARENT"
READY_SECONDS = 30.0
STOP_SECONDS = 15.0
LONGEST_PAUSE = 30.0
SETTLED_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Part:
    """One part to run: its name, the arguments that start it, the URL that answers 200 when ready.

    One that listens to nobody has the folder of its admin socket there.
    """

    name: str
    arguments: tuple[str, ...]
    ready: str | Path


def end_with_parent(environment: MutableMapping[str, str]) -> None:
    """In a part that a supervisor started: ask the kernel to end this process when the supervisor goes."""
    parent = environment.pop(PARENT, None)
    if parent is None:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        sys.exit("the supervisor has gone")


async def supervise(parts: Sequence[Part], started: Callable[[], None], stop: asyncio.Event) -> None:
    """Run the parts until `stop`; call `started` once all are ready; Failure if one cannot start at all."""
    ready = {part.name: asyncio.Event() for part in parts}
    tasks = {asyncio.create_task(_keep(part, ready[part.name])) for part in parts}
    all_ready = asyncio.create_task(_all(ready.values(), started))
    stopped = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait({*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in done & tasks:
            task.result()
    finally:
        for task in (*tasks, all_ready, stopped):
            task.cancel()
        await asyncio.gather(*tasks, all_ready, stopped, return_exceptions=True)


async def _all(events: Iterable[asyncio.Event], started: Callable[[], None]) -> None:
    for event in events:
        await event.wait()
    started()


async def _keep(part: Part, ready: asyncio.Event) -> None:
    pause = 1.0
    while True:
        begun = time.monotonic()
        process = await _start(part)
        watch = asyncio.create_task(_until_ready(part, ready))
        try:
            code = await process.wait()
        finally:
            watch.cancel()
            await _end(process)
        if not ready.is_set():
            raise Failure(
                f"{part.name} ended with code {code} before it was ready", "Its reason stands above."
            )
        if time.monotonic() - begun > SETTLED_SECONDS:
            pause = 1.0
        click.echo(f"{part.name} ended with code {code}; starting it again in {pause:.0f} s", err=True)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


async def _start(part: Part) -> asyncio.subprocess.Process:
    environment = {**os.environ, PARENT: str(os.getpid())}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "engawa",
        *part.arguments,
        env=environment,
        stdin=subprocess.DEVNULL,
        process_group=0,
    )


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _until_ready(part: Part, ready: asyncio.Event) -> None:
    if isinstance(part.ready, Path):
        await _until_asked(part.ready, ready)
    else:
        await _until_answered(part.ready, ready)


async def _until_asked(folder: Path, ready: asyncio.Event) -> None:
    while not ready.is_set():
        with contextlib.suppress(NotRunning, Refused):
            await ask(folder, "status", seconds=5.0)
            ready.set()
        await asyncio.sleep(0.1)


async def _until_answered(url: str, ready: asyncio.Event) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(5)) as session:
        while not ready.is_set():
            try:
                # it is our own child on our own machine, whatever name its certificate has
                async with session.get(url, ssl=False) as answer:
                    if answer.status == 200:
                        ready.set()
            except aiohttp.ClientConnectorError:
                pass
            except aiohttp.ClientError:
                if url.startswith("https:"):  # it listens, and wants a certificate of its clients
                    ready.set()
            except TimeoutError:
                pass
            await asyncio.sleep(0.1)
