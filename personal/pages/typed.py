"""What was typed into fields of a form: numbers, lines of pairs, JSON."""

from typing import Any

import orjson

from base.errors import BadRequestData
from personal.pages.visitor import Visitor


def whole(visitor: Visitor, name: str) -> int:
    """Read a whole number."""
    text = visitor.given(name)
    if not text.isascii() or not text.isdigit() or len(text) > 5:
        raise BadRequestData(f"{name} must be a whole number.")
    return int(text)


def pairs(visitor: Visitor, name: str) -> dict[str, str]:
    """Read lines of two names parted by =."""
    found = {}
    for line in visitor.given(name).splitlines():
        one, mark, other = (part.strip() for part in line.partition("="))
        if not mark and one:
            raise BadRequestData("Each line names a service there and one here, parted by =.")
        if one:
            found[one] = other
    return found


def json_of(visitor: Visitor, name: str, empty: str = "") -> Any:
    """Read JSON that was typed or pasted in; empty: what stands for nothing."""
    try:
        return orjson.loads(visitor.given(name) or empty)
    except orjson.JSONDecodeError:
        raise BadRequestData(f"{name} is no JSON.") from None
