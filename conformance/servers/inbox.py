"""What came to a helper server, one after the other, and the demand that something comes or does not."""

import asyncio
from typing import Generic, Protocol, TypeVar

from conformance.exchange import Exchange
from conformance.verdict import Failure


class Came(Protocol):
    """Anything that came, with the exchange to show."""

    @property
    def exchange(self) -> Exchange:
        """Give the exchange."""


T = TypeVar("T", bound=Came)


class Inbox(Generic[T]):
    """All that came, and how far a case has looked."""

    def __init__(self, name: str, patience: float) -> None:
        self.all: list[T] = []
        self._name = name
        self._taken = 0
        self._arrived = asyncio.Condition()
        self._patience = patience

    async def add(self, item: T) -> None:
        """Take one more."""
        async with self._arrived:
            self.all.append(item)
            self._arrived.notify_all()

    async def next(self, within: float = 10.0) -> T:
        """Demand that one more comes within so many seconds."""
        if not await self._comes(within * self._patience):
            count = len(self.all)
            raise Failure(
                f"{self._name} within {within:g} s", f"none new, {count} in all" if count else "none"
            )
        self._taken += 1
        return self.all[self._taken - 1]

    async def none(self, within: float = 1.5) -> None:
        """Demand that no more comes within so many seconds; 0 looks at what came until now."""
        if await self._comes(within):
            late = self.all[self._taken].exchange
            seen = late.request_body[:300].decode("utf-8", "replace") or late.title
            raise Failure(f"no {self._name.removeprefix('a ')} for {within:g} s", seen, late)

    def skip(self) -> None:
        """Pass over all that came until now."""
        self._taken = len(self.all)

    async def _comes(self, within: float) -> bool:
        try:
            async with asyncio.timeout(within), self._arrived:
                await self._arrived.wait_for(lambda: len(self.all) > self._taken)
        except TimeoutError:
            return len(self.all) > self._taken
        return True
