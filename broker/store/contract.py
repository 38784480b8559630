"""What any store of the broker offers: current state, one change at a time, the outbox, subscriptions, contexts.

One TenantStore per tenant. Times are integer µs. A method that changes anything returns after the commit: on disk.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from base.errors import Problem
from broker.language.selection import Selection, Window
from broker.language.visibility import Visibility
from broker.model.document import Document
from broker.store.evolution import HistoryStore
from broker.store.transfer import Transfer

Rule = Callable[[Document | None], Document | None]
"""The change itself: the current document (None: absent) to the next one (None: deleted). Pure and repeatable: it may
run more than once. Returning the very same object means: nothing changes. It refuses by raising a Problem."""

Read = Callable[[str], Document | None]


class EntityChange(NamedTuple):
    """A rule to apply to one entity."""

    id: str
    rule: Rule


class Change(NamedTuple):
    """What happened to one entity in a transaction. before is None: created; after is None: deleted."""

    id: str
    before: Document | None
    after: Document | None
    at: int


@dataclass(frozen=True, slots=True)
class Message:
    """A notification to deliver: an outbox row. `endpoint` groups rows into queues; the body is finished."""

    id: str
    subscription: str
    endpoint: str
    body: bytes
    headers: Mapping[str, str]
    created: int
    seq: int = 0
    attempts: int = 0
    due: int = 0
    error: str = ""


React = Callable[[Change, Read], Iterable[Message]]
"""Called inside the transaction for every real change; what it returns is kept with the change or not at all."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An entity as the store holds it. `version` rises with every change of it; `expires` is the earliest expiry of
    the entity or any part of it (µs, None: never): bytes made from it must not be served from then on."""

    id: str
    version: int
    expires: int | None
    document: Document


class Mark(NamedTuple):
    """The state the entities of a tenant are in: equal marks, equal answers, until something expires (µs)."""

    store: object
    sequence: int
    until: int | None


class Stamp(NamedTuple):
    """Which version of an entity is current: enough to answer from cached bytes. A tuple, since there are many."""

    id: str
    version: int
    expires: int | None
    key: int


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a query: stamps in a stable order, the count of all if it was asked for, whether more follow."""

    stamps: Sequence[Stamp]
    count: int | None
    more: bool


class Outcome(NamedTuple):
    """What became of one EntityChange: a Change (None where nothing changed), or the Problem that refused it."""

    change: Change | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class TypeInfo:
    """A type or an attribute as discovery shows it: IRI → how many entities, and the attribute kinds seen."""

    name: str
    count: int
    related: Mapping[str, frozenset[str]] = field(default_factory=dict)


class DemandStore(Protocol):
    """Which JSON Schemas entities must satisfy to be stored: IRI of a type → name of the schema."""

    schemas: dict[str, str]

    async def set(self, schemas: Mapping[str, str]) -> None:
        """Demand this and nothing else from now on. What is put back by a transfer is not asked."""


class TenantStore(Protocol):
    """The data of one tenant."""

    @property
    def name(self) -> str:
        """Name the database."""

    @property
    def history(self) -> HistoryStore:
        """Give the histories of the tenant."""

    @property
    def transfer(self) -> Transfer:
        """Give what takes the tenant out and puts it back."""

    @property
    def demands(self) -> DemandStore:
        """Give which JSON Schemas entities must satisfy."""

    def mark(self) -> Mark:
        """Say which state is current; a change answered 2xx has made another one."""

    def stamp(self, id: str, now: int) -> Stamp | None:
        """Say which version of an entity is current; None if absent or expired at `now`."""

    def document(self, id: str, now: int) -> Stored | None:
        """Give one entity, without the parts that have expired at `now`; None if absent or expired."""

    def documents(self, stamps: Sequence[Stamp], now: int) -> list[Stored]:
        """Give the entities of a page, in its order."""

    async def query(self, selection: Selection, window: Window, now: int) -> Page:
        """Find the entities a selection wants, in a stable order; TooComplexQuery when it costs too much."""

    async def change(
        self, changes: Sequence[EntityChange], now: int, react: React | None = None
    ) -> list[Outcome]:
        """Apply each rule in order, in one transaction; one refusal does not touch the others."""

    async def types(self, now: int, visibility: Visibility | None = None) -> list[TypeInfo]:
        """List entity types with the attributes (and their kinds) that entities of the type have. (5.7.5)

        With a visibility, both look at what is visible only."""

    async def attributes(self, now: int, visibility: Visibility | None = None) -> list[TypeInfo]:
        """List attributes with the entity types (as `related` keys) that have them, kinds as values. (5.7.8)"""

    def listen(self, listener: Callable[[Sequence[Message]], None]) -> None:
        """Hand new outbox rows (with their `seq`) to the listener, on the event loop, after their commit."""

    # subscriptions: one JSON object each, by id; status and counters are part of it
    def subscriptions(self) -> list[dict[str, Any]]:
        """Give all subscriptions in the order of their creation."""

    async def put_subscription(
        self,
        id: str,
        body: dict[str, Any] | None,
        *,
        new: bool = False,
        messages: Sequence[Message] = (),
    ) -> None:
        """Keep, replace or (None) drop a subscription, with the messages that causes; AlreadyExists if `new` and there;
        ResourceNotFound if dropped or replaced and not there. Dropping one drops its waiting messages."""

    # outbox
    def waiting(self, endpoint: str | None, after: int, limit: int) -> list[Message]:
        """Give undelivered messages in order of `seq`, beginning after one."""

    def outbox_size(self) -> tuple[int, int]:
        """Count the undelivered messages and the dead letters."""

    def endpoints(self) -> list[str]:
        """Name the endpoints that have undelivered messages."""

    async def settle(
        self,
        delivered: Sequence[int] = (),
        failed: Sequence[Message] = (),
        dead: Sequence[Message] = (),
        subscriptions: Mapping[str, dict[str, Any]] | None = None,
    ) -> None:
        """Record attempts in one transaction: drop delivered ones, keep `attempts`, `due`, `error` of failed ones,
        move dead ones to the dead letters; replace the given subscriptions' bodies where they still exist."""

    async def enqueue(self, messages: Sequence[Message]) -> list[Message]:
        """Keep messages that no change caused (timeInterval); give them back with their `seq`."""

    def dead_letters(self, limit: int, after: int = 0) -> list[Message]:
        """List messages that were given up."""

    async def replay(self, seqs: Sequence[int] | None, now: int) -> int:
        """Put dead letters (all: None) back into the outbox as due now; say how many."""

    # JSON objects of other kinds: registrations, entity maps, snapshots; `expires` in µs
    def records(self, kind: str) -> list[dict[str, Any]]:
        """Give all records of a kind in the order of their creation, expired ones included."""

    def record(self, kind: str, id: str) -> dict[str, Any] | None:
        """Give one record, even if it has expired."""

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
        """Keep, replace or (None) drop a record, with the messages that causes; AlreadyExists if `new` and there;
        ResourceNotFound if dropped or replaced and not there."""

    def expired_records(self, now: int) -> list[tuple[str, str]]:
        """Name the records (kind, id) that have expired and are still kept."""

    # @contexts
    def contexts(self) -> list[dict[str, Any]]:
        """Give the rows of all kept @contexts: url, localId, kind, body, times, numberOfHits."""

    async def put_context(self, url: str, row: dict[str, Any] | None) -> None:
        """Keep, replace or (None) drop an @context."""

    # upkeep
    async def expire(self, now: int, react: React | None = None) -> int:
        """Remove expired entities and attributes for good; say how many entities were touched."""

    def check(self) -> list[str]:
        """Compare indexes with documents and the file with itself; one sentence per fault found."""

    def ping(self) -> None:
        """Raise if the store cannot be read."""

    async def close(self) -> None:
        """Finish what is waiting and close the file."""


class Catalogue(Protocol):
    """The tenants of this broker; the default tenant is named ''."""

    def names(self) -> list[str]:
        """Name the tenants, the default one first."""

    def databases(self) -> list[str]:
        """Name the databases of all tenants and of all their snapshots; each is opened like a tenant. (5.5.15)"""

    def exists(self, tenant: str) -> bool:
        """Say whether the tenant is there."""

    def open(self, tenant: str) -> TenantStore:
        """Give the store of a tenant; NonexistentTenant if there is none."""

    async def create(self, tenant: str) -> TenantStore:
        """Give the store of a tenant, made if absent; refuses beyond the number allowed, or when creation is off."""

    def check_room(self) -> None:
        """Raise NotPermitted if there are as many databases as this process can have open."""

    async def make_snapshot(self, name: str) -> TenantStore:
        """Give the empty store of a snapshot; what was there under the name is dropped. (5.16.1)"""

    async def copy(self, origin: str, name: str) -> None:
        """Make the database of a snapshot from that of another, entities and histories only. (5.16.2)"""

    async def drop(self, tenant: str) -> None:
        """Delete a tenant and its file; the default tenant cannot be dropped."""

    async def close(self) -> None:
        """Close all stores."""
