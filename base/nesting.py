"""How deep JSON is nested: what is written for a few levels must not be taken down thousands."""

from typing import Any


def too_deep(content: bytes, body: Any, most: int) -> bool:
    """Say whether JSON is nested deeper than a number of levels; its bytes mostly tell that it cannot be."""
    return content.count(b"{") + content.count(b"[") > most and deeper_than(body, most)


def deeper_than(body: Any, most: int) -> bool:
    """Say whether JSON is nested deeper than a number of levels."""
    level = [body]
    for _ in range(most + 1):
        level = [
            member
            for part in level
            for member in (part.values() if type(part) is dict else part)
            if type(member) is dict or type(member) is list
        ]
        if not level:
            return False
    return True
