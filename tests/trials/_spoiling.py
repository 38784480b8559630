"""A proxy before each of several servers, that passes bytes on or spoils them as it is told."""

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from tests.ports import free_port

AT_ONCE: Final = 16_384
EVERY: Final = 50
TRICKLE_SECONDS: Final = 0.02


class Way:
    """The way to one server: it can be spoiled and healed, also within a kept connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop, target: int) -> None:
        self._loop, self._target = loop, target
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.fault, self.seconds = "", 0.0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: set[asyncio.StreamWriter] = set()

    def spoil(self, fault: str, seconds: float) -> None:
        """Spoil what comes from now on; `seconds` is how late slow answers are."""
        self.seconds = seconds
        self._set(fault)

    def heal(self) -> None:
        """Pass everything on again."""
        self._set("")

    def _set(self, fault: str) -> None:
        asyncio.run_coroutine_threadsafe(self.turn(fault), self._loop).result(30)

    async def turn(self, fault: str) -> None:
        """Take up a fault; refusing means that nobody listens and no connection stays."""
        self.fault = fault
        if fault == "refused":
            await self.close()
        elif self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def close(self) -> None:
        """Listen no more, and end all connections."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            writer.transport.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, ahead = await asyncio.open_connection("127.0.0.1", self._target)
        self._open |= {writer, ahead}
        asked = asyncio.Event()
        there = asyncio.ensure_future(self._forth(reader, ahead, asked))
        try:
            await self._back(behind, writer, asked)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            there.cancel()
            await asyncio.gather(there, return_exceptions=True)
            self._open -= {writer, ahead}
            writer.transport.abort() if self.fault == "reset" else writer.close()
            ahead.transport.abort()

    @staticmethod
    async def _forth(reader: asyncio.StreamReader, ahead: asyncio.StreamWriter, asked: asyncio.Event) -> None:
        while data := await reader.read(AT_ONCE):
            asked.set()
            ahead.write(data)
            await ahead.drain()
        ahead.close()

    async def _back(
        self, behind: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: asyncio.Event
    ) -> None:
        """Bring an answer back, piece by piece."""
        while data := await behind.read(AT_ONCE):
            first = asked.is_set()
            asked.clear()
            if self.fault in FAULTS:
                if not await FAULTS[self.fault](self, data, writer, first):
                    return
            else:
                writer.write(data)
            await writer.drain()


async def _refused(way: Way, data: bytes, writer: asyncio.StreamWriter, first: bool) -> bool:
    return False


async def _silent(way: Way, data: bytes, writer: asyncio.StreamWriter, first: bool) -> bool:
    return True


async def _slow(way: Way, data: bytes, writer: asyncio.StreamWriter, first: bool) -> bool:
    if first:
        await asyncio.sleep(way.seconds)
    writer.write(data)
    return True


async def _trickling(way: Way, data: bytes, writer: asyncio.StreamWriter, first: bool) -> bool:
    for at in range(len(data)):
        writer.write(data[at : at + 1])
        await writer.drain()
        await asyncio.sleep(TRICKLE_SECONDS)
    return True


async def _reset(way: Way, data: bytes, writer: asyncio.StreamWriter, first: bool) -> bool:
    line = writer.get_extra_info("socket")
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.write(data[: len(data) // 2])
    await asyncio.sleep(0.05)
    return False


async def _truncated(way: Way, data: bytes, writer: asyncio.StreamWriter, first: bool) -> bool:
    writer.write(data[: len(data) // 2])
    await writer.drain()
    return False


async def _corrupted(way: Way, data: bytes, writer: asyncio.StreamWriter, first: bool) -> bool:
    """Invert bytes of the body; what comes is as long as it was."""
    start = data.find(b"\r\n\r\n") + 4 if first else 0
    spoiled = bytearray(data)
    for at in range(start, len(data), EVERY):
        spoiled[at] ^= 0xFF
    writer.write(bytes(spoiled))
    return True


async def _garbled(way: Way, data: bytes, writer: asyncio.StreamWriter, first: bool) -> bool:
    """Invert all, so that it is no HTTP any more."""
    writer.write(bytes(byte ^ 0xFF for byte in data))
    return True


Fault = Callable[[Way, bytes, asyncio.StreamWriter, bool], Awaitable[bool]]
FAULTS: Final[dict[str, Fault]] = {
    "refused": _refused,
    "silent": _silent,
    "slow": _slow,
    "trickling": _trickling,
    "reset": _reset,
    "truncated": _truncated,
    "corrupted": _corrupted,
    "garbled": _garbled,
}
"""Each is handed a piece of an answer, and whether it is the first one; it says whether the connection goes on."""


async def _end(made: list[Way]) -> None:
    for way in made:
        await way.close()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


@contextmanager
def ways(targets: list[int]) -> Iterator[list[Way]]:
    """Run a proxy before each of these ports until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    made = [Way(loop, target) for target in targets]
    try:
        for way in made:
            way.heal()
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(_end(made), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
