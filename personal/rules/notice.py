"""When a service is told: at full quarter hours only, in random order. (DESIGN 3, unlinkability)

Two services that are told of the same decision hear of it some quarter hours apart or together with others; so the
moment joins nothing. What a decision changes about disclosure holds at once.
"""

from enum import StrEnum
from typing import Final

from base.clock import SECOND

QUARTER: Final = 15 * 60 * SECOND
SPREAD: Final = 4
"""Over how many quarter hours notices are spread."""
DAY: Final = 86_400 * SECOND


class Event(StrEnum):
    """What a service is told of."""

    CONSENT_GIVEN = "consent-given"
    CONSENT_ENDED = "consent-ended"
    ITEM_CHANGED = "item-changed"
    SUBJECT_RENAMED = "subject-renamed"
    SUBJECTS_MERGED = "subjects-merged"
    SUBJECTS_PARTED = "subjects-parted"


def moment(now: int, quarters: int, not_before: int = 0) -> int:
    """Give the full quarter hour, so many after the next one, at which something may be told."""
    return max((now // QUARTER + 1 + quarters % SPREAD) * QUARTER, not_before)


def deadline(due: int, days: int) -> int:
    """Give the end of the day by which data has to be erased that a service was told of at a moment."""
    return (due // DAY + days + 1) * DAY
