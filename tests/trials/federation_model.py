"""Change three brokers and ask any of them at random, many times over, and compare with one naive model of all."""

import tempfile
import time
from pathlib import Path

from tests.federation.test_merged_model import NEIGHBOURHOODS, Brokers, prove
from tests.trials import fail, record

TRIAL = "federation-model"
EXAMPLES, STEPS = 300, 30


def main() -> None:
    """Run the stateful test with many more examples, others each time."""
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        brokers = Brokers(Path(folder))
        try:
            prove(brokers, EXAMPLES, STEPS)
        except AssertionError as wrong:
            print(*getattr(wrong, "__notes__", ()), sep="\n")
            fail(TRIAL, str(wrong).partition("\n")[0])
        finally:
            brokers.close()
    record(
        TRIAL,
        f"three brokers, {len(NEIGHBOURHOODS)} ways of knowing each other ({', '.join(NEIGHBOURHOODS)}): {EXAMPLES} examples "
        f"of up to {STEPS} random changes and questions each, {brokers.asked:,} requests in "
        f"{time.perf_counter() - begun:.0f} s: every answer as one naive model of all says",
    )


if __name__ == "__main__":
    main()
