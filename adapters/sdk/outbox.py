"""Work that waits for the network: on disk before it is promised, sealed by the device's key, gone once it is done."""

import hmac
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import apsw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from adapters.sdk.device import DeviceKey
from base.database import connect, migrate, transaction
from base.errors import ServiceUnavailable

_STEPS: Final = (
    """CREATE TABLE waiting (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        mark BLOB NOT NULL,
        at INTEGER NOT NULL,
        sealed BLOB NOT NULL,
        UNIQUE (kind, mark)
    ) STRICT;
    CREATE INDEX waiting_since ON waiting (at);""",
)
_NONCE: Final = 12


@dataclass(frozen=True, slots=True)
class Waiting:
    """One piece of work that waits; `at`: when it came (µs)."""

    id: int
    kind: str
    at: int
    body: bytes = field(repr=False)


class Outbox:
    """What waits in the folder of a device. Only one process uses it: the device locks its folder."""

    def __init__(self, folder: Path, key: DeviceKey, most: int = 10_000) -> None:
        self._marks = key.secret("marks")
        self._cipher = AESGCMSIV(key.secret("outbox"))
        self._most = most
        self._db = connect(folder / "waiting.db", cache_kib=512)
        self._db.pragma("secure_delete", True)
        migrate(self._db, _STEPS)

    def put(self, kind: str, same: bytes, body: bytes, at: int) -> bool:
        """Let something wait; False if the same (by `same`, of which only a keyed hash is kept) waits already."""
        mark = hmac.digest(self._marks, same, "sha256")
        nonce = secrets.token_bytes(_NONCE)
        sealed = nonce + self._cipher.encrypt(nonce, body, kind.encode() + mark)
        with transaction(self._db):
            if self.count() >= self._most:
                raise ServiceUnavailable("Too much waits for the network; connect it, then go on.")
            self._db.execute(
                "INSERT INTO waiting (kind, mark, at, sealed) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (kind, mark, at, sealed),
            )
            return self._db.changes() > 0

    def waiting(self, kind: str, most: int = 100) -> Iterator[Waiting]:
        """Give what waits, the oldest first; what was not sealed by this device is thrown away."""
        rows: list[Any] = self._db.execute(
            "SELECT id, mark, at, sealed FROM waiting WHERE kind = ? ORDER BY id LIMIT ?", (kind, most)
        ).fetchall()
        for id, mark, at, sealed in rows:
            try:
                body = self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], kind.encode() + mark)
            except (InvalidTag, ValueError):
                self.done(id)
                continue
            yield Waiting(id, kind, at, body)

    def done(self, id: int) -> None:
        """Let something wait no more, and leave nothing of it on disk."""
        with transaction(self._db):
            self._db.execute("DELETE FROM waiting WHERE id = ?", (id,))
        self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def forget(self, before: int) -> int:
        """Throw away what has waited since before a moment (µs); say how much that was."""
        with transaction(self._db):
            self._db.execute("DELETE FROM waiting WHERE at < ?", (before,))
            gone = self._db.changes()
        if gone:
            self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        return gone

    def count(self) -> int:
        """Say how much waits."""
        found: list[Any] = self._db.execute("SELECT count(*) FROM waiting").fetchall()
        return int(found[0][0])

    def close(self) -> None:
        """Close the file."""
        self._db.close()
