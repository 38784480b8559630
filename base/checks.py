"""What `engawa doctor` reports: one finding for each thing looked at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: whether it is as it must be, what was seen, and what to do if it is not."""

    part: str
    subject: str
    good: bool
    seen: str
    fix: str = ""
