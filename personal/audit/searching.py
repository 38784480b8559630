"""Searching the log, newest first: by kind, service, member of staff, emergency and span of time, in bounded steps."""

from dataclasses import dataclass
from typing import Final

from base import merkle
from base.database import Connection
from personal.audit import log
from personal.audit.heads import Head
from personal.audit.reading import Kept
from personal.store.town import one, rows

AT_ONCE: Final = 5_000
"""Entries that one step looks at, at most."""
FOREVER: Final = (1 << 62, 1 << 62)
_INDEXES: Final = {"event": "leaf_event", "doer": "leaf_doer", "service": "leaf_service", "kind": "leaf_kind"}
"""What is searched by, in the order in which it leaves few entries; the index of each."""
Place = tuple[int, int]
"""When an entry was written, and where."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What entries have to be about; empty is any. doer: who did it; since, until: in µs, until not included."""

    kind: str = ""
    service: str = ""
    doer: str = ""
    event: str = ""
    since: int = 0
    until: int = FOREVER[0]


def found(
    connection: Connection, wanted: Wanted, before: Place | None, most: int
) -> tuple[list[Kept], Place | None]:
    """Give the newest entries before a place; and from where to go on, None if there are no more."""
    start = min(before or FOREVER, (wanted.until, -1))
    first = next((name for name in _INDEXES if getattr(wanted, name)), "")
    where, index = (f"{first} = ? AND ", _INDEXES[first]) if first else ("", "leaf_at")
    looked = connection.execute(
        f"SELECT position, at, entry, kind, service, doer, event FROM leaf INDEXED BY {index}"  # noqa: S608  # constants
        f" WHERE {where}(at, position) < (?, ?) AND at >= ? ORDER BY at DESC, position DESC LIMIT ?",
        (*((getattr(wanted, first),) if first else ()), *start, wanted.since, AT_ONCE),
    )
    given: list[Kept] = []
    last, count = FOREVER, 0
    for position, at, entry, kind, service, doer, event in looked:
        has = {"kind": kind, "service": service, "doer": doer, "event": event}
        if all(getattr(wanted, name) in ("", value) for name, value in has.items()):
            if len(given) == most:
                return given, last
            given.append(Kept(position, at, entry))
        last, count = (at, position), count + 1
    return given, last if count == AT_ONCE else None


def place(connection: Connection, position: int) -> Place | None:
    """Say when the entry of a position was written; None if there is none."""
    row = one(connection, "SELECT at, position FROM leaf WHERE position = ?", position)
    return None if row is None else (row[0], row[1])


def kinds(connection: Connection) -> list[str]:
    """List the kinds of entries that there are, without looking at each entry."""
    found = rows(
        connection,
        "WITH RECURSIVE known(kind) AS (SELECT min(kind) FROM leaf UNION ALL"
        " SELECT (SELECT min(kind) FROM leaf WHERE leaf.kind > known.kind) FROM known WHERE known.kind IS NOT NULL)"
        " SELECT kind FROM known WHERE kind IS NOT NULL",
    )
    return [kind for (kind,) in found]


def stands(connection: Connection, entry: Kept) -> bool:
    """Say whether an entry is the one that the tree was made of."""
    return log.nodes(connection)(0, entry.position) == merkle.leaf_hash(entry.body)


def last_head(connection: Connection) -> tuple[Head, bool] | None:
    """Give the head that was signed last, and whether the tree fits it; None if none was signed."""
    row = one(connection, "SELECT size, at, root, signed FROM head ORDER BY size DESC LIMIT 1")
    if row is None:
        return None
    head = Head(*row)
    fits = head.size <= log.size(connection) and merkle.root(head.size, log.nodes(connection)) == head.root
    return head, fits
