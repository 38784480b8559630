"""A tenant's store as a caller may see and change it: all else is as if it were not there. (docs/access.md)

Operations are handed such a view in the place of the store, so none of them has to think of what is visible. What they
make of one view never serves another: a view is equal only to those of the same store with the same rights.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from base.access import Caller
from base.errors import ResourceNotFound
from broker.access.changes import guarded
from broker.access.history import VisibleHistory
from broker.access.rights import Rights, owner_in, owner_of, same_maker
from broker.language.selection import Selection, Window
from broker.language.visibility import Visibility, visible
from broker.store.contract import (
    Catalogue,
    DemandStore,
    EntityChange,
    Mark,
    Message,
    Outcome,
    Page,
    React,
    Stamp,
    Stored,
    TenantStore,
    TypeInfo,
)
from broker.store.transfer import Transfer

OWNER: Final = "owner"
"""The member of a record that says who made it."""


@dataclass(frozen=True, slots=True)
class VisibleStore:
    """What a caller may see and change of a tenant, in the form of its store."""

    store: TenantStore
    rights: Rights
    caller: Caller = field(compare=False)

    @property
    def name(self) -> str:
        """Name the database."""
        return self.store.name

    @property
    def transfer(self) -> Transfer:
        """Give what takes a tenant out and puts it back: for the operator's commands, which see everything."""
        return self.store.transfer

    @property
    def demands(self) -> DemandStore:
        """Give which JSON Schemas entities must satisfy."""
        return self.store.demands

    @property
    def history(self) -> VisibleHistory:
        """Give the histories of what is visible."""
        return VisibleHistory(self.store, self.rights, self.caller)

    # entities

    def mark(self) -> Mark:
        """Say which state is current; others see other things in the same state."""
        mark = self.store.mark()
        return Mark(self, mark.sequence, mark.until)

    def stamp(self, id: str, now: int) -> Stamp | None:
        """Say which version of an entity is current; None if it is not visible."""
        stamp = self.store.stamp(id, now)
        return stamp if stamp is not None and self.document(id, now) is not None else None

    def document(self, id: str, now: int) -> Stored | None:
        """Give what is visible of an entity."""
        stored = self.store.document(id, now)
        return None if stored is None else self._seen(stored)

    def documents(self, stamps: Sequence[Stamp], now: int) -> list[Stored]:
        """Give what is visible of the entities of a page."""
        seen = map(self._seen, self.store.documents(stamps, now))
        return [stored for stored in seen if stored is not None]

    def _seen(self, stored: Stored) -> Stored | None:
        document = visible(stored.document, self.rights.reading)
        if document is stored.document:
            return stored
        return None if document is None else Stored(stored.id, stored.version, stored.expires, document)

    async def query(self, selection: Selection, window: Window, now: int) -> Page:
        """Find what a selection wants of what is visible."""
        return await self.store.query(seen_only(selection, self.rights), window, now)

    async def change(
        self, changes: Sequence[EntityChange], now: int, react: React | None = None
    ) -> list[Outcome]:
        """Apply each rule to what is visible, as far as that may be changed."""
        allowed = [EntityChange(one.id, guarded(one.rule, self.rights, self.caller)) for one in changes]
        return await self.store.change(allowed, now, react)

    async def types(self, now: int, visibility: Visibility | None = None) -> list[TypeInfo]:
        """List the types of what is visible: no more can be asked for."""
        return await self.store.types(now, self.rights.reading)

    async def attributes(self, now: int, visibility: Visibility | None = None) -> list[TypeInfo]:
        """List the attributes of what is visible: no more can be asked for."""
        return await self.store.attributes(now, self.rights.reading)

    # records belong to those who made them

    def records(self, kind: str) -> list[dict[str, Any]]:
        """Give the caller's records of a kind."""
        return [body for body in self.store.records(kind) if self._own(body)]

    def record(self, kind: str, id: str) -> dict[str, Any] | None:
        """Give a record of the caller's."""
        body = self.store.record(kind, id)
        return body if body is not None and self._own(body) else None

    async def put_record(
        self,
        kind: str,
        id: str,
        body: dict[str, Any] | None,
        *,
        new: bool = False,
        expires: int | None = None,
        messages: Sequence[Message] = (),
    ) -> None:
        """Keep, replace or drop a record of the caller's; it keeps its owner."""
        held = None if new else self.store.record(kind, id)
        if held is not None and not self._own(held):
            raise ResourceNotFound(f"There is no {kind} {id}.")
        if body is not None:
            body = {**body, OWNER: held.get(OWNER, "") if held else _text(self.caller)}
        await self.store.put_record(kind, id, body, new=new, expires=expires, messages=messages)

    def _own(self, body: Mapping[str, Any]) -> bool:
        return self.rights.may("manage") or same_maker(self.caller, maker_of(body))

    def expired_records(self, now: int) -> list[tuple[str, str]]:
        """Name no record: removing what has expired is the broker's own affair."""
        return []

    # what no caller is shown by an operation goes on to the store

    def listen(self, listener: Callable[[Sequence[Message]], None]) -> None:
        """Hand new outbox rows to the listener."""
        self.store.listen(listener)

    def subscriptions(self) -> list[dict[str, Any]]:
        """Give the caller's subscriptions."""
        manages = self.rights.may("manage")
        return [
            one
            for one in self.store.subscriptions()
            if manages or same_maker(self.caller, owner_in(one.get(OWNER)))
        ]

    async def put_subscription(
        self,
        id: str,
        body: dict[str, Any] | None,
        *,
        new: bool = False,
        messages: Sequence[Message] = (),
    ) -> None:
        """Keep, replace or drop a subscription."""
        await self.store.put_subscription(id, body, new=new, messages=messages)

    def waiting(self, endpoint: str | None, after: int, limit: int) -> list[Message]:
        """Give undelivered messages."""
        return self.store.waiting(endpoint, after, limit)

    def outbox_size(self) -> tuple[int, int]:
        """Count the undelivered messages and the dead letters."""
        return self.store.outbox_size()

    def endpoints(self) -> list[str]:
        """Name the endpoints that have undelivered messages."""
        return self.store.endpoints()

    async def settle(
        self,
        delivered: Sequence[int] = (),
        failed: Sequence[Message] = (),
        dead: Sequence[Message] = (),
        subscriptions: Mapping[str, dict[str, Any]] | None = None,
    ) -> None:
        """Record attempts."""
        await self.store.settle(delivered, failed, dead, subscriptions)

    async def enqueue(self, messages: Sequence[Message]) -> list[Message]:
        """Keep messages that no change caused."""
        return await self.store.enqueue(messages)

    def dead_letters(self, limit: int, after: int = 0) -> list[Message]:
        """List messages that were given up."""
        return self.store.dead_letters(limit, after)

    async def replay(self, seqs: Sequence[int] | None, now: int) -> int:
        """Put dead letters back into the outbox."""
        return await self.store.replay(seqs, now)

    def contexts(self) -> list[dict[str, Any]]:
        """Give the rows of all kept @contexts."""
        return self.store.contexts()

    async def put_context(self, url: str, row: dict[str, Any] | None) -> None:
        """Keep, replace or drop an @context."""
        await self.store.put_context(url, row)

    async def expire(self, now: int, react: React | None = None) -> int:
        """Remove expired entities and attributes for good."""
        return await self.store.expire(now, react)

    def check(self) -> list[str]:
        """Compare indexes with documents and the file with itself."""
        return self.store.check()

    def ping(self) -> None:
        """Raise if the store cannot be read."""
        self.store.ping()

    async def close(self) -> None:
        """Finish what is waiting and close the file."""
        await self.store.close()


@dataclass(frozen=True, slots=True)
class VisibleCatalogue:
    """The tenants as a caller may see them on one tenant and in its snapshots."""

    catalogue: Catalogue
    rights: Rights
    caller: Caller

    def _seen(self, store: TenantStore) -> TenantStore:
        return VisibleStore(store, self.rights, self.caller)

    def names(self) -> list[str]:
        """Name the tenants."""
        return self.catalogue.names()

    def databases(self) -> list[str]:
        """Name the databases of all tenants and of all their snapshots."""
        return self.catalogue.databases()

    def exists(self, tenant: str) -> bool:
        """Say whether the tenant is there."""
        return self.catalogue.exists(tenant)

    def open(self, tenant: str) -> TenantStore:
        """Give what is visible of a tenant."""
        return self._seen(self.catalogue.open(tenant))

    async def create(self, tenant: str) -> TenantStore:
        """Give what is visible of a tenant, made if absent."""
        return self._seen(await self.catalogue.create(tenant))

    def check_room(self) -> None:
        """Raise NotPermitted if there are as many databases as this process can have open."""
        self.catalogue.check_room()

    async def make_snapshot(self, name: str) -> TenantStore:
        """Give the empty store of a snapshot, to be filled with what is visible."""
        return await self.catalogue.make_snapshot(name)

    async def copy(self, origin: str, name: str) -> None:
        """Make the database of a snapshot from that of another."""
        await self.catalogue.copy(origin, name)

    async def drop(self, tenant: str) -> None:
        """Delete a tenant or a snapshot."""
        await self.catalogue.drop(tenant)

    async def close(self) -> None:
        """Close all stores."""
        await self.catalogue.close()


def seen_only(selection: Selection, rights: Rights) -> Selection:
    """Make a selection speak of what is visible only."""
    if rights.reading is None:
        return selection
    return replace(selection, visibility=rights.reading)


def _text(caller: Caller) -> str:
    return orjson.dumps(owner_of(caller)).decode()


def maker_of(body: Mapping[str, Any]) -> Caller:
    """Read who made a record."""
    held = body.get(OWNER)
    return owner_in(orjson.loads(held) if held else None)
