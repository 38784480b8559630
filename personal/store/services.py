"""The catalogue of services: what each is now, and every version of its description that was in force."""

from dataclasses import dataclass
from typing import Any

import orjson

from base.database import Connection
from personal.store.town import one, rows, value

_COLUMNS = (
    "service.id, service.version, least, state, keys, certificate, description FROM service JOIN service_version"
    " ON service_version.service = service.id AND service_version.version = service.version"
)


@dataclass(frozen=True, slots=True)
class Service:
    """A service as it is now; `keys` is its JWKS, `certificate` the SHA-256 of its client certificate.

    least: the last version of its description that asked for more; only consent to it or to later ones holds.
    """

    id: str
    version: int
    least: int
    active: bool
    keys: dict[str, Any]
    certificate: bytes | None
    description: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a service's description, in force from a moment (µs) on."""

    version: int
    description: dict[str, Any]
    wider: bool
    proposal: str
    since: int


def find(connection: Connection, id: str) -> Service | None:
    """Find a service by its id."""
    return _service(one(connection, f"SELECT {_COLUMNS} WHERE service.id = ?", id))


def by_certificate(connection: Connection, certificate: bytes) -> Service | None:
    """Find a service by the SHA-256 of its client certificate."""
    sql = f"SELECT {_COLUMNS} WHERE certificate = ?"
    return _service(one(connection, sql, certificate))


def listed(connection: Connection) -> list[Service]:
    """List all services, suspended ones too."""
    sql = f"SELECT {_COLUMNS} ORDER BY service.id"
    return [service for row in rows(connection, sql) if (service := _service(row)) is not None]


def version(connection: Connection, id: str, number: int) -> Version | None:
    """Find one version of a service's description."""
    sql = "SELECT version, description, wider, proposal, since FROM service_version WHERE service = ? AND version = ?"
    row = one(connection, sql, id, number)
    return None if row is None else _version(row)


def versions(connection: Connection, id: str) -> list[Version]:
    """List the versions of a service's description, oldest first."""
    sql = "SELECT version, description, wider, proposal, since FROM service_version WHERE service = ? ORDER BY version"
    return [_version(row) for row in rows(connection, sql, id)]


def put_version(
    connection: Connection, id: str, description: dict[str, Any], *, wider: bool, proposal: str, now: int
) -> int:
    """Let a description be in force from now on, for a service that there is or a new one; give its number."""
    number = 1 + int(
        value(connection, "SELECT coalesce(max(version), 0) FROM service_version WHERE service = ?", id)
    )
    connection.execute(
        "INSERT INTO service_version VALUES (?, ?, ?, ?, ?, ?)",
        (id, number, orjson.dumps(description).decode(), int(wider), proposal, now),
    )
    if number == 1:
        connection.execute("INSERT INTO service VALUES (?, 1, 1, 'active', '{\"keys\":[]}', NULL)", (id,))
    else:
        connection.execute(
            "UPDATE service SET version = ?, least = iif(?, ?, least) WHERE id = ?",
            (number, wider, number, id),
        )
    return number


def set_keys(connection: Connection, id: str, keys: dict[str, Any], certificate: bytes | None) -> None:
    """Replace by what a service proves who it is."""
    connection.execute(
        "UPDATE service SET keys = ?, certificate = ? WHERE id = ?",
        (orjson.dumps(keys).decode(), certificate, id),
    )


def set_active(connection: Connection, id: str, active: bool) -> None:
    """Suspend a service, or let it go on."""
    connection.execute("UPDATE service SET state = ? WHERE id = ?", ("active" if active else "suspended", id))


def _service(row: tuple[Any, ...] | None) -> Service | None:
    if row is None:
        return None
    id, number, least, state, keys, certificate, description = row
    return Service(
        id, number, least, state == "active", orjson.loads(keys), certificate, orjson.loads(description)
    )


def _version(row: tuple[Any, ...]) -> Version:
    number, description, wider, proposal, since = row
    return Version(number, orjson.loads(description), bool(wider), proposal, since)
