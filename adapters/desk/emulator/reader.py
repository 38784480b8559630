"""A reader without a machine behind it: a card is held on it by calling a method. For the demonstration and tests."""

import contextlib
import threading
from collections.abc import Iterator
from time import monotonic
from typing import Final

from adapters.desk.cards.channel import Busy, Channel, NoCard, Seen, Slot, Torn
from adapters.desk.emulator.chip import Chip, Pulled

NAME: Final = "見本リーダー"


class _Line:
    """The line to a card, until it is taken away."""

    def __init__(self, reader: "EmulatedReader", chip: Chip, count: int) -> None:
        self._reader = reader
        self._chip = chip
        self._count = count

    @property
    def atr(self) -> bytes:
        """Give the card's answer to reset."""
        return self._chip.atr

    def transmit(self, command: bytes | bytearray) -> tuple[bytes, int]:
        """Send a command to the card."""
        if self._reader.seen().slots[0].count != self._count:
            raise Torn
        try:
            answer = self._chip.answer(bytes(command))
        except Pulled:
            self._reader.pull()
            raise Torn from None
        return answer[:-2], int.from_bytes(answer[-2:], "big")

    def reset(self) -> None:
        """Let the card forget what was verified."""
        self._chip.power()


class EmulatedReader:
    """One reader on which a made-up card is held, or none; `returns`: after how long a torn card is put back (s).

    comes_back_as: another card that is put down in its stead, once.
    """

    def __init__(self, returns: float = 1.0) -> None:
        self._changed = threading.Condition()
        self._chip: Chip | None = None
        self._count = 0
        self._open = False
        self._returns = returns
        self.comes_back_as: Chip | None = None
        self._coming: threading.Timer | None = None

    def hold(self, chip: Chip | None) -> None:
        """Hold a card on the reader, or take it away."""
        with self._changed:
            if self._coming is not None:
                self._coming.cancel()
                self._coming = None
            self._put(chip)

    def pull(self) -> None:
        """Take the card away in the middle of the work, and put it back a little later."""
        with self._changed:
            back, self.comes_back_as = self.comes_back_as or self._chip, None
            self._put(None)
            self._coming = threading.Timer(self._returns, self.hold, (back,))
            self._coming.daemon = True
            self._coming.start()

    def _put(self, chip: Chip | None) -> None:
        self._chip = chip
        self._count += 1
        self._changed.notify_all()

    def seen(self) -> Seen:
        """Say whether a card is there."""
        with self._changed:
            return self._seen()

    def _seen(self) -> Seen:
        return Seen(True, (Slot(NAME, self._chip is not None, self._count),))

    def wait(self, known: Seen, seconds: float) -> Seen:
        """Wait until the card changes."""
        until = monotonic() + seconds
        with self._changed:
            while (found := self._seen()) == known and (left := until - monotonic()) > 0:
                self._changed.wait(left)
            return found

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[Channel]:
        """Open the line to the card for one at a time; it loses power before and afterwards."""
        del name
        with self._changed:
            chip, count = self._chip, self._count
            if chip is None:
                raise NoCard
            if self._open:
                raise Busy
            self._open = True
        chip.power()
        try:
            yield _Line(self, chip, count)
        finally:
            chip.power()
            self._open = False

    def close(self) -> None:
        """Put nothing back any more."""
        with self._changed:
            if self._coming is not None:
                self._coming.cancel()
