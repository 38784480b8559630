"""A receiver of notifications: a small HTTP server that keeps every request as it came and answers as it is told."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    head: str
    body: bytes
    connection: int
    arrived: float

    @property
    def json(self) -> Any:
        """Give the body."""
        return json.loads(self.body)

    @property
    def headers(self) -> dict[str, str]:
        """Give the headers, names in the case they came in."""
        return dict(line.split(": ", 1) for line in self.head.split("\r\n")[1:] if line)

    @property
    def entities(self) -> list[Any]:
        """Give the entities of a notification."""
        entities: list[Any] = self.json["data"]
        return entities


@dataclass
class Receiver:
    """What was received, and how to answer: a status, None to hang up, or a function of the request."""

    url: str = ""
    answer: int | Callable[[Request], int | None] | None = 200
    hold: asyncio.Event | None = None
    requests: list[Request] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    connections: int = 0

    async def wait(self, count: int = 1, seconds: float = 30.0) -> list[Request]:
        """Wait until so many requests came."""
        async with asyncio.timeout(seconds), self.arrived:
            await self.arrived.wait_for(lambda: len(self.requests) >= count)
        return self.requests

    async def quiet(self, seconds: float = 0.3, least: int = 0) -> int:
        """Wait until so many requests came and then a while, and say how many came until then."""
        await self.wait(least)
        await asyncio.sleep(seconds)
        return len(self.requests)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        try:
            await self._answer_all(reader, writer, number)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    async def _answer_all(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lengths = [x for x in head.split("\r\n") if x.lower().startswith("content-length")]
            body = await reader.readexactly(int(lengths[0].split(":")[1]) if lengths else 0)
            request = Request(head, body, number, asyncio.get_running_loop().time())
            async with self.arrived:
                self.requests.append(request)
                self.arrived.notify_all()
            if self.hold is not None:
                await self.hold.wait()
            status = self.answer(request) if callable(self.answer) else self.answer
            if status is None:
                return
            writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()


@contextlib.asynccontextmanager
async def receiving(port: int = 0, **how: Any) -> AsyncIterator[Receiver]:
    """Run a receiver until the block ends."""
    receiver = Receiver(**how)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(receiver._serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", port)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/notify"
    try:
        yield receiver
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
