"""End the personal-data module, and its agent inside LGWAN, at every step of all they do, again and again under load."""

import argparse
import itertools
import random
import sys
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
FARTHEST, STARTING = 30, 12
BY_CHANCE_SECONDS = 60.0


class Count:
    """What was done."""

    def __init__(self) -> None:
        self.rounds = self.released = self.answered = self.by_chance = 0
        self.steps: Counter[str] = Counter()

    @property
    def kills(self) -> int:
        """Count the kills."""
        return self.steps.total() + self.by_chance

    def note(self, story: Any, points: list[str], where: str = "") -> None:
        """Count the steps of a story that was told to its end."""
        named = [*points, "at its end"]
        self.steps.update(
            f"{type(story).__name__}{where} {number}. {point}" for number, point in enumerate(named, 1)
        )


def main() -> None:
    """Run it and record what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=300.0, help="no round begins later; the first one is whole"
    )
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--dry", action="store_true", help="print only, change no document")
    given = parser.parse_args()
    count = Count()
    try:
        uvloop.run(_suffer(count, given.seconds, random.Random(given.seed)))
    except AssertionError as error:
        if given.dry:
            raise
        where = "; ".join(getattr(error, "__notes__", []))
        fail(TRIAL, f"{str(error)[:300]} {where}; after {count.kills} kills, seed {given.seed}")
    stories_told = len({one.split()[0] for one in count.steps})
    told = (
        f"{count.kills} kills: {count.rounds} rounds through the {len(count.steps)} steps of {stories_told} stories, and "
        f"{count.by_chance} by chance while others were at work ({count.answered} answers; also while the module "
        f"started again); {count.released} released bodies, each on record; nothing lost, nothing doubled; "
        f"seed {given.seed}"
    )
    if given.dry:
        print(told, *sorted(count.steps.items()), sep="\n")
    else:
        record(TRIAL, told)


async def _suffer(count: Count, seconds: float, chance: random.Random) -> None:
    """Kill at every step in order, then at steps by chance under load; again until the time is over."""
    until = time.monotonic() + seconds
    while not count.rounds or time.monotonic() < until:
        await _between(count, chance)
        with tempfile.TemporaryDirectory() as folder:
            await _in_town(Path(folder), count, chance)
        count.rounds += 1
        print(f"round {count.rounds}: {count.kills} kills", file=sys.stderr, flush=True)


async def _in_town(folder: Path, count: Count, chance: random.Random) -> None:
    async with town(folder) as there:
        told = [*stories.all_of_them(), *upkeep.all_of_them(folder / "keys")]
        for story in told:
            count.note(story, await kill_everywhere(there, story))
        crowd, end = Crowd(there, chance), time.monotonic() + BY_CHANCE_SECONDS
        while time.monotonic() < end:
            starting = chance.choice([0, 0, chance.randrange(1, STARTING)])
            number = chance.randrange(1, FARTHEST)
            await kill_at(there, chance.choice(told), number, starting=starting, beside=crowd.busy)
            await crowd.check()
            count.by_chance += 1
        there.verified()
        count.released += len(there.released)
        count.answered += crowd.answered


async def _between(count: Count, chance: random.Random) -> None:
    """Kill the module and the agent inside at every step of what goes between them."""
    with tempfile.TemporaryDirectory() as folder:
        async with inside.stand(Path(folder)) as there:
            for victim, line in itertools.product(("module", "agent"), (True, False)):
                await there.wait_for(victim, line=line)
                story = inside.Exchanging() if line else inside.Carrying()
                count.note(story, await kill_everywhere(there, story), f"-{victim}")
                for _ in range(5):
                    starting = chance.choice([0, chance.randrange(1, STARTING)])
                    await kill_at(there, story, chance.randrange(1, FARTHEST), starting=starting)
                    count.by_chance += 1


if __name__ == "__main__":
    main()
