"""Memory for answers of context sources, of all requests together: who gets some, waits, or goes without. (6.3.17)

A request holds what its answers take until it ends. What does not fit waits; where all that hold memory wait for more,
nobody would ever give any back, so the source that holds most goes without.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from base.errors import ServiceUnavailable

Place = tuple[str, str]
"""A tenant, and an endpoint that it registered."""
SHORT: Final = 65_536
"""Bytes of an answer that may come out of what is kept for short ones."""
_FOR_SHORT: Final = 8  # an eighth of all is kept for short answers
_FOR_ONE: Final = 2  # a half of all may go to one source
_PAUSE: Final = "1"
_AT_ONE_GO: Final = 64


@dataclass(slots=True, eq=False)
class Holder:
    """One request: what the answers to it hold, by the source they came from, and how many of them wait for more.

    `bodies`: long lists it was answered, kept to be let go step by step."""

    held: dict[Place, int] = field(default_factory=dict)
    waiting: int = 0
    ended: bool = False
    bodies: list[list[Any]] = field(default_factory=list)

    def forget(self) -> None:
        """Let go of long lists step by step: all at once, it would keep everything else waiting."""
        while self.bodies:
            body = self.bodies.pop()
            while body:
                del body[-_AT_ONE_GO:]


@dataclass(slots=True, eq=False)
class Wish:
    """Memory asked for; `told` hears whether it was granted if that was not known at once; it asks for nothing."""

    holder: Holder
    place: Place
    amount: int
    short: bool
    told: Callable[[bool], None]
    granted: bool = False


class Budget:
    """The rule by which memory is shared out. Pure."""

    def __init__(self, most: int, waiting: int) -> None:
        """`most`: bytes in all; `waiting`: how many may wait for some."""
        self._most, self._room = most, waiting
        self._places: dict[Place, int] = {}
        self._holders: set[Holder] = set()
        self._wishes: list[Wish] = []
        self.used = 0

    @property
    def waiting(self) -> int:
        """Say how many wishes wait."""
        return len(self._wishes)

    def ask(self, wish: Wish) -> bool | None:
        """Grant a wish or refuse it; None: it waits, and is told."""
        if wish.holder.ended:
            return False
        if self._fits(wish):
            self._grant(wish)
            return True
        if len(self._wishes) >= self._room:
            return False
        self._wishes.append(wish)
        wish.holder.waiting += 1
        victim = self._stuck()
        if victim is wish:
            self._forget(wish)
            return False
        self._settle()
        return None

    def withdraw(self, wish: Wish) -> None:
        """Take back a wish that waits."""
        if wish in self._wishes:
            self._forget(wish)
            self._settle()

    def give(self, holder: Holder, place: Place, amount: int) -> None:
        """Give memory back, unless the request has ended, which gave back all of it."""
        if holder.ended or not amount:
            return
        self._give(holder, place, amount)
        self._settle()

    def end(self, holder: Holder) -> None:
        """Give back all that a request holds; it gets no more."""
        holder.ended = True
        for wish in [one for one in self._wishes if one.holder is holder]:
            self._forget(wish)
            wish.told(False)
        for place, amount in list(holder.held.items()):
            self._give(holder, place, amount)
        self._settle()

    def _fits(self, wish: Wish) -> bool:
        most = self._most if wish.short else self._most - self._most // _FOR_SHORT
        held = self._places.get(wish.place, 0)
        return self.used + wish.amount <= most and held + wish.amount <= self._most // _FOR_ONE

    def _grant(self, wish: Wish) -> None:
        holder, place = wish.holder, wish.place
        wish.granted = True
        self.used += wish.amount
        self._places[place] = self._places.get(place, 0) + wish.amount
        holder.held[place] = holder.held.get(place, 0) + wish.amount
        self._holders.add(holder)

    def _give(self, holder: Holder, place: Place, amount: int) -> None:
        self.used -= amount
        for held in (self._places, holder.held):
            held[place] -= amount
            if not held[place]:
                del held[place]
        if not holder.held:
            self._holders.discard(holder)

    def _forget(self, wish: Wish) -> None:
        self._wishes.remove(wish)
        wish.holder.waiting -= 1

    def _settle(self) -> None:
        """Grant what fits now, the oldest wish first; refuse what can never be granted."""
        for wish in list(self._wishes):
            if self._fits(wish):
                self._forget(wish)
                self._grant(wish)
                wish.told(True)
        while (victim := self._stuck()) is not None:
            self._forget(victim)
            victim.told(False)

    def _stuck(self) -> Wish | None:
        """Choose who goes without if all that hold memory wait for more: a wish for the source that holds most."""
        if not self._wishes or any(not one.waiting for one in self._holders):
            return None
        return max(reversed(self._wishes), key=lambda one: self._places.get(one.place, 0))


class Memory:
    """The memory of one process, for those who can wait."""

    def __init__(self, most: int, waiting: int) -> None:
        self._budget = Budget(most, waiting)

    @property
    def used(self) -> int:
        """Say how many bytes are held."""
        return self._budget.used

    def room(self, holder: Holder, place: Place) -> "Room":
        """Begin to hold one answer."""
        return Room(self, holder, place)

    async def take(self, holder: Holder, place: Place, amount: int, *, short: bool) -> None:
        """Take memory as soon as there is some; ServiceUnavailable if there will be none."""
        told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def tell(granted: bool) -> None:
            if not told.done():  # else who waited goes away just now, and gives it back
                told.set_result(granted)

        wish = Wish(holder, place, amount, short, tell)
        granted = self._budget.ask(wish)
        if granted is None:
            try:
                granted = await told
            except BaseException:
                if wish.granted:
                    self._budget.give(holder, place, amount)
                else:
                    self._budget.withdraw(wish)
                raise
        if not granted:
            raise ServiceUnavailable(
                "Context sources answer with more at once than this broker takes; try again a little later.",
                headers={"Retry-After": _PAUSE},
            )

    def give(self, holder: Holder, place: Place, amount: int) -> None:
        """Give memory back."""
        self._budget.give(holder, place, amount)

    def end(self, holder: Holder) -> None:
        """Give back all that a request holds."""
        self._budget.end(holder)


class Room:
    """What one answer holds, until its request ends or it turns out to be of no use."""

    def __init__(self, memory: Memory, holder: Holder, place: Place) -> None:
        self._memory, self._holder, self._place = memory, holder, place
        self.taken = 0

    async def grow(self, size: int) -> None:
        """Take as much memory as makes so many bytes in all."""
        amount = size - self.taken
        if amount > 0:
            await self._memory.take(self._holder, self._place, amount, short=size <= SHORT)
            self.taken = size

    def give(self) -> None:
        """Give all of it back."""
        self._memory.give(self._holder, self._place, self.taken)
        self.taken = 0
