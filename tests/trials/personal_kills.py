"""End the personal-data module, and its agent inside LGWAN, at every step of all they do, again and again under load."""

import argparse
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import uvloop

from tests.personal.faults import inside, stories, upkeep
from tests.personal.faults.crowds import Crowd
from tests.personal.faults.killing import kill_at, kill_everywhere
from tests.personal.faults.town import town
from tests.trials import fail, record

TRIAL = "personal-kills"
FARTHEST, STARTING = 60, 12
TOKENS_LAST = 240.0
"""After so many seconds a new town is made: access tokens of its services would expire."""


class Count:
    """What was done."""

    def __init__(self) -> None:
        self.kills = self.released = self.answered = 0
        self.points: Counter[str] = Counter()

    def note(self, story: Any, point: str) -> None:
        """Count a kill."""
        self.kills += 1
        self.points[f"{type(story).__name__} {point or 'at its end'}"] += 1


def main() -> None:
    """Run it and record what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="about how long, in all")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--dry", action="store_true", help="print only, change no document")
    given = parser.parse_args()
    count = Count()
    try:
        uvloop.run(_suffer(count, given.seconds, random.Random(given.seed)))
    except AssertionError as error:
        where = "; ".join(getattr(error, "__notes__", []))
        if given.dry:
            raise
        fail(TRIAL, f"{str(error)[:300]} {where}; after {count.kills} kills, seed {given.seed}")
    told = (
        f"{count.kills} kills at {len(count.points)} steps of {len({one.split()[0] for one in count.points})} stories, "
        f"each at least {min(count.points.values())} times, {count.answered} requests of others beside them; "
        f"{count.released} released bodies, each on record; nothing lost, nothing doubled; seed {given.seed}"
    )
    if given.dry:
        print(told, *sorted(count.points.items()), sep="\n")
    else:
        record(TRIAL, told)


async def _suffer(count: Count, seconds: float, chance: random.Random) -> None:
    """Kill at every step in order, then at steps by chance under load, until the time is over."""
    until = time.monotonic() + seconds
    await _between(count, chance)
    first = True
    while time.monotonic() < until:
        with tempfile.TemporaryDirectory() as folder:
            await _in_town(Path(folder), count, chance, until, in_order=first)
        first = False


async def _in_town(
    folder: Path, count: Count, chance: random.Random, until: float, *, in_order: bool
) -> None:
    async with town(folder) as there:
        told = [*stories.all_of_them(), *upkeep.all_of_them(folder / "keys")]
        crowd = Crowd(there, chance)
        end = min(until, time.monotonic() + TOKENS_LAST)
        for story in told if in_order else ():
            for point in await kill_everywhere(there, story):
                count.note(story, point)
        while time.monotonic() < end:
            story, number = chance.choice(told), chance.randrange(1, FARTHEST)
            starting = chance.choice([0, 0, chance.randrange(1, STARTING)])
            point = await kill_at(there, story, number, starting=starting, beside=crowd.busy)
            count.note(story, point)
            await crowd.check()
        there.verified()
        count.released += len(there.released)
        count.answered += crowd.answered


async def _between(count: Count, chance: random.Random) -> None:
    """Kill the module and the agent inside at every step of what goes between them."""
    for victim in ("module", "agent"):
        for line in (True, False):
            with tempfile.TemporaryDirectory() as folder:
                async with inside.stand(Path(folder), victim, line=line) as there:
                    story = inside.Exchanging() if line else inside.Carrying()
                    for point in await kill_everywhere(there, story):
                        count.note(story, f"of {victim} {point}")
                    for _ in range(5):
                        starting = chance.choice([0, chance.randrange(1, STARTING)])
                        point = await kill_at(there, story, chance.randrange(1, FARTHEST), starting=starting)
                        count.note(story, f"of {victim} {point}")


if __name__ == "__main__":
    main()
