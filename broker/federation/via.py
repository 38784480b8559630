"""Headers that tell what a request came through and in whose names it is: Via and Link. (6.3.5, 6.3.18, RFC 9110)"""

import re
from collections.abc import Sequence
from typing import Final

PROTOCOL: Final = "1.1"
MOST: Final = 64
"""Brokers in a chain; a longer one is taken for a loop."""
_ENTRY: Final = re.compile(
    r"[ \t]*(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+/)?[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]+([^\s,(]+)"
)
_REL: Final = "http://www.w3.org/ns/json-ld#context"
_LINK: Final = re.compile(r"<([^<>]*)>([^<]*)")
_IS_CONTEXT: Final = re.compile(rf';\s*rel\s*=\s*"?{re.escape(_REL)}"?', re.IGNORECASE)


def pseudonyms(header: str | None) -> tuple[str, ...]:
    """Name the brokers of a Via header in their order; what is no entry is passed over."""
    if not header:
        return ()
    found = (_ENTRY.match(part) for part in header.split(","))
    return tuple(one[1] for one in found if one)


def extended(via: Sequence[str], own: str) -> str:
    """Write the header for a request passed on."""
    return ", ".join(f"{PROTOCOL} {name}" for name in (*via, own))


def link(context: str) -> str:
    """Write the header that names an @context. (6.3.5)"""
    return f'<{context}>; rel="{_REL}"; type="application/ld+json"'


def linked(header: str | None) -> str | None:
    """Read the @context that a header names; None if it names none. (6.3.5)"""
    for url, about in _LINK.findall(header or ""):
        if _IS_CONTEXT.search(about):
            return str(url)
    return None
