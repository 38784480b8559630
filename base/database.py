"""SQLite for one process: connections, migrations, one writer that commits in groups, a lock on a folder."""

import asyncio
import contextlib
import fcntl
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, perf_counter, sleep
from typing import Any, Final, Protocol, TypeVar

import apsw

from base.errors import InternalError, ServiceUnavailable

T = TypeVar("T")
Connection = apsw.Connection

BUSY_MS: Final = 10_000
PAGE_BYTES: Final = 8_192
SLOW_COMMIT: Final = 0.002
_PAUSE: Final = 0.02
WRITE: Final = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
READ: Final = apsw.SQLITE_OPEN_READONLY


@dataclass(frozen=True, slots=True)
class Opening:
    """How a database is opened: which file system, and whether for one connection only.

    An exclusive database needs no shared memory, which not every file system of SQLite has.
    """

    vfs: str | None = None
    exclusive: bool = False
    checkpoint_pages: int = 2_000


PLAIN: Final = Opening()


def connect(
    path: Path,
    opening: Opening = PLAIN,
    *,
    readonly: bool = False,
    cache_kib: int = 8_192,
) -> Connection:
    """Open a database whose commits are on disk when they return."""
    if not readonly:
        _make_private(path)
    connection = apsw.Connection(
        str(path), flags=READ if readonly else WRITE, vfs=opening.vfs, statementcachesize=256
    )
    connection.set_busy_timeout(BUSY_MS)
    if opening.exclusive:
        connection.pragma("locking_mode", "EXCLUSIVE")
    if not readonly:
        connection.pragma("page_size", PAGE_BYTES)
        connection.pragma("journal_mode", "WAL")
        connection.pragma("synchronous", "FULL")
        connection.pragma("foreign_keys", True)
        connection.pragma("journal_size_limit", 64 << 20)
        connection.wal_autocheckpoint(opening.checkpoint_pages)
    connection.pragma("cache_size", -cache_kib)
    connection.pragma("temp_store", "MEMORY")
    return connection


def _make_private(path: Path) -> None:
    """Make the file for the owner only; its WAL takes over the mode."""
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the folder's entries to disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Delete a database with everything beside it: the log first, so that it never meets another file."""
    for suffix in ("-wal", "-shm", "-journal", ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    sync_folder(path.parent)


def empty_log(path: Path) -> None:
    """Bring a database's log into its file and empty it, so that what was overwritten stands in neither."""
    connection, until = connect(path), monotonic() + BUSY_MS / 1_000
    try:
        while not _emptied(connection):
            if monotonic() > until:
                raise ServiceUnavailable("The database is read and written all the time; try again later.")
            sleep(_PAUSE)
    finally:
        connection.close()


def _emptied(connection: Connection) -> bool:
    """Try to empty the log; where another one is at it SQLite does not wait."""
    try:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.BusyError:
        return False
    return True


def duplicate(source: Path, target: Path) -> None:
    """Write one state of a database to another file, and bring that to disk."""
    connection = connect(source, readonly=True)
    try:
        connection.execute("VACUUM INTO ?", (str(target),))
    finally:
        connection.close()
    target.chmod(0o600)
    handle = os.open(target, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    sync_folder(target.parent)


def migrate(connection: Connection, steps: Sequence[str]) -> None:
    """Bring the schema up to date: each step once, in order, all or nothing."""
    present = int(connection.pragma("user_version"))
    if present > len(steps):
        raise ServiceUnavailable("The database was written by a newer version; use that one, or a back-up.")
    if present == len(steps):
        return
    with transaction(connection):
        for step in steps[present:]:
            connection.execute(step)
        connection.pragma("user_version", len(steps))


@contextlib.contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Run what is inside in one transaction; any exception undoes it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def snapshot(connection: Connection) -> Iterator[None]:
    """Let everything read inside come from one state of the database."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def lock_folder(folder: Path) -> int:
    """Take the folder for this process, until the handle is closed or the process ends."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for place in missing:
        sync_folder(place.parent)
    handle = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise ServiceUnavailable(
            f"The data folder {folder} is in use by another process; stop that one or choose another folder."
        ) from error
    return handle


class Session(Protocol):
    """What the owner of a database does around each transaction of its writer."""

    def begin(self) -> None:
        """Forget what an earlier transaction left in memory."""

    def flush(self) -> None:
        """Write what was gathered in memory, before the commit."""


class _Nothing:
    """An owner that keeps nothing in memory between the steps of a transaction."""

    def begin(self) -> None:
        """Have nothing to forget."""

    def flush(self) -> None:
        """Have nothing to write."""


@dataclass(slots=True, eq=False)
class _Job:
    work: Callable[[], Any]
    after: Callable[[Any], None] | None
    weight: int
    answer: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None


class Writer:
    """The one writer of a database: waiting jobs go into one transaction, each is answered after its commit.

    A job whose work raises is undone alone: the others of its group run again without it, so work is
    repeatable.
    Small groups run on the event loop, large ones in a thread; so do the commits of all while the disk is slow.
    `most_inline` None: everything on the loop, for a connection that also reads.
    """

    def __init__(
        self,
        connection: Connection,
        session: Session | None = None,
        *,
        most_waiting: int = 4_096,
        most_together: int = 512,
        most_inline: int | None = 64,
    ) -> None:
        self._connection = connection
        self._session = session or _Nothing()
        self._most = most_waiting
        self._room = asyncio.Event()
        self._together = most_together
        self._inline = most_inline
        self._jobs: deque[_Job] = deque()
        self._thread: ThreadPoolExecutor | None = None
        self._pace = 0.0
        self._busy = False
        self._closed = False
        self._idle: asyncio.Future[None] | None = None

    async def run(
        self, work: Callable[[], T], *, weight: int = 1, after: Callable[[T], None] | None = None
    ) -> T:
        """Do the work in a transaction; return its result after the commit.

        `after` is called with the result, even if the caller has gone away. Waits while too many wait.
        """
        if self._closed:
            raise ServiceUnavailable("The database is closing; try again later.")
        while len(self._jobs) >= self._most:
            self._room.clear()
            await self._room.wait()
        loop = asyncio.get_running_loop()
        job = _Job(work, after, weight, loop.create_future())
        self._jobs.append(job)
        if not self._busy:
            self._busy = True
            loop.call_soon(self._turn, loop)
        result: T = await job.answer
        return result

    async def close(self) -> None:
        """Finish what is waiting; refuse what comes later."""
        self._closed = True
        if self._busy:
            self._idle = asyncio.get_running_loop().create_future()
            await self._idle
        if self._thread:
            self._thread.shutdown()

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        group, weight = self._take()
        if not group:
            self._busy = False
            if self._idle and not self._idle.done():
                self._idle.set_result(None)
        elif self._inline is None or (weight <= self._inline and self._pace < SLOW_COMMIT):
            self._commit(group)
            self._answer(group)
            loop.call_soon(self._turn, loop)
        elif weight > self._inline:
            self._leave_to_thread(self._commit, group, group, loop)
        else:
            self._leave_to_thread(self._finish, self._gather(group), group, loop)

    def _leave_to_thread(
        self,
        step: Callable[[list[_Job]], None],
        jobs: list[_Job],
        group: list[_Job],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._thread = self._thread or ThreadPoolExecutor(1, "writer")
        done = loop.run_in_executor(self._thread, step, jobs)
        done.add_done_callback(lambda _: self._turn_after(group, loop))

    def _turn_after(self, group: list[_Job], loop: asyncio.AbstractEventLoop) -> None:
        self._answer(group)
        self._turn(loop)

    def _take(self) -> tuple[list[_Job], int]:
        group: list[_Job] = []
        weight = 0
        while self._jobs and (not group or weight + self._jobs[0].weight <= self._together):
            job = self._jobs.popleft()
            if not job.answer.cancelled():
                group.append(job)
                weight += job.weight
        self._room.set()
        return group, weight

    def _commit(self, group: list[_Job]) -> None:
        """Bring a group to disk; never raises, every job has its result or its error afterwards."""
        self._finish(self._gather(group))

    def _gather(self, group: list[_Job]) -> list[_Job]:
        """Do the work of a group in a transaction that stays open; give the jobs that are in it."""
        remaining = group
        while remaining:
            try:
                failed = self._attempt(remaining)
            except Exception as error:  # noqa: BLE001  # a failing disk must reach every caller, not end the writer
                self._give_up(remaining, error)
                return []
            if failed is None:
                break
            self._undo()
            remaining = [job for job in remaining if job is not failed]
        return remaining

    def _attempt(self, group: list[_Job]) -> _Job | None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._session.begin()
        for job in group:
            try:
                job.result = job.work()
            except (apsw.FullError, apsw.IOError, apsw.ReadOnlyError):
                raise
            except Exception as error:  # noqa: BLE001  # one caller's fault must not fail the others
                job.error = error
                return job
        self._session.flush()
        return None

    def _finish(self, group: list[_Job]) -> None:
        """Commit what was gathered."""
        if not group:
            return
        started = perf_counter()
        try:
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001  # as above
            self._give_up(group, error)
            return
        self._pace += 0.2 * (perf_counter() - started - self._pace)

    def _give_up(self, group: list[_Job], error: Exception) -> None:
        self._undo()
        for job in group:
            job.error = error

    def _undo(self) -> None:
        # SQLite itself has already rolled back after some errors
        if self._connection.in_transaction:
            with contextlib.suppress(apsw.Error):
                self._connection.execute("ROLLBACK")

    def _answer(self, group: list[_Job]) -> None:
        for job in group:
            error = job.error
            if error is None and job.after:
                try:
                    job.after(job.result)
                except Exception as raised:  # noqa: BLE001  # the change stands; only its caller hears of it
                    error = raised
            if job.answer.done():
                continue
            if error is None:
                job.answer.set_result(job.result)
            else:
                job.answer.set_exception(_explained(error))


def _explained(error: Exception) -> Exception:
    if isinstance(error, apsw.FullError):
        return ServiceUnavailable("The disk is full; make room and try again.")
    if isinstance(error, apsw.BusyError | apsw.IOError | apsw.ReadOnlyError | apsw.CantOpenError):
        return ServiceUnavailable("The database cannot be written now; try again later.")
    if isinstance(error, apsw.Error):
        failure = InternalError("The database refused a change.")
        failure.__cause__ = error
        return failure
    return error
