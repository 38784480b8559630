"""The whole log computed again: what was changed, taken out or put in between afterwards. (RFC 9162 2.1)

Whoever can write the database can make all of it fit again; only heads that somebody outside kept show that.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from base import clock, merkle
from base.database import Connection, connect, snapshot
from base.errors import BadRequestData
from personal.audit import log, reading
from personal.rules import heads
from personal.store.town import one, rows, value

MOST: Final = 100
"""More faults than this are not told one by one."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What does not fit, at which position of the log."""

    position: int
    text: str

    def shown(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {"position": self.position, "fault": self.text}


def report(file: Path, keys: Mapping[str, Any], seen: Mapping[int, bytes]) -> dict[str, Any]:
    """Check the log in a database; `seen`: roots by size that were kept elsewhere."""
    connection = connect(file, readonly=True)
    try:
        with snapshot(connection):
            found = list(islice(faults(connection, keys, seen), MOST))
            size, signed = log.size(connection), value(connection, "SELECT count(*) FROM head")
            return {
                "size": size,
                "heads": signed,
                "compared": len(seen),
                "faults": [fault.shown() for fault in found],
                "clockSetBack": _set_back(connection),
            }
    finally:
        connection.close()


def last_entry(file: Path) -> int:
    """Say when the last entry of the log in a database was written; 0 if there is none."""
    if not file.exists():
        return 0
    connection = connect(file, readonly=True)
    try:
        return log.end(connection)[1]
    finally:
        connection.close()


def faults(
    connection: Connection, keys: Mapping[str, Any] | None = None, seen: Mapping[int, bytes] | None = None
) -> Iterator[Fault]:
    """Compare entries, tree, signed heads, what opens entries, and roots by size that were kept elsewhere."""
    signed = dict(connection.execute("SELECT size, root FROM head"))
    yield from _entries(connection, _length(connection, [*signed, *(seen or ())]))
    yield from _nodes(connection)
    yield from _roots(connection, signed, "signed here")
    yield from _roots(connection, seen or {}, "kept elsewhere")
    if keys is not None:
        yield from _signatures(connection, keys)


def _length(connection: Connection, sizes: list[int]) -> int:
    """Say how long the log is, or was by what is left of it."""
    hashed = value(connection, "SELECT max(place) + 1 FROM node WHERE level = 0")
    return max(log.size(connection), hashed or 0, *sizes, 0)


def _entries(connection: Connection, length: int) -> Iterator[Fault]:
    for position in range(length):
        kept = one(connection, "SELECT position, at, entry FROM leaf WHERE position = ?", position)
        hash = _hash(connection, 0, position)
        if kept is None:
            yield Fault(position, f"entry {position} is missing")
        elif hash is None:
            yield Fault(position, f"entry {position} is not in the tree")
        elif merkle.leaf_hash(kept[2]) != hash:
            yield Fault(position, f"entry {position} was changed: it is not the one that was hashed")
        else:
            yield from _beside(connection, reading.Kept(*kept))


def _beside(connection: Connection, entry: reading.Kept) -> Iterator[Fault]:
    """Compare what is kept beside an entry, not in the tree, with what the entry says itself."""
    facts = entry.facts()
    if facts["at"] != clock.show(entry.at):
        yield Fault(entry.position, f"the time beside entry {entry.position} is not the one it carries")
    opened = rows(connection, "SELECT name, person, salt FROM opening WHERE position = ?", entry.position)
    for role, person, salt in opened:
        if log.commitment(salt, role, person).hex() != facts.get(role):
            text = f"whom entry {entry.position} is about ({role}) is not whom it was written about"
            yield Fault(entry.position, text)


def _grown(connection: Connection) -> Iterator[tuple[merkle.Peaks, list[tuple[int, int, bytes]]]]:
    """Build the tree from the hashes of its entries, one after the other; give what each one makes."""
    peaks = merkle.Peaks()
    for place, hash in connection.execute("SELECT place, hash FROM node WHERE level = 0 ORDER BY place"):
        if place != peaks.size:
            return
        yield peaks, peaks.append(hash)


def _nodes(connection: Connection) -> Iterator[Fault]:
    for peaks, made in _grown(connection):
        for level, place, hash in made:
            if _hash(connection, level, place) != hash:
                first = place << level
                yield Fault(first, f"the tree does not fit the entries {first} to {peaks.size - 1}")
                return


def _roots(connection: Connection, roots: Mapping[int, bytes], where: str) -> Iterator[Fault]:
    """Compare the tree with heads, up to the first that does not fit."""
    fits = length = 0
    for peaks, _ in _grown(connection) if roots else ():
        length = peaks.size
        if length not in roots:
            continue
        if roots[length] != peaks.root():
            text = f"the head over {length} entries that was {where} does not fit"
            yield Fault(fits, f"{text}: one of the entries {fits} to {length - 1} is another one")
            return
        fits = length
    later = min((size for size in roots if size > length), default=None)
    if later is not None:
        yield Fault(length, f"entries are missing from {length} on: a head over {later} was {where}")


def _signatures(connection: Connection, keys: Mapping[str, Any]) -> Iterator[Fault]:
    """Look whether each head that is kept here is the one that was signed."""
    for size, root, signed in connection.execute("SELECT size, root, signed FROM head ORDER BY size"):
        try:
            head = heads.opened(signed, keys)
        except BadRequestData:
            yield Fault(size, f"the head over {size} entries is not signed by this municipality")
            continue
        if (head.size, head.root) != (size, root):
            yield Fault(size, f"the head over {size} entries is not the one that was signed")


def _hash(connection: Connection, level: int, place: int) -> bytes | None:
    found: bytes | None = value(
        connection, "SELECT hash FROM node WHERE level = ? AND place = ?", level, place
    )
    return found


def _set_back(connection: Connection) -> list[int]:
    """Name the entries before which the clock was set back, and that was accepted."""
    wanted = f'"kind":"{log.ACCEPTED}"'.encode()
    found = rows(
        connection, "SELECT position FROM leaf WHERE instr(entry, ?) ORDER BY position LIMIT ?", wanted, MOST
    )
    return [position for (position,) in found]
