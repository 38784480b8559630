"""A process that writes is killed again and again; what it had acknowledged must be there each time. (DESIGN 2.5)"""

import argparse
import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from broker.settings import BrokerSettings
from broker.store.sqlite.catalogue import SqliteCatalogue
from tests.store import hardship


def suffer(folder: Path, kills: int, seed: int) -> tuple[int, list[str]]:
    """Kill a writing process so many times; say how many changes were acknowledged, and what was wrong afterwards."""
    chance = random.Random(seed)
    acknowledged = 0
    for kill in range(kills):
        told = _run_and_kill(folder, chance.uniform(0.0, 0.4), seed + kill)
        acknowledged += len(told)
        complaints = asyncio.run(_inspect(folder, told))
        if complaints:
            return acknowledged, [f"after kill {kill + 1} (seed {seed}): {c}" for c in complaints]
    return acknowledged, []


def _run_and_kill(folder: Path, seconds: float, seed: int) -> list[tuple[int, int]]:
    command = [sys.executable, "-m", "tests.store.kills", str(folder), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as child:
        assert child.stdout
        first = child.stdout.readline()
        time.sleep(seconds)
        os.kill(child.pid, signal.SIGKILL)
        rest = child.stdout.read()
    lines = (first + rest).split(b"\n")[:-1]  # what follows the last line's end was not told completely
    return [(int(worker), int(round_)) for worker, round_ in (line.split() for line in lines)]


async def _inspect(folder: Path, told: list[tuple[int, int]]) -> list[str]:
    catalogue = SqliteCatalogue(_settings(folder))
    try:
        return await hardship.complaints(catalogue.open(""), told)
    finally:
        await catalogue.close()


async def _write(folder: Path, seed: int) -> None:
    store = SqliteCatalogue(_settings(folder)).open("")

    def tell(worker: int, round_: int) -> None:
        os.write(1, f"{worker} {round_}\n".encode())

    await hardship.write(store, tell, lambda: False, seed)


def _settings(folder: Path) -> BrokerSettings:
    return replace(BrokerSettings(), data=folder, index_threshold=1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("seed", type=int)
    given = parser.parse_args()
    asyncio.run(_write(given.folder, given.seed))
