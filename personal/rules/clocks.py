"""How far clocks may disagree before what one says is not believed."""

from typing import Final

from base.clock import SECOND

TOLERANCE: Final = 15 * 60 * SECOND
"""More than transactions and requests overtake each other by (µs)."""


def behind(now: int, known: int) -> bool:
    """Say whether a clock is behind a moment that is known to have passed: it was set back, or the other was ahead."""
    return now < known - TOLERANCE
