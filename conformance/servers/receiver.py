"""A receiver of notifications."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web
from multidict import CIMultiDict

from conformance.case import Failure
from conformance.demand import Seen
from conformance.exchange import Exchange
from conformance.servers.callbacks import Call


class Notification:
    """A notification that came, and the demands on it."""

    def __init__(self, call: Call, exchange: Exchange) -> None:
        self.headers = CIMultiDict(call.headers)
        self.exchange = exchange
        self.at = call.at

    @property
    def json(self) -> Any:
        """Give the body, demanding that it is JSON."""
        try:
            return orjson.loads(self.exchange.request_body)
        except orjson.JSONDecodeError:
            seen = self.exchange.request_body[:200].decode("utf-8", "replace")
            raise Failure("a notification in JSON", seen, self.exchange) from None

    @property
    def body(self) -> Seen:
        """Look at the body."""
        return Seen(self.json, "the notification", self.exchange)

    @property
    def data(self) -> Seen:
        """Look at its data, demanding that they are there."""
        return self.body.at("data")

    def header(self, name: str, *values: str) -> "Notification":
        """Demand a header with any value, or one of these."""
        seen = self.headers.get(name)
        if seen is None or (values and seen not in values):
            wanted = f"header {name}" + (f": {' or '.join(values)}" if values else "")
            raise Failure(f"the notification has {wanted}", str(seen or "no such header"), self.exchange)
        return self


class Receiver:
    """Keeps what comes and answers with `answer` (a status; None hangs up after `hold` seconds)."""

    def __init__(self, patience: float, record: Callable[[Exchange], None]) -> None:
        self.url = ""
        self.answer = 200
        self.hold = 0.0
        self.all: list[Notification] = []
        self._taken = 0
        self._arrived = asyncio.Condition()
        self._patience = patience
        self._record = record

    async def handle(self, call: Call) -> web.Response:
        """Take one notification."""
        response = web.Response(status=self.answer)
        exchange = call.exchange(response, "received")
        self._record(exchange)
        async with self._arrived:
            self.all.append(Notification(call, exchange))
            self._arrived.notify_all()
        if self.hold:
            await asyncio.sleep(self.hold)
        return response

    async def next(self, within: float = 10.0) -> Notification:
        """Demand one more notification within so many seconds."""
        try:
            async with asyncio.timeout(within * self._patience), self._arrived:
                await self._arrived.wait_for(lambda: len(self.all) > self._taken)
        except TimeoutError:
            raise Failure(f"a notification within {within:g} s", f"{self._came()} came") from None
        self._taken += 1
        return self.all[self._taken - 1]

    async def none(self, within: float = 1.5) -> None:
        """Demand that no more notification comes within so many seconds."""
        end = time.monotonic() + within
        async with self._arrived:
            while len(self.all) <= self._taken and (left := end - time.monotonic()) > 0:
                try:
                    async with asyncio.timeout(left):
                        await self._arrived.wait()
                except TimeoutError:
                    return
        if len(self.all) > self._taken:
            late = self.all[self._taken]
            seen = late.exchange.request_body[:300].decode("utf-8", "replace")
            raise Failure(f"no notification for {within:g} s", seen, late.exchange)

    def _came(self) -> str:
        return f"{len(self.all)} in all, none new" if self.all else "none"
