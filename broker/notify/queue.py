"""What waits for one endpoint, in memory as far as it fits, in the store all of it. (DESIGN 2.6)"""

import asyncio
import heapq
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

from broker.notify.keys import is_about_registrations
from broker.store.contract import Message, TenantStore

SLICE: Final = 200
MOST_READY: Final = 1_000
MOST_RETRIES: Final = 200
LOOK_AHEAD: Final = 64


@dataclass(slots=True)
class Queue:
    """One endpoint's messages. Messages about the same entity go one after another, others side by side.

    `loaded` is the last row taken from the store in order; `behind` says that there are more after it.
    """

    endpoint: str
    ready: deque[Message] = field(default_factory=deque)
    retries: list[tuple[int, int, Message]] = field(default_factory=list)
    held: set[int] = field(default_factory=set)
    busy: set[Hashable] = field(default_factory=set)
    loaded: int = 0
    behind: bool = False
    workers: int = 0
    failures: int = 0
    paused_until: int = 0
    timer: asyncio.TimerHandle | None = None

    def offer(self, message: Message) -> None:
        """Take a new message, unless it is here already or later slices from the store will bring it."""
        if message.seq in self.held:
            return
        if self.behind and message.seq > self.loaded:
            return
        if len(self.ready) >= MOST_READY:
            self.behind = True
            return
        self._take(message)

    def rescan(self) -> None:
        """Look through the store again from the beginning."""
        self.loaded, self.behind = 0, True

    def refill(self, store: TenantStore) -> None:
        """Take the next slices from the store, as long as they bring nothing that could be sent."""
        while self.behind and not self.ready and len(self.retries) < MOST_RETRIES:
            rows = store.waiting(self.endpoint, self.loaded, SLICE)
            for message in rows:
                if message.seq not in self.held:
                    self._take(message)
            self.loaded = max(self.loaded, rows[-1].seq if rows else 0)
            self.behind = len(rows) == SLICE

    def _take(self, message: Message) -> None:
        self.held.add(message.seq)
        self.loaded = max(self.loaded, message.seq)
        self.ready.append(message)

    def next(self, now: int) -> tuple[Message, Hashable] | None:
        """Take the first message that may be sent now; its key is busy until `done`."""
        if self.retries and self.retries[0][0] <= now:
            key = order_key(self.retries[0][2])
            if key not in self.busy:
                self.busy.add(key)
                return heapq.heappop(self.retries)[2], key
        if len(self.retries) >= MOST_RETRIES:
            return None
        for at in range(min(len(self.ready), LOOK_AHEAD)):
            key = order_key(self.ready[at])
            if key not in self.busy:
                message = self.ready[at]
                del self.ready[at]
                self.busy.add(key)
                return message, key
        return None

    def retry(self, message: Message) -> None:
        """Take a message back for another attempt when it is due."""
        heapq.heappush(self.retries, (message.due, message.seq, message))

    def forget(self, subscription: str) -> None:
        """Drop what waits in memory for a subscription."""
        dropped = {m.seq for m in self.ready if m.subscription == subscription}
        dropped |= {seq for _, seq, m in self.retries if m.subscription == subscription}
        self.ready = deque(m for m in self.ready if m.seq not in dropped)
        self.retries = [one for one in self.retries if one[1] not in dropped]
        heapq.heapify(self.retries)
        self.held -= dropped

    def due(self) -> int | None:
        """Say when the next message is due, if that lies in the future only."""
        if self.ready and len(self.retries) < MOST_RETRIES:
            return self.paused_until
        return max(self.paused_until, self.retries[0][0]) if self.retries else None

    @property
    def idle(self) -> bool:
        """Say whether nothing waits here."""
        return not (self.held or self.behind or self.workers)


def order_key(message: Message) -> Hashable:
    """Name what must stay in order: the subscription and the first entity it tells of, as its body begins.

    What is told of registrations stays in order altogether: the first notification holds all of them.
    """
    body = message.body
    if is_about_registrations(message.subscription):
        return message.subscription
    start = body.find(b'"data":')
    return message.subscription, body[start : body.find(b'",', start)]
