"""Answers kept as bytes under a budget of memory. (DESIGN 2.8)

Two generations: what is used moves to the young one; when that has its half of the budget, it becomes the old one and
what was old is dropped. A hit costs one look-up, which an exact order of use would double.
"""

from collections.abc import Hashable

OVERHEAD = 250  # what an entry costs beside its bytes, measured roughly


class Cache:
    """Bytes by key; a key names everything the bytes depend on, so an entry is never wrong, only unused."""

    def __init__(self, budget: int) -> None:
        self._half = budget // 2
        self._young: dict[Hashable, bytes] = {}
        self._old: dict[Hashable, bytes] = {}
        self._young_used = self._old_used = 0

    def get(self, key: Hashable) -> bytes | None:
        """Give the bytes kept under a key."""
        found = self._young.get(key)
        if found is None:
            found = self._old.pop(key, None)
            if found is not None:
                self._old_used -= len(found) + OVERHEAD
                self.put(key, found)
        return found

    def put(self, key: Hashable, body: bytes) -> None:
        """Keep bytes, and drop what was not used for long."""
        cost = len(body) + OVERHEAD
        if cost > self._half // 4:
            return
        if self._young_used + cost > self._half:
            self._old, self._old_used = self._young, self._young_used
            self._young, self._young_used = {}, 0
        replaced = self._young.get(key)
        self._young[key] = body
        self._young_used += cost if replaced is None else len(body) - len(replaced)

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    @property
    def used(self) -> int:
        """Say how many bytes are in use, roughly."""
        return self._young_used + self._old_used
