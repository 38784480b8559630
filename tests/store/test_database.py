"""The parts of a database that know no domain: connections, migrations, the grouping writer. (DESIGN 2.5)"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from base import database
from base.database import Connection, Writer, connect, lock_folder, migrate, remove, transaction
from base.errors import InternalError, ServiceUnavailable


class Session:
    def __init__(self) -> None:
        self.begun = self.flushed = 0

    def begin(self) -> None:
        self.begun += 1

    def flush(self) -> None:
        self.flushed += 1


@pytest.fixture
def connection(tmp_path: Path) -> Connection:
    connection = connect(tmp_path / "some.db")
    migrate(connection, ["CREATE TABLE word (text TEXT PRIMARY KEY)"])
    return connection


def insert(connection: Connection, text: str) -> Callable[[], str]:
    def work() -> str:
        connection.execute("INSERT INTO word VALUES (?)", (text,))
        return text

    return work


def words(connection: Connection) -> list[str]:
    return [str(text) for (text,) in connection.execute("SELECT text FROM word ORDER BY text")]


def test_makes_every_commit_durable(connection: Connection) -> None:
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("synchronous") == 2
    assert connection.pragma("foreign_keys") == 1


def test_migrates_each_step_once_and_all_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    steps = ["CREATE TABLE a (x)", "CREATE TABLE b (x); INSERT INTO b VALUES (1)"]
    for count in (1, 2, 2):
        connection = connect(path)
        migrate(connection, steps[:count])
        connection.close()
    connection = connect(path)
    with pytest.raises(apsw.SQLError):
        migrate(connection, [*steps, "CREATE TABLE c (x); CREATE TABLE a (x)"])
    assert not connection.table_exists("main", "c")
    assert connection.pragma("user_version") == 2
    with pytest.raises(ServiceUnavailable, match="newer"):
        migrate(connection, steps[:1])
    connection.close()


def test_removes_a_database_with_its_log(tmp_path: Path, connection: Connection) -> None:
    connection.execute("INSERT INTO word VALUES ('x')")
    assert len(list(tmp_path.iterdir())) == 3
    remove(tmp_path / "some.db")
    remove(tmp_path / "some.db")
    assert list(tmp_path.iterdir()) == []


def test_undoes_a_transaction_that_fails(connection: Connection) -> None:
    with pytest.raises(ZeroDivisionError), transaction(connection):
        connection.execute("INSERT INTO word VALUES ('x')")
        raise ZeroDivisionError
    assert words(connection) == []


def test_gives_a_folder_to_one_process(tmp_path: Path) -> None:
    lock_folder(tmp_path / "data")
    with pytest.raises(ServiceUnavailable, match="another"):
        lock_folder(tmp_path / "data")


async def test_puts_waiting_jobs_into_one_transaction(connection: Connection) -> None:
    session = Session()
    writer = Writer(connection, session)
    answers = await asyncio.gather(*(writer.run(insert(connection, f"{n:02}")) for n in range(30)))
    assert answers == words(connection) == [f"{n:02}" for n in range(30)]
    assert session.begun == session.flushed == 1
    await writer.close()


@pytest.mark.parametrize("most_inline", [0, 100, None], ids=["thread", "inline", "loop"])
async def test_fails_only_the_job_that_raises(connection: Connection, most_inline: int | None) -> None:
    writer = Writer(connection, Session(), most_inline=most_inline)
    texts = ["a", "b", "a", "c", "a"]
    answers = await asyncio.gather(
        *(writer.run(insert(connection, text)) for text in texts), return_exceptions=True
    )
    assert [isinstance(answer, InternalError) for answer in answers] == [False, False, True, False, True]
    assert words(connection) == ["a", "b", "c"]
    await writer.close()


async def test_commits_in_a_thread_while_the_disk_is_slow(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "SLOW_COMMIT", 0.0)
    writer = Writer(connection, Session())
    for texts in ("aba", "cbd", "eee"):
        answers = await asyncio.gather(
            *(writer.run(insert(connection, text)) for text in texts), return_exceptions=True
        )
        assert (
            sum(isinstance(answer, InternalError) for answer in answers)
            == {"aba": 1, "cbd": 1, "eee": 2}[texts]
        )
    assert words(connection) == ["a", "b", "c", "d", "e"]
    await writer.close()


@pytest.mark.parametrize("most_inline", [0, 100, None], ids=["thread", "inline", "loop"])
async def test_tells_of_a_commit_even_if_the_caller_is_gone(
    connection: Connection, most_inline: int | None
) -> None:
    writer = Writer(connection, Session(), most_inline=most_inline)
    told: list[str] = []

    def slow() -> str:
        time.sleep(0.02)
        return insert(connection, "slow")()

    call = asyncio.ensure_future(writer.run(slow, after=told.append))
    await asyncio.sleep(0.01)
    call.cancel()
    await writer.close()
    assert told == words(connection) == ["slow"]


async def test_waits_while_too_many_jobs_wait(connection: Connection) -> None:
    writer = Writer(connection, Session(), most_waiting=3, most_inline=0)
    calls = [asyncio.ensure_future(writer.run(insert(connection, f"{n:02}"))) for n in range(20)]
    await asyncio.sleep(0)
    assert len(writer._jobs) <= 3
    await asyncio.gather(*calls)
    assert len(words(connection)) == 20
    await writer.close()


async def test_splits_what_waits_into_groups_of_limited_weight(connection: Connection) -> None:
    session = Session()
    writer = Writer(connection, session, most_together=10)
    await asyncio.gather(*(writer.run(insert(connection, f"{n:02}"), weight=4) for n in range(6)))
    assert session.begun == 3
    await writer.close()


async def test_refuses_jobs_after_closing(connection: Connection) -> None:
    writer = Writer(connection, Session())
    await writer.close()
    with pytest.raises(ServiceUnavailable):
        await writer.run(insert(connection, "x"))


async def test_tells_every_caller_when_the_database_cannot_be_written(tmp_path: Path) -> None:
    connect(tmp_path / "some.db").close()
    readonly = connect(tmp_path / "some.db", readonly=True)
    writer = Writer(readonly, Session())
    answers = await asyncio.gather(
        *(writer.run(lambda: readonly.execute("CREATE TABLE t (x)").fetchall()) for _ in range(3)),
        return_exceptions=True,
    )
    assert all(isinstance(answer, ServiceUnavailable) for answer in answers)
    await writer.close()
