"""How this process takes memory from the system. (mallopt(3))"""

import ctypes
from contextlib import suppress
from typing import Final

_ARENA_MAX: Final = -8


def share_one_arena() -> None:
    """Let all threads take memory from one place, so that what one gives back another can use; glibc only.

    Threads that hold the interpreter's lock gain nothing by places of their own."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
