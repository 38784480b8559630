"""The ledger of records: which item of whom lives where, in which version; what residents and the city chose."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from base.database import Connection
from personal.store import people
from personal.store.town import one, rows, value
from personal.vault.shredded import Kind, Shredded, ShredList

LOCAL: Final = "local"
_COLUMNS: Final = "person, item, location, version, name, key, changed, due"


@dataclass(frozen=True, slots=True)
class Record:
    """One item of one person: where it lives, under which random name and key; times in µs.

    due: when it is erased because a hold is over by then; until then it is out of use.
    """

    person: str
    item: str
    location: str
    version: int
    name: str
    key: str
    changed: int
    due: int | None = None


def find(connection: Connection, person: str, item: str) -> Record | None:
    """Find an item of a person, or what a double of theirs brought along; None too if it waits to be erased."""
    found = [record for record in held(connection, person, item) if record.due is None]
    return next(iter(found), None)


def held(connection: Connection, person: str, item: str) -> list[Record]:
    """Find all there is of an item of a person and their doubles: their own first, then the youngest."""
    found = [record for id in people.family(connection, person) for record in _of(connection, id, item)]
    return sorted(found, key=lambda record: (record.person != person, -record.changed))


def listed(connection: Connection, person: str) -> list[Record]:
    """List the items of a person, each once, without those that wait to be erased."""
    items = {item for (item,) in _items(connection, person)}
    found = [find(connection, person, item) for item in sorted(items)]
    return [record for record in found if record is not None]


def everything(connection: Connection, person: str) -> list[Record]:
    """List all records of a person and their doubles, those too that wait to be erased."""
    return [
        record
        for (item,) in sorted(set(_items(connection, person)))
        for record in held(connection, person, item)
    ]


def at_least(connection: Connection, item: str, most: int) -> bool:
    """Say whether there is an item about so many people; counts no further."""
    some = "SELECT count(*) FROM (SELECT 1 FROM record WHERE item = ? AND due IS NULL LIMIT ?)"
    return bool(value(connection, some, item, most) >= most)


def put(connection: Connection, record: Record) -> None:
    """Write a record as it is now."""
    connection.execute(
        f"INSERT OR REPLACE INTO record ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  # constant
        (
            record.person,
            record.item,
            record.location,
            record.version,
            record.name,
            record.key,
            record.changed,
            record.due,
        ),
    )


def remove(connection: Connection, record: Record) -> None:
    """Take a record out of the ledger, with what tells which service wrote it."""
    for table in ("record", "record_source"):
        connection.execute(
            f"DELETE FROM {table} WHERE person = ? AND item = ?",  # noqa: S608  # constant
            (record.person, record.item),
        )


def set_due(connection: Connection, record: Record, due: int) -> None:
    """Take a record out of use until it is erased."""
    put(connection, replace(record, due=due))


def keys_in_use(connection: Connection) -> set[str]:
    """Name every key that a record or a leftover is under."""
    return {key for (key,) in connection.execute("SELECT key FROM record UNION SELECT key FROM leftover")}


def due(connection: Connection, now: int, most: int) -> list[Record]:
    """List records whose time to be erased has come."""
    found = rows(
        connection,
        f"SELECT {_COLUMNS} FROM record WHERE due <= ? ORDER BY due LIMIT ?",  # noqa: S608  # constant
        now,
        most,
    )
    return [Record(*row) for row in found]


def keep_copy(connection: Connection, name: str, sealed: bytes) -> None:
    """Keep a sealed copy here."""
    connection.execute("INSERT OR REPLACE INTO local_copy VALUES (?, ?)", (name, sealed))


def copy(connection: Connection, name: str) -> bytes | None:
    """Find a sealed copy that lives here."""
    found: bytes | None = value(connection, "SELECT sealed FROM local_copy WHERE name = ?", name)
    return found


def drop_copy(connection: Connection, name: str) -> None:
    """Drop a sealed copy that lives here."""
    connection.execute("DELETE FROM local_copy WHERE name = ?", (name,))


@dataclass(frozen=True, slots=True)
class Choice:
    """Where the city keeps an item, and where it lets residents keep theirs instead."""

    item: str
    location: str
    offered: tuple[str, ...] = ()


def choice(connection: Connection, item: str) -> Choice:
    """Say where the city keeps an item; in its own database unless it chose."""
    row = one(connection, "SELECT location, offered FROM item_location WHERE item = ?", item)
    return Choice(item, LOCAL) if row is None else Choice(item, row[0], tuple(row[1].split()))


def choices(connection: Connection) -> list[Choice]:
    """List where the city keeps items."""
    found = rows(connection, "SELECT item, location, offered FROM item_location ORDER BY item")
    return [Choice(item, location, tuple(offered.split())) for item, location, offered in found]


def choose(connection: Connection, chosen: Choice) -> None:
    """Write down where the city keeps an item."""
    connection.execute(
        "INSERT OR REPLACE INTO item_location VALUES (?, ?, ?)",
        (chosen.item, chosen.location, " ".join(chosen.offered)),
    )


def choose_own(connection: Connection, person: str, item: str, location: str, now: int) -> None:
    """Write down where a resident wants an item of theirs."""
    connection.execute(
        "INSERT OR REPLACE INTO own_location VALUES (?, ?, ?, ?)", (person, item, location, now)
    )


def place_of(connection: Connection, person: str, item: str) -> str:
    """Say where an item of a person is to live: where they chose, if that is offered, else where the city does."""
    city = choice(connection, item)
    own = value(connection, "SELECT location FROM own_location WHERE person = ? AND item = ?", person, item)
    return own if own in city.offered else city.location


def hold(connection: Connection, person: str, item: str, basis: str, until: int, by: str) -> None:
    """Forbid that a record is erased before a moment."""
    connection.execute("INSERT OR REPLACE INTO hold VALUES (?, ?, ?, ?, ?)", (person, item, basis, until, by))


def lift(connection: Connection, person: str, item: str, basis: str, now: int) -> bool:
    """Lift a hold; records that waited for it are due at once. False if there is none."""
    connection.execute("DELETE FROM hold WHERE (person, item, basis) = (?, ?, ?)", (person, item, basis))
    found = connection.changes() == 1
    connection.executemany(
        "UPDATE record SET due = ? WHERE (person, item) = (?, ?) AND due IS NOT NULL",
        [(now, id, item) for id in people.family(connection, person)],
    )
    return found


def holds(connection: Connection, person: str, item: str, now: int) -> list[tuple[str, int]]:
    """List what forbids to erase an item of a person now: its basis and until when, the longest first."""
    survivor = people.current(connection, person)
    found = [
        row
        for id in people.family(connection, survivor.id if survivor else person)
        for row in rows(
            connection,
            "SELECT basis, until FROM hold WHERE person = ? AND item = ? AND until > ?",
            id,
            item,
            now,
        )
    ]
    return sorted(found, key=lambda row: -row[1])


def forget(connection: Connection, person: str) -> None:
    """Delete what finds a person, and what tells whom entries of the log are about."""
    for id in people.family(connection, person):
        connection.execute("DELETE FROM opening WHERE person = ?", (id,))
        connection.execute("DELETE FROM blind_index WHERE person = ?", (id,))
        connection.execute("DELETE FROM self_registered WHERE person = ?", (id,))
        connection.execute("DELETE FROM delegation WHERE ? IN (guardian, subject)", (id,))
        for table in (
            "district", "peer_offer", "peer_link", "rights_request", "record_source", "consent_reason",
        ):  # fmt: skip
            connection.execute(f"DELETE FROM {table} WHERE person = ?", (id,))  # noqa: S608  # constant
        connection.execute("DELETE FROM identifier WHERE person = ?", (id,))
        connection.execute("DELETE FROM merge WHERE ? IN (absorbed, survivor)", (id,))


def replay(connection: Connection, shredded: ShredList) -> None:
    """Follow the list of shredded keys: records that are erased go, those that moved are found where they went."""
    last, entries = shredded.since(int(value(connection, "SELECT position FROM shred_mark")))
    for entry in entries:
        if entry.kind is Kind.PERSON:
            forget(connection, entry.id)
        else:
            _follow(connection, entry)
    connection.execute("UPDATE shred_mark SET position = ?", (last,))


def _follow(connection: Connection, entry: Shredded) -> None:
    names: Sequence[tuple[str]] = rows(connection, "SELECT name FROM record WHERE key = ?", entry.id)
    for (name,) in names:
        drop_copy(connection, name)
    if entry.successor is None:
        for record in rows(connection, f"SELECT {_COLUMNS} FROM record WHERE key = ?", entry.id):  # noqa: S608  # constant
            remove(connection, Record(*record))
    else:
        went = entry.successor
        connection.execute(
            "UPDATE record SET location = ?, name = ?, key = ?, version = ? WHERE key = ?",
            (went.location, went.name, went.key, went.version, entry.id),
        )


def _of(connection: Connection, person: str, item: str) -> list[Record]:
    found = one(
        connection,
        f"SELECT {_COLUMNS} FROM record WHERE person = ? AND item = ?",  # noqa: S608  # constant
        person,
        item,
    )
    return [] if found is None else [Record(*found)]


def _items(connection: Connection, person: str) -> list[tuple[Any, ...]]:
    return [
        row
        for id in people.family(connection, person)
        for row in rows(connection, "SELECT item FROM record WHERE person = ?", id)
    ]
