"""Signed heads of the log: its size and root at a moment, which nobody can take back afterwards. (RFC 9162 4.10)"""

from dataclasses import dataclass
from typing import Any

from base import clock, merkle
from base.database import Connection
from personal.audit import log
from personal.rules.heads import KIND
from personal.store.town import one
from personal.vault.signing import Signer


@dataclass(frozen=True, slots=True)
class Head:
    """A head as it was signed; `at` in µs."""

    size: int
    at: int
    root: bytes
    signed: str

    def shown(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {"size": self.size, "at": clock.show(self.at), "root": self.root.hex(), "signed": self.signed}


def current(connection: Connection, signer: Signer, municipality: str, now: int) -> Head:
    """Give the head over all entries; one head is signed for each size, once."""
    found = latest(connection)
    if found is not None:
        return found
    size = log.size(connection)
    root = merkle.root(size, log.nodes(connection))
    claims = {"municipality": municipality, "size": size, "at": clock.show(now), "root": root.hex()}
    head = Head(size, now, root, signer.sign(claims, KIND))
    connection.execute("INSERT INTO head VALUES (?, ?, ?, ?)", (size, now, root, head.signed))
    return head


def latest(connection: Connection) -> Head | None:
    """Give the head over all entries if it was signed already."""
    return at_size(connection, log.size(connection))


def at_size(connection: Connection, size: int) -> Head | None:
    """Find the head that was signed at a size."""
    row = one(connection, "SELECT size, at, root, signed FROM head WHERE size = ?", size)
    return None if row is None else Head(*row)
