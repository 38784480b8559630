"""The brokers a request came through, as the header Via tells them. (6.3.18, RFC 9110 7.6.3)"""

import re
from collections.abc import Sequence
from typing import Final

PROTOCOL: Final = "1.1"
MOST: Final = 64
"""Brokers in a chain; a longer one is taken for a loop."""
_ENTRY: Final = re.compile(
    r"[ \t]*(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+/)?[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]+([^\s,(]+)"
)


def pseudonyms(header: str | None) -> tuple[str, ...]:
    """Name the brokers of a Via header in their order; what is no entry is passed over."""
    if not header:
        return ()
    found = (_ENTRY.match(part) for part in header.split(","))
    return tuple(one[1] for one in found if one)


def extended(via: Sequence[str], own: str) -> str:
    """Write the header for a request passed on."""
    return ", ".join(f"{PROTOCOL} {name}" for name in (*via, own))
