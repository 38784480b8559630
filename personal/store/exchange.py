"""Peers: modules of other municipalities, and by which names both sides know the residents they have in common."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from base.database import Connection
from personal.store import people
from personal.store.people import Person
from personal.store.town import one, rows

_COLUMNS = "code, name, url, municipality, keys, services, active FROM peer"


@dataclass(frozen=True, slots=True)
class Peer:
    """Another municipality's module. services: which of its services ask here, and as which of ours.

    code: of 総務省, by which it proves who it is; municipality: its name in requests to it, if it shares a server.
    """

    code: str
    name: str
    url: str
    municipality: str
    keys: dict[str, Any] = field(repr=False)
    services: dict[str, str]
    active: bool = True


@dataclass(frozen=True, slots=True)
class Offer:
    """A link that a resident began here, until somebody ends it there; times in µs."""

    hash: bytes
    peer: str
    name: str
    person: str
    until: int


def put(connection: Connection, peer: Peer) -> None:
    """Write a peer as it is from now on."""
    connection.execute(
        "INSERT OR REPLACE INTO peer VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            peer.code,
            peer.name,
            peer.url,
            peer.municipality,
            orjson.dumps(peer.keys).decode(),
            orjson.dumps(peer.services).decode(),
            int(peer.active),
        ),
    )


def find(connection: Connection, code: str) -> Peer | None:
    """Find a peer by its code, suspended ones too."""
    row = one(connection, f"SELECT {_COLUMNS} WHERE code = ?", code)
    return None if row is None else _peer(row)


def listed(connection: Connection) -> list[Peer]:
    """List all peers."""
    return [_peer(row) for row in rows(connection, f"SELECT {_COLUMNS} ORDER BY code")]


def offer(connection: Connection, made: Offer, now: int) -> None:
    """Write that a resident began a link; those that nobody ended in time go."""
    connection.execute("DELETE FROM peer_offer WHERE until <= ?", (now,))
    connection.execute(
        "INSERT INTO peer_offer VALUES (?, ?, ?, ?, ?)",
        (made.hash, made.peer, made.name, made.person, made.until),
    )


def take(connection: Connection, hash: bytes, peer: str, now: int) -> Offer | None:
    """Find what a code stands for, once; None if that peer cannot end it (any more)."""
    row = one(
        connection,
        "SELECT hash, peer, name, person, until FROM peer_offer WHERE hash = ? AND peer = ? AND until > ?",
        hash,
        peer,
        now,
    )
    connection.execute("DELETE FROM peer_offer WHERE hash = ? AND peer = ?", (hash, peer))
    return None if row is None else Offer(*row)


def link(connection: Connection, peer: str, name: str, person: str, now: int) -> None:
    """Let a name stand for a resident towards a peer, instead of any before."""
    unlink(connection, peer, person)
    connection.execute("INSERT INTO peer_link VALUES (?, ?, ?, ?)", (peer, name, person, now))


def unlink(connection: Connection, peer: str, person: str) -> bool:
    """End by which names a peer knows a resident; False if it knew none."""
    before = connection.total_changes()
    for id in people.family(connection, person):
        connection.execute("DELETE FROM peer_link WHERE peer = ? AND person = ?", (peer, id))
    return connection.total_changes() > before


def links(connection: Connection, person: str) -> list[tuple[str, int]]:
    """List which peers know a resident, and since when (µs)."""
    found = [
        row
        for id in people.family(connection, person)
        for row in rows(connection, "SELECT peer, since FROM peer_link WHERE person = ?", id)
    ]
    return sorted(found)


def name_of(connection: Connection, peer: str, person: str) -> str | None:
    """Give the name by which both sides know a resident; the youngest, if doubles have several."""
    found = [
        row
        for id in people.family(connection, person)
        for row in rows(
            connection, "SELECT since, name FROM peer_link WHERE peer = ? AND person = ?", peer, id
        )
    ]
    return max(found)[1] if found else None


def resolve(connection: Connection, peer: str, name: str) -> Person | None:
    """Find whom a peer means; None for whatever name was not agreed with it."""
    row = one(connection, "SELECT person FROM peer_link WHERE peer = ? AND name = ?", peer, name)
    return None if row is None else people.current(connection, row[0])


def hand_over(connection: Connection, person: str, other: str, since: int) -> None:
    """Give the links that a resident made since a moment to another one."""
    connection.execute(
        "UPDATE peer_link SET person = ? WHERE person = ? AND since >= ?", (other, person, since)
    )


def _peer(row: tuple[Any, ...]) -> Peer:
    code, name, url, municipality, keys, services, active = row
    return Peer(code, name, url, municipality, orjson.loads(keys), orjson.loads(services), bool(active))
