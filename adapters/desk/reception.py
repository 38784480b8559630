"""The desk at a reception: a card is held up, its certificate is looked up or waits for the network. (かざし)

No PIN is asked for and nothing personal is shown: a card that says whose it is proves that it is there, no more.
"""

import asyncio
import base64
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic
from typing import Final

import orjson
import structlog

from adapters.desk.attention import Attention
from adapters.desk.cards import card
from adapters.desk.cards.channel import Channel, Fault, Slot
from adapters.desk.settings import DeskSettings
from adapters.sdk.client import Client, Refused, Unreachable
from adapters.sdk.outbox import Outbox
from base import clock
from base.errors import ServiceUnavailable

KIND: Final = "check-in"
_TORN: Final = 1.0
_HOUR: Final = 3_600 * clock.SECOND
log = structlog.get_logger("engawa.desk")


class Result(StrEnum):
    """What became of a card that was held up."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    REVOKED = "revoked"
    UNSURE = "unsure"
    WAITS = "waits"
    FOREIGN = "foreign"
    AGAIN = "again"
    FULL = "full"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Shown:
    """The last result, numbered, with its moment (µs)."""

    number: int = 0
    result: Result | None = None
    at: int = 0


class Reception:
    """Looks up every card that is held up, one after the other; not while `quiet` says that it is for a visit."""

    def __init__(self, settings: DeskSettings, client: Client, attention: Attention, outbox: Outbox) -> None:
        self._settings = settings
        self._client = client
        self._attention = attention
        self._outbox = outbox
        self.last = Shown()
        self.quiet: Callable[[], bool] = lambda: False
        self._down_until = 0.0
        self.sent: Counter[Result] = Counter()

    @property
    def waiting(self) -> int:
        """Say how many cards wait for the network."""
        return self._outbox.count()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Reception"]:
        """Send what waits while the block runs; look up cards, if the desk is told to."""
        tasks = [asyncio.create_task(self._send())]
        if self._settings.check_in:
            tasks.append(asyncio.create_task(self._attend()))
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _attend(self) -> None:
        """Look up each card once, however long it is held up."""
        looked: Slot | None = None
        seen = self._attention.seen
        while True:
            slot = seen.held
            if slot is not None and slot != looked:
                looked = slot
                if not self.quiet():
                    await self.look()
            seen = await self._attention.changed(seen, 60.0)

    async def look(self) -> Result:
        """Look up the card that is on the reader."""
        try:
            certificate = await self._attention.do(_certificate, 0.0, _TORN)
            result = await self._looked_up(certificate)
        except Fault:
            result = Result.FOREIGN
        self.last = Shown(self.last.number + 1, result, clock.now())
        return result

    async def _looked_up(self, certificate: bytes) -> Result:
        now = clock.now()
        if monotonic() >= self._down_until:
            try:
                return await self._asked(certificate)
            except Refused as refused:
                if refused.lasting:
                    return Result.REFUSED
                log.warning("the module refuses this desk", status=refused.status)
            except Unreachable:
                # nobody waits for the network again until it was tried again beside
                self._down_until = monotonic() + self._settings.sync_seconds
        try:
            return (
                Result.WAITS if self._outbox.put(KIND, certificate, _body(certificate), now) else Result.AGAIN
            )
        except ServiceUnavailable:
            return Result.FULL

    async def _asked(self, certificate: bytes) -> Result:
        body = {"certificate": base64.b64encode(certificate).decode()}
        found = await self._client.ask("POST", "/card/lookups", body)
        status = found["validity"]["status"]
        if status == "revoked":
            return Result.REVOKED
        if not found["known"]:
            return Result.UNKNOWN
        return Result.KNOWN if status == "good" else Result.UNSURE

    async def _send(self) -> None:
        """Send what waits whenever the network is there; throw away what has waited too long."""
        while True:
            self._outbox.forget(clock.now() - int(self._settings.queue_hours * _HOUR))
            with contextlib.suppress(Unreachable, Refused):
                while await self.send():
                    pass
            await asyncio.sleep(self._settings.sync_seconds)

    async def send(self) -> int:
        """Send what waits; say how much was sent. Unreachable or Refused if that has to be tried again."""
        number = 0
        for one in list(self._outbox.waiting(KIND)):
            certificate = base64.b64decode(orjson.loads(one.body)["certificate"])
            try:
                result = await self._asked(certificate)
            except Refused as refused:
                if not refused.lasting:
                    raise
                result = Result.REFUSED
            self._down_until = 0.0
            self._outbox.done(one.id)
            self.sent[result] += 1
            number += 1
        return number


def _certificate(line: Channel) -> bytes:
    return card.known(line).certificate


def _body(certificate: bytes) -> bytes:
    return orjson.dumps({"certificate": base64.b64encode(certificate).decode()})
