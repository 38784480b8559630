"""Delivery of one tenant's notifications: each endpoint on its own, until delivered or given up. (5.8.6, DESIGN 2.6)"""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

import structlog

from base.clock import SECOND
from broker.notify.client import Undelivered
from broker.notify.delivery import Delivery
from broker.notify.interest import Endpoint
from broker.notify.ledger import Ledger
from broker.notify.queue import SLICE, Queue
from broker.settings import BrokerSettings
from broker.store.contract import Message

LONGEST_PAUSE: Final = 3600 * SECOND
SETTLE_SECONDS: Final = 0.03
AGAIN_SECONDS: Final = 1.0
LATER: Final = 5 * SECOND

log = structlog.get_logger("engawa.notify")


class Outbox:
    """The queues of one tenant and what works on them."""

    def __init__(
        self, ledger: Ledger, delivery: Delivery, settings: BrokerSettings, now: Callable[[], int]
    ) -> None:
        self._ledger = ledger
        self._delivery = delivery
        self._settings = settings
        self._now = now
        self._queues: dict[str, Queue] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._settling: asyncio.Task[None] | None = None
        self._delivered: list[Message] = []
        self._failed: dict[int, Message] = {}
        self._dead: list[Message] = []
        self._open = True

    def start(self) -> None:
        """Begin with what an earlier run left, and with what comes."""
        self._ledger.store.listen(self.offer)
        self.rescan()

    def offer(self, messages: Sequence[Message]) -> None:
        """Take new messages."""
        if not self._open:
            return
        touched = {}
        for message in messages:
            queue = self._queue(message.endpoint)
            queue.offer(message)
            touched[queue.endpoint] = queue
        for queue in touched.values():
            self._wake(queue)

    def rescan(self) -> None:
        """Look again for all that waits in the store."""
        for endpoint in self._ledger.store.endpoints():
            queue = self._queue(endpoint)
            queue.rescan()
            self._wake(queue)

    def retry_now(self, endpoint: str) -> None:
        """Stop pausing an endpoint: its subscription was changed."""
        queue = self._queues.get(endpoint)
        if queue is not None:
            queue.paused_until, queue.failures = 0, 0
            queue.retries = [(0, seq, message) for _, seq, message in queue.retries]
            self._wake(queue)

    def forget(self, subscription: str) -> None:
        """Forget what waits in memory for a subscription."""
        for queue in list(self._queues.values()):
            queue.forget(subscription)
            self._wake(queue)

    async def drop(self, subscription: str) -> None:
        """Drop what waits for a subscription, here and in the store. (5.8.6)"""
        self.forget(subscription)
        last = 0
        while rows := self._ledger.store.waiting(None, last, SLICE):
            last = rows[-1].seq
            if seqs := [row.seq for row in rows if row.subscription == subscription]:
                await self._ledger.settle(seqs)
            await asyncio.sleep(0)

    async def close(self) -> None:
        """End deliveries; what was not answered yet is sent again by the next run."""
        self._open = False
        for queue in self._queues.values():
            if queue.timer is not None:
                queue.timer.cancel()
        for task in self._tasks:
            task.cancel()
        for task in list(self._tasks):
            with suppress(asyncio.CancelledError):
                await task
        if self._settling is not None:
            with suppress(asyncio.CancelledError):
                await self._settling
        self._queues.clear()

    def _queue(self, endpoint: str) -> Queue:
        queue = self._queues.get(endpoint)
        if queue is None:
            queue = self._queues[endpoint] = Queue(endpoint)
        return queue

    def _wake(self, queue: Queue) -> None:
        """Let as many workers work as there is work for; a failing endpoint is tried by one only."""
        if not self._open:
            return
        now = self._now()
        if queue.paused_until > now:
            return self._wake_later(queue, now)
        queue.refill(self._ledger.store)
        most = 1 if queue.failures else self._settings.notify_connections
        while queue.workers < most and (found := queue.next(now)) is not None:
            queue.workers += 1
            task = asyncio.get_running_loop().create_task(self._work(queue, *found))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if not queue.workers:
            self._wake_later(queue, now)

    def _wake_later(self, queue: Queue, now: int) -> None:
        if queue.timer is not None:
            queue.timer.cancel()
            queue.timer = None
        due = queue.due()
        if due is not None:
            seconds = max(0, due - now) / SECOND
            queue.timer = asyncio.get_running_loop().call_later(seconds, self._wake, queue)
        elif queue.idle and self._queues.get(queue.endpoint) is queue:
            del self._queues[queue.endpoint]

    async def _work(self, queue: Queue, message: Message, key: Hashable) -> None:
        try:
            while True:
                try:
                    await self._attempt(queue, message)
                except Exception:
                    log.exception("delivery failed in an unforeseen way; trying again")
                    queue.retry(replace(message, due=self._now() + LATER))
                finally:
                    queue.busy.discard(key)
                found = self._more(queue)
                if found is None:
                    return
                message, key = found
        finally:
            queue.workers -= 1
            self._wake(queue)

    def _more(self, queue: Queue) -> tuple[Message, Hashable] | None:
        now = self._now()
        if not self._open or queue.paused_until > now or (queue.failures and queue.workers > 1):
            return None
        queue.refill(self._ledger.store)
        return queue.next(now)

    async def _attempt(self, queue: Queue, message: Message) -> None:
        now = self._now()
        endpoint = self._ledger.receiver(message, now)
        if endpoint is None:
            if self._ledger.awaits_context(message.subscription):
                queue.retry(replace(message, due=now + LATER))
            else:
                self._settle(delivered=message)
            return
        try:
            await self._delivery.send(endpoint, message)
        except Undelivered as error:
            self._failure(queue, message, endpoint, str(error))
        else:
            self._ledger.count(message, self._now(), success=True)
            self._settle(delivered=message)
            if queue.failures:
                queue.failures = 0
                self._wake(queue)

    def _failure(self, queue: Queue, message: Message, endpoint: Endpoint, reason: str) -> None:
        now = self._now()
        self._ledger.count(message, now, success=False)
        attempts = message.attempts + 1
        if queue.paused_until <= now:
            queue.failures += 1
            queue.paused_until = now + max(self._pause(queue.failures), endpoint.cooldown)
        failed = replace(message, attempts=attempts, due=now + self._pause(attempts), error=reason)
        if attempts >= self._settings.notify_attempts:
            log.warning("notification given up", subscription=message.subscription, reason=reason)
            self._settle(dead=failed)
        else:
            queue.retry(failed)
            self._settle(failed=failed)

    def _pause(self, failures: int) -> int:
        return min(LONGEST_PAUSE, int(self._settings.notify_backoff * SECOND) << min(failures - 1, 40))

    def _settle(
        self, delivered: Message | None = None, failed: Message | None = None, dead: Message | None = None
    ) -> None:
        if delivered is not None:
            self._delivered.append(delivered)
        if failed is not None:
            self._failed[failed.seq] = failed
        if dead is not None:
            self._dead.append(dead)
        if self._settling is None:
            self._settling = asyncio.get_running_loop().create_task(self._settle_all())

    async def _settle_all(self) -> None:
        """Record results in groups until there are none."""
        pause = SETTLE_SECONDS
        while self._delivered or self._failed or self._dead:
            if self._open:
                await asyncio.sleep(pause)
            pause = SETTLE_SECONDS if await self._settle_group() else AGAIN_SECONDS
            if not self._open and pause == AGAIN_SECONDS:
                break
        self._settling = None

    async def _settle_group(self) -> bool:
        delivered, self._delivered = self._delivered, []
        failed, self._failed = self._failed, {}
        dead, self._dead = self._dead, []
        for message in (*delivered, *dead):
            failed.pop(message.seq, None)
        try:
            await self._ledger.settle([m.seq for m in delivered], list(failed.values()), dead)
        except Exception:
            log.exception("results of notifications could not be kept; trying again")
            self._delivered, self._dead = delivered + self._delivered, dead + self._dead
            self._failed = failed | self._failed
            return False
        for message in (*delivered, *dead):
            queue = self._queues.get(message.endpoint)
            if queue is not None:
                queue.held.discard(message.seq)
                if queue.idle:
                    self._wake_later(queue, 0)
        return True
