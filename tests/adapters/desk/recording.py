"""A line between desk and module that writes down everything that passes, both ways."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tests.ports import free_port


class Recording:
    """What passed; where it leads to may change, or be nowhere."""

    def __init__(self) -> None:
        self.port = free_port()
        self.there: int | None = None
        self.sent = bytearray()
        self.came = bytearray()
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Lead nowhere, from now on."""
        self.there = None
        for writer in list(self._open):
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.there is None:
            writer.close()
            return
        back, on = await asyncio.open_connection("127.0.0.1", self.there)
        self._open |= {writer, on}
        with contextlib.suppress(OSError):
            await asyncio.gather(self._copy(reader, on, self.sent), self._copy(back, writer, self.came))
        self._open -= {writer, on}

    @staticmethod
    async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(1 << 16):
                kept += piece
                writer.write(piece)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def recording() -> AsyncIterator[Recording]:
    """Listen while the block runs."""
    made = Recording()
    server = await asyncio.start_server(made._pass, "127.0.0.1", made.port)
    try:
        yield made
    finally:
        made.cut()
        server.close()
