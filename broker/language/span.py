"""The part of time that a temporal query speaks of, whatever words it was asked in. (4.11)"""

from dataclasses import dataclass
from typing import Final, Literal

TimeProperty = Literal["observedAt", "createdAt", "modifiedAt", "deletedAt"]
TIME_PROPERTIES: Final = ("observedAt", "createdAt", "modifiedAt", "deletedAt")


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open interval of a Temporal Property in µs; an open end is None. (4.11)

    An instance without that Temporal Property lies in no span, not even in one open at both ends.
    """

    property: TimeProperty = "observedAt"
    start: int | None = None
    end: int | None = None

    def holds(self, moment: int | None) -> bool:
        """Say whether a moment lies inside; None: the instance does not have the Temporal Property."""
        return (
            moment is not None
            and (self.start is None or moment >= self.start)
            and (self.end is None or moment < self.end)
        )
