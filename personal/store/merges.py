"""Doubles that were merged: what is needed to part them again."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from base.database import Connection
from personal.rules.residents import Standing, State
from personal.store.town import one


@dataclass(frozen=True, slots=True)
class Merge:
    """A double that was merged into a survivor at a moment (µs), and how both stood before.

    terms: by which the survivor was searched; newest: the number of the newest identifier then; versions: of the
    items that the survivor had then.
    """

    number: int
    double: str
    survivor: str
    at: int
    survivor_stood: Standing
    double_stood: Standing
    terms: list[tuple[str, bytes]]
    newest: int
    versions: dict[str, int] = field(default_factory=dict)


def add(connection: Connection, merge: Merge, by: str) -> None:
    """Write that a double was merged."""
    before = {
        "survivor": _told(merge.survivor_stood),
        "double": _told(merge.double_stood),
        "terms": [[field, hash.hex()] for field, hash in merge.terms],
        "newest": merge.newest,
        "versions": merge.versions,
    }
    connection.execute(
        "INSERT INTO merge (absorbed, survivor, at, done_by, before) VALUES (?, ?, ?, ?, ?)",
        (merge.double, merge.survivor, merge.at, by, orjson.dumps(before).decode()),
    )


def latest(connection: Connection, survivor: str) -> Merge | None:
    """Find the latest merge into somebody that was not undone."""
    row = one(
        connection,
        "SELECT number, absorbed, at, before FROM merge WHERE survivor = ? AND ended IS NULL ORDER BY number DESC",
        survivor,
    )
    if row is None:
        return None
    number, double, at, text = row
    before = orjson.loads(text)
    return Merge(
        number,
        double,
        survivor,
        at,
        _standing(before["survivor"]),
        _standing(before["double"]),
        [(field, bytes.fromhex(hash)) for field, hash in before["terms"]],
        before["newest"],
        before["versions"],
    )


def end(connection: Connection, number: int, side: str, now: int) -> None:
    """Note that a merge was undone, and to whom what happened since went."""
    connection.execute("UPDATE merge SET ended = ?, side = ? WHERE number = ?", (now, side, number))


def _told(standing: Standing) -> dict[str, Any]:
    return {"state": standing.state, "protected": standing.protected}


def _standing(told: dict[str, Any]) -> Standing:
    return Standing(State(told["state"]), told["protected"])
