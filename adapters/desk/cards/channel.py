"""What the desk needs of readers: which are there, which holds a card, a line to that card. (PC/SC part 5)"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


class Fault(Exception):
    """Something about reader or card that a person at the desk can mend; its class says what."""


class NoService(Fault):
    """The service of this machine for card readers does not run."""


class NoReader(Fault):
    """No reader is connected."""


class NoCard(Fault):
    """No card is on the reader."""


class Busy(Fault):
    """Another program uses the card."""


class Torn(Fault):
    """The card left the reader in the middle of the work."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A reader: its name, whether a card is on it, a number that changes with every card placed or taken."""

    name: str
    present: bool
    count: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What is there now; `service`: whether readers can be asked at all."""

    service: bool
    slots: tuple[Slot, ...] = ()

    @property
    def held(self) -> Slot | None:
        """Give the first reader with a card on it."""
        return next((slot for slot in self.slots if slot.present), None)


class Channel(Protocol):
    """A line to one card that nobody else has while it is open."""

    @property
    def atr(self) -> bytes:
        """Give what the card, or its reader for it, answered to the reset."""

    def transmit(self, command: bytes | bytearray) -> tuple[bytes, int]:
        """Send a command; give data and status word. Torn if the card is gone."""

    def reset(self) -> None:
        """Let the card forget what was verified."""


class Readers(Protocol):
    """The readers of this machine."""

    def seen(self) -> Seen:
        """Say what is there."""

    def wait(self, known: Seen, seconds: float) -> Seen:
        """Wait until something else is there than what is known, at most so long; say what."""

    def opened(self, name: str) -> AbstractContextManager[Channel]:
        """Open the line to the card on a reader, for us alone; the card forgets what was verified when it ends."""

    def close(self) -> None:
        """Stop looking."""
