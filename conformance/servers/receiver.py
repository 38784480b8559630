"""A receiver of notifications."""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web
from multidict import CIMultiDict

from conformance.demand import Seen
from conformance.exchange import Exchange
from conformance.servers.callbacks import Call
from conformance.servers.inbox import Inbox
from conformance.verdict import Failure


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


class Receiver(Inbox[Notification]):
    """Keeps what comes and answers with the status `answer`, after `hold` seconds."""

    def __init__(self, patience: float, record: Callable[[Exchange], None]) -> None:
        super().__init__("a notification", patience)
        self.url = ""
        self.answer = 200
        self.hold = 0.0
        self._record = record

    async def handle(self, call: Call) -> web.Response:
        """Take one notification."""
        response = web.Response(status=self.answer)
        exchange = call.exchange(response, "received")
        self._record(exchange)
        await self.add(Notification(call, exchange))
        if self.hold:
            await asyncio.sleep(self.hold)
        return response
