"""Regular expressions that cannot stall the broker: RE2, of bounded length, memory and number. (4.9, 5.2.8)"""

from collections.abc import Callable
from functools import lru_cache

import re2

from base.errors import BadRequestData, TooComplexQuery

LONGEST = 1_000
_MEMORY = 1 << 20


def check(expression: str, what: str) -> str:
    """Give back an expression that can be used; BadRequestData says why it cannot. (4.9, 5.7.2.4)"""
    if len(expression) > LONGEST:
        raise TooComplexQuery(f"{what}: a pattern has at most {LONGEST} characters; use a shorter one.")
    try:
        searcher(expression)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise BadRequestData(
            f"{what}: this broker cannot use the pattern ({reason[:100]}); write it in RE2's syntax."
        ) from None
    except UnicodeEncodeError:
        raise BadRequestData(f"{what}: the pattern is not Unicode text; send it in UTF-8.") from None
    return expression


@lru_cache(maxsize=256)
def searcher(expression: str) -> Callable[[str], bool]:
    """Make a function that says whether a text contains a match."""
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEMORY
    search = re2.compile(expression, options).search

    def found(text: str) -> bool:
        return search(text.encode()) is not None

    return found
