"""The card side of the virtual reader of vsmartcard: one TCP connection is one card on the reader.

Each message is a length of 16 bits and a payload; from the driver one byte 0 off, 1 on, 2 reset (no answer), 4 asks
for the answer to reset; anything longer is a command. Closing the connection takes the card away.
"""

import contextlib
import socket
import struct
import threading
from typing import Final

from adapters.desk.emulator.chip import Chip, Pulled

PORT: Final = 0x8C7B
_ATR: Final = 4


class Placed:
    """A card on a virtual reader, until `take` is called or it is pulled off."""

    def __init__(self, chip: Chip, connection: socket.socket) -> None:
        self.gone = threading.Event()
        self._chip = chip
        self._connection = connection
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def take(self) -> None:
        """Take the card off the reader."""
        with contextlib.suppress(OSError):  # it is off already
            self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _serve(self) -> None:
        with (
            contextlib.suppress(OSError, Pulled),
            self._connection,
        ):  # it was taken off, or the reader is gone
            while (message := self._message()) is not None:
                self._react(message)
        self.gone.set()

    def _react(self, message: bytes) -> None:
        if len(message) > 1:
            self._send(self._chip.answer(message))
        elif message[0] == _ATR:
            self._send(self._chip.atr)
        else:
            self._chip.power()

    def _message(self) -> bytes | None:
        head = self._exactly(2)
        return None if head is None else self._exactly(struct.unpack("!H", head)[0])

    def _exactly(self, length: int) -> bytes | None:
        found = b""
        while len(found) < length:
            # the driver sends length and payload apart: without this each command waits for a delayed ACK
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            piece = self._connection.recv(length - len(found))
            if not piece:
                return None
            found += piece
        return found

    def _send(self, payload: bytes) -> None:
        self._connection.sendall(struct.pack("!H", len(payload)) + payload)


def place(chip: Chip, connection: socket.socket) -> Placed:
    """Put a card on the virtual reader to which a connection leads."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Placed(chip, connection)
