"""Requests of residents about their data; what they and staff wrote is sealed."""

from dataclasses import dataclass, field
from typing import Any

from base.database import Connection
from personal.rules.rights import Request, Right, State
from personal.store import people
from personal.store.town import one, rows

_COLUMNS = (
    "id, person, kind, items, made, due, state, extended, decided, words, reasons, taken_by, evidence, decided_by"
    " FROM rights_request"
)


@dataclass(frozen=True, slots=True)
class Filed:
    """A request as it is kept. words: what the resident wrote, sealed; reasons: what staff wrote, sealed."""

    request: Request
    words: bytes = field(repr=False)
    reasons: bytes = field(repr=False)
    taken_by: str
    evidence: str
    decided_by: str | None = None


def put(connection: Connection, filed: Filed) -> None:
    """Write a request as it is now."""
    request = filed.request
    connection.execute(
        "INSERT OR REPLACE INTO rights_request VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            request.id,
            request.person,
            request.right,
            " ".join(request.items),
            request.made,
            request.due,
            request.state,
            request.extended,
            request.decided,
            filed.words,
            filed.reasons,
            filed.taken_by,
            filed.evidence,
            filed.decided_by,
        ),
    )


def find(connection: Connection, id: str) -> Filed | None:
    """Find a request."""
    row = one(connection, f"SELECT {_COLUMNS} WHERE id = ?", id)
    return None if row is None else _filed(row)


def of(connection: Connection, person: str) -> list[Filed]:
    """List the requests of a resident, newest first."""
    found = [
        _filed(row)
        for id in people.family(connection, person)
        for row in rows(connection, f"SELECT {_COLUMNS} WHERE person = ?", id)
    ]
    return sorted(found, key=lambda filed: (-filed.request.made, filed.request.id))


def listed(connection: Connection, *, waiting: bool, most: int) -> list[Filed]:
    """List requests that wait, the most urgent first; or those that are decided, newest first."""
    order = "due, id" if waiting else "decided DESC, id"
    sql = f"SELECT {_COLUMNS} WHERE (state = 'open') = ? ORDER BY {order} LIMIT ?"
    return [_filed(row) for row in rows(connection, sql, int(waiting), most)]


def hand_over(connection: Connection, person: str, other: str, since: int) -> None:
    """Give the requests that a resident made since a moment to another one."""
    connection.execute(
        "UPDATE rights_request SET person = ? WHERE person = ? AND made >= ?", (other, person, since)
    )


def _filed(row: tuple[Any, ...]) -> Filed:
    id, person, kind, items, made, due, state, extended, decided, *rest = row
    request = Request(
        id, person, Right(kind), tuple(items.split()), made, due, State(state), extended, decided
    )
    return Filed(request, *rest)
