"""How the desk is: reader, card, network, what waits; the same on its page, in its terminal and for commands."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from adapters.desk.attention import Attention
from adapters.desk.reception import Reception
from adapters.sdk.client import Client, Refused, Unreachable

_LOOK: Final = 30.0
_LOOK_AGAIN: Final = 3.0


class AtReader(StrEnum):
    """What is at the readers."""

    NO_SERVICE = "no-service"
    NO_READER = "no-reader"
    EMPTY = "empty"
    CARD = "card"
    TWO = "two"
    BUSY = "busy"


class Network(StrEnum):
    """Whether the module answers this desk."""

    UNTRIED = "untried"
    GOOD = "good"
    REFUSED = "refused"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class State:
    """How the desk is at a moment."""

    reader: AtReader
    readers: tuple[str, ...]
    network: Network
    waiting: int
    municipality: str
    name: str

    def told(self) -> dict[str, Any]:
        """Give it to a program."""
        return {
            "reader": self.reader,
            "readers": list(self.readers),
            "network": self.network,
            "waiting": self.waiting,
            "municipality": self.municipality,
            "name": self.name,
        }


class Condition:
    """Looks after what the desk knows of itself."""

    def __init__(self, client: Client, attention: Attention, reception: Reception) -> None:
        self._client = client
        self._attention = attention
        self._reception = reception
        self._network = Network.UNTRIED
        self._own: dict[str, Any] = {}

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator["Condition"]:
        """Ask the module again and again whether it is there, while the block runs."""
        task = asyncio.create_task(self._ask())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _ask(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(_LOOK if self._network is Network.GOOD else _LOOK_AGAIN)

    async def look(self) -> None:
        """Ask the module as which desk this one is known."""
        try:
            self._own = await self._client.ask("GET", "/desks/own")
            self._network = Network.GOOD
        except Refused:
            self._network = Network.REFUSED
        except Unreachable:
            self._network = Network.NONE

    def now(self) -> State:
        """Say how the desk is."""
        seen = self._attention.seen
        municipality = self._own.get("municipality") or {}
        return State(
            self._at_reader(),
            tuple(slot.name for slot in seen.slots),
            self._network,
            self._reception.waiting,
            str(municipality.get("name", "")),
            str(self._own.get("name", "")),
        )

    def _at_reader(self) -> AtReader:
        seen = self._attention.seen
        held = sum(slot.present for slot in seen.slots)
        if not seen.service:
            return AtReader.NO_SERVICE
        if not seen.slots:
            return AtReader.NO_READER
        if self._attention.busy:
            return AtReader.BUSY
        return (AtReader.EMPTY, AtReader.CARD, AtReader.TWO)[min(held, 2)]
