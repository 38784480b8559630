"""Work that goes on after its answer, and ends with the broker; what is noted of it in memory."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import structlog

log = structlog.get_logger("engawa.broker")


class Running:
    """Stories under way, by name. `writing` is held while a snapshot's record changes; `used` notes its last uses."""

    def __init__(self) -> None:
        self.writing = asyncio.Lock()
        self.used: dict[str, int] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def begin(self, name: str, story: Coroutine[Any, Any, None]) -> None:
        """Go on with a story; what it raises is logged."""
        task = asyncio.create_task(self._told(name, story))
        self._tasks[name] = task
        task.add_done_callback(lambda done: self._over(name, done))

    async def end(self, name: str) -> None:
        """End a story in the middle, if it is under way."""
        task = self._tasks.get(name)
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def close(self) -> None:
        """End all stories; what they are about goes on with the next start."""
        for name in list(self._tasks):
            await self.end(name)

    def _over(self, name: str, task: "asyncio.Task[None]") -> None:
        if self._tasks.get(name) is task:
            del self._tasks[name]

    async def _told(self, name: str, story: Coroutine[Any, Any, None]) -> None:
        try:
            await story
        except Exception:
            log.exception("work beside the requests failed", work=name)
