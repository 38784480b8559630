"""How many files this process may have open; and that it leaves none behind when it breaks."""

import resource
from contextlib import suppress
from typing import Final

ENOUGH: Final = 65_536


def allow_enough() -> None:
    """Let this process open as many files as the system allows it, if that is more, up to what is enough."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(ValueError, OSError):  # a system may allow less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def leave_no_core() -> None:
    """Let the system write no image of this process's memory to disk: there may be keys in it."""
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def allowed() -> int:
    """Say how many files this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return ENOUGH if soft == resource.RLIM_INFINITY else soft
