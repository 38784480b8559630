"""The location on the municipality's own machine: sealed copies in its own database. (DESIGN 3)"""

from personal.locations.contract import Copy, CopyMissing
from personal.store import records
from personal.store.town import TownStore


class Local:
    """Keeps copies in the database of the municipality."""

    def __init__(self, store: TownStore) -> None:
        self._store = store

    async def put(self, copy: Copy, sealed: bytes) -> None:
        """Keep a copy; the same again changes nothing."""
        await self._store.write(lambda db: records.keep_copy(db, copy.name, sealed))

    async def get(self, copy: Copy) -> bytes:
        """Give a copy back as it was put; CopyMissing if it is not there."""
        sealed = self._store.read(lambda db: records.copy(db, copy.name))
        if sealed is None:
            raise CopyMissing("A record is not where it should be; restore the database from a back-up.")
        return sealed

    async def remove(self, copy: Copy) -> None:
        """Remove a copy for good; nothing if it is not there."""
        await self._store.write(lambda db: records.drop_copy(db, copy.name))

    async def holds(self, copy: Copy) -> bool:
        """Say whether a copy is there."""
        return self._store.read(lambda db: records.copy(db, copy.name)) is not None
