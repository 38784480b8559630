"""Answers of sources kept for as long as their registrations say, within a budget of bytes. (5.2.34, 6.3.17)"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

Key = tuple[str, ...]
"""Tenant, registration, and all that was asked and with which headers: answers to different callers lie apart."""

_FRAME = 2_000  # bytes that an answer takes beside its body


@dataclass(frozen=True, slots=True)
class Received:
    """An answer as it came over the wire."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class KeptAnswers:
    """Answers that may be used again; those not used for long go first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Key, tuple[Received, int]] = OrderedDict()
        self.used = 0

    def get(self, key: Key, now: int) -> Received | None:
        """Give an answer that may still be used."""
        found = self._kept.get(key)
        if found is None:
            return None
        if found[1] <= now:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: Key, received: Received, until: int) -> None:
        """Keep an answer until a moment (µs)."""
        size = _size(key, received)
        if size > self._most // 4:
            return
        if key in self._kept:
            self._drop(key)
        self._kept[key] = received, until
        self.used += size
        while self.used > self._most:
            self._drop(next(iter(self._kept)))

    def forget(self, tenant: str, registration: str) -> None:
        """Drop what a source answered before it was changed."""
        for key in [key for key in self._kept if key[:2] == (tenant, registration)]:
            self._drop(key)

    def _drop(self, key: Key) -> None:
        received, _ = self._kept.pop(key)
        self.used -= _size(key, received)


def _size(key: Key, received: Received) -> int:
    return len(received.content) + sum(map(len, key)) + _FRAME
