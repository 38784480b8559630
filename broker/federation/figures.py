"""What became of requests to sources, as numbers; sources are not told apart. (docs/operations.md)"""

from bisect import bisect_left
from typing import Final

from broker.federation.asking import Outcome

BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BY_CODE: Final = {111: "invalid", 199: "unanswered", 299: "refused"}


class Figures:
    """Requests by outcome, and how long they took."""

    def __init__(self) -> None:
        self.outcomes = dict.fromkeys(("answered", "kept", *_BY_CODE.values()), 0)
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0

    def count(self, outcome: Outcome, seconds: float) -> None:
        """Count what came of one request."""
        if outcome.stale:
            self.outcomes["kept"] += 1
            return
        name = "answered" if outcome.failure is None else _BY_CODE[outcome.failure.code]
        self.outcomes[name] += 1
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds
