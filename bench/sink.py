"""A notification endpoint that answers 200 and counts; GET /count tells. python bench/sink.py PORT"""

import asyncio
import sys
from typing import cast

import uvloop

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Sink(asyncio.Protocol):
    """One connection; all connections count into the same cell."""

    def __init__(self, count: list[int]) -> None:
        self.count = count
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer each complete request."""
        self.rest += data
        while (head_end := self.rest.find(b"\r\n\r\n")) >= 0:
            head = self.rest[:head_end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.rest) < head_end + 4 + length:
                return
            self.rest = self.rest[head_end + 4 + length :]
            self.transport.write(self._answer(head))

    def _answer(self, head: bytes) -> bytes:
        if head.startswith(b"get /count"):
            number = str(self.count[0]).encode()
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(number), number)
        self.count[0] += 1
        return _OK


async def _serve(port: int) -> None:
    count = [0]
    server = await asyncio.get_running_loop().create_server(lambda: Sink(count), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
