"""End the store's process 200 times in the middle of writes: every answered change is there, none is half there."""

import argparse
import tempfile
import time
from pathlib import Path

from tests.store import kills
from tests.trials import fail, record


def main() -> None:
    """Run it and record what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        acknowledged, complaints = kills.suffer(Path(folder) / "data", given.kills, given.seed)
    for complaint in complaints:
        print(complaint)
    told = (
        f"{given.kills} kills, {acknowledged} acknowledged changes, {len(complaints)} faults, "
        f"seed {given.seed}"
    )
    if complaints or not acknowledged:
        fail("store-kills", told)
    record("store-kills", told)


if __name__ == "__main__":
    main()
