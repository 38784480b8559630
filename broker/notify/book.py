"""The subscriptions of one tenant: kept in the store, ready in memory, counted as they are notified. (5.8)"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar, Final

import structlog

from base.errors import AlreadyExists, Problem, ResourceNotFound, TooManyResults
from broker.contexts import Contexts
from broker.model.document import Document
from broker.notify.counters import Counters, after_failure, after_success
from broker.notify.interest import Interest, prepare
from broker.notify.match import Index
from broker.notify.subscription import ENTITIES, Body, status
from broker.notify.throttle import Throttle
from broker.settings import BrokerSettings
from broker.store.contract import Message, Read, TenantStore

LOADING_SECONDS: Final = 2.0

log = structlog.get_logger("engawa.notify")


@dataclass(slots=True)
class Entry:
    """A subscription in memory; `interest` is missing while its @context cannot be had; `effective`: it is on disk."""

    body: Body
    interest: Interest | None
    counters: Counters = field(default_factory=dict)
    effective: bool = True


async def ready(body: Body, tenant: str, contexts: Contexts, most_terms: int) -> Interest:
    """Make a subscription ready; refuses one whose queries or @context cannot be used. (5.8.1.4)"""
    context = await contexts.resolve(body["@context"], tenant)
    query_context = await contexts.resolve(body["qContext"], tenant) if "qContext" in body else context
    return prepare(body, query_context, context, tenant, most_terms)


def absent(id: str) -> ResourceNotFound:
    """Say that there is no such subscription."""
    return ResourceNotFound(f"Subscription {id} does not exist.")


class Book:
    """All subscriptions of one tenant. Only the event loop changes it; the store's writer reads `index`."""

    about: ClassVar[str] = ENTITIES

    def __init__(self, tenant: str, store: TenantStore, contexts: Contexts, settings: BrokerSettings) -> None:
        self.tenant = tenant
        self.store = store
        self.index = Index()
        self.throttle = Throttle()
        self.writing = asyncio.Lock()
        self._contexts = contexts
        self._settings = settings
        self._entries: dict[str, Entry] = {}
        self._counted: set[str] = set()

    def key(self, id: str) -> str:
        """Name a subscription in the store and in its messages."""
        return id

    async def load(self) -> None:
        """Read the subscriptions that the store holds; a missing @context does not hold up the start for long."""
        for body in self.store.subscriptions():
            if body.get("about", ENTITIES) == self.about:
                self._entries[body["id"]] = Entry(body, None, body.get("counters", {}))
        with suppress(TimeoutError):
            async with asyncio.timeout(LOADING_SECONDS):
                await self.prepare_missing()

    async def prepare_missing(self) -> list[Interest]:
        """Make ready what could not be made ready before; give what now is."""
        made, missing = [], []
        for id, entry in list(self._entries.items()):
            if entry.interest is not None or entry.body["@context"] in missing:
                continue
            try:
                interest = await ready(entry.body, self.tenant, self._contexts, self._settings.query_terms)
            except Problem as problem:
                log.error("subscription is not ready", subscription=id, reason=problem.detail)
                missing.append(entry.body["@context"])
                continue
            if self._entries.get(id) is entry:
                self._set(entry, entry.body, interest)
                made.append(interest)
        return made

    def _set(self, entry: Entry, body: Body, interest: Interest) -> None:
        entry.body, entry.interest, entry.effective = body, interest, True
        self._entries[body["id"]] = entry
        self.throttle.note(body["id"], entry.counters.get("lastNotification", 0))
        self.index.put(interest)

    def get(self, id: str) -> Body:
        """Give a subscription with its counters; ResourceNotFound if there is none. (5.8.3)"""
        entry = self._entries.get(id)
        if entry is None:
            raise absent(id)
        return {**entry.body, "counters": entry.counters}

    def all(self) -> Sequence[str]:
        """Name all subscriptions in the order of their creation."""
        return [id for id, entry in self._entries.items() if entry.effective]

    def interests(self) -> Iterable[Interest]:
        """Give all subscriptions that are ready."""
        return [entry.interest for entry in self._entries.values() if entry.interest is not None]

    def interest(self, id: str) -> Interest | None:
        """Give a subscription as matching sees it; None while it is not ready. (5.8.6)"""
        entry = self._entries.get(id)
        return None if entry is None else entry.interest

    def deliverable(self, id: str, now: int) -> Interest | None:
        """Give the subscription a waiting message belongs to, if it is active now."""
        entry = self._entries.get(id)
        if entry is None or status(entry.body, now) != "active":
            return None
        return entry.interest

    def reader(self, now: int) -> Read:
        """Give what reads entities held here, as they are now."""

        def read(id: str) -> Document | None:
            stored = self.store.document(id, now)
            return None if stored is None else stored.document

        return read

    def holds(self, id: str) -> bool:
        """Say whether there is such a subscription, in whatever state."""
        return id in self._entries

    def awaits_context(self, id: str) -> bool:
        """Say whether a subscription is there but not ready yet."""
        entry = self._entries.get(id)
        return entry is not None and entry.interest is None

    async def add(self, body: Body, interest: Interest) -> None:
        """Keep a new subscription with what is told at once. (5.8.1)"""
        id = body["id"]
        async with self.writing:
            if id in self._entries:
                raise AlreadyExists(f"Subscription {id} exists already.")
            if len(self._entries) >= self._settings.subscriptions:
                raise TooManyResults(
                    f"This tenant has {len(self._entries)} subscriptions, as many as are allowed; delete some."
                )
            entry = self._entries[id] = Entry(body, interest, effective=False)
            try:
                await self._keep(entry, new=True)
            except BaseException:
                del self._entries[id]
                raise

    async def change(self, id: str, rule: Callable[[Body], Awaitable[Body]]) -> tuple[Body, Body, Interest]:
        """Apply a rule to a subscription; give it as it was, as it is, and ready. (5.8.2)"""
        async with self.writing:
            self.get(id)
            entry = self._entries[id]
            before = entry.body
            after = await rule(before)
            interest = await ready(after, self.tenant, self._contexts, self._settings.query_terms)
            former, entry.body, entry.interest = entry.interest, after, interest
            try:
                await self._keep(entry)
            except BaseException:
                entry.body, entry.interest = before, former
                raise
            return before, after, interest

    async def _keep(self, entry: Entry, *, new: bool = False) -> None:
        """Bring a subscription to disk; what it is told at once may be delivered before this returns."""
        body, interest = entry.body, entry.interest
        assert interest is not None
        kept = {**body, "counters": entry.counters} if entry.counters else body
        told = self._told_at_once(interest)
        await self.store.put_subscription(self.key(body["id"]), kept, new=new, messages=told)
        self._set(entry, body, interest)

    def _told_at_once(self, interest: Interest) -> Sequence[Message]:
        """Give what a new or changed subscription is told: nothing of entities that are there. (5.8.6)"""
        return ()

    async def remove(self, id: str) -> None:
        """Drop a subscription with what waits for it. (5.8.5)"""
        async with self.writing:
            self.get(id)
            await self.store.put_subscription(self.key(id), None)
            del self._entries[id]
            self._counted.discard(id)
            self.index.drop(id)
            self.throttle.forget(id)

    def count(self, id: str, message: Message, at: int, *, success: bool) -> None:
        """Count an attempt to notify. (5.8.6)"""
        entry = self._entries.get(id)
        if entry is not None:
            after = after_success if success else after_failure
            entry.counters = after(entry.counters, at, first=not message.attempts)
            self._counted.add(id)
            self.throttle.note(id, message.created)

    def counted(self) -> dict[str, Body]:
        """Give the subscriptions, by key, whose counters changed since the last time; hold `writing` meanwhile."""
        counted, self._counted = self._counted, set()
        return {
            self.key(id): {**entry.body, "counters": entry.counters}
            for id in counted
            if (entry := self._entries.get(id)) is not None
        }

    def recount(self, bodies: Iterable[Body]) -> None:
        """Take back what could not be kept."""
        self._counted |= {body["id"] for body in bodies}
