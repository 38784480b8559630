"""The agent's own keys: others write to the newest; a former one signs until the outside knows the newest."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from base.database import Connection
from personal.agent import store as kept
from personal.vault.addressed import Reader
from personal.vault.envelope import Unreadable
from personal.vault.keys import KeyStore
from personal.vault.signing import Signer

SIGNING: Final = "signing"
READING: Final = "reading"
NAMES: Final = (SIGNING, READING)


class OwnKeys:
    """All versions of the two keys that the agent has; which of them count is in its database."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys
        self._signers: Sequence[Signer] = ()
        self._readers: Sequence[Reader] = ()
        self._adopted: Mapping[str, int] = {}

    async def load(self, adopted: Mapping[str, int]) -> None:
        """Read the keys; make them at the first time. adopted: since when the outside addresses which of them."""
        for name in NAMES:
            await self._keys.named(name)
        self._signers = [Signer(seed) for _, seed in self._keys.versions(SIGNING)]
        self._readers = [Reader(seed) for _, seed in self._keys.versions(READING)]
        self._adopted = adopted

    async def renew(self) -> None:
        """Make new versions of both keys; the outside has to be told of them."""
        for name in NAMES:
            await self._keys.renew(name)
        await self.load(self._adopted)

    @property
    def newest(self) -> Signer:
        """Give the newest key to sign with, whether the outside knows it or not."""
        return self._signers[0]

    @property
    def signer(self) -> Signer:
        """Give the key to sign with: the newest one that the outside is known to know."""
        return next((one for one in self._signers if one.kid in self._adopted), self._signers[-1])

    def proofs(self) -> list[Signer]:
        """Give the keys by which the outside may know the agent, the likeliest first."""
        return [self.signer, *(one for one in self._signers if one is not self.signer)]

    @property
    def reader(self) -> Reader:
        """Give the newest key to which others write."""
        return self._readers[0]

    def kids(self, now: int) -> frozenset[str]:
        """Name the keys to which orders may be addressed: former ones while their successor is new."""
        found = []
        for one in self._signers:
            found.append(one.kid)
            if self._adopted.get(one.kid, now) < now - kept.FORMER:
                break
        return frozenset(found)

    def open(self, text: str, about: Mapping[str, str]) -> Any:
        """Open an envelope to any of the keys; Unreadable if it is to none, or was changed."""
        named = _addressed(text)
        for one in self._readers:
            if one.kid == named:
                return one.open(text, about)
        raise Unreadable("An envelope cannot be opened: it was changed, or is for somebody else.")

    def adopt(self, db: Connection, kid: str, now: int) -> None:
        """Note that the outside addresses a key, within a transaction; `adopted` tells when it is on disk."""
        db.execute("INSERT OR IGNORE INTO adopted VALUES (?, ?)", (kid, now))

    def adopted(self, kid: str, now: int) -> None:
        """Take notice that the outside addresses a key."""
        self._adopted = {kid: now, **self._adopted}

    def known(self, kid: str) -> bool:
        """Say whether the outside is known to address a key."""
        return kid in self._adopted


def _addressed(text: str) -> str | None:
    head = text.partition(".")[0]
    try:
        found = orjson.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
        return str(found["kid"])
    except (ValueError, TypeError, KeyError):
        return None
