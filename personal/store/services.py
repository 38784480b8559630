"""The catalogue of services: what each is now, and every version of its description."""

from dataclasses import dataclass
from typing import Any

import orjson

from base.database import Connection
from personal.store.town import one


@dataclass(frozen=True, slots=True)
class Service:
    """A service as it is now; `keys` is its JWKS, `certificate` the SHA-256 of its client certificate."""

    id: str
    version: int
    active: bool
    keys: dict[str, Any]
    certificate: bytes | None


def find(connection: Connection, id: str) -> Service | None:
    """Find a service by its id."""
    row = one(connection, "SELECT version, state, keys, certificate FROM service WHERE id = ?", id)
    if row is None:
        return None
    version, state, keys, certificate = row
    return Service(id, version, state == "active", orjson.loads(keys), certificate)
