"""The histories of one tenant: short reads on the event loop, long ones in threads, writes with everybody else's."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

import apsw
import structlog

from base.database import Connection, Writer, snapshot
from base.errors import Problem
from broker.language.selection import Selection, Window
from broker.language.span import Span
from broker.model.document import Document
from broker.model.retention import Policy, policy, record
from broker.settings import BrokerSettings
from broker.store.evolution import (
    Asked,
    Axis,
    Evolution,
    Histories,
    History,
    InstanceRule,
    Instances,
    Period,
    Permit,
    Series,
)
from broker.store.sqlite import history_sums, records, search
from broker.store.sqlite.history_finding import Finder, judged
from broker.store.sqlite.history_reading import Reader
from broker.store.sqlite.history_recording import SETTLED_AT_ONCE, Recorder
from broker.store.sqlite.history_upkeep import Upkeep
from broker.store.sqlite.history_writing import PART, Editor
from broker.store.sqlite.names import Names
from broker.store.sqlite.search import Budget, Unfinished

T = TypeVar("T")
log = structlog.get_logger("engawa.store")
KIND = "setting"
NAME = "history"
MOST_WAITING: Final = 4_096
"""Changes in the log that are settled even while others come."""
REST: Final = 0.5
"""Seconds without a change after which the log is settled."""


class InThread(Protocol):
    """Runs a read in a thread, on a connection of its own."""

    def __call__(self, work: Callable[[Connection, Names], T], /) -> Awaitable[T]:
        """Give what the read gives."""


def policy_of(connection: Connection, settings: BrokerSettings) -> Policy:
    """Give the tenant's own policy, or that of the settings."""
    general = Policy(record(settings.history), settings.history_of_deleted == "keep")
    own = records.find(connection, KIND, NAME)
    return policy(own, general) if own else general


class SqliteHistory:
    """What broker/store/evolution.py asks for, on the tables of a tenant."""

    def __init__(
        self,
        connections: tuple[Connection, Connection],
        names: Names,
        writer: Writer,
        recorder: Recorder,
        settings: BrokerSettings,
        in_thread: InThread,
    ) -> None:
        self._read, self._write = connections
        self._names = names
        self._writer = writer
        self._recorder = recorder
        self._settings = settings
        self._in_thread = in_thread
        self._settling: asyncio.Task[None] | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._changed = 0.0  # when the last change came, by the clock of the loop
        self._closed = False
        self._editor = Editor(self._write, recorder.names, recorder)
        self._upkeep = Upkeep(self._write, self._read, writer)

    @property
    def policy(self) -> Policy:
        """Give what is written and kept."""
        return self._recorder.policy

    async def set_policy(self, body: Mapping[str, Any] | None) -> Policy:
        """Change what is written and kept from now on; None: as the settings of the broker say."""
        current = self._recorder.policy

        def work() -> Policy:
            there = records.find(self._write, KIND, NAME) is not None
            if body is None:
                records.drop(self._write, KIND, NAME)
                return policy_of(self._write, self._settings)
            changed = policy(body, current)
            (records.replace if there else records.add)(self._write, KIND, NAME, changed.body(), None)
            return changed

        def after(changed: Policy) -> None:
            self._recorder.policy = changed

        return await self._writer.run(work, after=after)

    async def tidy(self, now: int) -> int:
        """Thin and drop by the rules of the policy, in small transactions; say how many instances went."""
        return await self._upkeep.run(self._recorder.policy, now)

    # the log

    def written(self) -> None:
        """Settle the log soon: at once if it is long, else when no change has come for a while."""
        if not self._recorder.waiting or self._closed or (self._settling and not self._settling.done()):
            return
        loop = asyncio.get_running_loop()
        self._changed = loop.time()
        if self._recorder.waiting >= MOST_WAITING:
            self._begin_settling()
        elif self._rest is None:
            self._rest = loop.call_later(REST, self._after_rest, loop)

    def _after_rest(self, loop: asyncio.AbstractEventLoop) -> None:
        """Settle the log if nothing came since it was to be; else wait for as long as is left."""
        left = self._changed + REST - loop.time()
        if left > 0:
            self._rest = loop.call_later(left, self._after_rest, loop)
        else:
            self._begin_settling()

    def _begin_settling(self) -> None:
        if self._rest:
            self._rest.cancel()
        self._rest = None
        self._settling = asyncio.get_running_loop().create_task(self.settle())
        self._settling.add_done_callback(self._settled)

    def _settled(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled():
            if error := task.exception():
                log.error("settling the log failed", error=str(error))
            else:
                self.written()

    async def settle(self) -> None:
        """Move the changes that wait in the log now to where their instances belong."""
        waiting: Any = self._read.execute("SELECT max(seq) - min(seq) + 1 FROM history_log").get
        while waiting is not None and waiting > 0:
            # what others settle meanwhile were earlier changes, so this comes to an end while new ones arrive
            moved = await self._writer.run(
                lambda: self._recorder.settle(SETTLED_AT_ONCE), weight=SETTLED_AT_ONCE
            )
            waiting = waiting - moved if moved else 0

    async def close(self) -> None:
        """End what runs by itself."""
        self._closed = True
        if self._rest:
            self._rest.cancel()
        if self._settling:
            self._settling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._settling

    # reading

    def history(self, id: str) -> History | None:
        """Give the frame of a history; None if there is none."""
        found = self._reader(self._read, self._names).frame(id)
        return found[1] if found else None

    def judged(self, id: str) -> Document | None:
        """Give what a history's visibility is judged by: the entity as it is, or types and scope as it went."""
        return judged(self._reader(self._read, self._names), id)

    async def evolution(self, id: str, asked: Asked) -> Evolution:
        """Give the instances of an entity; empty where there is no history. (5.7.3.4)"""

        def work(reader: Reader) -> Evolution:
            found = reader.frame(id)
            return reader.evolution(found[0], asked) if found else Evolution({})

        return await self._run(work)

    async def sums(
        self,
        id: str,
        attr: str,
        periods: Sequence[tuple[int, int]],
        *,
        span: Span,
        dataset_ids: frozenset[str] | None = None,
        extra: frozenset[str] = frozenset(),
    ) -> list[Period]:
        """Measure the numbers of an attribute in each period of the span's Temporal Property. (4.5.19)"""

        def work(reader: Reader) -> list[Period]:
            found = reader.frame(id)
            number = next(reader.attributes(found[0], (attr,)), None) if found else None
            if not found or number is None or not periods:
                return [Period(start, end) for start, end in periods]
            datasets = list(reader.datasets(found[0], number, dataset_ids))
            return history_sums.measure(reader, found[0], number, datasets, span, periods, extra)

        return await self._run(work)

    async def series(
        self,
        id: str,
        attrs: frozenset[str] | None,
        span: Span,
        *,
        dataset_ids: frozenset[str] | None = None,
    ) -> list[Series]:
        """List the series that have instances in a span, by attribute and dataset."""

        def work(reader: Reader) -> list[Series]:
            found = reader.frame(id)
            return reader.series(found[0], attrs, span, dataset_ids) if found else []

        return await self._run(work)

    async def find(self, selection: Selection, span: Span | None, window: Window) -> Histories:
        """Find the histories that a temporal query selects. (5.7.4.4)"""
        return await self._search(lambda finder: finder.find(selection, span, window))

    async def as_of(self, id: str, at: int, by: Axis = "observedAt") -> Document | None:
        """Give an entity as it was at a time; None: it was not there."""
        return await self._run(lambda reader: reader.as_of(id, at, by))

    async def find_as_of(
        self, selection: Selection, window: Window, at: int, by: Axis = "observedAt"
    ) -> Histories:
        """Find the entities that a selection would have found at a time."""
        return await self._search(lambda finder: finder.find_as_of(selection, window, at, by))

    def _reader(self, connection: Connection, names: Names) -> Reader:
        return Reader(connection, names, self._recorder.origin)

    async def _run(self, work: Callable[[Reader], T]) -> T:
        return await self._within(lambda connection, names, _: work(self._reader(connection, names)))

    async def _search(self, work: Callable[[Finder], T]) -> T:
        return await self._within(
            lambda connection, names, budget: work(Finder(self._reader(connection, names), names, budget))
        )

    async def _within(self, work: Callable[[Connection, Names, Budget], T]) -> T:
        """Run a read here if it is short, else in a thread; TooComplexQuery when it takes too long."""
        await self.settle()
        with contextlib.suppress(Unfinished):
            budget = Budget(search.INLINE_SECONDS, search.INLINE_DOCUMENTS)
            with _limited(self._read, budget):
                return work(self._read, self._names, budget)
        seconds = self._settings.query_seconds
        budget = Budget(seconds)

        def run(connection: Connection, names: Names) -> T:
            with _limited(connection, budget):
                return work(connection, names, budget)

        try:
            return await self._in_thread(run)
        except Unfinished as error:
            raise search.too_complex(seconds) from error

    # writing

    async def add(
        self,
        id: str,
        types: Sequence[str],
        instances: Instances,
        now: int,
        *,
        new: bool = True,
        permit: Permit | None = None,
    ) -> bool:
        """Add instances and types to a history, made where it is absent; say whether it was made. (5.6.11, 5.6.12)"""
        weight = sum(map(len, instances.values()))
        return await self._do(
            id, permit, lambda: self._editor.add(id, types, instances, now, new), max(weight, 1)
        )

    async def delete(self, id: str, *, permit: Permit | None = None) -> None:
        """Remove a history; ResourceNotFound if there is none. (5.6.16)"""
        while await self._do(id, permit, lambda: self._editor.shorten(id), PART):
            pass  # others have their turn between the parts of a long history
        await self._do(id, permit, lambda: self._editor.delete(id))

    async def delete_attribute(
        self, id: str, attr: str, dataset_id: str | None = None, *, permit: Permit | None = None
    ) -> None:
        """Remove the instances of an attribute, of one dataset or (None) of all; ResourceNotFound. (5.6.13)"""
        await self._do(id, permit, lambda: self._editor.delete_attribute(id, attr, dataset_id))

    async def change_instance(
        self,
        id: str,
        attr: str,
        instance_id: str,
        rule: InstanceRule,
        now: int,
        *,
        permit: Permit | None = None,
    ) -> None:
        """Replace one instance by what the rule makes of it; instanceId and createdAt stay. (5.6.14)"""
        await self._do(id, permit, lambda: self._editor.change_instance(id, attr, instance_id, rule, now))

    async def delete_instance(
        self, id: str, attr: str, instance_id: str, *, permit: Permit | None = None
    ) -> None:
        """Remove one instance; ResourceNotFound names what is missing. (5.6.15)"""
        await self._do(id, permit, lambda: self._editor.delete_instance(id, attr, instance_id))

    async def _do(self, id: str, permit: Permit | None, work: Callable[[], T], weight: int = 1) -> T:
        """Do what is permitted in the transaction of the writer; a refusal does not make others run again."""

        def attempt() -> T | Problem:
            try:
                if permit is not None:
                    self._recorder.settle()
                    permit(judged(self._reader(self._write, self._recorder.names), id))
                return work()
            except Problem as problem:
                return problem

        result = await self._writer.run(attempt, weight=weight)
        if isinstance(result, Problem):
            raise result
        return result


@contextlib.contextmanager
def _limited(connection: Connection, budget: Budget) -> Iterator[None]:
    """Read one state of the database within a budget; Unfinished when it does not suffice."""
    with snapshot(connection):
        connection.set_progress_handler(budget.over, 4_000)
        try:
            yield
        except apsw.InterruptError as error:
            raise Unfinished from error
        finally:
            connection.set_progress_handler(None)
