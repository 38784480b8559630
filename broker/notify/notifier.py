"""Notifications of all tenants: what a change causes, what is due, and its delivery. (5.8.6, DESIGN 2.6)"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

import structlog

from base import clock
from base.credentials import Credentials
from base.egress import AddressPolicy
from broker.access.policies import Policies
from broker.contexts import Contexts
from broker.language.visibility import Visibility
from broker.model import difference
from broker.model.document import Document
from broker.notify import limited, periodic
from broker.notify.book import Book, ready
from broker.notify.delivery import Delivery
from broker.notify.heard import Heard
from broker.notify.interest import Interest
from broker.notify.ledger import Ledger
from broker.notify.match import wants
from broker.notify.notification import Writer
from broker.notify.notification import periodic as entities_told
from broker.notify.outbox import Outbox
from broker.notify.source_book import SourceBook
from broker.notify.subscription import ENTITIES, Body, status
from broker.registry import React as ReactToSource
from broker.registry import Registry
from broker.settings import BrokerSettings
from broker.store.contract import Catalogue, Change, Message, React, Read

UNREADY_SECONDS = 10.0

log = structlog.get_logger("engawa.notify")


class Figures(NamedTuple):
    """Notifications of all tenants by what became of them."""

    waiting: int
    dead: int
    delivered: int
    failed: int


class Notifier:
    """Subscriptions of every tenant and the delivery of their notifications."""

    def __init__(
        self,
        settings: BrokerSettings,
        catalogue: Catalogue,
        contexts: Contexts,
        registry: Registry,
        egress: AddressPolicy,
        now: Callable[[], int] = clock.now,
        policies: Policies | None = None,
    ) -> None:
        self._policies = policies
        self._heard = Heard()
        self._settings = settings
        self._catalogue = catalogue
        self._contexts = contexts
        self._registry = registry
        self._policy = egress
        self._now = now
        self._ledgers: dict[str, Ledger] = {}
        self._outboxes: dict[str, Outbox] = {}
        self._loading: dict[str, asyncio.Task[Ledger]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._timer = periodic.Timer(now, self._fire)
        self._again: asyncio.Task[None] | None = None

    async def start(self, everywhere: periodic.Everywhere | None = None) -> None:
        """Read all subscriptions and go on with what waits; `everywhere` finds what lies at sources, too."""
        self._everywhere = everywhere
        settings = self._settings
        credentials = Credentials(settings.federation_credentials, settings.federation_authorities)
        self._delivery = Delivery(
            self._policy, settings.notify_authorities, settings.notify_seconds, credentials
        )
        for name in self._catalogue.databases():
            await self.book(name)
        self._again = asyncio.create_task(self._prepare_missing())

    def figures(self) -> Figures:
        """Count notifications: those that wait and those given up, attempts since the start."""
        sizes = [self._catalogue.open(name).outbox_size() for name in self._catalogue.databases()]
        waiting, dead = (sum(column) for column in zip(*sizes, strict=True)) if sizes else (0, 0)
        return Figures(waiting, dead, self._delivery.delivered, self._delivery.failed)

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

    async def book(self, tenant: str, about: str = ENTITIES) -> Book:
        """Give the subscriptions of a tenant to entities or registrations; NonexistentTenant if there is none."""
        ledger = self._ledgers.get(tenant) or await self._loaded(tenant)
        return ledger.entities if about == ENTITIES else ledger.registrations

    async def _loaded(self, tenant: str) -> Ledger:
        if tenant not in self._loading:
            self._loading[tenant] = asyncio.create_task(self._load(tenant))
        try:
            return await asyncio.shield(self._loading[tenant])
        finally:
            self._loading.pop(tenant, None)

    async def _load(self, tenant: str) -> Ledger:
        store, settings = self._catalogue.open(tenant), self._settings
        ledger = Ledger(
            Book(tenant, store, self._contexts, settings),
            SourceBook(
                tenant, store, self._contexts, settings, self._registry.of(tenant), self._now, self._policies
            ),
        )
        for book in ledger.books:
            await book.load()
        outbox = Outbox(ledger, self._delivery, settings, self._now)
        self._ledgers[tenant], self._outboxes[tenant] = ledger, outbox
        for book in ledger.books:
            for interest in book.interests():
                self._timer.set(book, interest)
        outbox.start()
        return ledger

    def react_for(self, tenant: str) -> React:
        """Give what the store calls for every change of a tenant, inside the transaction."""
        ledger = self._ledgers.get(tenant)
        if ledger is None:
            return _nothing
        if self._policies is not None:
            return limited.reaction(ledger.entities, self._policies)
        return book_reaction(ledger.entities)

    async def react_to_source(self, tenant: str) -> ReactToSource:
        """Give what writes the messages that a change of a tenant's registrations causes."""
        return (self._ledgers.get(tenant) or await self._loaded(tenant)).registrations.react

    def changed(self, tenant: str) -> None:
        """Look again at a tenant that was dropped, or whose outbox was changed by a command."""
        outbox = self._outboxes.get(tenant)
        if outbox is None:
            return
        if self._catalogue.exists(tenant):
            outbox.rescan()
            return
        del self._ledgers[tenant], self._outboxes[tenant]
        self._registry.forget(tenant)
        self._timer.end_all(tenant)
        task = asyncio.get_running_loop().create_task(outbox.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def reload(self, tenant: str) -> None:
        """Read the subscriptions of a tenant anew after they were put into its store. (docs/transfer.md)"""
        await self.book(tenant)
        await self._outboxes[tenant].close()
        self._timer.end_all(tenant)
        self._registry.forget(tenant)
        await self._load(tenant)

    async def subscribe(self, tenant: str, body: Body, about: str = ENTITIES) -> None:
        """Keep a new subscription and begin to serve it; its tenant is made if absent. (5.8.1, 5.11.2)"""
        interest = await ready(body, tenant, self._contexts, self._settings.query_terms)
        await self._catalogue.create(tenant)
        book = await self.book(tenant, about)
        await book.add(body, interest)
        self._timer.set(book, interest)

    async def resubscribe(
        self, tenant: str, id: str, rule: Callable[[Body], Awaitable[Body]], about: str = ENTITIES
    ) -> None:
        """Change a subscription; one that is no longer active loses what waits for it. (5.8.2, 5.11.3)"""
        book = await self.book(tenant, about)
        before, after, interest = await book.change(id, rule)
        self._timer.set(book, interest)
        outbox = self._outboxes[tenant]
        if status(after, self._now()) != "active":
            await outbox.drop(book.key(id))
        elif before["notification"]["endpoint"] != after["notification"]["endpoint"]:
            outbox.retry_now(before["notification"]["endpoint"]["uri"])

    async def unsubscribe(self, tenant: str, id: str, about: str = ENTITIES) -> None:
        """Drop a subscription with all that waits for it. (5.8.5, 5.11.6)"""
        book = await self.book(tenant, about)
        await book.remove(id)
        self._timer.end(tenant, book.key(id))
        self._outboxes[tenant].forget(book.key(id))

    def reach(self, tenant: str, interest: Interest) -> Visibility | None:
        """Say what a subscription may tell its maker now; None: everything. (docs/access.md)"""
        return limited.reach(self._policies, interest, tenant)

    def hears(self, tenant: str, interest: Interest, seen: Visibility, told: Document, now: int) -> bool:
        """Say whether what a source tells of an entity is of a change that the maker of a subscription may see."""
        return self._heard.due(tenant, interest, seen, told, now)

    async def tell(self, tenant: str, id: str, documents: Sequence[Document], read: Read, at: int) -> None:
        """Tell a subscriber of entities that a source told of, as of changes here. (5.8.6)"""
        book = await self.book(tenant)
        interest = book.deliverable(id, at)
        if interest is None:
            return
        if documents and book.throttle.admits(interest, at):
            await book.store.enqueue([entities_told(interest, documents, read, at)])

    async def _fire(self, book: Book, interest: Interest) -> None:
        if isinstance(book, SourceBook):
            await book.tell(interest)
            return
        page, now = self._settings.page_most, self._now()
        due = await self._everywhere(book.tenant, interest, now) if self._everywhere else None
        if due is None:
            visibility = limited.reach(self._policies, interest, book.tenant)
            await periodic.notify(book, interest, page, now, visibility)
        else:
            await periodic.notify_joined(book, interest, page, now, due)

    async def _prepare_missing(self) -> None:
        """Try again what could not be made ready, since a remote @context was not to be had."""
        while True:
            await asyncio.sleep(UNREADY_SECONDS)
            for book in [book for ledger in self._ledgers.values() for book in ledger.books]:
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
