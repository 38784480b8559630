"""Emergencies: proposed, declared, over; the districts of residents as keyed hashes; looks of one alone."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from base.database import Connection
from personal.rules.disclosure import Emergency
from personal.rules.emergency import Area, Event, Resident, granted
from personal.store import people
from personal.store.people import Person
from personal.store.town import one, rows

_COLUMNS: Final = (
    "id, area, services, items, since, until, ended, person, name, basis, words, made, made_by, approved_by, review"
    " FROM emergency"
)


@dataclass(frozen=True, slots=True)
class Declared:
    """An emergency with what people read about it.

    words: sealed, the codes of its districts, or the reason of who looked alone; review: the proposal for it.
    """

    event: Event
    name: dict[str, str]
    basis: str
    words: bytes = field(repr=False)
    made: int
    made_by: str
    approved_by: str | None = None
    review: str | None = None


def add(connection: Connection, one: Declared) -> None:
    """Write a new emergency, proposed or in force."""
    event = one.event
    connection.execute(
        "INSERT INTO emergency VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            event.id,
            event.area,
            " ".join(sorted(event.services)),
            " ".join(sorted(event.items)),
            event.since,
            event.until,
            event.ended,
            event.person,
            orjson.dumps(one.name).decode(),
            one.basis,
            one.words,
            one.made,
            one.made_by,
            one.approved_by,
            one.review,
        ),
    )
    connection.executemany(
        "INSERT INTO emergency_district VALUES (?, ?)", [(event.id, hash) for hash in sorted(event.districts)]
    )


def find(connection: Connection, id: str) -> Declared | None:
    """Find an emergency."""
    row = one(connection, f"SELECT {_COLUMNS} WHERE id = ?", id)
    return None if row is None else _declared(connection, row)


def listed(connection: Connection, *, glass: bool) -> list[Declared]:
    """List emergencies, or the looks of one alone; the newest first."""
    sql = f"SELECT {_COLUMNS} WHERE (area = 'person') = ? ORDER BY made DESC, id"
    return [_declared(connection, row) for row in rows(connection, sql, int(glass))]


def begin(connection: Connection, id: str, by: str, since: int, until: int) -> None:
    """Let a proposed emergency be in force."""
    connection.execute(
        "UPDATE emergency SET since = ?, until = ?, approved_by = ? WHERE id = ?", (since, until, by, id)
    )


def prolong(connection: Connection, id: str, until: int) -> None:
    """Let an emergency run longer."""
    connection.execute("UPDATE emergency SET until = ? WHERE id = ?", (until, id))


def end(connection: Connection, id: str, now: int) -> None:
    """End an emergency before its time."""
    connection.execute("UPDATE emergency SET ended = ? WHERE id = ? AND ended IS NULL", (now, id))


def over(connection: Connection, now: int) -> list[Event]:
    """List the emergencies whose time is over and of which that is not written down."""
    sql = f"SELECT {_COLUMNS} WHERE until <= ? AND ended IS NULL ORDER BY until, id"
    return [_declared(connection, row).event for row in rows(connection, sql, now)]


def for_person(connection: Connection, person: str, now: int) -> list[Emergency]:
    """List the emergencies that a resident falls under now; none for who is protected."""
    running = rows(
        connection,
        f"SELECT {_COLUMNS} WHERE since <= ? AND until > ? AND ended IS NULL ORDER BY id",
        now,
        now,
    )
    return _granted(connection, running, person, now)


def under(connection: Connection, id: str, person: str, now: int) -> list[Emergency]:
    """Find the emergency of this id if a resident falls under it now."""
    found = rows(connection, f"SELECT {_COLUMNS} WHERE id = ?", id)
    return _granted(connection, found, person, now)


def settle(connection: Connection, person: str, districts: Iterable[bytes]) -> None:
    """Write down in which districts (keyed hashes) a resident lives."""
    for id in people.family(connection, person):
        connection.execute("DELETE FROM district WHERE person = ?", (id,))
    connection.executemany("INSERT INTO district VALUES (?, ?)", [(person, hash) for hash in districts])


def _granted(connection: Connection, found: list[tuple[Any, ...]], person: str, now: int) -> list[Emergency]:
    present = people.current(connection, person) if found else None
    if present is None:
        return []
    resident = _resident(connection, present)
    given = (granted(_declared(connection, row).event, resident, now) for row in found)
    return [emergency for emergency in given if emergency is not None]


def _resident(connection: Connection, person: Person) -> Resident:
    ids = people.family(connection, person.id)
    districts = frozenset(
        hash for id in ids for (hash,) in rows(connection, "SELECT hash FROM district WHERE person = ?", id)
    )
    return Resident(frozenset(ids), person.state, person.protected, districts)


def _declared(connection: Connection, row: tuple[Any, ...]) -> Declared:
    id, area, services, items, since, until, ended, person, name, *rest = row
    districts = rows(connection, "SELECT hash FROM emergency_district WHERE emergency = ?", id)
    event = Event(
        id,
        Area(area),
        frozenset(services.split()),
        frozenset(items.split()),
        since,
        until,
        ended,
        person,
        frozenset(hash for (hash,) in districts),
    )
    return Declared(event, orjson.loads(name), *rest)
