"""Whatever is changed in the database file itself is found, and named by its position. (issue 5: Audit)"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import orjson
import pytest
from click.testing import CliRunner

from base import clock, merkle
from base.database import connect, duplicate
from engawa.command import cli
from personal.audit import checking, log
from personal.audit.log import Entry
from tests.personal.live import Live, live_module

AT = 15
Change = Callable[[apsw.Connection, int], object]
Kept = tuple[Path, dict[str, Any]]


def changed(db: apsw.Connection, at: int) -> None:
    """Let an entry say something else."""
    db.execute(
        "UPDATE leaf SET entry = CAST(replace(entry, 'kind', 'sort') AS BLOB) WHERE position = ?", (at,)
    )


def removed(db: apsw.Connection, at: int) -> None:
    """Take an entry out."""
    db.execute("DELETE FROM leaf WHERE position = ?", (at,))


def swapped(db: apsw.Connection, at: int) -> None:
    """Let two entries change places."""
    (one, two) = (
        db.execute("SELECT entry FROM leaf WHERE position = ?", (place,)).get for place in (at, at + 1)
    )
    db.execute("UPDATE leaf SET entry = ? WHERE position = ?", (two, at))
    db.execute("UPDATE leaf SET entry = ? WHERE position = ?", (one, at + 1))


def moved(db: apsw.Connection, at: int) -> None:
    """Let an entry have been written at another time."""
    db.execute("UPDATE leaf SET at = at - 1000 WHERE position = ?", (at,))


def another_person(db: apsw.Connection, at: int) -> None:
    """Let an entry be about somebody else."""
    db.execute("UPDATE opening SET person = 'r_x' WHERE position = ?", (at,))


def rehashed(db: apsw.Connection, at: int) -> None:
    """Change an entry, and its hash with it."""
    changed(db, at)
    body = db.execute("SELECT entry FROM leaf WHERE position = ?", (at,)).get
    db.execute("UPDATE node SET hash = ? WHERE level = 0 AND place = ?", (merkle.leaf_hash(body), at))


def rebuilt(db: apsw.Connection, at: int) -> None:
    """Change an entry, and make the whole tree anew."""
    changed(db, at)
    bodies = [body for (body,) in db.execute("SELECT entry FROM leaf ORDER BY position")]
    db.execute("DELETE FROM node")
    for place, body in enumerate(bodies):
        made = list(merkle.appended(place, merkle.leaf_hash(body), log.nodes(db)))
        db.executemany("INSERT INTO node VALUES (?, ?, ?)", made)


def truncated(db: apsw.Connection, at: int) -> None:
    """Cut the entries off, and everything that was made of them except heads."""
    for table in ("opening", "leaf"):
        db.execute(f"DELETE FROM {table} WHERE position >= ?", (at,))
    db.execute("DELETE FROM node WHERE ((place + 1) << level) > ?", (at,))


def forged(db: apsw.Connection, at: int) -> None:
    """Change an entry, the tree, and the roots of the heads."""
    rebuilt(db, at)
    for (size,) in db.execute("SELECT size FROM head WHERE size > ?", (at,)).fetchall():
        root = merkle.root(size, log.nodes(db))
        db.execute("UPDATE head SET root = ? WHERE size = ?", (root, size))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (changed, "entry 15 was changed"),
        (removed, "entry 15 is missing"),
        (swapped, "entry 15 was changed"),
        (moved, "the time beside entry 15"),
        (another_person, "whom entry 15 is about (subject)"),
        (rehashed, "the tree does not fit the entries 14 to 15"),
        (rebuilt, "the head over 20 entries that was signed here does not fit: one of the entries 10 to 19"),
        (truncated, "entry 15 is missing"),
        (forged, "the head over 20 entries is not the one that was signed"),
    ],
)
def test_what_was_changed_in_the_file_is_named(kept: Kept, tmp_path: Path, change: Change, told: str) -> None:
    file, keys = kept
    duplicate(file, tmp_path / "copy.db")
    edit(tmp_path / "copy.db", lambda db: change(db, AT))
    found = checking.report(tmp_path / "copy.db", keys, {})["faults"]
    assert told in found[0]["fault"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Make a log of twenty entries; give its database, and the public keys of the town."""
    data = tmp_path_factory.mktemp("log") / "data"

    async def made() -> Any:
        async with live_module(data) as live:
            await grown(live)
            return (await live.get("/keys")).json

    keys = asyncio.run(made())
    return data / "yabu/personal.db", keys


async def test_a_log_that_was_not_touched_holds_and_says_how_long_it_is(tmp_path: Path) -> None:
    async with live_module(tmp_path / "data") as live:
        await grown(live)
        found = await verify(tmp_path / "data")
        assert found.exit_code == 0, found.output
        told = orjson.loads(found.stdout)
        assert (told["municipality"], told["size"], told["heads"], told["compared"]) == ("yabu", 20, 2, 0)


def test_every_entry_that_was_changed_is_named(kept: Kept, tmp_path: Path) -> None:
    file, keys = kept
    duplicate(file, tmp_path / "copy.db")
    edit(tmp_path / "copy.db", lambda db: [changed(db, at) for at in (3, 11, 19)])
    found = checking.report(tmp_path / "copy.db", keys, {})["faults"]
    assert [fault["position"] for fault in found] == [3, 11, 19]


async def test_what_was_forged_whole_is_found_with_heads_that_were_kept_elsewhere(tmp_path: Path) -> None:
    """Who has the database and the key of the town can make all of it fit: but for what others have kept."""
    data, heads = tmp_path / "data", tmp_path / "heads.json"
    async with live_module(data) as live:
        await grown(live)
        seen = await outside(live, heads)
        assert seen.exit_code == 0, seen.output
    edit(
        data / "yabu/personal.db",
        lambda db: (truncated(db, AT), db.execute("DELETE FROM head WHERE size > ?", (AT,))),
    )
    async with live_module(data) as live:
        assert (await verify(data)).exit_code == 0, "nothing here tells of what was cut off"
        found = await verify(data, "--heads", str(heads))
        assert found.exit_code == 1
        assert "entries are missing from 15 on: a head over 20 was kept elsewhere" in found.stderr
        shorter = await outside(live, heads)
        assert shorter.exit_code == 1
        assert "Entries were taken out: there were 20 on" in shorter.stderr
        await write(live, 5)
        other = await verify(data, "--heads", str(heads))
        assert "the head over 20 entries that was kept elsewhere does not fit" in other.stderr
        assert "The 20 entries are other ones" in (await outside(live, heads)).stderr
        await write(live, 5)
        assert "does not begin with the 20 entries" in (await outside(live, heads)).stderr
    kept = orjson.loads(heads.read_bytes())
    assert (len(kept["heads"]), len(kept["contradicting"])) == (1, 3), "both sides are kept as evidence"


async def grown(live: Live) -> None:
    """Let the log have twenty entries, the last ten about somebody, and heads over ten and twenty."""
    assert (await live.get("/audit/head")).json["size"] == 10, "the members of staff"
    await write(live, 10)
    assert (await live.get("/audit/head")).json["size"] == 20


async def write(live: Live, count: int) -> None:
    """Let the log grow by entries about somebody."""

    def work(db: apsw.Connection) -> None:
        for _ in range(count):
            log.append(db, Entry("test", {}, {"subject": "r_1"}), clock.now())

    await live.town.store.write(work)


def edit(file: Path, change: Callable[[apsw.Connection], object]) -> None:
    """Change a database while no module runs on it."""
    connection = connect(file)
    connection.pragma("foreign_keys", False)
    try:
        change(connection)
    finally:
        connection.close()


async def verify(data: Path, *more: str) -> Any:
    """Verify the log at the machine itself."""
    words = ["audit", "verify", "--data", str(data), "--json", *more]
    return await asyncio.to_thread(CliRunner().invoke, cli, words)


async def outside(live: Live, heads: Path) -> Any:
    """Verify the log from outside."""
    words = ["audit", "verify", live.url, "--json", "--heads", str(heads)]
    return await asyncio.to_thread(CliRunner().invoke, cli, words)
