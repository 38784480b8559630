"""Sources: which record a service wrote, for which purpose, and on what that rests."""

from dataclasses import dataclass, field
from typing import Final

from base.database import Connection
from personal.store.records import Record
from personal.store.town import one

CONSENT: Final = "consent"
_COLUMNS: Final = "person, item, version, service, purpose, basis, digest, aside FROM record_source"


@dataclass(frozen=True, slots=True)
class Source:
    """Who wrote a version of a record: a service for a purpose; `basis`: consent, or a law and its reference.

    digest: of the request, with the secret that only its sender has; aside: out of use since doubles became one.
    """

    person: str
    item: str
    version: int
    service: str
    purpose: str
    basis: str
    digest: bytes = field(default=b"", repr=False)
    aside: bool = False

    def about(self, service: str, purpose: str) -> bool:
        """Say whether this purpose of this service wrote it."""
        return (self.service, self.purpose) == (service, purpose)


def of(connection: Connection, record: Record | None) -> Source | None:
    """Say which service wrote a record as it is now; None if it was staff or the resident."""
    if record is None:
        return None
    row = one(
        connection,
        f"SELECT {_COLUMNS} WHERE person = ? AND item = ? AND version = ?",
        record.person,
        record.item,
        record.version,
    )
    if row is None:
        return None
    *known, aside = row
    person, item, version, service, purpose, basis, digest = known
    return Source(person, item, version, service, purpose, basis, digest, bool(aside))


def put(connection: Connection, source: Source) -> None:
    """Write which service wrote a record."""
    connection.execute(
        "INSERT OR REPLACE INTO record_source VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            source.person,
            source.item,
            source.version,
            source.service,
            source.purpose,
            source.basis,
            source.digest,
            int(source.aside),
        ),
    )


def copy(connection: Connection, person: str, other: str, item: str, version: int) -> None:
    """Let which service wrote a record be known of the copy that goes to somebody else."""
    own = one(connection, "SELECT version FROM record WHERE person = ? AND item = ?", person, item)
    if own is not None:
        connection.execute(
            "INSERT OR REPLACE INTO record_source SELECT ?, item, ?, service, purpose, basis, digest, 0"
            " FROM record_source WHERE person = ? AND item = ? AND version = ?",
            (other, version, person, item, own[0]),
        )
