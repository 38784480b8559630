"""Days and moments as people write them, on clocks in Japan."""

from datetime import datetime
from typing import Final

from personal.pages.desk import JAPAN

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def day_words(text: str, language: str) -> str:
    """Write the day of a moment."""
    at = _local(text)
    if language == "ja":
        return f"{at.year}年{at.month}月{at.day}日"
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def month_words(text: str, language: str) -> str:
    """Write a month such as 2027-03."""
    year, _, month = text.partition("-")
    return f"{year}年{int(month)}月" if language == "ja" else f"{_MONTHS[int(month) - 1]} {year}"


def moment_words(text: str, language: str) -> str:
    """Write a moment to the minute."""
    return f"{day_words(text, language)} {_local(text):%H:%M}"


def _local(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(JAPAN)
