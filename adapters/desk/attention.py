"""The desk's attention to its readers: what is there now, and work at the card that is there or comes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Final, TypeVar

from adapters.desk.cards.channel import (
    Channel,
    Fault,
    NoCard,
    NoReader,
    NoService,
    Readers,
    Seen,
    Slot,
    Torn,
)

T = TypeVar("T")
_LOOK: Final = 1.0
_MOST_TORN: Final = 3


class TwoCards(Fault):
    """Cards are on two readers, so nobody can tell which one is meant."""


class Attention:
    """Watches readers, and does one piece of work at a card at a time. PC/SC blocks, so both happen in threads."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._hand = ThreadPoolExecutor(1, "card")
        self._eye = ThreadPoolExecutor(1, "eye")
        self._changed = asyncio.Condition()
        self._one = asyncio.Lock()
        self.seen = readers.seen()
        self.busy = False

    @contextlib.asynccontextmanager
    async def paid(self) -> AsyncIterator["Attention"]:
        """Watch while the block runs."""
        task = asyncio.create_task(self._watch())
        try:
            yield self
        finally:
            task.cancel()
            self._readers.close()
            await asyncio.gather(task, return_exceptions=True)
            self._hand.shutdown()
            self._eye.shutdown()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            found = await loop.run_in_executor(self._eye, self._readers.wait, self.seen, _LOOK)
            if found != self.seen:
                async with self._changed:
                    self.seen = found
                    self._changed.notify_all()

    async def changed(self, known: Seen, seconds: float) -> Seen:
        """Wait until something else is there than what is known, at most so long."""
        async with self._changed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait_for(lambda: self.seen != known)
            return self.seen

    async def do(self, work: Callable[[Channel], T], wait: float, torn: float) -> T:
        """Do work at the card, waiting for one; one that was taken off too early may come back and is begun anew.

        The work is repeatable. wait, torn: how long to wait for a card (s), and for one that was taken off.
        """
        async with self._one:
            slot = await self._placed(wait)
            for _ in range(_MOST_TORN - 1):
                try:
                    return await self._done(work, slot)
                except (Torn, NoCard):
                    await self._gone(slot)
                try:
                    slot = await self._placed(torn)
                except NoCard:
                    raise Torn from None
            return await self._done(work, slot)

    async def _done(self, work: Callable[[Channel], T], slot: Slot) -> T:
        def work_at_card() -> T:
            with self._readers.opened(slot.name) as line:
                return work(line)

        self.busy = True
        try:
            return await asyncio.get_running_loop().run_in_executor(self._hand, work_at_card)
        finally:
            self.busy = False

    async def _placed(self, seconds: float) -> Slot:
        """Wait for a card; say what is missing if none comes."""
        until = monotonic() + seconds
        while True:
            seen = self.seen
            held = [slot for slot in seen.slots if slot.present]
            if len(held) == 1:
                return held[0]
            left = until - monotonic()
            if left <= 0:
                raise _missing(seen, len(held))
            await self.changed(seen, left)

    async def _gone(self, slot: Slot) -> None:
        """Wait until the reader, too, has noticed that a card left, or came back since."""
        until = monotonic() + _LOOK
        while slot in self.seen.slots and (left := until - monotonic()) > 0:
            await self.changed(self.seen, left)


def _missing(seen: Seen, held: int) -> Fault:
    if not seen.service:
        return NoService()
    if not seen.slots:
        return NoReader()
    return TwoCards() if held else NoCard()
