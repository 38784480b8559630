"""Trial: many power cuts during concurrent writes. python -m tests.trials.store_power_loss --cuts 200"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.store import power_loss


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        acknowledged, complaints = power_loss.suffer(Path(folder), given.cuts, given.seed)
    for complaint in complaints:
        print(complaint)
    print(
        f"store power loss: {given.cuts} cuts, {acknowledged} acknowledged changes, {len(complaints)} faults, "
        f"seed {given.seed}"
    )
    return 1 if complaints or not acknowledged else 0


if __name__ == "__main__":
    sys.exit(main())
