"""Lines of text that people type in: what may stand in one."""

from typing import Final

_WIDE: Final = "\u3000"
"""The space of Japanese texts, which Python does not count among what can be printed."""


def is_line(text: str) -> bool:
    """Say whether a text has only signs that are shown, and spaces; none that break lines or steer screens."""
    return text.replace(_WIDE, " ").isprintable()
