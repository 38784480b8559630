"""The registrations of all tenants: each change on disk with the messages it causes, then in memory. (5.9)"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

import structlog

from base.errors import AlreadyExists, NonexistentTenant, ResourceNotFound, TooManyResults
from broker.language.sources import Match, Source, SourceSelection, matching, prepare
from broker.model.registration import Body
from broker.registry import conflicts
from broker.registry.index import Index
from broker.settings import BrokerSettings
from broker.store.contract import Catalogue, Message, TenantStore

KIND: Final = "registration"

log = structlog.get_logger("engawa.registry")

React = Callable[[Source | None, Source | None, int], Iterable[Message]]
"""Called before a change is kept, with the registration before and after; what it returns is kept with the change."""


Listen = Callable[[Source | None, Source | None], None]
"""Called after a change was kept, with the registration before and after."""


def absent(id: str) -> ResourceNotFound:
    """Say that there is no such registration."""
    return ResourceNotFound(f"Context source registration {id} does not exist.")


class Register:
    """The registrations of one tenant. Who makes messages that depend on all of them holds `writing` meanwhile."""

    def __init__(self, store: TenantStore, most: int, listen: Listen) -> None:
        self._listen = listen
        self.writing = asyncio.Lock()
        self._store = store
        self._most = most
        self._index = Index()
        self._counted: set[str] = set()
        self._earliest: int | None = None
        for body in store.records(KIND):
            try:
                self._put(prepare(body))
            except Exception:  # one that cannot be read must not hold up the others
                log.exception("a registration cannot be used", registration=body.get("id"))

    def __len__(self) -> int:
        return len(self._index)

    def get(self, id: str, now: int) -> Source:
        """Give a registration; ResourceNotFound if there is none or it has expired. (5.10.1)"""
        source = self._index.get(id)
        if source is None or not source.living(now):
            raise absent(id)
        return source

    def find(self, wanted: SourceSelection, now: int) -> Iterator[Match]:
        """Find the registrations that are wanted, in the order of their creation. (5.10.2.4, 5.12)"""
        for source in self._index.candidates(wanted):
            if source.living(now) and (match := matching(source, wanted)) is not None:
                yield match

    async def add(self, body: Body, now: int, react: React) -> None:
        """Keep a new registration. (5.9.2)"""
        source = prepare(body)
        async with self.writing:
            there = self._index.get(source.id)
            if there is not None and there.living(now):
                raise AlreadyExists(f"Context source registration {source.id} exists already; update it.")
            if there is not None:
                await self._write(there, None, now, react)
            if len(self._index) >= self._most:
                raise TooManyResults(f"This tenant has {self._most} registrations, as many as are allowed.")
            await conflicts.check(source, self._index, self._store, now)
            await self._write(None, source, now, react)

    async def change(self, id: str, rule: Callable[[Body], Body], now: int, react: React) -> None:
        """Apply a rule to a registration. (5.9.3)"""
        async with self.writing:
            before = self.get(id, now)
            after = prepare(rule(before.body))
            await conflicts.check(after, self._index, self._store, now)
            await self._write(before, after, now, react)

    async def remove(self, id: str, now: int, react: React) -> None:
        """Drop a registration. (5.9.4)"""
        async with self.writing:
            await self._write(self.get(id, now), None, now, react)

    async def expire(self, now: int, react: React) -> None:
        """Drop the registrations whose time is over. (5.9.2.4)"""
        if self._earliest is None or self._earliest > now:
            return
        async with self.writing:
            for source in [one for one in self._index if not one.living(now)]:
                await self._write(source, None, now, react)
            self._earliest = min(
                (one.expires for one in self._index if one.expires is not None), default=None
            )

    def count(self, id: str, now: int, *, good: bool, sent: int = 1) -> None:
        """Count a distributed operation; what is counted is no change of the registration. (5.2.9)

        `sent`: 0 if it was counted before, as one that did not fail.
        """
        source = self._index.get(id)
        if source is None:
            return
        counters = source.body.setdefault("counters", {})
        counters["timesSent"] = counters.get("timesSent", 0) + sent
        if good:
            counters |= {"lastSuccess": now, "status": "ok"}
        else:
            failed = counters.get("timesFailed", 0) + 1
            counters |= {"timesFailed": failed, "lastFailure": now, "status": "failed"}
        self._counted.add(id)

    async def keep_counters(self) -> None:
        """Bring to disk what was counted since the last time."""
        async with self.writing:
            while self._counted:
                source = self._index.get(self._counted.pop())
                if source is not None:
                    await self._store.put_record(KIND, source.id, source.body, expires=source.expires)

    async def _write(self, before: Source | None, after: Source | None, now: int, react: React) -> None:
        """Bring a change and its messages to disk, then to memory."""
        messages = tuple(react(before, after, now))
        source = after or before
        assert source is not None
        await self._store.put_record(
            KIND,
            source.id,
            after.body if after else None,
            new=before is None,
            expires=after.expires if after else None,
            messages=messages,
        )
        if after is None:
            self._index.drop(source.id)
        else:
            self._put(after)
        self._listen(before, after)

    def _put(self, source: Source) -> None:
        self._index.put(source)
        if source.expires is not None:
            self._earliest = min(self._earliest or source.expires, source.expires)


class Registry:
    """The registrations of every tenant."""

    def __init__(self, settings: BrokerSettings, catalogue: Catalogue) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._registers: dict[str, Register] = {}
        self._listeners: list[Callable[[str, Source | None, Source | None], None]] = []

    def listen(self, listener: Callable[[str, Source | None, Source | None], None]) -> None:
        """Tell somebody of every change after it was kept: tenant, registration before and after; None, None: all."""
        self._listeners.append(listener)

    def of(self, tenant: str) -> Register:
        """Give the registrations of a tenant; NonexistentTenant if there is none."""
        register = self._registers.get(tenant)
        if register is None:
            store, most = self._catalogue.open(tenant), self._settings.registrations
            register = Register(store, most, partial(self._tell, tenant))
            self._registers[tenant] = register
        return register

    def has_sources(self, tenant: str) -> bool:
        """Say whether a tenant that was asked for before has registrations."""
        register = self._registers.get(tenant)
        return register is not None and len(register) > 0

    async def keep_counters(self) -> None:
        """Bring to disk what was counted since the last time, of every tenant. (5.2.9)"""
        for register in tuple(self._registers.values()):
            try:
                await register.keep_counters()
            except (NonexistentTenant, ResourceNotFound):  # dropped meanwhile
                continue

    def _tell(self, tenant: str, before: Source | None, after: Source | None) -> None:
        for listener in self._listeners:
            listener(tenant, before, after)

    def forget(self, tenant: str) -> None:
        """Forget a tenant that was dropped."""
        self._registers.pop(tenant, None)
        self._tell(tenant, None, None)
