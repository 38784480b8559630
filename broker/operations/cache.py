"""Answers kept as bytes under a budget of memory, the least used dropped first. (DESIGN 2.8)"""

from collections import OrderedDict
from collections.abc import Hashable

OVERHEAD = 250  # what an entry costs beside its bytes, measured roughly


class Cache:
    """Bytes by key; a key names everything the bytes depend on, so an entry is never wrong, only unused."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._used = 0
        self._entries: OrderedDict[Hashable, bytes] = OrderedDict()

    def get(self, key: Hashable) -> bytes | None:
        """Give the bytes kept under a key."""
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def put(self, key: Hashable, body: bytes) -> None:
        """Keep bytes, and drop the least used ones beyond the budget."""
        cost = len(body) + OVERHEAD
        if cost > self._budget // 8:
            return
        replaced = self._entries.pop(key, None)
        if replaced is not None:
            self._used -= len(replaced) + OVERHEAD
        self._entries[key] = body
        self._used += cost
        while self._used > self._budget:
            _, dropped = self._entries.popitem(last=False)
            self._used -= len(dropped) + OVERHEAD

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def used(self) -> int:
        """Say how many bytes are in use, roughly."""
        return self._used
