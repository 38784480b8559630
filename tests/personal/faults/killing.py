"""Killing a process at every point of a story, one after the other; each time it is started again and checked."""

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from tests.personal.faults.children import Child, Killed
from tests.personal.faults.town import GONE

MOST = 400
SECONDS = 90.0
Beside = Callable[[], AbstractAsyncContextManager[Any]]


class Place(Protocol):
    """Where stories are told: a town, or a module with its agent."""

    @property
    def running(self) -> Child:
        """Give the process that is killed."""

    async def start(self, number: int | None = None) -> None:
        """Start it again; number: the point at which it ends while it starts."""

    async def whole(self) -> None:
        """Say by failing what is lost or doubled."""

    def verified(self) -> None:
        """Say by failing that the log does not verify."""


async def kill_everywhere(place: Place, story: Any) -> list[str]:
    """Tell a story again and again, each time to a process that ends one point later, until it is told to the end.

    Gives the names of the points. After the last word the process is killed, too.
    """
    points: list[str] = []
    for number in range(1, MOST):
        point = await kill_at(place, story, number)
        if not point:
            place.verified()
            return points
        points.append(point)
    raise AssertionError("the story does not come to its end")


async def kill_at(
    place: Place, story: Any, number: int, *, starting: int = 0, beside: Beside = contextlib.AsyncExitStack
) -> str:
    """Tell a story to a process that ends at a point; name the point, '' if the story ends before.

    starting: at which point it ends again while it starts, if any; beside: what others do meanwhile.
    """
    child = place.running
    await story.prepare(place)
    async with beside():
        await child.do("arm", number)
        try:
            async with asyncio.timeout(SECONDS):
                await story.act(place)
                await child.do("arm", None)
        except GONE as error:
            if not isinstance(error, Killed) and not await _ends(place):
                raise
        await child.kill()
    point = await child.last()
    try:
        if starting:
            await place.start(starting)
            await place.running.kill()
        await place.start()
        await story.check(place)
        await place.whole()
    except AssertionError as error:
        error.add_note(f"{type(story).__name__}, killed {point or 'at its end'} ({number}, {starting})")
        raise
    return point


async def _ends(place: Place) -> bool:
    """Say whether the process really is at its end."""
    for _ in range(500):
        if place.running.ended:
            return True
        await asyncio.sleep(0.01)
    return False
