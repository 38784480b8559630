"""What one transaction gathers before its commit: numbers given out, counters, messages, the feed of changes."""

from collections.abc import Iterable
from typing import Final, Protocol

from base.database import Connection
from broker.store.contract import Message
from broker.store.sqlite import outbox
from broker.store.sqlite.names import Names
from broker.store.sqlite.tally import Tally

FEED_KEPT: Final = 1 << 16
_TRIM_EVERY: Final = 1 << 12


class Part(Protocol):
    """What takes part in every transaction."""

    def begin(self) -> None:
        """Start from what is committed."""

    def flush(self) -> None:
        """Write everything gathered."""


class Journal:
    """The session of a tenant's writer."""

    history: Part

    def __init__(self, connection: Connection, most_messages: int) -> None:
        self._connection = connection
        self._most_messages = most_messages
        self.names = Names(connection)
        self.tally = Tally(connection, self.names)
        self._version = 0
        self._message = 0
        self._first_version = 0
        self._first_message = 0
        self._feed: list[tuple[int, str]] = []
        self._messages: list[Message] = []

    def begin(self) -> None:
        """Start from what is committed."""
        self.names.refresh()
        self.tally.begin()
        self.history.begin()
        self._feed.clear()
        self._messages.clear()
        ((self._message,), (self._version,)) = self._connection.execute(
            "SELECT value FROM sequence WHERE name IN ('message', 'version') ORDER BY name"
        )
        self._first_version, self._first_message = self._version, self._message

    def next_version(self, id: str) -> int:
        """Give the number of a change of an entity."""
        self._version += 1
        self._feed.append((self._version, id))
        return self._version

    def next_key(self) -> int:
        """Give a key that no entity and no history has had."""
        self._version += 1
        return self._version

    def post(self, messages: Iterable[Message]) -> list[Message]:
        """Take messages into the outbox; give them back with their place in it."""
        posted = []
        for message in messages:
            self._message += 1
            posted.append(outbox.numbered(message, self._message))
        self._messages.extend(posted)
        return posted

    def flush(self) -> None:
        """Write everything gathered."""
        self.tally.flush()
        self.history.flush()
        if self._version > self._first_version:
            self._flush_feed()
        if self._message > self._first_message:
            self._flush_messages()

    def _flush_feed(self) -> None:
        self._connection.executemany("INSERT INTO feed VALUES (?, ?)", self._feed)
        self._connection.execute("UPDATE sequence SET value = ? WHERE name = 'version'", (self._version,))
        if self._version // _TRIM_EVERY > self._first_version // _TRIM_EVERY:
            self._connection.execute("DELETE FROM feed WHERE version <= ?", (self._version - FEED_KEPT,))

    def _flush_messages(self) -> None:
        outbox.keep(self._connection, self._messages)
        self._connection.execute("UPDATE sequence SET value = ? WHERE name = 'message'", (self._message,))
        every = min(_TRIM_EVERY, self._most_messages // 16 + 1)
        if self._message // every > self._first_message // every:
            excess = outbox.size(self._connection) - self._most_messages
            if excess > 0:
                outbox.shed(self._connection, excess)
