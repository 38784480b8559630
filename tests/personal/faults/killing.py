"""Killing a town's module at every point of a story, one after the other; each time it is started again and checked."""

import asyncio

from tests.personal.faults.children import Killed
from tests.personal.faults.stories import Story
from tests.personal.faults.town import GONE, Town

MOST = 400
SECONDS = 60.0


async def kill_everywhere(town: Town, story: Story) -> list[str]:
    """Tell a story again and again, each time to a module that ends one point later, until it is told to the end.

    Gives the names of the points. After the last word the module is killed, too.
    """
    points: list[str] = []
    for number in range(1, MOST):
        point = await kill_at(town, story, number)
        if not point:
            town.verified()
            return points
        points.append(point)
    raise AssertionError("the story does not come to its end")


async def kill_at(town: Town, story: Story, number: int) -> str:
    """Tell a story to a module that ends at a point; name the point, '' if the story ends before."""
    child = town.running
    await story.prepare(town)
    await child.do("arm", number)
    try:
        async with asyncio.timeout(SECONDS):
            await story.act(town)
            await child.do("arm", None)
    except GONE as error:
        if not isinstance(error, Killed) and not await _ends(town):
            raise
    await child.kill()
    point = await child.last()
    try:
        await town.start()
        await story.check(town)
        await town.whole()
    except AssertionError as error:
        error.add_note(f"{type(story).__name__}, killed {point or 'at its end'} ({number})")
        raise
    return point


async def _ends(town: Town) -> bool:
    """Say whether the module really is at its end."""
    for _ in range(200):
        if town.running.ended:
            return True
        await asyncio.sleep(0.01)
    return False
