"""The storage of @contexts: in memory for use, in the default tenant's store for good. (5.13.1)"""

from base.errors import NotPermitted
from broker.contexts.entry import Entry, Kind, from_row, id_in
from broker.store.contract import TenantStore


class Shelf:
    """All stored @contexts by URL and by local identifier; limited in number, the least used cached ones go first."""

    def __init__(self, store: TenantStore, most: int, most_bytes: int) -> None:
        self._store = store
        self._most = most
        self._most_bytes = most_bytes
        self._by_url: dict[str, Entry] = {}
        self._by_id: dict[str, Entry] = {}
        self._uncounted: set[str] = set()

    def load(self) -> None:
        """Read what the store holds."""
        for row in self._store.contexts():
            self._put(from_row(row))

    def find(self, name: str) -> Entry | None:
        """Find an entry by its local identifier or its URL, in either of the forms a client may use. (6.30.2)"""
        return self._by_id.get(name) or self._by_url.get(name) or self._by_id.get(id_in(name) or "")

    def listed(self, kind: Kind | None, tenant: str) -> list[Entry]:
        """Give the entries a tenant may see, in the order of their creation. (5.13.3.4, 5.5.10)"""
        return [
            entry
            for entry in self._by_url.values()
            if (kind is None or entry.kind == kind) and (entry.kind == "Cached" or entry.tenant == tenant)
        ]

    async def keep(self, entry: Entry) -> list[Entry]:
        """Keep an entry, on disk when this returns; give back those that had to go for it."""
        gone = self._make_room(entry)
        for old in gone:
            await self.drop(old)
        self._put(entry)
        await self._store.put_context(entry.url, entry.row())
        return gone

    async def drop(self, entry: Entry) -> None:
        """Forget an entry, on disk when this returns."""
        self._remove(entry.url)
        self._uncounted.discard(entry.url)
        await self._store.put_context(entry.url, None)

    def count(self, entry: Entry, now: int) -> None:
        """Note a use of an entry; written to disk later."""
        entry.hits += 1
        entry.last = now
        self._uncounted.add(entry.url)

    async def flush(self) -> None:
        """Write the uses noted since the last time."""
        for url in list(self._uncounted):
            self._uncounted.discard(url)
            entry = self._by_url.get(url)
            if entry:
                await self._store.put_context(url, entry.row())

    def _put(self, entry: Entry) -> None:
        self._remove(entry.url)
        self._by_url[entry.url] = entry
        self._by_id[entry.local_id] = entry

    def _remove(self, url: str) -> None:
        entry = self._by_url.pop(url, None)
        if entry:
            self._by_id.pop(entry.local_id, None)

    def _make_room(self, entry: Entry) -> list[Entry]:
        """Choose the cached entries that must go for one to come."""
        others = [e for e in self._by_url.values() if e.url != entry.url]
        excess = len(others) + 1 - self._most
        heavy = sum(len(e.document) for e in others) + len(entry.document) - self._most_bytes
        gone: list[Entry] = []
        for old in sorted((e for e in others if e.kind == "Cached"), key=lambda e: e.last or e.created):
            if excess <= len(gone) and heavy <= 0:
                break
            gone.append(old)
            heavy -= len(old.document)
        if excess > len(gone) or heavy > 0:
            raise NotPermitted("The storage of @contexts is full; delete one that is not needed.")
        return gone
