"""Work on large answers, beside the event loop: others have their turn while it goes on. (docs/federation.md)"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, ParamSpec, TypeVar

LIGHT: Final = 250_000
"""Weight of an answer that is worked on at once, in a few milliseconds: about 60 KB of JSON."""
THREADS: Final = 2
"""Works at once. More would be no faster, and the loop would wait longer for its turn."""

P = ParamSpec("P")
T = TypeVar("T")


class Beside:
    """A few threads for what would keep the event loop busy too long."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "answers")
        self.done = 0

    async def run(self, weight: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do work on what weighs so much: in a thread if that is much. Then it must share nothing that changes."""
        if weight <= LIGHT:
            return work(*args, **kwargs)
        self.done += 1
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: work(*args, **kwargs))

    def later(self, work: Callable[[], None]) -> None:
        """Do work that nobody waits for."""
        with suppress(RuntimeError):  # closed
            self._threads.submit(work)

    def close(self) -> None:
        """Begin no further work."""
        self._threads.shutdown(wait=False, cancel_futures=True)
