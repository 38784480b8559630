"""The endpoints requests go to: how many at once, and how long one that failed is left in peace. (5.2.34, 6.3.17)"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from base.errors import GatewayTimeout, ServiceUnavailable

MOST_RESTING = 10_000
Place = tuple[str, str]
"""A tenant, and an endpoint that it registered: what one tenant says of an endpoint does not bind the others."""


class Resting(GatewayTimeout):
    """A source that failed a short while ago and is not asked before its cooldown is over. (5.2.34)"""

    @property
    def type(self) -> str:
        """Name the error type: to the caller it is a timeout like any other. (5.2.34)"""
        return self.namespace + GatewayTimeout.__name__


@dataclass(slots=True)
class _Place:
    """Requests under way to one endpoint, and those that wait for one of them to end."""

    active: int = 0
    waiting: list["asyncio.Future[None]"] = field(default_factory=list)


class Endpoints:
    """Keeps a slow endpoint from taking all there is: beyond a number of waiting requests it fails at once."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._at_once = max(1, at_once)
        self._waiting = waiting
        self._places: dict[str, _Place] = {}

    @contextlib.asynccontextmanager
    async def turn(self, endpoint: str) -> AsyncIterator[None]:
        """Wait for a turn; ServiceUnavailable if too many wait already."""
        place = self._places.setdefault(endpoint, _Place())
        if place.active >= self._at_once:
            if len(place.waiting) >= self._waiting:
                raise ServiceUnavailable(
                    "Too many requests wait for this context source; try again a little later."
                )
            turn = asyncio.get_running_loop().create_future()
            place.waiting.append(turn)
            try:
                await turn
            except BaseException:
                if turn in place.waiting:
                    place.waiting.remove(turn)
                else:
                    self._leave(endpoint, place)  # the turn had come
                raise
        else:
            place.active += 1
        try:
            yield
        finally:
            self._leave(endpoint, place)

    def _leave(self, endpoint: str, place: _Place) -> None:
        """Pass the turn on; an endpoint that nobody asks is forgotten."""
        while place.waiting:
            turn = place.waiting.pop(0)
            if not turn.done():
                turn.set_result(None)
                return
        place.active -= 1
        if place.active == 0:
            self._places.pop(endpoint, None)


@dataclass(slots=True)
class _Rest:
    """Until when (µs) an endpoint is left in peace, and whether one request now tries whether it is back."""

    until: int
    trying: bool = False


class Cooldowns:
    """Endpoints that failed; after the cooldown a single request tries, and its success ends it. (5.2.34)"""

    def __init__(self) -> None:
        self._resting: dict[Place, _Rest] = {}

    def check(self, place: Place, now: int) -> None:
        """Raise Resting unless the endpoint may be asked; who passes must report with `failed` or `passed`."""
        rest = self._resting.get(place)
        if rest is None:
            return
        if rest.trying or now < rest.until:
            raise Resting(
                "The context source failed a short while ago; it is asked again after its cooldown."
            )
        rest.trying = True

    def failed(self, place: Place, now: int, cooldown: int) -> None:
        """Leave an endpoint in peace for a while (µs)."""
        if len(self._resting) >= MOST_RESTING:
            self._resting = {one: rest for one, rest in self._resting.items() if rest.until > now}
        self._resting[place] = _Rest(now + cooldown)

    def passed(self, place: Place) -> None:
        """Note that an endpoint can be asked."""
        self._resting.pop(place, None)

    def undecided(self, place: Place) -> None:
        """Note that a request ended before it was known whether the endpoint can be asked."""
        rest = self._resting.get(place)
        if rest is not None:
            rest.trying = False
