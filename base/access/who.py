"""Whom a rule of a policy means: kinds of callers, their names and roles, with * for any text. (docs/access.md)"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from base.access.caller import Caller

NAMED: Final = ("key", "token", "certificate")
_PLAIN: Final[dict[str, Callable[[Caller], bool]]] = {
    "anyone": lambda _: True,
    "anonymous": lambda caller: caller.kind == "anonymous",
    "authenticated": lambda caller: caller.kind != "anonymous",
}


@dataclass(frozen=True, slots=True)
class Who:
    """One way to name callers: `text` as it stands in the policy."""

    text: str

    def __post_init__(self) -> None:
        kind, colon, name = self.text.partition(":")
        if self.text not in _PLAIN and not (colon and name and kind in (*NAMED, "role")):
            raise ValueError(
                f"'{self.text[:60]}' names nobody; write anyone, anonymous, authenticated, "
                "key:NAME, token:NAME, certificate:NAME or role:NAME"
            )

    def means(self, caller: Caller) -> bool:
        """Say whether this is the caller."""
        if self.text in _PLAIN:
            return _PLAIN[self.text](caller)
        kind, _, name = self.text.partition(":")
        if kind == "role":
            return any(fits(name, role) for role in caller.roles)
        return caller.kind == kind and fits(name, caller.name)


def fits(pattern: str, text: str) -> bool:
    """Say whether a text is what a pattern says; * stands for any characters, everything else for itself."""
    return _compiled(pattern).fullmatch(text) is not None


@lru_cache(4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, re.sub(r"\*+", "*", pattern).split("*"))), re.DOTALL)
