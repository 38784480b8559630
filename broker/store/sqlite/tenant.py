"""The data of one tenant in one SQLite file."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from base.database import PLAIN, Connection, Opening, Writer, connect, migrate
from base.errors import AlreadyExists, Problem, ResourceNotFound
from broker.language.selection import Selection, Window
from broker.language.visibility import Visibility
from broker.settings import BrokerSettings
from broker.store.contract import (
    DemandStore,
    EntityChange,
    Mark,
    Message,
    Outcome,
    Page,
    React,
    Stamp,
    Stored,
    TypeInfo,
)
from broker.store.evolution import HistoryStore
from broker.store.sqlite import check, entities, outbox, records, schema, search, tally, translation
from broker.store.sqlite.demanding import SqliteDemands
from broker.store.sqlite.history import SqliteHistory, policy_of
from broker.store.sqlite.history_recording import Recorder
from broker.store.sqlite.indexing import Indexing
from broker.store.sqlite.journal import Journal
from broker.store.sqlite.names import Names
from broker.store.sqlite.orders import LONG_PAGE, Orders
from broker.store.sqlite.search import Budget, Unfinished
from broker.store.sqlite.tallies import Tallies
from broker.store.sqlite.transfer import SqliteTransfer
from broker.store.sqlite.values import ValueIndexes
from broker.store.transfer import Transfer

EXPIRED_AT_ONCE: Final = 200
READ_CACHE_KIB: Final = 4_096
T = TypeVar("T")
Listener = Callable[[Sequence[Message]], None]


class SqliteTenantStore:
    """One tenant: a writer, a connection for short reads on the event loop, others for long ones in threads."""

    def __init__(
        self,
        name: str,
        path: Path,
        settings: BrokerSettings,
        threads: ThreadPoolExecutor,
        opening: Opening = PLAIN,
    ) -> None:
        self.name = name
        self._path = path
        self._settings = settings
        self._threads = threads
        self._exclusive = opening.exclusive
        self._closed = False
        self._write = connect(path, opening)
        migrate(self._write, schema.TENANT)
        self._read = translation.prepare(
            self._write if opening.exclusive else connect(path, readonly=True, cache_kib=READ_CACHE_KIB)
        )
        self._names = Names(self._read)
        self._journal = Journal(self._write, settings.outbox_rows)
        values = ValueIndexes(self._write, self._journal.names)
        recorder = Recorder(self._write, self._journal, policy_of(self._write, settings))
        self._journal.history = recorder
        self._changes = entities.Changes(self._write, self._journal, values, recorder)
        self._writer = Writer(self._write, self._journal, most_inline=None if opening.exclusive else 64)
        self._indexing = Indexing(
            self._write,
            self._writer,
            values,
            most=settings.value_indexes,
            threshold=settings.index_threshold,
        )
        self._history = SqliteHistory(
            (self._read, self._write), self._names, self._writer, recorder, settings, self._in_thread
        )
        self.history: HistoryStore = self._history
        self.transfer: Transfer = SqliteTransfer(
            path, self._write, self._writer, (self._changes, recorder), self._after
        )
        self.demands: DemandStore = SqliteDemands(self._write, self._writer, self._changes)
        self._idle_readers: list[tuple[Connection, Names]] = []
        self._listeners: list[Listener] = []
        self._orders = Orders(self._read, self._in_thread, settings.query_seconds)
        self._tallies = Tallies(self._in_thread, settings.query_seconds)
        self._sequence = 0
        self._mark = Mark(self, 0, self._earliest_expiry())

    # entities

    def mark(self) -> Mark:
        """Say which state is current; a change answered 2xx has made another one."""
        if self._mark.sequence != self._sequence:
            self._mark = Mark(self, self._sequence, self._earliest_expiry())
        return self._mark

    def _after(self, done: tuple[object, list[Message]]) -> None:
        """Tell that entities have changed; runs after the commit and before the answer."""
        self._sequence += 1
        self._history.written()
        self._tell(done[1])

    def _earliest_expiry(self) -> int | None:
        earliest: Any = self._read.execute("SELECT min(expires) FROM entity WHERE expires IS NOT NULL").get
        return None if earliest is None else int(earliest)

    def stamp(self, id: str, now: int) -> Stamp | None:
        """Say which version of an entity is current; None if absent or expired at `now`."""
        return entities.stamp(self._read, id, now)

    def document(self, id: str, now: int) -> Stored | None:
        """Give one entity, without the parts that have expired at `now`; None if absent or expired."""
        return entities.document(self._read, id, now)

    def documents(self, stamps: Sequence[Stamp], now: int) -> list[Stored]:
        """Give the entities of a page, in its order."""
        return entities.documents(self._read, stamps, now)

    async def query(self, selection: Selection, window: Window, now: int) -> Page:
        """Find the entities a selection wants, in a stable order; TooComplexQuery when it costs too much."""
        if window.ordering is not None and (window.offset or window.limit > LONG_PAGE):
            return await self._orders.page(selection, window, window.ordering, self.mark, now)
        budget = Budget(search.INLINE_SECONDS, search.INLINE_DOCUMENTS)
        try:
            with contextlib.suppress(Unfinished):
                return search.find(self._read, self._names, selection, window, now, budget)
            budget = Budget(self._settings.query_seconds)
            return await self._in_thread(
                lambda connection, names: search.find(connection, names, selection, window, now, budget)
            )
        except Unfinished as error:
            raise search.too_complex(self._settings.query_seconds) from error
        finally:
            self._indexing.note(selection, budget.scanned)

    async def indexed(self) -> None:
        """Wait until the value indexes that are wanted now are complete."""
        await self._indexing.done()

    async def change(
        self, changes: Sequence[EntityChange], now: int, react: React | None = None
    ) -> list[Outcome]:
        """Apply each rule in order, in one transaction; one refusal does not touch the others."""

        def work() -> tuple[list[Outcome], list[Message]]:
            posted: list[Message] = []
            return [self._changes.apply(change, now, react, posted) for change in changes], posted

        outcomes, _ = await self._writer.run(work, weight=len(changes), after=self._after)
        return outcomes

    async def types(self, now: int, visibility: Visibility | None = None) -> list[TypeInfo]:
        """List entity types with the attributes (and their kinds) that entities of the type have. (5.7.5)"""
        return tally.types(await self._counted(now, visibility))

    async def attributes(self, now: int, visibility: Visibility | None = None) -> list[TypeInfo]:
        """List attributes with the entity types (as `related` keys) that have them, kinds as values. (5.7.8)"""
        return tally.attributes(await self._counted(now, visibility))

    async def _counted(self, now: int, visibility: Visibility | None) -> dict[tally.Entry, int]:
        if visibility is None:
            return search.counters(self._read, self._expired(now), now)
        return await self._tallies.counted(visibility, self.mark, now)

    def feed(self, after: int, limit: int) -> list[tuple[int, str]]:
        """Give versions and ids of the latest changes after a version, for processes that follow."""
        rows: Any = self._read.execute(
            "SELECT version, id FROM feed WHERE version > ? ORDER BY version LIMIT ?", (after, limit)
        )
        return list(rows)

    # messages

    def listen(self, listener: Listener) -> None:
        """Hand new outbox rows (with their `seq`) to the listener, on the event loop, after their commit."""
        self._listeners.append(listener)

    def waiting(self, endpoint: str | None, after: int, limit: int) -> list[Message]:
        """Give undelivered messages in order of `seq`, beginning after one."""
        return outbox.waiting(self._read, endpoint, after, limit)

    def outbox_size(self) -> tuple[int, int]:
        """Count the undelivered messages and the dead letters."""
        return outbox.size(self._read), outbox.dead_size(self._read)

    def endpoints(self) -> list[str]:
        """Name the endpoints that have undelivered messages."""
        return outbox.endpoints(self._read)

    def dead_letters(self, limit: int, after: int = 0) -> list[Message]:
        """List messages that were given up."""
        return outbox.dead_letters(self._read, after, limit)

    async def settle(
        self,
        delivered: Sequence[int] = (),
        failed: Sequence[Message] = (),
        dead: Sequence[Message] = (),
        subscriptions: Mapping[str, dict[str, Any]] | None = None,
    ) -> None:
        """Record attempts in one transaction, with the subscriptions' counters where they still exist."""

        def work() -> None:
            outbox.drop(self._write, delivered)
            outbox.retry(self._write, failed)
            if dead:
                outbox.bury(self._write, dead, self._settings.outbox_rows)
            for id, body in (subscriptions or {}).items():
                records.replace_subscription(self._write, id, body)

        await self._writer.run(work)

    async def enqueue(self, messages: Sequence[Message]) -> list[Message]:
        """Keep messages that no change caused (timeInterval); give them back with their `seq`."""
        return await self._writer.run(lambda: self._journal.post(messages), after=self._tell)

    async def replay(self, seqs: Sequence[int] | None, now: int) -> int:
        """Put dead letters (all: None) back into the outbox as due now; say how many."""
        raised = await self._writer.run(lambda: outbox.raise_dead(self._write, seqs, now), after=self._tell)
        return len(raised)

    def _tell(self, messages: Sequence[Message]) -> None:
        if messages:
            for listener in self._listeners:
                listener(messages)

    # subscriptions and @contexts

    def subscriptions(self) -> list[dict[str, Any]]:
        """Give all subscriptions in the order of their creation."""
        return records.subscriptions(self._read)

    async def put_subscription(
        self,
        id: str,
        body: dict[str, Any] | None,
        *,
        new: bool = False,
        messages: Sequence[Message] = (),
    ) -> None:
        """Keep, replace or (None) drop a subscription; dropping one drops its waiting messages."""
        await self._keep(lambda: self._put_subscription(id, body, new), messages)

    async def _keep(self, work: Callable[[], Problem | None], messages: Sequence[Message]) -> None:
        """Do the work and post messages in one transaction; nothing of it happens if the work is refused."""

        def together() -> tuple[Problem | None, Sequence[Message]]:
            problem = work()
            return problem, () if problem else self._journal.post(messages)

        problem, _ = await self._writer.run(together, after=lambda done: self._tell(done[1]))
        if problem:
            raise problem

    def _put_subscription(self, id: str, body: dict[str, Any] | None, new: bool) -> Problem | None:
        there = records.has_subscription(self._write, id)
        if new and there:
            return AlreadyExists(f"The subscription {id} exists already; give it another id or update it.")
        if not new and not there:
            return ResourceNotFound(f"There is no subscription {id}.")
        if body is None:
            records.drop_subscription(self._write, id)
            outbox.forget_subscription(self._write, id)
        elif new:
            records.add_subscription(self._write, id, body)
        else:
            records.replace_subscription(self._write, id, body)
        return None

    def records(self, kind: str) -> list[dict[str, Any]]:
        """Give all records of a kind in the order of their creation, expired ones included."""
        return records.of_kind(self._read, kind)

    def record(self, kind: str, id: str) -> dict[str, Any] | None:
        """Give one record, even if it has expired."""
        return records.find(self._read, kind, id)

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
        """Keep, replace or (None) drop a record; AlreadyExists if `new` and there, ResourceNotFound if not."""
        await self._keep(lambda: self._put_record(kind, id, body, new, expires), messages)

    def _put_record(
        self, kind: str, id: str, body: dict[str, Any] | None, new: bool, expires: int | None
    ) -> Problem | None:
        there = records.find(self._write, kind, id) is not None
        if new and there:
            return AlreadyExists(f"{id} exists already; give another id or update it.")
        if not new and not there:
            return ResourceNotFound(f"There is no {kind} {id}.")
        if body is None:
            records.drop(self._write, kind, id)
        elif new:
            records.add(self._write, kind, id, body, expires)
        else:
            records.replace(self._write, kind, id, body, expires)
        return None

    def expired_records(self, now: int) -> list[tuple[str, str]]:
        """Name the records (kind, id) that have expired and are still kept."""
        return records.expired(self._read, now)

    def contexts(self) -> list[dict[str, Any]]:
        """Give the rows of all kept @contexts."""
        return records.contexts(self._read)

    async def put_context(self, url: str, row: dict[str, Any] | None) -> None:
        """Keep, replace or (None) drop an @context."""
        await self._writer.run(lambda: records.put_context(self._write, url, row))

    # upkeep

    async def expire(self, now: int, react: React | None = None) -> int:
        """Remove expired entities and attributes for good; say how many entities were touched."""
        touched = 0
        while ids := self._expired(now):

            def work(ids: Sequence[str] = ids) -> tuple[int, list[Message]]:
                posted: list[Message] = []
                return sum(self._changes.expire(id, now, react, posted) for id in ids), posted

            done, _ = await self._writer.run(work, weight=len(ids), after=self._after)
            touched += done
        return touched

    def check(self) -> list[str]:
        """Compare indexes with documents and the file with itself; one sentence per fault found."""
        with self._reader() as (connection, _):
            return check.faults(connection)

    def ping(self) -> None:
        """Raise if the store cannot be read."""
        self._read.execute("SELECT value FROM sequence").fetchall()

    async def close(self) -> None:
        """Finish what is waiting and close the file."""
        self._closed = True
        await self._indexing.close()
        await self._history.close()
        await self._writer.close()
        for connection, _ in self._idle_readers:
            connection.close()
        if self._read is not self._write:
            self._read.close()
        self._write.close()

    def _expired(self, now: int) -> list[str]:
        rows = self._read.execute(
            "SELECT id FROM entity WHERE expires <= ? ORDER BY expires LIMIT ?", (now, EXPIRED_AT_ONCE)
        )
        return [id for (id,) in rows]

    async def _in_thread(self, work: Callable[[Connection, Names], T]) -> T:
        def run() -> T:
            with self._reader() as (connection, names):
                return work(connection, names)

        if self._exclusive:
            return run()
        return await asyncio.get_running_loop().run_in_executor(self._threads, run)

    @contextlib.contextmanager
    def _reader(self) -> Iterator[tuple[Connection, Names]]:
        if self._exclusive:
            yield self._read, self._names
            return
        try:
            reader = self._idle_readers.pop()
        except IndexError:
            connection = translation.prepare(connect(self._path, readonly=True, cache_kib=READ_CACHE_KIB))
            reader = connection, Names(connection)
        try:
            yield reader
        finally:
            if self._closed:
                reader[0].close()
            else:
                self._idle_readers.append(reader)
