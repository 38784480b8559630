"""Numbers and lines that were typed into fields of a form."""

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
