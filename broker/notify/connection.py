"""A kept connection that posts one body after another and reads of each answer only what it must. (RFC 9112)

Measured: an HTTP client made for every purpose costs several times more per notification.
"""

import asyncio
import re
from typing import Final, cast

MOST_HEAD: Final = 65_536
MOST_BODY: Final = 65_536

_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})[ \r]")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,12})[ \t]*\r\n", re.IGNORECASE)
_CONNECTION = re.compile(rb"\r\nconnection:[ \t]*([^\r\n]*)\r\n", re.IGNORECASE)
_CODING = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_BODYLESS: Final = (204, 304)


class Lost(ConnectionError):
    """The connection ended before a byte of an answer came: another one may be tried."""


class Connection(asyncio.Protocol):
    """One connection: at most one request at a time."""

    def __init__(self) -> None:
        self.usable = False
        self.served = 0
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._rest = 0
        self._keep = False
        self._answer: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by behaviour, not by class
        self.usable = True

    def connection_lost(self, error: Exception | None) -> None:
        """End; whoever waits learns of it."""
        self.usable = False
        kind = ConnectionError if self._received else Lost
        self._fail(kind("the connection was closed" if error is None else str(error)))

    async def post(self, request: bytes, seconds: float) -> int:
        """Send a request and give the status of the answer; TimeoutError, Lost or another OSError if none comes."""
        assert self._transport is not None and self._answer is None
        loop = asyncio.get_running_loop()
        self._answer = loop.create_future()
        self._received.clear()
        self._transport.write(request)
        timer = loop.call_later(seconds, self._expire)
        try:
            status = await self._answer
        except BaseException:
            self.close()
            raise
        finally:
            timer.cancel()
            self._answer = None
        self.served += 1
        if not self._keep:
            self.close()
        return status

    def data_received(self, data: bytes) -> None:
        """Read on; bytes that nobody asked for end the connection."""
        if self._answer is None or self._answer.done():
            self.close()
            return
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            status = self._head(bytes(self._received[: end + 2]))
            if status is None:
                return self._fail_and_close("the answer is not HTTP")
            if status >= 200:
                return self._finish(status, len(self._received) - end - 4)
            del self._received[: end + 4]
        if len(self._received) > MOST_HEAD:
            self._fail_and_close("the head of the answer is too long")

    def _head(self, head: bytes) -> int | None:
        """Read the head of an answer: its status, the length of its body, whether the connection stays."""
        start = _STATUS.match(head)
        if start is None:
            return None
        status = int(start[2])
        length = _LENGTH.search(head)
        connection = _CONNECTION.search(head)
        words = connection[1].lower() if connection else b""
        framed = status in _BODYLESS or (length is not None and not _CODING.search(head))
        self._rest = 0 if status in _BODYLESS or length is None else int(length[1])
        stays = b"close" not in words if start[1] == b"1" else b"keep-alive" in words
        self._keep = framed and stays and self._rest <= MOST_BODY
        return status

    def _finish(self, status: int, body: int) -> None:
        """Wait for the rest of a body only to use the connection again; the status is known."""
        assert self._answer is not None
        if self._keep and body < self._rest:
            return
        if body > self._rest:
            self._keep = False
        if not self._answer.done():
            self._answer.set_result(status)

    def close(self) -> None:
        """Hang up."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    def _expire(self) -> None:
        self._fail(TimeoutError())
        self.close()

    def _fail_and_close(self, reason: str) -> None:
        self._fail(ConnectionError(reason))
        self.close()

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
