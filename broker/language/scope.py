"""The Scope Query Language. (4.19)"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from base.errors import BadRequestData, TooComplexQuery
from broker.language.types import MOST_TERMS, split_alternatives

ANY_LEVEL = "+"
_LEVEL = re.compile(r"(?:[^\W\d_]\w*|\+)\Z")


@dataclass(frozen=True, slots=True)
class ScopePattern:
    """A scope by its levels, '+' for any one level; `below` takes the whole tree under it as well. (4.19)

    No levels and `below` is '/#': any scope at all.
    """

    levels: tuple[str, ...]
    below: bool = False

    @property
    def literal(self) -> bool:
        """Say whether no '+' occurs, so that the scope can be compared as text."""
        return ANY_LEVEL not in self.levels

    @property
    def path(self) -> str:
        """Write the levels as a scope: /Madrid/Gardens."""
        return "".join("/" + level for level in self.levels)


@dataclass(frozen=True, slots=True)
class ScopeQuery:
    """The scopes wanted: any of the alternatives, each a conjunction of patterns. (4.19)"""

    alternatives: tuple[tuple[ScopePattern, ...], ...]


def parse(text: str, most_terms: int = MOST_TERMS) -> ScopeQuery:
    """Read a scope query; BadRequestData says where it is wrong. (4.19)"""
    alternatives = split_alternatives(text, "scope query")
    if sum(map(len, alternatives)) > most_terms:
        raise TooComplexQuery(f"The scope query has more than {most_terms} scopes; ask for fewer at once.")
    return ScopeQuery(tuple(tuple(map(_pattern, patterns)) for patterns in alternatives))


def matches(query: ScopeQuery, scopes: Any) -> bool:
    """Say whether an entity with these scopes (a text, a list, None) is wanted. (4.19)"""
    if not scopes:
        return False
    paths = [_levels(s) for s in ([scopes] if isinstance(scopes, str) else scopes) if isinstance(s, str)]
    return any(
        all(any(_fits(pattern, path) for path in paths) for pattern in patterns)
        for patterns in query.alternatives
    )


def _pattern(text: str) -> ScopePattern:
    below = text.endswith("/#")
    levels = _levels(text[:-2] if below else text)
    if not all(_LEVEL.match(level) for level in levels) or not (levels or below):
        raise BadRequestData(
            f"'{text[:60]}' in the scope query is not a scope; write /Level/Level, '+' for any level, "
            "'/#' at the end for all below."
        )
    return ScopePattern(levels, below)


def _levels(scope: str) -> tuple[str, ...]:
    scope = scope.removeprefix("/")
    return tuple(scope.split("/")) if scope else ()


def _fits(pattern: ScopePattern, path: Sequence[str]) -> bool:
    levels = pattern.levels
    if len(path) < len(levels) or (len(path) > len(levels) and not pattern.below):
        return False
    return all(level in (ANY_LEVEL, given) for level, given in zip(levels, path, strict=False))
