"""A stored @context: what it holds, where it came from, how it is used. (5.13.1, 5.13.3.5)"""

import hashlib
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import unquote, urlsplit

import orjson

from base import clock

Kind = Literal["Cached", "Hosted", "ImplicitlyCreated"]
LOCAL: Final = "/ngsi-ld/v1/jsonldContexts/"


@dataclass(slots=True)
class Entry:
    """One @context of the storage. `url` of one that this broker serves itself is its path."""

    url: str
    local_id: str
    kind: Kind
    document: bytes  # {"@context": …}
    created: int
    tenant: str = ""
    expires: int | None = None
    hits: int = 0
    last: int | None = None

    def context(self) -> Any:
        """Give what stands under @context."""
        return orjson.loads(self.document)["@context"]

    def row(self) -> dict[str, Any]:
        """Give the row the store keeps."""
        return {
            "url": self.url,
            "localId": self.local_id,
            "kind": self.kind,
            "body": orjson.loads(self.document),
            "createdAt": self.created,
            "expiresAt": self.expires,
            "lastUsage": self.last,
            "numberOfHits": self.hits,
            "tenant": self.tenant,
        }

    def metadata(self, origin: str) -> dict[str, Any]:
        """Describe the entry to a client. (5.13.3.5)"""
        times = {"createdAt": self.created, "expiresAt": self.expires, "lastUsage": self.last}
        return {
            "URL": self.address(origin),
            "localId": self.local_id,
            "kind": self.kind,
            **{name: clock.show(at) for name, at in times.items() if at is not None},
            "numberOfHits": self.hits,
        }

    def address(self, origin: str) -> str:
        """Give the URL under which the @context can be downloaded. (5.13.3.1)"""
        return origin + self.url if self.url.startswith("/") else self.url


def from_row(row: dict[str, Any]) -> Entry:
    """Read a row of the store."""
    return Entry(
        row["url"],
        row["localId"],
        row["kind"],
        orjson.dumps(row["body"]),
        row["createdAt"],
        row.get("tenant", ""),
        row.get("expiresAt"),
        row.get("numberOfHits") or 0,
        row.get("lastUsage"),
    )


def path_of(local_id: str) -> str:
    """Give the path under which this broker serves a context."""
    return LOCAL + local_id


def id_in(url: str) -> str | None:
    """Find the local identifier in the URL of a context that this broker may be serving itself."""
    path = urlsplit(url).path
    return unquote(path[len(LOCAL) :]) if path.startswith(LOCAL) else None


def id_of(*content: str | bytes) -> str:
    """Make the local identifier that belongs to some content: the same for the same. (5.13.1)"""
    digest = hashlib.sha256()
    for part in content:
        digest.update(part.encode() if isinstance(part, str) else part)
        digest.update(b"\0")
    return f"urn:ngsi-ld:Context:{digest.hexdigest()[:32]}"
