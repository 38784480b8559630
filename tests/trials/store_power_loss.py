"""Cut the power 200 times in the middle of writes: every answered change is there, indexes agree."""

import argparse
import tempfile
import time
from pathlib import Path

from tests.store import power_loss
from tests.trials import fail, record


def main() -> None:
    """Run it and record what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        acknowledged, complaints = power_loss.suffer(Path(folder), given.cuts, given.seed)
    for complaint in complaints:
        print(complaint)
    told = (
        f"{given.cuts} cuts, {acknowledged} acknowledged changes, {len(complaints)} faults, seed {given.seed}"
    )
    if complaints or not acknowledged:
        fail("store-power-loss", told)
    record("store-power-loss", told)


if __name__ == "__main__":
    main()
