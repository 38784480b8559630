"""Notifications of all tenants: what a change causes, what is due, and its delivery. (5.8.6, DESIGN 2.6)"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

import structlog

from base import clock
from base.egress import AddressPolicy
from broker.contexts import Contexts
from broker.model import difference
from broker.notify import periodic
from broker.notify.book import Book, ready
from broker.notify.delivery import Delivery
from broker.notify.interest import Interest
from broker.notify.match import wants
from broker.notify.notification import Writer
from broker.notify.outbox import Outbox
from broker.notify.subscription import Body, status
from broker.settings import BrokerSettings
from broker.store.contract import Catalogue, Change, Message, React, Read

UNREADY_SECONDS = 10.0

log = structlog.get_logger("engawa.notify")


class Notifier:
    """Subscriptions of every tenant and the delivery of their notifications."""

    def __init__(
        self,
        settings: BrokerSettings,
        catalogue: Catalogue,
        contexts: Contexts,
        egress: AddressPolicy,
        now: Callable[[], int] = clock.now,
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._contexts = contexts
        self._policy = egress
        self._now = now
        self._books: dict[str, Book] = {}
        self._outboxes: dict[str, Outbox] = {}
        self._loading: dict[str, asyncio.Task[Book]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._timer = periodic.Timer(now, self._fire)
        self._again: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read all subscriptions and go on with what waits."""
        settings = self._settings
        self._delivery = Delivery(self._policy, settings.notify_authorities, settings.notify_seconds)
        for name in self._catalogue.names():
            await self.book(name)
        self._again = asyncio.create_task(self._prepare_missing())

    async def close(self) -> None:
        """End deliveries and intervals; what waits stays in the store."""
        self._timer.end_all()
        if self._again is not None:
            self._again.cancel()
            with suppress(asyncio.CancelledError):
                await self._again
        for outbox in list(self._outboxes.values()):
            await outbox.close()
        for task in list(self._closing):
            await task
        await self._delivery.close()

    async def book(self, tenant: str) -> Book:
        """Give the subscriptions of a tenant; NonexistentTenant if there is none."""
        book = self._books.get(tenant)
        if book is not None:
            return book
        if tenant not in self._loading:
            self._loading[tenant] = asyncio.create_task(self._load(tenant))
        try:
            return await asyncio.shield(self._loading[tenant])
        finally:
            self._loading.pop(tenant, None)

    async def _load(self, tenant: str) -> Book:
        book = Book(tenant, self._catalogue.open(tenant), self._contexts, self._settings)
        await book.load()
        outbox = Outbox(book, self._delivery, self._settings, self._now)
        self._books[tenant], self._outboxes[tenant] = book, outbox
        for interest in book.interests():
            self._timer.set(book, interest)
        outbox.start()
        return book

    def react_for(self, tenant: str) -> React:
        """Give what the store calls for every change of a tenant, inside the transaction."""
        book = self._books.get(tenant)
        return _nothing if book is None else book_reaction(book)

    def changed(self, tenant: str) -> None:
        """Look again at a tenant that was dropped, or whose outbox was changed by a command."""
        outbox = self._outboxes.get(tenant)
        if outbox is None:
            return
        if self._catalogue.exists(tenant):
            outbox.rescan()
            return
        del self._books[tenant], self._outboxes[tenant]
        self._timer.end_all(tenant)
        task = asyncio.get_running_loop().create_task(outbox.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def subscribe(self, tenant: str, body: Body) -> None:
        """Keep a new subscription and begin to serve it; its tenant is made if absent. (5.8.1)"""
        interest = await ready(body, tenant, self._contexts, self._settings.query_terms)
        await self._catalogue.create(tenant)
        book = await self.book(tenant)
        await book.add(body, interest)
        self._timer.set(book, interest)

    async def resubscribe(self, tenant: str, id: str, rule: Callable[[Body], Awaitable[Body]]) -> None:
        """Change a subscription; one that is no longer active loses what waits for it. (5.8.2)"""
        book = await self.book(tenant)
        before, after, interest = await book.change(id, rule)
        self._timer.set(book, interest)
        outbox = self._outboxes[tenant]
        if status(after, self._now()) != "active":
            await outbox.drop(id)
        elif before["notification"]["endpoint"] != after["notification"]["endpoint"]:
            outbox.retry_now(before["notification"]["endpoint"]["uri"])

    async def unsubscribe(self, tenant: str, id: str) -> None:
        """Drop a subscription with all that waits for it. (5.8.5)"""
        book = await self.book(tenant)
        await book.remove(id)
        self._timer.end(tenant, id)
        self._outboxes[tenant].forget(id)

    async def _fire(self, book: Book, interest: Interest) -> None:
        await periodic.notify(book, interest, self._settings.page_most, self._now())

    async def _prepare_missing(self) -> None:
        """Try again what could not be made ready, since a remote @context was not to be had."""
        while True:
            await asyncio.sleep(UNREADY_SECONDS)
            for book in list(self._books.values()):
                for interest in await book.prepare_missing():
                    self._timer.set(book, interest)


def book_reaction(book: Book) -> React:
    """Make the reaction to changes of one tenant. It runs in the store's writer thread."""
    index, throttle = book.index, book.throttle

    def react(change: Change, read: Read) -> Iterable[Message]:
        if not index:
            return ()
        differences = difference.between(change.before, change.after)
        writer = Writer(change, differences, read)
        messages = []
        for interest in index.candidates(change, differences):
            try:
                if wants(interest, change, differences, read) and throttle.admits(interest, change.at):
                    messages.append(writer.message(interest))
            except Exception:  # a change is not refused because somebody cannot be told of it
                log.exception("a change could not be told", subscription=interest.id)
        return messages

    return react


def _nothing(_: Change, __: Read) -> Iterable[Message]:
    return ()
